//! What became of a copy, as the store holds it.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use model::decision::{CorrelationMethod, Entity};
use model::outcome::{Outcome, Reason};
use model::schema::intake::OriginalOutcome;
use model::{Id, Timestamp};
use store::{Organization, Read, StoreError};

/// A copy in one organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopySeen {
    /// The organization.
    pub organization: String,
    /// The copy.
    pub copyid: Id,
    /// Its outcome.
    pub outcome: String,
    /// Its originals, in order.
    pub originals: Vec<OriginalSeen>,
}

/// An original, and the e-mail or Undeliverable that it became or is. What was not kept is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OriginalSeen {
    /// Its outcome.
    pub outcome: String,
    /// Its reason.
    pub reason: String,
    /// How it came out of the copy that first brought it.
    pub unwrap: String,
    /// Its subject.
    pub subject: String,
    /// Its sender.
    pub from: String,
    /// `incoming` or `outgoing`.
    pub direction: String,
    /// How it is tied to an earlier e-mail.
    pub correlation: String,
    /// Names of customers on whose timelines it stands.
    pub on: BTreeSet<String>,
    /// Addresses that were left open.
    pub ambiguous: BTreeSet<String>,
    /// Its conversation.
    pub conversation: Option<Id>,
}

/// The copies of an organization that are not in `known`, which they are added to.
pub(super) fn new_copies(
    organization: &Organization,
    known: &mut BTreeSet<Id>,
    now: Timestamp,
) -> Result<Vec<CopySeen>> {
    organization
        .read(|read| {
            let mut copies = Vec::new();
            for copyid in copies_of(read, now.day())? {
                if known.insert(copyid) {
                    copies.push(copy(read, organization.name(), copyid)?);
                }
            }
            Ok(copies)
        })
        .context("the store does not say what became of a copy")
}

/// The latest copies of this day and, around midnight, of the day before.
fn copies_of(read: &Read<'_>, day: i64) -> Result<Vec<Id>, StoreError> {
    let mut outcomes = read.latest_outcomes(day - 1, LATEST)?;
    outcomes.extend(read.latest_outcomes(day, LATEST)?);
    Ok(outcomes.into_iter().map(|outcome| outcome.copyid).collect())
}

/// One mail makes fewer originals than this.
const LATEST: usize = 200;

fn copy(read: &Read<'_>, organization: &str, copyid: Id) -> Result<CopySeen, StoreError> {
    let mut outcomes = read.outcomes(copyid)?;
    outcomes.sort_by_key(|outcome| outcome.originalnumber);
    let of_copy = outcomes.iter().find(|outcome| outcome.iscopyoutcome);
    let outcome = of_copy.map_or_else(String::new, |outcome| outcome_name(outcome.outcome));
    let originals = outcomes.iter().map(|outcome| original(read, outcome));
    Ok(CopySeen {
        organization: organization.to_owned(),
        copyid,
        outcome,
        originals: originals.collect::<Result<_, _>>()?,
    })
}

fn original(read: &Read<'_>, outcome: &OriginalOutcome) -> Result<OriginalSeen, StoreError> {
    let reason = Reason::from_code(i64::from(outcome.reason)).map_or("", Reason::name).to_owned();
    let mut seen = OriginalSeen { outcome: outcome_name(outcome.outcome), reason, ..OriginalSeen::default() };
    if let Some(id) = outcome.activityid {
        see_email(read, id, &mut seen)?;
    } else if outcome.outcome == Outcome::Undeliverable as i32 {
        see_undeliverable(read, outcome, &mut seen)?;
    }
    Ok(seen)
}

fn see_email(read: &Read<'_>, id: Id, seen: &mut OriginalSeen) -> Result<(), StoreError> {
    let Some(email) = read.email(id)? else { return Ok(()) };
    let method = CorrelationMethod::from_code(i64::from(email.correlationmethod));
    seen.unwrap = email.unwrapmethod;
    seen.subject = email.subject;
    seen.from = email.sender.unwrap_or_default();
    seen.direction = if email.directioncode { "outgoing" } else { "incoming" }.to_owned();
    seen.correlation = method.map_or("", CorrelationMethod::name).to_owned();
    seen.conversation = Some(email.conversationtrackingid);
    for party in read.parties(id)? {
        let entity = party.partyobjecttypecode.and_then(|code| Entity::from_code(i64::from(code)));
        if let (Some(entity), Some(record)) = (entity, party.partyid) {
            seen.on.extend(customer_name(read, entity, record)?);
        }
        if party.isambiguous == Some(true) {
            seen.ambiguous.extend(party.addressused);
        }
    }
    Ok(())
}

fn see_undeliverable(
    read: &Read<'_>,
    outcome: &OriginalOutcome,
    seen: &mut OriginalSeen,
) -> Result<(), StoreError> {
    let kept = read.open_undeliverables(LATEST)?;
    let is_it = |kept: &&model::schema::intake::Undeliverable| {
        kept.copyid == outcome.copyid && kept.originalnumber == outcome.originalnumber
    };
    if let Some(kept) = kept.iter().find(is_it) {
        seen.subject.clone_from(&kept.subject);
        seen.from = kept.sender.clone().unwrap_or_default();
    }
    Ok(())
}

fn customer_name(read: &Read<'_>, entity: Entity, id: Id) -> Result<Option<String>, StoreError> {
    Ok(match entity {
        Entity::Account => read.account(id)?.map(|account| account.name),
        Entity::Contact => read.contact(id)?.map(|contact| contact.fullname),
        Entity::Lead => read.lead(id)?.map(|lead| lead.fullname),
        _ => None,
    })
}

fn outcome_name(code: i32) -> String {
    Outcome::from_code(i64::from(code)).map_or("", Outcome::name).to_owned()
}
