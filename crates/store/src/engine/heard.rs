//! Statements that databases were given, remembered for tests that look at how an engine goes about them.
//!
//! What passes through: the text of each statement, as the engine hears it, under the name of its database. Nothing is
//! remembered before somebody listens, and nothing is ever forgotten: there are as many texts as are written in this
//! room.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex};

use crate::lock::locked;

static LISTENING: AtomicBool = AtomicBool::new(false);
static HEARD: LazyLock<Mutex<BTreeMap<String, BTreeSet<String>>>> = LazyLock::new(Mutex::default);

/// From now on statements are remembered.
pub(crate) fn listen() {
    LISTENING.store(true, Ordering::SeqCst);
}

/// Remembers a statement, where somebody listens.
pub(crate) fn note(database: &str, text: &str) {
    if !LISTENING.load(Ordering::Relaxed) {
        return;
    }
    let mut heard = locked(&HEARD);
    let texts = heard.entry(database.to_owned()).or_default();
    if !texts.contains(text) {
        texts.insert(text.to_owned());
    }
}

/// What a database was given.
pub(crate) fn by(database: &str) -> Vec<String> {
    locked(&HEARD).get(database).map(|texts| texts.iter().cloned().collect()).unwrap_or_default()
}
