//! AUTH (RFC 4954).

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::*;
use crate::auth::scram::client::last_message;
use crate::rates::{PerMinute, Rates};

fn plain(name: &str, secret: &str) -> String {
    format!("AUTH PLAIN {}", BASE64.encode(format!("\0{name}\0{secret}")))
}

#[test]
fn auth_is_offered_under_tls_alone() {
    let folder = tempfile::tempdir().unwrap();
    let config = crate::tls::self_signed(folder.path(), "sink.example").unwrap();
    let mut talk = Talk::with(|settings| {
        settings.tls = Some(config);
        settings.nonces = Some(Arc::new(|| Some([5; 18])));
    });
    talk.say("EHLO x\r\n");
    assert!(!talk.heard().contains("AUTH"));
    talk.check(&plain(NAME, SECRET), "538 5.7.11 ").check("STARTTLS", "220 ");
    talk.check(&plain(NAME, SECRET), "503 5.5.1 ");
    talk.say("EHLO x\r\n");
    assert!(talk.heard().contains("250-AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN\r\n"));
    talk.check(&plain(NAME, SECRET), "235 2.7.0 ").check(&plain(NAME, SECRET), "503 5.5.1 ");
    talk.check("MAIL FROM:<a@b> AUTH=<>", "250 ").check("RCPT TO:<a@x>", "250 ").check("DATA", "354 ");
    talk.check("x\r\n.", "250 ");
    assert_eq!(talk.messages[0].peer.credential, Some(Id([7; 16])));
    assert!(talk.messages[0].trace_header.contains("with ESMTPSA;"));
    Talk::greeted().check(&plain(NAME, SECRET), "502 5.5.1 ");
}

#[test]
fn responses_may_come_one_by_one() {
    let mut talk = Talk::secure();
    talk.check("AUTH PLAIN", "334 \r\n");
    talk.check(&BASE64.encode(format!("\0{NAME}\0{SECRET}")), "235 ");
    let mut talk = Talk::secure();
    talk.check("AUTH login", "334 VXNlcm5hbWU6").check(&BASE64.encode(NAME), "334 UGFzc3dvcmQ6");
    talk.check(&BASE64.encode(SECRET), "235 ");
    let mut talk = Talk::secure();
    talk.check("AUTH PLAIN", "334 ").check("*", "501 5.7.0 ").check("AUTH PLAIN", "334 ");
    talk.check("no base64!", "501 5.5.2 ").check("AUTH PLAIN =", "501 5.5.2 ").check("NOOP", "250 ");
    talk.check("AUTH", "501 5.5.4 ").check("AUTH CRAM-MD5", "504 5.5.4 ").check("AUTH PLAIN", "334 ");
    talk.check(&"x".repeat(limits::COMMAND_BYTES_MAX), "500 5.5.6 ").check("NOOP", "250 ");
    talk.check("MAIL FROM:<a@b>", "250 ").check(&plain(NAME, SECRET), "503 5.5.1 ");
}

#[test]
fn scram_goes_by_three_lines() {
    let mut talk = Talk::secure();
    let (header, bare) = ("p=tls-exporter,,", format!("n={NAME},r=abc"));
    talk.say(&format!("AUTH SCRAM-SHA-256-PLUS {}\r\n", BASE64.encode(format!("{header}{bare}"))));
    let heard = talk.heard();
    let challenge = BASE64.decode(heard.strip_prefix("334 ").unwrap().trim_end()).unwrap();
    let binding = [header.as_bytes(), &BOUND].concat();
    let last = last_message(&bare, std::str::from_utf8(&challenge).unwrap(), &binding, SECRET);
    talk.check(&BASE64.encode(last), "334 dj").check("", "235 2.7.0 ");
    assert_eq!(talk.session.peer.credential, Some(Id([7; 16])));
}

#[test]
fn wrong_secrets_end_the_session() {
    let mut talk = Talk::secure();
    talk.check(&plain("nobody@x", SECRET), "535 5.7.8 ").check(&plain(NAME, "wrong"), "535 5.7.8 ");
    talk.check(&plain("later@x", SECRET), "454 4.7.0 ");
    talk.say(&format!("{}\r\nNOOP\r\n", plain(NAME, "wrong")));
    assert_eq!(talk.codes(), "535 5.7.8\n421 4.7.0\n");
    assert_eq!(talk.events, "close\n");
}

