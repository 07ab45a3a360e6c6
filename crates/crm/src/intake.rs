//! Incoming mail becomes a record. This file is the drawing; every line of [`take_in`] is a step of it.
//!
//! ```text
//! Copy ─▶ unwrap ─▶ originals ─▶ check (advisory) ─▶ keep bytes ─▶ deliver (one unit of work) ─▶ Receipt
//! ```
//!
//! *Invariant:* a receipt exists only after the commit; everything before it may happen again.

pub mod check;
pub mod copy;
pub mod deliver;
pub mod gather;
pub mod keep;
pub mod offer;
pub mod unwrap;
pub mod welcome;

use std::sync::Arc;

use model::Moment;
use store::{Organization, Priority};

use crate::CrmError;
pub use check::simulate;
pub use copy::{Copy, OriginalReceipt, Proof, Receipt, Source};
pub use offer::Offer;
pub use welcome::{Recipient, RecipientKind, Welcome, welcome};

/// A copy, what is known about it, and its originals.
#[derive(Clone)]
pub struct Opened {
    copy: Arc<Copy>,
    desk: Arc<gather::Desk>,
    originals: Arc<Vec<unwrap::Original>>,
}

/// Takes one copy in and says, after the commit, what became of it.
///
/// Taking the same copy in twice stores nothing twice. An error means that nothing was kept and that the
/// sender has to keep the mail; [`CrmError::is_temporary`] says whether another try may help.
pub async fn take_in(
    organization: &Arc<Organization>,
    copy: Copy,
    moment: Moment,
) -> Result<Receipt, CrmError> {
    let desk = organization.read(|read| gather::desk(read, &copy))?;
    let originals = unwrap::originals(&copy, &desk);
    let opened = Opened { copy: Arc::new(copy), desk: Arc::new(desk), originals: Arc::new(originals) };
    let mut keep_all = false;
    loop {
        let checked = organization.read(|read| check::all(read, &opened))?;
        let kept = keep::bytes(organization, &opened.originals, &checked, keep_all)?;
        let delivery = deliver::Delivery::new(&opened, checked, kept, moment.again());
        let unit = organization.unit(Priority::Intake, move |tx| deliver::deliver(tx, &delivery));
        match unit.await {
            // Between check and unit somebody changed what the decision rests on: once more, with all bytes.
            Err(deliver::DeliverError::BytesWanted) if !keep_all => keep_all = true,
            settled => return settled.map_err(CrmError::from),
        }
    }
}
