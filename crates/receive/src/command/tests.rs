use proptest::prelude::*;

use super::*;

fn parse(line: &str) -> Result<Command<'_>, Mistake> {
    Command::parse(line.as_bytes())
}

fn sender(path: &str) -> Option<String> {
    match Command::parse(format!("MAIL FROM:{path}\r\n").as_bytes()) {
        Ok(Command::Mail(from, _)) => Some(from.unwrap_or("null").to_owned()),
        _ => None,
    }
}

#[test]
fn verbs_are_read_in_any_case() {
    assert_eq!(parse("ehlo mail.example\r\n"), Ok(Command::Hello(Hello::Ehlo, "mail.example")));
    assert_eq!(parse("QUIT  \r\n"), Ok(Command::Quit));
    assert_eq!(parse("Mail From:<a@b>\r\n"), Ok(Command::Mail(Some("a@b"), Parameters::default())));
    assert_eq!(parse("NOOP whatever\r\n"), Ok(Command::Noop));
    assert_eq!(parse("DATA now\r\n"), Err(Mistake::Arguments("DATA")));
    assert_eq!(parse("EXPN all\r\n"), Err(Mistake::NotOffered));
    assert_eq!(parse("HELLO x\r\n"), Err(Mistake::Unknown));
    assert_eq!(parse("\r\n"), Err(Mistake::Unknown));
    assert!(matches!(parse("EHLO\r\n"), Err(Mistake::Arguments(_))));
}

#[test]
fn lines_must_be_lines() {
    assert_eq!(parse("NOOP\n"), Err(Mistake::BareLineFeed));
    assert_eq!(parse("NOOP\rRSET\r\n"), Err(Mistake::NotText));
    assert_eq!(parse("NOOP \0\r\n"), Err(Mistake::NotText));
    assert_eq!(Command::parse(b"NOOP \xff\r\n"), Err(Mistake::NotText));
}

#[test]
fn addresses_are_kept_as_written() {
    for path in [
        "a@b",
        "odd..dots.@b.example",
        "a/b=c@b",
        "\"a b\"@c",
        "\"a>\\\"@x\"@c",
        "a@[192.0.2.1]",
        "ä@ö.example",
    ] {
        assert_eq!(sender(&format!("<{path}>")).as_deref(), Some(path));
    }
    assert_eq!(sender("<@one,@two:a@b>").as_deref(), Some("a@b"));
    assert_eq!(sender(" <a@b>").as_deref(), Some("a@b"));
    assert_eq!(sender("<>").as_deref(), Some("null"));
}

/// No address, or one with two readings.
const ODD: [&str; 10] =
    ["root", "postmaster", "foo@bar@x.test", "\"a\"b@c", "\"@c", "o\"brien@c", "a@", "@b", "a@b..", "a,b@c"];

#[test]
fn a_sender_that_is_no_address_is_kept_as_text() {
    for path in ODD {
        assert_eq!(sender(&format!("<{path}>")).as_deref(), Some(path));
    }
    let with_size = Command::parse(b"MAIL FROM:<root> SIZE=7\r\n");
    let parameters = Parameters { size_bytes: Some(7), ..Parameters::default() };
    assert_eq!(with_size, Ok(Command::Mail(Some("root"), parameters)));
    let text = "a".repeat(limits::SENDER_TEXT_BYTES_MAX);
    assert_eq!(sender(&format!("<{text}>")), Some(text.clone()));
    assert_eq!(sender(&format!("<a{text}>")), None);
}

#[test]
fn a_sender_that_cannot_be_read_is_refused() {
    for path in
        ["<a b@c>", "<a@b", "a@b", "<a@b>x", "<a@b c>", "<<a@b>>", "<a\u{a0}b>", "<a\u{85}b>", "<\"a>b@c>"]
    {
        assert_eq!(sender(path), None, "{path}");
    }
    let long = format!("<{}@b>", "a".repeat(limits::ADDRESS_BYTES_MAX));
    assert_eq!(sender(&long), None);
}

