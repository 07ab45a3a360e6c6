//! XCLIENT: a relay before the door says for whom it speaks (an extension of Postfix).
//!
//! What passes through: attributes of the true client; the conversation begins anew as that client's.
//!
//! *Invariant:* only who is named in the settings may, and the right goes by the address that is known now: a
//! client that was announced and is not itself named cannot announce another.

use std::net::{IpAddr, Ipv4Addr};

use crate::command::Announcement;
use crate::intake::Intake;
use crate::replies;
use crate::session::{Event, Session};

/// Stands for a client without an address. It is nobody's, so nothing is believed of it.
pub(crate) const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

impl<I: Intake> Session<I> {
    /// XCLIENT. What it says holds from the next greeting on.
    pub(super) fn xclient(&mut self, said: Announcement) -> Option<Event<I::Recipient>> {
        if !self.may_announce() {
            return self.complain(&replies::MAY_NOT_ANNOUNCE);
        }
        if self.transaction.is_some() {
            return self.complain(&replies::MAIL_ALREADY);
        }
        if let Some(helo) = said.helo {
            self.announced_helo = helo;
        }
        if let Some(address) = said.address {
            self.peer.address = address.unwrap_or(NOBODY).to_canonical();
            self.stranger = !self.settings.trusts(self.peer.address);
            if let Err(why) = self.place.change(self.peer.address) {
                return self.close(&why.reply());
            }
        }
        self.start_over();
        let greeting = replies::greeting(&self.settings.hostname, &self.settings.banner);
        self.accept(&greeting)
    }

    /// Whether the peer may say for whom it speaks.
    pub(super) fn may_announce(&self) -> bool {
        let named = &self.settings.announcers;
        !self.is_nobody() && named.iter().any(|network| network.contains(self.peer.address))
    }

    /// Whether the connection is nobody's whom a mail could be from: a proxy's look whether we live.
    pub(super) fn is_nobody(&self) -> bool {
        self.peer.address.is_unspecified()
    }
}
