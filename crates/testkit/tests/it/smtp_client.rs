//! Our SMTP client at real mail servers: what it sends arrives as it was, at whom they took it for.

use std::future::Future;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use connect::lmtp::Lmtp;
use connect::smtp::{
    Envelope, Hello, NONCE_BYTES, Notify, Occasion, Outgoing, Reply, Reports, Returned, Smtp,
};
use connect::{ConnectError, Kind, Login, Patience, Secret, Target, TlsMode};
use testkit::missing::or_skip;
use testkit::peers::{Doors, Dovecot, DovecotSettings, Exim, NextHop, OpenSmtpd, Postfix, SmtpSink};
use testkit::{House, wait};

use super::house::{SINK, ZOE, email_count, house, mail, newest_source};

fn run<T>(story: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { tokio::time::timeout(wait::PATIENCE, story).await.context("it hangs")? })
}

fn target(address: SocketAddr, tls: TlsMode, authority: Option<&[u8]>) -> Target {
    let authority = authority.map(<[u8]>::to_vec);
    Target { host: "localhost".to_owned(), port: address.port(), tls, authority, is_trusted_line: false }
}

async fn open(target: &Target, login: Option<&Login>) -> Result<Smtp, ConnectError> {
    let hello = Hello { name: "postroom.test", nonce: &[7; NONCE_BYTES] };
    Smtp::open(target, login, &hello, Patience::for_mail()).await
}

async fn plain(address: SocketAddr) -> Result<Smtp, ConnectError> {
    open(&target(address, TlsMode::None, None), None).await
}

/// The replies of a mail that was not broken off.
async fn send(smtp: &mut Smtp, envelope: &Envelope, raw: &[u8]) -> Result<Vec<Reply>> {
    let sent = smtp.send(&Outgoing { envelope, raw }, async || true).await?;
    ensure!(sent.recipients.len() == envelope.recipients.len(), "{sent:?}");
    Ok(sent.recipients)
}

fn codes(replies: &[Reply]) -> Vec<u16> {
    replies.iter().map(|reply| reply.code).collect()
}

/// The bytes of the only mail of a mailbox, once it is there; on disk its lines end with LF.
fn arrived(dovecot: &Dovecot, user: &str, log: &dyn Fn() -> String) -> Result<Vec<u8>> {
    let mailbox = dovecot.mailbox(user);
    let file = wait::until("the mail arriving", || {
        let files: Vec<_> = mailbox.messages().ok()?.into_keys().collect();
        (files.len() == 1).then(|| files.into_iter().next()).flatten()
    });
    let kept = String::from_utf8(std::fs::read(file.with_context(log)?)?)?;
    Ok(kept.replace('\n', "\r\n").into_bytes())
}

/// With dots, long lines, and more than goes out at once.
fn large(id: &str) -> Vec<u8> {
    let body: String =
        (0..4_000).map(|number| format!(".{number}\r\n..\r\n{}\r\n", "x".repeat(70))).collect();
    mail(id, &format!("{body}.\r\nThe end."))
}

#[test]
fn each_recipient_hears_for_itself_at_postfix() {
    or_skip(|| {
        let dovecot = Dovecot::start(DovecotSettings::default())?;
        let (no, later) = ("no@example.test", "later@example.test");
        let postfix = Postfix::start_refusing(NextHop::Lmtp(dovecot.lmtp()), no, later)?;
        let log = || postfix.log();
        run(async {
            let mut smtp = plain(postfix.smtp()).await?;
            let can = smtp.can();
            let needed = ["PIPELINING", "8BITMIME", "CHUNKING", "DSN", "SMTPUTF8"];
            ensure!(needed.iter().all(|name| can.has(name)), "{can:?}");
            let raw = large("one");
            let envelope = Envelope::new(ZOE, ["jane@example.test", no, later, "ben@example.test"]);
            let replies = send(&mut smtp, &envelope, &raw).await?;
            assert_eq!(codes(&replies), [250, 554, 450, 250], "{}", log());
            for user in ["jane@example.test", "ben@example.test"] {
                ensure!(arrived(&dovecot, user, &log)?.ends_with(&raw), "the mail was changed on its way");
            }
            // One that nobody may have, and then another in the same session.
            let replies = send(&mut smtp, &Envelope::new(ZOE, [no, later]), &raw).await?;
            assert_eq!(codes(&replies), [554, 450]);
            let eight = mail("two", "Grüße");
            let replies = send(&mut smtp, &Envelope::new("", ["carol@example.test"]), &eight).await?;
            assert_eq!(codes(&replies), [250]);
            ensure!(arrived(&dovecot, "carol@example.test", &log)?.ends_with(&eight), "it was changed");
            smtp.close().await;
            let by_chunks = || postfix.log().contains(" bdat=").then_some(());
            wait::until("a session with chunks", by_chunks).with_context(log)?;
            reported(postfix.smtp(), &dovecot, &log).await
        })
    });
}

