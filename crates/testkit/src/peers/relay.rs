//! A relay that counts: how often it took a mail for each recipient, whether its answer was heard or not. It misbehaves when told.
//!
//! What passes through: SMTP with PIPELINING, as far as mail is handed over in it; each connection has a thread.
//!
//! *Invariant:* a mail counts as soon as the end of its data has come, before that is answered.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use anyhow::Result;

use crate::wait;

/// A running one.
pub struct CountingRelay {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

/// How it behaves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Manners {
    /// Well.
    #[default]
    Good,
    /// It goes as soon as the end of a mail has come, and says nothing.
    GoesAfterTheEnd,
    /// It refuses this recipient for now.
    PutsOff(String),
    /// It says that it can do what it cannot.
    Lies,
}

#[derive(Default)]
struct Shared {
    taken: Mutex<HashMap<String, usize>>,
    message_ids: Mutex<Vec<String>>,
    manners: Mutex<Manners>,
    is_over: AtomicBool,
}

impl CountingRelay {
    /// Listens.
    ///
    /// # Errors
    /// Where no port is free.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind(wait::free_port()?)?;
        let (address, shared) = (listener.local_addr()?, Arc::<Shared>::default());
        let listening = Arc::clone(&shared);
        let listener = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if listening.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&listening);
                // Whoever is killed leaves a line in the middle: that connection ends.
                std::thread::spawn(move || stream.map(|stream| shared.serve(stream)));
            }
        });
        Ok(CountingRelay { address, shared, listener: Some(listener) })
    }

    /// Its SMTP door.
    pub fn smtp(&self) -> SocketAddr {
        self.address
    }

    /// The Message-IDs of all that it took.
    pub fn message_ids(&self) -> Vec<String> {
        lock(&self.shared.message_ids).clone()
    }

    /// From now on it behaves so.
    pub fn behave(&self, manners: Manners) {
        *lock(&self.shared.manners) = manners;
    }

    /// How often a mail was taken, by the address of its recipient.
    pub fn taken(&self) -> HashMap<String, usize> {
        lock(&self.shared.taken).clone()
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let (mut out, mut input) = (stream.try_clone()?, BufReader::new(stream));
        out.write_all(b"220 counting.test\r\n")?;
        let (mut line, mut recipients) = (String::new(), Vec::new());
        loop {
            line.clear();
            if input.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let manners = lock(&self.manners).clone();
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            let reply = match verb.as_str() {
                "EHLO" if manners == Manners::Lies => LIES,
                "EHLO" => "250-counting.test\r\n250 PIPELINING\r\n",
                "MAIL" | "RSET" => {
                    recipients.clear();
                    "250 2.0.0 so be it\r\n"
                }
                "RCPT" => {
                    let address = line.split(['<', '>']).nth(1).unwrap_or_default();
                    match manners {
                        Manners::PutsOff(whom) if whom == address => "451 4.2.1 later\r\n",
                        _ => {
                            recipients.push(address.to_owned());
                            "250 2.1.5 so be it\r\n"
                        }
                    }
                }
                "DATA" => {
                    out.write_all(b"354 go on\r\n")?;
                    let Some(message_id) = read_text(&mut input)? else { return Ok(()) };
                    lock(&self.message_ids).push(message_id);
                    self.count(&mut recipients);
                    if manners == Manners::GoesAfterTheEnd {
                        return Ok(());
                    }
                    "250 2.0.0 taken\r\n"
                }
                "QUIT" => return out.write_all(b"221 2.0.0 farewell\r\n"),
                _ => "500 5.5.1 what\r\n",
            };
            out.write_all(reply.as_bytes())?;
        }
    }

    fn count(&self, recipients: &mut Vec<String>) {
        let mut taken = lock(&self.taken);
        for recipient in recipients.drain(..) {
            *taken.entry(recipient).or_default() += 1;
        }
    }
}

const LIES: &str = "250-counting.test\r\n250-SIZE 1000000000\r\n250-8BITMIME\r\n250-DSN\r\n250 CHUNKING\r\n";

/// The Message-ID of a text; `None` where its end does not come.
fn read_text(input: &mut BufReader<TcpStream>) -> std::io::Result<Option<String>> {
    let (mut line, mut message_id) = (Vec::new(), String::new());
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if line == b".\r\n" {
            return Ok(Some(message_id));
        }
        if message_id.is_empty() && line.to_ascii_lowercase().starts_with(b"message-id:") {
            message_id = String::from_utf8_lossy(&line).trim().to_owned();
        }
    }
}

fn lock<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for CountingRelay {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // It waits for a connection: this is one.
        let _ = TcpStream::connect(self.address);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}
