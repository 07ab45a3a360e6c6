//! The ledger of a mailbox: what was seen in a folder, what has ended, what is gone.
//!
//! What passes through: keys of messages as a mail server lists them, into copies. A message has its copy, committed,
//! before anything of it is fetched, so however often it is begun anew it is taken in once
//! ([`take_polled`](crate::intake::take_polled)). It may leave the folder only when it is settled here, and it is
//! settled only when its outcome is committed.
//!
//! *Invariant:* whatever was seen ends, be it in a numbering that the server has given up since.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use model::outcome::{Outcome, Reason};
use model::schema::mailboxes::{MailboxFolder, MailboxMessage};
use model::{FolderRole, Id, MessageKey, Moment, Timestamp, limits};
use store::{Generation, Organization, Priority, Read, StoreError, Tx};

use super::not_given;
use crate::CrmError;
use crate::intake::{self, Polled, What};

/// A folder as a server shows it when it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name, as the server writes it.
    pub name: String,
    /// What it is for.
    pub role: FolderRole,
    /// What the server calls its numbering: UIDVALIDITY, or always 0 where names never return.
    pub validity: u32,
}

/// A folder that is open in the ledger: what is written under it is of one numbering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Folder {
    /// The mailbox.
    pub mailbox: Id,
    /// The folder, and which of its numberings.
    pub generation: Generation,
    /// Where it is only looked at: whatever has a UID up to this one was seen. 0 where nothing was.
    pub seen_up_to: u32,
}

/// A message as a server lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// By what it is known.
    pub key: MessageKey,
    /// Its size in bytes.
    pub size: u64,
    /// The digest of its header, where the server gives that: whether it is the same message as before.
    pub header: Option<[u8; 32]>,
}

/// What a look into a folder showed, as much as one round works on.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// Messages that left by our hand, or have ended in a folder that is only looked at; and those of `absent`. Those that
    /// have not ended stay open: they are to be ended first.
    pub gone: Vec<MessageKey>,
    /// Those of them that the server says are no longer there.
    pub absent: Vec<MessageKey>,
    /// Messages that are there: an attempt at each begins.
    pub listed: Vec<Listed>,
    /// In a folder that is only looked at: with these, everything up to this UID was seen.
    pub seen_up_to: Option<u32>,
}

/// What the ledger makes of a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// The messages that were listed, in their order, each once.
    Entries(Vec<Entry>),
    /// The numbering is another one by now: the folder has to be opened again. Something was listed that had gone, or that
    /// had ended with another header, or somebody else has opened the folder under another validity.
    Anew,
}

/// A message in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// By what it is known.
    pub key: MessageKey,
    /// The copy that it is.
    pub copyid: Id,
    /// What is to be done with it.
    pub state: EntryState,
    /// How often it was begun, this time included.
    pub attempts: u32,
    /// Whether its header was ever there.
    pub has_header: bool,
    /// What became of it, where that is committed.
    pub outcome: Option<Outcome>,
}

/// What is to be done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryState {
    /// It is to be taken in.
    Open,
    /// It was put off until then.
    PutOff(Timestamp),
    /// It has ended, and may leave the folder where its header could be compared.
    Settled,
}

/// Opens a folder in the ledger. Where the server numbers it anew, a new generation begins; what was open in the ones
/// before ends, as no longer there.
///
/// # Errors
/// [`CrmError::Invalid`] where the name is too long. Then, and where the store could not do it, nothing may be fetched.
pub async fn open(
    organization: &Arc<Organization>,
    mailbox: Id,
    place: Place,
    moment: Moment,
) -> Result<Folder, CrmError> {
    if place.name.is_empty() || place.name.chars().count() > limits::FOLDER_NAME_CHARS_MAX {
        return Err(CrmError::Invalid("the name of the folder is empty or too long".to_owned()));
    }
    let drawn = moment.again();
    let role = place.role;
    let unit = organization.unit(Priority::Background, move |tx| begin(tx, mailbox, &place, &drawn.again()));
    let folder = unit.await?;
    write_off(organization, (folder, role), &moment).await?;
    Ok(folder)
}

