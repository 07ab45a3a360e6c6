//! Conformance stories: what every engine must do. They know the store from outside only.

#![allow(clippy::unwrap_used, reason = "a story that fails ends")]

mod blobs;
mod bucket;
mod catalogue;
mod customers;
mod hints;
mod house;
mod index;
mod index_nodes;
mod leases;
mod ledger;
mod names;
mod nodes;
mod owner;
mod power;
mod questions;
mod sweep;
mod trouble;
mod units;
