//! Mailboxes at POP3 servers: what comes there stands on the record, and is gone there once the server said so.

use std::future::Future;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use connect::pop3::{NONCE_BYTES, Pop3};
use connect::{ConnectError, Kind, Login, Patience, Secret, Target, TlsMode};
use postroom::commands::{AddMailbox, MailServer, MailboxRow, Protocol, Reply, Request};
use testkit::client::{self, Client, Envelope};
use testkit::missing::or_skip;
use testkit::peers::{Doors, Dovecot, DovecotSettings, Script};
use testkit::proxy::Proxy;
use testkit::{House, wait};

use super::house::{SINK, ZOE, books_are_whole, email_count, house, mail};

const PASSWORD: &str = "geheim";

fn dovecot() -> Result<Dovecot> {
    Dovecot::start(DovecotSettings {
        doors: Doors::Both,
        password: Some(PASSWORD),
        ..DovecotSettings::default()
    })
}

fn watched(name: &str, address: SocketAddr, authority: Option<&[u8]>) -> Result<Request> {
    let authority = authority.map(|pem| String::from_utf8(pem.to_vec())).transpose()?;
    let server = MailServer {
        protocol: Protocol::Pop3,
        host: "localhost".to_owned(),
        port: address.port(),
        tls: i32::from(authority.is_some()),
        authority,
        polling_interval: Some(1),
    };
    Ok(Request::AddMailbox(AddMailbox {
        organization: "example".to_owned(),
        name: name.to_owned(),
        server,
        user: SINK.to_owned(),
        password: PASSWORD.to_owned(),
        sink: SINK.to_owned(),
        is_refusing: true,
    }))
}

fn deliver(dovecot: &Dovecot, raw: &[u8]) -> Result<()> {
    let mut client = Client::connect(dovecot.lmtp(), client::Protocol::Lmtp)?;
    let replies = client.send(&Envelope::new(ZOE, SINK), raw)?;
    ensure!(replies.codes() == [250], "{replies:?}");
    client.quit()
}

fn rows(house: &House) -> Result<Vec<MailboxRow>> {
    match house.command(Request::Mailboxes(None))? {
        Reply::Mailboxes(rows) => Ok(rows),
        _ => anyhow::bail!("no list"),
    }
}

#[test]
fn a_mailbox_is_emptied_session_by_session() {
    or_skip(|| {
        let dovecot = dovecot()?;
        let mailbox = dovecot.mailbox(SINK);
        let trace = "Received: from a.test by b.test; Mon, 23 Nov 2026 09:15:00 +0100\r\n".repeat(150);
        deliver(&dovecot, &[trace.as_bytes(), &mail("looped", "At three?")].concat())?;
        deliver(&dovecot, &mail("dots", "\r\n.\r\n..\r\n.x"))?;
        deliver(
            &dovecot,
            b"From: spam@nobody.test\r\nSubject: Buy\r\nMessage-ID: <1@nobody.test>\r\n\r\nNow\r\n",
        )?;
        let (house, _) = house();
        house.command(watched("crm", dovecot.pop3()?, Some(dovecot.certificate()))?)?;
        let becomes_empty = || {
            wait::until("an empty mailbox", || {
                mailbox.inbox().is_ok_and(|names| names.is_empty()).then_some(())
            })
        };
        becomes_empty()?;
        deliver(&dovecot, &mail("later", "At four?"))?;
        becomes_empty()?;
        let organization = house.organization("example")?;
        assert_eq!(email_count(&organization), 2);
        let Reply::Undeliverables(undeliverable) = house.command(Request::Undeliverables(None))? else {
            anyhow::bail!("no list")
        };
        assert_eq!(undeliverable.len(), 1, "kept here, for there is no other folder");
        books_are_whole(&house);
        // What has left counts once the session is known to have ended well.
        wait::until("a mailbox that is well", || {
            rows(&house).ok()?.into_iter().find(|row| row.state.starts_with("well, 4 "))
        })
        .with_context(|| format!("{:?}", rows(&house)))?;
        Ok(())
    });
}

