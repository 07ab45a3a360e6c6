use model::EmailAddress;
use proptest::prelude::*;

use super::*;
use crate::attachments;

fn mailbox(name: &str, address: &str) -> Mailbox {
    let name = Some(name.to_owned()).filter(|name| !name.is_empty());
    Mailbox { name, address: EmailAddress::parse(address).unwrap() }
}

fn id(text: &str) -> MessageId {
    MessageId::parse(text).unwrap()
}

const WHEN: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn written(subject: &str, text: &str, names: [&str; 2]) -> Vec<u8> {
    let own = id("01.a@contoso.test");
    let (from, to) = (mailbox(names[0], "jane@contoso.test"), [mailbox(names[1], "zoe@fabrikam.test")]);
    compose(&Letter { to: &to, subject, text, ..Letter::new(&own, WHEN, &from) })
}

/// A mail with HTML and files.
fn rich(text: &str, html: &str, attachments: &[Attached<'_>]) -> Vec<u8> {
    let own = id("01.a@contoso.test");
    let from = mailbox("Jane", "jane@contoso.test");
    compose(&Letter { text, html: Some(html), attachments, ..Letter::new(&own, WHEN, &from) })
}

fn file<'l>(name: &'l str, mimetype: &'l str, bytes: &'l [u8]) -> Attached<'l> {
    Attached { name, mimetype, content_id: None, bytes }
}

/// Names, types and bytes of what is attached, as a reader finds them.
fn files(raw: &[u8]) -> Vec<(String, String, Vec<u8>)> {
    let message = crate::read(raw).unwrap();
    let bytes = |row: &attachments::Attachment| {
        let encoded = &message.raw()[row.body_offset..row.body_offset + row.body_length];
        attachments::decode(encoded, row.encoding)
    };
    message.attachments().iter().map(|row| (row.filename.clone(), row.mimetype.clone(), bytes(row))).collect()
}

