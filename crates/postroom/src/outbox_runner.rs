//! Takes mail that is due to relays, for all organizations: when a command rings, and now and then; for one when another
//! node hints at it.
//!
//! *Invariant:* it decides nothing. A relay that does not answer keeps none of the others waiting.

mod away;
mod claims;
mod desk;
mod gate;
mod hook;
mod line;
mod pickup;
mod program;
mod way;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crm::outbox;
use model::{Id, limits};
use store::{LeftBehind, Organization};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::hinted::Looks;
use crate::house::House;
pub(crate) use away::RelaysAway;
pub(crate) use claims::Claims;
use desk::Desk;
pub(crate) use gate::Gates;
pub(crate) use hook::{Asker, By, Next};
pub(crate) use way::is_here;

/// What fell due since, and what nodes had that died, is looked for this often; new mail rings.
const ROUND: Duration = Duration::from_secs(5);

/// Runs until `stop`.
pub(crate) async fn run(house: Arc<House>, stop: CancellationToken) {
    let mut working: HashMap<(Id, Id), JoinHandle<()>> = HashMap::new();
    let mut looks = Looks::new((&house.outbox_bell, &house.hinted.outbox), house.round.unwrap_or(ROUND));
    let mut hinted = None;
    while !stop.is_cancelled() {
        working.retain(|_, task| !task.is_finished());
        if let Err(error) = round((&house, hinted.as_ref()), &mut working, &stop).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "mail that is due could not be looked for"
            );
        }
        hinted = tokio::select! {
            () = stop.cancelled() => None,
            hinted = looks.next() => hinted,
        };
    }
    for task in working.into_values() {
        // It brings to an end what it has begun.
        if task.await.is_err() {
            tracing::error!("sending ended by a fault of ours");
        }
    }
}

/// Begins with each relay where nobody is at work yet, in the organizations that were hinted at or in all.
async fn round(
    (house, hinted): (&Arc<House>, Option<&BTreeSet<Id>>),
    working: &mut HashMap<(Id, Id), JoinHandle<()>>,
    stop: &CancellationToken,
) -> Result<(), store::StoreError> {
    let living = living(house)?;
    let is_meant = |id: &Id| hinted.is_none_or(|hinted| hinted.contains(id));
    for row in house.store.organizations()?.into_iter().filter(|row| is_meant(&row.organizationid)) {
        let organization = house.store.organization(row.organizationid)?;
        // Also of one where we are at work: what is left of a node that died waits for nobody.
        free(house, &organization, &living).await;
        let_go(house, &organization).await;
        for relay in ways_out(&organization) {
            let key = (organization.id(), relay);
            if working.contains_key(&key) || house.relays_away.is_away(key) {
                continue;
            }
            let gate = house.gates.of(organization.id());
            let desk =
                Desk { house: Arc::clone(house), organization: Arc::clone(&organization), relay, gate };
            let stop = stop.clone();
            working.insert(key, tokio::spawn(async move { work(desk, &stop).await }));
        }
    }
    Ok(())
}

fn ways_out(organization: &Organization) -> Vec<Id> {
    match outbox::relays(organization) {
        Ok(relays) => {
            // What outside senders pull is not taken anywhere.
            let relays = relays.into_iter().filter(|relay| relay.servertype != outbox::OUTSIDE);
            relays.map(|relay| relay.emailserverprofileid).collect()
        }
        Err(error) => {
            warn(organization, &error, "the relays could not be looked for");
            Vec::new()
        }
    }
}

async fn work(desk: Desk, stop: &CancellationToken) {
    let (house, key) = (Arc::clone(&desk.house), (desk.organization.id(), desk.relay));
    if let Some(words) = desk.lacks(stop).await {
        tracing::warn!(organization = %key.0, words, "mail is left to other nodes, which may have what this one lacks");
        desk.tell_what_it_lacks(&words).await;
        return house.relays_away.note(key);
    }
    let ended = send::send_due(desk.clone(), stop).await;
    desk.rest().await;
    match ended {
        send::Ended::Done => house.relays_away.is_back(key),
        send::Ended::Unreached => house.relays_away.note(key),
    }
}

async fn free(house: &House, organization: &Arc<Organization>, living: &HashSet<Id>) {
    match outbox::free(organization, living, house.now()).await {
        Ok(left) if left.mails == 0 => {}
        Ok(LeftBehind { mails, past_their_end, for_a_person }) => {
            metrics::counter!("postroom_outbox_past_their_end_total").increment(past_their_end as u64);
            let organization = organization.id();
            tracing::info!(%organization, mails, past_their_end, for_a_person, "taken over from a node that is gone");
        }
        Err(error) => warn(organization, &error, "what other nodes had could not be looked for"),
    }
}

/// Lets go of what this node has without knowing it.
async fn let_go(house: &House, organization: &Arc<Organization>) {
    if !house.claims.is_time(organization.id()) {
        return;
    }
    let unknown = match outbox::held(organization, house.node) {
        Ok(held) => house.claims.unknown(organization.id(), held),
        Err(error) => return warn(organization, &error, "what this node has could not be looked for"),
    };
    if unknown.is_empty() {
        return;
    }
    match outbox::let_go(organization, (house.node, unknown), house.now()).await {
        Ok(mails) => {
            let organization = organization.id();
            tracing::info!(%organization, mails, "let go of mail that was taken here without an answer");
        }
        Err(error) => warn(organization, &error, "mail that was taken without an answer is not let go of"),
    }
}

fn warn(organization: &Organization, error: &crm::CrmError, words: &str) {
    tracing::warn!(organization = %organization.id(), error = error as &dyn std::error::Error, "{words}");
}

/// Nodes that may be at work. Where rows are in files there is no other.
fn living(house: &House) -> Result<HashSet<Id>, store::StoreError> {
    let nodes = house.store.nodes(house.now())?;
    let is_there = |seen: &&store::SeenNode| seen.silent <= limits::LEASE_SECONDS * 1_000;
    let others = nodes.iter().filter(is_there).map(|seen| seen.node.nodeid);
    Ok(others.chain([house.node]).collect())
}
