//! Clearing away: what has its outcome leaves the folder.

use std::collections::HashMap;

use model::MessageKey;
use model::outcome::Outcome;

use super::bring::Ended;
use super::{Trouble, Watched};
use crate::ledger::{HeaderDigest, Ledger, PutOff, Settled};
use crate::source::{Disposal, Disposed, Source};

/// Settles these, removes them from the folder, and sets those apart that a person has to look at; how many left. What is
/// there without its header is not taken away, and what does not leave is tried later. Where a folder is only looked at,
/// nothing leaves it: the ledger is told that no more is asked of these.
pub(super) async fn clear<S: Source, L: Ledger>(
    watched: &mut Watched<S>,
    ledger: &L,
    ended: Vec<Ended>,
) -> Result<usize, Trouble> {
    let outcomes: HashMap<MessageKey, Outcome> =
        ended.iter().map(|ended| (ended.entry.key.clone(), ended.outcome)).collect();
    if watched.is_looked_at() {
        let count = ended.len();
        watched.told.gone.extend(ended.into_iter().map(|ended| ended.entry.key));
        return Ok(count);
    }
    let mut there = Vec::new();
    for Ended { entry, header, .. } in ended {
        match header {
            Some(header) => there.push((entry.key, HeaderDigest::of(&header))),
            None => leave(watched, entry.key, "the server does not give its header"),
        }
    }
    if there.is_empty() {
        return Ok(0);
    }
    let at_work = watched.room.at_work().await;
    let settled = ledger.settle(&watched.folder, there).await?;
    drop(at_work);
    let (mut set_aside, mut remove) = (Vec::new(), Vec::new());
    for Settled { key, is_kept } in settled {
        let is_wanted_apart = outcomes.get(&key) == Some(&Outcome::Undeliverable);
        if !is_wanted_apart || (is_kept && !watched.source.has_a_place_apart()) {
            remove.push(key);
        } else {
            set_aside.push(key);
        }
    }
    let removed = dispose(watched, remove, Disposal::Remove).await?;
    Ok(removed + dispose(watched, set_aside, Disposal::SetAside).await?)
}

async fn dispose<S: Source>(
    watched: &mut Watched<S>,
    keys: Vec<MessageKey>,
    how: Disposal,
) -> Result<usize, Trouble> {
    if keys.is_empty() {
        return Ok(0);
    }
    let Disposed { gone, going, refusal } = watched.source.dispose(&keys, how).await?;
    let words = refusal.unwrap_or_else(|| "the server says that it went, and shows it still".to_owned());
    for key in keys.into_iter().filter(|key| !gone.contains(key) && !going.contains(key)) {
        leave(watched, key, &words);
    }
    let count = gone.len() + going.len();
    watched.told.gone.extend(gone);
    Ok(count)
}

fn leave<S>(watched: &mut Watched<S>, key: MessageKey, words: &str) {
    watched.told.put_off.push(PutOff { key, words: words.to_owned() });
}
