//! Gathers the facts for a decision by indexed reads; decides nothing.
//!
//! What was read before the unit of work (the [`Desk`]) is believed inside it only while `records_version`
//! holds; the facts of a decision that counts are read inside.

use std::collections::{HashMap, HashSet};

use model::decision::{Entity, RecordRef};
use model::outcome::Reason;
use model::schema::customers::RecordAddress;
use model::schema::emails::{ActivityParty, Email, Identity, mark};
use model::schema::people::SystemUser;
use model::{EmailAddress, Id, Mailbox, MessageId, Timestamp, limits};
use store::{AddressedRecord, Read, StoreError};

use super::copy::{Copy, Proof, Source};
use super::offer::Offer;
use super::unwrap::Original;
use super::{Opened, verdicts};
use crate::correlate::{
    CrmRecipient, Facts, IdentityKey, KnownEmail, KnownIdentity, KnownRecord, NeverLogHit, Participation,
    RecipientFrom, thread,
};
use crate::settings::{self, OrganizationSettings};
use crate::tokens::SentTo;

/// How many e-mails are looked at for one token, index or chain of ids.
const KNOWN_MAX: usize = 20;
/// How many e-mails that name one id are looked at.
const NAMING_MAX: usize = 100;
/// How many rows are looked through for e-mails that name what another one names: half a millisecond.
const AKIN_ROWS_MAX: usize = 200;
/// How many of those are read.
const AKIN_MAX: usize = 40;

/// What is known about a copy before it is opened.
#[derive(Debug, Clone)]
pub struct Desk {
    /// The version of the records this was read from; see `store::Read::records_version`.
    pub records_version: i64,
    /// The organisation's settings.
    pub settings: OrganizationSettings,
    /// The users whose mailboxes it came from, by the envelope.
    pub mailbox_users: Vec<SystemUser>,
    /// The user whom the outer From names.
    pub outer_user: Option<SystemUser>,
    /// To whom that user wrote.
    pub audience: Audience,
    /// Whether the outer From is believed where it is one of us: a person's own hand, a credential of that very
    /// user's own, or a network that vouches and an envelope sender who is one of us. A redirect keeps the
    /// envelope sender of a stranger.
    pub is_proven: bool,
    /// Whether the same holds for whom he wrote to, so that what he hands to the CRM may be opened.
    pub may_hand_over: bool,
    /// The author of the mail that a user passed on under his own name; see `readdressed`.
    pub readdressed: Option<Mailbox>,
    /// Whether it is a report of the organisation's own journal, whose envelope is believed.
    pub is_journal: bool,
}

/// To whom one of us wrote a copy's outer mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Audience {
    /// A sink is among them.
    pub has_sink: bool,
    /// Users or queues are among them.
    pub has_us: bool,
    /// Somebody outside is among them.
    pub has_outsider: bool,
}

impl Desk {
    /// Whether one of us hands the outer mail to the CRM: nobody outside is on it, and a sink is, or nobody
    /// is named at all.
    pub fn is_handed_over(&self) -> bool {
        let Audience { has_sink, has_us, has_outsider } = self.audience;
        self.outer_user.is_some() && !has_outsider && (has_sink || !has_us)
    }
}

/// Reads what is known about a copy before it is opened. `header` is that of its outer mail, where it can be read.
pub fn desk(read: &Read<'_>, copy: &Copy, header: Option<&message::Header>) -> Result<Desk, StoreError> {
    let outer_user = match header.and_then(|header| header.from.first()) {
        Some(from) => user_by_address(read, &from.address)?,
        None => None,
    };
    let (audience, readdressed) = match (&outer_user, header) {
        (Some(_), Some(header)) => (audience(read, header)?, readdressed(read, header)?),
        _ => (Audience::default(), None),
    };
    let settings = settings::read(read)?;
    let is_journal = match header {
        Some(header) => is_journal(read, copy, (header, &settings.journal_senders))?,
        None => false,
    };
    let users: Result<Vec<_>, StoreError> = copy.mailbox_users().map(|id| read.user(id)).collect();
    let is_proven = match copy.proof {
        Proof::None => false,
        // Nobody speaks any more in the name of a user who was disabled.
        Proof::Network | Proof::User(_) if outer_user.as_ref().is_some_and(|user| user.isdisabled) => false,
        Proof::Network => is_sent_by_us(read, copy)?,
        Proof::User(id) => outer_user.as_ref().is_some_and(|user| user.systemuserid == id),
        Proof::Hand | Proof::Mailbox => true,
    };
    Ok(Desk {
        records_version: read.records_version()?,
        settings,
        mailbox_users: users?.into_iter().flatten().collect(),
        audience,
        is_proven,
        may_hand_over: is_proven,
        outer_user,
        readdressed,
        is_journal,
    })
}

