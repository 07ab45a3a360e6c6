//! A way out: a session with a relay, a program, or a folder.

use std::future::Future;

use connect::Login;
use connect::smtp::{NONCE_BYTES, is_clean, is_plain};
use crm::outbox::{PICKUP, PROGRAM, Relay};
use model::EmailAddress;
use send::{Parcel, Reply, Tried};

use super::line::Line;
use super::pickup::Pickup;
use super::program::Program;

/// A way out that stands open.
pub(super) enum Way {
    Line(Line),
    Program(Program),
    Pickup(Pickup),
}

impl Way {
    /// Connects, or looks whether a program or folder is there.
    pub(super) async fn open(
        relay: Relay,
        login: Option<&Login>,
        hello: (&str, &[u8; NONCE_BYTES]),
    ) -> Result<Self, String> {
        match relay.kind {
            PROGRAM => Program::at(relay.host.into()).map(Way::Program),
            PICKUP => Pickup::at(relay.host.into(), hello.1).map(Way::Pickup),
            _ => Line::open(relay, login, hello).await.map(Way::Line),
        }
    }
}

/// Whether the program or folder of a way out is on this machine. Of a server the first connection tells.
pub(crate) fn is_here(relay: Relay) -> Result<(), String> {
    match relay.kind {
        PROGRAM => Program::at(relay.host.into()).map(drop),
        PICKUP => Pickup::at(relay.host.into(), &[]).map(drop),
        _ => Ok(()),
    }
}

impl send::Carrier for Way {
    async fn send(&mut self, parcel: &Parcel, may_end: impl Future<Output = bool> + Send) -> Tried {
        if let Way::Line(line @ Line::Smtp(_)) = self {
            return line.send(parcel, may_end).await;
        }
        if let Some(refused) = fault(parcel) {
            return all(parcel, 554, refused);
        }
        let Some(goes) = Goes::of(parcel) else { return self.deliver(parcel, may_end).await };
        if goes.parcel.recipients.is_empty() {
            return all(parcel, goes.refused.code, &goes.refused.text);
        }
        let tried = self.deliver(&goes.parcel, may_end).await;
        goes.tried(tried)
    }

    fn has_ended(&self) -> bool {
        matches!(self, Way::Line(line) if line.has_ended())
    }

    async fn close(self) {
        if let Way::Line(line) = self {
            line.close().await;
        }
    }
}

impl Way {
    async fn deliver(&mut self, parcel: &Parcel, may_end: impl Future<Output = bool> + Send) -> Tried {
        match self {
            Way::Line(line) => line.send(parcel, may_end).await,
            Way::Program(program) => program.send(&in_ascii(parcel), may_end).await,
            Way::Pickup(pickup) => pickup.send(&in_ascii(parcel), may_end).await,
        }
    }
}

/// What is wrong with a mail, or with its sender, that could be taken for something else than it is: by SMTP the session sees to that.
fn fault(parcel: &Parcel) -> Option<&'static str> {
    // The null sender is empty.
    let is_clean = is_clean(&parcel.raw) && (parcel.mail_from.is_empty() || fits(&parcel.mail_from));
    (!is_clean).then_some("5.6.0 It has a CR or LF that ends no line, or its sender is no address")
}

/// Whether an address cannot be taken for something else. A comma would make two recipients of one, neither of them looked at by
/// anybody.
fn fits(address: &str) -> bool {
    is_plain(address) && EmailAddress::reads_one_way(address)
}

/// A mail for those of its recipients whose addresses can be given to a program, a folder or by LMTP.
struct Goes {
    parcel: Parcel,
    /// Of each recipient of the whole mail, whether he is among them.
    places: Vec<bool>,
    /// What the others are told.
    refused: Reply,
}

impl Goes {
    /// `None` where it is for all of them.
    fn of(whole: &Parcel) -> Option<Self> {
        let places: Vec<bool> = whole.recipients.iter().map(|address| fits(address)).collect();
        if !places.contains(&false) {
            return None;
        }
        let all = whole.recipients.iter().zip(&places);
        let recipients = all.filter(|(_, fits)| **fits).map(|(address, _)| address.clone()).collect();
        let text = "5.1.3 It is no address that means one recipient".to_owned();
        let parcel = Parcel { recipients, ..whole.clone() };
        Some(Goes { parcel, places, refused: Reply { code: 554, text } })
    }

    /// What the try comes to for the whole mail.
    fn tried(self, tried: Tried) -> Tried {
        let whole = |replies: Vec<Option<Reply>>| {
            let mut replies = replies.into_iter();
            let of = |fits: &bool| if *fits { replies.next().flatten() } else { Some(self.refused.clone()) };
            self.places.iter().map(of).collect::<Vec<_>>()
        };
        match tried {
            Tried::Answered(replies) => {
                let replies = whole(replies.into_iter().map(Some).collect());
                Tried::Answered(replies.into_iter().flatten().collect())
            }
            Tried::NotSent { words, replies } => Tried::NotSent { words, replies: whole(replies) },
            Tried::Uncertain { words, replies } => Tried::Uncertain { words, replies: whole(replies) },
            other => other,
        }
    }
}

/// Domains in their ASCII form, as a session with a server sends them: nobody says here whether others are known.
fn in_ascii(parcel: &Parcel) -> Parcel {
    let ascii = |address: &String| EmailAddress::parse(address).and_then(|address| address.to_ascii());
    let all = parcel.recipients.iter().map(|address| ascii(address).unwrap_or_else(|| address.clone()));
    Parcel {
        mail_from: ascii(&parcel.mail_from).unwrap_or_else(|| parcel.mail_from.clone()),
        recipients: all.collect(),
        ..parcel.clone()
    }
}

/// The same for each recipient.
pub(super) fn all(parcel: &Parcel, code: u16, text: &str) -> Tried {
    Tried::Answered(parcel.recipients.iter().map(|_| Reply { code, text: text.to_owned() }).collect())
}

/// Nothing went out, and nothing was said of anybody.
pub(super) fn not_sent(words: impl Into<String>) -> Tried {
    Tried::NotSent { words: words.into(), replies: Vec::new() }
}

/// It may have gone out.
pub(super) fn uncertain(words: impl Into<String>) -> Tried {
    Tried::Uncertain { words: words.into(), replies: Vec::new() }
}

/// Why nothing goes out where the house says no.
pub(super) const TAKEN_BACK: &str = "the mail was taken back before its end";

#[cfg(test)]
mod tests;
