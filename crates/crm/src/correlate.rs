//! The decision: whose mail is this, about what, and does anybody want it?
//!
//! Pure: an [`Offer`] and [`Facts`] go in, a [`Decision`] with its reason comes out. Nothing is read and
//! nothing written here, so every case is a row of a test table, and kept mail can be decided again.
//!
//! The order of the questions is that of Dynamics' pipeline: can it be processed, is it here already, what does
//! it continue, does anybody want it, who are its parties.

mod author;
pub mod facts;
pub mod same;
pub mod thread;
pub mod want;
pub mod who;

pub use facts::{
    CrmRecipient, Facts, IdentityKey, KnownEmail, KnownIdentity, KnownRecord, NeverLogHit, RecipientFrom,
};
pub use who::{Participation, Party};

use model::decision::{CorrelationMethod, Decision, Signal};
use model::outcome::{Outcome, Reason};
use model::{Id, limits};

use crate::intake::heard;
use crate::intake::offer::Offer;

/// A decision and what it was made of: enough to write the e-mail.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The decision.
    pub decision: Decision,
    /// The parties, sender first; empty unless the mail is stored.
    pub parties: Vec<Party>,
    /// The e-mails whose conversations this mail brings together.
    pub joins: Vec<Id>,
    /// What it continues: of a duplicate too, for it may take the place of a guess.
    pub thread: thread::Thread,
    /// E-mails that are here already and continue this one.
    pub continued_by: Vec<thread::Continuation>,
    /// A duplicate whose text is another.
    pub has_other_text: bool,
}

/// Decides about one original.
pub fn check(offer: &Offer, facts: &Facts) -> Decision {
    decide(offer, facts).decision
}

/// Decides about one original and says what the decision was made of.
pub fn decide(offer: &Offer, facts: &Facts) -> Verdict {
    if let Some((outcome, reason)) = unprocessable(offer, facts) {
        return Verdict::end(outcome, reason);
    }
    let thread = thread::find(offer, facts);
    let joins = thread::joins(offer, facts, &thread).into_iter().map(|known| known.id).collect();
    let same = if facts.is_composed { None } else { same::find(offer, facts) };
    if let Some(duplicate) = same {
        let mut verdict = Verdict::end(Outcome::Duplicate, Reason::Duplicate);
        verdict.decision.duplicate_of = Some(duplicate.email);
        verdict.decision.provisional = duplicate.by_header_alone;
        verdict.decision.signals.push(duplicate.signal);
        verdict.has_other_text = duplicate.has_other_text;
        verdict.joins = joins;
        verdict.continued_by = thread::continuations(offer, facts);
        verdict.thread = thread;
        return verdict;
    }
    let wanted = want::judge(offer, facts, &thread);
    let parties = who::parties(offer, facts, &thread);
    let mut verdict = match (wanted.keep, handed_over(&wanted, offer, facts)) {
        (true, _) if facts.stopped.is_some() => Verdict::end(Outcome::Quarantined, Reason::Stopped),
        (true, _) if author::is_disowned(offer, facts) => {
            Verdict::end(Outcome::Quarantined, Reason::Disowned)
        }
        (true, _) => Verdict::end(Outcome::Stored, wanted.reason),
        (false, Some((outcome, reason))) => Verdict::end(outcome, reason),
        (false, None) => Verdict::end(Outcome::Ignored, wanted.reason),
    };
    let decision = &mut verdict.decision;
    decision.signals.extend(guessed(offer));
    decision.signals.extend(author::said(offer, facts));
    decision.signals.extend(heard::said(facts, thread::regarding(facts, &thread)));
    decision.correlation_method = thread.method;
    decision.correlated = thread.email;
    decision.accepting = wanted.accepting;
    decision.signals.extend(thread.signals.iter().cloned());
    decision.signals.extend(wanted.signals);
    decision.signals.extend(parties.iter().map(|party| party.signal.clone()));
    decision.candidates.extend(thread.candidates.iter().cloned());
    decision.candidates.extend(parties.iter().flat_map(|party| party.candidates.iter().cloned()));
    verdict.thread = thread;
    if verdict.decision.outcome == Outcome::Stored {
        verdict.joins = joins;
        verdict.continued_by = thread::continuations(offer, facts);
        verdict.parties = parties;
    }
    verdict
}

/// A loop is kept for a person: to drop it would lose mail, to store it would feed it. So is a mail without
/// an author: nobody can say whose it is. Where a mail server reports in such a mail what nobody here sent, it is
/// a report like others, and there would be many of them.
fn unprocessable(offer: &Offer, facts: &Facts) -> Option<(Outcome, Reason)> {
    if offer.received_count > limits::RECEIVED_MAX {
        return Some((Outcome::Undeliverable, Reason::Loop));
    }
    if offer.from.is_some() || facts.returned_to.is_some() {
        return None;
    }
    let is_of_ours = || thread::find(offer, facts).email.is_some();
    let is_stray_report = offer.marks.from_mail_system && !facts.by_hand && !is_of_ours();
    Some(match is_stray_report {
        true => (Outcome::Ignored, Reason::Report),
        false => (Outcome::Undeliverable, Reason::InvalidSender),
    })
}

/// What somebody quoted is said to be that.
fn guessed(offer: &Offer) -> Option<Signal> {
    let words =
        "It was read out of a forward: sender, date and text are as the forwarding program quoted them.";
    offer.is_guess.then(|| signal("quoted", true, words))
}

/// What one of us hands to the CRM is meant to be recorded. Where the rules for mail among ourselves would
/// drop it (a quotation without an address, a damaged attachment, a forward of a forward), a person looks at it.
fn handed_over(wanted: &want::Wanted, offer: &Offer, facts: &Facts) -> Option<(Outcome, Reason)> {
    let is_ours = matches!(wanted.reason, Reason::Internal | Reason::NoRecipient)
        || (wanted.reason == Reason::UnknownSender && who::from_us(offer, facts));
    match (facts.is_handed_over && is_ours, facts.is_handed_over_by_us) {
        (false, _) => None,
        (true, true) => Some((Outcome::Undeliverable, Reason::NoOriginal)),
        (true, false) => Some((Outcome::Quarantined, Reason::Unproven)),
    }
}

impl Verdict {
    /// A decision that ends the matter, with nothing beside it.
    pub fn end(outcome: Outcome, reason: Reason) -> Self {
        let decision = Decision {
            outcome,
            reason,
            duplicate_of: None,
            provisional: false,
            correlation_method: CorrelationMethod::None,
            correlated: None,
            accepting: None,
            signals: Vec::new(),
            candidates: Vec::new(),
        };
        Verdict {
            decision,
            parties: Vec::new(),
            joins: Vec::new(),
            thread: thread::Thread::default(),
            continued_by: Vec::new(),
            has_other_text: false,
        }
    }
}

/// A signal without a record.
pub(crate) fn signal(kind: &'static str, holds: bool, words: impl Into<String>) -> Signal {
    Signal { kind, holds, words: words.into(), record: None }
}
