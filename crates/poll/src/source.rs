//! A source: one folder of one mailbox, whatever is spoken to it.
//!
//! What passes through: keys, headers, bodies out of the folder, and what is to leave it.
//!
//! *Invariant:* what is missing in an answer is not therefore gone: only [`Source::missing`] says so.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use model::{FolderRole, MessageKey, Timestamp};

/// One open folder. One task owns it, and no call is dropped half-way: in the midst of an answer a line is of no
/// further use.
pub trait Source: Send {
    /// What makes the keys of this session mean what they meant in another one.
    fn validity(&self) -> Validity;

    /// The next messages behind this key in ascending order, or the first; at most
    /// [`limits::POLL_TURN_MESSAGES_MAX`](model::limits::POLL_TURN_MESSAGES_MAX), and none at the end. Those that carry a
    /// mark of removal are passed over. While others change the folder, some may be: they come when it is listed again.
    ///
    /// # Errors
    /// [`SourceError`].
    fn list(
        &mut self,
        after: Option<&MessageKey>,
    ) -> impl Future<Output = Result<Vec<Shown>, SourceError>> + Send;

    /// The headers of these messages with their empty lines, unread and unchanged.
    ///
    /// # Errors
    /// [`SourceError`].
    fn headers(
        &mut self,
        keys: &[MessageKey],
    ) -> impl Future<Output = Result<Vec<Fetched>, SourceError>> + Send;

    /// These messages whole, unread and unchanged.
    ///
    /// # Errors
    /// [`SourceError`].
    fn bodies(
        &mut self,
        keys: &[MessageKey],
    ) -> impl Future<Output = Result<Vec<Fetched>, SourceError>> + Send;

    /// Which of these are certainly not in the folder any more.
    ///
    /// # Errors
    /// [`SourceError`].
    fn missing(
        &mut self,
        keys: &[MessageKey],
    ) -> impl Future<Output = Result<Vec<MessageKey>, SourceError>> + Send;

    /// These messages as in a list, as far as they are shown; those that carry a mark of removal, too. A source that can
    /// neither be only looked at nor leave a removal half done has nothing to say.
    ///
    /// # Errors
    /// [`SourceError`].
    fn again(&mut self, keys: &[MessageKey]) -> impl Future<Output = Result<Vec<Shown>, SourceError>> + Send {
        let _ = keys;
        std::future::ready(Ok(Vec::new()))
    }

    /// How far the listing has come; `None` where nobody needs to know.
    fn progress(&self) -> Option<Progress> {
        None
    }

    /// What people should know of it, though it works.
    fn remark(&self) -> Option<String> {
        None
    }

    /// Takes these out of the folder, or marks them as removed where no more is possible without harm to others.
    ///
    /// # Errors
    /// [`SourceError`]: some may be gone. That the source refuses to, for want of room or of rights, is no error.
    fn dispose(
        &mut self,
        keys: &[MessageKey],
        how: Disposal,
    ) -> impl Future<Output = Result<Disposed, SourceError>> + Send;

    /// Waits for news, at most so long. Says nothing: look again afterwards.
    ///
    /// # Errors
    /// [`SourceError`].
    fn wait(&mut self, at_most: Duration) -> impl Future<Output = Result<(), SourceError>> + Send;

    /// Whether [`Source::wait`] ends the session: what is to leave leaves with it, and the next look is that of a new one.
    fn ends_with_wait(&self) -> bool {
        false
    }

    /// How long no session may follow this one, however it ends.
    fn stay_away(&self) -> Duration {
        Duration::ZERO
    }

    /// Whether [`Disposal::SetAside`] is possible. Where it is not, what the house keeps whole is removed, and the rest
    /// stays.
    fn has_a_place_apart(&self) -> bool {
        true
    }
}

/// What keys are valid with: IMAP's UIDVALIDITY; 0 where keys are valid for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity(pub u32);

/// How far the look at a large folder has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Messages that were looked at.
    pub done: u32,
    /// Messages that are in it.
    pub of: u32,
}

/// A folder of a mailbox that is only looked at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub role: FolderRole,
}

/// A source with several folders, of which one is open at a time. Nothing in any of them is ever changed.
pub trait Folders: Source {
    /// The folders, first the one in which news are waited for.
    fn places(&self) -> Vec<Place>;

    /// Opens a folder; `false` where it is certain that nothing has come to it since it was open, which is believed only
    /// where `may_be_spared`.
    ///
    /// # Errors
    /// [`SourceError`].
    fn enter(
        &mut self,
        place: &Place,
        may_be_spared: bool,
    ) -> impl Future<Output = Result<bool, SourceError>> + Send;
}

/// A message in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its key.
    pub key: MessageKey,
    /// Bytes of the whole message, as the source says.
    pub size: u64,
    /// When it came into the folder, where the source says so.
    pub arrived: Option<Timestamp>,
}

/// A message or its header, fetched.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Which message.
    pub key: MessageKey,
    /// What was asked for of it.
    pub bytes: Arc<[u8]>,
}

/// How a message leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposal {
    /// It is removed.
    Remove,
    /// It is moved to the folder for undeliverable mail, which is made where it is missing.
    SetAside,
}

/// What became of messages that were to leave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Disposed {
    /// They are not listed any more.
    pub gone: Vec<MessageKey>,
    /// They go when the session ends well. Whether they did is not told: a later list shows it.
    pub going: Vec<MessageKey>,
    /// Why the others stay, in the words of the source.
    pub refusal: Option<String>,
}

/// A source does not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct SourceError {
    /// What it is, for when to try again.
    pub trouble: SourceTrouble,
    /// In words, for the list of mailboxes.
    pub words: String,
}

/// Kinds of trouble with a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceTrouble {
    /// Nobody is there, or the line broke: soon again.
    Away,
    /// It refuses who we are: seldom again, for servers lock accounts.
    Refused,
    /// It does not offer or allow what is needed: a person must look.
    NotOffered,
    /// What it says contradicts itself or is beyond a limit.
    Contradiction,
}
