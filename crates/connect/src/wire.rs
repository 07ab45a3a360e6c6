//! Bytes to and from one server, and how long it may take over them.
//!
//! What passes through: commands go out; what comes in waits in a buffer until a reader has consumed it.
//!
//! *Invariant:* every wait ends: a connection, a handshake, a command that is not taken, an answer that does not come
//! or drips. The buffer holds no more than a reader left of it and one read.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::task::Poll;
use std::time::{Duration, Instant};

use model::limits;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::error::{ConnectError, Kind};
use crate::target::Target;
use crate::tls;

/// Bytes read at once while a long answer comes: a usual mail in one or two reads.
const READ_BYTES_MAX: usize = 32 * 1024;
/// Bytes read at once at first, and while nothing is asked: thousands of connections begin, and wait. Twice as many after
/// each read that brought as many as it could.
const READ_BYTES_MIN: usize = 1024;

/// A connection, encrypted or not.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin + Send + Sync {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + Sync> Socket for S {}

/// How long a server may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until a connection stands, and for a handshake.
    pub connect: Duration,
    /// Until an answer is whole, when it is short.
    pub answer: Duration,
    /// What a longer answer gains: so many bytes are another second.
    pub bytes_per_second: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            connect: Duration::from_secs(limits::CONNECT_SECONDS_MAX),
            answer: Duration::from_secs(limits::ANSWER_SECONDS_MAX),
            bytes_per_second: limits::ANSWER_BYTES_PER_SECOND_MIN,
        }
    }
}

impl Patience {
    /// For handing mail over: as long as RFC 5321 §4.5.3.2 wants each answer to be waited for. A shorter `answer` shortens
    /// them all.
    pub fn for_mail() -> Self {
        Patience { answer: Duration::from_secs(limits::SMTP_END_SECONDS_MAX), ..Patience::default() }
    }
}

/// One connection with what it has brought.
pub(crate) struct Wire {
    socket: Box<dyn Socket>,
    patience: Patience,
    input: Vec<u8>,
    consumed: usize,
    /// Bytes of the next read.
    reads: usize,
    asked: Instant,
    /// Until an answer to that is whole.
    within: Duration,
    /// Bytes that came since, or went by [`Wire::send_on`].
    moved: u64,
}

impl Wire {
    /// Connects. Says also whether the other end is this machine.
    pub(crate) async fn connect(target: &Target, patience: Patience) -> Result<(Wire, bool), ConnectError> {
        if target.is_socket() {
            let connected = timeout(patience.connect, UnixStream::connect(&target.host)).await;
            let stream = connected.map_err(|_| timed_out())?.map_err(|error| {
                ConnectError::new(Kind::Unreachable, format!("{} does not answer: {error}", target.host))
            })?;
            return Ok((Wire::over(Box::new(stream), patience), true));
        }
        let unreachable = |error: io::Error| {
            let words = format!("{} does not answer at port {}: {error}", target.host, target.port);
            ConnectError::new(Kind::Unreachable, words)
        };
        let addresses = addresses(target).await.map_err(unreachable)?;
        let connecting = TcpStream::connect(addresses.as_slice());
        let stream =
            timeout(patience.connect, connecting).await.map_err(|_| timed_out())?.map_err(unreachable)?;
        // Commands are written whole; waiting for more of them only delays.
        stream.set_nodelay(true).map_err(unreachable)?;
        let is_here = stream.peer_addr().is_ok_and(|peer| peer.ip().is_loopback());
        Ok((Wire::over(Box::new(stream), patience), is_here))
    }

    /// Over a connection that stands.
    pub(crate) fn over(socket: Box<dyn Socket>, patience: Patience) -> Wire {
        let (input, reads) = (Vec::new(), READ_BYTES_MIN);
        let (asked, within) = (Instant::now(), patience.answer);
        Wire { socket, patience, input, consumed: 0, reads, asked, within, moved: 0 }
    }

