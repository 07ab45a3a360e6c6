//! AUTH (RFC 4954): one exchange, in which a peer proves that it knows the secret of a credential.
//!
//! What passes through: the peer's responses, decoded; challenges, and at the end the credential that is proven.
//! PLAIN (RFC 4616), LOGIN (for Exchange, whose connectors speak nothing better) and SCRAM-SHA-256 with and
//! without channel binding (RFC 5802, RFC 7677, RFC 9266).
//!
//! *Invariant:* an unknown name is answered, and takes the computing, like a wrong secret; nothing of a secret or
//! a name is written anywhere.

pub mod scram;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::{Id, limits};

use crate::intake::{Credential, TryLater};
use scram::{ClientFinal, ClientFirst, ServerBinding, Verifier};

/// Bytes that belong to one TLS connection alone: its exporter (RFC 9266).
pub(crate) type Binding = [u8; 32];

/// Makes the server's part of a nonce: bytes that nobody can guess, or `None` where the system has none.
pub type Nonces = std::sync::Arc<dyn Fn() -> Option<[u8; 18]> + Send + Sync>;

/// A mechanism the door offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mechanism {
    Plain,
    Login,
    Scram,
    ScramPlus,
}

/// What comes after a response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send this and wait for a response.
    Challenge(Vec<u8>),
    /// The peer knows the secret of this credential.
    Proven(Id),
    /// It does not.
    Failed,
    /// The response cannot be read.
    Malformed,
    /// It cannot be told now.
    TryLater,
}

/// What an exchange is begun with.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// What binds the exchange to the connection, where the door offers that.
    pub(crate) binding: Option<Binding>,
    /// The server's part of the nonce.
    pub(crate) nonce: [u8; 18],
}

/// An exchange under way.
#[derive(Debug)]
pub(crate) struct Exchange {
    mechanism: Mechanism,
    terms: Terms,
    state: State,
}

#[derive(Debug)]
enum State {
    Begun,
    /// LOGIN: the name is known.
    Named(String),
    /// SCRAM: the server's first message is sent.
    Challenged(Box<scram::Challenged>),
    /// SCRAM: the server's proof is sent; an empty response ends it (RFC 4954 §4).
    Told(Id),
}

impl Mechanism {
    const NAMES: [(&'static str, Mechanism); 4] = [
        ("SCRAM-SHA-256-PLUS", Mechanism::ScramPlus),
        ("SCRAM-SHA-256", Mechanism::Scram),
        ("PLAIN", Mechanism::Plain),
        ("LOGIN", Mechanism::Login),
    ];

    /// The mechanism of this name, where it is offered.
    pub(crate) fn named(name: &str, has_binding: bool) -> Option<Mechanism> {
        let found = Mechanism::NAMES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
        found.map(|(_, mechanism)| *mechanism).filter(|it| has_binding || *it != Mechanism::ScramPlus)
    }

    /// The names offered, the best first.
    pub(crate) fn offered(has_binding: bool) -> String {
        let names = Mechanism::NAMES.iter().filter(|(_, it)| has_binding || *it != Mechanism::ScramPlus);
        names.map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
    }
}

impl Exchange {
    pub(crate) fn new(mechanism: Mechanism, terms: Terms) -> Self {
        Exchange { mechanism, terms, state: State::Begun }
    }

    /// Whether the server has told what a SCRAM proof is made with, and waits for the proof.
    pub(crate) fn is_challenged(&self) -> bool {
        matches!(self.state, State::Challenged(_))
    }

    /// The first challenge, where the peer sent no initial response.
    pub(crate) fn first_challenge(&self) -> Vec<u8> {
        match self.mechanism {
            Mechanism::Login => b"Username:".to_vec(),
            _ => Vec::new(),
        }
    }

    /// Takes a response. `ask` looks a credential up by its name.
    pub(crate) fn respond(
        &mut self,
        response: &[u8],
        ask: impl FnOnce(&str) -> Result<Option<Credential>, TryLater>,
    ) -> Step {
        let step = match std::mem::replace(&mut self.state, State::Begun) {
            State::Begun => match self.mechanism {
                Mechanism::Plain => return plain(response, ask),
                Mechanism::Login => self.name(response),
                Mechanism::Scram | Mechanism::ScramPlus => self.scram_first(response, ask),
            },
            State::Named(name) => {
                std::str::from_utf8(response).ok().map(|secret| matches((&name, secret), ask))
            }
            State::Challenged(challenged) => self.scram_final(*challenged, response),
            State::Told(id) => response.is_empty().then_some(Step::Proven(id)),
        };
        step.unwrap_or(Step::Malformed)
    }