fn begin(tx: &mut Tx<'_>, mailbox: Id, place: &Place, moment: &Moment) -> Result<Folder, StoreError> {
    let uidvalidity = i64::from(place.validity);
    let folder = tx.mailbox_folder_by_name(mailbox, &place.name)?;
    let Some(folder) = folder else {
        let folder = MailboxFolder {
            mailboxfolderid: moment.id(),
            mailboxid: mailbox,
            foldername: place.name.clone(),
            folderrole: place.role,
            generation: 1,
            uidvalidity,
            uidseen: 0,
            createdon: moment.now,
        };
        tx.add_mailbox_folder(&folder)?;
        return Ok(folder_of(&folder));
    };
    if folder.uidvalidity == uidvalidity {
        return Ok(folder_of(&folder));
    }
    match tx.begin_generation(&folder, uidvalidity)? {
        true => Ok(folder_of(&MailboxFolder { generation: folder.generation + 1, uidseen: 0, ..folder })),
        false => Err(StoreError::Busy),
    }
}

fn folder_of(row: &MailboxFolder) -> Folder {
    let generation = Generation { folder: row.mailboxfolderid, number: row.generation };
    let seen_up_to = u32::try_from(row.uidseen).unwrap_or_default();
    Folder { mailbox: row.mailboxid, generation, seen_up_to }
}

/// Ends what earlier generations left open. The messages may still be there, under other keys and as other copies.
async fn write_off(
    organization: &Arc<Organization>,
    (folder, role): (Folder, FolderRole),
    moment: &Moment,
) -> Result<(), CrmError> {
    loop {
        let left = organization
            .read(|read| read.messages_left_behind(folder.generation, limits::ROWS_PER_UNIT_MAX))?;
        if left.is_empty() {
            return Ok(());
        }
        for row in left.iter().filter(|row| row.settledon.is_none()) {
            let size = u64::try_from(row.size).unwrap_or_default();
            let polled = Polled { role, copyid: row.copyid, arrived: row.seenon, size, what: What::Vanished };
            // One that has ended by another session of ours is answered with that.
            intake::take_polled(organization, folder.mailbox, polled, moment.again()).await?;
        }
        let now = moment.now;
        let unit = organization.unit(Priority::Background, move |tx| {
            left.iter().try_for_each(|row| tx.message_is_gone(row, now))
        });
        unit.await?;
    }
}

/// Enters what a look into a folder showed, in one unit of work: after it every message that is listed has its copy.
///
/// # Errors
/// [`CrmError::Invalid`] beyond [`limits::LEDGER_MESSAGES_MAX`] messages.
pub async fn see(
    organization: &Organization,
    folder: Folder,
    look: Look,
    moment: Moment,
) -> Result<Seen, CrmError> {
    few(look.listed.len() + look.gone.len())?;
    let unit = organization
        .unit(Priority::Background, move |tx| enter(tx, folder.generation, &look, &moment.again()));
    Ok(unit.await?)
}

