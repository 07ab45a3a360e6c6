//! Conversations with servers that are lines in a table: what is asked, what is believed.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::*;
use crate::error::Kind;
use crate::secret::{Login, Secret};
use crate::wire::{Patience, Wire};

const PATIENCE: Patience =
    Patience { connect: Duration::from_secs(20), answer: Duration::from_secs(20), bytes_per_second: 1_000 };

const SELECTED: &str =
    "* 3 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 40] x\r\np1 OK [READ-WRITE] done\r\n";

/// A session in which INBOX is selected, with a server that answers one command after the other; the server gives back
/// what it was asked.
async fn selected(
    can: &str,
    answers: &'static [&'static str],
) -> (Session, tokio::task::JoinHandle<Vec<String>>) {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let server = tokio::spawn(serve(theirs, answers));
    let mut session = Session::over(Wire::over(Box::new(ours), PATIENCE));
    session.can = Capabilities::read(can.as_bytes().split(|byte| *byte == b' '), false);
    let opened = session.select(&FolderName::inbox()).await.unwrap();
    assert_eq!((opened.uidvalidity, opened.uidnext, opened.exists), (9, Some(40), 3));
    (session, server)
}

async fn serve(mut stream: DuplexStream, answers: &'static [&'static str]) -> Vec<String> {
    let mut asked = Vec::new();
    for answer in [SELECTED].iter().chain(answers) {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            match stream.read_u8().await {
                Ok(byte) => line.push(byte),
                Err(_) => return asked,
            }
        }
        asked.push(String::from_utf8(line).unwrap().trim_end().to_owned());
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
    asked
}

fn uids(uids: &[u64]) -> UidSet {
    uids.iter().filter_map(|uid| Uid::new(*uid)).collect()
}

#[derive(Default)]
struct Kept {
    coming: Vec<u8>,
    bodies: Vec<(u32, String)>,
}

impl BodySink for Kept {
    async fn begin(&mut self, _: u64) -> io::Result<()> {
        self.coming.clear();
        Ok(())
    }

    async fn piece(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.coming.extend_from_slice(bytes);
        Ok(())
    }

    async fn end(&mut self, uid: Uid) -> io::Result<()> {
        let body = String::from_utf8_lossy(&std::mem::take(&mut self.coming)).into_owned();
        self.bodies.push((uid.get(), body));
        Ok(())
    }
}

#[tokio::test]
async fn bodies_are_those_that_were_asked_for() {
    let (mut session, server) = selected(
        "",
        &["* 1 FETCH (BODY[] {3}\r\none UID 5)\r\n* 9 FETCH (FLAGS (\\Seen))\r\n\
           * 2 FETCH (UID 6 BODY[] NIL)\r\n* 3 FETCH (UID 7 BODY[] \"x\")\r\np2 OK done\r\n"],
    )
    .await;
    let mut kept = Kept::default();
    session.bodies(&uids(&[5, 6, 7, 8]), &mut kept).await.unwrap();
    assert_eq!(kept.bodies, [(5, "one".to_owned()), (7, "x".to_owned())]);
    assert_eq!(server.await.unwrap(), ["p1 SELECT \"INBOX\"", "p2 UID FETCH 5:8 (UID BODY.PEEK[])"]);
}

#[tokio::test]
async fn a_body_of_another_message_ends_the_session() {
    for answer in [
        "* 1 FETCH (UID 9 BODY[] {3}\r\none)\r\np2 OK done\r\n",
        "* 1 FETCH (BODY[] {3}\r\none)\r\np2 OK done\r\n",
        "* 1 FETCH (UID 5 BODY[] {3}\r\none)\r\n* 1 FETCH (UID 5 BODY[] {3}\r\ntwo)\r\np2 OK done\r\n",
    ] {
        let (mut session, _server) = selected("", Box::leak(Box::new([answer]))).await;
        let mut kept = Kept::default();
        let error = session.bodies(&uids(&[5]), &mut kept).await.unwrap_err();
        assert_eq!(error.kind, Kind::Protocol, "{answer}");
        assert!(kept.bodies.len() < 2);
        let later = session.exists(&uids(&[5])).await.unwrap_err();
        assert_eq!(later.kind, Kind::Closed, "nothing more is asked");
    }
}