    fn name(&mut self, response: &[u8]) -> Option<Step> {
        let name = std::str::from_utf8(response).ok().filter(|name| is_name(name))?;
        self.state = State::Named(name.to_owned());
        Some(Step::Challenge(b"Password:".to_vec()))
    }

    fn scram_first(
        &mut self,
        response: &[u8],
        ask: impl FnOnce(&str) -> Result<Option<Credential>, TryLater>,
    ) -> Option<Step> {
        let first = ClientFirst::read(response).filter(|first| is_name(&first.name))?;
        let binding = self.terms.binding.filter(|_| self.mechanism == Mechanism::ScramPlus);
        let ours = match (binding, self.terms.binding) {
            (Some(_), _) => ServerBinding::Used,
            (None, Some(_)) => ServerBinding::Offered,
            (None, None) => ServerBinding::None,
        };
        if !first.binding.fits(ours) {
            return Some(Step::Failed);
        }
        let name = scram::canonical(&first.name);
        let Ok(credential) = ask(&name) else { return Some(Step::TryLater) };
        let id = credential.as_ref().map(|known| known.id);
        let verifier = credential.map_or_else(|| Verifier::of_nobody(&name), |known| known.verifier);
        let challenged = scram::Challenged::new(first, (id, verifier), (&self.terms.nonce, binding));
        let message = challenged.message().into_bytes();
        self.state = State::Challenged(Box::new(challenged));
        Some(Step::Challenge(message))
    }

    fn scram_final(&mut self, challenged: scram::Challenged, response: &[u8]) -> Option<Step> {
        let last = ClientFinal::read(response)?;
        match challenged.check(&last) {
            Some((id, message)) => {
                self.state = State::Told(id);
                Some(Step::Challenge(message.into_bytes()))
            }
            None => Some(Step::Failed),
        }
    }
}

/// A line of the exchange; `*` was sorted out before (RFC 4954 §4).
pub(crate) fn decode(line: &str) -> Option<Vec<u8>> {
    BASE64.decode(line).ok()
}

/// What follows 334.
pub(crate) fn encode(challenge: &[u8]) -> String {
    BASE64.encode(challenge)
}

/// RFC 4616 §2: whom to act for, who proves it, and the secret, parted by NUL.
fn plain(response: &[u8], ask: impl FnOnce(&str) -> Result<Option<Credential>, TryLater>) -> Step {
    let mut words = response.split(|byte| *byte == 0).map(std::str::from_utf8);
    let (Some(Ok(acting_for)), Some(Ok(name)), Some(Ok(secret)), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Step::Malformed;
    };
    if !is_name(name) {
        return Step::Malformed;
    }
    if !acting_for.is_empty() && acting_for != name {
        return Step::Failed;
    }
    matches((name, secret), ask)
}

/// Whether the secret is that of the name; a name nobody has takes as long. What cannot be a secret fails at once,
/// whatever the name.
fn matches(
    (name, secret): (&str, &str),
    ask: impl FnOnce(&str) -> Result<Option<Credential>, TryLater>,
) -> Step {
    if !scram::is_secret(secret) {
        return Step::Failed;
    }
    let name = scram::canonical(name);
    let Ok(credential) = ask(&name) else { return Step::TryLater };
    let id = credential.as_ref().map(|known| known.id);
    let verifier = credential.map_or_else(|| Verifier::of_nobody(&name), |known| known.verifier);
    let is_right = verifier.fits(secret);
    match id {
        Some(id) if is_right => Step::Proven(id),
        _ => Step::Failed,
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= limits::ADDRESS_BYTES_MAX && !name.chars().any(char::is_control)
}

/// Compares without telling by its time where the difference is.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    verify_slices_are_equal(one, other).is_ok()
}

#[cfg(test)]
mod tests;
