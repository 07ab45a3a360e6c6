//! Conformance stories: what every engine must do. They know the store from outside only.

mod house;
mod units;