#[tokio::test]
async fn only_its_own_tag_ends_a_command() {
    for answer in ["p1 OK done\r\n", "x OK done\r\n", "+ go on\r\n", "* 1 FETCH (UID 5 BODY[] {1}\r\na)\r\n"]
    {
        let (mut session, _server) = selected("", Box::leak(Box::new([answer]))).await;
        let error = session.exists(&uids(&[5])).await.unwrap_err();
        assert_eq!(error.kind, Kind::Protocol, "{answer}");
    }
    for (answer, kind) in [
        ("* BYE we close\r\n", Kind::Closed),
        ("* OK [UIDVALIDITY 10] other\r\np2 OK done\r\n", Kind::Closed),
        ("p2 NO [OVERQUOTA] full\r\n", Kind::Quota),
        ("p2 NO later\r\n", Kind::Declined),
        ("p2 BAD what\r\n", Kind::Protocol),
    ] {
        let (mut session, _server) = selected("", Box::leak(Box::new([answer]))).await;
        let error = session.exists(&uids(&[5])).await.unwrap_err();
        assert_eq!(error.kind, kind, "{answer}");
        let is_left = error.leaves_the_session();
        let again = session.exists(&uids(&[5])).await.unwrap_err();
        assert_eq!(again.words.contains("broken off"), !is_left, "{answer}");
    }
}

#[tokio::test]
async fn a_list_holds_what_was_asked_for() {
    let (mut session, server) = selected(
        "",
        &["* 2 FETCH (FLAGS () UID 6 RFC822.SIZE 7)\r\n* 1 FETCH (FLAGS (\\Deleted) UID 5 RFC822.SIZE 6)\r\n\
           * 3 FETCH (UID 7)\r\n* 77 FETCH (FLAGS () UID 9 RFC822.SIZE 9)\r\n* 4 EXISTS\r\np2 OK done\r\n",
          "* 1 FETCH (FLAGS () UID 5 RFC822.SIZE 1)\r\n* 2 FETCH (FLAGS () UID 5 RFC822.SIZE 1)\r\np3 OK done\r\n"],
    )
    .await;
    let window = Window { first: 1, count: 1_000 };
    let listed = session.list(window).await.unwrap();
    let listed: Vec<_> = listed.iter().map(|m| (m.uid.get(), m.size, m.flags.is_deleted)).collect();
    assert_eq!(listed, [(5, 6, true), (6, 7, false)]);
    assert_eq!(session.list(window).await.unwrap_err().kind, Kind::Protocol, "two messages, one UID");
    let asked = server.await.unwrap();
    let items = "(UID FLAGS INTERNALDATE RFC822.SIZE)";
    assert_eq!(asked[1..], [format!("p2 FETCH 1:3 {items}"), format!("p3 FETCH 1:4 {items}")]);
}

#[tokio::test]
async fn a_message_whose_size_cannot_be_told_keeps_no_other_back() {
    let table = &[
        "* 1 FETCH (FLAGS () UID 5 RFC822.SIZE 50)\r\np2 NO no such size\r\n",
        "* 1 FETCH (UID 5 FLAGS ())\r\n* 2 FETCH (UID 6 FLAGS ())\r\n* 3 FETCH (UID 7 FLAGS ())\r\np3 OK done\r\n",
        "p4 NO no such size\r\n",
        "* 1 FETCH (UID 5 FLAGS () RFC822.SIZE 50)\r\np5 OK done\r\n",
        "p6 NO no such size\r\n",
        "p7 NO no such size\r\n",
        "* 3 FETCH (UID 7 FLAGS () RFC822.SIZE 70)\r\np8 OK done\r\n",
        "p9 NO later\r\n",
        "p10 NO later\r\n",
    ];
    let (mut session, server) = selected("", table).await;
    let window = Window { first: 1, count: 3 };
    let listed = session.list(window).await.unwrap();
    assert_eq!(listed.iter().map(|m| (m.uid.get(), m.size)).collect::<Vec<_>>(), [(5, 50), (6, 0), (7, 70)]);
    assert_eq!(session.list(window).await.unwrap_err().kind, Kind::Declined, "it answers nothing now");
    let items = "(UID FLAGS INTERNALDATE RFC822.SIZE)";
    let asked = server.await.unwrap();
    assert_eq!(
        asked[2..5],
        [
            "p3 FETCH 1:3 (UID FLAGS)".to_owned(),
            format!("p4 UID FETCH 5:7 {items}"),
            format!("p5 UID FETCH 5 {items}")
        ]
    );
}

