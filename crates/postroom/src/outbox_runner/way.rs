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
pub(super) fn is_here(relay: Relay) -> Result<(), String> {
    match relay.kind {
        PROGRAM => Program::at(relay.host.into()).map(drop),
        PICKUP => Pickup::at(relay.host.into(), &[]).map(drop),
        _ => Ok(()),
    }
}

impl send::Carrier for Way {
    async fn send(&mut self, parcel: &Parcel, may_end: impl Future<Output = bool> + Send) -> Tried {
        match self {
            Way::Line(line @ Line::Smtp(_)) => line.send(parcel, may_end).await,
            _ if !fits(parcel) => {
                all(parcel, 554, "5.6.0 It has a CR or LF that ends no line, or an address that is none")
            }
            Way::Line(line) => line.send(parcel, may_end).await,
            Way::Program(program) => program.send(parcel, may_end).await,
            Way::Pickup(pickup) => pickup.send(parcel, may_end).await,
        }
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

/// Whether nothing in it can be taken for something else than it is: by SMTP the session sees to that.
fn fits(parcel: &Parcel) -> bool {
    // The null sender is empty. A comma would make two recipients of one, neither of them looked at by anybody.
    let sender = Some(&parcel.mail_from).filter(|sender| !sender.is_empty());
    let mut addresses = parcel.recipients.iter().chain(sender);
    is_clean(&parcel.raw)
        && addresses.all(|address| is_plain(address) && EmailAddress::reads_one_way(address))
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
