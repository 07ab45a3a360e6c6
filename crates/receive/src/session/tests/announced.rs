//! XCLIENT, and headers of the PROXY protocol where none may come.

use super::*;

fn relay() -> Talk {
    let mut talk = Talk::with(|settings| settings.announcers = vec!["192.0.2.7".parse().unwrap()]);
    talk.say("EHLO relay.example\r\n");
    assert!(talk.heard().contains("250-XCLIENT NAME ADDR PORT PROTO HELO DESTADDR DESTPORT\r\n"));
    talk
}

#[test]
fn a_named_relay_speaks_for_others() {
    let mut talk = relay();
    talk.check("XCLIENT ADDR=198.51.100.9 HELO=far.example NAME=[UNAVAILABLE]", "220 sink.example ");
    talk.check("MAIL FROM:<a@b>", "503 5.5.1 ");
    talk.say("EHLO relay.example\r\n");
    assert!(!talk.heard().contains("XCLIENT"));
    // Whom it speaks for is a stranger, though the relay is none.
    talk.check("MAIL FROM:<a@b>", "250 ").check("RCPT TO:<unknown@x>", "550 5.7.1 ");
    talk.check("RCPT TO:<a@x>", "250 ").check("DATA", "354 ").check("x\r\n.", "250 ");
    let peer = &talk.messages[0].peer;
    assert_eq!((peer.address.to_string().as_str(), peer.helo.as_str()), ("198.51.100.9", "far.example"));
    // The client behind the relay cannot go on choosing who it is.
    talk.check("XCLIENT ADDR=192.0.2.1", "550 5.7.1 ");
}

#[test]
fn others_may_not_announce() {
    let mut talk = Talk::greeted();
    talk.check("XCLIENT ADDR=127.0.0.1", "550 5.7.1 ").check("NOOP", "250 ");
    talk.say("PROXY TCP4 127.0.0.1 127.0.0.1 1 25\r\nEHLO x\r\n");
    assert_eq!((talk.codes().as_str(), talk.events.as_str()), ("550 5.7.1\n", "close\n"));
    let mut talk = Talk::with(|_| {});
    talk.heard();
    talk.feed(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01\0\x01\0\x19EHLO x\r\n");
    assert_eq!(talk.codes(), "500 5.5.1\n500 5.5.1\n550 5.7.1\n");
    assert_eq!(talk.events, "close\n");
}

#[test]
fn what_is_wrong_with_an_announcement_changes_nothing() {
    let mut talk = relay();
    talk.check("XCLIENT", "501 5.5.4 ").check("XCLIENT LOGIN=anna", "555 5.5.4 ");
    talk.check("XCLIENT ADDR=here", "501 5.5.4 ").check("MAIL FROM:<a@b>", "250 ");
    talk.check("XCLIENT ADDR=198.51.100.9", "503 5.5.1 ");
    assert_eq!(talk.session.peer.address.to_string(), "192.0.2.7");
}

#[test]
fn a_client_without_an_address_brings_no_mail() {
    let mut talk = relay();
    talk.check("XCLIENT ADDR=[UNAVAILABLE]", "220 ");
    talk.say("EHLO x\r\n");
    talk.heard();
    talk.check("MAIL FROM:<a@b>", "450 4.7.1 ").check("XCLIENT ADDR=192.0.2.1", "550 5.7.1 ");
    talk.check("QUIT", "221 ");
}

#[test]
fn nobody_becomes_this_machine_by_being_announced() {
    for here in ["127.0.0.1", "IPV6:::1"] {
        let mut talk = Talk::with(|settings| {
            settings.announcers = vec!["192.0.2.7".parse().unwrap(), "127.0.0.0/8".parse().unwrap()];
        });
        talk.say("EHLO x\r\n");
        talk.heard();
        talk.check(&format!("XCLIENT ADDR={here}"), "220 ");
        talk.say("EHLO x\r\n");
        assert!(!talk.heard().contains("XCLIENT"));
        talk.check("MAIL FROM:<a@b>", "450 4.7.1 ").check("XCLIENT ADDR=192.0.2.1", "550 5.7.1 ");
    }
}

#[test]
fn a_stranger_with_enough_connections_gets_no_more_by_a_relay() {
    let mut talk = Talk::with(|settings| {
        settings.announcers = settings.trusted.clone();
        settings.connections_per_stranger_max = 0;
    });
    talk.say("EHLO x\r\n");
    talk.heard();
    talk.check("XCLIENT ADDR=198.51.100.9", "421 4.7.0 ");
    assert_eq!(talk.events, "close\n");
}
