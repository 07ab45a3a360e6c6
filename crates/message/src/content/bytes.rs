//! Numbers and pieces read one behind the other, little-endian. What passes through: the bytes of a container.
//!
//! Never reads beyond the end: what is not there is `None`.

/// A reader over bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes<'x> {
    rest: &'x [u8],
}

impl<'x> Bytes<'x> {
    pub(super) fn new(bytes: &'x [u8]) -> Self {
        Bytes { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What was not read yet.
    pub(super) fn rest(&self) -> &'x [u8] {
        self.rest
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'x [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    /// A number of bytes that follow.
    pub(super) fn count(&mut self) -> Option<usize> {
        usize::try_from(self.u32()?).ok()
    }

    /// As many bytes as asked for, and the padding to a multiple of four behind them, as far as it is there.
    pub(super) fn padded(&mut self, count: usize) -> Option<&'x [u8]> {
        let taken = self.take(count)?;
        let padding = (4 - count % 4) % 4;
        self.take(padding.min(self.rest.len()))?;
        Some(taken)
    }
}
