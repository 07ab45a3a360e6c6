//! Waiting for a fact: it is looked at again and again until it is there or the deadline has passed.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long a fact may take. Long enough for a machine that does much else; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// Looks until there is something to see.
///
/// # Errors
/// When [`PATIENCE`] has passed; `what` says what was waited for.
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> Result<T> {
    closely(what, BETWEEN_LOOKS, look)
}

/// The same with so much time between two looks, for what is measured.
///
/// # Errors
/// As [`until`].
pub fn closely<T>(what: &str, between: Duration, mut look: impl FnMut() -> Option<T>) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return Ok(seen);
        }
        if Instant::now() > deadline {
            bail!("{what} did not happen within {} seconds", PATIENCE.as_secs());
        }
        std::thread::sleep(between);
    }
}

/// Waits until somebody at this address says something: a greeting.
///
/// # Errors
/// When nobody does within [`PATIENCE`].
pub fn until_greeted(address: SocketAddr) -> Result<()> {
    until(&format!("a greeting at {address}"), || {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        stream.peek(&mut [0]).ok().filter(|bytes| *bytes > 0).map(drop)
    })
}

/// A port of loopback that nobody listens at, and that no other test is given while this process lives. It is none of
/// those that the kernel gives to whoever asks for any: a server that takes a second to start would lose it to a house
/// or a client of another test.
///
/// # Errors
/// When none is free.
pub fn free_port() -> Result<SocketAddr> {
    /// Below 32768, where Linux begins to give (`net.ipv4.ip_local_port_range`).
    const PORTS: Range<u16> = 20_000..30_000;
    static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let user = std::fs::metadata("/proc/self")?.uid();
    let folder = std::env::temp_dir().join(format!("postroom-test-ports-{user}"));
    std::fs::create_dir_all(&folder)?;
    // Tests that begin together do not try the same ones.
    let first = PORTS.start + u16::try_from(std::process::id() % 1_000)? * 10;
    for port in (first..PORTS.end).chain(PORTS.start..first) {
        let file =
            File::options().write(true).create(true).truncate(false).open(folder.join(port.to_string()));
        let Ok(file) = file else { continue };
        if file.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            HELD.lock().unwrap_or_else(PoisonError::into_inner).push(file);
            return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
        }
    }
    bail!("no port from {} to {} is free", PORTS.start, PORTS.end)
}