fn enter(tx: &mut Tx<'_>, generation: Generation, look: &Look, moment: &Moment) -> Result<Seen, StoreError> {
    // Everything is asked before anything is written: a server is asked once then.
    let present = tx.mailbox_folder(generation.folder)?;
    let Some(present) = present.filter(|row| row.generation == generation.number) else {
        return Ok(Seen::Anew);
    };
    let mut keys = HashSet::new();
    let listed = look.listed.iter().filter(|listed| keys.insert(&listed.key));
    let known: Vec<(&Listed, Option<MailboxMessage>)> = listed
        .map(|listed| Ok((listed, tx.mailbox_message(generation, &listed.key)?)))
        .collect::<Result<_, StoreError>>()?;
    let gone = look.gone.iter().filter(|key| !keys.contains(key));
    let gone: Vec<Option<MailboxMessage>> =
        gone.map(|key| tx.mailbox_message(generation, key)).collect::<Result<_, _>>()?;
    // What is settled has an outcome, and in the first numbering nothing was waited for: which one is not asked.
    let is_over = |row: &MailboxMessage| row.settledon.is_some() && generation.number == 1;
    let (settled, open): (Vec<MailboxMessage>, Vec<MailboxMessage>) =
        gone.into_iter().flatten().partition(is_over);
    let gone = ended(tx, open, moment.now)?;
    // A server that was restored, or that gives its numbers out again: nothing of it is believed to be what it was.
    let outcomes: Vec<Option<Outcome>> = known
        .iter()
        .map(|(_, row)| row.as_ref().map_or(Ok(None), |row| outcome(tx, row, moment.now)))
        .collect::<Result<_, StoreError>>()?;
    let is_another = |((listed, row), outcome): (&(&Listed, Option<MailboxMessage>), &Option<Outcome>)| {
        row.as_ref().is_some_and(|row| is_another((row, outcome.is_some()), listed))
    };
    if known.iter().zip(&outcomes).any(is_another) {
        tx.begin_generation(&present, present.uidvalidity)?;
        return Ok(Seen::Anew);
    }
    let mut entries = Vec::with_capacity(known.len());
    for ((listed, row), outcome) in known.into_iter().zip(outcomes) {
        entries.push(match row {
            Some(mut row) => {
                if let (None, Some(digest)) = (&row.headerdigest, &listed.header) {
                    tx.note_header(&row, digest)?;
                    row.headerdigest = Some(digest.to_vec());
                }
                begin_again(tx, (row, outcome), moment.now)?
            }
            None => begin_first(tx, generation, listed, moment)?,
        });
    }
    for row in &settled {
        tx.message_is_gone(row, moment.now)?;
    }
    for (row, end) in &gone {
        match end {
            // It only counts as looked at.
            End::AskedAgain if !look.absent.iter().any(|key| key.as_bytes() == row.messagekey) => {
                not_given::put_off(tx, row, (not_given::WORDS, moment.now))?;
            }
            _ => tx.message_is_gone(row, moment.now)?,
        }
    }
    came(tx, (generation, &gone), moment.now)?;
    if let Some(uid) = look.seen_up_to {
        tx.seen_up_to(generation, uid)?;
    }
    Ok(Seen::Entries(entries))
}

/// Whether another message is listed than the one of the row. While nothing has come of that, it is no matter, and there are
/// servers that make a header anew each time.
fn is_another((row, has_ended): (&MailboxMessage, bool), listed: &Listed) -> bool {
    let is_changed = |had: &Vec<u8>| listed.header.is_some_and(|has| had.as_slice() != has.as_slice());
    row.goneon.is_some() || (has_ended && row.headerdigest.as_ref().is_some_and(is_changed))
}

/// The outcome of a message's copy. That it was no longer there is none for a message that is, nor is that it was not given
/// for one that is asked for again.
fn outcome(read: &Read<'_>, row: &MailboxMessage, now: Timestamp) -> Result<Option<Outcome>, StoreError> {
    let outcomes = read.outcomes(row.copyid)?;
    let of_copy = outcomes.iter().find(|outcome| outcome.iscopyoutcome);
    let of_copy = of_copy.filter(|outcome| outcome.reason != Reason::Vanished as i32);
    let was_not_given = of_copy.is_some_and(|outcome| outcome.reason == Reason::Unfetchable as i32);
    if was_not_given && not_given::is_wanted(read, row, now)? {
        return Ok(None);
    }
    Ok(of_copy.and_then(|outcome| Outcome::from_code(i64::from(outcome.outcome))))
}

fn begin_first(
    tx: &mut Tx<'_>,
    generation: Generation,
    listed: &Listed,
    moment: &Moment,
) -> Result<Entry, StoreError> {
    let row = MailboxMessage {
        mailboxfolderid: generation.folder,
        generation: generation.number,
        messagekey: listed.key.as_bytes().to_vec(),
        copyid: moment.id(),
        day: moment.now.day(),
        seenon: moment.now,
        size: i64::try_from(listed.size).unwrap_or(i64::MAX),
        headerdigest: listed.header.map(|digest| digest.to_vec()),
        attempts: 1,
        lasterror: None,
        nexttryon: None,
        settledon: None,
        goneon: None,
    };
    tx.see_message(&row)?;
    Ok(entry(row, moment.now))
}