    /// The same line, encrypted from here on.
    ///
    /// # Errors
    /// [`Kind::Tls`]; so too where bytes came before the handshake: somebody in between could have written them, and
    /// they would count as the server's afterwards.
    pub(crate) async fn secure(self, target: &Target) -> Result<Wire, ConnectError> {
        if !self.input().is_empty() {
            let words = "the server, or somebody in between, sent more than the answer to STARTTLS";
            return Err(ConnectError::new(Kind::Tls, words));
        }
        let handshake = tls::secure(self.socket, target);
        let socket = timeout(self.patience.connect, handshake).await.map_err(|_| timed_out())??;
        Ok(Wire::over(socket, self.patience))
    }

    /// What has come and is not consumed.
    pub(crate) fn input(&self) -> &[u8] {
        self.input.get(self.consumed..).unwrap_or_default()
    }

    /// So many bytes of [`Wire::input`] were read.
    pub(crate) fn consume(&mut self, count: usize) {
        self.consumed += count;
        if self.consumed >= self.input.len() {
            self.input.clear();
            self.consumed = 0;
        }
    }

    /// Sends, and counts time and bytes of the answer from now.
    pub(crate) async fn ask(&mut self, bytes: &[u8]) -> Result<(), ConnectError> {
        self.ask_within(self.patience.answer, bytes).await
    }

    /// The same, for an answer that may take so long, if our patience lasts.
    pub(crate) async fn ask_within(&mut self, within: Duration, bytes: &[u8]) -> Result<(), ConnectError> {
        self.within = within.min(self.patience.answer);
        self.go_on();
        let sent = timeout(self.within, self.write(bytes)).await.map_err(|_| timed_out())?;
        sent.map_err(|error| broken(&error))
    }

    /// Sends more of what was asked. Bytes earn time, as those of an answer do.
    pub(crate) async fn send_on(&mut self, bytes: &[u8]) -> Result<(), ConnectError> {
        let left = self.left()?;
        timeout(left, self.write(bytes)).await.map_err(|_| timed_out())?.map_err(|error| broken(&error))?;
        self.moved += u64::try_from(bytes.len()).unwrap_or_default();
        Ok(())
    }

    /// Of several answers another one begins: its time counts from now.
    pub(crate) fn go_on(&mut self) {
        (self.asked, self.moved) = (Instant::now(), 0);
    }

    /// Waits for more of an answer.
    ///
    /// # Errors
    /// [`Kind::TimedOut`], where the answer takes too long for what has come of it; [`Kind::Closed`].
    pub(crate) async fn fill(&mut self) -> Result<(), ConnectError> {
        let left = self.left()?;
        timeout(left, self.read()).await.map_err(|_| timed_out())?
    }

    /// Takes what has come, and waits for nothing.
    ///
    /// # Errors
    /// [`Kind::Closed`].
    pub(crate) async fn glance(&mut self) -> Result<(), ConnectError> {
        // Meanwhile the runtime looks at its sockets.
        tokio::task::yield_now().await;
        let mut reading = std::pin::pin!(self.read());
        let glance = std::future::poll_fn(|context| match reading.as_mut().poll(context) {
            Poll::Ready(read) => Poll::Ready(read),
            Poll::Pending => Poll::Ready(Ok(())),
        });
        glance.await
    }

    fn left(&self) -> Result<Duration, ConnectError> {
        let earned = self.moved / self.patience.bytes_per_second.max(1);
        let allowed = self.within + Duration::from_secs(earned);
        let left = allowed.saturating_sub(self.asked.elapsed());
        if left.is_zero() { Err(timed_out()) } else { Ok(left) }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes).await?;
        self.socket.flush().await
    }

    /// Ends the connection, whoever holds this.
    pub(crate) fn cut(&mut self) {
        self.socket = Box::new(tokio::io::empty());
    }

    /// Gives memory back before a long wait.
    pub(crate) fn rest(&mut self) {
        self.input.drain(..self.consumed);
        self.consumed = 0;
        self.input.shrink_to(READ_BYTES_MIN);
        self.reads = READ_BYTES_MIN;
    }

    /// Waits for anything, until `until` is there. Says whether something came. It may take long: memory is given back.
    pub(crate) async fn fill_before(
        &mut self,
        until: &mut (impl Future<Output = ()> + Unpin + Send),
    ) -> Result<bool, ConnectError> {
        self.rest();
        tokio::select! {
            biased;
            read = self.read() => read.map(|()| true),
            () = until => Ok(false),
        }
    }

    /// Nothing is lost where this future is dropped.
    async fn read(&mut self) -> Result<(), ConnectError> {
        self.input.drain(..self.consumed);
        self.consumed = 0;
        self.input.reserve(self.reads);
        let read = self.socket.read_buf(&mut self.input).await.map_err(|error| broken(&error))?;
        if read == 0 {
            return Err(ConnectError::new(Kind::Closed, "the server ended the connection"));
        }
        if read >= self.reads {
            self.reads = (self.reads * 2).min(READ_BYTES_MAX);
        }
        self.moved += u64::try_from(read).unwrap_or_default();
        Ok(())
    }
}

