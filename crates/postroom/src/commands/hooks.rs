//! Commands about mail that the hook after delivery was told of in vain.

use std::sync::Arc;

use crm::following;
use model::Id;
use model::schema::house::Untold;
use serde::{Deserialize, Serialize};
use store::Organization;

use super::mail::rfc_3339;
use super::{CommandError, Reply, organization, organizations};
use crate::hook_runner::{FOLLOWER, was_passed_over};
use crate::hooks::{Hook, NoAnswer, post_deliver};
use crate::house::House;

/// Something about mail that the hook after delivery was not told of.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookRequest {
    /// What waits to be told and what was passed over, in one organization, or in all.
    List(Option<String>),
    /// Passes over what waits.
    Skip {
        /// The organization's name.
        organization: String,
        /// The id of the e-mail that it tells of.
        email: String,
    },
    /// Tells again of what was passed over.
    Again {
        /// The organization's name.
        organization: String,
        /// The id of the e-mail; of all, where none is named.
        email: Option<String>,
    },
}

/// An e-mail that the hook was told of in vain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UntoldRow {
    /// The organization's name.
    pub organization: String,
    /// The id of the e-mail.
    pub email: String,
    /// Whether what is behind it waits; else it was passed over.
    pub is_waiting: bool,
    /// Since when, as RFC 3339 writes it.
    pub since: String,
    /// How often it was told in vain.
    pub tries: i32,
    /// How often the hook answered, and refused it.
    pub refusals: i32,
    /// What it said last, or what kept it from that.
    pub words: String,
}

pub(super) async fn run(house: &Arc<House>, request: HookRequest) -> Result<Reply, CommandError> {
    match request {
        HookRequest::List(name) => list(&organizations(house, name)?),
        HookRequest::Skip { organization: of, email } => {
            skip(house, (&organization(house, &of)?, email)).await
        }
        HookRequest::Again { organization: of, email } => {
            again(house, (&organization(house, &of)?, email)).await
        }
    }
}

fn list(organizations: &[Arc<Organization>]) -> Result<Reply, CommandError> {
    let mut rows = Vec::new();
    for organization in organizations {
        rows.extend(following::untold(organization, FOLLOWER)?.into_iter().map(|row| UntoldRow {
            organization: organization.name().to_owned(),
            email: row.activityid.to_string(),
            is_waiting: following::is_waiting(&row),
            since: rfc_3339(row.createdon),
            tries: row.tries,
            refusals: row.refusals,
            words: row.words,
        }));
    }
    Ok(Reply::Untold(rows))
}

async fn skip(
    house: &House,
    (organization, email): (&Arc<Organization>, String),
) -> Result<Reply, CommandError> {
    let id: Option<Id> = email.parse().ok();
    let is_passed_over = match id {
        Some(id) => following::pass_over(organization, (FOLLOWER, id), house.now()).await?,
        None => false,
    };
    if !is_passed_over {
        return Err(CommandError::NotUntold(email));
    }
    was_passed_over(organization, id);
    house.hook_bell.notify_one();
    Ok(Reply::Done)
}

/// Those that were passed over first go first.
async fn again(
    house: &House,
    (organization, email): (&Arc<Organization>, Option<String>),
) -> Result<Reply, CommandError> {
    let hook = house.hooks.post_deliver.as_ref().ok_or(CommandError::NoHook)?;
    let rows = match email {
        Some(email) => {
            let id = email.parse().ok();
            let row =
                id.map(|id| following::passed_over(organization, (FOLLOWER, id))).transpose()?.flatten();
            vec![row.ok_or(CommandError::NotUntold(email))?]
        }
        None => following::untold(organization, FOLLOWER)?.into_iter().rev().filter(is_passed_over).collect(),
    };
    let mut told = 0;
    for row in rows {
        let email = row.activityid;
        if let Err(NoAnswer { words, .. }) = tell(hook, organization, &row).await? {
            return Err(CommandError::NotHeard { told, email: email.to_string(), words });
        }
        following::was_told(organization, row).await?;
        told += 1;
    }
    Ok(Reply::ToldAgain(told))
}

fn is_passed_over(row: &Untold) -> bool {
    !following::is_waiting(row)
}

/// Of an e-mail that is gone nobody is told.
async fn tell(
    hook: &Hook,
    organization: &Arc<Organization>,
    row: &Untold,
) -> Result<Result<(), NoAnswer>, CommandError> {
    Ok(match following::again(organization, row)? {
        Some(came) => post_deliver::tell(hook, organization, (row.epoch, &came)).await,
        None => Ok(()),
    })
}
