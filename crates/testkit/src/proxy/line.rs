//! One connection through the proxy: bytes of either side to the other, as the rule of the moment allows.
//!
//! What passes through: chunks as they are read. The rule is looked at before each is read and once more, under its
//! lock, while it is written: a rule that was set holds for everything after it.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;

use super::wire::{Side, Wire};
use super::{Network, Rule, Way, locked};

/// A connection ends with a reset.
struct Cut;

impl From<io::Error> for Cut {
    /// What one side met with, the other meets with too.
    fn from(_: io::Error) -> Self {
        Cut
    }
}

const CHUNK_BYTES: usize = 16 * 1024;

struct Line {
    network: Arc<Network>,
    /// How often was cut when it began.
    cuts: u64,
    /// Its number, from 1.
    number: u64,
    has_lost: AtomicBool,
    wire: Mutex<Wire>,
}

/// Carries a connection to its end.
pub(super) async fn carry(mut client: TcpStream, network: Arc<Network>) {
    let mut rule = network.rule.subscribe();
    let cuts = rule.borrow_and_update().cuts;
    let wire = Mutex::new(Wire::default());
    let number = network.begun.fetch_add(1, Ordering::SeqCst) + 1;
    let line = Line { network, cuts, number, has_lost: AtomicBool::new(false), wire };
    match line.reach_server(&mut client, &mut rule).await {
        Ok(None) => {}
        Ok(Some(mut server)) => {
            let ended = {
                let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
                tokio::try_join!(
                    line.pump(Side::Client, from_client, to_server),
                    line.pump(Side::Server, from_server, to_client),
                )
            };
            if ended.is_err() {
                reset(server);
                reset(client);
            }
        }
        Err(Cut) => reset(client),
    }
}

/// Closes with RST instead of FIN.
fn reset(stream: TcpStream) {
    // It fails for a connection that is gone.
    let _ = stream.set_zero_linger();
}

impl Line {
    /// Connects to the server as soon as something may be carried; nothing, where the client went away first.
    async fn reach_server(
        &self,
        client: &mut TcpStream,
        rule: &mut watch::Receiver<Rule>,
    ) -> Result<Option<TcpStream>, Cut> {
        while self.may_flow(rule).await? == Flow::IntoNothing {
            let mut lost = [0; 64];
            tokio::select! {
                biased;
                _ = rule.changed() => {}
                read = client.read(&mut lost) => {
                    if read? == 0 {
                        return Ok(None);
                    }
                    self.has_lost.store(true, Ordering::SeqCst);
                }
            }
        }
        let server: SocketAddr = *locked(&self.network.server);
        let server = TcpStream::connect(server).await?;
        server.set_nodelay(true)?;
        client.set_nodelay(true)?;
        Ok(Some(server))
    }

    async fn pump(&self, side: Side, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> Result<(), Cut> {
        let mut rule = self.network.rule.subscribe();
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let flow = self.may_flow(&mut rule).await?;
            let count = tokio::select! {
                biased;
                _ = rule.changed() => continue,
                count = from.read(&mut chunk) => count?,
            };
            let bytes = chunk.get(..count).unwrap_or_default();
            if flow == Flow::IntoNothing {
                self.has_lost.store(true, Ordering::SeqCst);
                if count == 0 {
                    return Ok(());
                }
                continue;
            }
            let passed = locked(&self.wire).read(side, bytes, &self.network);
            self.deliver(&passed.bytes, &to, &mut rule).await?;
            if passed.is_last {
                return Err(Cut);
            }
            if count == 0 {
                to.shutdown().await?;
                return Ok(());
            }
        }
    }

    async fn deliver(
        &self,
        mut bytes: &[u8],
        to: &WriteHalf<'_>,
        rule: &mut watch::Receiver<Rule>,
    ) -> Result<(), Cut> {
        while !bytes.is_empty() {
            if self.may_flow(rule).await? == Flow::IntoNothing {
                self.has_lost.store(true, Ordering::SeqCst);
                return Ok(());
            }
            tokio::select! {
                biased;
                _ = rule.changed() => continue,
                ready = to.writable() => ready?,
            }
            // While it is borrowed, nobody sets another one.
            let now = rule.borrow();
            if self.flow(*now)? != Some(Flow::Onward) {
                continue;
            }
            match to.try_write(bytes) {
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Waits until bytes may be read.
    async fn may_flow(&self, rule: &mut watch::Receiver<Rule>) -> Result<Flow, Cut> {
        loop {
            let now = *rule.borrow_and_update();
            if let Some(flow) = self.flow(now)? {
                return Ok(flow);
            }
            rule.changed().await.map_err(|_| Cut)?;
        }
    }

    /// Where bytes flow by this rule; nowhere, where they wait.
    fn flow(&self, rule: Rule) -> Result<Option<Flow>, Cut> {
        let has_lost = self.has_lost.load(Ordering::SeqCst);
        match rule.way {
            _ if rule.cuts != self.cuts => Err(Cut),
            Way::Swallow => Ok(Some(Flow::IntoNothing)),
            _ if has_lost => Err(Cut),
            Way::Stall => Ok(None),
            _ if self.number <= rule.frozen => Ok(None),
            Way::Carry | Way::Refuse => Ok(Some(Flow::Onward)),
        }
    }
}

#[derive(PartialEq, Eq)]
enum Flow {
    Onward,
    IntoNothing,
}
