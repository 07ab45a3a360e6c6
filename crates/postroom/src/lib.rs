//! The program: settings, wiring, commands. It joins the rooms and owns nothing that could be theirs.
//!
//! What passes through: mail from the doors into `crm` ([`door`]), questions of people from `web` into `crm`
//! and `store` (`pages`), and commands of administrators, over the control socket or directly ([`control`]).
//! Start with [`House::start`]: it is what `postroom serve` runs.
//!
//! *Invariant:* only here are doors wired and an engine chosen; only one process writes to a data folder.

mod account;
mod books_runner;
pub mod commands;
pub mod control;
pub mod door;
mod hinted;
pub mod history;
mod hook_runner;
pub mod hooks;
pub mod house;
mod index_runner;
mod job_runner;
pub mod keyring;
pub mod log;
mod mailbox_board;
pub mod node;
mod outbox_runner;
mod pages;
mod poll_runner;
pub mod private;
mod process_group;
mod router;
mod sent_runner;
pub mod settings;
mod signer;
mod site;
mod sweep_runner;
mod token_keys;
mod unix_socket;
mod verifier;
pub mod wiring;
mod works;

pub use house::{House, HouseError, Inside};
pub use settings::Settings;
pub use wiring::{Ports, RunningHouse};
