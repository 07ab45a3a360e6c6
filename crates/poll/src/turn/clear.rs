//! Clearing away: what has its outcome leaves the folder.

use std::collections::HashMap;

use model::MessageKey;
use model::outcome::Outcome;

use super::bring::Ended;
use super::{Trouble, Watched};
use crate::ledger::{HeaderDigest, Ledger, PutOff};
use crate::source::{Disposal, Disposed, Source};

/// Settles these, removes them from the folder, and sets those apart that a person has to look at. What is there without
/// its header is not taken away: it is looked at again in the next round.
pub(super) async fn clear<S: Source, L: Ledger>(
    watched: &mut Watched<S>,
    ledger: &L,
    ended: Vec<Ended>,
) -> Result<(), Trouble> {
    let outcomes: HashMap<MessageKey, Outcome> =
        ended.iter().map(|ended| (ended.entry.key.clone(), ended.outcome)).collect();
    let with_header = ended.into_iter().filter_map(|ended| Some((ended.entry.key, ended.header?)));
    let there: Vec<_> = with_header.map(|(key, header)| (key, HeaderDigest::of(&header))).collect();
    if there.is_empty() {
        return Ok(());
    }
    let settled = ledger.settle(&watched.folder, there).await?;
    let is_set_aside = |key: &MessageKey| outcomes.get(key) == Some(&Outcome::Undeliverable);
    let (set_aside, remove): (Vec<_>, Vec<_>) = settled.into_iter().partition(is_set_aside);
    dispose(watched, &remove, Disposal::Remove).await?;
    dispose(watched, &set_aside, Disposal::SetAside).await
}

async fn dispose<S: Source>(
    watched: &mut Watched<S>,
    keys: &[MessageKey],
    how: Disposal,
) -> Result<(), Trouble> {
    if !keys.is_empty() {
        let Disposed { gone, refusal } = watched.source.dispose(keys, how).await?;
        if let Some(words) = refusal {
            let left = keys.iter().filter(|key| !gone.contains(key));
            watched.told.put_off.extend(left.map(|key| PutOff { key: key.clone(), words: words.clone() }));
        }
        watched.told.gone.extend(gone);
    }
    Ok(())
}
