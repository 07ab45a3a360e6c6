//! Gathers the facts for a decision by indexed reads; decides nothing.
//!
//! What was read before the unit of work (the [`Desk`]) is believed inside it only while `records_version`
//! holds; the facts of a decision that counts are read inside.

use std::collections::{HashMap, HashSet};

use message::unwrap::Method;
use model::decision::{Entity, RecordRef};
use model::schema::customers::RecordAddress;
use model::schema::emails::{ActivityParty, Identity};
use model::schema::people::SystemUser;
use model::{EmailAddress, Id, MessageId, limits};
use store::{AddressedRecord, Read, StoreError};

use super::Opened;
use super::copy::{Copy, Proof, Source};
use super::offer::Offer;
use super::unwrap::Original;
use crate::correlate::{
    CrmRecipient, Facts, IdentityKey, KnownEmail, KnownIdentity, KnownRecord, NeverLogHit, RecipientFrom,
};
use crate::settings::{self, OrganizationSettings};

/// How many e-mails are looked at for one token, index or chain of ids.
const KNOWN_MAX: usize = 20;

/// What is known about a copy before it is opened.
#[derive(Debug, Clone)]
pub struct Desk {
    /// The version of the records this was read from; see `store::Read::records_version`.
    pub records_version: i64,
    /// The organisation's settings.
    pub settings: OrganizationSettings,
    /// The user whose mailbox it came from, by the envelope.
    pub mailbox_user: Option<SystemUser>,
    /// The user whom the outer From names.
    pub outer_user: Option<SystemUser>,
    /// To whom that user wrote.
    pub outer_audience: Audience,
}

/// To whom one of us wrote a copy's outer mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// To sinks alone: for the CRM.
    SinksOnly,
    /// To us, sinks perhaps among them.
    Ourselves,
    /// To somebody outside.
    Outsiders,
}

/// Reads what is known about a copy before it is opened.
pub fn desk(read: &Read<'_>, copy: &Copy) -> Result<Desk, StoreError> {
    let header = message::read_header(&copy.raw).ok();
    let outer_user = match header.as_ref().and_then(|header| header.from.first()) {
        Some(from) => user_by_address(read, &from.address)?,
        None => None,
    };
    let outer_audience = match (&outer_user, &header) {
        (Some(_), Some(header)) => audience(read, header)?,
        _ => Audience::Outsiders,
    };
    let mailbox_user = copy.mailbox_user.map(|id| read.user(id)).transpose()?.flatten();
    Ok(Desk {
        records_version: read.records_version()?,
        settings: settings::read(read)?,
        mailbox_user,
        outer_user,
        outer_audience,
    })
}

fn audience(read: &Read<'_>, header: &message::Header) -> Result<Audience, StoreError> {
    let mut audience = None;
    for mailbox in header.to.iter().chain(&header.cc).chain(&header.bcc).take(limits::PARTIES_MAX) {
        let plain = mailbox.address.split_detail().0;
        let records = read.addresses(&plain.key())?;
        let is_sink = records.iter().any(|record| record.objecttypecode == store::SINK_TYPE_CODE);
        let is_ours =
            is_sink || user_or_queue(&records) || user_or_queue(&read.addresses(&mailbox.address.key())?);
        match (is_ours, is_sink) {
            (false, _) => return Ok(Audience::Outsiders),
            (true, false) => audience = Some(Audience::Ourselves),
            (true, true) => audience = audience.or(Some(Audience::SinksOnly)),
        }
    }
    // Nobody named: a blind copy, of which nobody can say that it was for the CRM alone.
    Ok(audience.unwrap_or(Audience::Ourselves))
}

fn user_or_queue(records: &[RecordAddress]) -> bool {
    let ours = [Entity::SystemUser as i32, Entity::Queue as i32];
    records.iter().any(|record| ours.contains(&record.objecttypecode))
}

fn user_by_address(read: &Read<'_>, address: &EmailAddress) -> Result<Option<SystemUser>, StoreError> {
    let records = read.addresses(&address.key())?;
    let user = records.iter().find(|record| record.objecttypecode == Entity::SystemUser as i32);
    user.map(|record| read.user(record.objectid)).transpose().map(Option::flatten)
}

