//! Real mails of other projects (the folder that `POSTROOM_CORPUS` names), sent through the door of a house.
//!
//! What passes through: every file becomes one or more [`Piece`]s; each is sent in every [`Frame`]; what became of
//! it is compared with the [`Expectations`] that are kept beside this room.
//!
//! *Invariant:* the list holds facts about files, never a word of their content; the files stay outside the project.

mod expectations;
mod frame;
mod pieces;
mod run;

use std::path::PathBuf;

pub use expectations::{Expectations, Line};
pub use frame::Frame;
pub use pieces::{Kind, Piece, pieces};
pub use run::{Run, Sent, send_all};

use crate::Missing;

/// The folder of real mails.
///
/// # Errors
/// [`Missing`] where there is none.
pub fn folder() -> Result<PathBuf, Missing> {
    let folder = std::env::var_os("POSTROOM_CORPUS").map(PathBuf::from).filter(|folder| folder.is_dir());
    folder.ok_or_else(|| Missing::new("a corpus of real mails (POSTROOM_CORPUS)"))
}
