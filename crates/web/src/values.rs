//! What the pages ask of the house, and the values they are made of.
//!
//! [`House`] is the seam: the program implements it over the CRM, the tests over a sample world.
//! Page values carry plain words and ids, ready to be shown; templates only place them.
//!
//! *Invariant:* a value holds text as it is. Escaping belongs to the templates, and the one fragment
//! of HTML ([`Body`]) goes nowhere but into the sandboxed frame.

mod accounting;
mod email;
mod lists;
mod mailboxes;
mod nodes;
mod outbox;
mod records;
mod search;
mod templates;
mod undeliverables;
mod writing;

pub use accounting::{Accounting, CopyLine, Day, ReasonCount, SourceDay, Tally};
pub use email::{
    Attachment, Because, Body, CandidateLine, Email, File, MailBody, Party, Role, SignalLine, Standing,
    TextBlock, TextPart, UnresolvedLine,
};
pub use lists::{Direction, List, MailLine, Page};
pub use mailboxes::{MailboxChange, MailboxLine, MailboxPutOff, MailboxStanding, MailboxTold};
pub use nodes::{NodeLine, NodeList};
pub use outbox::{OutboxChange, OutboxLine, OutboxStanding, OutboxTroubles};
pub use records::{Conversation, Fact, Record, RecordKey, RecordKind, RecordLine, RecordLink};
pub use search::{Found, SearchForm};
pub use templates::{
    Filled, Signature, TemplateBeginning, TemplateDraft, TemplateEnd, TemplateLine, TemplateMade,
    TemplatePage, TemplateTry,
};
pub use undeliverables::{OriginalEnd, ReplayedAll, UndeliverableEnd, UndeliverableLine, UndeliverableMail};
pub use writing::{
    Beginning, DraftLine, EarlierKind, Letter, LetterEnd, LetterFile, LetterImportance, Preview,
    RecipientLine, Surroundings, Writer,
};

use model::Id;
use serde::{Serialize, Serializer};

