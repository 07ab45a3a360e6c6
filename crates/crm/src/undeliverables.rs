//! Undeliverables: mail that waits for a person, and what the person does about it.
//!
//! What passes through: what was set aside, to be looked at; replays, which take a mail in by its own copy once the cause
//! is gone; and dismissals, with who and why.
//!
//! *Invariant:* none ends by itself. One that ended stays in the list of those that did, with its bytes.

use std::sync::Arc;

use model::outcome::{REASONS, Reason};
use model::schema::intake::Undeliverable;
use model::{Id, Moment, Timestamp, limits};
use store::{Behind, Organization, Priority, Read, StoreError};

use crate::CrmError;
use crate::intake::{Receipt, replay as intake_replay};

/// It waits.
pub const OPEN: i32 = 0;
/// It was taken in after all.
pub const REPLAYED: i32 = 1;
/// A person has seen it, and nothing is to come of it.
pub const DISMISSED: i32 = 2;

/// A mail that was set aside, and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// Its row.
    pub row: Undeliverable,
    /// The source that its copy is accounted under.
    pub source: String,
    /// Where the work on it ended.
    pub step: Step,
    /// Of its bytes this is here.
    pub here: Here,
}

/// Where the work on a mail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Its source did not give it out.
    Fetching,
    /// It could not be read.
    Reading,
    /// No original could be taken out of it.
    Unwrapping,
    /// What it says was not believed.
    Checking,
    /// To keep it failed.
    Keeping,
    /// None failed: it is for a person to read.
    Done,
}

impl Step {
    /// Where mail ends that is set aside for this reason.
    pub fn of(reason: Reason) -> Self {
        match reason {
            Reason::Unfetchable => Step::Fetching,
            Reason::Loop | Reason::Limit | Reason::Unreadable => Step::Reading,
            Reason::NoOriginal => Step::Unwrapping,
            Reason::Unproven | Reason::InvalidSender | Reason::Disowned | Reason::Stopped => Step::Checking,
            Reason::Postmaster => Step::Done,
            _ => Step::Keeping,
        }
    }

    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Step::Fetching => "fetching",
            Step::Reading => "reading",
            Step::Unwrapping => "unwrapping",
            Step::Checking => "checking",
            Step::Keeping => "keeping",
            Step::Done => "done",
        }
    }
}

/// How much of a mail is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Here {
    /// All of it.
    Whole,
    /// Its header, or nothing: the mail lies in its mailbox.
    Header,
}

/// What became of a replay, after the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// The mail was taken in; so its copy ended.
    Ended(Receipt),
    /// It waits still, for the reason that its row says now.
    Waits,
    /// It waits no longer, since before.
    Over,
}

/// Mails that were set aside, in a state, newest first, behind one of them.
///
/// # Errors
/// Where the store cannot say.
pub fn list(
    organization: &Organization,
    state: i32,
    (behind, limit): (Behind, usize),
) -> Result<Vec<Kept>, CrmError> {
    let kept = organization.read_in_few_trips(|read| {
        let rows = read.undeliverables(state, behind, limit)?;
        rows.into_iter().map(|row| with_source(read, row)).collect::<Result<Vec<_>, StoreError>>()
    });
    Ok(kept?)
}

/// Why mail is kept apart that could be processed: nothing proves who wrote it, or a hook stopped it.
pub const QUARANTINED: [Reason; 3] = [Reason::Disowned, Reason::Stopped, Reason::Unproven];

/// What a person lets in, one by one: to process it again would come to the same.
pub fn is_released_by_hand(reason: i32) -> bool {
    [Reason::Disowned, Reason::Stopped].iter().any(|it| *it as i32 == reason)
}

/// Whether a mail is kept apart, though it could be processed.
pub fn is_quarantined(row: &Undeliverable) -> bool {
    QUARANTINED.iter().any(|reason| *reason as i32 == row.reason)
}

