//! Conformance stories: what every engine must do. They know the store from outside only.

mod blobs;
mod catalogue;
mod house;
mod questions;
mod trouble;
mod units;
