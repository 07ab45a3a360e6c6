//! The pages for people: what salespeople see of the house, rendered on the server.
//!
//! A request passes through the layers in `router`, becomes a question to the [`House`] and leaves
//! as a page made of a template. The house stands behind a trait, so that the pages can be looked at
//! and tested with a small world of sample values.
//!
//! *Invariant:* no decision, no SQL, no mail parsing: the pages ask and phrase the answer. Every page
//! works without JavaScript, and no value reaches a page unescaped.

mod assets;
mod csrf;
mod desk;
mod errors;
mod headers;
mod pages;
mod render;
mod router;
mod session;
mod stamp;
pub mod values;

pub use desk::WebSettings;
pub use router::router;
pub use values::{Failure, House};
