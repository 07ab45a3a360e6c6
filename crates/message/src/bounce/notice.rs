//! The parts of a mail that may tell something: its own words, apart from the mail that it returns, and groups of fields.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashSet;

use model::{EmailAddress, limits};

use super::reasons::Reason;
use super::{addresses, footer};

use crate::body::markup;
use crate::entity::Entity;
use crate::header::Header;
use crate::message::{Message, start_of};

/// What is longer is written by a person.
pub(super) const SHORT_BYTES: usize = 2_048;

/// What there is to be read of a mail.
pub(super) struct Notice<'m> {
    pub(super) message: &'m Message<'m>,
    /// Its own words, without the mail that it returns.
    pub(super) text: String,
    /// Bodies with fields about recipients (RFC 3464).
    pub(super) statuses: Vec<Cow<'m, [u8]>>,
    /// The same about what a recipient's program did with it (RFC 8098).
    pub(super) dispositions: Vec<Cow<'m, [u8]>>,
    /// The same about what a recipient thinks of it (RFC 5965).
    pub(super) feedbacks: Vec<Cow<'m, [u8]>>,
    /// The header of the mail that it returns, or the whole of that.
    pub(super) returned: Vec<Cow<'m, [u8]>>,
    /// Whoever writes it and whoever gets it: it is not about them, mostly.
    pub(super) others: HashSet<String>,
    /// Whether the fields stand in its text, where a person may quote them.
    pub(super) is_flat: bool,
    /// Whether it came to a return path of ours, which nobody knows who has not got our mail.
    pub(super) is_returned: bool,
    named: OnceCell<Vec<(EmailAddress, String)>>,
    reason: OnceCell<Option<Reason>>,
    alone: OnceCell<Option<Reason>>,
    codes: OnceCell<Option<Reason>>,
    before_recipient: OnceCell<Option<Reason>>,
    after_text: OnceCell<Option<Reason>>,
}

impl<'m> Notice<'m> {
    pub(super) fn of(message: &'m Message<'m>) -> Self {
        let mut notice = Notice {
            message,
            text: String::new(),
            statuses: Vec::new(),
            dispositions: Vec::new(),
            feedbacks: Vec::new(),
            returned: Vec::new(),
            others: others(message.header()),
            is_flat: false,
            is_returned: false,
            named: OnceCell::new(),
            reason: OnceCell::new(),
            alone: OnceCell::new(),
            codes: OnceCell::new(),
            before_recipient: OnceCell::new(),
            after_text: OnceCell::new(),
        };
        let leaves = message.entities().iter().filter(|entity| entity.children.is_empty());
        let mut html = None;
        for entity in leaves {
            // Some leave the semicolon out before the parameters.
            match entity.mimetype.split_whitespace().next().unwrap_or_default() {
                "message/delivery-status" | "message/global-delivery-status" => {
                    let body = begin_of(message.decoded(entity), STATUS_BYTES_MAX);
                    // InterMail puts its words there too.
                    if !has_fields(&body) && notice.returned.is_empty() {
                        notice.add(&String::from_utf8_lossy(&body));
                    }
                    notice.statuses.push(body);
                }
                "message/disposition-notification" | "message/global-disposition-notification" => {
                    notice.dispositions.push(begin_of(message.decoded(entity), limits::HEADER_BYTES_MAX));
                }
                "message/feedback-report" => {
                    notice.feedbacks.push(begin_of(message.decoded(entity), limits::HEADER_BYTES_MAX))
                }
                "message/rfc822" | "message/global" | "text/rfc822-headers" | "message/global-headers" => {
                    notice.returned.push(begin_of(message.decoded(entity), limits::HEADER_BYTES_MAX));
                }
                kind if notice.returned.is_empty()
                    && (kind == "text/plain" || kind.starts_with("multipart/")) =>
                {
                    notice.add(footer::without(&message.characters(entity)));
                }
                "text/html" if notice.returned.is_empty() && html.is_none() => html = Some(entity),
                _ => {}
            }
        }
        if let Some(html) = html.filter(|_| notice.text.trim().is_empty()) {
            notice.add(&text_of(message, html));
        }
        notice.find_fields_in_text();
        notice.cut();
        notice
    }

    /// The recipients that its words name, each with the words up to the next.
    pub(super) fn named(&self) -> &[(EmailAddress, String)] {
        self.named.get_or_init(|| addresses::named(self))
    }

    /// Why, by words that are clear wherever they stand.
    pub(super) fn reason(&self) -> Option<Reason> {
        self.reason.get_or_init(|| Reason::somewhere(&self.text)).clone()
    }

    /// Why, by words that are clear beside a recipient only, where there is but one.
    pub(super) fn alone(&self) -> Option<Reason> {
        let find = || if self.named().len() < 2 { Reason::of_all(&self.text) } else { None };
        self.alone.get_or_init(find).clone()
    }

    /// The same by the codes in all of its words.
    pub(super) fn codes(&self) -> Option<Reason> {
        self.codes.get_or_init(|| Reason::of_codes(&self.text)).clone()
    }

    /// Whether the only recipient was not even named, by a transcript of what was said to his server.
    pub(super) fn before_recipient(&self) -> Option<Reason> {
        let find = || if self.named().len() < 2 { Reason::before_recipient(&self.text) } else { None };
        self.before_recipient.get_or_init(find).clone()
    }