/// What the pages ask. Every function may block on the store: the handlers call it off the event loop.
pub trait House: Send + Sync + 'static {
    /// Checks a password and opens a session. Wrong address or password: [`Failure::NotSignedIn`]. The pages
    /// count attempts.
    fn sign_in(&self, address: &str, password: &str) -> Result<SignedIn, Failure>;
    /// The person behind a session token; `None` when there is no such session or it has ended.
    fn visitor(&self, token: &str) -> Result<Option<Visitor>, Failure>;
    /// Ends a session. A token of no session is no failure.
    fn sign_out(&self, token: &str) -> Result<(), Failure>;
    /// What waits for a person; asked with every page, so it must be quick and may stop at 100.
    fn waiting(&self, visitor: &Visitor) -> Result<Waiting, Failure>;
    /// The books of one UTC day; of the present day when `None`.
    fn today(&self, visitor: &Visitor, day: Option<Day>) -> Result<Accounting, Failure>;
    /// All e-mails, newest first.
    fn mail(&self, visitor: &Visitor, page: &Page) -> Result<List<MailLine>, Failure>;
    /// E-mails that have certain words, newest first. A form that says nothing finds nothing; what cannot be
    /// understood is no failure but a note.
    fn search(&self, visitor: &Visitor, form: &SearchForm, page: &Page) -> Result<Found, Failure>;
    /// Records of one kind by name; [`Page::search`] is the beginning of a name or an address.
    fn records(&self, visitor: &Visitor, kind: RecordKind, page: &Page) -> Result<List<RecordLine>, Failure>;
    /// One record with its timeline, newest conversation first.
    fn record(&self, visitor: &Visitor, key: RecordKey, page: &Page) -> Result<Record, Failure>;
    /// One e-mail.
    fn email(&self, visitor: &Visitor, email: Id) -> Result<Email, Failure>;
    /// The HTML text of an e-mail, sanitized, for the frame.
    fn email_body(&self, visitor: &Visitor, email: Id) -> Result<Body, Failure>;
    /// An e-mail as it was received, byte for byte.
    fn source(&self, visitor: &Visitor, email: Id) -> Result<Vec<u8>, Failure>;
    /// One attachment, decoded. One of another e-mail: [`Failure::NotFound`].
    fn attachment(&self, visitor: &Visitor, email: Id, attachment: Id) -> Result<File, Failure>;
    /// Parties that a person has to settle, newest first.
    fn unresolved(&self, visitor: &Visitor, page: &Page) -> Result<List<UnresolvedLine>, Failure>;
    /// Mail that could not be processed, newest first.
    fn undeliverable(&self, visitor: &Visitor, page: &Page) -> Result<List<UndeliverableLine>, Failure>;
    /// Mail that is kept apart because nothing proves who wrote it, or a hook stopped it, newest first.
    fn quarantine(&self, visitor: &Visitor, page: &Page) -> Result<List<UndeliverableLine>, Failure>;
    /// One of both, waiting or ended.
    fn undeliverable_mail(&self, visitor: &Visitor, id: Id) -> Result<UndeliverableMail, Failure>;
    /// Takes one in again; its page says what became of it. For administrators, as the next two.
    fn replay(&self, visitor: &Visitor, id: Id) -> Result<(), Failure>;
    /// The same for all that wait, as many as a page has time for.
    fn replay_all(&self, visitor: &Visitor) -> Result<ReplayedAll, Failure>;
    /// Notes that nothing is to come of one, and why. Without a reason: [`Failure::NotSaid`].
    fn dismiss(&self, visitor: &Visitor, id: Id, reason: &str) -> Result<(), Failure>;
    /// The bytes of such a mail.
    fn undeliverable_source(&self, visitor: &Visitor, id: Id) -> Result<Vec<u8>, Failure>;
    /// The mailboxes that are watched; for administrators, as what servers say of them is theirs to know.
    fn mailboxes(&self, visitor: &Visitor) -> Result<Vec<MailboxLine>, Failure>;
    /// Does something with one of them; for administrators.
    fn change_mailbox(&self, visitor: &Visitor, id: Id, change: MailboxChange) -> Result<(), Failure>;
    /// Outgoing mail that stands so, or all of it, the newest first: the visitor's own; all for administrators. A page may
    /// have few rows, or none, and yet be followed by another one.
    fn outbox(
        &self,
        visitor: &Visitor,
        standing: Option<OutboxStanding>,
        page: &Page,
    ) -> Result<List<OutboxLine>, Failure>;
    /// How many mails of [`House::outbox`] failed lately, or are uncertain.
    fn outbox_troubles(&self, visitor: &Visitor) -> Result<OutboxTroubles, Failure>;
    /// Does something with one of them. Says whether that was still possible.
    fn change_outbox(&self, visitor: &Visitor, email: Id, change: OutboxChange) -> Result<bool, Failure>;
    /// A letter as it begins, under a key of its own.
    fn begin_letter(&self, visitor: &Visitor, beginning: &Beginning) -> Result<Letter, Failure>;
    /// What stands around a letter on its page.
    fn around_letter(&self, visitor: &Visitor, letter: &Letter) -> Result<Surroundings, Failure>;
    /// People, companies and leads with an address whose name or address begins so; nobody for no words.
    fn find_recipients(&self, visitor: &Visitor, words: &str) -> Result<Vec<RecipientLine>, Failure>;
    /// How a letter will look, and what speaks against sending it.
    fn preview_letter(&self, visitor: &Visitor, letter: Letter) -> Result<Preview, Failure>;
    /// Sends a letter, unless this very letter was sent under its key before: then this is that one. One whose draft has another
    /// version by now, or went out in other words, stays where it is.
    fn send_letter(&self, visitor: &Visitor, letter: Letter) -> Result<LetterEnd, Failure>;
    /// Keeps a letter as a draft: one for each key, however often it is kept; in place of the version that it names, and of no other.
    fn keep_letter(&self, visitor: &Visitor, letter: Letter) -> Result<LetterEnd, Failure>;
    /// The visitor's own drafts, the one he kept last first. Nobody else sees them.
    fn drafts(&self, visitor: &Visitor, page: &Page) -> Result<List<DraftLine>, Failure>;
    /// Throws away a draft of the visitor's: the version that is named, or whichever it is by now. Another version stays, and is
    /// what comes back.
    fn discard_draft(
        &self,
        visitor: &Visitor,
        draft: (Id, Option<&str>),
    ) -> Result<Option<Box<Letter>>, Failure>;
    /// The templates that the visitor may write with: everybody's, and his own.
    fn templates(&self, visitor: &Visitor) -> Result<Vec<TemplateLine>, Failure>;
    /// One of them, and what it becomes for a record, which is named by its id or an address; may be empty.
    fn template(&self, visitor: &Visitor, template: Id, record: &str) -> Result<TemplatePage, Failure>;
    /// A template to be written, as it begins. Everybody may change his own; an administrator also everybody's.
    fn begin_template(
        &self,
        visitor: &Visitor,
        beginning: TemplateBeginning,
    ) -> Result<TemplateDraft, Failure>;
    /// What a template becomes that is being written, for a record as [`House::template`] takes it. Nothing is kept.
    fn try_template(
        &self,
        visitor: &Visitor,
        draft: TemplateDraft,
        record: &str,
    ) -> Result<TemplateTry, Failure>;
    /// Keeps a template: a new one, or another state of one that is there.
    fn keep_template(&self, visitor: &Visitor, draft: TemplateDraft) -> Result<TemplateEnd, Failure>;
    /// Takes a template away, in this language.
    fn remove_template(&self, visitor: &Visitor, template: Id) -> Result<(), Failure>;
    /// Puts what a template says into a letter, above what stands there: with the values of the record that it is about, else of
    /// its first recipient, else of the e-mail that it answers.
    fn fill_letter(&self, visitor: &Visitor, letter: Letter, template: Id) -> Result<Filled, Failure>;
    /// What stands below the visitor's mail; empty where nothing does.
    fn signature(&self, visitor: &Visitor) -> Result<Signature, Failure>;
    /// Keeps that. Says why it cannot be kept; nothing where it was.
    fn set_signature(&self, visitor: &Visitor, signature: Signature) -> Result<Option<String>, Failure>;
    /// Under which forms are stamped, at all nodes: with the first one, and those of all are known again. Bytes that nobody can
    /// guess; none where they cannot be had now, and then no stamp is believed.
    fn stamp_keys(&self) -> Vec<[u8; 32]>;
    /// The nodes that serve; for administrators, for they serve the whole house.
    fn nodes(&self, visitor: &Visitor) -> Result<NodeList, Failure>;
}