#[tokio::test]
async fn messages_are_gone_when_the_server_has_them_no_more() {
    let (mut session, server) = selected(
        "UIDPLUS",
        &[
            "p2 OK marked\r\n",
            "* 1 EXPUNGE\r\np3 OK done\r\n",
            "* 1 FETCH (UID 6 FLAGS (\\Deleted))\r\n* 1 FETCH (UID 9 FLAGS ())\r\np4 OK done\r\n",
        ],
    )
    .await;
    let disposed = session.dispose(&uids(&[5, 6]), &Disposal::Delete).await.unwrap();
    assert_eq!(disposed, Disposed { gone: uids(&[5]), flagged: uids(&[6]) });
    let asked = server.await.unwrap();
    assert_eq!(
        asked[1..],
        ["p2 UID STORE 5:6 +FLAGS.SILENT (\\Deleted)", "p3 UID EXPUNGE 5:6", "p4 UID FETCH 5:6 (UID FLAGS)"]
    );
}

#[tokio::test]
async fn without_uidplus_nothing_is_expunged() {
    let (mut session, server) =
        selected("", &["p2 OK marked\r\n", "* 1 FETCH (UID 5 FLAGS (\\Deleted))\r\np3 OK done\r\n"]).await;
    let disposed = session.dispose(&uids(&[5]), &Disposal::Delete).await.unwrap();
    assert_eq!(disposed, Disposed { gone: UidSet::default(), flagged: uids(&[5]) });
    assert!(!server.await.unwrap().iter().any(|command| command.contains("EXPUNGE")));
}

#[tokio::test]
async fn without_uidplus_all_that_is_marked_is_expunged_only_where_that_is_ours_alone() {
    for (marked, is_expunged) in [
        ("* SEARCH 5 6\r\n", true),
        ("* SEARCH 5\r\n", true),
        ("* SEARCH 5 6 7\r\n", false),
        ("* SEARCH\r\n", false),
        ("* ESEARCH (TAG \"p3\") UID ALL 5:6\r\n", false),
        ("", false),
    ] {
        let found: &'static str = Box::leak(format!("{marked}p3 OK done\r\n").into_boxed_str());
        let left: [&'static str; 2] = match is_expunged {
            true => ["* 1 EXPUNGE\r\np4 OK done\r\n", "p5 OK done\r\n"],
            false => ["* 1 FETCH (UID 5 FLAGS (\\Deleted))\r\np4 OK done\r\n", ""],
        };
        let table: &'static [&'static str] =
            Box::leak(Box::new(["p2 OK marked\r\n", found, left[0], left[1]]));
        let (mut session, server) = selected("", table).await;
        let disposed = session.dispose(&uids(&[5]), &Disposal::DeleteAlone(uids(&[6]))).await.unwrap();
        assert_eq!(disposed.gone.contains(Uid::new(5).unwrap()), is_expunged, "{marked}");
        drop(session);
        let asked = server.await.unwrap();
        assert_eq!(asked.contains(&"p4 EXPUNGE".to_owned()), is_expunged, "{asked:?}");
    }
}

#[tokio::test]
async fn a_missing_folder_is_made_for_what_is_moved() {
    let (mut session, server) = selected(
        "MOVE",
        &[
            "p2 NO [TRYCREATE] no such folder\r\n",
            "p3 OK made\r\n",
            "p4 NO\r\n",
            "* OK [COPYUID 1 5 1] x\r\n* 1 EXPUNGE\r\np5 OK\r\n",
            "p6 OK\r\n",
        ],
    )
    .await;
    let to = FolderName::new("Undeliverable").unwrap();
    let disposed = session.dispose(&uids(&[5]), &Disposal::Move(to)).await.unwrap();
    assert_eq!(disposed.gone, uids(&[5]));
    let asked = server.await.unwrap();
    assert_eq!(
        asked[2..5],
        ["p3 CREATE \"Undeliverable\"", "p4 SUBSCRIBE \"Undeliverable\"", "p5 UID MOVE 5 \"Undeliverable\""]
    );
}

