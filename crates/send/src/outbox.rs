//! The house, as whoever sends its mail sees it.

use std::future::Future;
use std::sync::Arc;

use model::Id;

use crate::carrier::Carrier;

/// Where mail waits that goes out. Clones are the same one.
pub trait Outbox: Clone + Send + Sync + 'static {
    /// A mail that was taken: what the house has to know to load and to settle it.
    type Mail: Clone + Send + Sync + 'static;
    /// A session with a relay.
    type Carrier: Carrier;

    /// Takes some mails that are due, so that nobody else does; none where none are, or where nobody can say now.
    fn claim(&self, at_most: usize) -> impl Future<Output = Vec<Self::Mail>> + Send;

    /// Loads a mail, when its turn has come.
    ///
    /// # Errors
    /// Why not, in words for an administrator; the others go on.
    fn load(&self, mail: &Self::Mail) -> impl Future<Output = Result<Parcel, String>> + Send;

    /// Opens a session with a relay.
    ///
    /// # Errors
    /// Why not, in words for an administrator.
    fn open(&self, relay: Id) -> impl Future<Output = Result<Self::Carrier, String>> + Send;

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

/// A mail to be taken to its relay.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// The relay.
    pub relay: Id,
    /// The sender in the envelope.
    pub mail_from: String,
    /// Its recipients.
    pub recipients: Vec<String>,
    /// The mail as it travels.
    pub raw: Arc<[u8]>,
    /// Whether its writer wants to hear that it was delivered, where servers can say so (RFC 3461).
    pub wants_report: bool,
}

/// What a relay said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Of three digits (RFC 5321 §4.2.1).
    pub code: u16,
    /// Its words.
    pub text: String,
}

/// What a try came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// The relay answered for each recipient, in their order.
    Answered(Vec<Reply>),
    /// The end of the data never went out.
    NotSent {
        /// Why, in words.
        words: String,
        /// What was said of each recipient before; of none, where nothing was.
        replies: Vec<Option<Reply>>,
    },
    /// Nothing was tried: the program is to stop.
    Untouched,
    /// The end of the data may have gone out, and no answer came.
    Uncertain {
        /// What happened, in words.
        words: String,
        /// What was said of each recipient before; of none, where nothing was.
        replies: Vec<Option<Reply>>,
    },
}
