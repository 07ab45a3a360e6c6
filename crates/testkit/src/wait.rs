//! Waiting for a fact: it is looked at again and again until it is there or the deadline has passed.

use std::net::{SocketAddr, TcpListener, TcpStream};
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

/// A port of loopback that was free just now.
///
/// # Errors
/// When none is.
pub fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}
