//! Looks after all organizations every hour: kept bytes that nothing names go, a day late, and customers of a house of
//! before are noted beside their addresses.
//!
//! *Invariant:* it decides nothing; a sweep may be stopped anywhere and begun again.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use model::Id;
use store::{StoreError, Swept};
use tokio_util::sync::CancellationToken;

use crate::house::House;
use crate::node::CLOCK_MILLISECONDS_MAX;

/// Whoever starts a house wants mail first.
const BEFORE_THE_FIRST: Duration = Duration::from_secs(300);
const BETWEEN: Duration = Duration::from_secs(3_600);

/// Runs until `stop`.
pub(crate) async fn run(house: Arc<House>, stop: CancellationToken) {
    let mut pause = BEFORE_THE_FIRST;
    while tokio::time::timeout(pause, stop.cancelled()).await.is_err() {
        let (house, stop) = (Arc::clone(&house), stop.clone());
        if tokio::task::spawn_blocking(move || round(&house, &stop)).await.is_err() {
            tracing::error!("a sweep ended by a fault of ours");
        }
        pause = BETWEEN;
    }
}

fn round(house: &House, stop: &CancellationToken) {
    let organizations = match house.store.organizations() {
        Ok(organizations) => organizations,
        Err(error) => {
            tracing::warn!(error = &error as &dyn Error, "kept bytes could not be swept");
            return;
        }
    };
    for row in organizations {
        if stop.is_cancelled() {
            return;
        }
        let organization = row.organizationid;
        note_customers(house, organization, stop);
        // Bytes go by the clock: one that is far from the server's would free their names too early.
        match house.store.clock_ahead(|| house.now()) {
            Ok(ahead) if ahead.abs() <= CLOCK_MILLISECONDS_MAX => {}
            _ => {
                tracing::warn!(%organization, "kept bytes are not swept: this clock is far from the server's");
                continue;
            }
        }
        let swept = house.store.organization(organization).and_then(|it| it.sweep_blobs(&|| house.now()));
        match swept {
            Ok(swept) => tell(&organization.to_string(), swept),
            Err(StoreError::Closed) => return,
            Err(error) => {
                tracing::warn!(%organization, error = &error as &dyn Error, "kept bytes could not be swept");
            }
        }
    }
}

fn note_customers(house: &House, organization: Id, stop: &CancellationToken) {
    let (clock, is_stopped) = (&|| house.now(), &|| stop.is_cancelled());
    let noted = house.store.organization(organization);
    match noted.and_then(|it| it.note_customers(house.node, clock, is_stopped)) {
        Ok(0) | Err(StoreError::Closed) => {}
        Ok(addresses) => {
            tracing::info!(%organization, addresses, "customers were noted beside their addresses")
        }
        Err(error) => {
            tracing::warn!(%organization, error = &error as &dyn Error, "customers could not be noted");
        }
    }
}

fn tell(organization: &str, swept: Swept) {
    let Swept { condemned, revived, removed, orphans, leftovers } = swept;
    let all = [
        ("condemned", condemned),
        ("revived", revived),
        ("removed", removed),
        ("orphans", orphans),
        ("leftovers", leftovers),
    ];
    for (what, count) in all {
        metrics::counter!("postroom_blobs_swept_total", "what" => what).increment(count as u64);
    }
    if swept != Swept::default() {
        tracing::info!(
            organization,
            condemned,
            revived,
            removed,
            orphans,
            leftovers,
            "kept bytes were swept"
        );
    }
}
