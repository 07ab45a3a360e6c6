//! A session with a relay, as far as mail is handed over in it.

use std::future::Future;

use model::attempt::Tried;

use crate::outbox::Parcel;

/// Takes one mail after the other to one relay.
pub trait Carrier: Send + 'static {
    /// Hands a mail over. `may_end` is awaited when all but the end of its data is on its way, or nothing of it yet; with no
    /// the end is never sent.
    fn send(
        &mut self,
        parcel: &Parcel,
        may_end: impl Future<Output = bool> + Send,
    ) -> impl Future<Output = Tried> + Send;

    /// Whether it takes no more mail.
    fn has_ended(&self) -> bool;

    /// Takes leave.
    fn close(self) -> impl Future<Output = ()> + Send;
}
