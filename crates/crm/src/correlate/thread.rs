//! About what? Which earlier e-mail a mail continues, by the strongest signal that a participant confirms.

use std::cell::OnceCell;
use std::collections::HashSet;

use model::decision::{Candidate, CorrelationMethod, Entity, RecordRef, Signal};
use model::{EmailAddress, Id};

use super::facts::{Facts, IdentityKey, KnownEmail};
use super::who::{self, Settled};
use crate::intake::offer::Offer;

/// What a mail continues.
#[derive(Debug, Clone, Default)]
pub struct Thread {
    /// How that is known.
    pub method: CorrelationMethod,
    /// The earlier e-mail.
    pub email: Option<Id>,
    /// How far the sign is from the best: a nearer one that comes later takes its place.
    pub rank: i32,
    /// Whether a mail that is here already answers this one.
    pub is_answered_here: bool,
    /// What was seen.
    pub signals: Vec<Signal>,
    /// Conversations that were named but not believed.
    pub candidates: Vec<Candidate>,
}

impl Thread {
    /// Whether it belongs to mail of the CRM.
    pub fn continues_here(&self) -> bool {
        self.email.is_some() || self.is_answered_here
    }
}

/// Finds what the mail continues. Order: report, In-Reply-To, References, token, Thread-Index.
pub fn find(offer: &Offer, facts: &Facts) -> Thread {
    let mut thread = Thread::default();
    let circle = Circle::of(offer, facts);
    if let Some(known) = &facts.returned_to {
        thread.believe(CorrelationMethod::Report, known, "It came to the return path of a mail that is here");
        return thread;
    }
    if offer.marks.report || who::is_about_returned(offer, facts) {
        thread.find_returned(offer, facts);
        return thread;
    }
    if let Some(known) = &facts.answered_by_word {
        let words = "It came to the address that a mail here asks answers to";
        thread.believe(CorrelationMethod::TrackingToken, known, words);
        // Nobody but us can have made the word: no other sign is nearer.
        thread.rank = 0;
    }
    let other_queue = |known: &KnownEmail| circle.people().is_for_another_queue(known);
    let same_subject = |known: &KnownEmail| known.canonical_subject == offer.canonical_subject;
    let steps: [Step<'_>; 4] = [
        Step {
            method: CorrelationMethod::InReplyTo,
            emails: &facts.answered,
            fits: &|_| true,
            words: "It answers a mail that is here (In-Reply-To)",
            names_one: true,
        },
        Step {
            method: CorrelationMethod::References,
            emails: &facts.referenced,
            fits: &|known| same_subject(known) && !other_queue(known),
            words: "It continues a mail that is here (References, same subject)",
            names_one: false,
        },
        Step {
            method: CorrelationMethod::TrackingToken,
            emails: &facts.by_token,
            fits: &|_| true,
            words: "Its subject carries the token of a mail that is here",
            names_one: false,
        },
        Step {
            method: CorrelationMethod::ConversationIndex,
            emails: &facts.by_thread_index,
            fits: &|known| !other_queue(known),
            words: "It has the Thread-Index of a mail that is here",
            names_one: true,
        },
    ];
    for step in &steps {
        thread.try_step(step, &circle);
    }
    let is_answer = |relative: &&KnownEmail| {
        circle.continuation(relative).is_some_and(|found| found.method == CorrelationMethod::InReplyTo)
    };
    if let Some(answer) = facts.relatives.iter().find(is_answer) {
        thread.is_answered_here = true;
        let words = format!("A mail that is here already answers it: “{}”.", answer.subject);
        thread.signals.push(Signal {
            kind: "answered",
            holds: true,
            words,
            record: Some(email_ref(answer.id)),
        });
    }
    thread
}

/// An e-mail that is here already and continues this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Continuation {
    /// The e-mail.
    pub email: Id,
    /// How that is known.
    pub method: CorrelationMethod,
    /// How far the sign is from the best; see [`Thread::rank`].
    pub rank: i32,
}

/// The mails that are here already and continue this one.
pub fn continuations(offer: &Offer, facts: &Facts) -> Vec<Continuation> {
    let circle = Circle::of(offer, facts);
    facts.relatives.iter().filter_map(|known| circle.continuation(known)).collect()
}

