use proptest::prelude::*;

use super::DataReader;

/// Message, bytes after the end (`None` when there was no end), and whether line ends were bare.
type Outcome = (Vec<u8>, Option<Vec<u8>>, bool);

fn read_chunks<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut reader = DataReader::new();
    let mut message = Vec::new();
    let mut rest: Option<Vec<u8>> = None;
    for chunk in chunks {
        match &mut rest {
            Some(rest) => rest.extend_from_slice(chunk),
            None => rest = reader.read(chunk, &mut message).map(|end| chunk[end..].to_vec()),
        }
    }
    (message, rest, reader.bare_line_ends())
}

/// The rule as the RFC tells it, without regard to speed: look for the end, then unstuff.
fn read_slowly(input: &[u8]) -> Outcome {
    let with_command = [b"\r\n", input].concat();
    let end = with_command.windows(5).position(|five| five == b"\r\n.\r\n");
    let (body, rest) = match end {
        Some(end) => (&with_command[..end + 2], Some(with_command[end + 5..].to_vec())),
        None => (with_command.as_slice(), None),
    };
    let mut message = Vec::new();
    for (at, byte) in body.iter().enumerate().skip(2) {
        let stuffed = *byte == b'.' && body[..at].ends_with(b"\r\n");
        if !stuffed {
            message.push(*byte);
        }
    }
    // What cannot be told before the next byte comes is held back.
    if rest.is_none() && body.ends_with(b"\r\n.\r") {
        message.pop();
    }
    let bare = (2..body.len()).any(|at| match body[at] {
        b'\n' => body[at - 1] != b'\r',
        b'\r' => body.get(at + 1).is_some_and(|next| *next != b'\n'),
        _ => false,
    });
    (message, rest, bare)
}

fn check(input: &[u8], message: &[u8], rest: Option<&[u8]>) {
    let (found, found_rest, _) = read_chunks([input]);
    assert_eq!(found, message, "{}", input.escape_ascii());
    assert_eq!(found_rest.as_deref(), rest, "{}", input.escape_ascii());
}

#[test]
fn dots_are_unstuffed_and_the_rest_is_left() {
    check(b".\r\n", b"", Some(b""));
    check(b"a\r\n.\r\nQUIT\r\n", b"a\r\n", Some(b"QUIT\r\n"));
    check(b"..\r\n.\r\n", b".\r\n", Some(b""));
    check(b"a\r\n..b\r\n...\r\n.\r\n", b"a\r\n.b\r\n..\r\n", Some(b""));
    check(b"a.b\r\n. c\r\n.\r\n", b"a.b\r\n c\r\n", Some(b""));
}

#[test]
fn nothing_but_crlf_dot_crlf_ends_a_message() {
    let ends: [&[u8]; 14] = [
        b"\n.\n",
        b"\n.\r\n",
        b"\r.\r",
        b"\r\n.\n",
        b"\r\n.\r",
        b"\r.\r\n",
        b"\n.\r",
        b"\r\n\x00.\r\n",
        b"\r\n.\0\r\n",
        b"\r\n.\r\r\n",
        b"\r\r\n.\n",
        b"\n\r.\r\n",
        b"\r\n. \r\n",
        b"\r\n..\r\n",
    ];
    for end in ends {
        let input = [b"a", end, b"MAIL FROM:<x@y>\r\n"].concat();
        let (_, rest, _) = read_chunks([input.as_slice()]);
        assert_eq!(rest, None, "{} must not end a message", input.escape_ascii());
        let (_, rest, _) = read_chunks(input.chunks(1).chain([b"\r\n.\r\n".as_slice()]));
        assert_eq!(rest.as_deref(), Some(b"".as_slice()), "{} and a true end", input.escape_ascii());
    }
}

#[test]
fn bare_line_ends_are_kept_and_marked() {
    assert_eq!(read_chunks([b"a\nb\r\n.\r\n".as_slice()]), (b"a\nb\r\n".to_vec(), Some(vec![]), true));
    assert_eq!(read_chunks([b"a\rb\r\n.\r\n".as_slice()]), (b"a\rb\r\n".to_vec(), Some(vec![]), true));
    assert!(!read_chunks([b"a\r\n\r\nb\r\n.\r\n".as_slice()]).2);
}

/// Bytes that matter to the reader come often, and now and then a run long enough for whole blocks.
fn wire() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just(b"\r\n".to_vec()),
        3 => Just(b".".to_vec()),
        2 => Just(b"\r".to_vec()),
        2 => Just(b"\n".to_vec()),
        1 => Just(b"\r\n.\r\n".to_vec()),
        2 => Just(b"a".to_vec()),
        1 => (1usize..150).prop_map(|length| vec![b'x'; length]),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn reads_as_the_slow_rule_does(input in wire()) {
        prop_assert_eq!(read_chunks([input.as_slice()]), read_slowly(&input));
    }

    #[test]
    fn chunk_borders_change_nothing(input in wire(), size in 1usize..70) {
        prop_assert_eq!(read_chunks(input.chunks(size)), read_chunks([input.as_slice()]));
    }

    #[test]
    fn a_stuffed_message_comes_back(body in wire()) {
        let mut wire = Vec::new();
        let mut body = body;
        body.extend_from_slice(b"\r\n");
        for (at, byte) in body.iter().enumerate() {
            if *byte == b'.' && (at == 0 || body[..at].ends_with(b"\r\n")) {
                wire.push(b'.');
            }
            wire.push(*byte);
        }
        wire.extend_from_slice(b".\r\nNOOP\r\n");
        let (message, rest, _) = read_chunks([wire.as_slice()]);
        prop_assert_eq!(message, body);
        prop_assert_eq!(rest.as_deref(), Some(b"NOOP\r\n".as_slice()));
    }

    /// smtp-proto differs in two places, left out here: it does not count the CRLF of the DATA command,
    /// and takes CRLF.CR CRLF for an end.
    #[test]
    fn agrees_with_smtp_proto(input in wire()) {
        let input = [b"a\r\n", input.as_slice()].concat();
        prop_assume!(!input.windows(3).any(|three| three == b".\r\r") && !input.ends_with(b".\r"));
        let mut message = Vec::new();
        let mut left = input.iter();
        let ended = smtp_proto::request::receiver::DataReceiver::new().ingest(&mut left, &mut message);
        let rest = ended.then(|| left.as_slice().to_vec());
        let (ours, our_rest, _) = read_chunks([input.as_slice()]);
        prop_assert_eq!((ours, our_rest), (message, rest));
    }
}

/// Any bytes at all, those that matter more often, with their neighbors, which differ in one bit.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte =
        prop_oneof![3 => Just(b'\r'), 3 => Just(b'\n'), 3 => Just(b'.'), 3 => 9u8..16, 12 => any::<u8>()];
    prop::collection::vec(byte, 0..300)
}

proptest! {
    #[test]
    fn line_ends_are_found_among_any_bytes(bytes in bytes(), from in 0usize..300) {
        let bytes = bytes.get(from..).unwrap_or_default();
        let slow = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len());
        prop_assert_eq!(super::up_to_line_end(bytes), slow);
    }

    #[test]
    fn any_bytes_are_read_as_the_slow_rule_does(input in bytes()) {
        prop_assert_eq!(read_chunks([input.as_slice()]), read_slowly(&input));
    }
}
