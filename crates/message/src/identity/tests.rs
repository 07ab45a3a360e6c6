use super::*;
use proptest::prelude::*;

fn claim(sender: &str, seconds: i64, text: &str) -> Claim {
    let all = format!("{sender}{seconds}{text}");
    Claim {
        sender: Some(sender.to_owned()),
        date: Some(Timestamp::from_seconds(seconds)),
        has_message_id: true,
        is_guess: false,
        text_digest: text_digest(text),
        raw_digest: raw_digest(all.as_bytes()),
    }
}

fn check(shared: SharedKey, a: &Claim, b: &Claim, expect: Sameness) {
    assert_eq!(same_mail(shared, a, b), expect, "{a:?} {b:?}");
    assert_eq!(same_mail(shared, b, a), expect, "{b:?} {a:?}");
}

#[test]
fn under_one_message_id_two_of_three_must_agree() {
    let check = |a: &Claim, b: &Claim, expect: Sameness| check(SharedKey::MessageId, a, b, expect);
    let mail = claim("a@x", 1, "hello");
    check(&mail, &mail, Sameness::Same);
    check(&mail, &claim("a@x", 2, "hello"), Sameness::Same);
    check(&mail, &claim("b@x", 1, " hello "), Sameness::Same);
    check(&mail, &claim("b@x", 2, "hello"), Sameness::Different);
    check(&mail, &claim("a@x", 2, "other"), Sameness::Different);
    check(&mail, &claim("b@x", 1, "other"), Sameness::Different);
    let bare = Claim { sender: None, date: None, ..claim("a@x", 1, "hello") };
    check(&bare, &Claim { raw_digest: [7; 32], ..bare.clone() }, Sameness::Different);
}

#[test]
fn another_text_under_one_id_is_told() {
    let check = |a: &Claim, b: &Claim, expect: Sameness| check(SharedKey::MessageId, a, b, expect);
    let mail = claim("a@x", 1, "hello");
    check(&mail, &claim("a@x", 1, "hello [footer]"), Sameness::SameButOtherText);
    check(&mail, &claim("a@x", 1, "send the money elsewhere"), Sameness::SameButOtherText);
    let same_bytes = Claim { raw_digest: mail.raw_digest, ..claim("a@x", 1, "other") };
    check(&mail, &same_bytes, Sameness::Same);
}

#[test]
fn a_text_that_is_empty_or_unknown_says_nothing() {
    let check = |a: &Claim, b: &Claim, expect: Sameness| check(SharedKey::MessageId, a, b, expect);
    let mail = claim("a@x", 1, "hello");
    for text_digest in [text_digest(" "), [0; 16]] {
        let silent = |sender: &str, seconds: i64, byte: u8| Claim {
            text_digest,
            raw_digest: [byte; 32],
            ..claim(sender, seconds, "")
        };
        check(&mail, &silent("a@x", 1, 1), Sameness::Same);
        check(&silent("a@x", 1, 1), &silent("a@x", 1, 2), Sameness::Same);
        check(&mail, &silent("a@x", 2, 1), Sameness::Different);
        check(&silent("a@x", 1, 1), &silent("a@x", 2, 2), Sameness::Different);
    }
}

#[test]
fn under_one_content_key_a_side_lacks_its_id_and_the_text_agrees() {
    let check = |a: &Claim, b: &Claim, expect: Sameness| check(SharedKey::Content, a, b, expect);
    let mail = claim("a@x", 1, "hello");
    let stripped = Claim { has_message_id: false, raw_digest: [7; 32], ..mail.clone() };
    check(&mail, &stripped, Sameness::Same);
    check(&stripped, &Claim { raw_digest: [8; 32], ..stripped.clone() }, Sameness::Same);
    check(&mail, &Claim { raw_digest: [7; 32], ..mail.clone() }, Sameness::Different);
    let other = Claim { text_digest: text_digest("other"), ..stripped.clone() };
    check(&other, &mail, Sameness::Different);
    let empty = Claim { text_digest: text_digest(""), ..stripped };
    check(&empty, &Claim { raw_digest: [9; 32], ..empty.clone() }, Sameness::Different);
}

