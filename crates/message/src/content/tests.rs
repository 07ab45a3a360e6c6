mod stream;

use proptest::prelude::*;

use super::*;
use crate::attachments;
use stream::{Stream, signed};

/// What a mail says once it is open: text, then each attachment with its type and its size.
fn told(raw: &[u8]) -> String {
    let received = message::read(raw).unwrap();
    let opened = open(&received);
    let message = message::read(&opened.raw).unwrap();
    assert_eq!(message.header().subject, received.header().subject);
    assert_eq!(message.header().to, received.header().to);
    let text = message.text();
    let mut told = if text.trim().is_empty() { "-".to_owned() } else { text.trim().to_owned() };
    for it in message.attachments() {
        told.push_str(&format!(" | {} {} {}", it.filename, it.mimetype, it.size_bytes));
    }
    let Packing { tnef, signed, encrypted, damaged } = opened.packing;
    let marks = [(tnef, "tnef"), (signed, "signed"), (encrypted, "encrypted"), (damaged, "damaged")];
    marks.iter().filter(|(is_so, _)| *is_so).for_each(|(_, name)| told.push_str(&format!(" [{name}]")));
    told
}

fn check(raw: &[u8], expect: &str) {
    assert_eq!(told(raw), expect);
}

const HEAD: &str = "From: zoe@customer.test\r\nTo: jane@x.test\r\nSubject: s\r\nMIME-Version: 1.0\r\n";

/// A mail that is nothing but this.
fn alone(mimetype: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("{HEAD}Content-Type: {mimetype}\r\nContent-Transfer-Encoding: binary\r\n\r\n");
    [head.as_bytes(), content].concat()
}

/// A mail with this beside its text.
fn beside(text: &str, mimetype: &str, content: &[u8]) -> Vec<u8> {
    let content = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, content);
    format!(
        "{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n{text}\r\n\
         --b\r\nContent-Type: {mimetype}\r\nContent-Transfer-Encoding: base64\r\n\r\n{content}\r\n--b--\r\n"
    )
    .into_bytes()
}

#[test]
fn a_winmail_dat_is_what_it_holds() {
    let stream = Stream::new().body("hello").file("a.txt", b"one").file("b\u{fc}.pdf", b"four").bytes();
    let expect = "hello | a.txt text/plain 3 | bü.pdf application/pdf 4 [tnef]";
    check(&alone("application/ms-tnef", &stream), expect);
    check(&beside("", "application/vnd.ms-tnef; name=winmail.dat", &stream), expect);
    check(&beside("", "application/octet-stream; name=x", &stream), expect);
    let other = beside("", "application/octet-stream; name=winmail.dat", b"no stream");
    check(&other, "- | winmail.dat application/octet-stream 9");
    check(&beside("hi", "image/png", &stream), &format!("hi | image.png image/png {}", stream.len()));
}

#[test]
fn a_text_beside_and_inside_is_shown_once() {
    let plain = Stream::new().body("Hello,\r\n  you\r\n").bytes();
    check(&beside("Hello, you", "application/ms-tnef", &plain), "Hello, you [tnef]");
    check(
        &beside("Seen by a gateway", "application/ms-tnef", &plain),
        "Seen by a gateway\nHello,\r\n  you [tnef]",
    );
    let rich = Stream::new().html("<p>Hello, <b>you</b>").bytes();
    let raw = beside("Hello, you", "application/ms-tnef", &rich);
    check(&raw, "Hello, you [tnef]");
    let received = message::read(&raw).unwrap();
    let opened = open(&received);
    let message = message::read(&opened.raw).unwrap();
    let shown = crate::body::shown(&message, &crate::body::ShownOptions::default());
    assert!(shown.html.starts_with("<p>Hello, <b>you</b></p>") && shown.html.matches("you").count() == 1);
}

#[test]
fn a_message_inside_is_an_attached_message() {
    let inner = Stream::new().body("the first").subject("Offer").file("c.txt", b"c").bytes();
    let stream = Stream::new().body("see below").message(&inner).bytes();
    let raw = alone("application/ms-tnef", &stream);
    let received = message::read(&raw).unwrap();
    let opened = open(&received);
    let message = message::read(&opened.raw).unwrap();
    let unwrapped = crate::unwrap::originals(&message, true).unwrap();
    let [original] = unwrapped.originals.as_slice() else { panic!("{unwrapped:?}") };
    let original = message::read(&original.raw).unwrap();
    assert_eq!((original.header().subject.as_str(), original.text().trim()), ("Offer", "the first"));
    assert_eq!(original.attachments().len(), 1);
    // Nobody proven sent it: it stays an attachment.
    let closed = crate::unwrap::originals(&message, false).unwrap();
    assert!(closed.outer_is_original && closed.inner_seen == 1);
}

