//! The sockets of the door: accepting, waiting, TLS, and stopping gracefully.
//!
//! What passes through: connections; each becomes a `Session` in a task of its own, fed with what the
//! peer sends and written what the session says.
//!
//! *Invariant:* every step has a time limit, the number of connections has one, for each stranger too, and
//! a panic ends one connection only. Pipelined commands are answered in one write.

use std::fmt;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::network::{self, Network};
use model::{Timestamp, limits};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::in_flight::InFlight;
use crate::intake::Intake;
use crate::measure::{self, OpenConnection};
use crate::session::Session;
use conversation::{Conversation, Next};
use places::{NoPlace, Place, Places};

mod conversation;
mod places;
#[cfg(feature = "testing")]
pub mod testing;

/// An SMTP or LMTP server that is ready to serve.
pub struct Door<I> {
    settings: Arc<DoorSettings>,
    intake: Arc<I>,
}

/// What a door is like.
pub struct DoorSettings {
    /// The name the door goes by, in greetings and trace fields.
    pub hostname: String,
    /// What it speaks.
    pub protocol: DoorProtocol,
    /// What follows the name in the first line.
    pub banner: String,
    /// Bytes of one message, announced as SIZE (RFC 1870).
    pub message_bytes_max: usize,
    /// Connections at a time; one more is answered 421 and closed.
    pub connections_max: usize,
    /// Connections at a time from one stranger, an IPv4 address or an IPv6 /64; one more is answered 421 and
    /// closed.
    pub connections_per_stranger_max: usize,
    /// Networks whose peers are no strangers.
    pub trusted: Vec<Network>,
    /// Whether peers on this machine are no strangers, as they should be. A test can play a stranger without it.
    pub trusts_loopback: bool,
    /// For STARTTLS (RFC 3207); `None` does not offer it. See [`crate::tls`].
    pub tls: Option<Arc<ServerConfig>>,
    /// Room for messages under way; give all doors of a house the same.
    pub in_flight: Arc<InFlight>,
    /// How long the door waits.
    pub patience: Patience,
    /// The time of trace fields.
    pub clock: Clock,
}

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The protocol of a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorProtocol {
    /// RFC 5321.
    Smtp,
    /// RFC 2033.
    Lmtp,
}

/// How long the door waits at each step before it ends the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a command, and for the peer to take replies.
    pub command: Duration,
    /// The same for a stranger, where it is shorter.
    pub stranger_command: Duration,
    /// For a stranger's session in which no recipient was accepted.
    pub stranger_session: Duration,
    /// For the next bytes of a message.
    pub data_block: Duration,
    /// For a whole message.
    pub data: Duration,
    /// For a TLS handshake.
    pub handshake: Duration,
    /// For open transactions to end when the house stops; what is open then is cut off.
    pub stop: Duration,
}

impl Default for Patience {
    /// As in [`model::limits`].
    fn default() -> Self {
        Patience {
            command: Duration::from_secs(limits::COMMAND_SECONDS_MAX),
            stranger_command: Duration::from_secs(limits::STRANGER_COMMAND_SECONDS_MAX),
            stranger_session: Duration::from_secs(limits::STRANGER_SESSION_SECONDS_MAX),
            data_block: Duration::from_secs(limits::DATA_BLOCK_SECONDS_MAX),
            data: Duration::from_secs(limits::DATA_SECONDS_MAX),
            handshake: Duration::from_secs(limits::TLS_HANDSHAKE_SECONDS_MAX),
            stop: Duration::from_secs(limits::STOP_SECONDS_MAX),
        }
    }
}

impl DoorSettings {
    /// A door with the limits of [`model::limits`], without TLS, with room of its own; whoever is not on this
    /// machine is a stranger.
    pub fn new(hostname: String, protocol: DoorProtocol, clock: Clock) -> Self {
        let banner = match protocol {
            DoorProtocol::Smtp => "ESMTP Postroom",
            DoorProtocol::Lmtp => "LMTP Postroom",
        };
        DoorSettings {
            hostname,
            protocol,
            banner: banner.to_owned(),
            message_bytes_max: limits::MESSAGE_BYTES_MAX,
            connections_max: limits::CONNECTIONS_MAX,
            connections_per_stranger_max: limits::STRANGER_CONNECTIONS_MAX,
            trusted: Vec::new(),
            trusts_loopback: true,
            tls: None,
            in_flight: InFlight::new(limits::IN_FLIGHT_BYTES_MAX),
            patience: Patience::default(),
            clock,
        }
    }

