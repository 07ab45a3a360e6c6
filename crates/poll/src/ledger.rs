//! The ledger of a folder: which messages were seen in it, which copy each is, and which of them are gone.
//!
//! What passes through: what a source lists and what became of it, one unit of work for each turn.
//!
//! *Invariant:* a message has its copy in the ledger, durably, before anything of it is delivered; so whoever comes
//! back after a crash delivers the same copy again, and the house answers what it answered before.

use std::future::Future;

use model::outcome::Outcome;
use model::{FolderRole, Id, MessageKey, Timestamp};

use crate::contract::{NotNow, Pair};
use crate::source::{Place, Validity};

/// What is remembered of folders.
pub trait Ledger: Clone + Send + Sync + 'static {
    /// The folder of this name. A sink is emptied, any other is only looked at. Where its validity is another one than before, the keys of before say nothing any more:
    /// the folder begins anew, and what was open in it counts as vanished unless it is met again.
    ///
    /// # Errors
    /// [`NotNow`].
    fn open(
        &self,
        pair: Pair,
        place: &Place,
        validity: Validity,
    ) -> impl Future<Output = Result<Folder, NotNow>> + Send;

    /// What is in the ledger and not gone, in the order of keys. What has become of each is not asked for.
    ///
    /// # Errors
    /// [`NotNow`].
    fn present(&self, folder: &Folder) -> impl Future<Output = Result<Vec<Entry>, NotNow>> + Send;

    /// Notes what was told, enters what is listed and new, and counts one more attempt for whatever is due, has no
    /// outcome, and fewer than [`POLL_ALONE_FROM`](model::limits::POLL_ALONE_FROM) attempts.
    ///
    /// Answers one entry for each listed message, in their order, and behind them one for each absent one that has no
    /// outcome: it counts as gone only once it has one. `None` where a message is listed although it is gone, or has its
    /// outcome and another header than it had: keys are given out again there, and the folder is to be opened anew.
    ///
    /// # Errors
    /// [`NotNow`]: nothing was entered.
    fn see(
        &self,
        folder: &Folder,
        told: Told,
        listed: Vec<Listed>,
    ) -> impl Future<Output = Result<Option<Vec<Entry>>, NotNow>> + Send;

    /// Counts one more attempt for a message that is tried alone.
    ///
    /// # Errors
    /// [`NotNow`]: it is not tried.
    fn try_alone(&self, folder: &Folder, key: &MessageKey)
    -> impl Future<Output = Result<(), NotNow>> + Send;

    /// Notes that these have ended, and answers which of them may leave the folder: those whose outcome is committed, and
    /// says more than that they were not there.
    ///
    /// # Errors
    /// [`NotNow`]: none may leave.
    fn settle(
        &self,
        folder: &Folder,
        ended: Vec<(MessageKey, HeaderDigest)>,
    ) -> impl Future<Output = Result<Vec<Settled>, NotNow>> + Send;
}

/// A message that may leave its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Which.
    pub key: MessageKey,
    /// Whether all of it that anybody could want is kept by the house: not so where it could not be fetched.
    pub is_kept: bool,
}

/// A folder as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// The mailbox and its organization.
    pub pair: Pair,
    /// The folder, a record of the ledger.
    pub id: Id,
    /// What it is to the house.
    pub role: FolderRole,
    /// Counts how often its keys have lost their meaning.
    pub generation: i64,
    /// Where it is only looked at: the last message that was seen, and all before it.
    pub after: Option<MessageKey>,
}

/// What became of messages of the last turn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// They are not listed any more, by our hand; or they have ended in a folder that is only looked at.
    pub gone: Vec<MessageKey>,
    /// They are not in the folder any more, by somebody else's.
    pub absent: Vec<MessageKey>,
    /// They were tried, and the process lived on: that attempt does not count.
    pub survived: Vec<MessageKey>,
    /// They are to be tried later.
    pub put_off: Vec<PutOff>,
    /// In a folder that is only looked at: with what is listed, everything up to this one was seen.
    pub seen_up_to: Option<MessageKey>,
}

impl Told {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        let Told { gone, absent, survived, put_off, seen_up_to } = self;
        let is_any = gone.is_empty() && absent.is_empty() && survived.is_empty() && put_off.is_empty();
        is_any && seen_up_to.is_none()
    }

    /// Adds what happened later.
    pub(crate) fn add(&mut self, later: Told) {
        let Told { gone, absent, survived, put_off, seen_up_to } = later;
        self.gone.extend(gone);
        self.absent.extend(absent);
        self.survived.extend(survived);
        self.put_off.extend(put_off);
        self.seen_up_to = seen_up_to.or(self.seen_up_to.take());
    }
}

/// A message that is to be tried later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutOff {
    /// Which.
    pub key: MessageKey,
    /// Why, for the list of mailboxes.
    pub words: String,
    /// Somebody whom the house asks does not take it well: the longer it waits, the later it is tried again.
    pub is_unheard: bool,
}

/// A message in a folder, as its source shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: MessageKey,
    /// Bytes of the whole.
    pub size: u64,
    /// When it came into the folder, where the source says so.
    pub arrived: Option<Timestamp>,
    /// Of its header; `None` where the source does not give it.
    pub header: Option<HeaderDigest>,
}

/// BLAKE3 of a header: whether the same message still stands under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderDigest(pub [u8; 32]);

impl HeaderDigest {
    /// Of these bytes.
    pub fn of(header: &[u8]) -> Self {
        HeaderDigest(*blake3::hash(header).as_bytes())
    }
}

/// A message in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: MessageKey,
    /// The copy that it is.
    pub copy: Id,
    /// How often it was tried without an end that was told, this time included.
    pub attempts: u32,
    /// Whether its header came before.
    pub has_header: bool,
    /// Whether its time has come, where it was put off.
    pub is_due: bool,
    /// Whether it was settled, and may have been on its way out of the folder.
    pub is_settled: bool,
    /// What became of it, where that is committed.
    pub ended: Option<Outcome>,
}
