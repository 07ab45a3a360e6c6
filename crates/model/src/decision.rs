//! The decision about one original: a value with its reason, stored with the e-mail and shown.

use crate::address::EmailAddress;
use crate::id::Id;
use crate::outcome::{Outcome, Reason};

/// The kinds of records that mail can belong to, with Dynamics' object type codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
pub enum Entity {
    /// A company.
    Account = 1,
    /// A person.
    Contact = 2,
    /// Somebody not yet a customer.
    Lead = 4,
    /// One of us.
    SystemUser = 8,
    /// A shared address of ours.
    Queue = 2020,
    /// An e-mail.
    Email = 4202,
}

/// Every entity with its logical name.
pub const ENTITIES: [(Entity, &str); 6] = [
    (Entity::Account, "account"),
    (Entity::Contact, "contact"),
    (Entity::Lead, "lead"),
    (Entity::SystemUser, "systemuser"),
    (Entity::Queue, "queue"),
    (Entity::Email, "email"),
];

impl Entity {
    /// The entity with this object type code.
    pub fn from_code(code: i64) -> Option<Self> {
        ENTITIES.iter().find(|(entity, _)| *entity as i64 == code).map(|(entity, _)| *entity)
    }

    /// The logical name.
    pub fn name(self) -> &'static str {
        ENTITIES.iter().find(|(entity, _)| *entity == self).map_or("", |(_, name)| name)
    }

    /// The entity with this logical name.
    pub fn from_name(name: &str) -> Option<Self> {
        ENTITIES.iter().find(|(_, known)| *known == name).map(|(entity, _)| *entity)
    }

    /// Whether records of it are customers: account, contact, lead.
    pub fn is_customer(self) -> bool {
        matches!(self, Entity::Account | Entity::Contact | Entity::Lead)
    }
}

/// A reference to one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordRef {
    /// Its kind.
    pub entity: Entity,
    /// Its id.
    pub id: Id,
}

/// How an e-mail was tied to an earlier one (`correlationmethod` of Dynamics; from 100 on our own).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(i32)]
pub enum CorrelationMethod {
    /// It stands alone.
    #[default]
    None = 0,
    /// `In-Reply-To` names a mail that is here, with a participant in common.
    InReplyTo = 3,
    /// A tracking token in the subject, confirmed by a participant.
    TrackingToken = 4,
    /// `Thread-Index`, confirmed by a participant.
    ConversationIndex = 5,
    /// `References` names a mail that is here, under the same canonical subject.
    References = 103,
    /// A report returns a mail that is here.
    Report = 104,
}

/// Every correlation method with its name.
pub const METHODS: [(CorrelationMethod, &str); 6] = [
    (CorrelationMethod::None, "none"),
    (CorrelationMethod::InReplyTo, "in-reply-to"),
    (CorrelationMethod::TrackingToken, "tracking-token"),
    (CorrelationMethod::ConversationIndex, "conversation-index"),
    (CorrelationMethod::References, "references"),
    (CorrelationMethod::Report, "report"),
];

impl CorrelationMethod {
    /// The name, as the simulator writes it.
    pub fn name(self) -> &'static str {
        METHODS.iter().find(|(method, _)| *method == self).map_or("", |(_, name)| name)
    }

    /// The number that goes outwards: Dynamics knows In-Reply-To for what we tell apart.
    pub fn dynamics_code(self) -> i32 {
        match self {
            CorrelationMethod::References | CorrelationMethod::Report => CorrelationMethod::InReplyTo as i32,
            other => other as i32,
        }
    }

    /// The method with this number of ours.
    pub fn from_code(code: i64) -> Option<Self> {
        METHODS.iter().find(|(method, _)| *method as i64 == code).map(|(method, _)| *method)
    }
}

/// One observation that spoke for or against: what the panel "Here because …" is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// What was observed: a word such as `in-reply-to`, `address`, `filter`, `token`, `unwrapped`, `proof`.
    pub kind: &'static str,
    /// Whether it holds (`true`), or was seen and not believed (`false`).
    pub holds: bool,
    /// A short sentence for a person.
    pub words: String,
    /// The record or e-mail it points to.
    pub record: Option<RecordRef>,
}

/// A record that could have been meant, with the reason why it was not simply chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The address in question; `None` for a candidate conversation.
    pub address: Option<EmailAddress>,
    /// The record.
    pub record: RecordRef,
    /// Its name, as it was then.
    pub name: String,
    /// The rank: 1 is the likeliest.
    pub rank: u32,
    /// Why it stands at this rank.
    pub why: String,
}

/// The decision about one original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What becomes of it.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// The e-mail that it is, for a duplicate.
    pub duplicate_of: Option<Id>,
    /// Whether the duplicate was told by header alone, so the body has to be looked at.
    pub provisional: bool,
    /// How it is tied to an earlier e-mail.
    pub correlation_method: CorrelationMethod,
    /// That earlier e-mail.
    pub correlated: Option<Id>,
    /// The user or queue whose filter let it in.
    pub accepting: Option<RecordRef>,
    /// What spoke for and against.
    pub signals: Vec<Signal>,
    /// Who and what else could have been meant, ranked.
    pub candidates: Vec<Candidate>,
}