/// What was wished for a report stands in it.
async fn reported(relay: SocketAddr, dovecot: &Dovecot, log: &dyn Fn() -> String) -> Result<()> {
    let mut smtp = plain(relay).await?;
    let mut envelope = Envelope::new("sender@example.test", ["dora@example.test"]);
    envelope.reports = Reports { returned: Some(Returned::Header), envelope_id: Some("QUE+1 x".to_owned()) };
    if let Some(dora) = envelope.recipients.first_mut() {
        dora.notify = Some(Notify::On(vec![Occasion::Success, Occasion::Failure]));
        dora.original = Some("Dora+x@example.test".to_owned());
    }
    send(&mut smtp, &envelope, &mail("three", "x")).await?;
    smtp.close().await;
    let report = String::from_utf8(arrived(dovecot, "sender@example.test", log)?)?;
    for line in ["Original-Envelope-Id: QUE+1 x", "rfc822;Dora+x@example.test"] {
        ensure!(report.contains(line), "{line} is not in {report}");
    }
    Ok(())
}

/// What the newest e-mail of a house was made of, once there are so many.
fn stored(house: &House, count: i64, log: &dyn Fn() -> String) -> Result<Vec<u8>> {
    let organization = house.organization("example")?;
    let stored = wait::until("the mail arriving", || (email_count(&organization) == count).then_some(()));
    stored.with_context(log)?;
    Ok(newest_source(&organization))
}

/// Every byte that a mail may have, one with UTF-8 in its header where the server takes that, and what is refused here.
async fn hand_over(relay: SocketAddr, house: &House, log: &dyn Fn() -> String) -> Result<()> {
    let mut smtp = plain(relay).await?;
    let envelope = Envelope::new(ZOE, ["jane@example.test"]);
    let large = large("large");
    assert_eq!(codes(&send(&mut smtp, &envelope, &large).await?), [250], "{}", log());
    ensure!(stored(house, 1, log)?.ends_with(&large), "the mail was changed on its way");
    let utf8 = mail("grüße", "Grüße");
    let replies = send(&mut smtp, &envelope, &utf8).await?;
    match smtp.can().has("SMTPUTF8") {
        true => ensure!(stored(house, 2, log)?.ends_with(&utf8), "{replies:?}"),
        false => ensure!(replies.iter().all(|reply| reply.enhanced() == Some("5.6.7")), "{replies:?}"),
    }
    let replies = send(&mut smtp, &envelope, b"A: b\r\n\r\n\n.\nMAIL FROM:<>\r\n").await?;
    ensure!(replies.iter().all(|reply| reply.is_ours && reply.is_lasting()), "{replies:?}");
    smtp.close().await;
    Ok(())
}

#[test]
fn exim_takes_chunks_and_utf8() {
    or_skip(|| {
        let (house, _) = house();
        let exim = Exim::start(house.smtp()?)?;
        run(hand_over(exim.smtp(), &house, &|| exim.log()))
    });
}

#[test]
fn opensmtpd_is_spoken_to_command_by_command() {
    or_skip(|| {
        let (house, _) = house();
        let opensmtpd = OpenSmtpd::start(house.smtp()?)?;
        run(hand_over(opensmtpd.smtp(), &house, &|| opensmtpd.log()))
    });
}

