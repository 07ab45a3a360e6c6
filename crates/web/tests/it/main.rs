//! The pages through the router, in memory, over the sample world.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod contrast;
mod emails;
mod errors;
mod hostile;
mod links;
mod mailboxes;
mod outbox;
mod policy;
mod records;
mod search;
mod session;
mod site;
mod templates;
mod today;
mod undeliverable;
mod world;
mod write;
