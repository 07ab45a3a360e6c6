//! The house, as whoever sends its mail sees it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use model::attempt::Tried;

use crate::carrier::Carrier;

/// Mail that waits to go out by one relay. Clones are the same one.
pub trait Outbox: Clone + Send + Sync + 'static {
    /// A mail that was taken: what the house has to know to load and to settle it.
    type Mail: Clone + Send + Sync + 'static;
    /// A session with a relay.
    type Carrier: Carrier;
    /// What a mail holds while it is on its way.
    type Pass: Send;

    /// How many connections there may be at this moment.
    fn connections(&self) -> impl Future<Output = usize> + Send;

    /// Takes some mails that are due, so that nobody else does; none where none are, or where nobody can say now. Bulk mail where
    /// it is wanted and no other is due; never both.
    fn claim(&self, at_most: usize, has_bulk: bool) -> impl Future<Output = Vec<Self::Mail>> + Send;

    /// Whether it is one of many, which keep no person's mail waiting.
    fn is_bulk(&self, mail: &Self::Mail) -> bool;

    /// Waits until it is a mail's time. It is its own until the answer is dropped.
    fn admit(&self, mail: &Self::Mail) -> impl Future<Output = Admitted<Self::Pass>> + Send;

    /// Loads a mail, when its turn has come.
    ///
    /// # Errors
    /// Why not, in words for an administrator; the others go on.
    fn load(&self, mail: &Self::Mail) -> impl Future<Output = Result<Loaded, String>> + Send;

    /// Hands a mail to whoever has taken its delivery over. `may_end` is awaited as in [`Carrier::send`]: with no it is not
    /// handed over.
    fn hand_over(
        &self,
        mail: &Self::Mail,
        parcel: Parcel,
        may_end: impl Future<Output = bool> + Send,
    ) -> impl Future<Output = Tried> + Send;

    /// Opens a session with the relay.
    ///
    /// # Errors
    /// Why not, in words for an administrator.
    fn open(&self) -> impl Future<Output = Result<Self::Carrier, String>> + Send;

    /// Writes down what tries came to, and notes that the ends of some mails' data are about to go out; with one commit. Says of
    /// each of these whether it may, in their order.
    fn write_down(
        &self,
        tried: Vec<(Self::Mail, Tried)>,
        ending: Vec<Self::Mail>,
    ) -> impl Future<Output = Vec<bool>> + Send;

    /// Has mails that were taken for as long as at first: they wait behind others.
    fn renew(&self, mails: Vec<Self::Mail>) -> impl Future<Output = ()> + Send;
}

/// Whether a mail may go now.
#[derive(Debug)]
pub enum Admitted<P> {
    /// With this.
    Now(P),
    /// Not before so much time has gone by.
    In(Duration),
}

/// What is to be done with a mail whose turn it is.
#[derive(Debug)]
pub enum Loaded {
    /// It goes to the relay.
    ForRelay(Parcel),
    /// Somebody else delivers it.
    TakenOver(Parcel),
    /// It does not go: this is what became of it.
    Settled(Tried),
}

/// A mail to be taken to its relay.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// What it is called where a relay knows mails by names: the same with each try.
    pub name: String,
    /// The sender in the envelope.
    pub mail_from: String,
    /// Its recipients.
    pub recipients: Vec<String>,
    /// The mail as it travels.
    pub raw: Arc<[u8]>,
    /// Whether its writer wants to hear that it was delivered, where servers can say so (RFC 3461).
    pub wants_report: bool,
}
