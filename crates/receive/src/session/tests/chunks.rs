//! BDAT (RFC 3030).

use super::*;

const ENVELOPE: &str = "MAIL FROM:<a@b>\r\nRCPT TO:<a@x>\r\n";

/// Greeted, with an envelope given.
fn begun() -> Talk {
    let mut talk = Talk::greeted();
    talk.say(ENVELOPE);
    talk.heard();
    talk
}

#[test]
fn chunks_make_one_message() {
    let mut talk = begun();
    talk.say("BDAT 9\r\n.\r\n..\r\nQUBDAT 6\r\nIT\r\n.\nBDAT 0 LAST\r\nNOOP\r\n");
    assert_eq!(talk.codes(), "250 2.0.0\n250 2.0.0\n250 2.0.0\n250 2.0.0\n");
    assert_eq!(talk.messages[0].raw.rest(), b".\r\n..\r\nQUIT\r\n.\n", "as it came, dots and all");
    assert!(talk.messages[0].bare_line_ends);
    talk.say(ENVELOPE).say("BDAT 5 LAST\r\na\r\nb\rBDAT 2 LAST\r\nx");
    assert!(talk.messages[1].bare_line_ends, "a CR at the very end");
    talk.heard();
    talk.say("y");
    assert_eq!(talk.codes(), "503 5.5.1\n", "the transaction was over");
    talk.say(ENVELOPE).say("BDAT 6 LAST\r\na\r\n\r\nb");
    assert!(!talk.messages[2].bare_line_ends);
}

#[test]
fn data_and_chunks_do_not_go_together() {
    let mut talk = begun();
    talk.say("BDAT 2\r\nab");
    talk.heard();
    talk.check("DATA", "503 5.5.1 ").check("RCPT TO:<b@x>", "503 5.5.1 ").check("MAIL FROM:<>", "503 5.5.1 ");
    talk.check("RSET", "250 ").check("DATA", "503 5.5.1 ");
    talk.say(ENVELOPE).say("DATA\r\nnew\r\n.\r\n");
    assert_eq!(talk.messages.len(), 1);
    assert_eq!(talk.messages[0].raw.rest(), b"new\r\n", "RSET forgot what came before it");
}

#[test]
fn a_refused_chunk_is_read_to_its_end() {
    let mut talk = Talk::greeted();
    talk.say("BDAT 6\r\nQUIT\r\nMAIL FROM:<a@b>\r\nBDAT 6 LAST\r\nQUIT\r\nRCPT TO:<unknown@x>\r\nNOOP\r\n");
    assert_eq!(talk.codes(), "503 5.5.1\n250 2.1.0\n503 5.5.1\n550 5.1.1\n250 2.0.0\n");
    assert!(talk.messages.is_empty());
}

#[test]
fn a_chunk_of_unknown_size_ends_the_session() {
    for bad in ["BDAT x LAST", "BDAT", "BDAT 5 FIRST"] {
        let mut talk = begun();
        talk.say(&format!("{bad}\r\nMAIL FROM:<evil@y>\r\n"));
        assert_eq!((talk.codes().as_str(), talk.events.as_str()), ("501 5.5.4\n", "close\n"));
    }
}

#[test]
fn the_size_limit_is_over_all_chunks() {
    let mut talk = begun();
    let half = "x".repeat(600);
    talk.say(&format!("BDAT 600\r\n{half}BDAT 600\r\n{half}BDAT 1\r\nxBDAT 0 LAST\r\nRCPT TO:<a@x>\r\n"));
    assert_eq!(talk.codes(), "250 2.0.0\n552 5.3.4\n552 5.3.4\n552 5.3.4\n503 5.5.1\n");
    talk.say(ENVELOPE).say(&format!("BDAT 1000 LAST\r\n{}", "x".repeat(1000)));
    assert_eq!(talk.messages[0].raw.rest().len(), 1000);
}

#[test]
fn chunks_without_room_are_asked_for_again() {
    let room = InFlight::new(15);
    let mut talk = Talk::with(|settings| settings.in_flight = Arc::clone(&room));
    talk.say("EHLO x\r\n").say(ENVELOPE);
    talk.heard();
    talk.say("BDAT 10\r\n0123456789");
    assert_eq!(room.free_bytes(), 5);
    talk.say("BDAT 10 LAST\r\n0123456789");
    assert_eq!(talk.codes(), "250 2.0.0\n452 4.3.1\n");
    assert_eq!(room.free_bytes(), 15);
    talk.say(ENVELOPE).say("BDAT 10\r\n0123456789RSET\r\n");
    assert_eq!(room.free_bytes(), 15, "given back by RSET");
}

#[test]
fn lmtp_answers_the_last_chunk_for_each() {
    let envelope = "MAIL FROM:<a@b>\r\nRCPT TO:<one@x>\r\nRCPT TO:<full@x>\r\n";
    let mut talk = Talk::lmtp();
    talk.say(envelope);
    talk.heard();
    talk.say("BDAT 1\r\naBDAT 1 LAST\r\nb");
    assert_eq!(talk.codes(), "250 2.0.0\n250 2.0.0\n451 4.3.0\n");
    talk.say(envelope);
    talk.heard();
    talk.say(&format!("BDAT 2000\r\n{}BDAT 0 LAST\r\n", "x".repeat(2000)));
    assert_eq!(talk.codes(), "552 5.3.4\n552 5.3.4\n552 5.3.4\n");
}

#[test]
fn many_chunks_are_no_chat() {
    let mut talk = Talk::with(|settings| settings.message_bytes_max = limits::MESSAGE_BYTES_MAX);
    talk.say("EHLO x\r\n").say(ENVELOPE);
    for _ in 0..=limits::COMMANDS_PER_MESSAGE_MAX {
        talk.say("BDAT 2\r\n\r\n");
    }
    talk.say("BDAT 0 LAST\r\n");
    assert_eq!(talk.messages[0].raw.rest().len(), 2 * (limits::COMMANDS_PER_MESSAGE_MAX + 1));
    let mut talk = begun();
    for _ in 0..=limits::COMMANDS_PER_MESSAGE_MAX {
        talk.say("BDAT 0\r\n");
    }
    assert_eq!(talk.events, "close\n", "but empty ones are");
}