/// Everything that can matter for one original.
pub fn facts(read: &Read<'_>, opened: &Opened, original: &Original) -> Result<Facts, StoreError> {
    let mut facts = records(read, &opened.copy, &opened.desk, original)?;
    mails(read, &original.offer, &mut facts)?;
    Ok(facts)
}

/// The facts about records: who has which address, whose mailbox it was, what nobody wants logged.
fn records(read: &Read<'_>, copy: &Copy, desk: &Desk, original: &Original) -> Result<Facts, StoreError> {
    let offer = &original.offer;
    let mut facts = Facts {
        sender_proven: copy.proof.holds(),
        by_hand: copy.proof == Proof::Hand,
        null_sender: copy.mail_from.is_none() && copy.source != Source::Track,
        ..Facts::default()
    };
    let mut directory = Directory { read, filters: HashMap::new(), facts: &mut facts };
    for address in offer.participants().chain(&offer.delivered_to) {
        directory.look_up(address)?;
    }
    for address in &copy.recipients {
        directory.look_up(address)?;
    }
    let filters = directory.filters;
    facts.recipients = recipients(copy, desk, original, &Found { facts: &facts, filters });
    let users: HashSet<Id> = facts.recipients.iter().map(|recipient| recipient.record.id).collect();
    facts.never_log = never_log(read, offer, &facts, &users)?;
    Ok(facts)
}

struct Directory<'r, 'c, 'f> {
    read: &'r Read<'c>,
    filters: HashMap<Id, AddressedRecord>,
    facts: &'f mut Facts,
}

impl Directory<'_, '_, '_> {
    /// Looks an address up once; one with a detail also without it.
    fn look_up(&mut self, address: &EmailAddress) -> Result<(), StoreError> {
        let key = address.key();
        if self.facts.records.contains_key(&key) || self.facts.records.len() > limits::PARTIES_MAX {
            return Ok(());
        }
        let mut found = self.read.records_by_address(&key)?;
        let (plain, detail) = address.split_detail();
        if found.is_empty() && detail.is_some() {
            found = self.read.records_by_address(&plain.key())?;
            found.retain(|record| record.entity.is_none_or(|entity| !entity.is_customer()));
        }
        let mut known = Vec::with_capacity(found.len());
        for record in found {
            let Some(entity) = record.entity else {
                self.facts.sinks.insert(plain.key());
                continue;
            };
            known.push(known_record(entity, &record));
            self.filters.insert(record.id, record);
        }
        self.facts.records.insert(key, known);
        Ok(())
    }
}

fn known_record(entity: Entity, record: &AddressedRecord) -> KnownRecord {
    KnownRecord {
        record: RecordRef { entity, id: record.id },
        name: record.name.clone(),
        is_active: record.is_active,
        company: record.company,
        modified: record.modified,
    }
}

/// The records that have an address.
pub fn known_records(read: &Read<'_>, address: &EmailAddress) -> Result<Vec<KnownRecord>, StoreError> {
    let found = read.records_by_address(&address.key())?;
    Ok(found.iter().filter_map(|record| Some(known_record(record.entity?, record))).collect())
}

struct Found<'f> {
    facts: &'f Facts,
    filters: HashMap<Id, AddressedRecord>,
}

impl Found<'_> {
    /// The user or queue behind an address, with its filter.
    fn ours(&self, address: &EmailAddress, from: RecipientFrom) -> Option<CrmRecipient> {
        let records = self.facts.records_of(address).iter();
        let known = records.into_iter().find(|known| !known.record.entity.is_customer())?;
        let filter = self.filters.get(&known.record.id)?.filter?;
        Some(CrmRecipient { record: known.record, name: known.name.clone(), filter, from })
    }
}

