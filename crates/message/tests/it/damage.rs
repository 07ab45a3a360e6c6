//! Damaged mail: whatever is cut out of, put into or repeated in a mail, reading it does no harm.

use message::{attachments, body, identity, report, unwrap};
use proptest::prelude::*;

/// A forward with everything in it: encoded words, alternatives, an inline picture, an attached mail, a file.
const MAIL: &str = "Received: by x.test; Mon, 23 Nov 2026 09:15:02 +0100\r\n\
From: =?utf-8?q?Zo=C3=AB?= <zoe@customer.test>\r\n\
To: Team: \"Doe, Jane\" <jane@x.test>, b@x.test;\r\n\
Subject: Re: [list] =?utf-8?b?ZsO8?= =?utf-8?b?cg==?=\r\n CRM:0001001\r\n\
Date: Mon, 23 Nov 2026 09:15:00 +0100\r\n\
Message-ID: <a@customer.test>\r\nReferences: <b@x.test>\r\n <c@x.test>\r\n\
Content-Type: multipart/mixed; boundary=\"out\"\r\n\r\npreamble\r\n\
--out\r\nContent-Type: multipart/alternative; boundary=\"outer\"\r\n\r\n\
--outer\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
f=FCr dich =\r\n> https://x.test/\r\n\
--outer\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>f\u{fc}r <img src=\"cid:1\"><b>dich</b>\r\n--outer--\r\n\
--out\r\nContent-Type: message/rfc822\r\n\r\nFrom: b@x.test\r\nMessage-ID: <d@x.test>\r\n\r\nhello\r\n\
--out\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; a@x\r\nAction: failed\r\n\
--out\r\nContent-Type: image/png; name*=utf-8''b%C3%BCld.png\r\nContent-ID: <1>\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n\
--out--\r\n";

/// One thing done to the bytes.
#[derive(Debug, Clone)]
enum Damage {
    Set(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Repeat(usize, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = 0..MAIL.len();
    let sign = prop::sample::select(b"\r\n:;,<>\"()=?- \t\\/\0\xff\xc3\x1b@".to_vec());
    prop_oneof![
        (at.clone(), sign.clone()).prop_map(|(at, sign)| Damage::Set(at, sign)),
        (at.clone(), prop::collection::vec(sign, 1..6)).prop_map(|(at, signs)| Damage::Insert(at, signs)),
        (at.clone(), 1usize..200).prop_map(|(at, len)| Damage::Remove(at, len)),
        (at, 1usize..300).prop_map(|(at, len)| Damage::Repeat(at, len)),
    ]
}

fn damaged(mail: &str, damages: &[Damage]) -> Vec<u8> {
    let mut mail = mail.as_bytes().to_vec();
    for damage in damages {
        let size = mail.len();
        let range = |at: usize, len: usize| at.min(size)..at.saturating_add(len).min(size);
        match damage {
            Damage::Set(at, sign) => mail.get_mut(*at).into_iter().for_each(|byte| *byte = *sign),
            Damage::Insert(at, signs) => drop(mail.splice(range(*at, 0), signs.iter().copied())),
            Damage::Remove(at, len) => drop(mail.drain(range(*at, *len))),
            Damage::Repeat(at, len) => {
                let copy = mail[range(*at, *len)].to_vec();
                drop(mail.splice(range(*at, 0), copy));
            }
        }
    }
    mail
}

/// A forward as text, in the manner of several clients one below the other.
const TEXT: &str = "From: jane@x.test\r\nSubject: Fwd: Doors\r\nDate: Mon, 23 Nov 2026 10:00:00 +0100\r\n\
Content-Type: text/plain; charset=utf-8\r\n\r\nFor the file.\r\n\r\n\
----- Forwarded message from Zo\u{eb} <zoe@customer.test> -----\r\n\r\n> From: Zo\u{eb} [mailto:zoe@customer.test]\r\n\
> Sent: Monday, November 23, 2026 9:15 AM\r\n> To: \"Doe, Jane\" <jane@x.test>,\r\n>  b@x.test\r\n> Betreff: T\u{fc}ren\r\n>\r\n\
> gr\u{fc}n\r\n> ---------- Forwarded message ---------\r\n> De : \u{e9}lo\r\n\r\n----- End forwarded message -----\r\n";

#[test]
fn the_whole_mail_is_understood() {
    let forward = message::read(TEXT.as_bytes()).unwrap();
    assert_eq!(unwrap::originals(&forward, true).unwrap().originals[0].method, unwrap::Method::Inline);
    let message = message::read(MAIL.as_bytes()).unwrap();
    assert_eq!(message.text().trim(), "für dich > https://x.test/");
    assert_eq!(message.attachments().len(), 3);
    assert_eq!(unwrap::originals(&message, true).unwrap().originals.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_mail_is_read_without_harm(damages in prop::collection::vec(damage(), 1..8)) {
        let raw = damaged(MAIL, &damages);
        if let Ok(message) = message::read(&raw) {
            let header = message::read_header(&raw);
            prop_assert_eq!(Ok(message.header()), header.as_ref());
            identity::content_digest(&message, &message.text());
            for attachment in message.attachments() {
                let end = attachment.body_offset + attachment.body_length;
                let encoded = message.raw().get(attachment.body_offset..end).unwrap();
                let decoded = attachments::decode(encoded, attachment.encoding);
                prop_assert_eq!(decoded.len(), attachment.size_bytes);
            }
            let unwrapped = unwrap::originals(&message, true).unwrap();
            prop_assert!(unwrapped.originals.iter().all(|original| message::read(&original.raw).is_ok()));
            prop_assert_eq!(report::read(&message).is_some(), message.header().marks.report);
            body::shown(&message, &body::ShownOptions::default());
        }
    }

    #[test]
    fn a_damaged_quotation_gives_a_message_or_none(damages in prop::collection::vec(damage(), 1..8)) {
        let raw = damaged(TEXT, &damages);
        for raw in [raw.clone(), String::from_utf8_lossy(&raw).replace("text/plain", "text/html").into_bytes()] {
            if let Ok(message) = message::read(&raw) {
                let unwrapped = unwrap::originals(&message, true).unwrap();
                for original in unwrapped.originals {
                    let inner = message::read(&original.raw).unwrap();
                    prop_assert!(original.method != unwrap::Method::Inline || inner.header().author().is_some());
                    prop_assert!(inner.header().to.len() <= 1_000);
                }
            }
        }
    }
}
