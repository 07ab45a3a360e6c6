//! From a connection to a session in which mail can be asked for.
//!
//! *Invariant:* a password goes only over a line that nobody else reads: encrypted, within this machine, or where the
//! target says that it may. What was said before TLS is forgotten.

use std::collections::VecDeque;
use std::future::Future;

use super::NONCE_BYTES;
use super::answer::{Answer, Condition, Status};
use super::names::quoted;
use super::session::{Ear, Heard, Pieces, Session, deaf, refusal};
use crate::error::{ConnectError, Kind};
use crate::sasl::{Mechanism, nothing_fits};
use crate::secret::{Login, Secret};
use crate::target::{Target, TlsMode};
use crate::wire::{Patience, Wire};

impl Session {
    /// Connects and signs in. `nonce` is random.
    ///
    /// # Errors
    /// [`Kind::Refused`], where name or secret is wrong; [`Kind::Tls`]; [`Kind::NotOffered`], where the server has no way
    /// of signing in that fits; whatever a connection can come to.
    pub async fn open(
        target: &Target,
        login: &Login,
        nonce: &[u8; NONCE_BYTES],
        patience: Patience,
    ) -> Result<Session, ConnectError> {
        let (wire, is_here) = Wire::connect(target, patience).await?;
        let wire = if target.tls == TlsMode::Implicit { wire.secure(target).await? } else { wire };
        let mut session = Session::over(wire);
        let greeting = session.greeting().await?;
        let is_in = greeting.condition == Condition::Preauth;
        if target.tls == TlsMode::Starttls {
            // Nobody is in before the handshake, but who would like to avoid it (RFC 9051 §11.3).
            if is_in {
                return Err(ConnectError::new(Kind::Tls, "the server signs us in before TLS has begun"));
            }
            session = session.starttls(target).await?;
        }
        session.learn_capabilities().await?;
        if !is_in {
            let is_private = target.tls != TlsMode::None || is_here || target.is_trusted_line;
            let signed_in = session.sign_in(login, nonce, is_private).await;
            signed_in.map_err(|error| error.without(&login.forms()))?;
        }
        session.switch().await?;
        Ok(session)
    }

    async fn greeting(&mut self) -> Result<Status, ConnectError> {
        let mut greeting = None;
        // Nothing is sent: the time counts from here.
        self.send(b"").await?;
        while greeting.is_none() {
            let mut ear = |answer: Answer| {
                greeting = match answer {
                    Answer::Status(status) => Some(status),
                    _ => return Err(no_greeting()),
                };
                Ok(())
            };
            let Heard::Nothing = self.next(&mut ear).await? else { return Err(no_greeting()) };
        }
        let is_greeting = |status: &Status| matches!(status.condition, Condition::Ok | Condition::Preauth);
        greeting.filter(is_greeting).ok_or_else(no_greeting)
    }

    async fn starttls(mut self, target: &Target) -> Result<Session, ConnectError> {
        // Whether it is offered is no question: what is said before TLS may be anybody's.
        let status = self.status_of("STARTTLS", &mut deaf).await?;
        if status.condition != Condition::Ok {
            return Err(ConnectError::new(Kind::NotOffered, "the server has no STARTTLS"));
        }
        Ok(Session::over(self.wire.secure(target).await?))
    }

    async fn learn_capabilities(&mut self) -> Result<(), ConnectError> {
        if self.can.is_unknown() {
            self.command("CAPABILITY", &mut deaf).await?;
        }
        Ok(())
    }

    async fn sign_in(
        &mut self,
        login: &Login,
        nonce: &[u8; NONCE_BYTES],
        is_private: bool,
    ) -> Result<(), ConnectError> {
        let offers = self.can.clone();
        let offered = |name: &str| offers.has_mechanism(name);
        let mechanism = Mechanism::fitting(login, (offered, nonce), is_private)?;
        // What it can do for us is more than what it can do for strangers.
        self.can = super::Capabilities::default();
        let status = match (mechanism, login) {
            (Some(mechanism), _) => {
                let (at_once, refused) = (offers.has("SASL-IR"), mechanism.name());
                let status = self.authenticate(mechanism, at_once).await?;
                let instead = Mechanism::instead(login, refused, offered);
                match instead.filter(|_| status.condition == Condition::No && is_private) {
                    Some(instead) => self.authenticate(instead, at_once).await?,
                    None => status,
                }
            }
            (None, Login::Password { user, secret }) if !offers.has("LOGINDISABLED") => {
                self.login(user, secret).await?
            }
            (None, _) => return Err(nothing_fits()),
        };
        if status.condition == Condition::Ok {
            return self.learn_capabilities().await;
        }
        let error = refusal(&status);
        // NO without a code, or with one that says nothing else, is said of a wrong password.
        let is_about_now = ["UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG"].iter().any(|code| status.is(code));
        if error.kind == Kind::Declined && !is_about_now {
            return Err(ConnectError { kind: Kind::Refused, ..error });
        }
        Err(error)
    }

    async fn authenticate(
        &mut self,
        mechanism: Mechanism<'_>,
        at_once: bool,
    ) -> Result<Status, ConnectError> {
        let (name, first) = (mechanism.name(), mechanism.first());
        let command = if at_once {
            format!("AUTHENTICATE {name} {}", first.as_str())
        } else {
            format!("AUTHENTICATE {name}")
        };
        let command = zeroize::Zeroizing::new(command);
        let mut ear = Exchange { mechanism, first: (!at_once).then_some(first) };
        let status = self.status_of(&command, &mut ear).await?;
        if status.condition == Condition::Ok {
            ear.mechanism.end()?;
        }
        Ok(status)
    }

    async fn login(&mut self, user: &str, secret: &Secret) -> Result<Status, ConnectError> {
        let (user, secret) = (user.to_owned(), zeroize::Zeroizing::new(secret.reveal().to_owned()));
        let is_plain = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if is_plain(&user) && is_plain(&secret) {
            let command = zeroize::Zeroizing::new(format!("LOGIN {} {}", quoted(&user), quoted(&secret)));
            return self.status_of(&command, &mut deaf).await;
        }
        // What no quoted string may hold goes as literals, each when it is asked for.
        let command = format!("LOGIN {{{}}}", user.len());
        let name = format!("{user} {{{}}}\r\n", secret.len()).into_bytes();
        let password = format!("{}\r\n", secret.as_str()).into_bytes();
        self.status_of(&command, &mut Pieces(VecDeque::from([name, password]))).await
    }
}

fn no_greeting() -> ConnectError {
    ConnectError::protocol("this is no IMAP server, or one that expects TLS from the first byte")
}

/// AUTHENTICATE: a line for each challenge.
struct Exchange<'l> {
    mechanism: Mechanism<'l>,
    /// Where it did not go with the command.
    first: Option<zeroize::Zeroizing<String>>,
}

impl Ear for Exchange<'_> {
    fn hear(&mut self, _: Answer) -> impl Future<Output = Result<(), ConnectError>> + Send {
        std::future::ready(Ok(()))
    }

    fn go_on(&mut self, challenge: &[u8]) -> Result<Vec<u8>, ConnectError> {
        let answer = match self.first.take() {
            Some(first) => first,
            None => zeroize::Zeroizing::new(self.mechanism.answer(challenge)?),
        };
        Ok([answer.as_bytes(), b"\r\n"].concat())
    }
}