    /// Whether a peer is none of the strangers, who get less time, fewer places and fewer reasons.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        let is_here = self.trusts_loopback && network::is_loopback(peer);
        is_here || self.trusted.iter().any(|network| network.contains(peer))
    }
}

impl fmt::Debug for DoorSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DoorSettings")
            .field("hostname", &self.hostname)
            .field("protocol", &self.protocol)
            .field("message_bytes_max", &self.message_bytes_max)
            .field("connections_max", &self.connections_max)
            .field("tls", &self.tls.is_some())
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

impl<I: Intake> Door<I> {
    /// A door that hands what arrives to `intake`.
    pub fn new(settings: DoorSettings, intake: Arc<I>) -> Self {
        Door { settings: Arc::new(settings), intake }
    }

    /// Serves until `stop`: then accepts no more, answers 421 4.3.2 to idle sessions, lets open
    /// transactions end within [`Patience::stop`], and resolves when all connections are closed.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        let places = Places::new(&self.settings);
        let mut open = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ended) = open.join_next() => report(ended),
                accepted = listener.accept() => match accepted {
                    Ok((stream, address)) => match self.place(&places, address.ip()) {
                        Ok(place) => drop(open.spawn(self.call(place, address, &stop).serve(stream, address))),
                        Err(why) => turn_away(stream, address, why),
                    },
                    Err(error) => rest_after(&error).await,
                },
            }
        }
        drop(listener);
        let all_ended = async {
            while let Some(ended) = open.join_next().await {
                report(ended);
            }
        };
        if tokio::time::timeout(self.settings.patience.stop, all_ended).await.is_err() {
            tracing::warn!(connections = open.len(), "connections were cut off at stop");
            open.shutdown().await;
        }
    }

    fn place(&self, places: &Arc<Places>, peer: IpAddr) -> Result<Place, NoPlace> {
        if self.settings.trusts(peer) { places.for_trusted() } else { places.for_stranger(peer) }
    }

    fn call(&self, place: Place, address: SocketAddr, stop: &CancellationToken) -> Call<I> {
        let settings = Arc::clone(&self.settings);
        let session = Session::new(Arc::clone(&settings), Arc::clone(&self.intake), address.ip());
        let conversation =
            Conversation::new(session, Arc::clone(&self.intake), settings.patience, stop.clone());
        Call { conversation, settings, _place: place }
    }
}

/// One connection, from its greeting to its end.
struct Call<I: Intake> {
    conversation: Conversation<I>,
    settings: Arc<DoorSettings>,
    _place: Place,
}

impl<I: Intake> Call<I> {
    async fn serve(mut self, stream: TcpStream, address: SocketAddr) {
        let _open = OpenConnection::new();
        let ended = self.talk(stream).await;
        let (peer, messages) = (address.ip(), self.conversation.messages());
        match ended {
            Ok(()) => tracing::debug!(%peer, messages, "session ended"),
            Err(error) => tracing::debug!(%peer, messages, %error, "session broke off"),
        }
    }

    async fn talk(&mut self, mut stream: TcpStream) -> io::Result<()> {
        // Replies are small and awaited; nothing is gained by gathering them in the kernel.
        stream.set_nodelay(true)?;
        let next = self.conversation.hold(&mut stream).await?;
        if let (Next::StartTls, Some(config)) = (next, &self.settings.tls) {
            let started = Instant::now();
            let handshake = TlsAcceptor::from(Arc::clone(config)).accept(stream);
            let waited = tokio::time::timeout(self.settings.patience.handshake, handshake).await;
            let mut stream = waited.map_err(|_| io::ErrorKind::TimedOut)??;
            measure::step("handshake", started.elapsed());
            self.conversation.secured();
            self.conversation.hold(&mut stream).await?;
        }
        Ok(())
    }
}

/// One connection too many hears why. Nobody waits for it: the socket is new, so its buffer is empty.
fn turn_away(stream: TcpStream, address: SocketAddr, why: NoPlace) {
    let mut line = Vec::new();
    why.reply().write(&mut line);
    let said = stream.into_std().and_then(|mut stream| stream.write_all(&line));
    measure::turned_away(why.label());
    // Counted and not warned of: whoever knocks too often would fill the log.
    tracing::debug!(peer = %address.ip(), why = why.label(), heard = said.is_ok(), "too many connections");
}

/// Accepting fails for one peer that is gone already, or because the process is out of descriptors;
/// then trying again at once would only burn the processor.
async fn rest_after(error: &io::Error) {
    const REST: Duration = Duration::from_millis(50);
    tracing::warn!(%error, "a connection could not be accepted");
    tokio::time::sleep(REST).await;
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("a connection ended by a panic; the others go on");
    }
}