/// What is put off or settled is not begun.
fn begin_again(
    tx: &mut Tx<'_>,
    (row, outcome): (MailboxMessage, Option<Outcome>),
    now: Timestamp,
) -> Result<Entry, StoreError> {
    let mut entry = Entry { outcome, ..entry(row.clone(), now) };
    // What may have stopped the process is counted when its turn comes: see `try_alone`.
    let is_counted = entry.attempts < limits::POLL_ALONE_FROM;
    if entry.state == EntryState::Open && outcome.is_none() && is_counted {
        tx.begin_attempt(&row)?;
        entry.attempts += 1;
    }
    Ok(entry)
}

fn entry(row: MailboxMessage, now: Timestamp) -> Entry {
    let state = match (row.settledon, row.nexttryon) {
        (_, Some(until)) if until > now => EntryState::PutOff(until),
        (Some(_), _) => EntryState::Settled,
        (None, _) => EntryState::Open,
    };
    let attempts = u32::try_from(row.attempts).unwrap_or_default();
    let has_header = row.headerdigest.is_some();
    let key = MessageKey::from_bytes(row.messagekey);
    Entry { key, copyid: row.copyid, state, attempts, has_header, outcome: None }
}

/// Messages of a folder that are not known to be gone, in the order of their keys, behind one of them: to be compared
/// with what the server has, so that what somebody else took out of it ends too.
pub fn there(
    organization: &Organization,
    folder: Folder,
    behind: Option<&MessageKey>,
    now: Timestamp,
) -> Result<Vec<Entry>, CrmError> {
    let limit = limits::LEDGER_MESSAGES_MAX;
    let rows = organization.read(|read| read.messages_there(folder.generation, behind, limit))?;
    Ok(rows.into_iter().map(|row| entry(row, now)).collect())
}

/// A message that may leave its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// By what it is known.
    pub key: MessageKey,
    /// Whether all of it that anybody could want is kept here: not so where it could not be fetched.
    pub is_kept: bool,
}

/// Settles messages that have ended, each with the digest (BLAKE3) of its header, and says which: only those may leave
/// the folder. One whose outcome is not committed, or that only says that it was no longer there, is left open.
///
/// # Errors
/// [`CrmError::Invalid`] beyond [`limits::LEDGER_MESSAGES_MAX`] messages.
pub async fn settle(
    organization: &Organization,
    folder: Folder,
    messages: Vec<(MessageKey, [u8; 32])>,
    now: Timestamp,
) -> Result<Vec<Settled>, CrmError> {
    few(messages.len())?;
    let unit = organization.unit(Priority::Background, move |tx| {
        let digests: HashMap<&MessageKey, &[u8; 32]> =
            messages.iter().map(|(key, digest)| (key, digest)).collect();
        let ask = |key: &MessageKey| tx.mailbox_message(folder.generation, key);
        let rows = messages.iter().map(|(key, _)| ask(key)).collect::<Result<Vec<_>, _>>()?;
        let ended = ended(tx, rows.into_iter().flatten().collect(), now)?;
        let mut settled = Vec::with_capacity(ended.len());
        // What another session wrote off, because the folder is numbered anew, was never read: it stays where it is.
        for (row, end) in ended.iter().filter(|(_, end)| *end != End::Vanished) {
            if *end == End::AskedAgain {
                not_given::put_off(tx, row, (not_given::WORDS, now))?;
                continue;
            }
            let key = MessageKey::from_bytes(row.messagekey.clone());
            if let Some(digest) = digests.get(&key) {
                tx.settle_message(row, digest, now)?;
                settled.push(Settled { key, is_kept: *end == End::Kept });
            }
        }
        came(tx, (folder.generation, &ended), now)?;
        Ok::<_, StoreError>(settled)
    });
    Ok(unit.await?)
}

/// What was kept of a folder that is read anew may have been waited for.
fn came(
    tx: &mut Tx<'_>,
    (generation, ended): (Generation, &[(MailboxMessage, End)]),
    now: Timestamp,
) -> Result<(), StoreError> {
    if generation.number == 1 {
        return Ok(());
    }
    let kept = ended.iter().filter(|(_, end)| *end == End::Kept);
    not_given::came(tx, &kept.filter_map(|(row, _)| row.headerdigest.clone()).collect(), now)
}

