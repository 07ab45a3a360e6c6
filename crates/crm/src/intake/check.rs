//! The advisory check: would this copy be taken, and as what? Reads, decides, writes nothing.

use std::sync::Arc;

use model::outcome::Outcome;
use store::{Organization, Read, StoreError};

use super::Opened;
use super::copy::Copy;
use super::gather::{self, Desk};
use super::unwrap::{self, Original};
use crate::CrmError;
use crate::correlate::{self, Facts, Verdict};

/// An original's facts and what was decided on them.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The facts; those about records are believed in the unit of work while their version holds.
    pub facts: Facts,
    /// The decision.
    pub verdict: Verdict,
}

/// Checks every original of a copy on one snapshot of the store.
pub fn all(read: &Read<'_>, opened: &Opened) -> Result<Vec<Checked>, StoreError> {
    let Opened { copy, desk, originals } = opened;
    originals.iter().map(|original| one(read, copy, desk, original)).collect()
}

fn one(read: &Read<'_>, copy: &Copy, desk: &Desk, original: &Original) -> Result<Checked, StoreError> {
    let mut facts = gather::records(read, copy, desk, original)?;
    gather::mails(read, &original.offer, &mut facts)?;
    let verdict = decide(original, &facts);
    Ok(Checked { facts, verdict })
}

/// The decision about an original; one with a fault is Undeliverable whatever it says.
pub fn decide(original: &Original, facts: &Facts) -> Verdict {
    let Some(fault) = &original.fault else {
        return correlate::decide(&original.offer, facts);
    };
    Verdict::end(Outcome::Undeliverable, fault.reason)
}

/// The simulator: everything up to the commit, and nothing of it kept.
pub fn simulate(organization: &Arc<Organization>, copy: Copy) -> Result<Vec<(Original, Checked)>, CrmError> {
    let desk = organization.read(|read| gather::desk(read, &copy))?;
    let originals = unwrap::originals(&copy, &desk);
    let each = |read: &Read<'_>| originals.iter().map(|original| one(read, &copy, &desk, original)).collect();
    let checked: Vec<Checked> = organization.read(each)?;
    Ok(originals.into_iter().zip(checked).collect())
}
