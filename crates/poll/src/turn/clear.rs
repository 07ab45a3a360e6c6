//! Clearing away: what has its outcome leaves the folder.

use std::collections::{HashMap, HashSet};

use model::outcome::Outcome;
use model::{FolderRole, MessageKey};

use super::bring::{Brought, Ended};
use super::{AtHand, Trouble, Watched};
use crate::contract::{Cause, NotNow};
use crate::ledger::{HeaderDigest, Ledger, PutOff, Settled};
use crate::source::{Disposal, Disposed, Source};

/// What is to leave a folder.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    remove: Vec<MessageKey>,
    set_aside: Vec<MessageKey>,
}

/// Settles these, so that they may leave: not what is there without its header, and nothing where a folder is only looked at.
pub(super) async fn settle<L: Ledger>(
    at_hand: &AtHand,
    ledger: &L,
    ended: &[Ended],
) -> Result<Vec<Settled>, NotNow> {
    let headed = ended.iter().filter_map(|ended| Some((ended, ended.header.as_ref()?)));
    let there: Vec<(MessageKey, HeaderDigest)> =
        headed.map(|(ended, header)| (ended.entry.key.clone(), HeaderDigest::of(header))).collect();
    if at_hand.folder.role != FolderRole::Sink || there.is_empty() {
        return Ok(Vec::new());
    }
    let _at_work = at_hand.room.at_work().await;
    ledger.settle(&at_hand.folder, there).await
}

/// Notes what was brought in. Where only some were refused those are tried later and the rest goes on: they may be why. So is
/// one that somebody else does not take well, in any case, and that ends no session: else strangers could keep what is behind
/// from being tried.
pub(super) fn note<S: Source>(watched: &mut Watched<S>, brought: Brought) -> Result<(), Trouble> {
    let Brought { ended, settled, mut wanted, refused, in_vain, is_any_taken, tried } = brought;
    let faulty =
        refused.iter().filter(|(_, not_now)| not_now.cause == Cause::Fault).map(|(key, _)| key.clone());
    let faulty: Vec<MessageKey> = faulty.collect();
    let ours = refused.iter().rfind(|(_, not_now)| not_now.cause != Cause::Message);
    let trouble = ours.filter(|_| !is_any_taken).map(|(_, not_now)| not_now.clone().into());
    let mut unheard = HashSet::new();
    for (key, not_now) in refused {
        if not_now.cause == Cause::Message {
            unheard.insert(key.clone());
            watched.told.put_off.push(PutOff { key, words: not_now.words, is_unheard: true });
        } else if trouble.is_none() {
            put_off(watched, key, &not_now.words);
        }
    }
    for key in in_vain {
        put_off(watched, key, "the whole was delivered and the whole was asked for");
    }
    // What has ended is not begun again, however often it was.
    let ends: HashSet<&MessageKey> = ended.iter().map(|ended| &ended.entry.key).collect();
    let whole: HashSet<&MessageKey> = wanted.asked.iter().map(|asked| &asked.seen.entry.key).collect();
    let tried = tried.into_iter().filter(|key| !ends.contains(key));
    let (still, tried): (Vec<_>, Vec<_>) = tried.partition(|key| whole.contains(key));
    wanted.tried = still;
    watched.wanted.add(wanted);
    let (unheard, tried) = tried.into_iter().partition(|key| unheard.contains(key));
    note_survivors(watched, (tried, &faulty));
    // However often it is put off: who does not take it well is no fault of ours, and nothing is set aside for that.
    watched.told.survived.extend::<Vec<_>>(unheard);
    let settled = settled.map(|settled| may_leave(watched, (ended, settled)));
    trouble.map_or(Ok(()), Err).and(settled.map_err(Trouble::House))
}

/// Of what has ended most is removed, and that set apart which a person has to look at. What is there without its header is
/// not taken away. Where a folder is only looked at, the ledger is told that no more is asked of these.
fn may_leave<S: Source>(watched: &mut Watched<S>, (ended, settled): (Vec<Ended>, Vec<Settled>)) {
    if watched.is_looked_at() {
        watched.ended += ended.len();
        watched.told.gone.extend(ended.into_iter().map(|ended| ended.entry.key));
        return;
    }
    let mut outcomes = HashMap::new();
    for Ended { entry, outcome, header } in ended {
        if header.is_none() {
            put_off(watched, entry.key.clone(), "the server does not give its header");
        }
        outcomes.insert(entry.key, outcome);
    }
    for Settled { key, is_kept } in settled {
        let is_wanted_apart = outcomes.get(&key) == Some(&Outcome::Undeliverable);
        if !is_wanted_apart || (is_kept && !watched.source.has_a_place_apart()) {
            watched.leaving.remove.push(key);
        } else {
            watched.leaving.set_aside.push(key);
        }
    }
}

/// What was begun and is no suspect, nor put off: the process lived on, so that attempt does not count.
pub(super) fn note_survivors<S>(
    watched: &mut Watched<S>,
    (mut begun, suspects): (Vec<MessageKey>, &[MessageKey]),
) {
    let told = &mut watched.told;
    begun.retain(|key| !suspects.contains(key) && !told.put_off.iter().any(|put_off| put_off.key == *key));
    told.survived.extend(begun);
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
    let is_gone: HashSet<&MessageKey> = gone.iter().chain(&going).collect();
    for key in keys.into_iter().filter(|key| !is_gone.contains(key)) {
        put_off(watched, key, &words);
    }
    watched.ended += gone.len() + going.len();
    watched.told.gone.extend(gone);
    Ok(())
}

/// It is tried later.
pub(super) fn put_off<S>(watched: &mut Watched<S>, key: MessageKey, words: &str) {
    watched.told.put_off.push(PutOff { key, words: words.to_owned(), is_unheard: false });
}
