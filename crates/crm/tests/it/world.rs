//! The people of the cases and the mail that is here already: a store small enough to be read.
//!
//! It answers an offer with the facts that the real store would give; `gather` proves that on the real one.

use std::collections::{HashMap, HashSet};

use crm::correlate::who::{self, Settled};
use crm::correlate::{
    CrmRecipient, Facts, KnownEmail, KnownIdentity, KnownRecord, NeverLogHit, RecipientFrom,
};
use crm::intake::{Offer, gather};
use model::decision::{Entity, RecordRef};
use model::filter::IncomingFilter;
use model::{EmailAddress, Id, MessageId, Timestamp};

use crate::offered::Offered;

/// Records, and the mail that is here.
#[derive(Debug, Clone)]
pub(crate) struct World {
    people: Vec<Person>,
    here: Vec<Here>,
    envelope: Vec<String>,
    forwarder: Vec<String>,
    never_log: Vec<(String, Option<Id>)>,
    prefixes: Vec<String>,
    sender_proven: bool,
    by_hand: bool,
    null_sender: bool,
}

#[derive(Debug, Clone)]
struct Person {
    address: EmailAddress,
    known: KnownRecord,
    filter: Option<IncomingFilter>,
}

/// A mail that is here.
#[derive(Debug, Clone)]
struct Here {
    name: String,
    id: Id,
    offer: Offer,
    settled: HashMap<String, RecordRef>,
}

/// Contoso and its customers, as in `mail/world.toml`; Eva keeps mail of enabled records.
pub(crate) fn world() -> World {
    World {
        people: Vec::new(),
        here: Vec::new(),
        envelope: Vec::new(),
        forwarder: Vec::new(),
        never_log: Vec::new(),
        prefixes: vec!["CRM:".to_owned()],
        sender_proven: false,
        by_hand: false,
        null_sender: false,
    }
    .ours(Entity::SystemUser, "Jane Doe <jane@contoso.test>", IncomingFilter::KnownCustomers)
    .ours(Entity::SystemUser, "Ben Ode <ben@contoso.test>", IncomingFilter::Replies)
    .ours(Entity::SystemUser, "Cleo Adams <cleo@contoso.test>", IncomingFilter::All)
    .ours(Entity::SystemUser, "Nils Berg <nils@contoso.test>", IncomingFilter::None)
    .ours(Entity::SystemUser, "Eva Lind <eva@contoso.test>", IncomingFilter::EnabledRecords)
    .ours(Entity::Queue, "Support <support@contoso.test>", IncomingFilter::All)
    .ours(Entity::Queue, "Sales <sales@contoso.test>", IncomingFilter::KnownCustomers)
    .customer(Entity::Account, "Fabrikam GmbH <info@fabrikam.test>")
    .customer(Entity::Contact, "Zoë Müller <zoe@fabrikam.test>")
    .customer(Entity::Contact, "Tom Reed <tom@northwind.test>")
    .customer(Entity::Contact, "Yuki Tanaka 田中 <yuki@northwind.test>")
    .customer(Entity::Account, "Shared Desk Ltd <pat@shared.test>")
    .customer(Entity::Contact, "Pat Lee <pat@shared.test>")
    .customer(Entity::Lead, "Pat Lee-Jones <pat@shared.test>")
    .customer(Entity::Lead, "Lena Novak <lena@novak.test>")
    .customer(Entity::Contact, "Δήμητρα Παππά <δοκιμή@παράδειγμα.test>")
}

impl World {
    /// One more customer: `Zoë Müller <zoe@fabrikam.test>`. The same name with another address is the same record.
    pub(crate) fn customer(self, entity: Entity, who: &str) -> Self {
        self.person(entity, who, None)
    }

    fn ours(self, entity: Entity, who: &str, filter: IncomingFilter) -> Self {
        self.person(entity, who, Some(filter))
    }

    fn person(mut self, entity: Entity, who: &str, filter: Option<IncomingFilter>) -> Self {
        let (name, address) = who.trim_end_matches('>').split_once(" <").unwrap();
        let modified = i64::try_from(self.people.len()).unwrap();
        let known = KnownRecord {
            record: RecordRef { entity, id: id_of(name) },
            name: name.to_owned(),
            is_active: true,
            company: None,
            modified: Timestamp::from_seconds(modified),
        };
        self.people.push(Person { address: EmailAddress::parse(address).unwrap(), known, filter });
        self
    }

    pub(crate) fn works_at(self, name: &str, company: &str) -> Self {
        self.change(name, |known| known.company = Some(id_of(company)))
    }

    pub(crate) fn inactive(self, name: &str) -> Self {
        self.change(name, |known| known.is_active = false)
    }

    pub(crate) fn filter(mut self, name: &str, filter: IncomingFilter) -> Self {
        let person = self.people.iter_mut().find(|person| person.known.name == name);
        person.unwrap().filter = Some(filter);
        self
    }