/// The users and queues a copy was for, each once, in order of trust.
fn recipients(copy: &Copy, desk: &Desk, original: &Original, found: &Found<'_>) -> Vec<CrmRecipient> {
    let offer = &original.offer;
    let user = |user: &SystemUser, from| CrmRecipient {
        record: RecordRef { entity: Entity::SystemUser, id: user.systemuserid },
        name: user.fullname.clone(),
        filter: user.incomingemailfilteringmethod,
        from,
    };
    let mut all: Vec<CrmRecipient> = Vec::new();
    all.extend(desk.mailbox_user.iter().map(|known| user(known, RecipientFrom::Envelope)));
    if let Source::Queue(_) | Source::User(_) = copy.source {
        all.extend(copy.recipients.iter().filter_map(|to| found.ours(to, RecipientFrom::Envelope)));
    }
    if original.method == Method::Attached {
        all.extend(desk.outer_user.iter().map(|known| user(known, RecipientFrom::Forwarder)));
    }
    let header = offer.recipients().filter_map(|to| found.ours(&to.address, RecipientFrom::Header));
    all.extend(header);
    all.extend(offer.delivered_to.iter().filter_map(|to| found.ours(to, RecipientFrom::Trace)));
    if copy.proof.holds() {
        all.extend(offer.from.iter().filter_map(|from| found.ours(&from.address, RecipientFrom::Sender)));
    }
    let mut seen = HashSet::new();
    all.retain(|recipient| seen.insert(recipient.record));
    all
}

/// Entries that an outsider's address meets: the organisation's, and the recipients' own.
fn never_log(
    read: &Read<'_>,
    offer: &Offer,
    facts: &Facts,
    users: &HashSet<Id>,
) -> Result<Vec<NeverLogHit>, StoreError> {
    let mut hits = Vec::new();
    for address in offer.participants().filter(|address| !facts.is_ours(address)) {
        for entry in read.never_log_of(&address.key(), &format!("@{}", address.domain()))? {
            if entry.systemuserid.is_none_or(|user| users.contains(&user)) {
                hits.push(NeverLogHit { pattern: entry.pattern, user: entry.systemuserid });
            }
        }
    }
    Ok(hits)
}

/// The facts about other mail: who claims the same keys, what it answers, what answers it.
fn mails(read: &Read<'_>, offer: &Offer, facts: &mut Facts) -> Result<(), StoreError> {
    facts.identities.clear();
    for (key, hash) in keys(offer) {
        let claims = read.identities(&hash)?;
        facts.identities.extend(claims.into_iter().map(|claim| known_identity(key, claim)));
    }
    facts.has_same_bytes = facts.identities.iter().any(|known| offer.raw_digest == Some(known.raw_digest));
    let mut here = HashSet::new();
    let mut missing = Vec::new();
    facts.answered = Vec::new();
    facts.referenced = Vec::new();
    for (id, is_in_reply_to) in offer.referenced() {
        let found = emails_by_message_id(read, id)?;
        if found.is_empty() {
            missing.push(message::identity::message_key(id));
        }
        for email in found {
            let list = if is_in_reply_to { &mut facts.answered } else { &mut facts.referenced };
            if list.len() < KNOWN_MAX && here.insert(email) {
                list.extend(known_email(read, email, false)?);
            }
        }
    }
    // An id named in both fields is an answer, but may be believed as a reference too.
    facts.referenced.extend(facts.answered.iter().cloned());
    facts.by_token = known_emails(read, tokens(read, offer)?)?;
    facts.by_thread_index = match &offer.thread_index {
        Some(index) => known_emails(read, read.emails_by_thread_index(index, KNOWN_MAX)?)?,
        None => Vec::new(),
    };
    facts.returned = Vec::new();
    for id in &offer.returned {
        facts.returned.extend(known_emails(read, emails_by_message_id(read, id)?)?);
    }
    facts.relatives = relatives(read, offer, &missing)?;
    Ok(())
}

/// Every key a mail has, with its hash. Each e-mail claims all of them.
pub fn keys(offer: &Offer) -> Vec<(IdentityKey, [u8; 16])> {
    let mut keys = Vec::with_capacity(3);
    if let Some(id) = &offer.message_id {
        keys.push((IdentityKey::MessageId, message::identity::message_key(id)));
    }
    if let (Some(from), Some(date)) = (&offer.from, offer.date) {
        let hash = message::identity::content_key(&from.address, date, &offer.canonical_subject);
        keys.push((IdentityKey::Content, hash));
    }
    if let (None, None, Some(digest)) = (&offer.message_id, offer.date, &offer.raw_digest) {
        keys.push((IdentityKey::Raw, message::identity::raw_key(digest)));
    }
    keys
}