/// As an old server says it: two mails, the second one twice, and neither capabilities nor ids nor a way to read headers.
#[test]
fn servers_of_before_the_standards_and_sessions_that_break_off() {
    or_skip(|| {
        let (one, two) = (mail("one", "At\r\n..\r\nthree?"), mail("two", "At four?"));
        let text = |raw: &[u8]| {
            format!("R: +OK\\r\\n{}.\\r\\n\n", String::from_utf8_lossy(raw).replace("\r\n", "\\r\\n"))
        };
        let (one, two, size) = (text(&one), text(&two), two.len());
        let signed_in = "S: +OK hi\nC: CAPA\nS: -ERR what\nC: USER sink@router.test\nS: +OK\nC: PASS geheim\nS: +OK\n\
                         C: CAPA\nS: -ERR what\n";
        let twice = format!("C: RETR 1\n{one}C: RETR 2\n{two}C: RETR 3\n{two}");
        let old = Script::start(&format!(
            "{signed_in}C: LIST\nS: +OK\nS: 1 {size}\nS: 2 {size}\nS: 3 {size}\nS: .\nC: UIDL\nS: -ERR what\n{twice}\
             C: TOP 1 0\nS: -ERR what\nC: TOP 2 0\nS: -ERR what\nC: TOP 3 0\nS: -ERR what\n{twice}{twice}\
             C: DELE 1\nS: +OK\nC: DELE 2\nS: +OK\nC: DELE 3\nS: +OK\nC: QUIT\nS: +OK\nclose"
        ))?;
        // It goes away before it has said what became of QUIT, each time.
        let three = mail("three", "At five?");
        let (size, three) = (three.len(), text(&three));
        let again = Script::start(&format!(
            "{signed_in}C: LIST\nS: +OK\nS: 7 {size}\nS: .\nC: UIDL\nS: +OK\nS: 7 abc\nS: .\nC: TOP 7 0\n{three}\
             C: RETR 7\n{three}C: DELE 7\nS: +OK\nC: QUIT\nclose"
        ))?;
        let (house, _) = house();
        house.command(watched("old", old.address(), None)?)?;
        house.command(watched("again", again.address(), None)?)?;
        let said = |script: &Script, line: &str| script.heard().iter().filter(|heard| *heard == line).count();
        wait::until("the end of a session", || (said(&old, "QUIT") > 0).then_some(()))
            .with_context(|| format!("{:?} {:?}", rows(&house), old.heard()))?;
        wait::until("another try", || (said(&again, "DELE 7") > 1).then_some(()))
            .with_context(|| format!("{:?} {:?}", rows(&house), again.heard()))?;
        assert_eq!(email_count(&house.organization("example")?), 3, "each once");
        books_are_whole(&house);
        Ok(())
    });
}

fn run<T>(story: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { tokio::time::timeout(wait::PATIENCE, story).await.context("it hangs")? })
}

fn target(address: SocketAddr, tls: TlsMode, authority: Option<&[u8]>) -> Target {
    let authority = authority.map(<[u8]>::to_vec);
    Target { host: "localhost".to_owned(), port: address.port(), tls, authority, is_trusted_line: false }
}

async fn open(target: &Target, secret: &str) -> Result<Pop3, ConnectError> {
    let login = Login::Password { user: SINK.to_owned(), secret: Secret::new(secret.to_owned()) };
    Pop3::open(target, &login, &[7; NONCE_BYTES], Patience::default()).await
}

#[test]
fn a_session_with_a_real_server() {
    or_skip(|| {
        let dovecot = dovecot()?;
        let mailbox = dovecot.mailbox(SINK);
        (1..=3).try_for_each(|number| deliver(&dovecot, &mail(&format!("m{number}"), "\r\n.\r\n..x\r\n")))?;
        let proxy = Proxy::start(dovecot.pop3()?)?;
        run(async {
            let stls = target(proxy.address(), TlsMode::Starttls, Some(dovecot.certificate()));
            let mut session = open(&stls, PASSWORD).await?;
            assert!(
                ["UIDL", "TOP", "PIPELINING"].iter().all(|name| session.can().has(name)),
                "{:?}",
                session.can()
            );
            let listed = session.list().await?;
            let numbers: Vec<u32> = listed.iter().map(|listed| listed.number).collect();
            assert_eq!(numbers, [1, 2, 3]);
            let ids = session.ids().await?.context("no ids")?;
            assert_eq!(ids.len(), 3);
            let mut bytes = [0_u64; 4];
            let mut count = |number: u32, piece: &[u8]| {
                bytes[number as usize] += piece.len() as u64;
                Ok(())
            };
            assert_eq!(
                session.messages(&[1, 9, 2, 3], &mut count).await?,
                numbers,
                "what is not there is left out"
            );
            assert!(
                listed.iter().all(|listed| bytes[listed.number as usize] == listed.size),
                "{bytes:?} {listed:?}"
            );
            // The connection breaks before the end: nothing is removed.
            assert_eq!(session.delete(&[1, 2, 9]).await?, [1, 2]);
            proxy.cut();
            assert_eq!(session.quit().await.err().map(|error| error.kind), Some(Kind::Closed));
            let mut session = open(&stls, PASSWORD).await?;
            assert_eq!(session.ids().await?, Some(ids.clone()));
            assert_eq!(session.delete(&[2]).await?, [2]);
            session.quit().await?;
            assert_eq!(mailbox.inbox()?.len(), 2);
            let mut session = open(&stls, PASSWORD).await?;
            let left = session.ids().await?.context("no ids")?;
            assert_eq!((left.get(&1), left.get(&2)), (ids.get(&1), ids.get(&3)), "ids stay, numbers do not");
            Ok(())
        })
    });
}

