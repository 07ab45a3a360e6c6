//! From a connection to a session with a mailbox.
//!
//! *Invariant:* a password goes only over a line that nobody else reads: encrypted, within this machine, or where the
//! target says that it may. What was said before TLS is forgotten.

use super::reply::Status;
use super::session::{Reply, refusal};
use super::{Capabilities, NONCE_BYTES, Pop3};
use crate::error::{ConnectError, Kind};
use crate::sasl::{Mechanism, nothing_fits};
use crate::secret::{Login, Secret};
use crate::target::{Target, TlsMode};
use crate::wire::{Patience, Wire};

impl Pop3 {
    /// Connects and signs in. `nonce` is random.
    ///
    /// # Errors
    /// [`Kind::Refused`], where name or secret is wrong; [`Kind::Declined`], where somebody else has the mailbox open;
    /// [`Kind::Tls`]; [`Kind::NotOffered`], where the server has no way of signing in that fits; whatever a connection
    /// can come to.
    pub async fn open(
        target: &Target,
        login: &Login,
        nonce: &[u8; NONCE_BYTES],
        patience: Patience,
    ) -> Result<Pop3, ConnectError> {
        let (wire, is_here) = Wire::connect(target, patience).await?;
        let wire = if target.tls == TlsMode::Implicit { wire.secure(target).await? } else { wire };
        let mut session = Pop3::over(wire);
        session.greeting().await?;
        if target.tls == TlsMode::Starttls {
            session = session.stls(target).await?;
        }
        session.learn_capabilities().await?;
        let is_private = target.tls != TlsMode::None || is_here || target.is_trusted_line;
        let signed_in = session.sign_in(login, nonce, is_private).await;
        signed_in.map_err(|error| error.without(&login.forms()))?;
        // What it can do for us may be more than what it can do for strangers (RFC 2449 §5).
        session.learn_capabilities().await?;
        Ok(session)
    }

    async fn greeting(&mut self) -> Result<(), ConnectError> {
        // Nothing is sent: the time counts from here.
        self.wire.ask(b"").await?;
        match self.reply().await {
            Ok(Reply::Status(status)) if status.is_ok => Ok(()),
            Ok(Reply::Status(status)) => Err(ConnectError::said(Kind::Closed, &status.text)),
            Ok(Reply::Go(_)) => Err(no_greeting()),
            Err(error) if error.kind == Kind::Protocol => Err(no_greeting()),
            Err(error) => Err(error),
        }
    }

    async fn stls(mut self, target: &Target) -> Result<Pop3, ConnectError> {
        // Whether it is offered is no question: what is said before TLS may be anybody's.
        if !self.command("STLS").await?.is_ok {
            return Err(ConnectError::new(Kind::NotOffered, "the server has no STLS"));
        }
        Ok(Pop3::over(self.wire.secure(target).await?))
    }

    /// Servers of before 1998 know of no capabilities: whatever is asked of them shows what they can.
    async fn learn_capabilities(&mut self) -> Result<(), ConnectError> {
        let mut lines = Vec::new();
        self.lines("CAPA", &mut |line| lines.push(line.to_vec())).await?;
        self.can = Capabilities::read(&lines);
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
        let status = match (mechanism, login) {
            (Some(mechanism), _) => {
                let refused = mechanism.name();
                let status = self.authenticate(mechanism).await?;
                let instead = Mechanism::instead(login, refused, offered);
                match instead.filter(|_| is_wrong(&status) && is_private) {
                    Some(instead) => self.authenticate(instead).await?,
                    None => status,
                }
            }
            (None, Login::Password { user, secret }) => self.user_and_pass(user, secret).await?,
            (None, Login::Bearer { .. }) => return Err(nothing_fits()),
        };
        if status.is_ok {
            return Ok(());
        }
        let kind = if is_wrong(&status) { Kind::Refused } else { refusal(&status).kind };
        Err(ConnectError::said(kind, &status.text))
    }

    /// AUTH: a line for each challenge (RFC 5034).
    async fn authenticate(&mut self, mut mechanism: Mechanism<'_>) -> Result<Status, ConnectError> {
        self.begin()?;
        let mut first = Some(mechanism.first());
        // The first message never goes with the command: that line has 255 bytes, and tokens are longer.
        self.say(&format!("AUTH {}", mechanism.name())).await?;
        for _ in 0..ROUNDS_MAX {
            let challenge = match self.reply().await? {
                Reply::Status(status) => {
                    if status.is_ok {
                        mechanism.end()?;
                    }
                    self.free();
                    return Ok(status);
                }
                Reply::Go(challenge) => challenge,
            };
            let answer = match first.take() {
                Some(first) => first,
                None => zeroize::Zeroizing::new(mechanism.answer(&challenge)?),
            };
            self.say(&answer).await?;
        }
        Err(ConnectError::protocol("the server asks on and on"))
    }

    async fn user_and_pass(&mut self, user: &str, secret: &Secret) -> Result<Status, ConnectError> {
        if [user, secret.reveal()].iter().any(|text| text.contains(['\r', '\n', '\0'])) {
            let words = "this name or password cannot be said to a server without SASL";
            return Err(ConnectError::new(Kind::NotOffered, words));
        }
        let status = self.command(&format!("USER {user}")).await?;
        if !status.is_ok {
            return Ok(status);
        }
        self.command(&zeroize::Zeroizing::new(format!("PASS {}", secret.reveal()))).await
    }
}

/// Rounds of one command that goes on at `+`: SCRAM takes three.
const ROUNDS_MAX: usize = 8;

/// Whether the name or the password was refused. Servers lock accounts, so in doubt it was. Without codes, a mailbox that
/// somebody else has open is told by words alone, those of RFC 1939.
fn is_wrong(status: &Status) -> bool {
    let text = status.text.to_ascii_lowercase();
    let is_in_use = text.contains("in use") || (text.contains("maildrop") && text.contains("lock"));
    !status.is_ok && status.code.as_ref().map_or(!is_in_use, |code| code == "AUTH")
}

fn no_greeting() -> ConnectError {
    ConnectError::protocol("this is no POP3 server, or one that expects TLS from the first byte")
}