/// The mails whose conversations this mail brings together. Whether two mails belong together is asked of the two
/// alone and comes out the same whichever of them is here first, so conversations are the same in any order.
pub fn joins<'f>(offer: &Offer, facts: &'f Facts, thread: &Thread) -> Vec<&'f KnownEmail> {
    let circle = Circle::of(offer, facts);
    let all = facts.answered.iter().chain(&facts.referenced).chain(&facts.by_token);
    let all = all
        .chain(&facts.by_thread_index)
        .chain(&facts.returned)
        .chain(&facts.returned_to)
        .chain(&facts.answered_by_word);
    let believed = all.filter(|known| thread.email == Some(known.id));
    let relatives = facts.relatives.iter().filter(|known| {
        !who::is_report(offer, facts) && (circle.continuation(known).is_some() || circle.is_akin(known))
    });
    let mut seen = HashSet::new();
    let joined = believed.chain(circle.parents()).chain(relatives);
    joined.filter(|known| seen.insert(known.id)).collect()
}

/// What the earlier mail is about. A report has no customer on it, so it goes to the one whose mail it returns, where that
/// is one.
pub fn regarding(facts: &Facts, thread: &Thread) -> Option<RecordRef> {
    let id = thread.email?;
    let earlier = facts.known().find(|known| known.id == id)?;
    let is_report = thread.method == CorrelationMethod::Report;
    let mut customers: Vec<RecordRef> = match facts.returned_recipient.as_ref() {
        Some(address) => earlier.resolved.get(address).copied().into_iter().collect(),
        None => earlier.resolved.values().copied().collect(),
    };
    customers.retain(|record| is_report && record.entity.is_customer());
    customers.dedup();
    match (earlier.regarding, customers.as_slice()) {
        (Some(record), _) => Some(record),
        (None, [customer]) => Some(*customer),
        (None, _) => None,
    }
}

/// The earlier mails that this mail surely belongs to; what is akin through them need not be looked for.
pub fn parents<'f>(offer: &Offer, facts: &'f Facts) -> Vec<&'f KnownEmail> {
    Circle::of(offer, facts).parents()
}

/// Whether a mail that names what this one names stands in one conversation with it.
pub fn is_akin(offer: &Offer, facts: &Facts, known: &KnownEmail) -> bool {
    Circle::of(offer, facts).is_akin(known)
}

/// A mail among those it may belong to.
struct Circle<'o, 'f> {
    offer: &'o Offer,
    facts: &'f Facts,
    /// Gathered when it is first asked for: most mails meet none that they may belong to.
    people: OnceCell<People>,
    /// Another mail bears its Message-ID, so whoever names that may mean the other.
    has_twin: bool,
}

impl<'o, 'f> Circle<'o, 'f> {
    fn of(offer: &'o Offer, facts: &'f Facts) -> Self {
        let has_twin = facts.identities.iter().any(|known| known.key == IdentityKey::MessageId);
        Circle { offer, facts, people: OnceCell::new(), has_twin }
    }

    fn people(&self) -> &People {
        self.people.get_or_init(|| People::of(self.offer, self.facts))
    }

    fn parents(&self) -> Vec<&'f KnownEmail> {
        let facts = self.facts;
        if who::is_report(self.offer, facts) {
            return Vec::new();
        }
        let confirmed = |known: &&KnownEmail| {
            self.is_meant(known) || self.people().is_confirmed_by(&People::of_known(known))
        };
        let answered: Vec<&KnownEmail> = facts.answered.iter().filter(confirmed).collect();
        let mut parents = each_named(&answered, &self.offer.canonical_subject);
        let referenced = facts.referenced.iter();
        let is_near = |known: &&KnownEmail| self.is_meant(known) || self.is_under_one_subject(known);
        parents.extend(referenced.filter(is_near).filter(confirmed));
        // Where ids tie it to one conversation, a token that was copied on must not bring another one in.
        if parents.is_empty() {
            let by_sign = facts.by_token.iter().chain(&facts.by_thread_index);
            parents.extend(by_sign.filter(|known| self.is_under_one_subject(known) && self.meets(known)));
        }
        parents
    }

    /// Whether the writer, who wrote here, says that he answers it or carries it on.
    fn is_meant(&self, known: &KnownEmail) -> bool {
        self.facts.continues == Some(known.id)
    }

    /// Whether a mail that names this one continues it, and how.
    fn continuation(&self, known: &KnownEmail) -> Option<Continuation> {
        let position = known.names_this_at?;
        let under_one_subject = self.is_under_one_subject(known);
        let is_answer = known.answers_this && (under_one_subject || !self.has_twin);
        let is_confirmed = People::of_known(known).is_confirmed_by(self.people());
        let found = |method, rank| Some(Continuation { email: known.id, method, rank });
        match (is_confirmed, is_answer, under_one_subject) {
            (true, true, _) => found(CorrelationMethod::InReplyTo, position),
            (true, false, true) => found(CorrelationMethod::References, REFERENCES_RANK + position),
            _ => None,
        }
    }

    /// Two mails that name a third. Neither answers the other, so each has to confirm the other.
    fn is_akin(&self, known: &KnownEmail) -> bool {
        let people = People::of_known(known);
        self.is_under_one_subject(known)
            && self.people().is_confirmed_by(&people)
            && people.is_confirmed_by(self.people())
    }

    /// Two mails under one token or index: the later one has to be confirmed by the earlier.
    fn meets(&self, known: &KnownEmail) -> bool {
        let people = People::of_known(known);
        if self.offer.date.is_none_or(|date| date >= known.date) {
            self.people().is_confirmed_by(&people)
        } else {
            people.is_confirmed_by(self.people())
        }
    }

    fn is_under_one_subject(&self, known: &KnownEmail) -> bool {
        known.canonical_subject == self.offer.canonical_subject && !self.people().is_for_another_queue(known)
    }
}