/// The author of a mail that Thunderbird's *Redirect* sent on: the user stands in From, the author in Reply-To. Where
/// the mail that it names is here, that one has to be by this author.
fn readdressed(read: &Read<'_>, header: &message::Header) -> Result<Option<Mailbox>, StoreError> {
    let Some((author, id)) = header.readdressed() else { return Ok(None) };
    let is_ours = !ours(read, &author.address)?.is_empty();
    let named = read.identities(&message::identity::message_key(id))?;
    let by_author = named.iter().any(|claim| claim.sender == Some(author.address.key()));
    Ok((!is_ours && (named.is_empty() || by_author)).then(|| author.clone()))
}

/// A report of the journal: it comes from where our own domains are refused from outside, straight to the sink it is
/// addressed to, by no person's rule, from a listed sender. Exchange gives it the null sender.
fn is_journal(
    read: &Read<'_>,
    copy: &Copy,
    (header, senders): (&message::Header, &[String]),
) -> Result<bool, StoreError> {
    let is_listed = |address: &EmailAddress| senders.contains(&address.key());
    let from_listed = header.author().is_some_and(|author| is_listed(&author.address));
    // A person's own credential proves that person, and no journal.
    if !from_listed || copy.proof != Proof::Network || copy.mailbox_users().next().is_some() {
        return Ok(false);
    }
    let mail_from = copy.mail_from.as_deref().map(EmailAddress::parse);
    let is_sent_by_it = match mail_from {
        // Anybody's mail has the null sender once a rule has sent it on; Exchange marks its reports.
        None => copy.has_envelope && header.journal_report,
        Some(from) => from.is_some_and(|from| is_listed(&from)),
    };
    let audience = audience(read, header)?;
    let is_to_sink = audience.has_sink && !audience.has_us && !audience.has_outsider;
    let is_direct = copy.recipients.iter().all(|to| to.source.is_sink()) && !is_passed_on(read, header)?;
    Ok(is_sent_by_it && is_to_sink && is_direct && copy.source.is_sink())
}

/// Whether anything shows that a mailbox passed a mail on: a mark of its server, or the name of any address but a
/// sink's among those that it came through.
fn is_passed_on(read: &Read<'_>, header: &message::Header) -> Result<bool, StoreError> {
    for address in &header.delivered_to {
        let records = ours(read, address)?;
        if !records.iter().any(|record| record.objecttypecode == store::SINK_TYPE_CODE) {
            return Ok(true);
        }
    }
    Ok(header.redirected || header.passed_on)
}

fn is_sent_by_us(read: &Read<'_>, copy: &Copy) -> Result<bool, StoreError> {
    let Some(sender) = copy.mail_from.as_deref().and_then(EmailAddress::parse) else { return Ok(false) };
    Ok(user_or_queue(&ours(read, &sender)?))
}

fn audience(read: &Read<'_>, header: &message::Header) -> Result<Audience, StoreError> {
    let mut audience = Audience::default();
    for mailbox in header.to.iter().chain(&header.cc).chain(&header.bcc).take(limits::PARTIES_MAX) {
        let records = ours(read, &mailbox.address)?;
        let is_sink = records.iter().any(|record| record.objecttypecode == store::SINK_TYPE_CODE);
        let is_us = user_or_queue(&records);
        audience.has_sink |= is_sink;
        audience.has_us |= is_us;
        audience.has_outsider |= !is_sink && !is_us;
    }
    Ok(audience)
}

