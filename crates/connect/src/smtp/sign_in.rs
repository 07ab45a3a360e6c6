//! From a connection to a session in which mail can be sent.
//!
//! *Invariant:* a password goes only over a line that nobody else reads: encrypted, within this machine, or where the
//! target says that it may. What was said before TLS is forgotten (RFC 3207 §4.2).

use zeroize::Zeroizing;

use super::reply::Reply;
use super::session::{Manner, Session, well};
use super::{Hello, Smtp};
use crate::error::{ConnectError, Kind};
use crate::sasl::{Mechanism, nothing_fits};
use crate::secret::Login;
use crate::target::{Target, TlsMode};
use crate::wire::{Patience, Wire};

impl Smtp {
    /// Connects, and signs in where there is a login. [`Patience::for_mail`] waits as long as the standard wants.
    ///
    /// # Errors
    /// [`Kind::Refused`], where name or secret is wrong; [`Kind::NoPermission`], where the server takes no mail of us;
    /// [`Kind::Tls`]; [`Kind::NotOffered`], where the server has no TLS or no way of signing in that fits; whatever a
    /// connection can come to.
    pub async fn open(
        target: &Target,
        login: Option<&Login>,
        hello: &Hello<'_>,
        patience: Patience,
    ) -> Result<Smtp, ConnectError> {
        let session = Session::open(Manner::Smtp, target, login, (hello, patience)).await?;
        Ok(Smtp { session })
    }
}

impl Session {
    pub(crate) async fn open(
        manner: Manner,
        target: &Target,
        login: Option<&Login>,
        (hello, patience): (&Hello<'_>, Patience),
    ) -> Result<Session, ConnectError> {
        let (wire, is_here) = Wire::connect(target, patience).await?;
        let wire = if target.tls == TlsMode::Implicit { wire.secure(target).await? } else { wire };
        let mut session = Session::begun(wire, manner, hello.name).await?;
        if target.tls == TlsMode::Starttls {
            session = session.starttls(target).await?;
            session.hello(hello.name).await?;
        }
        if let Some(login) = login {
            let is_private = target.tls != TlsMode::None || is_here || target.is_trusted_line;
            let signed_in = session.sign_in(login, hello, is_private).await;
            signed_in.map_err(|error| error.without(&login.forms()))?;
        }
        Ok(session)
    }

    pub(super) async fn sign_in(
        &mut self,
        login: &Login,
        hello: &Hello<'_>,
        is_private: bool,
    ) -> Result<(), ConnectError> {
        let offers: Vec<String> = self.can.mechanisms().map(str::to_owned).collect();
        let offers = |name: &str| offers.iter().any(|offered| offered == name);
        let fitting = Mechanism::fitting(login, (offers, hello.nonce), is_private)?;
        let mechanism =
            fitting.or_else(|| Mechanism::in_two_lines(login, offers)).ok_or_else(nothing_fits)?;
        let refused = mechanism.name();
        let mut reply = self.authenticate(mechanism).await?;
        let instead = Mechanism::instead(login, refused, offers);
        if let Some(instead) = instead.filter(|_| is_wrong(&reply) && is_private) {
            reply = self.authenticate(instead).await?;
        }
        if is_wrong(&reply) { Err(ConnectError::said(Kind::Refused, &reply.text)) } else { well(&reply) }
    }

    /// AUTH: a line for each challenge (RFC 4954 §4).
    async fn authenticate(&mut self, mut mechanism: Mechanism<'_>) -> Result<Reply, ConnectError> {
        let mut first = Some(mechanism.first());
        // The first message never goes with the command: that line has 512 bytes, and tokens are longer.
        let mut reply = self.command(&format!("AUTH {}", mechanism.name())).await?;
        for _ in 0..ROUNDS_MAX {
            match reply.code {
                334 => {}
                200..300 => return mechanism.end().map(|()| reply),
                _ => return Ok(reply),
            }
            let answer = match first.take() {
                Some(first) => first,
                None => Zeroizing::new(mechanism.answer(reply.text.as_bytes())?),
            };
            reply = self.command(&answer).await?;
        }
        Err(ConnectError::protocol("the server asks on and on"))
    }

    pub(super) async fn starttls(mut self, target: &Target) -> Result<Session, ConnectError> {
        // Whether it is offered is no question: what is said before TLS may be anybody's.
        let reply = self.command("STARTTLS").await?;
        match reply.code {
            220 => Ok(Session::over(self.wire.secure(target).await?, self.manner)),
            454 => Err(ConnectError::said(Kind::Declined, &reply.text)),
            _ => Err(ConnectError::new(Kind::NotOffered, "the server has no STARTTLS")),
        }
    }
}

/// Rounds of one AUTH: SCRAM takes three.
const ROUNDS_MAX: usize = 8;

/// Whether name or secret was refused (RFC 4954 §6). Servers lock accounts, so in doubt it was.
fn is_wrong(reply: &Reply) -> bool {
    reply.is_lasting() && !matches!(reply.code, 500..=504 | 530 | 538)
}