    fn change(mut self, name: &str, change: impl Fn(&mut KnownRecord)) -> Self {
        let known = self.people.iter_mut().map(|person| &mut person.known);
        known.filter(|known| known.name == name).for_each(change);
        self
    }

    /// A mail that is here. It has the id `<name>` unless the case gave it another or none.
    pub(crate) fn here(mut self, name: &str, offered: &Offered) -> Self {
        let offer = offered.named(name).into_offer(&self.prefixes);
        self.here.push(Here { name: name.to_owned(), id: id_of(name), offer, settled: HashMap::new() });
        self
    }

    /// A person said whom an address means in the mail that came last.
    pub(crate) fn settled(mut self, address: &str, name: &str) -> Self {
        let person = self.people.iter().find(|person| person.known.name == name).unwrap();
        self.here.last_mut().unwrap().settled.insert(address.to_owned(), person.known.record);
        self
    }

    /// His key stands in the envelope, or his own address.
    pub(crate) fn came_to(mut self, name: &str) -> Self {
        self.envelope.push(name.to_owned());
        self
    }

    pub(crate) fn forwarded_by(mut self, name: &str) -> Self {
        self.forwarder.push(name.to_owned());
        self
    }

    /// From may be believed where it is one of us.
    pub(crate) fn proven(self) -> Self {
        World { sender_proven: true, ..self }
    }

    pub(crate) fn by_hand(self) -> Self {
        World { by_hand: true, sender_proven: true, ..self }
    }

    pub(crate) fn null_sender(self) -> Self {
        World { null_sender: true, ..self }
    }

    pub(crate) fn never_logs(mut self, pattern: &str) -> Self {
        self.never_log.push((pattern.to_owned(), None));
        self
    }

    pub(crate) fn never_logs_for(mut self, name: &str, pattern: &str) -> Self {
        self.never_log.push((pattern.to_owned(), Some(id_of(name))));
        self
    }

    pub(crate) fn former_prefix(mut self, prefix: &str) -> Self {
        self.prefixes.push(prefix.to_owned());
        self
    }

    pub(crate) fn prefixes(&self) -> &[String] {
        &self.prefixes
    }

    /// What a case calls the record or mail with this id.
    pub(crate) fn name(&self, id: Id) -> String {
        let person = self.people.iter().find(|person| person.known.record.id == id);
        let mail = || self.here.iter().find(|here| here.id == id).map(|here| format!("<{}>", here.name));
        person.map(|person| person.known.name.clone()).or_else(mail).unwrap()
    }

    /// What the store would know about an offer.
    pub(crate) fn facts(&self, offer: &Offer) -> Facts {
        let mut facts = Facts {
            sender_proven: self.sender_proven,
            by_hand: self.by_hand,
            null_sender: self.null_sender,
            records: self.records(),
            sinks: HashSet::from(["crm@sink.contoso.test".to_owned()]),
            ..Facts::default()
        };
        facts.recipients = self.recipients(offer);
        facts.never_log = self.never_log_hits(offer, &facts);
        self.mails(offer, &mut facts);
        facts
    }

    fn records(&self) -> HashMap<String, Vec<KnownRecord>> {
        let mut records: HashMap<String, Vec<KnownRecord>> = HashMap::new();
        for person in &self.people {
            records.entry(person.address.key()).or_default().push(person.known.clone());
        }
        records
    }

    fn recipients(&self, offer: &Offer) -> Vec<CrmRecipient> {
        let named = |names: &[String], from| -> Vec<CrmRecipient> {
            let is_named = |person: &&Person| names.contains(&person.known.name);
            self.people.iter().filter(is_named).filter_map(|person| person.as_recipient(from)).collect()
        };
        let addressed = |address: &EmailAddress, from| {
            let mut people = self.people.iter().filter(|person| person.address.key() == address.key());
            people.find_map(|person| person.as_recipient(from))
        };
        let mut all = named(&self.envelope, RecipientFrom::Envelope);
        all.extend(named(&self.forwarder, RecipientFrom::Forwarder));
        all.extend(offer.recipients().filter_map(|to| addressed(&to.address, RecipientFrom::Header)));
        all.extend(offer.delivered_to.iter().filter_map(|to| addressed(to, RecipientFrom::Trace)));
        let sender = offer.from.iter().filter(|_| self.sender_proven);
        all.extend(sender.filter_map(|from| addressed(&from.address, RecipientFrom::Sender)));
        let mut seen = HashSet::new();
        all.retain(|recipient| seen.insert(recipient.record));
        all
    }

    fn never_log_hits(&self, offer: &Offer, facts: &Facts) -> Vec<NeverLogHit> {
        let is_asked = |user: &Id| facts.recipients.iter().any(|recipient| recipient.record.id == *user);
        let outsiders: Vec<&EmailAddress> =
            offer.participants().filter(|address| !facts.is_ours(address)).collect();
        let meets = |pattern: &str| {
            outsiders.iter().any(|a| a.key() == pattern || format!("@{}", a.domain()) == pattern)
        };
        let entries = self.never_log.iter();
        let hits = entries.filter(|(pattern, user)| meets(pattern) && user.as_ref().is_none_or(is_asked));
        hits.map(|(pattern, user)| NeverLogHit { pattern: pattern.clone(), user: *user }).collect()
    }