#[test]
fn a_message_inside_is_a_guess_where_it_is_an_original() {
    let is_guess = |raw: &[u8]| {
        let received = message::read(raw).unwrap();
        let opened = open(&received);
        let message = message::read(&opened.raw).unwrap();
        let originals = crate::unwrap::originals(&message, true).unwrap().originals;
        originals.iter().map(|original| (original.method.name(), original.is_guess)).collect::<Vec<_>>()
    };
    let inner = Stream::new().subject("Offer").body("Twelve.").bytes();
    let rebuilt = Stream::new().message(&inner).bytes();
    assert_eq!(is_guess(&alone("application/ms-tnef", &rebuilt)), [("attached", true)]);
    let file =
        Stream::new().file("offer.eml", b"From: z@x.test\r\nSubject: Offer\r\n\r\nTwelve.\r\n").bytes();
    assert_eq!(is_guess(&alone("application/ms-tnef", &file)), [("attached", false)], "as it was sent");
}

#[test]
fn signed_content_is_content() {
    let entity = b"Content-Type: text/plain\r\nTo: planted@x.test\r\n\r\nhello";
    let p7m = signed(entity);
    check(&alone("application/pkcs7-mime; smime-type=signed-data; name=smime.p7m", &p7m), "hello [signed]");
    check(
        &alone(
            "application/x-pkcs7-mime",
            &signed(&[b"Content-Type: application/pkcs7-mime\r\n\r\n", &p7m[..]].concat()),
        ),
        "hello [signed]",
    );
    check(&beside("footer", "application/octet-stream; name=smime.p7m", &p7m), "footer\nhello [signed]");
    let invoice = signed(b"<?xml version=\"1.0\"?><Invoice/>");
    let name = "IT01_1.xml.p7m application/pkcs7-mime";
    let expect = format!("see file | {name} {}", invoice.len());
    check(&beside("see file", "application/pkcs7-mime; name=IT01_1.xml.p7m", &invoice), &expect);
}

#[test]
fn containers_open_inside_each_other() {
    let p7m = signed(b"Content-Type: text/plain\r\n\r\nhello");
    let stream = Stream::new().typed_file("smime.p7m", "application/pkcs7-mime", &p7m).bytes();
    check(&alone("application/ms-tnef", &stream), "hello [tnef] [signed]");
    let entity =
        [b"Content-Type: application/ms-tnef\r\n\r\n", &Stream::new().body("x").bytes()[..]].concat();
    check(&alone("application/pkcs7-mime", &signed(&entity)), "x [tnef] [signed]");
    let clear = b"Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\nclear\r\n--s\r\nContent-Type: application/pkcs7-signature\r\n\r\nx\r\n--s--\r\n";
    let stream = Stream::new().class("IPM.Note.SMIME.MultipartSigned").typed_file(
        "smime.p7m",
        "multipart/signed",
        clear,
    );
    check(
        &alone("application/ms-tnef", &stream.bytes()),
        "clear | smime.p7s application/pkcs7-signature 1 [tnef] [signed]",
    );
}

#[test]
fn nesting_ends() {
    let mut stream = Stream::new().body("in").bytes();
    for _ in 0..40 {
        stream = Stream::new().body("out").message(&stream).bytes();
    }
    assert!(told(&alone("application/ms-tnef", &stream)).starts_with("out | message.eml message/rfc822"));
    let mut p7m = signed(b"Content-Type: text/plain\r\n\r\nhello");
    for _ in 0..40 {
        p7m = signed(&[b"Content-Type: application/pkcs7-mime\r\n\r\n", &p7m[..]].concat());
    }
    assert!(
        told(&alone("application/pkcs7-mime", &p7m)).starts_with("- | attachment.bin application/pkcs7-mime")
    );
}

#[test]
fn a_broken_stream_shows_what_is_left_and_stays() {
    let whole = Stream::new().body("hello").file("a.txt", &[b'x'; 400]).bytes();
    check(
        &alone("application/ms-tnef", &whole[..whole.len() - 300]),
        "hello | a.txt text/plain 0 | winmail.dat application/ms-tnef 220 [tnef] [damaged]",
    );
    check(&alone("application/ms-tnef", &whole[..40]), "- | winmail.dat application/ms-tnef 40 [damaged]");
    let mut changed = whole.clone();
    changed[31] ^= 1;
    assert!(told(&alone("application/ms-tnef", &changed)).ends_with("a.txt text/plain 400 [tnef] [damaged]"));
    check(
        &beside("hi", "application/pkcs7-mime", b"\x30\x80"),
        "hi | attachment.bin application/pkcs7-mime 2 [damaged]",
    );
}

