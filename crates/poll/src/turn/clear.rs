//! Clearing away: what has its outcome leaves the folder.

use std::collections::HashMap;

use model::MessageKey;
use model::outcome::Outcome;

use super::bring::Ended;
use super::{Trouble, Watched};
use crate::ledger::{HeaderDigest, Ledger, PutOff, Settled};
use crate::source::{Disposal, Disposed, Source};

/// What is to leave a folder.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    remove: Vec<MessageKey>,
    set_aside: Vec<MessageKey>,
}

/// Settles these, so that they may leave: most are removed, and those set apart that a person has to look at. What is
/// there without its header is not taken away. Where a folder is only looked at, nothing leaves it: the ledger is told
/// that no more is asked of these.
pub(super) async fn clear<S: Source, L: Ledger>(
    watched: &mut Watched<S>,
    ledger: &L,
    ended: Vec<Ended>,
) -> Result<(), Trouble> {
    let outcomes: HashMap<MessageKey, Outcome> =
        ended.iter().map(|ended| (ended.entry.key.clone(), ended.outcome)).collect();
    if watched.is_looked_at() {
        watched.ended += ended.len();
        watched.told.gone.extend(ended.into_iter().map(|ended| ended.entry.key));
        return Ok(());
    }
    let mut there = Vec::new();
    for Ended { entry, header, .. } in ended {
        match header {
            Some(header) => there.push((entry.key, HeaderDigest::of(&header))),
            None => leave(watched, entry.key, "the server does not give its header"),
        }
    }
    if there.is_empty() {
        return Ok(());
    }
    let at_work = watched.room.at_work().await;
    let settled = ledger.settle(&watched.folder, there).await?;
    drop(at_work);
    for Settled { key, is_kept } in settled {
        let is_wanted_apart = outcomes.get(&key) == Some(&Outcome::Undeliverable);
        if !is_wanted_apart || (is_kept && !watched.source.has_a_place_apart()) {
            watched.leaving.remove.push(key);
        } else {
            watched.leaving.set_aside.push(key);
        }
    }
    Ok(())
}

/// Takes what has ended out of the folder. What does not leave is tried later.
pub(super) async fn away<S: Source>(watched: &mut Watched<S>) -> Result<(), Trouble> {
    let Leaving { remove, set_aside } = std::mem::take(&mut watched.leaving);
    dispose(watched, remove, Disposal::Remove).await?;
    dispose(watched, set_aside, Disposal::SetAside).await
}

async fn dispose<S: Source>(
    watched: &mut Watched<S>,
    keys: Vec<MessageKey>,
    how: Disposal,
) -> Result<(), Trouble> {
    if keys.is_empty() {
        return Ok(());
    }
    let Disposed { gone, going, refusal } = watched.source.dispose(&keys, how).await?;
    let words = refusal.unwrap_or_else(|| "the server says that it went, and shows it still".to_owned());
    for key in keys.into_iter().filter(|key| !gone.contains(key) && !going.contains(key)) {
        leave(watched, key, &words);
    }
    watched.ended += gone.len() + going.len();
    watched.told.gone.extend(gone);
    Ok(())
}

fn leave<S>(watched: &mut Watched<S>, key: MessageKey, words: &str) {
    watched.told.put_off.push(PutOff { key, words: words.to_owned() });
}