#[tokio::test]
async fn what_is_open_to_look_is_not_changed() {
    let (mut session, server) = selected("UIDPLUS MOVE", &[SELECTED_AGAIN]).await;
    session.examine(&FolderName::inbox()).await.unwrap();
    for how in [Disposal::Delete, Disposal::Flag, Disposal::Move(FolderName::inbox())] {
        let error = session.dispose(&uids(&[5]), &how).await.unwrap_err();
        assert_eq!(error.kind, Kind::NotOffered);
    }
    assert_eq!(server.await.unwrap(), ["p1 SELECT \"INBOX\"", "p2 EXAMINE \"INBOX\""]);
}

const SELECTED_AGAIN: &str = "* 3 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\np2 OK done\r\n";

#[tokio::test]
async fn news_end_a_wait_and_idle_is_ended_in_order() {
    let (mut session, server) = selected(
        "IDLE",
        &[
            "* OK Still here\r\n+ idling\r\n* OK Still here\r\n* 4 EXISTS\r\n",
            "p2 OK done\r\n",
            "+ idling\r\n",
            "* 5 EXISTS\r\np3 OK done\r\n",
            "p4 BAD no\r\n",
            "* 6 EXISTS\r\np5 OK done\r\n",
        ],
    )
    .await;
    assert_eq!(session.wait(std::future::pending()).await.unwrap(), Woken::News);
    // What comes between DONE and the end counts, too.
    assert_eq!(session.wait(std::future::ready(())).await.unwrap(), Woken::News);
    // A server that takes IDLE back is asked.
    assert_eq!(session.wait(std::future::ready(())).await.unwrap(), Woken::News);
    assert_eq!(session.folder.unwrap().exists, 6);
    let asked = server.await.unwrap();
    assert_eq!(asked[1..], ["p2 IDLE", "DONE", "p3 IDLE", "DONE", "p4 IDLE", "p5 NOOP"]);
}

#[tokio::test]
async fn a_call_that_is_dropped_ends_the_session() {
    let (mut session, _server) = selected("", &["* OK not yet\r\n", ""]).await;
    let asked = uids(&[5]);
    let call = session.exists(&asked);
    assert!(tokio::time::timeout(Duration::from_millis(50), call).await.is_err());
    assert_eq!(session.exists(&uids(&[5])).await.unwrap_err().kind, Kind::Closed);
}

#[tokio::test]
async fn a_flood_has_an_end() {
    let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
    let mut session = Session::over(Wire::over(Box::new(ours), PATIENCE));
    let flood = tokio::spawn(async move {
        let news = b"* OK x\r\n".repeat(4_000);
        while theirs.write_all(&news).await.is_ok() {}
    });
    let error = session.select(&FolderName::inbox()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Limit);
    drop(session);
    flood.await.unwrap();
}

/// What a server says that answers each line with NO and all of the line, where it is asked to sign in.
async fn repeated(can: &str, login: &Login) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let greeting = format!("* OK [CAPABILITY IMAP4rev1 {can}] here\r\n");
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(greeting.as_bytes()).await.unwrap();
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(stream.read_u8().await.unwrap());
        }
        let line = String::from_utf8(line).unwrap();
        let tag = line.split(' ').next().unwrap();
        stream.write_all(format!("{tag} NO what is {line}").as_bytes()).await.unwrap();
    });
    let (host, tls) = ("127.0.0.1".to_owned(), crate::target::TlsMode::None);
    let target = crate::target::Target { host, port, tls, authority: None, is_trusted_line: false };
    let error = Session::open(&target, login, &[7; NONCE_BYTES], PATIENCE).await.err().unwrap();
    server.await.unwrap();
    assert_eq!(error.kind, Kind::Refused);
    error.words
}

