//! Who is on it? Each address becomes one party: tied to a record where that is certain, else left open
//! with ranked candidates for a person to choose from.

use message::bounce::Kind;
use model::decision::{Candidate, Entity, RecordRef, Signal};
use model::{EmailAddress, limits};

use super::facts::{Facts, KnownEmail, KnownRecord};
use super::signal;
use super::thread::Thread;
use crate::intake::offer::Offer;
use crate::tokens::{is_answer_address, is_return_path};

/// How a party takes part (`participationtypemask`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
pub enum Participation {
    /// From.
    Sender = 1,
    /// To.
    To = 2,
    /// Cc.
    Cc = 3,
    /// Bcc.
    Bcc = 4,
}

/// A party of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// How it takes part.
    pub participation: Participation,
    /// Its address.
    pub address: EmailAddress,
    /// The name the mail gives it.
    pub name: Option<String>,
    /// The record, where it is certain.
    pub record: Option<RecordRef>,
    /// Whether several records have the address and no rule says which.
    pub is_ambiguous: bool,
    /// What was seen.
    pub signal: Signal,
    /// Whom it could mean, ranked, where it is ambiguous.
    pub candidates: Vec<Candidate>,
}

/// Whether one of us wrote it to an outsider, and that is proven; or here, to anybody.
pub fn is_outgoing(offer: &Offer, facts: &Facts) -> bool {
    facts.is_composed || (from_us(offer, facts) && facts.sender_proven && !is_internal(offer, facts))
}

/// Whether only we are on it.
pub fn is_internal(offer: &Offer, facts: &Facts) -> bool {
    let mut recipients = offer.recipients().peekable();
    from_us(offer, facts)
        && recipients.peek().is_some()
        && recipients.all(|mailbox| facts.is_ours(&mailbox.address))
}

/// Whether From names one of us.
pub fn from_us(offer: &Offer, facts: &Facts) -> bool {
    offer.from.as_ref().is_some_and(|from| facts.is_ours(&from.address))
}

/// Whether a report may be about a mail: it comes from nobody (RFC 3464 §2, the null sender), or as a notification from somebody who
/// was on that mail, and whom it speaks of was on it too. Where one of us forwards it, the envelope that it came with is gone.
pub fn may_report(offer: &Offer, facts: &Facts, returned: &KnownEmail) -> bool {
    let is_from_nobody = facts.null_sender || (facts.is_handed_over && facts.is_handed_over_by_us);
    let was_on_it = |address: &EmailAddress| returned.participants.contains(&address.key());
    let is_from_somebody_on_it = || offer.from.as_ref().is_some_and(|from| was_on_it(&from.address));
    returned.is_outgoing
        && offer.reported.iter().all(was_on_it)
        && (is_from_nobody || is_from_somebody_on_it())
}

/// Whether a server says in words of its own, without the form of a report, what became of a mail that is here, and returns it: to
/// whom it did not go, or from nobody.
pub fn is_about_returned(offer: &Offer, facts: &Facts) -> bool {
    let is_told = !offer.reported.is_empty() || facts.null_sender;
    !offer.marks.report && is_told && facts.returned.iter().any(|returned| may_report(offer, facts, returned))
}

/// Whether a mail server wrote it about a mail, as far as the header, its way, or what it returns tells. What came to a return path is a
/// report whatever it looks like, but for what a person's mailbox answers by itself.
pub fn is_report(offer: &Offer, facts: &Facts) -> bool {
    let is_answer = match &offer.bounce {
        Some(told) => told.kind == Kind::Auto,
        None => offer.marks.automatic,
    };
    offer.marks.report || (facts.returned_to.is_some() && !is_answer) || is_about_returned(offer, facts)
}

/// The parties, sender first. The daemon that wrote a report is none; sinks and return paths are none.
pub fn parties(offer: &Offer, facts: &Facts, thread: &Thread) -> Vec<Party> {
    let authors = offer.from.iter().chain(&offer.authors).filter(|_| !is_report(offer, facts));
    let sender = authors.map(|mailbox| (Participation::Sender, mailbox));
    let to = offer.to.iter().map(|mailbox| (Participation::To, mailbox));
    let cc = offer.cc.iter().map(|mailbox| (Participation::Cc, mailbox));
    let bcc = offer.bcc.iter().map(|mailbox| (Participation::Bcc, mailbox));
    let mut parties: Vec<Party> = Vec::new();
    for (participation, mailbox) in sender.chain(to).chain(cc).chain(bcc) {
        // The word in an address that answers go to is no part of whose it is.
        let plain = is_answer_address(&mailbox.address).then(|| model::Mailbox {
            name: mailbox.name.clone(),
            address: mailbox.address.split_detail().0,
        });
        let mailbox = plain.as_ref().unwrap_or(mailbox);
        let key = mailbox.address.key();
        let is_sink = facts.sinks.contains(&mailbox.address.split_detail().0.key());
        let is_there = parties.iter().any(|party| {
            party.address.key() == key
                && (party.participation == Participation::Sender) == (participation == Participation::Sender)
        });
        if is_sink || is_there || is_return_path(&mailbox.address) {
            continue;
        }
        if parties.len() == limits::PARTIES_MAX {
            break;
        }
        parties.push(resolve(participation, mailbox, Known { facts, earlier: earlier(facts, thread) }));
    }
    parties
}

