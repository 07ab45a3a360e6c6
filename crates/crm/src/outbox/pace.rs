//! How fast mail goes out, and whether it does: limits of relays and domains, pauses, and the shares and places of them that
//! nodes hold.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use model::schema::outbox::OutboxLimit;
use model::{EmailAddress, Id, Moment, Timestamp};
use store::{HeldLease, Organization, Priority, Share, StoreError};

use super::queue::{BULK, Claimed};
use crate::CrmError;

/// What a limit is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// All mail of the organization.
    All,
    /// All mail to many.
    Bulk,
    /// What goes by a relay.
    Relay(Id),
    /// What goes to recipients at a domain.
    Domain(String),
}

/// What is to hold from now on; nothing is said of what is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Change {
    /// Mails a minute; 0: as many as there are.
    pub per_minute: Option<i32>,
    /// Connections at a time; 0: as many as a node opens by itself.
    pub connections: Option<i32>,
    /// Whether nothing goes out.
    pub is_paused: Option<bool>,
}

impl Place {
    /// A domain as it is typed.
    ///
    /// # Errors
    /// [`CrmError::Invalid`] where it is none.
    pub fn domain(text: &str) -> Result<Self, CrmError> {
        let address = EmailAddress::parse(&format!("a@{}", text.trim().trim_start_matches('@')));
        let address = address.ok_or_else(|| CrmError::Invalid(format!("“{text}” is no domain")))?;
        Ok(Place::Domain(address.domain_key()))
    }

    /// As the row has it.
    pub fn key(&self) -> String {
        match self {
            Place::All => String::new(),
            Place::Bulk => format!("lane {BULK}"),
            Place::Relay(relay) => format!("relay {relay}"),
            Place::Domain(domain) => domain.clone(),
        }
    }
}

/// Changes a limit.
///
/// # Errors
/// [`CrmError::Invalid`] where a number is none; where the store cannot do it.
pub async fn set_limit(
    organization: &Arc<Organization>,
    (place, change): (Place, Change),
    moment: Moment,
) -> Result<(), CrmError> {
    let numbers = [change.per_minute, change.connections];
    if numbers.into_iter().flatten().any(|number| number < 0) {
        return Err(CrmError::Invalid(
            "a limit is a number of mails or connections, or 0 for none".to_owned(),
        ));
    }
    let unit = organization.unit(Priority::Background, move |tx| {
        let moment = moment.again();
        let place = place.key();
        let known = tx.outbox_limit(&place)?;
        let limit = known.unwrap_or_else(|| OutboxLimit {
            outboxlimitid: moment.id(),
            place,
            perminute: None,
            connections: None,
            ispaused: false,
            nexton: Timestamp(0),
        });
        let said = |change: Option<i32>, known: Option<i32>| match change {
            None => known,
            Some(number) => Some(number).filter(|number| *number > 0),
        };
        tx.set_outbox_limit(&OutboxLimit {
            perminute: said(change.per_minute, limit.perminute),
            connections: said(change.connections, limit.connections),
            ispaused: change.is_paused.unwrap_or(limit.ispaused),
            ..limit
        })
    });
    unit.await.map_err(|error: StoreError| error.into())
}

/// All limits.
///
/// # Errors
/// Where the store cannot say.
pub fn all_limits(organization: &Organization) -> Result<Vec<OutboxLimit>, CrmError> {
    Ok(organization.read(|read| read.outbox_limits())?)
}

/// Takes a share of a limit for this node, for so many milliseconds.
///
/// # Errors
/// Where the store cannot do it.
pub async fn take_share(
    organization: &Arc<Organization>,
    (limit, milliseconds): (Id, i64),
    now: Timestamp,
) -> Result<Share, CrmError> {
    let unit = organization.unit(Priority::Intake, move |tx| tx.take_outbox_share(limit, milliseconds, now));
    unit.await.map_err(|error: StoreError| error.into())
}

/// How many mails a share of a limit is for that somebody wants for so many, and for how many milliseconds it lasts; `None` where the
/// limit is not one of mails a minute.
pub fn share_of(limit: &OutboxLimit, wanted: i64) -> Option<(i64, i64)> {
    let per_minute = limit.perminute.map(i64::from).filter(|number| *number > 0)?;
    let mails = (per_minute / SHARES_PER_MINUTE).min(wanted).max(1);
    Some((mails, mails * 60_000 / per_minute))
}

/// Shares that a minute is divided into, where it has as many mails.
const SHARES_PER_MINUTE: i64 = 12;

/// A mail that is sent away for want of a share comes back within this time.
pub const AWAY_MAX: Duration = Duration::from_secs(3_600);

/// The limits of the domains at which those recipients of a mail are whose turn it is.
pub fn to_domains<'l>(limits: &'l [OutboxLimit], claimed: &Claimed) -> Vec<&'l OutboxLimit> {
    let of_domains = limits.iter().filter(|limit| limit.place.starts_with('@'));
    let mut met: Vec<&OutboxLimit> = of_domains.collect();
    if met.is_empty() {
        return met;
    }
    let domain = |address: &str| EmailAddress::parse(address).map(|address| address.domain_key());
    let domains: HashSet<String> =
        claimed.waiting().filter_map(|recipient| domain(&recipient.address)).collect();
    met.retain(|limit| domains.contains(&limit.place));
    met
}

/// The places of a limit that a node holds, renewed, and more of them up to `wanted` of all that there are.
///
/// # Errors
/// Where the store cannot do it: none is certain then.
pub async fn places(
    organization: &Arc<Organization>,
    (limit, owner): (&OutboxLimit, Id),
    (now, wanted): (Timestamp, usize),
) -> Result<Vec<HeldLease>, CrmError> {
    let kind = format!("outbox/{}", limit.outboxlimitid);
    let all = limit.connections.unwrap_or_default();
    let unit = organization.unit(Priority::Background, {
        let kind = kind.clone();
        move |tx| tx.renew_leases(&kind, owner, now)
    });
    let mut held = unit.await.map_err(|error: StoreError| CrmError::from(error))?;
    let numbered = |lease: &HeldLease| lease.name.rsplit('/').next().and_then(|number| number.parse().ok());
    // A limit that was lowered.
    let beyond = |lease: &HeldLease| numbered(lease).is_none_or(|number: i32| number >= all);
    let (gone, kept): (Vec<HeldLease>, Vec<HeldLease>) = held.into_iter().partition(beyond);
    held = kept;
    give_back_places(organization, gone).await?;
    for number in 0..all {
        let name = format!("{kind}/{number}");
        if held.len() >= wanted {
            break;
        }
        if held.iter().any(|lease| lease.name == name) {
            continue;
        }
        let unit = organization.unit(Priority::Background, move |tx| tx.take_lease(&name, owner, now));
        held.extend(unit.await.map_err(|error: StoreError| CrmError::from(error))?);
    }
    Ok(held)
}

/// Gives places back, for other nodes.
///
/// # Errors
/// Where the store cannot do it; they run out by themselves.
pub async fn give_back_places(
    organization: &Arc<Organization>,
    places: Vec<HeldLease>,
) -> Result<(), CrmError> {
    if places.is_empty() {
        return Ok(());
    }
    let unit = organization
        .unit(Priority::Background, move |tx| places.iter().try_for_each(|lease| tx.give_lease_back(lease)));
    unit.await.map_err(|error: StoreError| error.into())
}
