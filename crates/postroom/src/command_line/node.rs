//! `postroom node`: which nodes serve, and whether one can work here.

use postroom::Settings;
use postroom::commands::NodeRow;

use super::End;

/// A line of the list.
pub(super) fn cells(row: &NodeRow) -> Vec<String> {
    let seen = format!("seen {} s ago", row.silent_seconds);
    let started = format!("since {}", row.started);
    vec![row.name.clone(), row.state.clone(), row.roles.join(","), row.version.clone(), started, seen, row.id.clone()]
}

pub(super) fn check(_settings: &Settings) -> anyhow::Result<End> {
    Ok(End::Well)
}