/// Every line of ASCII, ended by CRLF, and none too long.
fn is_plain(raw: &[u8]) -> bool {
    let before = |at: usize| at.checked_sub(1).and_then(|at| raw.get(at));
    let bare = raw.iter().enumerate().any(|(at, byte)| match byte {
        b'\n' => before(at) != Some(&b'\r'),
        b'\r' => raw.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    !bare && raw.is_ascii() && raw.split(|byte| *byte == b'\n').all(|line| line.len() <= 999)
}

fn field_names(raw: &[u8]) -> Vec<String> {
    let (_, section) = crate::message::section(raw).unwrap();
    section.fields.iter().map(|field| field.name.to_owned()).collect()
}

#[test]
fn what_is_written_is_read_again() {
    let text = "Grüße aus Zürich.\nZweite Zeile\r\n.\rDritte — ".to_owned() + &"lang ".repeat(300);
    let raw = written("Angebot für Zoë: 50 % Rabatt?", &text, ["Jane Müller", "Zoë, \"the\" Ng"]);
    assert!(is_plain(&raw));
    let message = crate::read(&raw).unwrap();
    let header = message.header();
    assert_eq!(header.subject, "Angebot für Zoë: 50 % Rabatt?");
    assert_eq!(header.from[0].name.as_deref(), Some("Jane Müller"));
    assert_eq!(header.to[0].name.as_deref(), Some("Zoë, \"the\" Ng"));
    assert_eq!(header.to[0].address.as_str(), "zoe@fabrikam.test");
    assert_eq!(header.date, Some(WHEN));
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
    assert!(is_plain(&raw));
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
        to: &seen,
        bcc: &blind,
        subject: "Subject",
        text: "Bcc: stays\r\n bcc: stays too",
        in_reply_to: Some(&own),
        references: std::slice::from_ref(&own),
        ..Letter::new(&own, WHEN, &from)
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
    let kept = fields::shortened(&ids);
    assert_eq!(kept.len(), model::limits::COMPOSED_REFERENCES_MAX);
    assert_eq!((kept.first(), kept.last()), (Some(&"0@x.test"), Some(&"199@x.test")));
    assert_eq!(fields::shortened(&ids[..3]), ["0@x.test", "1@x.test", "2@x.test"]);
    assert!(fields::shortened(&[]).is_empty());
}

#[test]
fn html_has_its_text_beside_it_and_brings_nothing_active() {
    let html = "<h1 onclick=x()>Offer</h1><p style=\"position:fixed;color:red\">50 <b>pallets</b><script>x()</script> \
                <a href=\"javascript:x()\">here</a> <img src=\"https://x.test/a.png\"><form action=/x><input></form>";
    let raw = rich("", html, &[]);
    assert!(is_plain(&raw));
    let message = crate::read(&raw).unwrap();
    let text = message.text();
    assert!(text.contains("Offer") && text.contains("50 pallets"), "{text}");
    let shown = crate::body::shown(
        &message,
        &crate::body::ShownOptions { remote_images: true, ..Default::default() },
    );
    assert!(
        shown.html.contains("<b>pallets</b>") && shown.html.contains("https://x.test/a.png"),
        "{}",
        shown.html
    );
    let source = String::from_utf8_lossy(&raw);
    for active in ["script", "onclick", "position", "form", "<input"] {
        assert!(!source.contains(active), "{active}: {source}");
    }
    assert!(message.attachments().is_empty());
    let given = rich("My own words", "<p>Other words</p>", &[]);
    assert_eq!(crate::read(&given).unwrap().text().trim(), "My own words");
}

#[test]
fn the_text_beside_html_says_what_is_quoted() {
    let html = "<p>Yes.</p><p>Zoe wrote:</p><blockquote style=\"x\">Fifty?<br>Or <b>sixty</b>?<BLOCKQUOTE><p>Our offer</p></BLOCKQUOTE>\
                Thanks</blockquote><p>Jane</p></blockquote>";
    let raw = rich("", html, &[]);
    let text = crate::read(&raw).unwrap().text().replace("\r\n", "\n");
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(
        lines,
        ["Yes.", "Zoe wrote:", "> Fifty?", "> Or sixty?", ">> Our offer", "> Thanks", "Jane"],
        "{text}"
    );
}

#[test]
fn pictures_stand_in_the_html_and_files_beside_it() {
    let picture = [0, 1, 2, 13, 10, 0xff];
    let logo = Attached { content_id: Some("my logo.png"), ..file("my logo.png", "image/png", &picture) };
    let html = "<p>Hi <img src=\"cid:my%20logo.png\"><img src=\"cid:other\"></p>";
    let raw = rich("", html, &[file("Preisliste für Zoë.pdf", "application/pdf", b"%PDF\r1\n"), logo]);
    assert!(is_plain(&raw));
    let message = crate::read(&raw).unwrap();
    let rows = message.attachments();
    let [inline, attached] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((inline.is_inline, inline.content_id.as_deref()), (true, Some("2.01.a@contoso.test")));
    assert_eq!((attached.is_inline, attached.filename.as_str()), (false, "Preisliste für Zoë.pdf"));
    let urls = [("2.01.a@contoso.test".to_owned(), "/picture".to_owned())].into();
    let shown =
        crate::body::shown(&message, &crate::body::ShownOptions { cid_urls: urls, remote_images: false });
    assert_eq!(shown.html.matches("/picture").count(), 1, "{}", shown.html);
    assert_eq!(files(&raw)[0].2, picture);
    assert_eq!(files(&raw)[1].2, b"%PDF\r1\n");
    let kinds: Vec<&str> = message.entities().iter().map(|entity| entity.mimetype.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "multipart/mixed",
            "multipart/alternative",
            "text/plain",
            "multipart/related",
            "text/html",
            "image/png",
            "application/pdf"
        ]
    );
    // What nothing shows is a file like others.
    let raw = rich("", "<p>Hi</p>", &[logo]);
    assert!(!crate::read(&raw).unwrap().attachments()[0].is_inline);
}

#[test]
fn an_attached_mail_travels_as_it_is_where_no_relay_can_trip_on_it() {
    let check = |inner: &[u8], expect: &str| {
        let raw = rich("", "<p>See below</p>", &[file("a.eml", "message/rfc822", inner)]);
        assert!(is_plain(&raw));
        let files = files(&raw);
        let shown = String::from_utf8_lossy(inner);
        assert_eq!((files[0].1.as_str(), files[0].2.as_slice()), (expect, inner), "{shown:?}");
    };
    let (mail, bytes) = ("message/rfc822", "application/octet-stream");
    check(b"Subject: hi\r\n\r\nText\r\n", mail);
    check(&rich("", "<p>Within</p>", &[file("b.bin", "a/b", b"x\ny")]), mail);
    check(b"Subject: hi\r\n\r\nText\n.\nMore\r\n", bytes);
    check(b"Subject: hi\r\n\r\nText\r.\rMore\r\n", bytes);
    check(b"Subject: hi\r\n\r\nText\r", bytes);
    check("Subject: hi\r\n\r\nGrüße\r\n".as_bytes(), bytes);
    check(b"Subject: hi\r\n\r\nNul\0\r\n", bytes);
    check(format!("Subject: hi\r\n\r\n{}\r\n", "x".repeat(999)).as_bytes(), bytes);
    check(b"no header", bytes);
    check(b"", bytes);
}

#[test]
fn types_that_have_parts_are_not_claimed() {
    let types = [
        "multipart/mixed",
        "message/partial",
        "text",
        "text/x; name=\"y\"",
        "text/ä",
        "a/b\r\nBcc: x@y.test",
        "",
    ];
    for odd in types {
        let raw = rich("", "<p>x</p>", &[file("a", odd, b"--x\r\n")]);
        assert_eq!(files(&raw)[0].1, "application/octet-stream", "{odd}");
    }
    let raw = rich("", "<p>x</p>", &[file("a.txt", media_type("a.TXT"), "Grüße\n".as_bytes())]);
    assert_eq!(files(&raw)[0], ("a.txt".to_owned(), "text/plain".to_owned(), "Grüße\n".as_bytes().to_vec()));
}

#[test]
fn importance_receipts_and_programs_are_told() {
    let (own, from) = (id("03@contoso.test"), mailbox("Jane", "jane@contoso.test"));
    let letter = Letter {
        importance: Importance::High,
        wants_receipt: true,
        automatic: Automatic::Replied,
        outlook: Some(Outlook { index: &"QUJD".repeat(40), topic: "Unser Angebot für Zoë" }),
        ..Letter::new(&own, WHEN, &from)
    };
    let raw = compose(&letter);
    assert!(is_plain(&raw));
    let header = crate::read_header(&raw).unwrap();
    assert_eq!(header.priority, 2);
    assert!(header.marks.automatic, "{:?}", header.marks);
    assert_eq!(header.thread_index.as_deref().map(str::len), Some(44));
    let text = String::from_utf8(raw).unwrap();
    assert!(text.contains("\r\nX-Priority: 1\r\n") && text.contains("\r\nImportance: high\r\n"));
    assert!(text.contains("\r\nDisposition-Notification-To: \"Jane\" <jane@contoso.test>\r\n"), "{text}");
    let many = compose(&Letter { automatic: Automatic::Generated, ..Letter::new(&own, WHEN, &from) });
    let marks = crate::read_header(&many).unwrap().marks;
    assert!(marks.automatic && marks.bulk && marks.wants_no_answer, "{marks:?}");
    let text = String::from_utf8(many).unwrap();
    assert!(text.contains("\r\nAuto-Submitted: auto-generated\r\nPrecedence: bulk\r\n"), "{text}");
    let low = compose(&Letter { importance: Importance::Low, ..Letter::new(&own, WHEN, &from) });
    assert_eq!(crate::read_header(&low).unwrap().priority, 0);
}

#[test]
fn a_large_mail_is_written_once_into_the_room_it_takes() {
    let file_bytes = vec![0xa5; 36 * 1024 * 1024];
    let raw = rich("", "<p>See below</p>", &[file("a.bin", "application/zip", &file_bytes)]);
    assert!(raw.len() > 49 * 1024 * 1024 && raw.len() < model::limits::MESSAGE_BYTES_MAX, "{}", raw.len());
    assert!(raw.capacity() < raw.len() + 64 * 1024, "nothing was moved for want of room: {}", raw.capacity());
}

/// What somebody could type or send, line ends and all.
fn anything() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        "\\PC{0,20}",
        Just("\r\n".to_owned()),
        Just("\n".to_owned()),
        Just("\r".to_owned()),
        Just("\0".to_owned()),
        Just("\r\nBcc: a@b.test".to_owned()),
        Just("=?utf-8?q?x?=".to_owned()),
        Just("\r\n.\r\n".to_owned()),
        Just("--=_mixed_00".to_owned()),
        Just("\"; filename=\"x".to_owned()),
        Just("../".to_owned()),
        Just("x".repeat(1_200)),
        Just("\t \u{a0}\u{202e}\u{b}\u{1b}".to_owned()),
    ];
    proptest::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat())
}

