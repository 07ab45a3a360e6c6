//! The facts a decision rests on, gathered before it and thrown away after it.

use std::collections::{HashMap, HashSet};

/// The keys of which a mail claims each that it has.
pub use message::identity::SharedKey as IdentityKey;
use model::decision::RecordRef;
use model::filter::IncomingFilter;
use model::trust::Verdict;
use model::{EmailAddress, Id, Timestamp};

/// Everything the store knows that can matter for one original.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The users and queues that the copy was for, in order of trust: envelope, forwarder, header.
    pub recipients: Vec<CrmRecipient>,
    /// Whether From is believed where it is one of us.
    pub sender_proven: bool,
    /// Who wrote it, as far as anything proves it; `None` where nobody looked.
    pub verdict: Option<Verdict>,
    /// Whether the domain of From disowns it, and wishes for what the settings keep apart.
    pub is_disowned: bool,
    /// Why a hook wants it kept apart.
    pub stopped: Option<String>,
    /// The record or queue that a hook names.
    pub hinted: Option<RecordRef>,
    /// Whether it is what one of us (or somebody who says so) hands to the CRM: a forward to the sink, or a
    /// mail dug out of one. It is never dropped as mail among ourselves.
    pub is_handed_over: bool,
    /// Whether that is proven.
    pub is_handed_over_by_us: bool,
    /// Whether a person put it in by hand, past all filters.
    pub by_hand: bool,
    /// Whether it was written here: it is a mail of its own, whatever else is here, and nobody is asked whether to keep it.
    pub is_composed: bool,
    /// Whether that was the administrator, who brought the whole mailbox of somebody else.
    pub out_of_mailbox: bool,
    /// The records that its writer chose for addresses, by the compared form of these.
    pub chosen: HashMap<String, RecordRef>,
    /// The e-mail that its writer answers or carries on, as he says; nobody else has to confirm it.
    pub continues: Option<Id>,
    /// MAIL FROM was empty (RFC 5321 §4.5.5): it is a notification of some kind.
    pub null_sender: bool,
    /// The records that have an address, by the address's key: customers, users, queues.
    pub records: HashMap<String, Vec<KnownRecord>>,
    /// Addresses of ours that are no records: sinks.
    pub sinks: HashSet<String>,
    /// Entries of never-log lists that an address of this mail meets.
    pub never_log: Vec<NeverLogHit>,
    /// E-mails that claim one of the keys this mail has.
    pub identities: Vec<KnownIdentity>,
    /// Whether one of them has the very same bytes.
    pub has_same_bytes: bool,
    /// E-mails whose Message-ID this mail names in `In-Reply-To`.
    pub answered: Vec<KnownEmail>,
    /// E-mails whose Message-ID this mail names in `References`.
    pub referenced: Vec<KnownEmail>,
    /// Keys of the Message-IDs that it names, and that no mail here has or named before.
    pub unknown: HashSet<[u8; 16]>,
    /// E-mails that carry a tracking token of this mail's subject, most recent first.
    pub by_token: Vec<KnownEmail>,
    /// E-mails with the same conversation part of `Thread-Index`.
    pub by_thread_index: Vec<KnownEmail>,
    /// The e-mail that it answers, as a word of ours says.
    pub answered_by_word: Option<KnownEmail>,
    /// The e-mail to whose return path it came.
    pub returned_to: Option<KnownEmail>,
    /// The recipient of that e-mail whose return path it is, as compared.
    pub returned_recipient: Option<String>,
    /// The user who wrote that e-mail.
    pub returned_writer: Option<Id>,
    /// E-mails that this report returns.
    pub returned: Vec<KnownEmail>,
    /// E-mails that are here already and name this mail's Message-ID, or one that it names too. Of those that
    /// would bring nothing new some may be missing.
    pub relatives: Vec<KnownEmail>,
}

impl Facts {
    /// The records that have this address.
    pub fn records_of(&self, address: &EmailAddress) -> &[KnownRecord] {
        self.records.get(&address.key()).map_or(&[], Vec::as_slice)
    }

