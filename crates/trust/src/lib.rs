//! Who wrote this mail, as far as DKIM, SPF, DMARC and ARC prove it.
//!
//! What passes through: the bytes of one mail and what is known of its way here; out comes a
//! [`Verdict`](model::trust::Verdict). It is made at the door, before the unit of work, and carried along with the copy.
//! What another server found ([`results`]) is read here too, and mail that goes out is signed ([`sign`]).
//!
//! *Invariants:* name servers are asked through [`Resolver`] alone, for a bounded time; what cannot be told in it is
//! *temperror*, never *fail*; nothing here refuses a mail, and nothing is decided.

mod body;
mod headers;
mod resolver;
pub mod results;
pub mod sign;
mod verify;

pub use resolver::{Asked, Resolver, ResolverError};
pub use verify::{Peer, Way, verify, verify_inner};
