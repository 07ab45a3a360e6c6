//! What all mailboxes of a process share: memory for messages on their way, and work of the house.
//!
//! What passes through: nothing; whoever wants to fetch or to work waits here, in the order of asking.
//!
//! *Invariant:* while a mailbox waits for its server it holds memory alone, and all mailboxes of one host together hold
//! a part of it: a host that stalls leaves the others theirs. Work is never waited for while a server is.

use std::sync::Arc;

use model::limits;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::lines::{Line, Lines, Member};

/// The room of a process, as the mailboxes of one host have it.
#[derive(Debug, Clone)]
pub struct Room {
    /// Kilobytes of messages that are fetched and not yet taken in.
    messages: Arc<Semaphore>,
    /// The part of it that the host may have.
    of_host: Arc<Semaphore>,
    /// So many mailboxes of the host sign in at a time: a handshake takes far more than a session that waits.
    sign_ins: Arc<Semaphore>,
    /// How many connections the host takes, where it does not take as many as come.
    lines: Option<Lines>,
    /// So many mailboxes have the house at work at a time: a large one stands behind all others after each step.
    work: Arc<Semaphore>,
}

/// Room that is held until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    _places: [Option<OwnedSemaphorePermit>; 2],
}

impl Default for Room {
    /// That of a process.
    fn default() -> Self {
        let kilobytes =
            |bytes: u64| Arc::new(Semaphore::new(usize::try_from(bytes / 1024).unwrap_or(usize::MAX)));
        Room {
            messages: kilobytes(limits::POLL_ROOM_BYTES),
            of_host: kilobytes(limits::POLL_HOST_ROOM_BYTES),
            sign_ins: Arc::new(Semaphore::new(limits::POLL_SIGN_INS_MAX)),
            lines: None,
            work: Arc::new(Semaphore::new(limits::POLL_TURNS_MAX)),
        }
    }
}

impl Room {
    /// The same room, as the mailboxes of another host have it, which takes no more than so many connections at a time.
    #[must_use]
    pub fn of_another_host(&self, connections_max: Option<usize>) -> Self {
        let Room { of_host, sign_ins, .. } = Room::default();
        Room { of_host, sign_ins, lines: connections_max.map(Lines::new), ..self.clone() }
    }

    /// One more mailbox of the host, for as long as this is kept.
    pub(crate) fn member(&self) -> Option<Member> {
        self.lines.as_ref().map(Lines::member)
    }

    /// A connection to the host.
    pub(crate) async fn line(&self) -> Line {
        match &self.lines {
            Some(lines) => lines.line().await,
            None => Line::unbounded(),
        }
    }

    /// Room for messages of so many bytes. What is larger than the part of a host waits for all of that.
    pub(crate) async fn for_messages(&self, bytes: u64) -> Held {
        let kilobytes = kilobytes(bytes);
        // Never closed. Whoever has of the whole waits for nobody.
        let of_host = Arc::clone(&self.of_host).acquire_many_owned(kilobytes).await.ok();
        let messages = Arc::clone(&self.messages).acquire_many_owned(kilobytes).await.ok();
        Held { _places: [of_host, messages] }
    }

    /// A place among those of the host that sign in.
    pub(crate) async fn at_the_door(&self) -> Held {
        Held { _places: [Arc::clone(&self.sign_ins).acquire_owned().await.ok(), None] }
    }

    /// The same where that much is free at once and nobody waits for it.
    pub(crate) fn for_messages_now(&self, bytes: u64) -> Option<Held> {
        let kilobytes = kilobytes(bytes);
        let of_host = Arc::clone(&self.of_host).try_acquire_many_owned(kilobytes).ok()?;
        let messages = Arc::clone(&self.messages).try_acquire_many_owned(kilobytes).ok()?;
        Some(Held { _places: [Some(of_host), Some(messages)] })
    }

    /// A place at work. No server may be waited for with it.
    pub(crate) async fn at_work(&self) -> Held {
        Held { _places: [Arc::clone(&self.work).acquire_owned().await.ok(), None] }
    }
}

/// What is counted of so many bytes.
fn kilobytes(bytes: u64) -> u32 {
    let bytes = bytes.clamp(limits::POLL_HEADERS_BYTES, limits::POLL_HOST_ROOM_BYTES);
    u32::try_from(bytes / 1024).unwrap_or(u32::MAX)
}
