//! The work of sending, at a house and relays that fail as they are told.
#![allow(clippy::unwrap_used, reason = "a story that cannot go on fails")]

mod work;
mod world;
