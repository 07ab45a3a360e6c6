//! What can be watched.

pub mod imap;
