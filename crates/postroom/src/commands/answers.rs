//! The command that has a queue acknowledge.

use std::sync::Arc;

use crm::answers::{self, Acknowledging};
use serde::{Deserialize, Serialize};

use super::{CommandError, Reply, address, organization};
use crate::house::House;

/// That a queue acknowledges, or no more.
#[derive(Serialize, Deserialize)]
pub struct SetAcknowledging {
    /// The organization's name.
    pub organization: String,
    /// The queue's address.
    pub queue: String,
    /// How; not at all where nothing is said.
    pub wanted: Option<Acknowledge>,
}

/// How a queue acknowledges.
#[derive(Serialize, Deserialize)]
pub struct Acknowledge {
    /// The title of the template.
    pub template: String,
    /// For so many days nobody is answered twice.
    pub period_days: i32,
    /// So many answers go to one domain in an hour.
    pub hourly_max: i32,
}

pub(super) async fn set(house: &Arc<House>, set: SetAcknowledging) -> Result<Reply, CommandError> {
    let organization = organization(house, &set.organization)?;
    let acknowledging = |wanted: Acknowledge| Acknowledging {
        title: wanted.template,
        period_days: wanted.period_days,
        hourly_max: wanted.hourly_max,
    };
    answers::set_acknowledging(&organization, &address(&set.queue)?, set.wanted.map(acknowledging)).await?;
    Ok(Reply::Done)
}