/// Names that are looked up now: the system does it on a thread each, which stays for a while.
static LOOKUPS: Semaphore = Semaphore::const_new(limits::LOOKUPS_MAX);

/// The addresses of a host, each with the port.
async fn addresses(target: &Target) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = target.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, target.port)]);
    }
    let permit = LOOKUPS.acquire().await.map_err(io::Error::other)?;
    let (host, port) = (target.host.clone(), target.port);
    let lookup = tokio::task::spawn_blocking(move || {
        // Whoever asked may have gone: the thread is busy still.
        let _permit = permit;
        (host.as_str(), port).to_socket_addrs().map(Vec::from_iter)
    });
    lookup.await.map_err(io::Error::other)?
}

fn timed_out() -> ConnectError {
    ConnectError::new(Kind::TimedOut, "the server did not answer in time")
}

fn broken(error: &io::Error) -> ConnectError {
    ConnectError::new(Kind::Closed, format!("the connection broke: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Patience = Patience {
        connect: Duration::from_secs(5),
        answer: Duration::from_millis(200),
        bytes_per_second: 1_000_000,
    };

    #[tokio::test]
    async fn an_answer_that_drips_ends() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut wire = Wire::over(Box::new(ours), SHORT);
        let drip = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_millis(20));
            while theirs.write_all(b"x").await.is_ok() {
                ticks.tick().await;
            }
        });
        wire.ask(b"a NOOP\r\n").await.unwrap();
        let error = loop {
            if let Err(error) = wire.fill().await {
                break error;
            }
        };
        assert_eq!(error.kind, Kind::TimedOut);
        drop(wire);
        drip.await.unwrap();
    }

    #[tokio::test]
    async fn a_server_that_does_not_read_ends() {
        let (ours, _theirs) = tokio::io::duplex(4);
        let mut wire = Wire::over(Box::new(ours), SHORT);
        assert_eq!(wire.ask(b"a NOOP\r\n").await.unwrap_err().kind, Kind::TimedOut);
    }

    #[tokio::test]
    async fn bytes_before_the_handshake_are_refused() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut wire = Wire::over(Box::new(ours), SHORT);
        theirs.write_all(b"a OK begin\r\n* OK injected\r\n").await.unwrap();
        wire.fill().await.unwrap();
        wire.consume(b"a OK begin\r\n".len());
        let target = Target {
            host: "imap.test".to_owned(),
            port: 143,
            tls: crate::TlsMode::Starttls,
            authority: None,
            is_trusted_line: false,
        };
        let Err(error) = wire.secure(&target).await else { panic!("it was taken") };
        assert_eq!(error.kind, Kind::Tls);
    }

    #[tokio::test]
    async fn nothing_is_read_twice_and_nothing_skipped() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let mut wire = Wire::over(Box::new(ours), SHORT);
        theirs.write_all(b"one two").await.unwrap();
        wire.fill().await.unwrap();
        wire.consume(4);
        assert_eq!(wire.input(), b"two");
        theirs.write_all(b" three").await.unwrap();
        wire.fill().await.unwrap();
        assert_eq!(wire.input(), b"two three");
        drop(theirs);
        assert_eq!(wire.fill().await.unwrap_err().kind, Kind::Closed);
    }
}
