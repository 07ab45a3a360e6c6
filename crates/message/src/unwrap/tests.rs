use super::*;

const BOB: &str = "From: bob@customer.test\nMessage-ID: <b@customer.test>\n\nhello\n";
const ZOE: &str = "From: zoe@customer.test\nMessage-ID: <z@customer.test>\n\nhi\n";

fn attach(inner: &str) -> String {
    format!("--b\nContent-Type: message/rfc822\n\n{inner}\n")
}

fn forward(parts: &str) -> String {
    format!("From: us@x.test\nContent-Type: multipart/mixed; boundary=b\n\n{parts}--b--\n")
}

/// Writes each original as method, depth and the first line of it.
fn check(raw: &str, eligible: bool, expect: &[&str]) {
    let message = crate::read(raw.as_bytes()).unwrap();
    let unwrapped = originals(&message, eligible).unwrap();
    let found: Vec<String> = unwrapped
        .originals
        .iter()
        .map(|original| {
            let text = String::from_utf8_lossy(&original.raw);
            let first = text.lines().next().unwrap_or_default();
            format!("{} {} {first}", original.method.name(), original.depth)
        })
        .collect();
    assert_eq!(found, expect, "{raw}");
    assert_eq!(unwrapped.outer_is_original, found.last().is_some_and(|last| last.contains(" 0 ")), "{raw}");
}

#[test]
fn a_mail_that_carries_none_is_its_own_original() {
    check(BOB, true, &["direct 0 From: bob@customer.test"]);
    check(
        "Resent-From: us@x.test\nFrom: bob@customer.test\n\nhello",
        false,
        &["redirected 0 Resent-From: us@x.test"],
    );
}

#[test]
fn attached_mails_are_originals_when_eligible() {
    let two = forward(&format!("--b\n\nsee below\n{}{}", attach(BOB), attach(ZOE)));
    check(&two, true, &["attached 1 From: bob@customer.test", "attached 1 From: zoe@customer.test"]);
    check(&two, false, &["direct 0 From: us@x.test"]);
    let message = crate::read(two.as_bytes()).unwrap();
    let unwrapped = originals(&message, true).unwrap();
    assert_eq!(unwrapped.originals[0].raw, BOB.as_bytes(), "byte for byte");
    assert_eq!(originals(&message, false).unwrap().inner_seen, 2);
    check(
        &format!("From: us@x.test\nContent-Type: message/rfc822\n\n{BOB}"),
        true,
        &["attached 1 From: bob@customer.test"],
    );
    let digest = format!(
        "From: us@x.test\nContent-Type: multipart/digest; boundary=d\n\n--d\n\n{BOB}\n--d\n\n{ZOE}\n--d--\n"
    );
    check(&digest, true, &["attached 1 From: bob@customer.test", "attached 1 From: zoe@customer.test"]);
}

#[test]
fn a_report_is_never_opened() {
    let report = forward(&attach(BOB)).replace("multipart/mixed", "multipart/report");
    check(&report, true, &["direct 0 From: us@x.test"]);
    check(
        &forward(&attach(&report.replace("=b", "=r").replace("--b", "--r"))),
        true,
        &["attached 1 From: us@x.test"],
    );
}

#[test]
fn only_mere_wrappers_of_the_author_are_opened_further() {
    let wrapper = |from: &str| format!("{from}Content-Type: message/rfc822\n\n{BOB}");
    let own = forward(&attach(&wrapper("From: Me <US@X.test>\n")));
    check(&own, true, &["attached 2 From: bob@customer.test"]);
    // Anybody may have written our name on the inner wrapper.
    let message = crate::read(own.as_bytes()).unwrap();
    assert!(originals(&message, true).unwrap().originals[0].is_guess);
    let plain = forward(&attach(BOB));
    let message = crate::read(plain.as_bytes()).unwrap();
    assert!(!originals(&message, true).unwrap().originals[0].is_guess);
    check(&own.replace("From: us@x.test\n", ""), true, &["attached 1 From: Me <US@X.test>"]);
    let says = forward(&format!("--b\n\nlook\n{}", attach(BOB))).replace("=b", "=c").replace("--b", "--c");
    check(&forward(&attach(&says)), true, &["attached 1 From: us@x.test"]);
    for stranger in ["From: zoe@customer.test\n", "From: zoe@evil.test\nSender: us@x.test\n"] {
        let first = stranger.lines().next().unwrap();
        check(&forward(&attach(&wrapper(stranger))), true, &[&format!("attached 1 {first}")]);
    }
    check(&forward(&attach(&wrapper(""))), true, &["attached 1 Content-Type: message/rfc822"]);
}

