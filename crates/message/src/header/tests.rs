use super::*;

fn header(text: &str) -> Header {
    read_header(text.as_bytes()).unwrap()
}

#[test]
fn a_header_is_read_without_its_body() {
    let header = header(
        "Received: a\r\nReceived: b\r\n\
         From: =?utf-8?q?Zo=C3=AB?= <zoe@customer.test>\r\nSender: Office <office@customer.test>\r\n\
         To: a@x.test\r\nTo: b@x.test\r\nCc: Team: c@x.test;\r\n\
         Subject: Angebot =?utf-8?b?ZsO8cg==?=\r\n dich\r\nSubject: second\r\n\
         Date: Mon, 23 Nov 2026 09:15:00 +0100\r\nMessage-ID: <A@Customer.TEST>\r\n\
         In-Reply-To: Your mail <q@x.test>\r\nReferences: <p@x.test>\r\n <q@x.test> <p@x.test>\r\n\
         Delivered-To: u1@x.test\r\nX-Priority: 2 (High)\r\n",
    );
    assert_eq!(header.author().unwrap().name.as_deref(), Some("Zoë"));
    assert_eq!(header.sender.unwrap().address.as_str(), "office@customer.test");
    assert_eq!((header.to.len(), header.cc.len(), header.bcc.len()), (2, 1, 0));
    assert_eq!(header.subject, "Angebot für dich");
    assert_eq!(header.date, Some(Timestamp::from_seconds(1_795_421_700)));
    assert_eq!(header.message_id.unwrap().as_str(), "A@customer.test");
    assert_eq!(header.in_reply_to.len(), 1);
    assert_eq!(header.references.len(), 2);
    assert_eq!((header.priority, header.received_count), (HIGH, 2));
    assert_eq!(header.delivered_to, [EmailAddress::parse("u1@x.test").unwrap()]);
    assert!(!header.redirected);
}

#[test]
fn resent_and_redirected_mail_is_told() {
    assert!(header("Resent-From: a@x.test\r\nFrom: b@x.test\r\n").redirected);
    assert!(header("X-Sieve-Redirected-From: a@x.test\r\nFrom: b@x.test\r\n").redirected);
    assert!(!header("X-Sieve: Pigeonhole\r\nFrom: b@x.test\r\n").redirected);
}

#[test]
fn long_references_keep_their_ends() {
    let all: Vec<String> = (0..500).map(|i| format!("<{i}@x.test>")).collect();
    let header = header(&format!("References: {}\r\n", all.join("\r\n ")));
    assert_eq!(header.references.len(), limits::REFERENCES_MAX);
    assert_eq!(header.references.first().unwrap().as_str(), "0@x.test");
    assert_eq!(header.references.last().unwrap().as_str(), "499@x.test");
    let ids = |count: usize| message_ids(all[..count].join(" ").as_bytes()).len();
    assert_eq!((ids(60), ids(100), ids(101)), (60, 100, 100));
}

#[test]
fn ids_without_brackets_are_read() {
    let ids = |value: &str| message_ids(value.as_bytes()).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(ids("a@x.test, b@x.test"), ["a@x.test", "b@x.test"]);
    assert_eq!(ids("Your message of Monday"), [""; 0]);
    assert_eq!(ids("<a@x.test><b@x.test>"), ["a@x.test", "b@x.test"]);
}