#[test]
fn who_may_sign_in_and_how() {
    or_skip(|| {
        let dovecot = dovecot()?;
        run(async {
            let address = dovecot.pop3()?;
            let stls = target(address, TlsMode::Starttls, Some(dovecot.certificate()));
            let kind = |opened: Result<Pop3, ConnectError>| opened.err().map(|error| error.kind);
            let first = open(&stls, PASSWORD).await?;
            assert!(dovecot.log().contains("SCRAM-SHA-256"), "{}", dovecot.log());
            let stranger = target(address, TlsMode::Starttls, None);
            assert_eq!(kind(open(&stranger, PASSWORD).await), Some(Kind::Tls));
            let implicit = target(dovecot.pop3s()?, TlsMode::Implicit, Some(dovecot.certificate()));
            assert_eq!(kind(open(&implicit, PASSWORD).await), None, "this one locks nothing by itself");
            first.quit().await?;
            // Last, for the server lets whoever guesses wait.
            assert_eq!(kind(open(&stls, "falsch").await), Some(Kind::Refused));
            Ok(())
        })
    });
}

#[test]
fn servers_that_lie_are_left() {
    or_skip(|| {
        for (table, tls, kind) in [
            ("R: +OK hi\\r\\n\nC: STLS\nR: +OK go\\r\\n+OK in\\r\\n\nhang", TlsMode::Starttls, Kind::Tls),
            ("S: +OK hi\nC: STLS\nS: -ERR no\nhang", TlsMode::Starttls, Kind::NotOffered),
            ("S: * OK hi\nhang", TlsMode::None, Kind::Protocol),
            ("S: -ERR too many\nclose", TlsMode::None, Kind::Closed),
            ("S: +OK hi\nC: CAPA\nS: +OK\nflood 4000000: SASL PLAIN", TlsMode::None, Kind::Limit),
            ("S: +OK hi\nC: CAPA\nR: +OK\nflood 9000: y\\0", TlsMode::None, Kind::Protocol),
            (
                "S: +OK hi\nC: CAPA\nS: -ERR\nC: USER\nS: +OK\nC: PASS\nS: -ERR no\nhang",
                TlsMode::None,
                Kind::Refused,
            ),
            (
                "S: +OK hi\nC: CAPA\nS: -ERR\nC: USER\nS: +OK\nC: PASS\nS: -ERR [IN-USE] wait\nhang",
                TlsMode::None,
                Kind::Declined,
            ),
            (
                "S: +OK hi\nC: CAPA\nS: -ERR\nC: USER\nS: +OK\nC: PASS\nS: -ERR maildrop already locked\nhang",
                TlsMode::None,
                Kind::Declined,
            ),
            (
                "S: +OK hi\nC: CAPA\nS: +OK\nS: SASL SCRAM-SHA-256\nS: .\nC: AUTH SCRAM-SHA-256\nS: +\nC:\nS: +OK in\nhang",
                TlsMode::None,
                Kind::Protocol,
            ),
        ] {
            let script = Script::start(table)?;
            let opened = run(async { Ok(open(&target(script.address(), tls, None), PASSWORD).await) })?;
            assert_eq!(opened.err().map(|error| error.kind), Some(kind), "{table} {:?}", script.heard());
        }
        Ok(())
    });
}
