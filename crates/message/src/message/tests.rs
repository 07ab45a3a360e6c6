use super::*;

fn text(raw: &str) -> String {
    read(raw.as_bytes()).unwrap().text().trim().to_owned()
}

fn alternative(children: &str) -> String {
    format!("From: a@x.test\nContent-Type: multipart/alternative; boundary=b\n\n{children}--b--\n")
}

#[test]
fn the_plain_form_is_the_text() {
    assert_eq!(text("From: a@x.test\n\nhello"), "hello");
    assert_eq!(text("From: a@x.test\nContent-Transfer-Encoding: base64\n\nesO2ZQ=="), "zöe");
    assert_eq!(text("From: a@x.test\nContent-Type: text/html\n\n<p>hello <b>you</b></p>"), "hello you");
    let styled = "From: a@x.test\nContent-Type: text/html\n\n<style type=text/css>p {}</style><p>hello";
    assert_eq!(text(styled), "hello");
    let both = "--b\n\nplain\n--b\nContent-Type: text/html\n\n<i>rich</i>\n";
    assert_eq!(text(&alternative(both)), "plain");
    let empty_plain = "--b\n\n \n--b\nContent-Type: text/html\n\n<i>rich</i>\n";
    assert_eq!(text(&alternative(empty_plain)), "rich");
    let html_only = "--b\nContent-Type: text/html\n\n<i>rich</i>\n--b\nContent-Type: text/calendar\n\nX\n";
    assert_eq!(text(&alternative(html_only)), "rich");
}

#[test]
fn files_and_attached_messages_are_not_in_the_text() {
    let raw = "From: a@x.test\nContent-Type: multipart/mixed; boundary=b\n\n\
        --b\n\nfirst\n\
        --b\nContent-Disposition: attachment; filename=a.txt\n\nfile\n\
        --b\nContent-Type: text/plain; name=b.txt\n\nfile\n\
        --b\nContent-Type: message/rfc822\n\nFrom: b@x.test\n\ninner\n\
        --b\n\nlast\n--b--\n";
    assert_eq!(text(raw), "first\nlast");
    assert_eq!(read(raw.as_bytes()).unwrap().attached().len(), 3);
}

#[test]
fn what_is_no_message_is_told() {
    let check = |raw: &[u8], expect: Unreadable| assert_eq!(read(raw).err(), Some(expect), "{raw:?}");
    check(b"", Unreadable::Empty);
    check(b"\r\n\r\n", Unreadable::Empty);
    check(b"hello world\r\n", Unreadable::NotAMessage);
    check(b">From - Mon Nov 23\r\nhello\r\n", Unreadable::NotAMessage);
    let long = format!("A: {}\n\n", "x".repeat(limits::HEADER_BYTES_MAX));
    check(long.as_bytes(), Unreadable::HeaderTooLong);
    let fits = format!("A: {}\n\n", "x".repeat(limits::HEADER_BYTES_MAX - 5));
    assert!(read(fits.as_bytes()).is_ok());
}

#[test]
fn text_is_cut_at_its_limit() {
    let raw = format!("A: 1\n\n{}", "ö".repeat(limits::TEXT_BYTES_MAX));
    assert_eq!(read(raw.as_bytes()).unwrap().text().len(), limits::TEXT_BYTES_MAX);
}