    fn mails(&self, offer: &Offer, facts: &mut Facts) {
        for (key, hash) in gather::keys(offer) {
            let claims = self.here.iter().filter(|here| gather::keys(&here.offer).contains(&(key, hash)));
            facts.identities.extend(claims.map(|here| KnownIdentity {
                is_guess: false,
                has_another_id: false,
                email: here.id,
                key,
                sender: here.offer.from.as_ref().map(|from| from.address.key()),
                date: here.offer.date,
                has_message_id: here.offer.message_id.is_some(),
                text_digest: here.offer.text_digest.unwrap(),
                raw_digest: here.offer.raw_digest.unwrap(),
                recipients: here.offer.to.iter().chain(&here.offer.cc).map(|to| to.address.key()).collect(),
                blind: here.offer.bcc.iter().map(|to| to.address.key()).collect(),
            }));
        }
        let place = |here: &Here| {
            let mut named = offer.referenced().into_iter().zip(0..);
            named.find(|((id, _), _)| here.offer.message_id.as_ref() == Some(*id)).map_or(0, |(_, at)| at)
        };
        let named = |ids: &[MessageId]| {
            let mut named = self.known(|here| here.offer.message_id.iter().any(|id| ids.contains(id)));
            for known in &mut named {
                known.named_at = self.here.iter().find(|here| here.id == known.id).map_or(0, place);
            }
            named.sort_by_key(|known| known.named_at);
            named
        };
        facts.answered = named(&offer.in_reply_to);
        facts.referenced = named(&offer.references);
        facts.referenced.retain(|known| !facts.answered.contains(known));
        facts.referenced.extend(facts.answered.iter().cloned());
        facts.returned = named(&offer.returned);
        facts.by_token =
            self.known(|here| here.offer.tokens.iter().any(|token| offer.tokens.contains(token)));
        facts.by_token.sort_by_key(|known| std::cmp::Reverse(known.date));
        let index = &offer.thread_index;
        facts.by_thread_index = self.known(|here| index.is_some() && here.offer.thread_index == *index);
        facts.relatives = self.relatives(offer);
    }

    /// Mail that names this one, or that names what this one names.
    fn relatives(&self, offer: &Offer) -> Vec<KnownEmail> {
        let place_in =
            |here: &Here, id: &MessageId| here.offer.referenced().iter().position(|(named, _)| *named == id);
        let names_one = |here: &Here| offer.referenced().iter().any(|(id, _)| place_in(here, id).is_some());
        let names_this = |here: &Here| offer.message_id.as_ref().and_then(|own| place_in(here, own));
        let mut relatives = self.known(|here| names_this(here).is_some() || names_one(here));
        for known in &mut relatives {
            let Some(here) = self.here.iter().find(|here| here.id == known.id) else { continue };
            known.answers_this = offer.message_id.iter().any(|own| here.offer.in_reply_to.contains(own));
            known.names_this_at = names_this(here).map(|at| i32::try_from(at).unwrap());
        }
        relatives
    }

    fn known(&self, is_meant: impl Fn(&Here) -> bool) -> Vec<KnownEmail> {
        self.here.iter().filter(|here| is_meant(here)).map(|here| self.known_email(here)).collect()
    }

    fn known_email(&self, here: &Here) -> KnownEmail {
        let records = self.records();
        let mut resolved = HashMap::new();
        for address in here.offer.participants() {
            let known = records.get(&address.key()).map_or(&[][..], Vec::as_slice);
            if let Settled::One(record) = who::settle(address, known) {
                resolved.insert(address.key(), record);
            }
        }
        resolved.extend(here.settled.clone());
        let queues = resolved.values().filter(|record| record.entity == Entity::Queue);
        let ours = resolved.iter().filter(|(_, record)| !record.entity.is_customer());
        let ours: HashSet<String> = ours.map(|(address, _)| address.clone()).collect();
        KnownEmail {
            id: here.id,
            subject: here.offer.subject.clone(),
            canonical_subject: here.offer.canonical_subject.clone(),
            conversation: id_of(&format!("conversation of {}", here.name)),
            regarding: None,
            participants: here.offer.participants().map(EmailAddress::key).collect(),
            queues: queues.map(|record| record.id).collect(),
            resolved,
            date: here.offer.date.unwrap_or_default(),
            is_outgoing: here.offer.from.iter().any(|from| from.address.domain() == "contoso.test"),
            ours,
            is_unproven: false,
            named_at: 0,
            answers_this: false,
            names_this_at: None,
        }
    }
}

impl Person {
    fn as_recipient(&self, from: RecipientFrom) -> Option<CrmRecipient> {
        let KnownRecord { record, name, .. } = self.known.clone();
        Some(CrmRecipient { record, name, filter: self.filter?, from })
    }
}

fn id_of(name: &str) -> Id {
    Id(message::identity::text_digest(name))
}
