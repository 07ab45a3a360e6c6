//! What servers say, in one piece and cut anywhere.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use proptest::prelude::*;

use super::*;
use crate::imap::fetch::{Body, Flags};
use crate::imap::uids::Uid;

/// All events, with the pieces of a body put together, until the end or the first error.
fn heard(pieces: &[&[u8]]) -> (Vec<String>, Option<Kind>) {
    let (mut answers, mut said) = (Answers::default(), Vec::new());
    let mut body: Option<Vec<u8>> = None;
    for mut piece in pieces.iter().copied() {
        loop {
            match answers.next(&mut piece) {
                Ok(Some(Event::Body(_))) => body = Some(Vec::new()),
                Ok(Some(Event::Piece(bytes))) => body.get_or_insert_default().extend_from_slice(bytes),
                Ok(Some(Event::Answer(answer))) => {
                    said.extend(body.take().map(|body| format!("body {:?}", String::from_utf8_lossy(&body))));
                    said.push(format!("{answer:?}"));
                }
                Ok(None) => break,
                Err(error) => return (said, Some(error.kind)),
            }
        }
    }
    (said, None)
}

/// The answers to `bytes`, the same however they are cut in two, and byte by byte.
fn answers(bytes: &[u8]) -> (Vec<String>, Option<Kind>) {
    let whole = heard(&[bytes]);
    for at in 0..bytes.len() {
        let (first, second) = bytes.split_at(at);
        assert_eq!(heard(&[first, second]), whole, "cut at {at}");
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(heard(&single), whole);
    whole
}

fn fetched(bytes: &[u8]) -> Fetched {
    let mut answers = Answers::default();
    let mut input = bytes;
    loop {
        match answers.next(&mut input).unwrap() {
            Some(Event::Answer(Answer::Fetch(fetched))) => return fetched,
            Some(_) => {}
            None => panic!("no FETCH in it"),
        }
    }
}

#[test]
fn a_message_in_a_list() {
    let said = fetched(
        b"* 12 FETCH (FLAGS (\\Seen $Junk \\DELETED) RFC822.SIZE 4321 UID 7 \
          INTERNALDATE \" 7-Jul-1996 02:44:25 -0700\" MODSEQ (9))\r\n",
    );
    let flags = Flags { is_seen: true, is_deleted: true, is_draft: false };
    assert_eq!((said.sequence, said.uid, said.flags), (12, Uid::new(7), Some(flags)));
    assert_eq!((said.size, said.arrived), (Some(4321), Some(model::Timestamp(836_732_665_000))));
    assert_eq!((said.header, said.body), (None, None));
}

#[test]
fn items_are_told_apart_by_their_place() {
    let said = fetched(b"* 1 FETCH (FLAGS (UID a[b) BODY[HEADER] \"UID 9\" x (UID 8 (\"UID 7\")) uid 3)\r\n");
    assert_eq!((said.uid, said.header.as_deref()), (Uid::new(3), Some(&b"UID 9"[..])));
    let said =
        fetched(b"* 1 FETCH (BODY[HEADER.FIELDS (FROM \"TO\")] {4}\r\nUID  UID 3 BODY[HEADER]<0> NIL)\r\n");
    assert_eq!((said.uid, said.header), (Uid::new(3), None));
    let said = fetched(b"* 1 FETCH (ENVELOPE (NIL ({3}\r\nUID 9) {1}\r\n() UID 3)\r\n");
    assert_eq!(said.uid, Uid::new(3));
}

#[test]
fn bodies_come_as_literals_strings_or_not_at_all() {
    let (said, error) =
        answers(b"* 1 FETCH (BODY[] {12}\r\nA: b\r\n\r\n)\r\n\0 UID 5)\r\np1 OK [READ-ONLY] done\r\n");
    assert_eq!(error, None);
    assert_eq!(said.first().unwrap(), r#"body "A: b\r\n\r\n)\r\n\0""#);
    assert!(said.get(1).unwrap().contains("body: Some(Streamed(12))"), "{said:?}");
    assert!(said.get(2).unwrap().starts_with("Tagged([112, 49]"), "{said:?}");
    assert_eq!(fetched(b"* 1 FETCH (UID 5 BODY[] ~{0}\r\n)\r\n").body, Some(Body::Streamed(0)));
    assert_eq!(
        fetched(b"* 1 FETCH (UID 5 BODY[] \"a\\\"b\")\r\n").body,
        Some(Body::Quoted(b"a\"b".to_vec()))
    );
    assert_eq!(fetched(b"* 1 FETCH (UID 5 BODY[] NIL)\r\n").body, Some(Body::Nil));
    assert_eq!(fetched(b"* 1 FETCH (UID 5 BODY[HEADER] {3}\r\na:b)\r\n").header, Some(b"a:b".to_vec()));
}

#[test]
fn what_concerns_nobody_is_read_over() {
    let (said, error) = answers(
        b"* OK [UIDVALIDITY 7] a text that ends like a literal {99}\r\n* FLAGS (\\Seen)\r\n* 3 RECENT\r\n\
          * XNEWS {5}\r\n(((\r\n and \"more\r\n* ID (\"a\" (b))\r\n* 3 EXISTS\r\n* 2 EXPUNGE\n+ go\r\n+\r\n\
          * BYE\r\n",
    );
    assert_eq!(error, None);
    let said: Vec<&str> = said.iter().map(|answer| answer.split('(').next().unwrap()).collect();
    let expected = ["Status", "Other", "Other", "Other", "Other", "Exists", "Expunge", "Go", "Go", "Status"];
    assert_eq!(said, expected);
}

#[test]
fn lists_are_kept_as_words() {
    let (said, _) =
        answers(b"* LIST (\\Noselect) \"/\" {7}\r\na\"b (c)\r\n* list () NIL [Gmail]/x\r\n* SEARCH\r\n");
    assert!(said.iter().all(|answer| answer.starts_with("Data(")), "{said:?}");
    assert!(said.first().unwrap().ends_with(&format!("{:?}])", Word::Text(b"a\"b (c)".to_vec()))));
    assert!(said.get(1).unwrap().ends_with(&format!("{:?}])", Word::Atom(b"[Gmail]/x".to_vec()))));
}

#[test]
fn codes_of_a_status() {
    let mut answers = Answers::default();
    let mut input: &[u8] = b"p1 no [trycreate x y] Make it first\r\n";
    let Some(Event::Answer(Answer::Tagged(tag, status))) = answers.next(&mut input).unwrap() else {
        panic!()
    };
    assert_eq!((tag.as_slice(), status.condition), (&b"p1"[..], Condition::No));
    assert!(status.is("TRYCREATE"));
    assert_eq!((status.code.unwrap().1, status.text), ("x y".to_owned(), "Make it first".to_owned()));
}

#[test]
fn liars_are_refused() {
    for bad in [
        &b"\r\n"[..],
        b"p1\r\n",
        b"p1 BYE\r\n",
        b" OK\r\n",
        b"* 1 FETCH\r\n",
        b"* 1 FETCH UID 5\r\n",
        b"* 1 FETCH (UID)\r\n",
        b"* 1 FETCH (UID 0)\r\n",
        b"* 1 FETCH (UID 4294967296)\r\n",
        b"* 1 FETCH (UID -1)\r\n",
        b"* 1 FETCH (UID 1 UID 2)\r\n",
        b"* 1 FETCH (UID 1\r\n",
        b"* 1 FETCH (UID 1))\r\n",
        b"* 1 FETCH (FLAGS (a UID 1)\r\n",
        b"* 1 FETCH (BODY[] atom UID 1)\r\n",
        b"* 1 FETCH (BODY[] {-1}\r\n",
        b"* 1 FETCH (BODY[] {1 }\r\n",
        b"* 1 FETCH (BODY[] {18446744073709551616}\r\n",
        b"* 1 FETCH (BODY[] \"open\r\n",
        b"* 1 FETCH ({3}\r\nabc)\r\n",
        b"* 1 FETCH (UID 1 BODY[] {1}\r\na BODY[] {1}\r\nb)\r\n",
        b"* 4294967296 EXISTS\r\n",
    ] {
        let (said, error) = answers(bad);
        let text = String::from_utf8_lossy(bad);
        assert_eq!(error, Some(Kind::Protocol), "{text} {said:?}");
        assert!(said.iter().all(|answer| answer.starts_with("body")), "{text} {said:?}");
    }
}

#[test]
fn everything_has_an_end() {
    let cases: [(&[u8], &[u8]); 6] = [
        (b"* OK ", b"x"),
        (b"* 1 FETCH (FLAGS (", b"a "),
        (b"* 1 FETCH (FLAGS ", b"("),
        (b"* LIST ", b"()"),
        (b"* LIST ", b"{60003}\r\n"),
        (b"* 1 FETCH (X (", b"{1}\r\na "),
    ];
    for (begin, again) in cases {
        let mut answers = Answers::default();
        answers.next(&mut &begin[..]).unwrap();
        let mut bytes = 0;
        let error = loop {
            let piece = again.repeat(1 + 4_000 / again.len());
            bytes += piece.len();
            assert!(bytes < 64 * 1024 * 1024, "{again:?} goes on");
            let mut input = piece.as_slice();
            match answers.next(&mut input) {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind, Kind::Limit, "{again:?}");
    }
    for huge in
        ["* 1 FETCH (BODY[] {4294967296}\r\n", "* 1 FETCH (BODY[HEADER] {99999999}\r\n", "* X {99999999}\r\n"]
    {
        assert_eq!(heard(&[huge.as_bytes()]).1, Some(Kind::Limit), "{huge}");
    }
}

/// A word costs its own length, not that of the line behind it: else each of these takes many minutes.
#[test]
fn a_line_full_of_words_is_read_at_once() {
    for again in ["a ", "BODY[ ", "BODY[a b ", "~ "] {
        let words = again
            .repeat((limits::IMAP_LINE_BYTES_MAX / again.len() - 100).min(limits::IMAP_WORDS_MAX / 2 - 100));
        let padding = "x".repeat(limits::IMAP_LINE_BYTES_MAX - words.len() - 100);
        let line = format!("* SEARCH {words}{padding}}}\r\n");
        let (said, error) = heard(&[line.as_bytes()]);
        assert_eq!((said.len(), error), (1, None), "{again}");
    }
}

#[test]
fn the_beginning_of_a_large_header_is_kept() {
    let header = vec![b'a'; limits::HEADER_BYTES_MAX + 10];
    let mut said = format!("* 1 FETCH (UID 5 BODY[HEADER] {{{}}}\r\n", header.len()).into_bytes();
    said.extend(header);
    said.extend(b")\r\n");
    assert_eq!(fetched(&said).header.unwrap().len(), limits::HEADER_BYTES_MAX);
}

const WORDS: &[&[u8]] = &[
    b"* 1 FETCH (",
    b"UID 5 ",
    b"BODY[] ",
    b"{3}\r\n",
    b")\r\n",
    b"(",
    b"FLAGS (\\Seen) ",
    b"\"",
    b"\r\n",
    b"* LIST ",
    b"abc",
    b"BODY[HEADER] ",
    b"p1 OK x\r\n",
    b"+ x\r\n",
    b"* OK [UIDNEXT 4] {3}\r\n",
    b"* X {2}\r\n",
];

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_are_the_same(
        bytes in proptest::collection::vec(
            proptest::sample::select(WORDS),
            0..24,
        ),
        cuts in proptest::collection::vec(0_usize..200, 0..6),
    ) {
        let bytes = bytes.concat();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts {
            pieces.push(&bytes[from..cut]);
            from = cut;
        }
        pieces.push(&bytes[from..]);
        prop_assert_eq!(heard(&pieces), heard(&[&bytes]));
    }
}
