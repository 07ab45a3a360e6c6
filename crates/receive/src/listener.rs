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
use rustls::{ProtocolVersion, ServerConfig, ServerConnection};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::auth::{Binding, Nonces};
use crate::body::Large;
use crate::in_flight::InFlight;
use crate::intake::Intake;
use crate::measure::{self, OpenConnection};
use crate::proxy::{Announced, HeaderReader, NotAHeader};
use crate::rates::{PerMinute, Rates};
use crate::replies::{self, Reply};
use crate::session::{NOBODY, Session, of_announced};
use conversation::{Conversation, Next};
use places::{NoPlace, Place, Places};

mod conversation;
pub(crate) mod places;
#[cfg(feature = "testing")]
pub mod testing;
mod unix;

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
    /// Networks of proxies: each connection from them begins with a header of the PROXY protocol, and belongs to
    /// whom it announces.
    pub proxies: Vec<Network>,
    /// Networks of relays that may say with XCLIENT for whom they speak.
    pub announcers: Vec<Network>,
    /// For STARTTLS (RFC 3207); `None` does not offer it. See [`crate::tls`].
    pub tls: Option<Arc<ServerConfig>>,
    /// Whether TLS begins with the connection (RFC 8314 §3.3) and not with STARTTLS.
    pub tls_from_start: bool,
    /// For AUTH (RFC 4954), under TLS alone; `None` does not offer it.
    pub nonces: Option<Nonces>,
    /// How often strangers may come; give all doors of a house the same.
    pub rates: Arc<Rates>,
    /// Room in memory for messages under way; give all doors of a house the same.
    pub in_flight: Arc<InFlight>,
    /// Where messages above [`limits::LARGE_MESSAGE_BYTES`] stand; `None` keeps them in memory.
    pub large: Option<Large>,
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
    /// For the header of a proxy.
    pub proxy_header: Duration,
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
            proxy_header: Duration::from_secs(limits::PROXY_HEADER_SECONDS_MAX),
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
            proxies: Vec::new(),
            announcers: Vec::new(),
            tls: None,
            tls_from_start: false,
            nonces: None,
            rates: Arc::new(Rates::new(PerMinute::default())),
            in_flight: InFlight::new(limits::IN_FLIGHT_BYTES_MAX),
            large: None,
            patience: Patience::default(),
            clock,
        }
    }

    /// Whether a peer is none of the strangers, who get less time, fewer places and fewer reasons.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        let is_here = self.trusts_loopback && network::is_loopback(peer);
        is_here || self.trusted.iter().any(|network| network.contains(peer))
    }

    fn is_proxy(&self, peer: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(peer))
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
        let places = Places::new(Arc::clone(&self.settings));
        let mut open = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ended) = open.join_next() => report(ended),
                accepted = listener.accept() => match accepted {
                    Ok((stream, address)) => match self.place(&places, address.ip()) {
                        Ok(place) => drop(open.spawn(self.call(place, &stop).serve(stream, address))),
                        Err(why) => turn_away(stream, address, why),
                    },
                    Err(error) => rest_after(&error).await,
                },
            }
        }
        drop(listener);
        end_all(open, self.settings.patience.stop).await;
    }

    fn place(&self, places: &Arc<Places>, peer: IpAddr) -> Result<Place, NoPlace> {
        if self.settings.is_proxy(peer) { places.take_for_proxy() } else { places.take(peer) }
    }

    fn call(&self, place: Place, stop: &CancellationToken) -> Call<I> {
        let (settings, intake) = (Arc::clone(&self.settings), Arc::clone(&self.intake));
        Call { settings, intake, place, stop: stop.clone() }
    }
}

/// One connection, from its first byte to its end.
struct Call<I: Intake> {
    settings: Arc<DoorSettings>,
    intake: Arc<I>,
    place: Place,
    stop: CancellationToken,
}

impl<I: Intake> Call<I> {
    async fn serve(mut self, mut stream: TcpStream, address: SocketAddr) {
        let _open = OpenConnection::new();
        let proxy = self.settings.is_proxy(address.ip());
        let announced = if proxy { self.hear_proxy(&mut stream).await } else { Ok(address.ip()) };
        let peer = match announced {
            Ok(peer) => peer,
            Err(Unheard::Refused(reply, why)) => return send_away(stream, address, &reply, why),
            Err(Unheard::Broken(error)) => return tracing::debug!(proxy = %address.ip(), %error, "no header"),
        };
        let session = Session::new(Arc::clone(&self.settings), self.intake, peer, self.place);
        let mut conversation = Conversation::new(session, self.settings.patience, self.stop);
        let ended = talk(&mut conversation, &self.settings, stream).await;
        let messages = conversation.messages();
        match ended {
            Ok(()) => tracing::debug!(%peer, messages, "session ended"),
            Err(error) => tracing::debug!(%peer, messages, %error, "session broke off"),
        }
    }

