//! Does anyone want it? Never-log lists, mail among ourselves, automatic mail, and the recipients' filters.

use model::Mailbox;
use model::decision::{RecordRef, Signal};
use model::filter::IncomingFilter;
use model::outcome::Reason;

use super::facts::{CrmRecipient, Facts, RecipientFrom};
use super::thread::Thread;
use super::{signal, who};
use crate::intake::offer::Offer;

/// Whether a mail is kept, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Whether it is kept.
    pub keep: bool,
    /// Why, or why not.
    pub reason: Reason,
    /// The user or queue whose filter let it in.
    pub accepting: Option<RecordRef>,
    /// What was seen.
    pub signals: Vec<Signal>,
}

/// Judges whether anyone wants the mail.
pub fn judge(offer: &Offer, facts: &Facts, thread: &Thread) -> Wanted {
    if facts.is_composed {
        let signals = vec![signal("filter", true, "It was written here, so no filter was asked.")];
        return Wanted { keep: true, reason: Reason::Composed, accepting: None, signals };
    }
    if facts.returned_to.is_some() && !is_never_logged_for_its_writer(facts) {
        let signals = vec![signal("filter", true, Reason::Returned.words())];
        return Wanted { keep: true, reason: Reason::Returned, accepting: None, signals };
    }
    if let Some(reason) = refused_for_all(offer, facts, thread) {
        return refuse(reason, None);
    }
    if facts.by_hand {
        let signals = vec![signal("filter", true, "It was put in by hand, so no filter was asked.")];
        return Wanted { keep: true, reason: Reason::ByHand, accepting: None, signals };
    }
    let is_internal = who::is_internal(offer, facts);
    let mut refusals = Vec::new();
    let mut accepted: Option<(Reason, &CrmRecipient)> = None;
    for recipient in concerned(facts) {
        // Mail among ourselves is kept by queues only, as in Dynamics (DoNotIgnoreInternalEmailToQueues).
        if is_internal && recipient.record.entity != model::decision::Entity::Queue {
            refusals.push((Reason::Internal, recipient));
            continue;
        }
        match ask(recipient.filter, offer, facts, thread) {
            Ok(reason) if accepted.is_none_or(|(best, _)| weight(reason) > weight(best)) => {
                accepted = Some((reason, recipient));
            }
            Ok(_) => {}
            Err(reason) => refusals.push((reason, recipient)),
        }
    }
    match (accepted, refusals.first()) {
        (Some((reason, recipient)), _) => accept(reason, recipient),
        (None, Some((reason, recipient))) => refuse(*reason, Some(recipient)),
        (None, None) => refuse(no_recipient_left(facts), None),
    }
}

/// What no filter can outvote.
fn refused_for_all(offer: &Offer, facts: &Facts, thread: &Thread) -> Option<Reason> {
    let is_returned = facts.returned_to.is_some();
    if facts.never_log.iter().any(|hit| hit.user.is_none()) || is_returned || is_unwanted_by_its_owner(facts)
    {
        return Some(Reason::NeverLog);
    }
    if offer.marks.report && thread.email.is_none() && !facts.by_hand {
        return Some(Reason::Report);
    }
    None
}

/// What comes to a return path is for whoever wrote the mail: the organisation's list holds there, and his own.
fn is_never_logged_for_its_writer(facts: &Facts) -> bool {
    facts.never_log.iter().any(|hit| hit.user.is_none() || hit.user == facts.returned_writer)
}

/// Whoever brings a whole mailbox does not see what is in it: what its owner never wants logged stays out, by
/// hand too.
fn is_unwanted_by_its_owner(facts: &Facts) -> bool {
    let mut owners = facts.recipients.iter().filter(|to| to.from == RecipientFrom::Envelope).peekable();
    let is_unwanted =
        |owner: &CrmRecipient| facts.never_log.iter().any(|hit| hit.user == Some(owner.record.id));
    facts.by_hand && facts.out_of_mailbox && owners.peek().is_some() && owners.all(is_unwanted)
}

/// The recipients who did not put an address of this mail on their own never-log list.
fn concerned(facts: &Facts) -> impl Iterator<Item = &CrmRecipient> {
    facts.recipients.iter().filter(|recipient| {
        let id = recipient.record.id;
        !facts.never_log.iter().any(|hit| hit.user == Some(id))
    })
}

