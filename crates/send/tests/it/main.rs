//! The work of sending, at a house and relays that fail as they are told.

mod work;
mod world;
