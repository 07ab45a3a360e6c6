//! Our SMTP client at real mail servers: what it sends arrives as it was, at whom they took it for.

use std::future::Future;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use connect::smtp::{Envelope, Hello, NONCE_BYTES, Outgoing, Reply, Smtp};
use connect::{ConnectError, Login, Patience, Target, TlsMode};
use testkit::missing::or_skip;
use testkit::peers::{Dovecot, DovecotSettings, NextHop, Postfix, SmtpSink};
use testkit::wait;

use super::house::{ZOE, mail};

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
            ensure!(can.has("PIPELINING") && can.has("8BITMIME") && can.has("DSN"), "{can:?}");
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
