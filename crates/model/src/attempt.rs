//! What a try to send a mail comes to: said by whoever takes it to a relay, written down by the house.

use std::time::Duration;

/// What a relay said of one recipient.
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
    /// The relay answered for each recipient whose turn it was, in their order.
    Answered(Vec<Reply>),
    /// Nothing went out: the relay was not reached, or the connection ended before the end of the data. Some recipients may
    /// have been answered for all the same.
    NotSent {
        /// Why, in words.
        words: String,
        /// What was said of each recipient before; of none, where nothing was.
        replies: Vec<Option<Reply>>,
    },
    /// Whoever took its delivery over answered for each recipient, in their order.
    TakenOver(Vec<Reply>),
    /// It is not to go out, to nobody who waits.
    Stopped {
        /// Why, in words.
        words: String,
        /// Whether its writer is to hear of it as of a failure; else it is canceled.
        is_failure: bool,
    },
    /// Nothing was tried: the node is to stop, or it is not the mail's time. Due again after so long.
    Untouched(Duration),
    /// The end of the data may have gone out and no answer came: whether it was taken nobody knows.
    Uncertain {
        /// What happened, in words.
        words: String,
        /// What was said of each recipient before; of none, where nothing was.
        replies: Vec<Option<Reply>>,
    },
}
