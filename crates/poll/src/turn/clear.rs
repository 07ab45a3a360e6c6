//! Clearing away: what has its outcome leaves the folder.

use model::outcome::Outcome;

use super::bring::Ended;
use super::{Trouble, Watched};
use crate::ledger::PutOff;
use crate::source::{Disposal, Disposed, Key, Source};

/// Removes these from the folder, and sets those apart that a person has to look at.
pub(super) async fn clear<S: Source>(watched: &mut Watched<S>, ended: Vec<Ended>) -> Result<(), Trouble> {
    let (mut remove, mut set_aside) = (Vec::new(), Vec::new());
    for Ended { entry, outcome, is_there } in ended {
        match outcome {
            // Nothing is taken away unseen: it is looked at again in the next round.
            _ if !is_there => {}
            Outcome::Undeliverable => set_aside.push(entry.key),
            _ => remove.push(entry.key),
        }
    }
    dispose(watched, &remove, Disposal::Remove).await?;
    dispose(watched, &set_aside, Disposal::SetAside).await
}

async fn dispose<S: Source>(watched: &mut Watched<S>, keys: &[Key], how: Disposal) -> Result<(), Trouble> {
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
