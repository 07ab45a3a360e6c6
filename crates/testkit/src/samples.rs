//! The samples in `mail/`: real-looking mail, and what must become of it.
//!
//! What passes through: `order.txt` and the pairs `.eml`, `.expect` come in; a [`Round`] sends each through the
//! door and tells what became of it and where that is not what was expected.
//!
//! *Invariant:* expectations are compared with what the store holds, never with what the door says of itself.

mod compare;
mod round;
mod seen;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

pub use round::{Ended, Round, Sender};
pub use seen::{CopySeen, OriginalSeen};

use crate::client::Envelope;

/// A mail with what must become of it.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Its place below `mail/`: `direct/sink-key`.
    pub name: String,
    /// The mail, byte for byte.
    pub raw: Vec<u8>,
    /// What must become of it.
    pub expected: Expected,
}

/// What must become of a mail. What is absent is not compared; `mail/README.md` has the table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// How it is sent.
    pub envelope: Envelope,
    /// The first digits of the answer.
    #[serde(default = "positive")]
    pub answer: String,
    /// Of the copy.
    pub outcome: Option<String>,
    /// In order.
    pub originals: Vec<ExpectedOriginal>,
    /// Where one transaction goes to several organizations.
    pub per_organization: Option<BTreeMap<String, ExpectedCopy>>,
    /// Why, in one sentence.
    pub says: String,
}

/// What must become of a copy in one organization.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedCopy {
    /// Of the copy.
    pub outcome: Option<String>,
    /// In order.
    pub originals: Vec<ExpectedOriginal>,
}

/// What must become of an original.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedOriginal {
    /// Its outcome.
    pub outcome: Option<String>,
    /// Its reason.
    pub reason: Option<String>,
    /// How it came out of the copy.
    pub unwrap: Option<String>,
    /// Of the e-mail.
    pub subject: Option<String>,
    /// Of the e-mail.
    pub from: Option<String>,
    /// `incoming` or `outgoing`.
    pub direction: Option<String>,
    /// How it is tied to an earlier e-mail.
    pub correlation: Option<String>,
    /// Names of the customers on whose timelines it stands.
    pub on: Option<Vec<String>>,
    /// Addresses that were left open.
    pub ambiguous: Option<Vec<String>>,
    /// A sample that stands in the same conversation.
    pub conversation: Option<String>,
}

impl Expected {
    /// What is expected of each copy: by organization where it is named, else of the only one there is.
    pub fn copies(&self) -> Vec<(Option<&str>, ExpectedCopy)> {
        match &self.per_organization {
            Some(copies) => copies.iter().map(|(name, copy)| (Some(name.as_str()), copy.clone())).collect(),
            None if self.outcome.is_none() => Vec::new(),
            None => {
                let originals = self.originals.clone();
                vec![(None, ExpectedCopy { outcome: self.outcome.clone(), originals })]
            }
        }
    }
}

/// Reads all samples below a folder, in their order of arrival.
///
/// # Errors
/// When one cannot be read.
pub fn read(folder: &Path) -> Result<Vec<Sample>> {
    let order = std::fs::read_to_string(folder.join("order.txt")).context("order.txt")?;
    let names = order.lines().map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| read_one(folder, name).with_context(|| name.to_owned())).collect()
}

fn read_one(folder: &Path, name: &str) -> Result<Sample> {
    let expected = std::fs::read_to_string(folder.join(format!("{name}.expect")))?;
    let raw = std::fs::read(folder.join(format!("{name}.eml")))?;
    Ok(Sample { name: name.to_owned(), raw, expected: serde_json::from_str(&expected)? })
}

fn positive() -> String {
    "250".to_owned()
}
