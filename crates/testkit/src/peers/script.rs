//! A mail server that says what stands in a table, true or not.
//!
//! What passes through: lines of a [`Script`]; each connection hears them from the first on. What clients said is kept.
//!
//! *Invariant:* a line waits for nobody who has gone: a connection ends with its client or with the server.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::wait;

/// A server that follows a table until it is dropped.
pub struct Script {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

struct Shared {
    steps: Vec<Step>,
    heard: Mutex<Vec<String>>,
    is_over: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// `S: text` says it, with a line break; `R: text` without. `\r`, `\n`, `\0` and `\\` are what they are in Rust, and
    /// `$tag` is the first word of the line that was heard last, of those that have two.
    Say(Vec<u8>),
    /// `C: text` waits for a line that has this text in it, in any case; every other ends the connection.
    Hear(String),
    /// `flood N: text` says a line so often.
    Flood(usize, Vec<u8>),
    /// `drip MS: text` says it byte by byte, with so many milliseconds in between.
    Drip(Duration, Vec<u8>),
    /// `hang` says nothing more until the client goes.
    Hang,
    /// `close` ends the connection.
    Close,
}

impl Script {
    /// Listens.
    ///
    /// # Errors
    /// Where a line of the table is none, or no port is free.
    pub fn start(table: &str) -> Result<Self> {
        let steps =
            table.lines().map(str::trim).filter(|line| !line.is_empty()).map(step).collect::<Result<_>>()?;
        let address = wait::free_port()?;
        let listener = TcpListener::bind(address)?;
        let shared = Arc::new(Shared {
            steps,
            heard: Mutex::default(),
            is_over: AtomicBool::new(false),
            open: Mutex::default(),
        });
        let ours = Arc::clone(&shared);
        let listener = std::thread::spawn(move || listen(&listener, &ours));
        Ok(Script { address, shared, listener: Some(listener) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The lines that clients said so far, in order.
    pub fn heard(&self) -> Vec<String> {
        self.shared.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Whoever reads or writes there stops, and the listener looks up.
        for stream in self.shared.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        let _ = TcpStream::connect(self.address);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

fn listen(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.is_over.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        if let Ok(handle) = stream.try_clone() {
            shared.open.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
        }
        let shared = Arc::clone(shared);
        // A client that goes ends its thread; the others end with the server.
        std::thread::spawn(move || drop(play(stream, &shared)));
    }
}

fn play(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut tag = String::new();
    for step in &shared.steps {
        match step {
            Step::Say(bytes) => stream.write_all(&with_tag(bytes, &tag))?,
            Step::Flood(count, line) => {
                let line = with_tag(line, &tag);
                for _ in 0..*count {
                    stream.write_all(&line)?;
                }
            }
            Step::Drip(between, bytes) => {
                for byte in with_tag(bytes, &tag) {
                    stream.write_all(&[byte])?;
                    std::thread::sleep(*between);
                }
            }
            Step::Hear(expected) => {
                let mut line = String::new();
                lines.read_line(&mut line)?;
                let line = line.trim_end().to_owned();
                shared.heard.lock().unwrap_or_else(PoisonError::into_inner).push(line.clone());
                if let Some((first, _)) = line.split_once(' ') {
                    tag = first.to_owned();
                }
                if !line.to_ascii_lowercase().contains(&expected.to_ascii_lowercase()) {
                    return stream.shutdown(std::net::Shutdown::Both);
                }
            }
            Step::Hang => drop(std::io::copy(&mut lines, &mut std::io::sink())?),
            Step::Close => break,
        }
    }
    stream.shutdown(std::net::Shutdown::Both)
}

fn with_tag(bytes: &[u8], tag: &str) -> Vec<u8> {
    const TAG: &[u8] = b"$tag";
    match bytes.windows(TAG.len()).position(|window| window == TAG) {
        Some(at) => {
            let (before, rest) = bytes.split_at(at);
            [before, tag.as_bytes(), rest.get(TAG.len()..).unwrap_or_default()].concat()
        }
        None => bytes.to_vec(),
    }
}

fn step(line: &str) -> Result<Step> {
    let (word, text) = line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""));
    let with_break = || [unescaped(text).as_slice(), b"\r\n"].concat();
    Ok(match word.split_once(' ').unwrap_or((word, "")) {
        ("S", _) => Step::Say(with_break()),
        ("R", _) => Step::Say(unescaped(text)),
        ("C", _) => Step::Hear(text.to_owned()),
        ("flood", count) => Step::Flood(count.parse()?, with_break()),
        ("drip", between) => Step::Drip(Duration::from_millis(between.parse()?), with_break()),
        ("hang", _) => Step::Hang,
        ("close", _) => Step::Close,
        _ => bail!("this is no line of a script: {line}"),
    })
}

fn unescaped(text: &str) -> Vec<u8> {
    let plain = text.replace("\\\\", "\u{1}").replace("\\r", "\r").replace("\\n", "\n").replace("\\0", "\0");
    plain.replace('\u{1}', "\\").into_bytes()
}
