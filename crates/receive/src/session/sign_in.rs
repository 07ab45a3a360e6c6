//! AUTH in a conversation (RFC 4954): when it may be, how often, and what follows from it.
//!
//! What passes through: the lines of one exchange; a proven credential stands in [`crate::Peer`] from then on.
//!
//! *Invariant:* only under TLS, only outside a transaction, and forgotten whenever the conversation begins anew.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use model::{Id, limits};

use crate::auth::{self, Exchange, Mechanism, Step, Terms};
use crate::intake::Intake;
use crate::listener::Clock;
use crate::rates::{Deed, Rates};
use crate::replies;
use crate::session::{Event, Phase, Session};

/// A proof that a stranger was challenged for. Where it does not come, for whatever reason, that is a failure to prove:
/// else one could ask about names for ever.
pub(super) struct Owed {
    who: IpAddr,
    rates: Arc<Rates>,
    clock: Clock,
    is_settled: bool,
}

impl Owed {
    fn settle(mut self) {
        self.is_settled = true;
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        if !self.is_settled {
            // What is one too many is told at the next attempt.
            let _ = self.rates.allows(self.who, Deed::FailsToProve, (self.clock)());
        }
    }
}

impl fmt::Debug for Owed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Owed")
    }
}

impl<I: Intake> Session<I> {
    /// AUTH with the name of a mechanism and, it may be, the first response.
    pub(super) fn auth(&mut self, mechanism: &str, first: Option<&str>) -> Option<Event<I::Recipient>> {
        if self.settings.nonces.is_none() || self.settings.tls.is_none() {
            return self.complain(&replies::AUTH_NOT_OFFERED);
        }
        if !self.peer.tls {
            return self.complain(&replies::AUTH_NEEDS_TLS);
        }
        if !self.greeted {
            return self.complain(&replies::HELLO_FIRST);
        }
        if self.transaction.is_some() {
            return self.complain(&replies::MAIL_ALREADY);
        }
        if self.peer.credential.is_some() {
            return self.complain(&replies::AUTH_ALREADY);
        }
        let now = (self.settings.clock)();
        if self.stranger && self.settings.rates.is_spent(self.peer.address, Deed::FailsToProve, now) {
            return self.close(&replies::TOO_MANY_FAILURES);
        }
        let Some(mechanism) = Mechanism::named(mechanism, self.binding.is_some()) else {
            return self.complain(&replies::UNKNOWN_MECHANISM);
        };
        let nonce = self.settings.nonces.as_ref().and_then(|nonces| nonces());
        let Some(nonce) = nonce else { return self.accept(&replies::AUTH_LATER) };
        let exchange = Exchange::new(mechanism, Terms { binding: self.binding, nonce });
        match first {
            None => self.challenge(exchange.first_challenge(), exchange),
            // RFC 4954 §4: a response of no bytes.
            Some("=") => self.respond(exchange, Some(Vec::new())),
            Some(text) => self.respond(exchange, auth::decode(text)),
        }
    }

    /// A line that answers a challenge.
    pub(super) fn auth_line(&mut self, line: &[u8]) -> Option<Event<I::Recipient>> {
        let Phase::Auth(exchange) = std::mem::replace(&mut self.phase, Phase::Commands) else { return None };
        let line = line.strip_suffix(b"\r\n").and_then(|line| std::str::from_utf8(line).ok());
        if line == Some("*") {
            self.owed = None;
            return self.complain(&replies::AUTH_CANCELED);
        }
        self.respond(*exchange, line.and_then(auth::decode))
    }

    fn respond(&mut self, mut exchange: Exchange, response: Option<Vec<u8>>) -> Option<Event<I::Recipient>> {
        let step = response.map(|response| exchange.respond(&response, |name| self.intake.credential(name)));
        let step = step.unwrap_or(Step::Malformed);
        match (&step, self.owed.take()) {
            // What failed is counted below.
            (Step::Proven(_) | Step::Failed, Some(owed)) => owed.settle(),
            (Step::Challenge(_), owed) => self.owed = owed,
            _ => {}
        }
        match step {
            Step::Challenge(challenge) => {
                self.owe(&exchange);
                self.challenge(challenge, exchange)
            }
            Step::Proven(credential) => self.proven(credential),
            Step::Failed => self.not_proven(),
            Step::Malformed => self.complain(&replies::AUTH_MALFORMED),
            Step::TryLater => self.accept(&replies::AUTH_LATER),
        }
    }

    fn owe(&mut self, exchange: &Exchange) {
        if self.stranger && exchange.is_challenged() {
            let (rates, clock) = (Arc::clone(&self.settings.rates), Arc::clone(&self.settings.clock));
            self.owed = Some(Owed { who: self.peer.address, rates, clock, is_settled: false });
        }
    }

    fn challenge(&mut self, challenge: Vec<u8>, exchange: Exchange) -> Option<Event<I::Recipient>> {
        self.phase = Phase::Auth(Box::new(exchange));
        self.accept(&replies::challenge(auth::encode(&challenge)))
    }

    fn proven(&mut self, credential: Id) -> Option<Event<I::Recipient>> {
        self.peer.credential = Some(credential);
        self.accept(&replies::AUTH_OK)
    }

    fn not_proven(&mut self) -> Option<Event<I::Recipient>> {
        self.failures += 1;
        let now = (self.settings.clock)();
        if self.stranger {
            // What is one too many is told at the next attempt.
            let _ = self.settings.rates.allows(self.peer.address, Deed::FailsToProve, now);
        }
        self.say(&replies::AUTH_FAILED);
        if self.failures < limits::AUTH_FAILURES_PER_SESSION_MAX {
            return None;
        }
        self.close(&replies::TOO_MANY_FAILURES)
    }

    /// The mechanisms to be announced, where AUTH is possible now.
    pub(super) fn offered_mechanisms(&self) -> Option<String> {
        let is_offered = self.settings.nonces.is_some() && self.peer.tls;
        is_offered.then(|| Mechanism::offered(self.binding.is_some()))
    }
}