#[test]
fn many_attributes_and_lengths_beyond_the_end_are_read_as_far_as_they_go() {
    let mut many = Stream::new();
    for _ in 0..limits::TNEF_ATTRIBUTES_MAX + 10 {
        many = many.attribute(1, 0x8018, &[]);
    }
    check(
        &alone("application/ms-tnef", &many.bytes()),
        &format!("- | winmail.dat application/ms-tnef {} [damaged]", many.bytes().len()),
    );
    let endless = Stream::new().body("a").attribute(1, 0x9003, &[0xff; 64]).bytes();
    assert!(told(&alone("application/ms-tnef", &endless)).starts_with("a | winmail.dat"));
    let files = (0..limits::ATTACHMENTS_MAX + 5).fold(Stream::new(), |stream, _| stream.file("a", b"1"));
    let raw = alone("application/ms-tnef", &files.bytes());
    let received = message::read(&raw).unwrap();
    let opened = open(&received);
    assert_eq!(message::read(&opened.raw).unwrap().attachments().len(), limits::ATTACHMENTS_MAX);
}

#[test]
fn the_same_bytes_always_open_the_same() {
    let raw = beside("x", "application/ms-tnef", &Stream::new().html("<p>y").file("a", b"1").bytes());
    let digest = || blake3::hash(&open(&message::read(&raw).unwrap()).raw);
    assert_eq!(digest(), digest());
    let plain = alone("text/plain", b"hi");
    let received = message::read(&plain).unwrap();
    assert!(!open(&received).is_opened());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn damaged_containers_are_read_without_harm(
        changes in prop::collection::vec((0usize..2_000, any::<u8>()), 1..8), cut in 0usize..2_000, is_cms: bool,
    ) {
        let inner = Stream::new().html("<p>x").body("the first").file("c", b"c").bytes();
        let stream = Stream::new().rich("{\\rtf1\\fromhtml1{\\*\\htmltag <p>}\\'e9\\u8364 ?}").message(&inner)
            .file("a.png", &[7; 99]).bytes();
        let mut content = if is_cms { signed(&[b"Content-Type: application/ms-tnef\r\n\r\n", &stream[..]].concat()) } else { stream };
        for (at, byte) in changes {
            let at = at % content.len();
            content[at] = byte;
        }
        if cut < content.len() { content.truncate(content.len() - cut) }
        let raw = alone(if is_cms { "application/pkcs7-mime" } else { "application/ms-tnef" }, &content);
        if let Ok(received) = message::read(&raw) {
            let opened = open(&received);
            let message = message::read(&opened.raw).unwrap();
            message.text();
            for it in message.attachments() {
                let encoded = &message.raw()[it.body_offset..it.body_offset + it.body_length];
                prop_assert_eq!(attachments::decode(encoded, it.encoding).len(), it.size_bytes);
            }
        }
    }
}

#[test]
fn only_so_many_containers_of_a_mail_are_opened() {
    let part = |number: usize| {
        let stream = Stream::new().body(&format!("text {number}")).bytes();
        let content = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, stream);
        format!(
            "--b\r\nContent-Type: application/ms-tnef\r\nContent-Transfer-Encoding: base64\r\n\r\n{content}\r\n"
        )
    };
    let parts: String = (0..2 * limits::CONTAINERS_MAX).map(part).collect();
    let raw = format!("{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n{parts}--b--\r\n");
    let received = message::read(raw.as_bytes()).unwrap();
    let opened = open(&received);
    let message = message::read(&opened.raw).unwrap();
    let text = message.text();
    assert!(text.contains(&format!("text {}", limits::CONTAINERS_MAX - 1)));
    assert!(!text.contains(&format!("text {}", limits::CONTAINERS_MAX)));
    assert_eq!(message.attachments().len(), limits::CONTAINERS_MAX);
}

#[test]
fn room_that_did_not_do_is_used_up() {
    let mut room = room::Room::new();
    assert!(room.take(limits::CONTENT_BYTES_MAX - 1) && !room.is_used_up());
    assert!(!room.take(2) && room.is_used_up() && !room.take(1));
}

#[test]
fn a_container_for_which_there_is_no_room_stays_closed() {
    let stream = Stream::new().body("hello").file("a.txt", b"one").bytes();
    let raw = alone("application/ms-tnef", &stream);
    let message = message::read(&raw).unwrap();
    let mut opening = Opening { packing: Packing::default(), met: HashSet::new(), room: Room::new() };
    opening.room.take(limits::CONTENT_BYTES_MAX - 80);
    assert_eq!(opening.round(&message), None);
}

#[test]
fn pictures_that_the_text_shows_are_told_from_files() {
    let html = "<img src=\"cid:a@x\"><img src='cid:b'><p style=\"background:url(cid:c)\">";
    let named: Vec<bool> =
        ["a@x", "b", "c", "a", "d"].map(|id| parts::named_pictures(html).contains(id)).into();
    assert_eq!(named, [true, true, true, false, false]);
}
