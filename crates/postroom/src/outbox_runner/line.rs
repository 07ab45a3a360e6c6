//! A session with a relay that speaks SMTP or LMTP: the words of `send` in those of `connect`, and its outcomes in those of `crm`.

use std::future::Future;

use connect::lmtp::Lmtp;
use connect::smtp::{Hello, NONCE_BYTES, Notify, Occasion, Returned, Smtp};
use connect::{Login, Patience, Target, TlsMode};
use crm::mailboxes::{NONE, STARTTLS};
use crm::outbox::{LMTP, Relay};
use send::{Parcel, Reply, Tried};

/// A session with a relay.
pub(super) enum Line {
    Smtp(Smtp),
    Lmtp(Lmtp),
}

impl Line {
    /// Connects, and signs in where there is a login.
    pub(super) async fn open(
        relay: Relay,
        login: Option<&Login>,
        (name, nonce): (&str, &[u8; NONCE_BYTES]),
    ) -> Result<Self, String> {
        let hello = Hello { name, nonce };
        let (kind, target, patience) = (relay.kind, target(relay), Patience::for_mail());
        let opened = match kind {
            LMTP => Lmtp::open(&target, login, &hello, patience).await.map(Line::Lmtp),
            _ => Smtp::open(&target, login, &hello, patience).await.map(Line::Smtp),
        };
        opened.map_err(|error| error.to_string())
    }

    /// See [`send::Carrier::send`].
    pub(super) async fn send(
        &mut self,
        parcel: &Parcel,
        may_end: impl Future<Output = bool> + Send,
    ) -> Tried {
        let mut envelope = connect::smtp::Envelope::new(parcel.mail_from.clone(), parcel.recipients.clone());
        if parcel.wants_report {
            let all = vec![Occasion::Success, Occasion::Failure, Occasion::Delay];
            let recipients = envelope.recipients.iter_mut();
            recipients.for_each(|recipient| recipient.notify = Some(Notify::On(all.clone())));
            envelope.reports.returned = Some(Returned::Header);
        }
        let mail = connect::smtp::Outgoing { envelope: &envelope, raw: &parcel.raw };
        let reply = |reply: connect::smtp::Reply| Reply { code: reply.code, text: reply.text };
        let sent = match self {
            Line::Smtp(smtp) => smtp.send(&mail, || may_end).await,
            Line::Lmtp(lmtp) => lmtp.send(&mail, || may_end).await,
        };
        match sent {
            Ok(sent) => Tried::Answered(sent.recipients.into_iter().map(reply).collect()),
            Err(failure) => {
                let words = failure.error.to_string();
                let replies = failure.recipients.into_iter().map(|said| said.map(reply)).collect();
                match failure.is_uncertain {
                    true => Tried::Uncertain { words, replies },
                    false => Tried::NotSent { words, replies },
                }
            }
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        match self {
            Line::Smtp(smtp) => smtp.has_ended(),
            Line::Lmtp(lmtp) => lmtp.has_ended(),
        }
    }

    pub(super) async fn close(self) {
        match self {
            Line::Smtp(smtp) => smtp.close().await,
            Line::Lmtp(lmtp) => lmtp.bye().await,
        }
    }
}

fn target(relay: Relay) -> Target {
    let tls = match relay.tls {
        NONE => TlsMode::None,
        STARTTLS => TlsMode::Starttls,
        _ => TlsMode::Implicit,
    };
    Target {
        host: relay.host,
        port: relay.port,
        tls,
        authority: relay.authority.map(String::into_bytes),
        is_trusted_line: false,
    }
}