/// Why a question got no answer. `errors.rs` makes a page of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// There is no such thing, or it is not for this visitor.
    #[error("there is nothing here")]
    NotFound,
    /// The session has ended, or address and password do not belong together.
    #[error("nobody is signed in")]
    NotSignedIn,
    /// A form lacks words that it has to have.
    #[error("something has to be said")]
    NotSaid,
    /// The store is busy or away; the same question may be answered in a moment.
    #[error("the house cannot answer now")]
    TryLater,
    /// Too many questions in a short time.
    #[error("too many attempts")]
    TooMany,
    /// Our own fault; the house has logged its cause.
    #[error("something went wrong in the house")]
    Internal,
}

impl Failure {
    /// Whether the same request may succeed later.
    pub fn is_temporary(self) -> bool {
        matches!(self, Failure::TryLater | Failure::TooMany)
    }
}

/// A session that was just opened.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The secret of the session, for the cookie: characters of RFC 6265 §4.1.1 `cookie-octet`.
    pub token: String,
}

/// The person who looks at the pages.
#[derive(Debug, Clone, Serialize)]
pub struct Visitor {
    /// Their `systemuserid`.
    #[serde(serialize_with = "as_text")]
    pub user: Id,
    /// Their name.
    pub name: String,
    /// Their e-mail address.
    pub address: String,
    /// The name of their organization.
    pub organization: String,
    /// Whether they may see what concerns the whole house.
    pub is_administrator: bool,
}

/// What waits for a person, for the counts in the rail.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Waiting {
    /// Parties to settle.
    pub unresolved: u64,
    /// Mails that could not be processed.
    pub undeliverable: u64,
    /// Mails that are kept apart because nothing proves who wrote them, or a hook stopped them.
    pub quarantined: u64,
    /// Copies of today that were seen and have no outcome.
    pub gap: i64,
    /// What a look at the books of the latest days showed to be wrong, in words.
    pub alarms: Vec<String>,
}

/// Ids stand in pages and addresses as text.
pub(crate) fn as_text<S: Serializer>(id: &Id, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

/// Times stand in pages as milliseconds; the filter `time` makes words of them.
pub(crate) fn as_millis<S: Serializer>(time: &model::Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(time.0)
}

/// The same for a time that may be missing.
pub(crate) fn as_millis_or_none<S: Serializer>(
    time: &Option<model::Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(|time| time.0).serialize(serializer)
}