#[test]
fn dovecot_takes_mail_by_lmtp() {
    or_skip(|| {
        let dovecot = Dovecot::start(DovecotSettings::default())?;
        let raw = large("local");
        let replies = run(async {
            let mut lmtp = Lmtp::at_host(&dovecot.lmtp().to_string(), Patience::for_mail()).await?;
            let envelope = Envelope::new(ZOE, ["jane@example.test", "bad@@", "ben@example.test"]);
            let replies = lmtp.hand_over(&envelope, &raw).await?;
            lmtp.bye().await;
            Ok(replies)
        })?;
        let taken: Vec<bool> = replies.iter().map(Reply::is_positive).collect();
        assert_eq!(taken, [true, false, true], "{replies:?}");
        for user in ["jane@example.test", "ben@example.test"] {
            ensure!(arrived(&dovecot, user, &|| dovecot.log())?.ends_with(&raw), "it was changed");
        }
        Ok(())
    });
}

#[test]
fn who_may_submit_and_how() {
    const PASSWORD: &str = "geheim";
    or_skip(|| {
        let (house, _) = house();
        let dovecot = Dovecot::start(DovecotSettings {
            doors: Doors::Both,
            password: Some(PASSWORD),
            submission: Some(house.smtp()?),
            ..DovecotSettings::default()
        })?;
        let (door, secure) = dovecot.submission()?;
        let login =
            |secret: &str| Login::Password { user: SINK.to_owned(), secret: Secret::new(secret.to_owned()) };
        let starttls = target(door, TlsMode::Starttls, Some(dovecot.certificate()));
        let implicit = target(secure, TlsMode::Implicit, Some(dovecot.certificate()));
        run(async {
            for (number, target) in [(1, &starttls), (2, &implicit)] {
                let mut smtp = open(target, Some(&login(PASSWORD))).await?;
                let raw = large(&format!("m{number}"));
                let envelope = Envelope::new(ZOE, ["jane@example.test"]);
                let replies = send(&mut smtp, &envelope, &raw).await?;
                assert_eq!(codes(&replies), [250], "{replies:?} {}", dovecot.log());
                ensure!(stored(&house, number, &|| dovecot.log())?.ends_with(&raw), "it was changed");
                smtp.close().await;
            }
            ensure!(dovecot.log().contains("SCRAM-SHA-256"), "{}", dovecot.log());
            let kind = |opened: Result<Smtp, ConnectError>| opened.err().map(|error| error.kind);
            let stranger = target(door, TlsMode::Starttls, None);
            assert_eq!(kind(open(&stranger, Some(&login(PASSWORD))).await), Some(Kind::Tls));
            let wrong = target(secure, TlsMode::None, None);
            let short = Patience { answer: std::time::Duration::from_secs(1), ..Patience::for_mail() };
            let hello = Hello { name: "postroom.test", nonce: &[7; NONCE_BYTES] };
            let opened = Smtp::open(&wrong, None, &hello, short).await;
            assert!(opened.is_err(), "a door that expects TLS says nothing");
            // Last, for the server lets whoever guesses wait.
            assert_eq!(kind(open(&starttls, Some(&login("falsch"))).await), Some(Kind::Refused));
            Ok(())
        })
    });
}

#[test]
fn a_thousand_recipients_and_a_thousand_mails() {
    or_skip(|| {
        let sink = SmtpSink::start()?;
        run(async {
            let mut smtp = plain(sink.smtp()).await?;
            let recipients = (0..1_000).map(|number| format!("a{number}@example.test"));
            let replies = send(&mut smtp, &Envelope::new(ZOE, recipients), &mail("one", "x")).await?;
            assert_eq!(codes(&replies), [250; 1_000]);
            let envelope = Envelope::new(ZOE, ["jane@example.test"]);
            for number in 0..1_000 {
                let raw = mail(&format!("m{number}"), "x");
                assert_eq!(codes(&send(&mut smtp, &envelope, &raw).await?), [250]);
            }
            smtp.close().await;
            Ok(())
        })
    });
}
