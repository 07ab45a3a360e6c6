//! Mail that is signed, sealed and sent here, verified against a name server that is told what to say.
#![allow(clippy::unwrap_used, reason = "a story that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "what is skipped says so")]

mod chains;
mod corpus;
mod policies;
mod signatures;
mod slow;
mod spf;
mod world;
