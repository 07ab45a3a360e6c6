//! IMAP4rev1 and IMAP4rev2, as far as mail is taken from a folder (RFC 3501 and its extensions, RFC 9051; our own: decision
//! 23; what is left out: decision 29).
//!
//! What passes through: [`Session::open`] makes a session of a target and a login. Whoever only looks asks through
//! [`Look`], whoever empties a folder through [`Imap`]. Read it as `answer` (bytes), `words`, `fetch` (grammar),
//! `session` (one command after the other), `commands` (what they are), `sign_in`.
//!
//! *Invariant:* through [`Look`] nothing at the server changes: a folder is opened with EXAMINE and read with `.PEEK`.
//! That a message is gone is believed of one thing alone: it was asked for by its UID, was missing, and the command ended
//! well.

pub mod answer;
mod append;
mod capabilities;
mod commands;
pub mod fetch;
mod names;
mod session;
mod sign_in;
mod uids;
pub mod words;

use std::future::Future;
use std::io;

use model::Timestamp;

pub use capabilities::Capabilities;
pub use fetch::Flags;
pub use names::{Folder, FolderName, Namespace};
pub use session::Session;
pub use uids::{Uid, UidSet};

use crate::error::ConnectError;
pub use crate::sasl::NONCE_BYTES;

/// A session that changes nothing. One task owns it. A call that is dropped half-way leaves the line in the middle of an
/// answer: the session refuses every later one.
///
/// Every call fails with a [`ConnectError`]; [`ConnectError::leaves_the_session`] says whether there may be another.
pub trait Look: Send {
    /// What the server can do.
    fn can(&self) -> &Capabilities;

    /// Opens a folder to look only (EXAMINE). It is the open one from now on.
    fn examine(&mut self, folder: &FolderName) -> impl Future<Output = Result<Opened, ConnectError>> + Send;

    /// What is in a stretch of the open folder, in ascending order of UIDs. What is missing is missing, not gone.
    fn list(&mut self, window: Window) -> impl Future<Output = Result<Vec<Listed>, ConnectError>> + Send;

    /// The same of at most [`model::limits::IMAP_WINDOW_MAX`] messages by their UIDs.
    fn list_these(&mut self, uids: &UidSet)
    -> impl Future<Output = Result<Vec<Listed>, ConnectError>> + Send;

    /// How far a folder has come that is not the open one; `None` where the server does not say.
    fn standing(
        &mut self,
        folder: &FolderName,
    ) -> impl Future<Output = Result<Option<Standing>, ConnectError>> + Send;

    /// Headers of at most [`model::limits::IMAP_HEADERS_MAX`] messages; of one that is too large its beginning.
    fn headers(
        &mut self,
        uids: &UidSet,
    ) -> impl Future<Output = Result<Vec<(Uid, Vec<u8>)>, ConnectError>> + Send;

    /// Bodies of at most [`model::limits::IMAP_WINDOW_MAX`] messages, in whatever order they come.
    fn bodies<S: BodySink>(
        &mut self,
        uids: &UidSet,
        sink: &mut S,
    ) -> impl Future<Output = Result<(), ConnectError>> + Send;

    /// Which of at most [`model::limits::IMAP_WINDOW_MAX`] messages are there. The others are gone.
    fn exists(&mut self, uids: &UidSet) -> impl Future<Output = Result<UidSet, ConnectError>> + Send;

    /// Waits for news of the open folder, no longer than until `until` is there: by IDLE, or where the server has none
    /// by asking once at the end. Servers drop connections that are still for half an hour; ten minutes are well.
    fn wait(
        &mut self,
        until: impl Future<Output = ()> + Send,
    ) -> impl Future<Output = Result<Woken, ConnectError>> + Send;

    /// All folders.
    fn folders(&mut self) -> impl Future<Output = Result<Vec<Folder>, ConnectError>> + Send;