fn known_identity(key: IdentityKey, claim: Identity) -> KnownIdentity {
    KnownIdentity {
        email: claim.activityid,
        key,
        sender: claim.sender,
        date: claim.senton,
        has_message_id: claim.hasmessageid,
        text_digest: claim.textdigest.try_into().unwrap_or_default(),
        raw_digest: claim.rawdigest.try_into().unwrap_or_default(),
    }
}

fn emails_by_message_id(read: &Read<'_>, id: &MessageId) -> Result<Vec<Id>, StoreError> {
    let claims = read.identities(&message::identity::message_key(id))?;
    Ok(claims.into_iter().map(|claim| claim.activityid).collect())
}

fn tokens(read: &Read<'_>, offer: &Offer) -> Result<Vec<Id>, StoreError> {
    let mut found = Vec::new();
    for token in &offer.tokens {
        found.extend(read.emails_by_token(token, KNOWN_MAX)?);
    }
    Ok(found)
}

/// Mail that names this one, or that names what this one names and nobody has seen.
fn relatives(read: &Read<'_>, offer: &Offer, missing: &[[u8; 16]]) -> Result<Vec<KnownEmail>, StoreError> {
    let mut seen = HashSet::new();
    let mut relatives = Vec::new();
    let own = offer.message_id.as_ref().map(message::identity::message_key);
    let keys = own.iter().map(|key| (key, true)).chain(missing.iter().map(|key| (key, false)));
    for (key, is_own) in keys {
        for reference in read.references_to(key, KNOWN_MAX)? {
            if seen.insert(reference.activityid) {
                let answers_this = is_own && reference.isinreplyto;
                relatives.extend(known_email(read, reference.activityid, answers_this)?);
            }
        }
    }
    Ok(relatives)
}

fn known_emails(read: &Read<'_>, ids: Vec<Id>) -> Result<Vec<KnownEmail>, StoreError> {
    let mut known = Vec::with_capacity(ids.len());
    for id in ids {
        known.extend(known_email(read, id, false)?);
    }
    Ok(known)
}

fn known_email(read: &Read<'_>, id: Id, answers_this: bool) -> Result<Option<KnownEmail>, StoreError> {
    let Some(email) = read.email(id)? else { return Ok(None) };
    let parties = read.parties(id)?;
    let regarding = record_ref(email.regardingobjecttypecode, email.regardingobjectid);
    let settled = parties.iter().filter_map(|party| {
        let record = record_ref(party.partyobjecttypecode, party.partyid)?;
        Some((party.addressused.clone()?, record))
    });
    let accepting = record_ref(email.acceptingentitytypecode, email.acceptingentityid);
    let queues = parties.iter().filter_map(|party| record_ref(party.partyobjecttypecode, party.partyid));
    Ok(Some(KnownEmail {
        id,
        subject: email.subject,
        canonical_subject: email.canonicalsubject,
        conversation: email.conversationtrackingid,
        regarding,
        participants: participants(&parties, email.sender.as_deref()),
        resolved: settled.collect(),
        queues: queues
            .chain(accepting)
            .filter(|record| record.entity == Entity::Queue)
            .map(|record| record.id)
            .collect(),
        date: email.sortdate,
        answers_this,
    }))
}

fn participants(parties: &[ActivityParty], sender: Option<&str>) -> HashSet<String> {
    let used = parties.iter().filter_map(|party| party.addressused.clone());
    used.chain(sender.map(str::to_lowercase)).collect()
}

/// A reference from the two columns it stands in.
pub fn record_ref(code: Option<i32>, id: Option<Id>) -> Option<RecordRef> {
    Some(RecordRef { entity: Entity::from_code(i64::from(code?))?, id: id? })
}
