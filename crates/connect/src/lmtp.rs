//! Handing a mail to a server by LMTP (RFC 2033): it answers for each recipient.
//!
//! What passes through: an envelope and the bytes of a mail go out, what the server says of each recipient comes back. It
//! is a session of [`smtp`](crate::smtp) with another greeting, and looser with mails that came from outside.
//!
//! *Invariant:* a mail counts as taken only where the server said so after all of it. What is in an envelope never
//! becomes a command.

use std::future::Future;
use std::path::Path;

use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::error::{ConnectError, Kind};
use crate::secret::Login;
use crate::smtp::{Hello, Manner, Outgoing, SendFailure, Sent, Session};
use crate::target::Target;
use crate::wire::{Patience, Socket, Wire};

pub use crate::smtp::{Envelope, Recipient, Reply};

/// A connection to an LMTP server, after its greeting.
pub struct Lmtp {
    session: Session,
}

impl Lmtp {
    /// Connects to a socket of this machine, and greets.
    ///
    /// # Errors
    /// [`ConnectError`], where nobody answers there as an LMTP server does.
    pub async fn at_socket(path: &Path, patience: Patience) -> Result<Self, ConnectError> {
        let connecting = timeout(patience.connect, UnixStream::connect(path));
        Lmtp::begin(connecting.await, (&path.display().to_string(), patience)).await
    }

    /// Connects to a host (`localhost:24`), and greets. The line is not encrypted.
    ///
    /// # Errors
    /// As [`Lmtp::at_socket`].
    pub async fn at_host(host: &str, patience: Patience) -> Result<Self, ConnectError> {
        let connecting = timeout(patience.connect, TcpStream::connect(host));
        Lmtp::begin(connecting.await, (host, patience)).await
    }

    /// Connects as the target says, and signs in where there is a login, as [`Smtp::open`](crate::smtp::Smtp::open) does: a relay.
    ///
    /// # Errors
    /// As there.
    pub async fn open(
        target: &Target,
        login: Option<&Login>,
        hello: &Hello<'_>,
        patience: Patience,
    ) -> Result<Self, ConnectError> {
        Ok(Lmtp { session: Session::open(Manner::Lmtp, target, login, (hello, patience)).await? })
    }

    async fn begin<S: Socket + 'static>(
        connected: Result<std::io::Result<S>, tokio::time::error::Elapsed>,
        (place, patience): (&str, Patience),
    ) -> Result<Self, ConnectError> {
        let unreachable = |why: &dyn std::fmt::Display| {
            ConnectError::new(Kind::Unreachable, format!("nobody answers at {place}: {why}"))
        };
        let socket = connected.map_err(|late| unreachable(&late))?.map_err(|error| unreachable(&error))?;
        let wire = Wire::over(Box::new(socket), patience);
        Ok(Lmtp { session: Session::begun(wire, Manner::Lmtp, "localhost").await? })
    }

    /// Hands a mail over. Its lines may end with LF; they travel with CRLF. One reply for each recipient, in their
    /// order; what refuses all of them is said of each.
    ///
    /// # Errors
    /// [`ConnectError`]: nobody knows then what became of it.
    pub async fn hand_over(&mut self, envelope: &Envelope, raw: &[u8]) -> Result<Vec<Reply>, ConnectError> {
        let handed = self.session.transact(&Outgoing { envelope, raw }, async || true).await;
        handed.map(|sent| sent.recipients).map_err(|failure| failure.error)
    }

    /// The same for mail of ours: `may_end` is asked as [`Smtp::send`](crate::smtp::Smtp::send) says, and where the session breaks
    /// off it is told whether the server may have the mail.
    ///
    /// # Errors
    /// [`SendFailure`].
    pub async fn send<F: Future<Output = bool>>(
        &mut self,
        mail: &Outgoing<'_>,
        may_end: impl FnOnce() -> F,
    ) -> Result<Sent, SendFailure> {
        self.session.transact(mail, may_end).await
    }

    /// Whether there may be another mail in this session.
    pub fn has_ended(&self) -> bool {
        self.session.has_ended()
    }

    /// Takes leave.
    pub async fn bye(self) {
        self.session.quit().await;
    }
}

#[cfg(test)]
mod tests;
