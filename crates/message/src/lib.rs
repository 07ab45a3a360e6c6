//! E-mail as text: reading, unwrapping and showing messages (RFC 5322, RFC 2045–2049, RFC 2231).
//!
//! What passes through: the bytes of one message, into a [`Header`], text, attachments, originals and safe HTML.
//! The structure is found here, lazily and within limits: an attached message is a leaf until somebody asks
//! for it, so no nesting can exhaust the stack; `mail-parser` lends its decoders of fields and charsets.
//!
//! *Invariant:* no I/O, no clock. Odd mail is read as well as it can be; nothing here panics on bytes.

pub mod addresses;
pub mod attachments;
pub mod body;
pub mod bounce;
mod charset;
pub mod compose;
pub mod content;
pub mod date;
mod entity;
mod field;
pub mod header;
mod header_decoder;
pub mod identity;
mod marks;
pub mod mbox;
mod message;
mod parameters;
pub mod quote;
pub mod reply;
pub mod report;
pub mod subject;
pub mod thread_index;
pub mod token;
pub mod trace;
mod transfer;
pub mod unwrap;

pub use attachments::Attachment;
pub use header::{Header, RawFields, raw_fields, read_header};
pub use marks::Marks;
pub use message::{Message, Readable, Unreadable, read};
pub use unwrap::{Method, Original, UnwrapError, Unwrapped};
