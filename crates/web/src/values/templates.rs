//! Values of templates and signatures: what may stand in a letter before a word of it is typed.

use model::Id;
use serde::Serialize;

use super::as_text;
use super::email::MailBody;
use super::records::RecordLink;
use super::writing::Letter;

/// A template in one language.
#[derive(Debug, Clone, Serialize)]
pub struct TemplateLine {
    /// Its `templateid`.
    #[serde(serialize_with = "as_text")]
    pub id: Id,
    /// Its title. Those with one title and one owner are one template.
    pub title: String,
    /// The tag of its language: `de`, or `any`.
    pub language: String,
    /// The kind of record that it is for: `contact`, or `any`.
    pub kind: String,
    /// Whether it is the visitor's own; else it is everybody's.
    pub is_own: bool,
    /// Its subject, with its places.
    pub subject: String,
}

/// A template on its page.
#[derive(Debug, Clone, Serialize)]
pub struct TemplatePage {
    /// What the list shows of it.
    pub line: TemplateLine,
    /// Its other languages.
    pub variants: Vec<TemplateLine>,
    /// Its HTML, with its places; may be empty.
    pub html: String,
    /// Its text, with its places; may be empty.
    pub text: String,
    /// Whether the visitor may change it, and take it away.
    pub may_change: bool,
    /// The record that it is shown for.
    pub record: Option<RecordLink>,
    /// What it becomes for that record.
    pub made: Option<TemplateMade>,
    /// Why there is nothing to show; may be empty.
    pub note: String,
}

/// What a template becomes.
#[derive(Debug, Clone, Serialize)]
pub struct TemplateMade {
    /// The subject.
    pub subject: String,
    /// The HTML, sanitized; empty where it has none.
    pub html: String,
    /// The text.
    pub body: MailBody,
    /// Which values were missing, as short sentences.
    pub cautions: Vec<String>,
}

/// A template as somebody writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateDraft {
    /// The one that is changed; none where it is new. Its title, language and owner stay.
    pub id: Option<Id>,
    /// Its title.
    pub title: String,
    /// The tag of its language, or `any`.
    pub language: String,
    /// The kind of record that it is for, or `any`.
    pub kind: String,
    /// Whether it is the visitor's own; else it is everybody's, which is for administrators.
    pub is_own: bool,
    /// Its subject, with its places.
    pub subject: String,
    /// Its HTML, with its places; may be empty.
    pub html: String,
    /// Its text, with its places; may be empty.
    pub text: String,
    /// Which state of the kept one was changed; empty where any may be replaced.
    pub version: String,
}

/// With what a template begins that somebody writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateBeginning {
    /// With nothing.
    New,
    /// With what another one says, as a variant of that in another language.
    Variant(Id),
    /// With what it is by now.
    Change(Id),
}

/// What a template that is not kept yet becomes.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TemplateTry {
    /// The record that it is shown for.
    pub record: Option<RecordLink>,
    /// What it becomes.
    pub made: Option<TemplateMade>,
    /// Why there is nothing to show; may be empty.
    pub note: String,
}

/// What became of a template that was to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateEnd {
    /// It is kept as this one.
    Kept(Id),
    /// Somebody has changed it meanwhile: this is its state by now.
    Changed(String),
    /// It cannot be kept as it is; why, in words.
    Refused(String),
}

/// A letter with what a template says in it.
#[derive(Debug, Clone)]
pub struct Filled {
    /// The letter.
    pub letter: Letter,
    /// Which values were missing, as short sentences.
    pub cautions: Vec<String>,
    /// Why it could not be filled, and is as it was; empty where it was.
    pub refusal: String,
}

/// What stands below the mail of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Signature {
    /// As text.
    pub text: String,
    /// As HTML; from a browser it is not to be trusted. Empty where the text is all there is.
    pub html: String,
}
