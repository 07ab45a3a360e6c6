//! How many bytes of messages are under way at once, over all sessions of a house.
//!
//! What passes through: growing claims of sessions that receive data, given back when the message is
//! answered or the session ends, also by a panic.
//!
//! *Invariant:* the claims together never exceed the limit; nobody waits for room.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The room for messages under way. Doors of one house share one.
#[derive(Debug)]
pub struct InFlight {
    free_bytes: AtomicUsize,
}

impl InFlight {
    /// Room for so many bytes; see [`model::limits::IN_FLIGHT_BYTES_MAX`].
    pub fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(InFlight { free_bytes: AtomicUsize::new(bytes_max) })
    }

    /// Bytes that are free at the moment.
    pub fn free_bytes(&self) -> usize {
        self.free_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn claim(self: &Arc<Self>) -> Claim {
        Claim { room: Arc::clone(self), bytes: 0 }
    }
}

/// What one session holds of the room; dropped, it is given back.
#[derive(Debug)]
pub(crate) struct Claim {
    room: Arc<InFlight>,
    bytes: usize,
}

impl Claim {
    /// Makes the claim so large; `false`, and unchanged, when there is no room for it.
    #[must_use]
    pub(crate) fn grow_to(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let taken = self
            .room
            .free_bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(more))
            .is_ok();
        if taken {
            self.bytes += more;
        }
        taken
    }

    /// Gives everything back before the claim ends.
    pub(crate) fn release(&mut self) {
        self.room.free_bytes.fetch_add(self.bytes, Ordering::Relaxed);
        self.bytes = 0;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::InFlight;

    #[test]
    fn claims_share_the_room_and_give_it_back() {
        let room = InFlight::new(100);
        let mut first = room.claim();
        let mut second = room.claim();
        assert!(first.grow_to(60) && first.grow_to(70));
        assert!(!second.grow_to(31));
        assert!(second.grow_to(30));
        assert_eq!(room.free_bytes(), 0);
        drop(first);
        assert_eq!(room.free_bytes(), 70);
        drop(second);
        assert_eq!(room.free_bytes(), 100);
    }
}
