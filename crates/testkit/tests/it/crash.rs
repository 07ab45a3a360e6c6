//! The house is killed under load, and its power is cut: whatever was answered 250 is there, once.
//!
//! `cargo xtask crash` runs these stories with other numbers, given in `CRASH_ROUNDS` and `CRASH_SEEDS`;
//! with `--nodes` that of several nodes on one PostgreSQL, given in `CRASH_NODES` and `CRASH_NODE_ROUNDS`;
//! with `--sending` that of nodes that take mail to a relay, `CRASH_SENDING_ROUNDS`.

mod kill;
mod nodes;
mod power;
mod sending;

/// A number from the environment, or the usual one.
pub(crate) fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |text| text.parse().expect("a number"))
}
