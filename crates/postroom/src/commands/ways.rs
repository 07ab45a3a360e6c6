//! The command that says by which way out goes what is written as whom.

use std::sync::Arc;

use crm::outbox::{self, WayOf};
use serde::{Deserialize, Serialize};

use super::{CommandError, Reply, address, organization};
use crate::house::House;

/// A way out for mail that is written from now on.
#[derive(Serialize, Deserialize)]
pub struct SetWay {
    /// The organization's name.
    pub organization: String,
    /// Whose mail goes by it.
    pub whose: Whose,
    /// The name of the way out. With none a queue or a user goes by the organization's, and that is the one that was added first.
    pub way: Option<String>,
}

/// Whose mail is meant.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whose {
    /// That of everybody who has no way of his own.
    Organization,
    /// What is written as the queue with this address.
    Queue(String),
    /// What the user with this address writes as himself.
    User(String),
}

pub(super) async fn set(house: &Arc<House>, set: SetWay) -> Result<Reply, CommandError> {
    let organization = organization(house, &set.organization)?;
    let of = match set.whose {
        Whose::Organization => WayOf::Organization,
        Whose::Queue(queue) => WayOf::Queue(address(&queue)?),
        Whose::User(user) => WayOf::User(address(&user)?),
    };
    outbox::set_way(&organization, (of, set.way.as_deref()), house.moment()?).await?;
    Ok(Reply::Done)
}