#[test]
fn recipients_have_one_reading() {
    let recipient = |path: &str| {
        let line = format!("RCPT TO:{path}\r\n");
        Command::parse(line.as_bytes()).is_ok()
    };
    for path in ["<>", "<a b@c>", "<a@b", "a@b", "<a@b>x", "<<a@b>>"] {
        assert!(!recipient(path), "{path}");
    }
    for path in ODD.iter().filter(|path| !matches!(**path, "postmaster" | "a@b..")) {
        assert!(!recipient(&format!("<{path}>")), "{path}");
    }
    assert_eq!(parse("RCPT TO:<>\r\n"), Err(Mistake::Recipient));
    assert_eq!(parse("RCPT TO:<Postmaster>\r\n"), Ok(Command::Rcpt("Postmaster")));
}

#[test]
fn parameters_are_those_announced() {
    let all = Parameters { size_bytes: Some(500), body_8bit: true, smtputf8: true };
    assert_eq!(
        parse("MAIL FROM:<a@b> SIZE=500 body=8bitmime SMTPUTF8\r\n"),
        Ok(Command::Mail(Some("a@b"), all))
    );
    let huge = Parameters { size_bytes: Some(usize::MAX), ..Parameters::default() };
    let line = format!("MAIL FROM:<> SIZE={}\r\n", "9".repeat(40));
    assert_eq!(parse(&line), Ok(Command::Mail(None, huge)));
    for bad in ["SIZE=", "SIZE=-1", "SIZE", "SMTPUTF8=1"] {
        assert_eq!(parse(&format!("MAIL FROM:<a@b> {bad}\r\n")), Err(Mistake::ParameterValue), "{bad}");
    }
    for bad in ["RET=FULL", "ENVID=x", "BODY=BINARYMIME", "BODY", "AUTH", "AUTH=", "X", "="] {
        assert_eq!(parse(&format!("MAIL FROM:<a@b> {bad}\r\n")), Err(Mistake::Parameter), "{bad}");
    }
    assert_eq!(parse("RCPT TO:<a@b> NOTIFY=NEVER\r\n"), Err(Mistake::Parameter));
}

#[test]
fn chunks_say_how_many_bytes_follow() {
    let chunk = |bytes, is_last| Ok(Command::Bdat(Chunk { bytes, is_last }));
    assert_eq!(parse("BDAT 1000\r\n"), chunk(1000, false));
    assert_eq!(parse("bdat 0 last\r\n"), chunk(0, true));
    for bad in ["", " ", " x", " -1", " +1", " 1 2", " 1 LAST x", " 99999999999999999999"] {
        assert_eq!(parse(&format!("BDAT{bad}\r\n")), Err(Mistake::ChunkSize), "{bad}");
    }
}

#[test]
fn a_submitter_is_taken_and_a_proxy_header_is_not() {
    for parameter in ["AUTH=<>", "AUTH=anna+40customer.example"] {
        assert!(parse(&format!("MAIL FROM:<a@b> {parameter}\r\n")).is_ok(), "{parameter}");
    }
    assert_eq!(parse("AUTH PLAIN =\r\n"), Ok(Command::Auth("PLAIN", Some("="))));
    assert_eq!(parse("AUTH LOGIN\r\n"), Ok(Command::Auth("LOGIN", None)));
    for line in ["PROXY TCP4 192.0.2.7 198.51.100.1 1 25\r\n", "\0\r\n"] {
        assert_eq!(parse(line), Err(Mistake::ProxyHeader));
    }
}

proptest! {
    #[test]
    fn any_line_is_read_without_a_panic(
        line in "(MAIL FROM:|RCPT TO:|EHLO |)[<>@\"\\\\a-c :=ä.\\[\\]\\r]{0,30}\r\n",
    ) {
        let _ = parse(&line);
    }

    /// What both take, both read alike.
    #[test]
    fn agrees_with_smtp_proto(
        local in "[a-z0-9+_-]{1,9}(\\.[a-z]{1,5})?",
        domain in "[a-z0-9-]{1,9}\\.[a-z]{2,5}",
        size in 0usize..99_999,
    ) {
        let line = format!("MAIL FROM:<{local}@{domain}> SIZE={size} BODY=8BITMIME\r\n");
        let theirs = smtp_proto::Request::parse(&mut line.as_bytes().iter());
        let Ok(smtp_proto::Request::Mail { from }) = theirs else {
            return Err(TestCaseError::fail("smtp-proto refused it"));
        };
        let parameters = Parameters { size_bytes: Some(from.size), body_8bit: true, smtputf8: false };
        prop_assert_eq!(parse(&line), Ok(Command::Mail(Some(from.address.as_ref()), parameters)));
    }
}
