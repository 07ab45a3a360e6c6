//! The loop that a program would write which only empties a mailbox: FETCH, STORE, EXPUNGE, and nothing kept.
//!
//! *Invariant:* it reads as a fast reader would: literals by their length, no copies of what it throws away.

use std::io::{BufRead, BufReader, Read, Write, sink};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::measure::figures::count;

/// Messages of one round, as many as a turn of the Router has.
const ROUND: usize = model::limits::POLL_TURN_MESSAGES_MAX;

/// Empties the INBOX of a user; messages a second. Without TLS: what that costs is the other's.
pub(super) fn drain(imap: SocketAddr, (user, password): (&str, &str)) -> Result<f64> {
    let stream = TcpStream::connect(imap)?;
    stream.set_nodelay(true)?;
    let mut session = Session { stream: BufReader::with_capacity(1 << 16, stream), uids: Vec::new() };
    session.line()?;
    session.command(&format!("LOGIN \"{user}\" {password}"))?;
    session.command("SELECT INBOX")?;
    let (began, mut emptied) = (Instant::now(), 0);
    loop {
        session.uids.clear();
        session.command(&format!("FETCH 1:{ROUND} (UID BODY.PEEK[])"))?;
        let (Some(first), Some(last)) = (session.uids.iter().min(), session.uids.iter().max()) else { break };
        let set = format!("{first}:{last}");
        emptied += session.uids.len();
        session.command(&format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)"))?;
        session.command(&format!("UID EXPUNGE {set}"))?;
    }
    ensure!(emptied > 0, "the mailbox was empty");
    Ok(count(emptied) / began.elapsed().as_secs_f64())
}

struct Session {
    stream: BufReader<TcpStream>,
    /// Those of the last FETCH.
    uids: Vec<u64>,
}

impl Session {
    /// Sends a command and reads to its end. A FETCH behind the last message is answered BAD, which ends the loop.
    fn command(&mut self, words: &str) -> Result<()> {
        self.stream.get_mut().write_all(format!("a {words}\r\n").as_bytes())?;
        loop {
            let line = self.line()?;
            if let Some(end) = line.strip_prefix("a ") {
                ensure!(end.starts_with("OK") || words.starts_with("FETCH"), "{words}: {end}");
                return Ok(());
            }
            if let Some((_, rest)) = line.split_once("UID ").filter(|_| line.contains(" FETCH (")) {
                let digits = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
                self.uids.push(digits.parse().context("a UID")?);
            }
        }
    }

    /// A line, without the literals in it.
    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        loop {
            ensure!(self.stream.read_line(&mut line)? > 0, "the server is gone");
            let length = line.trim_end().strip_suffix('}').and_then(|line| line.rsplit_once('{'));
            let Some(length) = length.and_then(|(_, digits)| digits.parse().ok()) else { return Ok(line) };
            std::io::copy(&mut (&mut self.stream).take(length), &mut sink())?;
        }
    }
}
