//! Commands about mail that was set aside: to see it, to take it in after all, or to let it be.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crm::undeliverables::{self, DISMISSED, Here, Kept, OPEN, QUARANTINED, REPLAYED, Replayed};
use model::Id;
use model::outcome::Reason;
use serde::{Deserialize, Serialize};
use store::Organization;

use super::mail::{rfc_3339, tracked};
use super::{CommandError, Reply, Tracked, organizations};
use crate::house::House;

/// What can be asked about them. Ids are those of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UndeliverableRequest {
    /// Those of one organization, or of all, that wait no longer.
    Ended(Option<String>),
    /// Those that wait because they were not trusted.
    Quarantined(Option<String>),
    /// One of them.
    Show(String),
    /// The bytes that are kept of it.
    Export(String),
    /// Takes it in again.
    Replay(String),
    /// The same for all that wait, in one organization, or in all.
    ReplayAll(Option<String>),
    /// Notes that nothing is to come of it.
    Dismiss {
        /// Which.
        id: String,
        /// Why.
        reason: String,
    },
}

/// A mail that could not be processed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UndeliverableRow {
    /// The organization's name.
    pub organization: String,
    /// Its id.
    pub id: String,
    /// When it was kept, as RFC 3339 writes it.
    pub time: String,
    /// The source it came from, as the books name it.
    pub source: String,
    /// From whom, as far as that could be read.
    pub sender: Option<String>,
    /// Its subject, as far as that could be read.
    pub subject: String,
    /// Where the work on it ended, in a word.
    pub step: String,
    /// The name of the reason.
    pub reason: String,
    /// What exactly failed.
    pub detail: String,
    /// Its size in bytes.
    pub size_bytes: i64,
    /// Whether no more than its header is here.
    pub is_header: bool,
    /// How often it was replayed.
    pub attempts: i32,
    /// When that was last.
    pub tried: Option<String>,
    /// What became of it, where it waits no longer.
    pub end: Option<EndRow>,
}

/// How a mail that was set aside ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndRow {
    /// `replayed` or `dismissed`.
    pub state: String,
    /// When.
    pub time: Option<String>,
    /// Who dismissed it.
    pub by: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// What became of a replay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplayedRow {
    /// What was taken in; `None` where it waits still, or waited no longer.
    pub tracked: Option<Tracked>,
    /// The mail as it stands now.
    pub row: UndeliverableRow,
}

/// What became of a replay of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayedAll {
    /// Taken in.
    pub ended: u64,
    /// Waiting still.
    pub waiting: u64,
}

/// More than anybody looks through on a command line; the pages show them all.
const ROWS_MAX: usize = 1_000;

/// Who acts where nobody has signed in.
const AT_THE_COMMAND_LINE: &str = "command line";

pub(super) async fn run(house: &House, request: UndeliverableRequest) -> Result<Reply, CommandError> {
    match request {
        UndeliverableRequest::Ended(name) => {
            let organizations = organizations(house, name)?;
            let mut ended = rows(&organizations, REPLAYED)?;
            ended.extend(rows(&organizations, DISMISSED)?);
            Ok(Reply::Undeliverables(ended))
        }
        UndeliverableRequest::Quarantined(name) => {
            let mut waiting = rows(&organizations(house, name)?, OPEN)?;
            waiting.retain(|row| QUARANTINED.map(Reason::name).contains(&row.reason.as_str()));
            Ok(Reply::Undeliverables(waiting))
        }
        UndeliverableRequest::Show(id) => show(house, &id),
        UndeliverableRequest::Export(id) => export(house, &id),
        UndeliverableRequest::Replay(id) => replay(house, &id).await,
        UndeliverableRequest::ReplayAll(name) => replay_all(house, &organizations(house, name)?).await,
        UndeliverableRequest::Dismiss { id, reason } => dismiss(house, &id, &reason).await,
    }
}

