//! The whole house with real peers: what goes in is looked for in the store.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a story that cannot go on fails")]

mod books;
mod clients;
mod corpus;
mod counting;
mod crash;
mod deliver;
mod exclusive;
mod forwarded;
mod full_disk;
mod hosts;
mod house;
mod imap;
mod imap_rev2;
mod liars;
mod mailboxes;
mod maildir;
mod measure;
mod moving;
mod nodes;
mod oauth;
mod other_servers;
mod outbox;
mod peers;
mod pop3;
mod postgres;
mod postmaster;
mod promotion;
mod proxy;
mod refusals;
mod relays;
mod returns;
mod samples;
mod smtp_client;
mod sync;
mod undeliverable;
