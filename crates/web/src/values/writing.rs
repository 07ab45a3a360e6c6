//! Values of writing: what a person typed, whom one may write to and as, and how the mail will look.

use model::{Id, Timestamp};
use serde::Serialize;

use super::email::{MailBody, Party};
use super::records::RecordKey;
use super::templates::TemplateLine;
use super::{as_millis, as_millis_or_none, as_text};

/// What a new letter begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beginning {
    /// Nothing but somebody to write to, as the address of the page names him, and a record that it is about.
    New {
        /// Addresses; may be empty.
        to: String,
        /// The record.
        about: Option<RecordKey>,
    },
    /// An e-mail that is answered or carried on.
    Earlier(EarlierKind, Id),
    /// A letter that was written here before, and is written once more.
    Again(Id),
    /// A draft, to be gone on with.
    Draft(Id),
}

/// What is done with an earlier e-mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EarlierKind {
    /// Its sender is answered.
    Reply,
    /// All who are on it are answered.
    ReplyAll,
    /// It is carried on to others.
    Forward,
}

/// A letter as a person typed it.
#[derive(Debug, Clone, Default)]
pub struct Letter {
    /// The address that writes.
    pub from: String,
    /// To whom: addresses, with names or without, between commas, semicolons or lines.
    pub to: String,
    /// Who else is to see it.
    pub cc: String,
    /// Who else is to see it, unseen by the others.
    pub bcc: String,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// Its HTML, as the browser made it: not to be trusted. Empty where the text is all there is.
    pub html: String,
    /// The e-mail that it answers or carries on.
    pub earlier: Option<(EarlierKind, Id)>,
    /// The e-mail whose files go along.
    pub carries: Option<Id>,
    /// The e-mail whose pictures its HTML shows, whether or not files go along.
    pub shows: Option<Id>,
    /// The record that it is about.
    pub about: Option<RecordKey>,
    /// When it goes out; at once where that is over or nothing.
    pub at: Option<Timestamp>,
    /// How much it matters.
    pub importance: LetterImportance,
    /// Whether whoever reads it is asked to say so.
    pub wants_receipt: bool,
    /// Whether the last mail server is asked to say that it was delivered.
    pub wants_delivery_receipt: bool,
    /// One form, however often it is sent: the same letter under the same key goes out once, and is one draft.
    pub key: String,
    /// Which state of the kept draft was changed, as [`House::begin_letter`](super::House::begin_letter) says it; empty where it was
    /// none.
    pub version: String,
    /// What is attached.
    pub files: Vec<LetterFile>,
}

/// How much a letter matters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LetterImportance {
    /// Little.
    Low,
    /// As most.
    #[default]
    Normal,
    /// Much.
    High,
}

/// A file that a person chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterFile {
    /// Its name, as the browser says it.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// An address that a visitor may write as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Writer {
    /// The address.
    pub address: String,
    /// Whose it is.
    pub name: String,
}

/// Somebody a letter may be written to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecipientLine {
    /// The name.
    pub name: String,
    /// The address.
    pub address: String,
    /// What tells this one from others of the name: the company of a person.
    pub context: String,
    /// Name and address, as they stand in a field.
    pub written: String,
}

/// What stands around a letter while it is written.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Surroundings {
    /// As whom the visitor may write; the first one is himself.
    pub writers: Vec<Writer>,
    /// The record that the letter is about.
    pub about: Option<super::RecordLink>,
    /// The subject of the e-mail that it answers or carries on.
    pub earlier: Option<String>,
    /// The names of the files that go along from an earlier e-mail.
    pub carried: Vec<String>,
    /// The templates that it may be filled with.
    pub templates: Vec<TemplateLine>,
    /// When it was kept as a draft; `None` where it is none.
    #[serde(serialize_with = "as_millis_or_none")]
    pub kept: Option<Timestamp>,
}

/// A letter as it will go out.
#[derive(Debug, Clone, Serialize)]
pub struct Preview {
    /// The sender.
    pub sender: Party,
    /// Everybody it goes to.
    pub recipients: Vec<Party>,
    /// Its subject; may be empty.
    pub subject: String,
    /// Its text. Where the letter has HTML, that stands beside it.
    pub body: MailBody,
    /// Its HTML, sanitized; empty where it has none.
    pub html: String,
    /// The names of its files.
    pub files: Vec<String>,
    /// When it goes out; `None`: as soon as it can.
    #[serde(serialize_with = "as_millis_or_none")]
    pub at: Option<Timestamp>,
    /// What the writer should know before it goes, as short sentences.
    pub cautions: Vec<String>,
    /// Why it cannot go out as it is; empty where it can.
    pub refusal: String,
}

/// A draft in the list of one's own.
#[derive(Debug, Clone, Serialize)]
pub struct DraftLine {
    /// Its `activityid`.
    #[serde(serialize_with = "as_text")]
    pub id: Id,
    /// When it was kept last.
    #[serde(serialize_with = "as_millis")]
    pub time: Timestamp,
    /// To whom, as far as somebody was named.
    pub to: String,
    /// Its subject; may be empty.
    pub subject: String,
    /// Its first words.
    pub preview: String,
    /// How many files it carries.
    pub attachments: u32,
}

/// What became of a letter that was to be sent, or to be kept.
#[derive(Debug, Clone)]
pub enum LetterEnd {
    /// It goes out as this e-mail.
    Sent(Id),
    /// It is kept as this draft.
    Kept(Id),
    /// The draft that it is was changed meanwhile, on another page: this is what it is by now, with its version. Nothing was
    /// kept, and nothing was sent.
    Changed(Box<Letter>),
    /// The draft that it is went out meanwhile from another page, as this e-mail in these words. Nothing was sent now.
    WentOut(Id, Box<Letter>),
    /// It cannot go out as it is; why, in a sentence.
    Refused(String),
}

impl EarlierKind {
    /// All of them, with the names that they have in addresses.
    pub const NAMES: [(Self, &'static str); 3] =
        [(Self::Reply, "reply"), (Self::ReplyAll, "replyall"), (Self::Forward, "forward")];

    /// The one with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(_, known)| *known == name).map(|(kind, _)| kind)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES.into_iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }
}

impl LetterImportance {
    /// All of them, with the names that they have in forms.
    pub const NAMES: [(Self, &'static str); 3] =
        [(Self::Low, "low"), (Self::Normal, "normal"), (Self::High, "high")];

    /// The one with this name; what has none is normal.
    pub fn from_name(name: &str) -> Self {
        Self::NAMES.into_iter().find(|(_, known)| *known == name).map_or(Self::Normal, |(kind, _)| kind)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES.into_iter().find(|(kind, _)| *kind == self).map_or("normal", |(_, name)| name)
    }
}