    /// Reads the header of a proxy; whose the connection is then, with a place of its own.
    async fn hear_proxy(&mut self, stream: &mut TcpStream) -> Result<IpAddr, Unheard> {
        let header = tokio::time::timeout(self.settings.patience.proxy_header, read_header(stream));
        let heard = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err(Unheard::Refused(replies::STOPPING, "stopping")),
            heard = header => heard.unwrap_or(Ok(None)),
        };
        let peer = match heard.map_err(Unheard::Broken)? {
            Some(Announced::Client(peer)) => of_announced(peer),
            Some(Announced::Nobody) => NOBODY,
            None => return Err(Unheard::Refused(replies::NO_PROXY_HEADER, "no_proxy_header")),
        };
        self.place.change(peer).map_err(|why| Unheard::Refused(why.reply(), why.label()))?;
        Ok(peer)
    }
}

/// Why nobody knows whose a proxy's connection is, or there is no place for whom it is.
enum Unheard {
    Refused(Reply, &'static str),
    Broken(io::Error),
}

/// `None` where the bytes are no header.
async fn read_header(stream: &mut TcpStream) -> io::Result<Option<Announced>> {
    let mut reader = HeaderReader::default();
    let mut buffer = [0; 512];
    loop {
        let wanted = reader.wants().min(buffer.len());
        let count = stream.read(buffer.get_mut(..wanted).unwrap_or_default()).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match reader.take(buffer.get(..count).unwrap_or_default()) {
            Ok(None) => {}
            Ok(announced) => return Ok(announced),
            Err(NotAHeader) => return Ok(None),
        }
    }
}

async fn talk<I: Intake>(
    conversation: &mut Conversation<I>,
    settings: &DoorSettings,
    mut stream: TcpStream,
) -> io::Result<()> {
    // Replies are small and awaited; nothing is gained by gathering them in the kernel.
    stream.set_nodelay(true)?;
    let next = if settings.tls_from_start { Next::StartTls } else { conversation.hold(&mut stream).await? };
    if let (Next::StartTls, Some(config)) = (next, &settings.tls) {
        let started = Instant::now();
        let handshake = TlsAcceptor::from(Arc::clone(config)).accept(stream);
        let waited = tokio::time::timeout(settings.patience.handshake, handshake).await;
        let mut stream = waited.map_err(|_| io::ErrorKind::TimedOut)??;
        measure::step("handshake", started.elapsed());
        conversation.secured(binding(stream.get_ref().1));
        conversation.hold(&mut stream).await?;
    }
    Ok(())
}

/// RFC 9266. Before TLS 1.3 it would be sure only with an extension that not every peer has.
fn binding(connection: &ServerConnection) -> Option<Binding> {
    let is_new = connection.protocol_version() == Some(ProtocolVersion::TLSv1_3);
    let export = || connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b""));
    is_new.then(export).and_then(Result::ok)
}

/// One connection too many hears why.
fn turn_away(stream: TcpStream, address: SocketAddr, why: NoPlace) {
    send_away(stream, address, &why.reply(), why.label());
}

/// The last word to a peer that nothing was said to. Nobody waits for it: the socket's buffer is empty.
fn send_away(stream: TcpStream, address: SocketAddr, reply: &Reply, why: &'static str) {
    let mut line = Vec::new();
    reply.write(&mut line);
    let said = stream.into_std().and_then(|mut stream| stream.write_all(&line));
    measure::turned_away(why);
    // Counted and not warned of: whoever knocks too often would fill the log.
    tracing::debug!(peer = %address.ip(), why, heard = said.is_ok(), "turned away");
}

/// Accepting fails for one peer that is gone already, or because the process is out of descriptors;
/// then trying again at once would only burn the processor.
async fn rest_after(error: &io::Error) {
    const REST: Duration = Duration::from_millis(50);
    tracing::warn!(%error, "a connection could not be accepted");
    tokio::time::sleep(REST).await;
}

/// Waits so long for connections to end, and cuts off what is left.
async fn end_all(mut open: JoinSet<()>, patience: Duration) {
    let all_ended = async {
        while let Some(ended) = open.join_next().await {
            report(ended);
        }
    };
    if tokio::time::timeout(patience, all_ended).await.is_err() {
        tracing::warn!(connections = open.len(), "connections were cut off at stop");
        open.shutdown().await;
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("a connection ended by a panic; the others go on");
    }
}