    /// Whose folders are where; `None` where the server does not say.
    fn namespace(&mut self) -> impl Future<Output = Result<Option<Namespace>, ConnectError>> + Send;

    /// Takes leave. The open folder stays as it is: nothing marked as deleted is removed.
    fn bye(self) -> impl Future<Output = Result<(), ConnectError>> + Send;
}

/// A session that may change what is in a folder.
pub trait Imap: Look {
    /// Opens a folder to work in (SELECT).
    fn select(&mut self, folder: &FolderName) -> impl Future<Output = Result<Opened, ConnectError>> + Send;

    /// Takes at most [`model::limits::IMAP_WINDOW_MAX`] messages out of the folder that [`Imap::select`] opened. Nothing
    /// but these is ever removed.
    fn dispose(
        &mut self,
        uids: &UidSet,
        how: &Disposal,
    ) -> impl Future<Output = Result<Disposed, ConnectError>> + Send;

    /// Makes a folder where it is missing, and shows it to other clients.
    fn create(&mut self, folder: &FolderName) -> impl Future<Output = Result<(), ConnectError>> + Send;

    /// The full name of a folder of the mailbox's own: servers may keep them all below `INBOX`.
    fn own_folder(&mut self, name: &str) -> impl Future<Output = Result<FolderName, ConnectError>> + Send;
}

/// Where bodies go. An error ends the session.
pub trait BodySink: Send {
    /// A body begins, of so many bytes. Whose it is, is known at its end: the server decides the order.
    fn begin(&mut self, size: u64) -> impl Future<Output = io::Result<()>> + Send;

    /// A piece of it.
    fn piece(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> + Send;

    /// It is whole, and of this message. Each message ends once, and none that was not asked for. A body that began and
    /// has no end when the call returns was none.
    fn end(&mut self, uid: Uid) -> impl Future<Output = io::Result<()>> + Send;
}

/// A folder that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Under another value, UIDs are those of other messages.
    pub uidvalidity: u32,
    /// Which UID the next message gets, where the server says so.
    pub uidnext: Option<u32>,
    /// Messages in it.
    pub exists: u32,
    /// The number of its last change (RFC 7162), where the server counts them.
    pub highestmodseq: Option<u64>,
    /// Nothing can be changed in it.
    pub is_read_only: bool,
}

/// How far a folder has come: while both stay as they are, no message has come to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Under another value, UIDs are those of other messages.
    pub uidvalidity: u32,
    /// Which UID the next message gets.
    pub uidnext: u32,
}

/// A stretch of a folder by sequence numbers: where messages leave at the front, the first window is always the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// From 1.
    pub first: u32,
    /// At most [`model::limits::IMAP_WINDOW_MAX`]; more are not listed.
    pub count: u32,
}

/// A message in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Its number.
    pub uid: Uid,
    /// Its place for the moment.
    pub sequence: u32,
    /// Its flags.
    pub flags: Flags,
    /// When it came, where that can be read.
    pub arrived: Option<Timestamp>,
    /// Its bytes. A server may be wrong about them; 0 where it cannot tell.
    pub size: u64,
}

/// How messages leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposal {
    /// They are removed. A server without UIDPLUS could only remove whatever is marked, others' too: there they are
    /// marked as deleted, and stay.
    Delete,
    /// The same where nobody else removes anything there: a server without UIDPLUS removes all that is marked, if that is
    /// nothing but these and the ones named here, which were marked by us before.
    DeleteAlone(UidSet),
    /// They go to another folder, which is made where it is missing. Without MOVE they are copied and then removed.
    Move(FolderName),
    /// They are marked as deleted, and stay.
    Flag,
}

/// What became of messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Disposed {
    /// They are not in the folder any more.
    pub gone: UidSet,
    /// They are there, marked as deleted.
    pub flagged: UidSet,
}

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// Something changed.
    News,
    /// The time was up.
    Time,
}

#[cfg(test)]
mod tests;
