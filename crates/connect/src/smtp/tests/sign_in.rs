//! Who we are, and what a server may know of it.

use super::*;
use crate::secret::{Login, Secret};
use crate::target::{Target, TlsMode};

const NAME: &str = "bmFtZQ==";
const SECRET: &str = "Z2VoZWlt";

fn password() -> Login {
    Login::Password { user: "name".to_owned(), secret: Secret::new("geheim".to_owned()) }
}

/// How signing in with a password ends where the server offers these mechanisms, and what it heard.
async fn sign_in(mechanisms: &str, rest: &str, is_private: bool) -> (Option<ConnectError>, String) {
    sign_in_with(&password(), mechanisms, rest, is_private).await
}

async fn sign_in_with(
    login: &Login,
    mechanisms: &str,
    rest: &str,
    is_private: bool,
) -> (Option<ConnectError>, String) {
    let table = format!("S 220 b.test\nC EHLO\nS 250-b.test\nS 250 {mechanisms}\n{rest}");
    let (mut smtp, server) = open(&table).await;
    let hello = Hello { name: "us.test", nonce: &[7; NONCE_BYTES] };
    let signed_in = smtp.session.sign_in(login, &hello, is_private).await;
    drop(smtp);
    (signed_in.err().map(|error| error.without(&login.forms())), server.await.unwrap())
}

#[tokio::test]
async fn passwords_go_by_the_best_way_there_is() {
    let plain = "C AUTH PLAIN\nS 334 \nC AG5hbWUAZ2VoZWlt\nS 235 2.7.0 in";
    let login =
        format!("C AUTH LOGIN\nS 334 VXNlcm5hbWU6\nC {NAME}\nS 334 UGFzc3dvcmQ6\nC {SECRET}\nS 235 in");
    let instead = format!("C AUTH SCRAM-SHA-256\nS 334 \nC \nS 535 5.7.8 no\n{plain}");
    for (mechanisms, rest) in [
        ("AUTH LOGIN PLAIN", plain),
        ("AUTH=LOGIN PLAIN", plain),
        ("AUTH LOGIN XOAUTH2", login.as_str()),
        ("AUTH SCRAM-SHA-256 PLAIN", instead.as_str()),
    ] {
        let (error, heard) = sign_in(mechanisms, rest, true).await;
        assert_eq!(error, None, "{mechanisms} {heard}");
    }
}

#[tokio::test]
async fn tokens_go_as_the_server_knows_them() {
    let login = Login::Bearer { user: "name".to_owned(), token: Secret::new("t".to_owned()) };
    let standard = "C AUTH OAUTHBEARER\nS 334 \nC bixhPW5hbWUs\nS 235 in";
    let older = "C AUTH XOAUTH2\nS 334 \nC dXNlcj1uYW1l\nS 235 in";
    // What is wrong is told by a challenge, and the refusal follows the answer.
    let expired = "C AUTH XOAUTH2\nS 334 \nC dXNlcj1uYW1l\nS 334 e30=\nC \nS 535 5.7.3 expired";
    for (mechanisms, rest, kind) in [
        ("AUTH PLAIN XOAUTH2 OAUTHBEARER", standard, None),
        ("AUTH LOGIN XOAUTH2", older, None),
        ("AUTH LOGIN XOAUTH2", expired, Some(Kind::Refused)),
        ("AUTH LOGIN PLAIN", "hang", Some(Kind::NotOffered)),
    ] {
        let (error, heard) = sign_in_with(&login, mechanisms, rest, true).await;
        assert_eq!(error.map(|error| error.kind), kind, "{mechanisms} {heard}");
    }
}

