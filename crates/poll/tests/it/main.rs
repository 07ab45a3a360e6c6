//! Turns over a folder, with a source, a ledger and an intake that fail whenever they are told to.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod faults;
mod looks;
mod pop3;
mod turns;
mod watches;
mod world;