fn no_recipient_left(facts: &Facts) -> Reason {
    if facts.recipients.is_empty() { Reason::NoRecipient } else { Reason::NeverLog }
}

/// Asks one filter.
fn ask(filter: IncomingFilter, offer: &Offer, facts: &Facts, thread: &Thread) -> Result<Reason, Reason> {
    let known = customer_reason(offer, facts);
    match filter {
        IncomingFilter::None => return Err(Reason::FilterNone),
        _ if thread.continues_here() => return Ok(Reason::Reply),
        IncomingFilter::All => return Ok(Reason::AcceptAll),
        _ => {}
    }
    // Lists come in for people who asked for everything; a newsletter is no conversation.
    if offer.marks.list || (offer.marks.bulk && known.is_none()) {
        return Err(Reason::List);
    }
    let refusal = if is_automatic(offer, facts) { Reason::Automatic } else { Reason::UnknownSender };
    match filter {
        IncomingFilter::Replies => Err(Reason::NoReply),
        IncomingFilter::KnownCustomers => known.ok_or(refusal),
        _ => known.or_else(|| enabled_record(offer, facts)).ok_or(refusal),
    }
}

/// Automatic by its own mark (RFC 3834) or by the null sender of its envelope.
pub fn is_automatic(offer: &Offer, facts: &Facts) -> bool {
    offer.marks.automatic || facts.null_sender
}

/// A customer on the other side: the author of what comes in, a recipient of what goes out. What says that it
/// is ours and cannot prove it is kept as well, marked, where it was written to a customer.
fn customer_reason(offer: &Offer, facts: &Facts) -> Option<Reason> {
    let is_customer = |mailbox: &Mailbox| {
        facts.records_of(&mailbox.address).iter().any(|known| known.record.entity.is_customer())
    };
    if who::from_us(offer, facts) {
        return offer.recipients().any(is_customer).then_some(Reason::KnownRecipient);
    }
    offer.from.iter().chain(&offer.authors).any(is_customer).then_some(Reason::KnownSender)
}

/// A proven sender of ours is a record too; an unproven one may be anybody.
fn enabled_record(offer: &Offer, facts: &Facts) -> Option<Reason> {
    let from = offer.from.as_ref()?;
    (facts.sender_proven && facts.is_ours(&from.address)).then_some(Reason::EnabledRecord)
}

/// Of several reasons to keep it the most telling one is given.
fn weight(reason: Reason) -> u8 {
    match reason {
        Reason::Reply => 3,
        Reason::KnownSender | Reason::KnownRecipient => 2,
        Reason::EnabledRecord => 1,
        _ => 0,
    }
}

fn accept(reason: Reason, recipient: &CrmRecipient) -> Wanted {
    let words = match reason {
        Reason::Reply => format!("{} keeps answers to mail of the CRM.", recipient.name),
        Reason::KnownSender => format!("{} keeps mail from known customers.", recipient.name),
        Reason::KnownRecipient => format!("{} keeps mail to known customers.", recipient.name),
        Reason::EnabledRecord => format!("{} keeps mail from all records with an address.", recipient.name),
        _ => format!("{} keeps all mail.", recipient.name),
    };
    let signals = vec![whose(recipient), signal("filter", true, words)];
    Wanted { keep: true, reason, accepting: Some(recipient.record), signals }
}

fn refuse(reason: Reason, recipient: Option<&CrmRecipient>) -> Wanted {
    let mut signals: Vec<Signal> = recipient.map(whose).into_iter().collect();
    signals.push(signal("filter", false, reason.words()));
    Wanted { keep: false, reason, accepting: None, signals }
}

fn whose(recipient: &CrmRecipient) -> Signal {
    let name = &recipient.name;
    let words = match recipient.from {
        RecipientFrom::Envelope => format!("It came to {name}: the envelope says so."),
        RecipientFrom::Forwarder => format!("{name} forwarded it."),
        RecipientFrom::Trace => format!("It came through the mailbox of {name}."),
        RecipientFrom::Header => format!("It is addressed to {name}."),
        RecipientFrom::Sender => format!("{name} wrote it."),
    };
    Signal { record: Some(recipient.record), ..signal("recipient", true, words) }
}