#[test]
fn the_empty_mail_of_a_stranger_keeps_its_attachment() {
    let empty = forward(&attach(BOB)).replace("us@x.test", "eve@evil.test").replace("=b", "=c");
    let raw = forward(&attach(&empty.replace("--b", "--c")));
    let message = crate::read(raw.as_bytes()).unwrap();
    let unwrapped = originals(&message, true).unwrap();
    let [original] = unwrapped.originals.as_slice() else { panic!("{unwrapped:?}") };
    let original = crate::read(&original.raw).unwrap();
    assert_eq!(author(&original).as_deref(), Some("eve@evil.test"));
    assert_eq!(original.attachments().len(), 1);
    // Between two wrappers of the author, the mail of another ends the opening.
    let wrap = |from: &str, inner: &str| format!("From: {from}\nContent-Type: message/rfc822\n\n{inner}");
    let chain = wrap("us@x.test", &wrap("us@x.test", &wrap("eve@evil.test", &wrap("us@x.test", BOB))));
    check(&chain, true, &["attached 2 From: eve@evil.test"]);
}

#[test]
fn an_encoded_message_is_decoded() {
    let part = "--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nRnJvbTogYm9iQHgudGVzdAoKaGk=\n";
    check(&forward(part), true, &["attached 1 From: bob@x.test"]);
}

#[test]
fn a_line_of_an_mbox_before_the_header_is_passed_over() {
    for line in [">From - Mon Nov 23 09:15:00 2026\n", "From bob@customer.test Mon Nov 23 09:15:00 2026\n\n"]
    {
        let unwrapped = forward(&attach(&format!("{line}{BOB}")));
        check(&unwrapped, true, &["attached 1 From: bob@customer.test"]);
    }
}

#[test]
fn a_file_that_holds_a_message_is_one() {
    let whole = format!("Subject: Hello\nDate: Mon, 23 Nov 2026 09:15:00 +0100\n{BOB}");
    let file = |kind: &str, inner: &str| forward(&format!("--b\nContent-Type: {kind}\n\n{inner}\n"));
    let opened = &["attached 1 Subject: Hello"];
    check(&file("application/octet-stream; name=Hello.eml", &whole), true, opened);
    check(&file("application/octet-stream", &whole), true, opened);
    check(&file("message/global", &whole), true, opened);
    check(&file("text/plain; name=a.eml\nContent-Disposition: attachment", &whole), true, opened);
    let encoded = "Content-Transfer-Encoding: quoted-printable";
    check(&file(&format!("application/octet-stream; name=a.EML\n{encoded}"), &whole), true, opened);
    check(&file("application/octet-stream", &whole), false, &["direct 0 From: us@x.test"]);
    for other in ["From: only an author\n\nhello", "{\"a\": 1}", "Subject: no author\nDate: x\n\nhello"] {
        check(&file("application/octet-stream; name=a.eml", other), true, &["direct 0 From: us@x.test"]);
    }
    check(&file("text/x-log; name=a.log", &whole), true, &["direct 0 From: us@x.test"]);
}

#[test]
fn what_cannot_be_opened_keeps_the_outer_mail() {
    let bad = attach("no header at all\n\nhello\n");
    check(&forward(&bad), true, &["direct 0 From: us@x.test"]);
    check(
        &forward(&format!("{}{bad}", attach(BOB))),
        true,
        &["attached 1 From: bob@customer.test", "direct 0 From: us@x.test"],
    );
}

