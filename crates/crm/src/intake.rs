//! Incoming mail becomes a record. This file is the drawing; every line of [`take_in`] is a step of it.
//!
//! ```text
//! Copy ─▶ desk ─▶ unwrap ─▶ originals ─▶ keep bytes ─▶ deliver: check inside one unit of work ─▶ Receipt
//! ```
//!
//! *Invariant:* a receipt exists only after the commit; everything before it may happen again.

pub mod advise;
pub mod check;
pub mod copy;
pub mod deliver;
mod forward;
pub mod gather;
pub(crate) mod heard;
pub mod history;
pub mod keep;
pub mod offer;
pub(crate) mod outgoing;
pub mod polled;
pub(crate) mod replay;
mod returned;
pub mod share;
mod timed;
pub mod unwrap;
pub mod verdicts;
pub mod welcome;

use std::sync::Arc;

use model::Moment;
use model::outcome::Reason;
use store::Organization;

use crate::CrmError;
pub use advise::{Advice, Offered, advise};
pub use check::simulate;
pub use copy::{Copy, EnvelopeRecipient, OriginalReceipt, Proof, Receipt, Source};
pub(crate) use deliver::CAME_AFTER_ALL;
pub use deliver::DeliverError;
pub use heard::Heard;
pub use history::{OldMail, OldMailbox};
pub use offer::Offer;
pub use polled::{Polled, Taken, What, take_polled};
pub use share::{Arrival, Share, shares};
use timed::Timed;
pub use unwrap::Original;
pub use verdicts::Verdicts;
pub use welcome::{Peer, Recipient, RecipientKind, Welcome, welcome, welcome_postmaster};

/// A copy, what is known about it, and its originals.
#[derive(Clone)]
pub struct Opened {
    copy: Arc<Copy>,
    desk: Arc<gather::Desk>,
    originals: Arc<Vec<unwrap::Original>>,
    /// Bytes of the whole mail, of which only a part may be here.
    size: i64,
    /// How it goes out, where it was written here.
    outgoing: Option<Arc<outgoing::Outgoing>>,
    /// Who wrote its mails, as far as anything proves it.
    verdicts: Arc<Verdicts>,
}

/// How much of a copy is looked at.
enum Reading {
    /// All of it.
    Whole,
    /// All of it; who wrote it was looked at.
    Verified(Arc<Verdicts>),
    /// All of it; it was written here and goes out like this.
    Composed(Arc<outgoing::Outgoing>),
    /// Nothing of it, for this reason; the mail has so many bytes.
    Nothing { fault: unwrap::Fault, size: i64 },
}

/// So often a copy is looked at again while records change, during imports at several nodes say, before the sender waits.
const OVERTAKEN_MAX: u32 = 64;

/// Takes one copy in and says, after the commit, what became of it.
///
/// Taking the same copy in twice stores nothing twice. An error means that nothing was kept and that the
/// sender has to keep the mail; [`CrmError::is_temporary`] says whether another try may help.
pub async fn take_in(
    organization: &Arc<Organization>,
    copy: Copy,
    moment: Moment,
) -> Result<Receipt, CrmError> {
    take(organization, copy, (Reading::Whole, moment)).await
}

/// The same where somebody looked at who wrote it.
///
/// # Errors
/// As [`take_in`].
pub async fn take_in_verified(
    organization: &Arc<Organization>,
    (copy, verdicts): (Copy, Arc<Verdicts>),
    moment: Moment,
) -> Result<Receipt, CrmError> {
    take(organization, copy, (Reading::Verified(verdicts), moment)).await
}

async fn take(
    organization: &Arc<Organization>,
    copy: Copy,
    (reading, moment): (Reading, Moment),
) -> Result<Receipt, CrmError> {
    let copy = Arc::new(copy);
    let priority = copy.source.priority();
    let mut effort = keep::Effort::Cheap;
    let mut opened = open(organization, &copy, &reading)?;
    // What was written here is not kept for a person: whoever wrote it is told.
    if opened.outgoing.is_some() && opened.is_set_aside() {
        return Err(CrmError::Invalid("the mail could not be processed, and does not go out".to_owned()));
    }
    let mut overtaken = 0;
    loop {
        let kept = keep::bytes(organization, &opened, effort)?;
        let delivery = deliver::Delivery::new(opened.clone(), kept, moment.again());
        let unit = organization.unit(priority, move |tx| deliver::deliver(tx, &delivery));
        match unit.await {
            // Somebody changed what was looked at before the unit: once more, and now with all bytes.
            Err(DeliverError::Overtaken) if overtaken < OVERTAKEN_MAX => {
                overtaken += 1;
                effort = keep::Effort::All;
                opened = open(organization, &copy, &reading)?;
            }
            // A fault of ours, not of the disk: kept whole for a person, or the sender would try for days.
            Err(DeliverError::Store(error))
                if !error.is_temporary() && !opened.is_set_aside() && opened.outgoing.is_none() =>
            {
                tracing::error!(error = &error as &dyn std::error::Error, copy = %copy.copyid, "a copy is set aside");
                opened = opened.set_aside();
            }
            settled => return settled.map_err(CrmError::from),
        }
    }
}

/// Looks at the envelope and the outer header, and takes the originals out.
fn open(organization: &Organization, copy: &Arc<Copy>, reading: &Reading) -> Result<Opened, CrmError> {
    let _timed = Timed::new("open");
    let verdicts =
        if let Reading::Verified(verdicts) = reading { Arc::clone(verdicts) } else { Arc::default() };
    let (desk, originals, size) = match reading {
        Reading::Nothing { fault, size } => {
            let desk = organization.read(|read| gather::desk(read, copy, None))?;
            (desk, vec![unwrap::faulty(copy, fault.clone())], *size)
        }
        Reading::Whole | Reading::Verified(_) | Reading::Composed(_) => {
            let received = unwrap::Received::read(copy);
            let mut desk = organization.read(|read| gather::desk(read, copy, received.header()))?;
            desk.believe(verdicts.outer.as_ref(), received.header().and_then(|header| header.from.first()));
            let mut originals = unwrap::originals(copy, received, &desk);
            returned::note(organization, copy, &mut originals)?;
            organization.foresee(&gather::looked_up(&originals));
            (desk, originals, i64::try_from(copy.raw.len()).unwrap_or(i64::MAX))
        }
    };
    let outgoing = if let Reading::Composed(outgoing) = reading { Some(Arc::clone(outgoing)) } else { None };
    if let Some(outgoing) = &outgoing {
        outgoing.check(organization)?;
    }
    let (copy, desk, originals) = (Arc::clone(copy), Arc::new(desk), Arc::new(originals));
    Ok(Opened { copy, desk, originals, size, outgoing, verdicts })
}

impl Opened {
    /// The same copy as one original that cannot be processed.
    fn set_aside(&self) -> Self {
        Opened { originals: Arc::new(vec![unwrap::failed(&self.copy)]), ..self.clone() }
    }

    fn is_set_aside(&self) -> bool {
        self.originals.iter().all(|original| original.fault.is_some())
    }

    /// Whether there is nothing of it.
    fn has_vanished(&self) -> bool {
        self.are_all(Reason::Vanished)
    }

    /// Whether its server did not give it.
    fn was_not_given(&self) -> bool {
        self.are_all(Reason::Unfetchable)
    }

    fn are_all(&self, reason: Reason) -> bool {
        let fault = |original: &unwrap::Original| original.fault.as_ref().map(|fault| fault.reason);
        self.originals.iter().all(|original| fault(original) == Some(reason))
    }
}