/// Takes the last attempt at messages back: the round ended for a reason that none of them had a part in, a connection
/// that was cut say. What ended the process stays counted.
///
/// # Errors
/// [`CrmError::Invalid`] beyond [`limits::LEDGER_MESSAGES_MAX`] messages.
pub async fn forgive(
    organization: &Organization,
    folder: Folder,
    messages: Vec<MessageKey>,
) -> Result<(), CrmError> {
    few(messages.len())?;
    let unit = organization.unit(Priority::Background, move |tx| {
        let rows = messages.iter().map(|key| tx.mailbox_message(folder.generation, key));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        rows.iter().flatten().try_for_each(|row| tx.forgive_attempt(row))
    });
    Ok(unit.await?)
}

/// Counts an attempt at a message that is tried alone, because it may have ended the process before.
pub async fn try_alone(organization: &Organization, folder: Folder, key: MessageKey) -> Result<(), CrmError> {
    let unit = organization.unit(Priority::Background, move |tx| {
        match tx.mailbox_message(folder.generation, &key)? {
            Some(row) => tx.begin_attempt(&row),
            None => Ok::<_, StoreError>(()),
        }
    });
    Ok(unit.await?)
}

/// Why a message is tried later.
#[derive(Debug, Clone)]
pub struct WhyLater {
    /// What went wrong, for people.
    pub words: String,
    /// Somebody whom the house asks about it, a hook, does not take it well: after the first time it is tried later and later.
    pub is_unheard: bool,
}

/// Puts one message off; others go on. Says whether that is news: not so where it was put off before, for the same reason.
pub async fn put_off(
    organization: &Organization,
    folder: Folder,
    key: MessageKey,
    (why, now): (WhyLater, Timestamp),
) -> Result<bool, CrmError> {
    let words: String = why.words.chars().take(limits::ERROR_CHARS_MAX).collect();
    let unit = organization.unit(Priority::Background, move |tx| {
        let Some(row) = tx.mailbox_message(folder.generation, &key)? else { return Ok(false) };
        let is_again = row.lasterror.is_some();
        let pause = if why.is_unheard && is_again {
            not_given::pause(&row, now)
        } else {
            limits::POLL_PUT_OFF_SECONDS
        };
        match not_given::is_wanted(tx, &row, now)? {
            true => not_given::put_off(tx, &row, (&words, now))?,
            false => tx.put_message_off(&row, now.plus_seconds(pause), &words)?,
        }
        Ok::<_, StoreError>(row.lasterror.is_none_or(|before| before != words))
    });
    Ok(unit.await?)
}

/// How a message ended, as far as its folder is concerned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// It was no longer there.
    Vanished,
    /// It could not be fetched.
    Unfetchable,
    /// Nor could this one, and it is asked for again.
    AskedAgain,
    /// Whatever anybody could want of it is here.
    Kept,
}

/// Those of the rows whose copies have an outcome.
fn ended(
    read: &Read<'_>,
    rows: Vec<MailboxMessage>,
    now: Timestamp,
) -> Result<Vec<(MailboxMessage, End)>, StoreError> {
    let mut ended = Vec::with_capacity(rows.len());
    for row in rows {
        let outcomes = read.outcomes(row.copyid)?;
        let is_any = |reason: Reason| outcomes.iter().any(|outcome| outcome.reason == reason as i32);
        let end = match () {
            () if is_any(Reason::Vanished) => End::Vanished,
            () if is_any(Reason::Unfetchable) && not_given::is_wanted(read, &row, now)? => End::AskedAgain,
            () if is_any(Reason::Unfetchable) => End::Unfetchable,
            () => End::Kept,
        };
        if !outcomes.is_empty() {
            ended.push((row, end));
        }
    }
    Ok(ended)
}

fn few(count: usize) -> Result<(), CrmError> {
    let most = limits::LEDGER_MESSAGES_MAX;
    if count <= most { Ok(()) } else { Err(CrmError::Invalid(format!("at most {most} messages at a time"))) }
}