#[test]
fn keys_of_different_kinds_differ() {
    let id = MessageId::parse("a@x").unwrap();
    let from = EmailAddress::parse("a@x").unwrap();
    let keys =
        [message_key(&id), text_digest("a@x"), raw_key(&[0; 32]), content_key(&from, Timestamp(0), "s")];
    for (at, key) in keys.iter().enumerate() {
        assert!(!keys[at + 1..].contains(key));
    }
    let upper = EmailAddress::parse("A@X").unwrap();
    assert_eq!(content_key(&from, Timestamp(1), "s"), content_key(&upper, Timestamp(999), "s"));
    assert_ne!(content_key(&from, Timestamp(1), "s"), content_key(&from, Timestamp(1000), "s"));
}

#[test]
fn content_keys_are_in_the_order_of_their_dates() {
    let key = |address: &str, seconds: i64, subject: &str| {
        content_key(&EmailAddress::parse(address).unwrap(), Timestamp::from_seconds(seconds), subject)
    };
    let (before, at, behind) = (1_780_000_000, 1_780_000_001, 1_780_000_002);
    for (subject, other) in [("a", "b"), ("b", "a"), ("offer 7", "offer 8")] {
        assert!(key("z@x", before, subject) < key("a@x", at, other));
        assert!(key("z@x", at, other) < key("a@x", behind, subject));
        assert_ne!(key("a@x", at, subject), key("a@x", at, other));
    }
    // Dates that no clock shows have keys as well.
    assert_ne!(key("a@x", i64::MIN / 1000, "s"), key("a@x", i64::MAX / 1000, "s"));
}

/// What a mail says that has a text and these parts, each of a type, an encoding and a body.
fn content(text: &str, parts: &[(&str, &str, &str)]) -> [u8; 16] {
    let mut raw = format!("A: 1\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n{text}\n");
    for (mimetype, encoding, body) in parts {
        raw.push_str(&format!("--b\nContent-Type: {mimetype}; name=f\n"));
        raw.push_str(&format!("Content-Transfer-Encoding: {encoding}\n\n{body}\n"));
    }
    raw.push_str("--b--\n");
    let message = crate::read(raw.as_bytes()).unwrap();
    content_digest(&message, &message.text())
}

const PDF: (&str, &str, &str) = ("application/pdf", "base64", "JVBERi0xLjcK");

#[test]
fn a_mail_without_text_is_told_by_its_attachments() {
    let scan = content(" \u{200b}", &[PDF]);
    assert_ne!(scan, text_digest(""));
    assert_eq!(scan, content("", &[("application/pdf", "quoted-printable", "%PDF-1.=\n7=0A")]));
    assert_eq!(scan, content("", &[("application/x-pdf", "base64", "JVBE\nRi0x\nLjcK")]));
    assert_eq!(scan, content("", &[PDF, ("image/png", "base64", "")]), "an empty file says nothing");
    let png = ("image/png", "base64", "aGVsbG8=");
    assert_ne!(scan, content("", &[png]));
    assert_ne!(content("", &[PDF, png]), content("", &[png, PDF]));
    assert_ne!(content("", &[PDF, PDF]), scan);
}

#[test]
fn a_file_of_text_is_the_same_with_other_line_ends() {
    let csv = |encoding, body| content("", &[("text/csv", encoding, body)]);
    assert_eq!(csv("7bit", "a;b\r\n1;2"), csv("base64", "YTtiCjE7Mgo="));
    assert_ne!(csv("7bit", "a;b\r\n1;2"), csv("7bit", "a;b\r\n1;3"));
}

#[test]
fn the_text_counts_before_the_attachments() {
    assert_eq!(content("hello", &[PDF]), text_digest("hello"));
    assert_eq!(content(" ", &[]), text_digest(""));
}

