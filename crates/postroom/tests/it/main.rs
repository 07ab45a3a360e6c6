//! The program as it is run: its command line, its doors, its pages, in a data folder of the test's own.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]
#![allow(clippy::print_stdout, reason = "a test that needs something missing says so")]

mod archives;
mod bucket;
mod client;
mod commands;
mod credentials;
mod disk;
mod hinted;
mod history;
mod log;
mod mail;
mod mailboxes;
mod nodes;
mod outbox;
mod outbox_pages;
mod pages;
mod program;
mod search;
mod templates;
mod trust;
mod undeliverable;
mod writing;
