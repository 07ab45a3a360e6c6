//! Check: would this original be taken, and as what? Reads and decides, writes nothing.
//!
//! Inside the unit of work it is the decision that counts; before it, it is advice: whether the bytes of a large
//! mail are worth keeping, and what the simulator shows.

use std::sync::Arc;

use store::{Organization, Read, StoreError};

use super::copy::Copy;
use super::gather;
use super::unwrap::Original;
use super::{Opened, Reading};
use crate::CrmError;
use crate::correlate::{self, Facts, Verdict};

/// An original's facts and what was decided on them.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The facts.
    pub facts: Facts,
    /// The decision.
    pub verdict: Verdict,
}

/// Checks one original of a copy on what the store holds now.
pub fn check(read: &Read<'_>, opened: &Opened, original: &Original) -> Result<Checked, StoreError> {
    let facts = gather::facts(read, opened, original)?;
    let verdict = match &original.fault {
        Some(fault) => Verdict::end(fault.outcome(), fault.reason),
        None => correlate::decide(&original.offer, &facts),
    };
    Ok(Checked { facts, verdict })
}

/// The simulator: everything up to the commit, and nothing of it kept.
pub fn simulate(organization: &Organization, copy: Copy) -> Result<Vec<(Original, Checked)>, CrmError> {
    let opened = super::open(organization, &Arc::new(copy), &Reading::Whole)?;
    let checked: Result<Vec<Checked>, StoreError> = organization
        .read(|read| opened.originals.iter().map(|original| check(read, &opened, original)).collect());
    Ok(opened.originals.iter().cloned().zip(checked?).collect())
}