/// The rows that make an address one of ours, of one with a detail also without it: `jane+crm@` is `jane@`.
fn ours(read: &Read<'_>, address: &EmailAddress) -> Result<Vec<RecordAddress>, StoreError> {
    let mut records = read.our_addresses(&address.key())?;
    let (plain, detail) = address.split_detail();
    if detail.is_some() {
        records.extend(read.our_addresses(&plain.key())?);
    }
    Ok(records)
}

fn user_or_queue(records: &[RecordAddress]) -> bool {
    let ours = [Entity::SystemUser as i32, Entity::Queue as i32];
    records.iter().any(|record| ours.contains(&record.objecttypecode))
}

/// What an address of ours leads to: the whole of it, or else without its detail.
pub(super) fn leads_to(read: &Read<'_>, address: &EmailAddress) -> Result<Option<Source>, StoreError> {
    let plain = address.split_detail().0;
    for address in [address, &plain] {
        let rows = read.our_addresses(&address.key())?;
        let has = |code: i32| rows.iter().any(|row| row.objecttypecode == code);
        let found = if has(store::SINK_TYPE_CODE) {
            Some(Source::Sink(address.clone()))
        } else if has(Entity::Queue as i32) {
            Some(Source::Queue(address.clone()))
        } else {
            has(Entity::SystemUser as i32).then(|| Source::User(address.clone()))
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The user with this address, also without its detail.
pub(super) fn user_by_address(
    read: &Read<'_>,
    address: &EmailAddress,
) -> Result<Option<SystemUser>, StoreError> {
    let records = ours(read, address)?;
    let user = records.iter().find(|record| record.objecttypecode == Entity::SystemUser as i32);
    user.map(|record| read.user(record.objectid)).transpose().map(Option::flatten)
}

/// The first addresses that will be looked up of some originals.
pub(super) fn looked_up(originals: &[Original]) -> Vec<EmailAddress> {
    let participants = originals.iter().flat_map(|original| original.offer.participants());
    participants.take(limits::FORESEEN_MAX).cloned().collect()
}

/// Everything that can matter for one original.
pub fn facts(read: &Read<'_>, opened: &Opened, original: &Original) -> Result<Facts, StoreError> {
    let mut facts = records(read, &opened.copy, &opened.desk, original)?;
    if let Some(outgoing) = &opened.outgoing {
        facts.chosen = outgoing.chosen.iter().cloned().collect();
        facts.continues = outgoing.continues;
    }
    verdicts::note(read, (opened, original), &mut facts)?;
    mails(read, (&original.offer, &opened.desk.settings), &mut facts)?;
    Ok(facts)
}

/// The facts about records: who has which address, whose mailbox it was, what nobody wants logged.
fn records(read: &Read<'_>, copy: &Copy, desk: &Desk, original: &Original) -> Result<Facts, StoreError> {
    let offer = &original.offer;
    let is_dug_out = original.is_handed_on();
    let mut facts = Facts {
        sender_proven: match &offer.journal {
            Some(envelope) => is_by(envelope.sender.as_ref(), offer),
            None => desk.is_proven && (!is_dug_out || is_by_outer_user(desk, offer)),
        },
        by_hand: copy.proof == Proof::Hand,
        is_composed: copy.source == Source::Outbox,
        out_of_mailbox: matches!(copy.source, Source::Mailbox(_)),
        null_sender: match &offer.journal {
            Some(envelope) => envelope.is_null_sender,
            None => copy.has_null_sender(),
        },
        is_handed_over: is_dug_out || (desk.is_handed_over() && copy.source.is_sink()),
        is_handed_over_by_us: desk.may_hand_over,
        ..Facts::default()
    };
    let mut directory = Directory { read, filters: HashMap::new(), facts: &mut facts };
    // The envelope first: a header of a thousand addresses must not hide for whom the copy was.
    for recipient in &copy.recipients {
        directory.look_up(&recipient.address)?;
    }
    let journal = offer.journal.iter().flat_map(|envelope| &envelope.recipients);
    for address in offer.participants().chain(&offer.delivered_to).chain(journal) {
        directory.look_up(address)?;
    }
    let filters = directory.filters;
    facts.recipients = recipients(copy, desk, original, &Found { facts: &facts, filters });
    facts.returned_writer = match offer.returned_to {
        Some(to) => read.email(to.email)?.and_then(|email| email.ownerid),
        None => None,
    };
    let recipients = facts.recipients.iter().map(|recipient| recipient.record.id);
    let users: HashSet<Id> = recipients.chain(facts.returned_writer).collect();
    facts.never_log = never_log(read, offer, &facts, &users)?;
    Ok(facts)
}

/// The proof of the outer mail is lent to the inner one only where both are by the same user.
fn is_by_outer_user(desk: &Desk, offer: &Offer) -> bool {
    let outer = desk.outer_user.as_ref().and_then(|user| EmailAddress::parse(&user.internalemailaddress));
    is_by(outer.as_ref(), offer)
}

fn is_by(sender: Option<&EmailAddress>, offer: &Offer) -> bool {
    let from = offer.from.as_ref().map(|from| from.address.key());
    sender.is_some_and(|sender| from == Some(sender.key()))
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
    all.extend(desk.mailbox_users.iter().map(|known| user(known, RecipientFrom::Envelope)));
    let addressed =
        copy.recipients.iter().filter(|to| matches!(to.source, Source::Queue(_) | Source::User(_)));
    all.extend(addressed.filter_map(|to| found.ours(&to.address, RecipientFrom::Envelope)));
    let journal = offer.journal.iter().flat_map(|envelope| &envelope.recipients);
    all.extend(journal.filter_map(|to| found.ours(to, RecipientFrom::Envelope)));
    // Anybody can write trace fields: they are asked only where the envelope names nobody.
    let is_named = !all.is_empty();
    if original.is_handed_on() {
        all.extend(desk.outer_user.iter().map(|known| user(known, RecipientFrom::Forwarder)));
    }
    all.extend(offer.recipients().filter_map(|to| found.ours(&to.address, RecipientFrom::Header)));
    let trace = offer.delivered_to.iter().filter(|_| !is_named);
    all.extend(trace.filter_map(|to| found.ours(to, RecipientFrom::Trace)));
    let is_proven = if offer.journal.is_some() { found.facts.sender_proven } else { desk.is_proven };
    if is_proven {
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
        for entry in read.never_log_of(&address.key(), &address.domain_key())? {
            if entry.systemuserid.is_none_or(|user| users.contains(&user)) {
                hits.push(NeverLogHit { pattern: entry.pattern, user: entry.systemuserid });
            }
        }
    }
    Ok(hits)
}

/// The facts about other mail: who claims the same keys, what it answers, what answers it.
fn mails(
    read: &Read<'_>,
    (offer, settings): (&Offer, &OrganizationSettings),
    facts: &mut Facts,
) -> Result<(), StoreError> {
    facts.identities.clear();
    let mut is_named = settings.has_former_names;
    for (key, hash) in keys_asked(offer, settings) {
        let claims = read.claims(&hash)?;
        is_named |= key == IdentityKey::MessageId && claims.is_any();
        for claim in claims.by {
            // Whom it was written to matters only where the same id comes with another text.
            let is_twin = key == IdentityKey::MessageId
                && claim.senton == offer.date
                && offer.text_digest.is_some_and(|digest| digest.as_slice() != claim.textdigest);
            let (recipients, blind) =
                if is_twin { recipients_of(read, claim.activityid)? } else { Default::default() };
            let has_another_id = has_another_id(read, offer, (key, &claim))?;
            let known = known_identity(key, claim);
            facts.identities.push(KnownIdentity { recipients, blind, has_another_id, ..known });
        }
    }
    if offer.is_guess {
        let quoted = quoted(read, (offer, settings), facts)?;
        facts.identities.extend(quoted);
    }
    facts.has_same_bytes = facts.identities.iter().any(|known| offer.raw_digest == Some(known.raw_digest));
    let mut here = HashSet::new();
    facts.answered = Vec::new();
    facts.referenced = Vec::new();
    facts.unknown.clear();
    for ((id, is_in_reply_to), named_at) in offer.referenced().into_iter().zip(0..) {
        let key = message::identity::message_key(id);
        let claims = read.claimants(&key)?;
        if !claims.is_any() {
            facts.unknown.insert(key);
        }
        for email in claims.by {
            let list = if is_in_reply_to { &mut facts.answered } else { &mut facts.referenced };
            if list.len() < KNOWN_MAX && here.insert(email) {
                list.extend(known_email(read, email)?.map(|known| KnownEmail { named_at, ..known }));
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
    facts.answered_by_word = offer.answers.map(|id| known_email(read, id)).transpose()?.flatten();
    (facts.returned_to, facts.returned_recipient) = match offer.returned_to {
        Some(to) => returned_to(read, to)?,
        None => (None, None),
    };
    facts.returned = Vec::new();
    for id in &offer.returned {
        facts.returned.extend(known_emails(read, emails_by_message_id(read, id)?)?);
    }
    facts.relatives.clear();
    facts.relatives = relatives(read, offer, (facts, is_named))?;
    Ok(())
}

/// The e-mail of a return path, where it went out from here, and the recipient.
fn returned_to(read: &Read<'_>, to: SentTo) -> Result<(Option<KnownEmail>, Option<String>), StoreError> {
    let Some(recipient) = read.outbox_recipient(to.email, to.number)? else { return Ok((None, None)) };
    let address = EmailAddress::parse(&recipient.address).map(|address| address.key());
    Ok((known_email(read, to.email)?, address))
}

/// Whether the e-mail behind a claim is certain to be another mail: one that came without its id, or was quoted, has
/// it by now.
fn has_another_id(
    read: &Read<'_>,
    offer: &Offer,
    (key, claim): (IdentityKey, &Identity),
) -> Result<bool, StoreError> {
    let (Some(own), false) = (&offer.message_id, offer.is_guess) else { return Ok(false) };
    if key == IdentityKey::MessageId || claim.hasmessageid {
        return Ok(false);
    }
    let email = read.email(claim.activityid)?.filter(|email| email.marks & mark::GUESSED == 0);
    Ok(email.and_then(|email| email.messageid).is_some_and(|id| id != own.to_string()))
}

/// How many mails of one author and subject are compared with a quotation of one.
const QUOTABLE_MAX: usize = 20;

/// The mails that a quotation may quote: of its author, under its subject, at a time that it may mean. A quotation
/// has no second and no zone, so no key finds them.
fn quoted(
    read: &Read<'_>,
    (offer, settings): (&Offer, &OrganizationSettings),
    facts: &Facts,
) -> Result<Vec<KnownIdentity>, StoreError> {
    let (Some(from), Some(date)) = (&offer.from, offer.date) else { return Ok(Vec::new()) };
    let at = |seconds: i64| Timestamp::from_seconds(date.seconds().saturating_add(seconds));
    let key = from.address.key();
    let records = facts.records_of(&from.address).iter().map(|known| Some(known.record.id));
    let mut sent = Vec::new();
    for record in records.take(limits::CANDIDATES_MAX).chain([None]) {
        // A program may send more than are looked at; the nearest must be among them.
        for around in [60, message::identity::ZONES_APART_SECONDS + 60] {
            let written = (key.as_str(), record, offer.canonical_subject.as_str());
            sent.extend(read.emails_by_sender(written, (at(-around), at(around)), QUOTABLE_MAX)?);
        }
    }
    let mut found = Vec::new();
    // Other quotations are found by the key they claim.
    let is_certain = |email: &Email| email.marks & mark::GUESSED == 0;
    for email in sent.into_iter().filter(is_certain) {
        let Some(senton) = email.senton else { continue };
        for hash in content_keys((&from.address, senton, &email.canonicalsubject), settings) {
            let claims = read.identities(&hash)?.into_iter();
            let own = claims.filter(|claim| claim.activityid == email.activityid);
            found.extend(own.map(|claim| KnownIdentity {
                is_guess: false,
                ..known_identity(IdentityKey::Quoted, claim)
            }));
        }
    }
    Ok(found)
}

/// Every key by which a mail is looked for: those it has, in their former form too, and that of a quotation of it, where there
/// may be one.
pub fn keys_asked(offer: &Offer, settings: &OrganizationSettings) -> Vec<(IdentityKey, [u8; 16])> {
    let mut keys = keys(offer);
    if let (Some(from), Some(date)) = (&offer.from, offer.date) {
        let asked = content_keys((&from.address, date, &offer.canonical_subject), settings);
        keys.extend(asked.skip(1).map(|hash| (IdentityKey::Content, hash)));
    }
    if settings.has_guesses && !offer.is_guess {
        keys.extend(quoted_key(offer));
    }
    keys
}

/// The content key of a mail, and the former form of it where mail of that date may have claimed that.
fn content_keys(
    (from, date, subject): (&EmailAddress, Timestamp, &str),
    settings: &OrganizationSettings,
) -> impl Iterator<Item = [u8; 16]> {
    let is_early = settings.former_keys_until.is_some_and(|until| date < until);
    let former = is_early.then(|| message::identity::former_content_key(from, date, subject));
    [message::identity::content_key(from, date, subject)].into_iter().chain(former)
}

/// Whether a quotation of a mail may be here: one by its author, under its subject, at a time that may be its own. Its
/// text would tell; of that nothing is known yet. Whoever was a party and has lost the address since is not found.
pub(super) fn may_be_quoted(
    read: &Read<'_>,
    (offer, copy): (&Offer, &Copy),
    facts: &Facts,
) -> Result<bool, StoreError> {
    let (Some(from), Some(date)) = (&offer.from, offer.date) else { return Ok(false) };
    // Mail of the future stands among that of the day on which it came, and so does what quotes it.
    if date > copy.arrived {
        return Ok(true);
    }
    let around = message::identity::ZONES_APART_SECONDS + 60;
    let at = |seconds: i64| Timestamp::from_seconds(date.seconds().saturating_add(seconds));
    let key = from.address.key();
    let records = facts.records_of(&from.address).iter().map(|known| Some(known.record.id));
    for record in records.take(limits::CANDIDATES_MAX).chain([None]) {
        let written = (key.as_str(), record, offer.canonical_subject.as_str());
        let sent = read.emails_by_sender(written, (at(-around), at(around)), QUOTABLE_MAX)?;
        if sent.len() == QUOTABLE_MAX || sent.iter().any(|email| email.marks & mark::GUESSED != 0) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn quoted_key(offer: &Offer) -> Option<(IdentityKey, [u8; 16])> {
    let (from, digest) = (offer.from.as_ref()?, offer.text_digest.as_ref()?);
    let hash = message::identity::quoted_key(&from.address, &offer.canonical_subject, digest)?;
    Some((IdentityKey::Quoted, hash))
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
    if offer.is_guess {
        keys.extend(quoted_key(offer));
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
        is_guess: key == IdentityKey::Quoted,
        has_another_id: false,
        text_digest: claim.textdigest.try_into().unwrap_or_default(),
        raw_digest: claim.rawdigest.try_into().unwrap_or_default(),
        recipients: HashSet::new(),
        blind: HashSet::new(),
    }
}

/// To whom an e-mail was written, and to whom blind.
fn recipients_of(read: &Read<'_>, email: Id) -> Result<(HashSet<String>, HashSet<String>), StoreError> {
    let parties = read.parties(email)?;
    let of = |kinds: &[Participation]| {
        let is_one =
            |party: &&ActivityParty| kinds.iter().any(|kind| *kind as i32 == party.participationtypemask);
        parties.iter().filter(is_one).filter_map(|party| party.addressused.clone()).collect()
    };
    Ok((of(&[Participation::To, Participation::Cc]), of(&[Participation::Bcc])))
}

fn emails_by_message_id(read: &Read<'_>, id: &MessageId) -> Result<Vec<Id>, StoreError> {
    Ok(read.claimants(&message::identity::message_key(id))?.by)
}

/// The latest mails under the tokens of a subject. Anybody who has seen a token can write a crowd of mails under it; so what was
/// written here under it is looked for by itself, from the mail on that it was drawn for.
fn tokens(read: &Read<'_>, offer: &Offer) -> Result<Vec<Id>, StoreError> {
    let (mut seen, mut found) = (HashSet::new(), Vec::new());
    for token in &offer.tokens {
        let latest = read.emails_by_token(token, KNOWN_MAX)?;
        let is_crowd = latest.len() == KNOWN_MAX;
        let composed = (token.as_str(), Reason::Composed as i32);
        let own = if is_crowd { read.first_emails_by_token(composed, KNOWN_MAX)? } else { Vec::new() };
        found.extend(latest.into_iter().chain(own.into_iter().rev()).filter(|id| seen.insert(*id)));
    }
    Ok(found)
}

/// Mail that names this one, where any does, and mail that names what this one names: of a thread some of it never came here.
fn relatives(
    read: &Read<'_>,
    offer: &Offer,
    (facts, is_named): (&Facts, bool),
) -> Result<Vec<KnownEmail>, StoreError> {
    let mut seen = HashSet::new();
    let mut relatives = Vec::new();
    if let Some(own) = offer.message_id.as_ref().filter(|_| is_named) {
        let key = message::identity::message_key(own);
        for naming in read.references_to(&key, NAMING_MAX)? {
            if seen.insert(naming.email) {
                let found = known_email(read, naming.email)?.map(|known| KnownEmail {
                    answers_this: naming.is_in_reply_to,
                    names_this_at: Some(naming.position),
                    ..known
                });
                relatives.extend(found);
            }
        }
    }
    akin(read, offer, facts, &mut Akin { seen, found: &mut relatives })?;
    Ok(relatives)
}

/// Mails that name what another one names.
struct Akin<'a> {
    seen: HashSet<Id>,
    found: &'a mut Vec<KnownEmail>,
}

/// Looks through the ids from the nearest on. What stands in a conversation that this mail surely joins brings
/// nothing new, and in a long thread that is nearly all.
fn akin(read: &Read<'_>, offer: &Offer, facts: &Facts, akin: &mut Akin<'_>) -> Result<(), StoreError> {
    if offer.referenced().is_empty() {
        return Ok(());
    }
    let parents = thread::parents(offer, facts);
    let mut joined: HashSet<Id> = parents.into_iter().map(|known| known.conversation).collect();
    let (mut rows_left, mut mails_left) = (AKIN_ROWS_MAX, AKIN_MAX);
    for (id, _) in offer.referenced() {
        let namings = read.references_to(&message::identity::message_key(id), rows_left.min(NAMING_MAX))?;
        rows_left -= namings.len();
        for naming in namings {
            let is_new = naming.canonical_subject == offer.canonical_subject
                && !joined.contains(&naming.conversation)
                && akin.seen.insert(naming.email);
            if !is_new || mails_left == 0 {
                continue;
            }
            mails_left -= 1;
            if let Some(known) = known_email(read, naming.email)?
                && thread::is_akin(offer, facts, &known)
            {
                joined.insert(known.conversation);
                akin.found.push(known);
            }
        }
        if rows_left == 0 || mails_left == 0 {
            break;
        }
    }
    Ok(())
}

fn known_emails(read: &Read<'_>, ids: Vec<Id>) -> Result<Vec<KnownEmail>, StoreError> {
    let mut known = Vec::with_capacity(ids.len());
    for id in ids {
        known.extend(known_email(read, id)?);
    }
    Ok(known)
}

fn known_email(read: &Read<'_>, id: Id) -> Result<Option<KnownEmail>, StoreError> {
    let Some(email) = read.email_facts(id)? else { return Ok(None) };
    let parties = read.parties(id)?;
    let regarding = record_ref(email.regardingobjecttypecode, email.regardingobjectid);
    let settled = parties.iter().filter_map(|party| {
        let record = record_ref(party.partyobjecttypecode, party.partyid)?;
        Some((party.addressused.clone()?, record))
    });
    let accepting = record_ref(email.acceptingentitytypecode, email.acceptingentityid);
    let queues = parties.iter().filter_map(|party| record_ref(party.partyobjecttypecode, party.partyid));
    let ours = parties.iter().filter(|party| {
        let entity = party.partyobjecttypecode.and_then(|code| Entity::from_code(i64::from(code)));
        entity.is_some_and(|entity| !entity.is_customer())
    });
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
        is_outgoing: email.directioncode,
        ours: ours.filter_map(|party| party.addressused.clone()).collect(),
        is_unproven: email.marks & mark::UNPROVEN_SENDER != 0,
        named_at: 0,
        answers_this: false,
        names_this_at: None,
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