/// Words go to a page that others read.
#[tokio::test]
async fn a_secret_that_is_repeated_is_not_told() {
    let password =
        |secret: &str| Login::Password { user: "jane".to_owned(), secret: Secret::new(secret.to_owned()) };
    let told = repeated("", &password("hun\"ter2")).await;
    assert!(told.ends_with("LOGIN \"jane\" \"…\""), "{told}");
    let told = repeated("AUTH=PLAIN SASL-IR", &password("hunter2")).await;
    assert!(told.ends_with("AUTHENTICATE PLAIN …"), "{told}");
    // It is cut before the end of the secret.
    let long = "0123456789".repeat(60);
    let told = repeated("", &password(&long)).await;
    assert!(told.ends_with("LOGIN \"jane\" \"…"), "{told}");
    let login = Login::Bearer { user: "jane".to_owned(), token: Secret::new(long) };
    let told = repeated("AUTH=XOAUTH2 SASL-IR", &login).await;
    assert!(told.ends_with("AUTHENTICATE XOAUTH2 …"), "{told}");
}

/// It says that it has IMAP4rev2 and does not do it: names go as before.
#[tokio::test]
async fn a_server_that_does_not_switch_is_spoken_to_as_before() {
    let (mut session, server) = selected(
        "IMAP4REV1 IMAP4REV2",
        &["p2 BAD no\r\n", "* LIST () \"/\" \"Entw&APw-rfe\"\r\np3 OK x\r\n"],
    )
    .await;
    session.switch().await.unwrap();
    assert!(!session.can.speaks_rev2() && !session.can.has("UIDPLUS"));
    let folders = session.folders().await.unwrap();
    assert_eq!(folders.first().map(|folder| folder.name.as_str()), Some("Entw\u{fc}rfe"));
    assert_eq!(server.await.unwrap()[1..], ["p2 ENABLE IMAP4rev2", r#"p3 LIST "" "*""#]);
}

const SENT_ON: model::Timestamp = model::Timestamp(1_764_230_400_000);

#[tokio::test]
async fn a_mail_is_looked_for_and_put_into_a_folder_that_is_made() {
    let (mut session, server) = selected(
        "",
        &[
            "* SEARCH\r\np2 OK\r\n",
            "* SEARCH 7\r\np3 OK\r\n",
            "* ESEARCH (TAG \"p4\") UID\r\np4 OK\r\n",
            "* ESEARCH (TAG \"p5\") UID ALL 7\r\np5 OK\r\n",
            "p6 NO [TRYCREATE] no such folder\r\n",
            "p7 OK made\r\n",
            "p8 OK\r\n",
            "+ go on\r\n",
            "",
            "",
            "p9 OK [APPENDUID 9 41] done\r\n",
        ],
    )
    .await;
    for is_there in [false, true, false, true] {
        assert_eq!(session.has_mail("a\"b@c.test", SENT_ON).await.unwrap(), is_there);
    }
    assert!(session.has_mail("a\r\nb", SENT_ON).await.is_err());
    let folder = FolderName::new("Gesendet").unwrap();
    session.append(&folder, (b"A: b\r\n\r\nc\r\n", SENT_ON)).await.unwrap();
    drop(session);
    let asked = server.await.unwrap();
    let append = "APPEND \"Gesendet\" (\\Seen) \"27-Nov-2025 08:00:00 +0000\" {11}";
    assert_eq!(asked[1], "p2 UID SEARCH SINCE 25-Nov-2025 HEADER Message-ID \"a\\\"b@c.test\"");
    assert_eq!(
        asked[5..8],
        [format!("p6 {append}"), "p7 CREATE \"Gesendet\"".to_owned(), "p8 SUBSCRIBE \"Gesendet\"".to_owned()]
    );
    assert_eq!(asked[8..], [format!("p9 {append}").as_str(), "A: b", "", "c"]);
}

#[tokio::test]
async fn a_mail_that_is_refused_leaves_the_session_and_one_that_was_not_heard_is_not_put_there() {
    let (mut session, server) =
        selected("", &["p2 NO [OVERQUOTA] full\r\n", "p3 OK done\r\n", "p4 OK never asked\r\n"]).await;
    let folder = FolderName::new("Sent").unwrap();
    let refused = session.append(&folder, (b"A: b\r\n\r\nc\r\n", SENT_ON)).await.unwrap_err();
    assert!(refused.kind == Kind::Quota && refused.leaves_the_session());
    let odd = session.append(&folder, (b"A: b\r\n\r\nc\r\n", SENT_ON)).await.unwrap_err();
    assert_eq!(odd.kind, Kind::Protocol);
    assert!(session.has_mail("a@c.test", SENT_ON).await.is_err(), "the session is over");
    drop(session);
    drop(server.await);
}