/// A line as it is read: what turns its direction around is left out of names and subjects.
fn folded(text: &str) -> String {
    let blank = |c: char| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c };
    let turns = |c: &char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars()
        .filter(|c| !turns(c))
        .map(blank)
        .collect::<String>()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Text as a mail keeps it.
fn kept(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "").trim_end_matches('\n').to_owned()
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_again_and_nothing_else(
        (subject, text, name, html) in (anything(), anything(), anything(), anything()),
        file_name in anything(),
        content in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let own = id("04@contoso.test");
        let (from, to) = (mailbox(&name, "jane@contoso.test"), [mailbox(&name, "zoe@fabrikam.test")]);
        let attachments = [
            Attached { content_id: Some("p"), ..file(&file_name, "image/png", &content) },
            file(&file_name, "message/rfc822", &content),
            file(&file_name, &name, text.as_bytes()),
        ];
        let html = format!("<p>{html}</p><img src=cid:p>");
        let letter = Letter {
            to: &to,
            subject: &subject,
            text: &text,
            html: Some(&html),
            attachments: &attachments,
            outlook: Some(Outlook { index: &name, topic: &subject }),
            ..Letter::new(&own, WHEN, &from)
        };
        let raw = compose(&letter);
        prop_assert!(is_plain(&raw), "{}", String::from_utf8_lossy(&raw));
        prop_assert_eq!(&compose(&letter), &raw);
        let ours = "MIME-Version Message-ID Date From To Subject Thread-Topic Thread-Index Content-Type";
        prop_assert_eq!(field_names(&raw).join(" "), ours);
        let message = crate::read(&raw).unwrap();
        let header = message.header();
        prop_assert_eq!((header.from.len(), header.to.len(), header.bcc.len()), (1, 1, 0));
        prop_assert_eq!(folded(&header.subject), folded(&subject));
        let called = header.to[0].name.clone().unwrap_or_default();
        // Quotes around a name are the reader's to take off.
        let bare = |name: &str| folded(name).replace([' ', '"', '\'', '\\'], "");
        let short: String = bare(&called).chars().take(180).collect();
        prop_assert!(bare(&name).starts_with(&short), "{short}");
        prop_assert_eq!(short.is_empty(), bare(&name).is_empty());
        if !text.trim().is_empty() && !kept(&text).trim().is_empty() {
            prop_assert_eq!(kept(&message.text()), kept(&text));
        }
        let files = files(&raw);
        prop_assert_eq!(files.len(), 3);
        let shown = |place: usize| files[place].2.as_slice();
        prop_assert!(shown(1) == content && shown(2) == text.as_bytes());
        for (name, ..) in &files {
            prop_assert_eq!(name, &attachments::file_name(name, ""), "it keeps its name");
        }
    }
}
