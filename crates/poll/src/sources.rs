//! What can be watched.

pub mod imap;
pub mod imap_look;
pub mod maildir;
pub mod pop3;
