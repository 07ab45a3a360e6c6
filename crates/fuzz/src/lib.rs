//! Everything that reads bytes from outside, given bytes that nobody would write.
//!
//! What passes through: [`seeds`] (mails and what is made of them) are changed by [`mutate`], and each of [`TARGETS`]
//! reads the result and panics where something that must hold does not. [`run`] does that a million times.
//!
//! *Invariant:* a run is told by its target, seed and number alone, so whatever was found is found again.

pub mod mutate;
pub mod run;
pub mod seeds;
mod targets;

pub use targets::{TARGETS, Target};
