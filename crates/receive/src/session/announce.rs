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

/// Whose a connection is that somebody else announces. An address that no machine out there can have (this machine,
/// its own link, no machine) is nobody's: what is believed of a neighbor is believed by his connection, never by word.
pub(crate) fn of_announced(address: IpAddr) -> IpAddr {
    let address = address.to_canonical();
    let is_near = match address {
        IpAddr::V4(v4) => {
            v4.octets().first() == Some(&0)
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
        }
        IpAddr::V6(v6) => {
            v6.is_unspecified() || v6.is_loopback() || v6.is_unicast_link_local() || v6.is_multicast()
        }
    };
    if is_near { NOBODY } else { address }
}

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
            self.peer.address = address.map_or(NOBODY, of_announced);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announced_neighbor_is_nobody() {
        for near in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "::ffff:127.0.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "169.254.1.1",
            "fe80::1",
        ] {
            assert_eq!(of_announced(near.parse().unwrap()), NOBODY, "{near}");
        }
        for far in ["192.0.2.1", "10.0.0.1", "2001:db8::1"] {
            assert_eq!(of_announced(far.parse().unwrap()), far.parse::<IpAddr>().unwrap());
        }
    }
}