/// Of the mails that an id names the one that is meant, for each id.
fn each_named<'k>(fitting: &[&'k KnownEmail], subject: &str) -> Vec<&'k KnownEmail> {
    let groups = fitting.chunk_by(|a, b| a.named_at == b.named_at);
    groups.filter_map(|group| the_one(group, subject)).collect()
}

/// The ranks of signs, the nearest first: the ids of In-Reply-To, those of References, tokens, indexes.
const REFERENCES_RANK: i32 = 1_000;
const TOKEN_RANK: i32 = 2_000;
const INDEX_RANK: i32 = 3_000;

fn rank(method: CorrelationMethod, known: &KnownEmail) -> i32 {
    match method {
        CorrelationMethod::InReplyTo => known.named_at,
        CorrelationMethod::References => REFERENCES_RANK + known.named_at,
        CorrelationMethod::TrackingToken => TOKEN_RANK,
        CorrelationMethod::ConversationIndex => INDEX_RANK,
        CorrelationMethod::None | CorrelationMethod::Report => 0,
    }
}

struct Step<'a> {
    method: CorrelationMethod,
    emails: &'a [KnownEmail],
    fits: &'a dyn Fn(&KnownEmail) -> bool,
    words: &'static str,
    /// Whether the sign names one mail, so that several that bear it are a question; a chain of references or
    /// a counter that wraps names several in order.
    names_one: bool,
}

impl Thread {
    fn try_step(&mut self, step: &Step<'_>, circle: &Circle<'_, '_>) {
        let subject = circle.offer.canonical_subject.as_str();
        let fits = |known: &&KnownEmail| {
            circle.is_meant(known) || (circle.people().shares_with(known) && (step.fits)(known))
        };
        let fitting: Vec<&KnownEmail> = step.emails.iter().filter(fits).collect();
        let chosen = match step.method {
            CorrelationMethod::InReplyTo => each_named(&fitting, subject).first().copied(),
            _ if step.names_one => the_one(&fitting, subject),
            _ => fitting.first().copied(),
        };
        if let (Some(known), None) = (chosen, self.email) {
            self.believe(step.method, known, step.words);
        }
        // Behind the first that fits nothing is doubtful: a chain names older mails too.
        let doubtful =
            step.emails.iter().take_while(|known| chosen.is_none_or(|chosen| chosen.id != known.id));
        for known in doubtful {
            let doubt = match (circle.people().shares_with(known), (step.fits)(known)) {
                (true, true) => "but several mails bear that sign",
                (true, false) => "but the subject or the queue is another",
                (false, _) => "but nobody on it was on that mail",
            };
            self.doubt(step.method, known, &format!("{}, {doubt}.", step.words));
        }
    }

    /// A report belongs to a mail that we sent.
    fn find_returned(&mut self, offer: &Offer, facts: &Facts) {
        for returned in &facts.returned {
            if who::may_report(offer, facts, returned) {
                let words = "It is a report about a mail that is here";
                return self.believe(CorrelationMethod::Report, returned, words);
            }
            let words = "It says that it is a report about a mail that is here, but it cannot be one.";
            self.doubt(CorrelationMethod::Report, returned, words);
        }
    }

    fn believe(&mut self, method: CorrelationMethod, known: &KnownEmail, words: &str) {
        self.method = method;
        self.email = Some(known.id);
        self.rank = rank(method, known);
        self.signals.push(Signal {
            kind: method.name(),
            holds: true,
            words: format!("{words}: “{}”.", known.subject),
            record: Some(email_ref(known.id)),
        });
    }