    /// The e-mails that it may continue or belong to.
    pub fn known(&self) -> impl Iterator<Item = &KnownEmail> {
        let all = self.answered.iter().chain(&self.referenced).chain(&self.by_token);
        let all = all.chain(&self.by_thread_index).chain(&self.returned).chain(&self.returned_to);
        all.chain(&self.answered_by_word).chain(&self.relatives)
    }

    /// Whether the address is ours: a user's, a queue's or a sink's.
    pub fn is_ours(&self, address: &EmailAddress) -> bool {
        self.sinks.contains(&address.split_detail().0.key())
            || self.records_of(address).iter().any(|known| !known.record.entity.is_customer())
    }
}

/// How a user or queue came to be a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecipientFrom {
    /// His key stands in the envelope, or it was sent to his own address.
    Envelope,
    /// He forwarded it.
    Forwarder,
    /// A trace field names his mailbox.
    Trace,
    /// The header is addressed to him.
    Header,
    /// He wrote it.
    Sender,
}

/// A user or queue of ours that this mail was for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrmRecipient {
    /// The user or queue.
    pub record: RecordRef,
    /// Its name.
    pub name: String,
    /// What it keeps.
    pub filter: IncomingFilter,
    /// How it came to be a recipient.
    pub from: RecipientFrom,
}

/// A record that has an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownRecord {
    /// The record.
    pub record: RecordRef,
    /// Its name.
    pub name: String,
    /// Whether it is active.
    pub is_active: bool,
    /// The company of a person.
    pub company: Option<Id>,
    /// When it was last changed: the tie-breaker among candidates.
    pub modified: Timestamp,
}

/// A never-log entry that an address of this mail meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeverLogHit {
    /// The entry.
    pub pattern: String,
    /// Whose list it is; `None` for the organisation's.
    pub user: Option<Id>,
}

/// A claim of a stored e-mail on a key that this mail has too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownIdentity {
    /// The e-mail.
    pub email: Id,
    /// Which key they share.
    pub key: IdentityKey,
    /// Its From, as compared.
    pub sender: Option<String>,
    /// Its Date.
    pub date: Option<Timestamp>,
    /// Whether it has a Message-ID of its own.
    pub has_message_id: bool,
    /// Whether it is known only as somebody quoted it.
    pub is_guess: bool,
    /// Whether it is certain to have a Message-ID, which is not the one of this mail.
    pub has_another_id: bool,
    /// The digest of its text.
    pub text_digest: [u8; 16],
    /// The digest of its bytes.
    pub raw_digest: [u8; 32],
    /// The addresses it was written to for all to see, as compared; sinks left out.
    pub recipients: HashSet<String>,
    /// Its blind recipients, where they are known.
    pub blind: HashSet<String>,
}

/// A stored e-mail that this mail may continue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownEmail {
    /// The e-mail.
    pub id: Id,
    /// Its subject, for the reason that is shown.
    pub subject: String,
    /// Its canonical subject.
    pub canonical_subject: String,
    /// The conversation it stands in.
    pub conversation: Id,
    /// What it is about.
    pub regarding: Option<RecordRef>,
    /// The addresses of its parties, as compared.
    pub participants: HashSet<String>,
    /// The records its parties were resolved to, by address.
    pub resolved: HashMap<String, RecordRef>,
    /// The queues among its parties.
    pub queues: HashSet<Id>,
    /// When it was sent or received.
    pub date: Timestamp,
    /// Whether one of us sent it.
    pub is_outgoing: bool,
    /// The addresses of its parties that are ours.
    pub ours: HashSet<String>,
    /// Whether it says that one of us wrote it, and nothing proves that.
    pub is_unproven: bool,
    /// By which of the ids it was found that this mail names: 0 is the nearest.
    pub named_at: i32,
    /// Whether it names this mail in `In-Reply-To` (for a relative).
    pub answers_this: bool,
    /// At which place it names this mail, 0 being the nearest (for a relative); `None` where it does not.
    pub names_this_at: Option<i32>,
}