const QUOTED: &str = "---------- Forwarded message ---------\nFrom: Zoe <zoe@customer.test>\nSubject: Doors\n\nGreen, please.\n";

#[test]
fn a_mail_forwarded_as_text_is_an_original_where_the_forward_is_opened() {
    let raw = format!("From: us@x.test\n\nFor the file.\n\n{QUOTED}");
    check(&raw, true, &["inline 1 From: \"Zoe\" <zoe@customer.test>"]);
    check(&raw, false, &["direct 0 From: us@x.test"]);
    check(
        &format!("Content-Type: multipart/report\n{raw}"),
        true,
        &["direct 0 Content-Type: multipart/report"],
    );
}

#[test]
fn a_mail_attached_to_a_quoted_one_is_an_attachment_of_it() {
    // Eve's mail with a mail "from" Zoe in it, forwarded as text: her attachment opens no mouth but hers.
    let eve = QUOTED.replace("Zoe <zoe@", "Eve <eve@");
    let raw = forward(&format!("--b\n\n{eve}{}", attach(ZOE)));
    let message = crate::read(raw.as_bytes()).unwrap();
    let unwrapped = originals(&message, true).unwrap();
    let [original] = unwrapped.originals.as_slice() else { panic!("{unwrapped:?}") };
    let original = crate::read(&original.raw).unwrap();
    assert_eq!(author(&original).as_deref(), Some("eve@customer.test"));
    assert_eq!(original.attachments().len(), 1);
}

#[test]
fn a_mail_attached_to_a_quotation_without_a_mark_or_a_readable_author_is_none_either() {
    let outlook =
        "From: Eve <eve@evil.test>\nSent: 23 November 2026 09:15\nTo: Jane\nSubject: Doors\n\nSee below.\n";
    let with = |text: &str| forward(&format!("--b\n\n{text}{}", attach(ZOE)));
    check(&with(outlook), true, &["inline 1 From: \"Eve\" <eve@evil.test>"]);
    // An author who cannot be told, a name that holds an address, and words in a language nobody here knows.
    let unknown = outlook.replace("From", "Saka").replace("Sent", "Naipadala").replace("Subject", "Pokus");
    for text in [
        outlook.replace(" <eve@evil.test>", ""),
        outlook.replace("Eve <", "Zoe <zoe@customer.test> <"),
        unknown.replace("To:", "Tatanggap:"),
        "On Monday, Eve <eve@evil.test> wrote:\n\n> See below.\n".to_owned(),
    ] {
        check(&with(&text), true, &["direct 0 From: us@x.test"]);
    }
    check(&with("Hello,\nas we said: it is here.\n"), true, &["attached 1 From: zoe@customer.test"]);
}

#[test]
fn number_and_depth_are_limited() {
    let unwrap =
        |raw: &str| originals(&crate::read(raw.as_bytes()).unwrap(), true).map(|u| u.originals.len());
    let many = |count: usize| forward(&attach(BOB).repeat(count));
    assert_eq!(unwrap(&many(limits::ORIGINALS_MAX)), Ok(limits::ORIGINALS_MAX));
    assert_eq!(unwrap(&many(limits::ORIGINALS_MAX + 1)), Err(UnwrapError::TooManyOriginals));
    let wrapper = "From: us@x.test\nContent-Type: message/rfc822\n\n";
    let nested = |depth: usize| format!("{}{BOB}", wrapper.repeat(depth));
    assert_eq!(unwrap(&nested(limits::MIME_DEPTH_MAX)), Ok(1));
    assert_eq!(unwrap(&nested(limits::MIME_DEPTH_MAX + 1)), Err(UnwrapError::TooDeep));
    assert_eq!(unwrap(&nested(100_000)), Err(UnwrapError::TooDeep));
}