struct Known<'f> {
    facts: &'f Facts,
    earlier: Option<&'f KnownEmail>,
}

fn earlier<'f>(facts: &'f Facts, thread: &Thread) -> Option<&'f KnownEmail> {
    let all = facts.answered.iter().chain(&facts.referenced).chain(&facts.by_token);
    let all = all.chain(&facts.by_thread_index).chain(&facts.returned).chain(&facts.returned_to);
    let all = all.chain(&facts.answered_by_word);
    all.into_iter().find(|known| thread.email == Some(known.id))
}

fn resolve(participation: Participation, mailbox: &model::Mailbox, known: Known<'_>) -> Party {
    let address = mailbox.address.clone();
    let records = known.facts.records_of(&address);
    let chosen = by_writer(known.facts, &address).or_else(|| choose(&address, records, known.earlier));
    let (record, words) = match (&chosen, records.len()) {
        (Some((record, why)), _) => (Some(record.record), format!("{address} {why}: {}.", record.name)),
        (None, 0) => (None, format!("{address} belongs to no record.")),
        (None, count) => (None, format!("{address} belongs to {count} records; somebody has to say which.")),
    };
    let is_ambiguous = record.is_none() && !records.is_empty();
    let candidates = if is_ambiguous { rank(&address, records) } else { Vec::new() };
    Party {
        participation,
        name: mailbox.name.clone(),
        record,
        is_ambiguous,
        signal: Signal { record, ..signal("address", record.is_some(), words) },
        candidates,
        address,
    }
}

/// The record that the writer of a mail chose, where it has the address still.
fn by_writer<'f>(facts: &'f Facts, address: &EmailAddress) -> Option<(&'f KnownRecord, &'static str)> {
    let chosen = facts.chosen.get(&address.key())?;
    let known = facts.records_of(address).iter().find(|known| known.record == *chosen)?;
    Some((known, "was chosen by whoever wrote it"))
}

/// Whose an address is, without a mail around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// No record has it.
    Nobody,
    /// It means this record.
    One(RecordRef),
    /// Several records have it, and no rule says which.
    Many(Vec<Candidate>),
}

/// Says whose an address is, by the rules that hold for every mail.
pub fn settle(address: &EmailAddress, records: &[KnownRecord]) -> Settled {
    match choose(address, records, None) {
        Some((known, _)) => Settled::One(known.record),
        None if records.is_empty() => Settled::Nobody,
        None => Settled::Many(rank(address, records)),
    }
}

/// The record an address means, where a rule says so; `None` is a question for a person.
fn choose<'r>(
    address: &EmailAddress,
    records: &'r [KnownRecord],
    earlier: Option<&KnownEmail>,
) -> Option<(&'r KnownRecord, &'static str)> {
    if let [only] = records {
        return Some((only, "belongs to one record"));
    }
    // Ours before theirs: a colleague may stand in the CRM as a contact too.
    if let Some(user) = records.iter().find(|known| !known.record.entity.is_customer()) {
        return Some((user, "is one of us"));
    }
    if let Some(settled) = earlier.and_then(|email| email.resolved.get(&address.key())) {
        let known = records.iter().find(|known| known.record == *settled);
        return known.map(|known| (known, "was settled earlier in this conversation"));
    }
    let active: Vec<&KnownRecord> = records.iter().filter(|known| known.is_active).collect();
    if let [only] = active.as_slice() {
        return Some((only, "belongs to one active record"));
    }
    person_at_company(&active).map(|person| (person, "belongs to a person and the company of that person"))
}

/// One person, and beside him only his own company: the person wrote.
fn person_at_company<'r>(records: &[&'r KnownRecord]) -> Option<&'r KnownRecord> {
    let mut people = records.iter().filter(|known| known.record.entity == Entity::Contact);
    let person = people.next()?;
    let others_are_his_company = records.iter().all(|known| {
        known.record == person.record
            || (known.record.entity == Entity::Account && Some(known.record.id) == person.company)
    });
    others_are_his_company.then_some(person)
}

/// Active before inactive, people before companies before leads, the lately changed before the old.
fn rank(address: &EmailAddress, records: &[KnownRecord]) -> Vec<Candidate> {
    let order = |entity: Entity| match entity {
        Entity::Contact => 0,
        Entity::Account => 1,
        _ => 2,
    };
    let mut ranked: Vec<&KnownRecord> = records.iter().collect();
    ranked.sort_by_key(|known| {
        (!known.is_active, order(known.record.entity), std::cmp::Reverse(known.modified), known.record.id)
    });
    let ranked = ranked.into_iter().take(limits::CANDIDATES_MAX);
    let why = |known: &KnownRecord| {
        let state = if known.is_active { "Active" } else { "Inactive" };
        format!("{state} {} with this address.", known.record.entity.name())
    };
    ranked
        .zip(1u32..)
        .map(|(known, rank)| Candidate {
            address: Some(address.clone()),
            record: known.record,
            name: known.name.clone(),
            rank,
            why: why(known),
        })
        .collect()
}