fn encoded(text: &str, encoding: &str) -> Vec<u8> {
    let body = match encoding {
        "base64" => base64(text.as_bytes()),
        "quoted-printable" => text
            .bytes()
            .enumerate()
            .map(|(i, byte)| format!("{}={byte:02X}", if i % 20 == 19 { "=\r\n" } else { "" }))
            .collect(),
        _ => text.to_owned(),
    };
    let head = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: ";
    format!("{head}{encoding}\r\n\r\n{body}").into_bytes()
}

fn base64(bytes: &[u8]) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = alphabet[(group >> (18 - 6 * i) & 63) as usize] as char;
            out.push(if i <= chunk.len() { digit } else { '=' });
        }
    }
    out
}

proptest! {
    #[test]
    fn the_text_digest_survives_another_encoding(text in "[a-zäöü€ =.\n]{0,120}") {
        let digest = |encoding: &str| text_digest(&crate::read(&encoded(&text, encoding)).unwrap().text());
        prop_assert_eq!(digest("8bit"), text_digest(&text));
        prop_assert_eq!(digest("base64"), text_digest(&text));
        prop_assert_eq!(digest("quoted-printable"), text_digest(&text));
    }

    #[test]
    fn normalizing_twice_changes_nothing(text in "[a-z \u{200b}\u{a0}\r\n\t]{0,60}") {
        let once = normalized(&text);
        prop_assert_eq!(normalized(&once), once.clone());
        prop_assert_eq!(text_digest(&format!("\n {text} \r\n")), text_digest(&once));
    }
}

#[test]
fn a_quotation_is_the_mail_it_quotes_where_author_and_clock_agree() {
    let guess = |seconds: i64, text: &str| Claim {
        is_guess: true,
        has_message_id: false,
        ..claim("a@x", seconds, text)
    };
    let mail = claim("a@x", 7_230, "hello");
    let minute = |zone: i64| guess(7_200 + zone * 3600, "hello");
    for zone in [-12, -5, 0, 1, 13] {
        check(SharedKey::Quoted, &minute(zone), &mail, Sameness::Same);
    }
    check(SharedKey::Quoted, &guess(7_200 + 60, "hello"), &mail, Sameness::Same);
    check(SharedKey::Quoted, &guess(7_200 + 300, "hello"), &mail, Sameness::Different);
    check(SharedKey::Quoted, &guess(7_200 + 48 * 3600, "hello"), &mail, Sameness::Different);
    check(SharedKey::Quoted, &guess(7_200, "hello there"), &mail, Sameness::Different);
    check(SharedKey::Quoted, &Claim { date: None, ..minute(0) }, &mail, Sameness::Different);
    let another = |hours| Claim { raw_digest: [2; 32], ..minute(hours) };
    check(SharedKey::Quoted, &another(0), &minute(0), Sameness::Same);
    check(SharedKey::Quoted, &another(1), &minute(0), Sameness::Different);
    check(
        SharedKey::Quoted,
        &claim("a@x", 7_230, "hello"),
        &Claim { raw_digest: [1; 32], ..mail.clone() },
        Sameness::Different,
    );
}

#[test]
fn under_one_id_neither_a_quotation_nor_a_mail_stands_in_for_another_text() {
    let mail = claim("a@x", 7_230, "hello");
    let guess = |sender: &str, text: &str| Claim { is_guess: true, date: None, ..claim(sender, 0, text) };
    let same = |new: &Claim, here: &Claim| same_mail(SharedKey::MessageId, new, here);
    assert_eq!(same(&guess("a@x", "hello"), &mail), Sameness::Same);
    assert_eq!(same(&mail, &guess("a@x", "hello")), Sameness::Same);
    assert_eq!(same(&guess("a@x", "other"), &mail), Sameness::Different);
    assert_eq!(same(&guess("a@x", "other"), &guess("a@x", "hello")), Sameness::Different);
    assert_eq!(same(&mail, &guess("a@x", "other")), Sameness::Different);
    assert_eq!(same(&guess("b@x", "hello"), &mail), Sameness::Different);
}