/// Those that wait.
pub(super) fn list(organizations: &[Arc<Organization>]) -> Result<Reply, CommandError> {
    Ok(Reply::Undeliverables(rows(organizations, OPEN)?))
}

fn rows(organizations: &[Arc<Organization>], state: i32) -> Result<Vec<UndeliverableRow>, CommandError> {
    let mut rows = Vec::new();
    for organization in organizations {
        let kept = undeliverables::list(organization, state, (None, ROWS_MAX))?;
        rows.extend(kept.into_iter().map(|it| row(organization, it)));
    }
    Ok(rows)
}

fn row(organization: &Organization, kept: Kept) -> UndeliverableRow {
    let Kept { row: it, source, step, here } = kept;
    let state = if it.statecode == DISMISSED { "dismissed" } else { "replayed" };
    let end = EndRow {
        state: state.to_owned(),
        time: it.endedon.map(rfc_3339),
        by: it.endedby,
        reason: it.endreason,
    };
    UndeliverableRow {
        organization: organization.name().to_owned(),
        id: it.undeliverableid.to_string(),
        time: rfc_3339(it.createdon),
        source,
        sender: it.sender,
        subject: it.subject,
        step: step.name().to_owned(),
        reason: Reason::from_code(i64::from(it.reason)).map_or("", Reason::name).to_owned(),
        detail: it.detail,
        size_bytes: it.size,
        is_header: here == Here::Header,
        attempts: it.attempts,
        tried: it.lasttriedon.map(rfc_3339),
        end: (it.statecode != OPEN).then_some(end),
    }
}

/// One, with the organization that it is of.
fn find(house: &House, id: &str) -> Result<(Arc<Organization>, Id), CommandError> {
    let none = || CommandError::NoUndeliverable(id.to_owned());
    let parsed: Id = id.parse().map_err(|_| none())?;
    for organization in organizations(house, None)? {
        if organization.read(|read| read.undeliverable(parsed))?.is_some() {
            return Ok((organization, parsed));
        }
    }
    Err(none())
}

fn show(house: &House, id: &str) -> Result<Reply, CommandError> {
    let (organization, id) = find(house, id)?;
    let kept = undeliverables::find(&organization, id)?;
    Ok(Reply::Undeliverable(Box::new(row(&organization, kept))))
}

/// In base64: it may be no text.
fn export(house: &House, id: &str) -> Result<Reply, CommandError> {
    let (organization, id) = find(house, id)?;
    Ok(Reply::Mail(STANDARD.encode(undeliverables::bytes(&organization, id)?)))
}

async fn replay(house: &House, id: &str) -> Result<Reply, CommandError> {
    let (organization, id) = find(house, id)?;
    let replayed = undeliverables::replay(&organization, id, house.moment()?).await?;
    let tracked = match &replayed {
        Replayed::Ended(receipt) => Some(tracked(receipt)),
        Replayed::Waits | Replayed::Over => None,
    };
    let row = row(&organization, undeliverables::find(&organization, id)?);
    Ok(Reply::Replayed(Box::new(ReplayedRow { tracked, row })))
}

async fn replay_all(house: &House, organizations: &[Arc<Organization>]) -> Result<Reply, CommandError> {
    let mut all = ReplayedAll { ended: 0, waiting: 0 };
    for organization in organizations {
        for id in undeliverables::waiting(organization)? {
            match undeliverables::replay(organization, id, house.moment()?).await? {
                Replayed::Ended(_) => all.ended += 1,
                Replayed::Waits => all.waiting += 1,
                Replayed::Over => {}
            }
        }
    }
    Ok(Reply::ReplayedAll(all))
}

async fn dismiss(house: &House, id: &str, reason: &str) -> Result<Reply, CommandError> {
    let (organization, parsed) = find(house, id)?;
    let by = (AT_THE_COMMAND_LINE, reason);
    match undeliverables::dismiss(&organization, parsed, by, house.now()).await? {
        true => Ok(Reply::Done),
        false => Err(CommandError::WaitsNoLonger(id.to_owned())),
    }
}
