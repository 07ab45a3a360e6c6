//! What the hook before delivery said of a copy: brought along by whoever asked it, before the unit.
//!
//! *Invariant:* it may have a mail kept apart that would have been stored, and say what it is about where nothing else does; it
//! changes no byte, and lets nothing in.

use model::decision::{Entity, RecordRef, Signal};
use store::{Read, StoreError};

use crate::correlate::{Facts, signal};

/// What it said. The default is that nobody asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// Why the mail is to be kept apart.
    pub stopped: Option<String>,
    /// What it is about, or which queue it is for.
    pub hint: Option<RecordRef>,
}

/// Notes the hint for the original that it is of. A hint to what is not here is none.
pub(super) fn note_hint(read: &Read<'_>, heard: &Heard, facts: &mut Facts) -> Result<(), StoreError> {
    if let Some(hint) = heard.hint {
        let is_there = match hint.entity {
            Entity::Account => read.account(hint.id)?.is_some(),
            Entity::Contact => read.contact(hint.id)?.is_some(),
            Entity::Lead => read.lead(hint.id)?.is_some(),
            Entity::Queue => read.queue(hint.id)?.is_some(),
            Entity::SystemUser | Entity::Email => false,
        };
        facts.hinted = is_there.then_some(hint);
    }
    Ok(())
}

/// What is shown of it, and whether it held: what the conversation is about goes before a hint.
pub(crate) fn said(facts: &Facts, by_thread: Option<RecordRef>) -> impl Iterator<Item = Signal> {
    let hint = facts.hinted.map(|record| {
        let holds = !record.entity.is_customer() || by_thread.is_none_or(|about| about == record);
        let words = if holds { BELONGS } else { BELONGS_ELSEWHERE };
        Signal { record: Some(record), ..signal("hook", holds, words) }
    });
    let stopped =
        facts.stopped.as_ref().map(|words| signal("hook", false, format!("A hook stopped it: {words}")));
    hint.into_iter().chain(stopped)
}

const BELONGS: &str = "A hook says that it belongs here.";
const BELONGS_ELSEWHERE: &str =
    "A hook says that it belongs here. Its conversation is about another record, and goes before that.";