    /// Whether the text of the mail had been sent when it was refused, by a transcript of what was said to the only recipient's server.
    pub(super) fn after_text(&self) -> Option<Reason> {
        let find = || if self.named().len() < 2 { Reason::after_text(&self.text) } else { None };
        self.after_text.get_or_init(find).clone()
    }

    fn add(&mut self, text: &str) {
        let room = limits::NOTICE_BYTES_MAX.saturating_sub(self.text.len());
        self.text.push_str(start_of(text, room));
        self.text.push('\n');
    }

    /// Some write the fields into their text, or lose the parts on the way.
    fn find_fields_in_text(&mut self) {
        if !self.statuses.is_empty() {
            return;
        }
        let lower = self.text.to_ascii_lowercase();
        let at_line = |at: usize| at == 0 || lower.as_bytes().get(at - 1) == Some(&b'\n');
        let first = |names: &[&str]| {
            let found = names.iter().flat_map(|name| lower.match_indices(name)).map(|(at, _)| at);
            found.filter(|at| at_line(*at)).min()
        };
        let from = |text: &str, at: usize| Cow::Owned(text.get(at..).unwrap_or_default().as_bytes().to_vec());
        if let Some(at) = first(&["reporting-mta:", "final-recipient:", "original-recipient:"]) {
            self.statuses.push(from(&self.text, at));
            self.text.truncate(at);
            self.is_flat = true;
        } else if let Some(at) = first(&["feedback-type:"]).filter(|_| self.message.header().marks.report) {
            self.feedbacks.push(from(&self.text, at));
            self.text.truncate(at);
        }
    }

    /// What a mail returns within its text is not its own words.
    fn cut(&mut self) {
        let lines = || self.text.split_inclusive('\n');
        let headings: Vec<usize> = lines()
            .enumerate()
            .filter(|(_, line)| is_heading_of_reason(line))
            .map(|(number, _)| number)
            .collect();
        let mut at = 0;
        for (number, line) in lines().enumerate() {
            let next = headings.partition_point(|heading| *heading < number);
            let says_why = || headings.get(next).is_some_and(|heading| heading - number <= TABLE_LINES_MAX);
            if at > 0 && begins_returned(line) && !says_why() {
                let returned = self.text.get(at..).unwrap_or_default().as_bytes().to_vec();
                self.returned.push(Cow::Owned(returned));
                self.text.truncate(at);
                return;
            }
            at += line.len();
        }
    }
}

/// So much of a body with fields about recipients is read: 4 KB for each of as many as there may be.
const STATUS_BYTES_MAX: usize = 4_096 * limits::RECIPIENTS_MAX;

/// As much of a body as fields are looked for in.
fn begin_of(body: Cow<'_, [u8]>, bytes_max: usize) -> Cow<'_, [u8]> {
    match body {
        Cow::Borrowed(body) => Cow::Borrowed(body.get(..bytes_max).unwrap_or(body)),
        Cow::Owned(mut body) => {
            body.truncate(bytes_max);
            body.shrink_to_fit();
            Cow::Owned(body)
        }
    }
}

/// Whether a body has fields of RFC 3464 at all.
fn has_fields(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    ["recipient:", "action:", "status:", "-mta:"].iter().any(|name| text.contains(name))
}

fn others(header: &Header) -> HashSet<String> {
    let all = header.from.iter().chain(&header.to).chain(&header.cc).chain(&header.reply_to);
    all.map(|mailbox| mailbox.address.key()).collect()
}

/// So many lines below the mail may the reason stand in a table.
const TABLE_LINES_MAX: usize = 12;

/// `Bounce reason :`, as who says first which mail is meant, and then why it came back.
fn is_heading_of_reason(line: &str) -> bool {
    let line = line.trim_start().to_lowercase();
    ["bounce reason", "退信原因", "退信代码"].iter().any(|begin| line.starts_with(begin))
}

/// A line behind which servers of many makes put the mail that they return.
fn begins_returned(line: &str) -> bool {
    let line = line.trim_start_matches(['-', '*', '=', '>', ' ', '|', '\t', '_']).to_ascii_lowercase();
    RETURNED.iter().any(|begin| line.starts_with(begin))
}

const RETURNED: &[&str] = &[
    "below this line is a copy",
    "below the next line is a copy",
    "this is a copy of",
    "a copy of the original message",
    "copy of the original message",
    "copy of your message",
    "the header of the original",
    "header of the source mail",
    "headers of the original",
    "original message",
    "original mail",
    "original headers",
    "original e-mail",
    "message header follows",
    "message headers follow",
    "message header:",
    "mail header",
    "message from yahoo",
    "returned message",
    "returned mail:",
    "unsent message",
    "undelivered message",
    "contents of the undelivered",
    "contents of undelivered",
    "old message",
    "the body of the message",
    "bounced e-mail",
    "begin original",
    "here is a copy",
    "here is your returned",
    "enclosed is a copy",
    "start of returned message",
    "received: ",
    "received:from",
    "return-path:",
    "mime-version:",
    "dkim-signature:",
    "x-original-message",
    "content-type: multipart",
];

fn text_of<'m>(message: &'m Message<'m>, entity: &Entity) -> String {
    let characters = message.characters(entity);
    markup::text(start_of(&characters, 4 * limits::NOTICE_BYTES_MAX))
}