#[tokio::test]
async fn what_a_refusal_means() {
    let answered = |reply: &str| format!("C AUTH PLAIN\nS 334 \nC AG5hbWUAZ2VoZWlt\nS {reply}");
    for (reply, kind) in [
        ("535 5.7.8 wrong", Kind::Refused),
        ("534 5.7.9 too weak", Kind::Refused),
        ("454 4.7.0 later", Kind::Declined),
        ("538 5.7.11 TLS first", Kind::NoPermission),
        ("421 bye", Kind::Closed),
        ("334 more", Kind::Protocol),
    ] {
        let (error, _) = sign_in("AUTH PLAIN", &answered(reply), true).await;
        assert_eq!(error.map(|error| error.kind), Some(kind), "{reply}");
    }
    let (error, _) = sign_in("AUTH CRAM-MD5", "hang", true).await;
    assert_eq!(error.map(|error| error.kind), Some(Kind::NotOffered));
    // A server that repeats what it was sent tells nobody the password.
    let (error, _) = sign_in("AUTH PLAIN", &answered("535 not AG5hbWUAZ2VoZWlt or geheim"), true).await;
    assert_eq!(error.unwrap().words, "the server says: not … or …");
}

#[tokio::test]
async fn a_line_that_can_be_read_hears_no_password() {
    for mechanisms in ["AUTH PLAIN LOGIN", "AUTH LOGIN"] {
        let (error, heard) = sign_in(mechanisms, "hang", false).await;
        assert_eq!(error.map(|error| error.kind), Some(Kind::NotOffered));
        assert!(!heard.contains("AUTH"), "{heard}");
    }
    // SCRAM shows nothing; where it is refused, PLAIN is not tried.
    let refused = "C AUTH SCRAM-SHA-256\nS 334 \nC \nS 535 no\nhang";
    let (error, heard) = sign_in("AUTH SCRAM-SHA-256 PLAIN", refused, false).await;
    assert_eq!(error.map(|error| error.kind), Some(Kind::Refused));
    assert!(!heard.contains("PLAIN"), "{heard}");
}

#[tokio::test]
async fn tls_begins_or_nothing_does() {
    let target = Target {
        host: "b.test".to_owned(),
        port: 587,
        tls: TlsMode::Starttls,
        authority: None,
        is_trusted_line: false,
    };
    for (reply, kind) in [
        ("S 502 what", Kind::NotOffered),
        ("S 454 4.7.0 later", Kind::Declined),
        ("S 220 go\nS 250 injected", Kind::Tls),
        ("S 421 bye", Kind::Closed),
    ] {
        // Whether it is offered does not matter: somebody in between may have taken that away.
        let (smtp, _server) =
            open(&format!("S 220 b.test\nC EHLO\nS 250 b.test\nC STARTTLS\n{reply}\nhang")).await;
        let secured = smtp.session.starttls(&target).await;
        assert_eq!(secured.err().map(|error| error.kind), Some(kind), "{reply}");
    }
}

#[tokio::test]
async fn servers_that_greet_strangely_are_left() {
    for (table, kind) in [
        ("S 554 5.7.1 not you", Kind::NoPermission),
        ("S 421 too many", Kind::Closed),
        ("S 450 later", Kind::Closed),
        ("S * OK IMAP", Kind::Protocol),
        ("R \u{16}\u{3}\u{1}", Kind::Closed),
        ("stall", Kind::TimedOut),
        ("S 220 b.test\nC EHLO\nS 250-b.test\nS 220 b.test", Kind::Protocol),
        ("S 220 b.test\nC EHLO\nS 502 what\nC HELO\nS 502 what", Kind::NoPermission),
        ("S 220 b.test\nC EHLO\nS 451 later", Kind::Declined),
        ("S 220 b.test\nS 250 b.test\nhang", Kind::Protocol),
    ] {
        let (wire, server) = script::line(table);
        let begun = Session::begun(wire, Manner::Smtp, "us.test").await;
        assert_eq!(begun.err().map(|error| error.kind), Some(kind), "{table}");
        drop(server);
    }
    let (wire, _server) = script::line("S 220 b.test\nhang");
    let begun = Session::begun(wire, Manner::Smtp, "us.test\r\nMAIL").await;
    assert_eq!(begun.err().map(|error| error.kind), Some(Kind::Here));
    let old = open("S 220 b.test\nC EHLO\nS 500 what\nC HELO us.test\nS 250 b.test").await;
    assert_eq!(old.0.can().names().count(), 0);
}
