//! Commands about the text index: how far it is, to begin it anew, to bring it forward at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crm::search::indexing::{self, Step};
use serde::{Deserialize, Serialize};
use store::Organization;

use super::{CommandError, Reply, organization, organizations};
use crate::house::House;

/// Something about text indexes.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IndexRequest {
    /// How far that of one organization is, or of all.
    State(Option<String>),
    /// Throws that of an organization away.
    Discard(String),
    /// Brings that of an organization forward for a moment, and says how far it is.
    Fill(String),
}

/// How far the text index of an organization is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexRow {
    /// The organization's name.
    pub organization: String,
    /// E-mails in the index.
    pub indexed: i64,
    /// E-mails that came or changed since, counted no further than [`LEFT_MAX`].
    pub left: i64,
    /// Whatever happened until then is in it, RFC 3339; `None` while nothing is.
    pub up_to: Option<String>,
}

/// So many are counted as left at most.
pub const LEFT_MAX: i64 = indexing::LEFT_MAX;

/// One request brings the index forward for about so long; then it tells how far it came.
const FILL_TIME: Duration = Duration::from_millis(500);

/// Until it is looked at again whether another node is done.
const LATER: Duration = Duration::from_millis(50);

pub(super) fn run(house: &House, request: IndexRequest) -> Result<Reply, CommandError> {
    match request {
        IndexRequest::State(name) => state(&organizations(house, name)?),
        IndexRequest::Discard(name) => discard(organization(house, &name)?.as_ref()),
        IndexRequest::Fill(name) => fill(organization(house, &name)?.as_ref()),
    }
}

fn state(organizations: &[Arc<Organization>]) -> Result<Reply, CommandError> {
    let rows = organizations.iter().map(|organization| row(organization));
    Ok(Reply::Indexes(rows.collect::<Result<_, _>>()?))
}

fn discard(organization: &Organization) -> Result<Reply, CommandError> {
    indexing::discard(organization)?;
    Ok(Reply::Done)
}

fn fill(organization: &Organization) -> Result<Reply, CommandError> {
    let began = Instant::now();
    while began.elapsed() < FILL_TIME {
        match indexing::step(organization)? {
            Step::Forward => {}
            Step::UpToDate => break,
            // Whoever asks again at once would only be told the same.
            Step::Later => std::thread::sleep(LATER),
        }
    }
    Ok(Reply::Indexes(vec![row(organization)?]))
}

fn row(organization: &Organization) -> Result<IndexRow, CommandError> {
    let state = indexing::state(organization)?;
    let up_to = state.up_to.and_then(|time| jiff::Timestamp::from_millisecond(time.0).ok());
    Ok(IndexRow {
        organization: organization.name().to_owned(),
        indexed: state.indexed,
        left: state.left,
        up_to: up_to.map(|time| time.to_string()),
    })
}
