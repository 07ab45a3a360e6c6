//! A network between a house and its database that a test holds in its hand: it carries, refuses, stalls, swallows,
//! cuts, and loses the answer to a COMMIT.
//!
//! What passes through: connections to a port of loopback, each carried to the server; beside them what they cost,
//! read off the wire ([`Traffic`]).
//!
//! *Invariant:* when [`Proxy::set`] or [`Proxy::cut`] has returned, no byte is carried that it forbids. What does not
//! look like the protocol is carried as it is.

mod line;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use anyhow::{Result, ensure};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::wait;

/// A proxy that carries until it is dropped.
pub struct Proxy {
    address: SocketAddr,
    network: Arc<Network>,
    runtime: Option<Runtime>,
}

/// What becomes of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    /// They are carried.
    #[default]
    Carry,
    /// Nobody listens. Those that are open are still carried; [`Proxy::cut`] ends them.
    Refuse,
    /// New ones are taken, and nothing is carried: what is on its way arrives later.
    Stall,
    /// New ones are taken, and everything that is sent is lost, without a sign. A connection that lost something ends
    /// with a reset when another way is set: the other side would know of it no more.
    Swallow,
}

/// What of a COMMIT does not arrive; its connection is reset then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// The COMMIT itself: the server rolls back.
    Question,
    /// The answer: the server has committed.
    Answer,
}

/// What went over the wire so far, as far as it was not encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// How often a client had an answer to all it had asked: Sync or Query up to the last ReadyForQuery. What is
    /// asked before the answer came is no round trip of its own; signing in is none either.
    pub round_trips: u64,
    /// Statements that were executed: Execute and Query.
    pub statements: u64,
    /// COMMITs that the server answered, lost answers included.
    pub commits: u64,
}

impl Proxy {
    /// Listens, and carries to this server.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn start(server: SocketAddr) -> Result<Self> {
        let address = wait::free_port()?;
        let network = Arc::new(Network::to(server));
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        runtime.spawn(listen(address, Arc::clone(&network)));
        let proxy = Proxy { address, network, runtime: Some(runtime) };
        proxy.until_listening(true)?;
        Ok(proxy)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on new connections are carried to this server.
    pub fn lead_to(&self, server: SocketAddr) {
        *locked(&self.network.server) = server;
    }

    /// Sets what becomes of connections, open ones included.
    ///
    /// # Errors
    /// When it cannot listen again.
    pub fn set(&self, way: Way) -> Result<()> {
        self.network.rule.send_modify(|rule| rule.way = way);
        self.until_listening(way != Way::Refuse)
    }

    /// Ends all open connections with a reset on both sides. New ones are treated as before.
    pub fn cut(&self) {
        self.network.rule.send_modify(|rule| rule.cuts += 1);
    }

    /// From now on the connections that are open carry nothing, new ones are carried: what is on its way arrives after
    /// [`Proxy::thaw`].
    pub fn freeze(&self) {
        let begun = self.network.begun.load(Ordering::SeqCst);
        self.network.rule.send_modify(|rule| rule.frozen = begun);
    }

    /// Those that were frozen carry again, what waited first.
    pub fn thaw(&self) {
        self.network.rule.send_modify(|rule| rule.frozen = 0);
    }

    /// Loses this of the next COMMIT, one more each time it is called.
    pub fn lose_commit(&self, lost: Lost) {
        self.network.to_lose(lost).fetch_add(1, Ordering::SeqCst);
    }

    /// How often a COMMIT or its answer was lost.
    pub fn commits_lost(&self) -> u64 {
        self.network.commits_lost.load(Ordering::SeqCst)
    }

    /// What went over it so far.
    pub fn traffic(&self) -> Traffic {
        *locked(&self.network.traffic)
    }

    fn until_listening(&self, wanted: bool) -> Result<()> {
        let listening = locked(&self.network.listening);
        let changed = &self.network.listening_changed;
        let waited = changed.wait_timeout_while(listening, wait::PATIENCE, |now| match now {
            Listening::Yes => !wanted,
            Listening::No => wanted,
            Listening::Failed(_) => false,
        });
        let (listening, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        ensure!(!timeout.timed_out(), "the proxy did not do as it was told");
        ensure!(!matches!(*listening, Listening::Failed(_)), "the proxy: {listening:?}");
        Ok(())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What all connections share.
struct Network {
    rule: watch::Sender<Rule>,
    server: Mutex<SocketAddr>,
    listening: Mutex<Listening>,
    listening_changed: Condvar,
    /// Connections so far.
    begun: AtomicU64,
    questions_to_lose: AtomicU64,
    answers_to_lose: AtomicU64,
    commits_lost: AtomicU64,
    traffic: Mutex<Traffic>,
}

/// What holds now. A connection that saw fewer cuts than there were is cut.
#[derive(Debug, Clone, Copy, Default)]
struct Rule {
    way: Way,
    cuts: u64,
    /// So many connections, from the first, carry nothing.
    frozen: u64,
}

#[derive(Debug)]
enum Listening {
    Yes,
    No,
    Failed(#[expect(dead_code, reason = "shown")] io::Error),
}

impl Network {
    fn to(server: SocketAddr) -> Self {
        Network {
            rule: watch::Sender::new(Rule::default()),
            server: Mutex::new(server),
            listening: Mutex::new(Listening::No),
            listening_changed: Condvar::new(),
            begun: AtomicU64::new(0),
            questions_to_lose: AtomicU64::new(0),
            answers_to_lose: AtomicU64::new(0),
            commits_lost: AtomicU64::new(0),
            traffic: Mutex::new(Traffic::default()),
        }
    }

    fn to_lose(&self, lost: Lost) -> &AtomicU64 {
        match lost {
            Lost::Question => &self.questions_to_lose,
            Lost::Answer => &self.answers_to_lose,
        }
    }

    /// Whether this one is to be lost; it counts as lost then.
    fn loses(&self, lost: Lost) -> bool {
        let taken = self.to_lose(lost).fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if taken.is_ok() {
            self.commits_lost.fetch_add(1, Ordering::SeqCst);
        }
        taken.is_ok()
    }

    fn count(&self, counted: impl FnOnce(&mut Traffic)) {
        counted(&mut locked(&self.traffic));
    }

    fn now_listening(&self, listening: Listening) {
        *locked(&self.listening) = listening;
        self.listening_changed.notify_all();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn listen(address: SocketAddr, network: Arc<Network>) {
    let mut rule = network.rule.subscribe();
    loop {
        // The sender of rules lives in the network, so that there is always one.
        let _ = rule.wait_for(|rule| rule.way != Way::Refuse).await;
        let listener = match TcpListener::bind(address).await {
            Ok(listener) => listener,
            Err(error) => return network.now_listening(Listening::Failed(error)),
        };
        network.now_listening(Listening::Yes);
        loop {
            tokio::select! {
                biased;
                _ = rule.wait_for(|rule| rule.way == Way::Refuse) => break,
                // What cannot be accepted has gone away again.
                accepted = listener.accept() => if let Ok((client, _)) = accepted {
                    tokio::spawn(line::carry(client, Arc::clone(&network)));
                },
            }
        }
        drop(listener);
        network.now_listening(Listening::No);
    }
}
