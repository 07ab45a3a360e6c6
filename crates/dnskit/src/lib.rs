//! A name server for tests: it answers by UDP and TCP on one loopback port, from records that the test names, and can
//! be told to misbehave.
//!
//! What passes through: questions of a resolver under test (RFC 1035 §4). It knows one zone, the whole of the names
//! that were given to it; what it was not given does not exist.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_util::sync::{CancellationToken, DropGuard};

mod wire;

use wire::{Answer, Question};

/// How the server treats questions for a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Manner {
    /// As it should.
    Serve,
    /// It never answers.
    Silent,
    /// SERVFAIL.
    Fail,
    /// By UDP it says that there is more than fits; by TCP it says all.
    Truncate,
    /// It answers another question than it was asked.
    Lie,
}

/// A running name server; it ends when it is dropped.
#[derive(Debug)]
pub struct NameServer {
    address: SocketAddr,
    zone: Arc<Zone>,
    _stop: DropGuard,
}

#[derive(Debug, Default)]
struct Zone {
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    records: HashMap<String, Vec<Answer>>,
    manners: HashMap<String, Manner>,
    asked: Vec<String>,
}

impl Zone {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NameServer {
    /// Starts one on a free port of loopback.
    ///
    /// # Errors
    /// No port is free for both.
    pub async fn start() -> io::Result<Self> {
        let (udp, tcp, address) = sockets().await?;
        let zone = Arc::new(Zone::default());
        let stop = CancellationToken::new();
        tokio::spawn(stop.clone().run_until_cancelled_owned(by_udp(udp, Arc::clone(&zone))));
        tokio::spawn(stop.clone().run_until_cancelled_owned(by_tcp(tcp, Arc::clone(&zone))));
        Ok(NameServer { address, zone, _stop: stop.drop_guard() })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds a TXT record.
    pub fn txt(&self, name: &str, text: &str) -> &Self {
        self.add(name, Answer::Txt(text.to_owned()))
    }

    /// Adds an address.
    pub fn ip(&self, name: &str, address: IpAddr) -> &Self {
        self.add(name, Answer::Ip(address))
    }

    /// Adds a mail exchanger.
    pub fn mx(&self, name: &str, exchange: &str) -> &Self {
        self.add(name, Answer::Mx(exchange.to_owned()))
    }

    /// Takes all records of a name away.
    pub fn forget(&self, name: &str) -> &Self {
        self.zone.told().records.remove(&name.to_lowercase());
        self
    }

    /// From now on questions for this name are treated so.
    pub fn behave(&self, name: &str, manner: Manner) -> &Self {
        self.zone.told().manners.insert(name.to_lowercase(), manner);
        self
    }

    /// The names that were asked for, with the kind of record, in their order.
    pub fn asked(&self) -> Vec<String> {
        self.zone.told().asked.clone()
    }

    fn add(&self, name: &str, answer: Answer) -> &Self {
        self.zone.told().records.entry(name.to_lowercase()).or_default().push(answer);
        self
    }
}

/// A port that is free for both.
async fn sockets() -> io::Result<(UdpSocket, TcpListener, SocketAddr)> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..64 {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = udp.local_addr()?;
        match TcpListener::bind(address).await {
            Ok(tcp) => return Ok((udp, tcp, address)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The longest question, and the longest answer by UDP that everybody takes.
const UDP_BYTES_MAX: usize = 1_232;

async fn by_udp(socket: UdpSocket, zone: Arc<Zone>) {
    let mut buffer = [0; UDP_BYTES_MAX];
    // What is wrong with one datagram is no matter of the next.
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        let Some(answer) = zone.answer(&buffer[..length], true) else { continue };
        socket.send_to(&answer, from).await.ok();
    }
}

async fn by_tcp(listener: TcpListener, zone: Arc<Zone>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        // It ends with whoever asks.
        tokio::spawn(conversation(stream, Arc::clone(&zone)));
    }
}

async fn conversation(mut stream: TcpStream, zone: Arc<Zone>) -> io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut question = vec![0; usize::from(length)];
        stream.read_exact(&mut question).await?;
        let Some(answer) = zone.answer(&question, false) else { continue };
        stream.write_u16(u16::try_from(answer.len()).unwrap_or(u16::MAX)).await?;
        stream.write_all(&answer).await?;
    }
}

impl Zone {
    /// The answer to a question; none, where it is to be silent.
    fn answer(&self, bytes: &[u8], is_udp: bool) -> Option<Vec<u8>> {
        let question = Question::read(bytes)?;
        let mut told = self.told();
        told.asked.push(format!("{} {}", question.kind_name(), question.name));
        let manner = told.manners.get(&question.name).copied().unwrap_or(Manner::Serve);
        let records = told.records.get(&question.name);
        let all = records.map_or(&[][..], Vec::as_slice);
        let found: Vec<&Answer> = all.iter().filter(|answer| answer.kind() == question.kind).collect();
        Some(match manner {
            Manner::Silent => return None,
            Manner::Fail => question.refusal(wire::SERVFAIL),
            Manner::Lie => question.about_another_name(),
            Manner::Truncate if is_udp => question.truncated(),
            _ if records.is_none() => question.nothing(wire::NXDOMAIN),
            _ if found.is_empty() => question.nothing(wire::NOERROR),
            _ => {
                let answer = question.answer(&found);
                if is_udp && answer.len() > UDP_BYTES_MAX { question.truncated() } else { answer }
            }
        })
    }
}