    /// What was named and not believed is shown, and offered as a candidate to choose.
    fn doubt(&mut self, method: CorrelationMethod, known: &KnownEmail, words: &str) {
        let record = email_ref(known.id);
        if self.email == Some(known.id) || self.candidates.iter().any(|candidate| candidate.record == record)
        {
            return;
        }
        self.signals.push(Signal {
            kind: method.name(),
            holds: false,
            words: words.to_owned(),
            record: Some(record),
        });
        let rank = u32::try_from(self.candidates.len()).unwrap_or(u32::MAX).saturating_add(1);
        let name = known.subject.clone();
        self.candidates.push(Candidate { address: None, record, name, rank, why: words.to_owned() });
    }
}

/// The one mail that a sign means: where several bear it, they have to stand in one conversation, or one alone
/// has the same subject. A Message-ID that a broken program used twice names nobody.
fn the_one<'k>(fitting: &[&'k KnownEmail], subject: &str) -> Option<&'k KnownEmail> {
    let first = *fitting.first()?;
    if fitting.iter().all(|known| known.conversation == first.conversation) {
        return Some(first);
    }
    let mut same_subject = fitting.iter().filter(|known| known.canonical_subject == subject);
    match (same_subject.next(), same_subject.next()) {
        (Some(known), None) => Some(known),
        _ => None,
    }
}

fn email_ref(id: Id) -> RecordRef {
    RecordRef { entity: Entity::Email, id }
}

/// Who is on a mail, as far as it can confirm a conversation.
struct People {
    all: HashSet<String>,
    records: HashSet<RecordRef>,
    outsiders: HashSet<String>,
    outside_records: HashSet<RecordRef>,
    insiders: HashSet<String>,
    queues: HashSet<Id>,
}

impl People {
    fn of(offer: &Offer, facts: &Facts) -> Self {
        let (ours, others): (Vec<_>, Vec<_>) =
            offer.participants().partition(|address| facts.is_ours(address));
        // A record that an address only perhaps means confirms nothing.
        let records =
            others.iter().filter_map(|address| match who::settle(address, facts.records_of(address)) {
                Settled::One(record) => Some(record),
                Settled::Nobody | Settled::Many(_) => None,
            });
        let records: HashSet<RecordRef> = records.collect();
        let queues = facts.recipients.iter().map(|recipient| recipient.record);
        // Anybody can write our addresses: among ourselves only a proven sender confirms.
        let is_believed = facts.sender_proven || !who::from_us(offer, facts);
        People {
            all: offer.participants().map(EmailAddress::key).collect(),
            outside_records: records.clone(),
            records,
            outsiders: others.iter().map(|address| address.key()).collect(),
            insiders: ours.iter().filter(|_| is_believed).map(|address| address.key()).collect(),
            queues: queues.filter(|record| record.entity == Entity::Queue).map(|record| record.id).collect(),
        }
    }

    fn of_known(known: &KnownEmail) -> Self {
        let customers = known.resolved.values().filter(|record| record.entity.is_customer());
        let insiders = known.ours.iter().filter(|_| !known.is_unproven);
        People {
            all: known.participants.clone(),
            records: known.resolved.values().copied().collect(),
            outsiders: known.participants.difference(&known.ours).cloned().collect(),
            outside_records: customers.copied().collect(),
            insiders: insiders.cloned().collect(),
            queues: known.queues.clone(),
        }
    }

    /// A participant in common with the mail that this one answers. Where customers are on the answer, one of
    /// them has to be: our own addresses are on every mail, so they confirm nothing but mail among ourselves.
    fn is_confirmed_by(&self, earlier: &People) -> bool {
        if self.outsiders.is_empty() {
            return self.insiders.iter().any(|address| earlier.all.contains(address));
        }
        self.outsiders.iter().any(|address| earlier.all.contains(address))
            || self.outside_records.iter().any(|record| earlier.records.contains(record))
    }

    fn shares_with(&self, known: &KnownEmail) -> bool {
        self.is_confirmed_by(&People::of_known(known))
    }

    /// Addressed to a queue that the earlier mail did not know, and to none that it knew: a new matter.
    fn is_for_another_queue(&self, known: &KnownEmail) -> bool {
        !self.queues.is_empty() && !known.queues.is_empty() && self.queues.is_disjoint(&known.queues)
    }
}
