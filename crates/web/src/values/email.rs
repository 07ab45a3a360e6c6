//! One e-mail: its parties, its text, its files, and the reason why it is here.

use model::{Id, Timestamp};
use serde::Serialize;

use super::lists::{Direction, MailLine};
use super::outbox::OutboxLine;
use super::records::{Fact, RecordLink};
use super::{as_millis, as_text};

/// One e-mail, ready to be shown.
#[derive(Debug, Clone, Serialize)]
pub struct Email {
    /// Its `activityid`.
    #[serde(serialize_with = "as_text")]
    pub id: Id,
    /// Its subject; may be empty.
    pub subject: String,
    /// Whether it came or went.
    pub direction: Direction,
    /// Its status reason: Received, Sent, Pending Send, Failed, Canceled.
    pub state: String,
    /// How it goes out, where it does, for whom may change that.
    pub outgoing: Option<OutboxLine>,
    /// When it was written: `sortdate`.
    #[serde(serialize_with = "as_millis")]
    pub time: Timestamp,
    /// The sender.
    pub sender: Party,
    /// Everybody it was written to, in the order of the header.
    pub recipients: Vec<Party>,
    /// What a reader should know before believing it, as short sentences: "The sender is not proven."
    pub cautions: Vec<String>,
    /// Its text.
    pub body: MailBody,
    /// Its files, in the order of the mail.
    pub attachments: Vec<Attachment>,
    /// Every mail of its conversation that the visitor may see, newest first, this one among them.
    pub conversation: Vec<MailLine>,
    /// Why it is here.
    pub because: Because,
    /// Regarding, came by, owner, received by, kept since.
    pub facts: Vec<Fact>,
}

/// How the text of a mail is shown.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum MailBody {
    /// Decoded plain text. The page escapes it, folds quotations and makes links of `http` addresses.
    Plain {
        /// The text in its parts, at most `limits::SHOWN_BODY_BYTES_MAX` together.
        blocks: Vec<TextBlock>,
        /// Whether the mail goes on beyond it.
        is_cut: bool,
    },
    /// The mail has HTML: the page shows [`super::House::email_body`] in a frame.
    Html {
        /// Pictures on other servers that are held back.
        remote_images: u32,
    },
    /// The mail has no text.
    Empty,
}

/// Lines of a plain text that are one part of it.
#[derive(Debug, Clone, Serialize)]
pub struct TextBlock {
    /// Which part.
    pub part: TextPart,
    /// The lines.
    pub text: String,
}

/// What lines of a plain text are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TextPart {
    /// Written for this mail.
    Own,
    /// Text of an earlier mail; folded where it is long.
    Quote,
    /// A signature.
    Signature,
}

/// The HTML text of a mail, sanitized.
#[derive(Debug, Clone)]
pub struct Body {
    /// A fragment, without `html`, `head`, `body`. Pictures named by `cid:` stand in it as `data:`
    /// addresses: a sandboxed frame has no origin, so the session's cookie does not go with its requests.
    pub html: String,
    /// Pictures on other servers that are held back.
    pub remote_images: u32,
}

/// A sender or recipient.
#[derive(Debug, Clone, Serialize)]
pub struct Party {
    /// In which field it stands.
    pub role: Role,
    /// The name the mail gives it; may be empty.
    pub name: String,
    /// The address the mail gives it; empty where it is none.
    pub address: String,
    /// Who that is.
    pub standing: Standing,
}

/// The field a party stands in: `participationtypemask`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// From.
    Sender,
    /// To.
    To,
    /// Cc.
    Cc,
    /// Bcc.
    Bcc,
}

/// Who a party is.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Standing {
    /// A customer.
    Known {
        /// The record.
        record: RecordLink,
    },
    /// One of us: a user or a queue of this name.
    Ours {
        /// The name in the CRM.
        name: String,
    },
    /// Nobody in the CRM has the address.
    Unresolved,
    /// Several records have it, and no rule says which.
    Ambiguous {
        /// Those records, the likeliest first.
        candidates: Vec<CandidateLine>,
    },
}

/// A record that could be meant.
#[derive(Debug, Clone, Serialize)]
pub struct CandidateLine {
    /// The record.
    pub record: RecordLink,
    /// 1 is the likeliest.
    pub rank: u32,
    /// Why it stands there.
    pub why: String,
}

/// One attachment.
#[derive(Debug, Clone, Serialize)]
pub struct Attachment {
    /// Its `activitymimeattachmentid`.
    #[serde(serialize_with = "as_text")]
    pub id: Id,
    /// Its file name; may be empty.
    pub name: String,
    /// Its type: `image/jpeg`.
    pub mimetype: String,
    /// Its decoded size in bytes.
    pub size_bytes: u64,
    /// Whether the text shows it; such a file is not listed again.
    pub is_inline: bool,
    /// What a reader should know of it: "signature, not verified". May be empty.
    pub note: String,
}

/// A file on its way out.
#[derive(Debug, Clone)]
pub struct File {
    /// Its name as the mail gives it: not to be trusted as a path.
    pub name: String,
    /// Its type as the mail gives it: not to be trusted either.
    pub mimetype: String,
    /// Its decoded bytes.
    pub bytes: Vec<u8>,
}

/// The panel "Here because …".
#[derive(Debug, Clone, Serialize)]
pub struct Because {
    /// What spoke for it, and what was seen and not believed.
    pub signals: Vec<SignalLine>,
    /// What else could have been meant, the likeliest first.
    pub candidates: Vec<CandidateLine>,
    /// The same in technical words: reason code, correlation method, Message-ID.
    pub details: Vec<Fact>,
}

/// One sentence of that panel.
#[derive(Debug, Clone, Serialize)]
pub struct SignalLine {
    /// Whether it holds, or was not believed.
    pub holds: bool,
    /// The sentence.
    pub words: String,
    /// Where it leads: a local path such as `/emails/…`.
    pub link: Option<String>,
}

/// A party that a person has to settle.
#[derive(Debug, Clone, Serialize)]
pub struct UnresolvedLine {
    /// The mail it stands in.
    pub mail: MailLine,
    /// The name the mail gives it; may be empty.
    pub name: String,
    /// The address.
    pub address: String,
    /// Records that could be meant; empty when nobody has the address.
    pub candidates: Vec<CandidateLine>,
}
