//! How much opening one message may still make. What passes through: the sizes of what is about to be made.

use model::limits;

/// Bytes that may still be made, all containers of the message together.
#[derive(Debug)]
pub(super) struct Room(usize);

impl Room {
    pub(super) fn new() -> Self {
        Room(limits::CONTENT_BYTES_MAX)
    }

    /// Takes so many bytes of it. Where there are not so many it is used up, for good: then nothing more is opened.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let left = self.0.checked_sub(bytes);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }

    pub(super) fn is_used_up(&self) -> bool {
        self.0 == 0
    }
}