#[test]
fn wrong_secrets_of_a_stranger_are_counted_over_sessions() {
    let rates = Arc::new(Rates::new(PerMinute { failures: 2, ..PerMinute::default() }));
    let stranger = || {
        Talk::secure_with(|settings| {
            settings.trusted.clear();
            settings.rates = Arc::clone(&rates);
        })
    };
    stranger().check(&plain(NAME, "wrong"), "535 ").check(&plain(NAME, "wrong"), "535 ");
    stranger().check(&plain(NAME, SECRET), "421 4.7.0 ");
}

#[test]
fn challenges_that_nobody_answers_are_failures_of_a_stranger() {
    let rates = Arc::new(Rates::new(PerMinute { failures: 3, ..PerMinute::default() }));
    let stranger = || {
        Talk::secure_with(|settings| {
            settings.trusted.clear();
            settings.rates = Arc::clone(&rates);
        })
    };
    let asks = format!("AUTH SCRAM-SHA-256 {}", BASE64.encode(format!("n,,n={NAME},r=abc")));
    stranger().check(&asks, "334 ").check("*", "501 5.7.0 ").check(&asks, "334 ").check("!", "501 5.5.2 ");
    stranger().check(&asks, "334 ");
    stranger().check(&plain(NAME, SECRET), "421 4.7.0 ");
}

#[test]
fn a_proof_is_no_failure() {
    let rates = Arc::new(Rates::new(PerMinute { failures: 1, ..PerMinute::default() }));
    for _ in 0..3 {
        let mut talk = Talk::secure_with(|settings| {
            settings.trusted.clear();
            settings.rates = Arc::clone(&rates);
        });
        let bare = format!("n={NAME},r=abc");
        talk.say(&format!("AUTH SCRAM-SHA-256 {}\r\n", BASE64.encode(format!("n,,{bare}"))));
        let heard = talk.heard();
        let challenge = BASE64.decode(heard.strip_prefix("334 ").unwrap().trim_end()).unwrap();
        let last = last_message(&bare, std::str::from_utf8(&challenge).unwrap(), b"n,,", SECRET);
        talk.check(&BASE64.encode(last), "334 dj").check("", "235 2.7.0 ");
    }
}

#[test]
fn a_proven_peer_is_no_stranger_to_rates_and_learns_no_addresses() {
    let rates = Arc::new(Rates::new(PerMinute { messages: 0, ..PerMinute::default() }));
    let mut talk = Talk::secure_with(|settings| {
        settings.trusted.clear();
        settings.rates = rates;
    });
    talk.check("MAIL FROM:<a@b>", "450 4.7.1 ").check(&plain(NAME, SECRET), "235 ");
    talk.check("MAIL FROM:<a@b>", "250 ").check("RCPT TO:<unknown@x>", "550 5.7.1 ");
}

#[test]
fn strangers_send_only_so_much() {
    let rates = Arc::new(Rates::new(PerMinute { messages: 2, recipients: 1, ..PerMinute::default() }));
    let talk = |is_stranger: bool| {
        let mut talk = Talk::with(|settings| {
            settings.rates = Arc::clone(&rates);
            if is_stranger {
                settings.trusted.clear();
            }
        });
        talk.say("EHLO x\r\n");
        talk.heard();
        talk
    };
    let mut stranger = talk(true);
    stranger
        .check("MAIL FROM:<>", "250 ")
        .check("RCPT TO:<a@x>", "250 ")
        .check("RCPT TO:<b@x>", "450 4.7.1 ");
    stranger.check("DATA", "354 ").check("x\r\n.", "250 ").check("MAIL FROM:<>", "250 ");
    stranger.check("RSET", "250 ").check("MAIL FROM:<>", "450 4.7.1 ");
    talk(true).check("MAIL FROM:<>", "450 4.7.1 ");
    let mut trusted = talk(false);
    for _ in 0..5 {
        trusted.check("MAIL FROM:<>", "250 ").check("RCPT TO:<a@x>", "250 ").check("RCPT TO:<b@x>", "250 ");
        trusted.check("RSET", "250 ");
    }
}