/// Those that wait and are kept apart, or those that could not be processed, newest first, behind one of them.
///
/// # Errors
/// Where the store cannot say.
pub fn waiting_apart(
    organization: &Organization,
    is_apart: bool,
    (behind, limit): (Behind, usize),
) -> Result<Vec<Kept>, CrmError> {
    let all = REASONS.iter().map(|(reason, ..)| *reason);
    let reasons: Vec<i32> =
        all.filter(|reason| QUARANTINED.contains(reason) == is_apart).map(|reason| reason as i32).collect();
    let kept = organization.read_in_few_trips(|read| {
        let rows = read.undeliverables_waiting_for(&reasons, behind, limit)?;
        rows.into_iter().map(|row| with_source(read, row)).collect::<Result<Vec<_>, StoreError>>()
    });
    Ok(kept?)
}

/// One of them.
///
/// # Errors
/// [`CrmError::NotFound`].
pub fn find(organization: &Organization, id: Id) -> Result<Kept, CrmError> {
    let row = intake_replay::find(organization, id)?;
    Ok(organization.read(|read| with_source(read, row.clone()))?)
}

fn with_source(read: &Read<'_>, row: Undeliverable) -> Result<Kept, StoreError> {
    let source = read.copy(row.copyid)?.map(|copy| copy.source).unwrap_or_default();
    let reason = Reason::from_code(i64::from(row.reason)).unwrap_or(Reason::Fault);
    let here = if reason == Reason::Unfetchable { Here::Header } else { Here::Whole };
    Ok(Kept { row, source, step: Step::of(reason), here })
}

/// The bytes that are kept of one: of an original that was dug out of another mail, its own.
///
/// # Errors
/// [`CrmError::NotFound`].
pub fn bytes(organization: &Organization, id: Id) -> Result<Vec<u8>, CrmError> {
    let row = intake_replay::find(organization, id)?;
    Ok(organization.blob(&row.blobid)?)
}

/// Takes one in again, as the copy that it is: twice replayed, it is recorded once. Where its cause is not gone it waits
/// on, and the attempt is counted.
///
/// # Errors
/// [`CrmError::NotFound`]; where the store could not do it, nothing has changed.
pub async fn replay(organization: &Arc<Organization>, id: Id, moment: Moment) -> Result<Replayed, CrmError> {
    let row = intake_replay::find(organization, id)?;
    if row.statecode != OPEN {
        return Ok(Replayed::Over);
    }
    intake_replay::replay(organization, &row, moment).await
}

/// Those that wait and may be taken in again without being looked at, the least tried first: whoever replays some of them again and again gets to all.
///
/// # Errors
/// Where the store cannot say.
pub fn waiting(organization: &Organization) -> Result<Vec<Id>, CrmError> {
    let mut all: Vec<(i32, Timestamp, Id)> = Vec::new();
    let mut behind: Behind = None;
    loop {
        let rows = organization.read(|read| read.undeliverables(OPEN, behind, limits::ROWS_PER_UNIT_MAX))?;
        let Some(last) = rows.last() else { break };
        behind = Some((last.createdon, last.undeliverableid));
        let rows = rows.iter().filter(|row| !is_released_by_hand(row.reason));
        all.extend(rows.map(|row| (row.attempts, row.createdon, row.undeliverableid)));
    }
    all.sort_unstable();
    Ok(all.into_iter().map(|(_, _, id)| id).collect())
}

/// Notes that nothing is to come of one, by whom and why. `false` where it waits no longer.
///
/// # Errors
/// [`CrmError::Invalid`] without a reason; [`CrmError::NotFound`].
pub async fn dismiss(
    organization: &Arc<Organization>,
    id: Id,
    (by, reason): (&str, &str),
    now: Timestamp,
) -> Result<bool, CrmError> {
    let line = |text: &str, most: usize| {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        words.chars().filter(|c| !c.is_control()).take(most).collect::<String>()
    };
    let (by, reason) = (line(by, limits::NAME_CHARS_MAX), line(reason, limits::ERROR_CHARS_MAX));
    if reason.is_empty() {
        return Err(CrmError::Invalid("to dismiss a mail, say why".to_owned()));
    }
    intake_replay::find(organization, id)?;
    let unit = organization.unit(Priority::Intake, move |tx| tx.dismiss(id, (&by, &reason), now));
    let dismissed: Result<bool, StoreError> = unit.await;
    Ok(dismissed?)
}
