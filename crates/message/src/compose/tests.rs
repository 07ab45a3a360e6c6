use model::EmailAddress;

use super::*;

fn mailbox(name: &str, address: &str) -> Mailbox {
    let name = Some(name.to_owned()).filter(|name| !name.is_empty());
    Mailbox { name, address: EmailAddress::parse(address).unwrap() }
}

fn id(text: &str) -> MessageId {
    MessageId::parse(text).unwrap()
}

fn written(subject: &str, text: &str, names: [&str; 2]) -> Vec<u8> {
    let own = id("01.a@contoso.test");
    let (from, to) = (mailbox(names[0], "jane@contoso.test"), [mailbox(names[1], "zoe@fabrikam.test")]);
    let letter = Letter {
        message_id: &own,
        date: Timestamp::from_seconds(1_700_000_000),
        from: &from,
        to: &to,
        cc: &[],
        bcc: &[],
        subject,
        text,
        in_reply_to: None,
        references: &[],
    };
    compose(&letter)
}

fn has_bare_line_ends(raw: &[u8]) -> bool {
    let before = |at: usize| at.checked_sub(1).and_then(|at| raw.get(at));
    raw.iter().enumerate().any(|(at, byte)| match byte {
        b'\n' => before(at) != Some(&b'\r'),
        b'\r' => raw.get(at + 1) != Some(&b'\n'),
        _ => false,
    })
}

#[test]
fn what_is_written_is_read_again() {
    let text = "Grüße aus Zürich.\nZweite Zeile\r\n.\rDritte — ".to_owned() + &"lang ".repeat(300);
    let raw = written("Angebot für Zoë: 50 % Rabatt?", &text, ["Jane Müller", "Zoë, \"the\" Ng"]);
    assert!(!has_bare_line_ends(&raw));
    assert!(raw.is_ascii() && raw.split(|byte| *byte == b'\n').all(|line| line.len() <= 998));
    let message = crate::read(&raw).unwrap();
    let header = message.header();
    assert_eq!(header.subject, "Angebot für Zoë: 50 % Rabatt?");
    assert_eq!(header.from[0].name.as_deref(), Some("Jane Müller"));
    assert_eq!(header.to[0].name.as_deref(), Some("Zoë, \"the\" Ng"));
    assert_eq!(header.to[0].address.as_str(), "zoe@fabrikam.test");
    assert_eq!(header.date, Some(Timestamp::from_seconds(1_700_000_000)));
    assert_eq!(header.message_id, Some(id("01.a@contoso.test")));
    let read = message.text();
    for piece in ["Grüße aus Zürich.", "Zweite Zeile", "Dritte — lang lang"] {
        assert!(read.contains(piece), "{piece}: {read}");
    }
}

#[test]
fn nothing_in_a_name_or_a_subject_becomes_a_field() {
    let evil = "Hi\r\nBcc: all@evil.test\r\n\r\nbody\n.\r\nMAIL FROM:<x@y.test>\0\u{b}";
    let raw = written(evil, "text", [evil, evil]);
    assert!(!has_bare_line_ends(&raw));
    let header = crate::read_header(&raw).unwrap();
    assert!(header.bcc.is_empty());
    assert_eq!((header.from.len(), header.to.len()), (1, 1));
    assert_eq!(header.from[0].address.as_str(), "jane@contoso.test");
    assert!(header.subject.starts_with("Hi  Bcc: all@evil.test"), "{}", header.subject);
    assert_eq!(crate::read(&raw).unwrap().text().trim(), "text");
}

#[test]
fn blind_recipients_do_not_travel() {
    let own = id("02@contoso.test");
    let from = mailbox("", "jane@contoso.test");
    let seen = [mailbox("", "zoe@fabrikam.test")];
    let blind: Vec<Mailbox> =
        (0..20).map(|n| mailbox("Blind Name", &format!("blind{n}@fabrikam.test"))).collect();
    let letter = Letter {
        message_id: &own,
        date: Timestamp::from_seconds(1_700_000_000),
        from: &from,
        to: &seen,
        cc: &[],
        bcc: &blind,
        subject: "Subject",
        text: "Bcc: stays\r\n bcc: stays too",
        in_reply_to: Some(&own),
        references: std::slice::from_ref(&own),
    };
    let raw = compose(&letter);
    assert_eq!(crate::read_header(&raw).unwrap().bcc.len(), 20);
    let travels = for_transport(&raw);
    assert!(!String::from_utf8_lossy(&travels).contains("blind"));
    assert_eq!(crate::read_header(&travels).unwrap().to.len(), 1);
    let (kept, sent) = (crate::read(&raw).unwrap(), crate::read(&travels).unwrap());
    let sent = sent.text();
    assert_eq!(kept.text(), sent);
    assert!(sent.contains("Bcc: stays") && sent.contains("bcc: stays too"));
    assert!(matches!(for_transport(&travels), Cow::Borrowed(_)));
}

#[test]
fn a_long_conversation_names_its_first_ids_and_its_last_ones() {
    let ids: Vec<MessageId> = (0..200).map(|number| id(&format!("{number}@x.test"))).collect();
    let kept = shortened(&ids);
    assert_eq!(kept.len(), limits::COMPOSED_REFERENCES_MAX);
    assert_eq!((kept.first(), kept.last()), (Some(&"0@x.test"), Some(&"199@x.test")));
    assert_eq!(shortened(&ids[..3]), ["0@x.test", "1@x.test", "2@x.test"]);
    assert!(shortened(&[]).is_empty());
}
