//! A copy's originals: the mail itself, those that one of us forwarded as attachment or as text, or the one that a
//! journal reports.
//!
//! Originals are taken out only where the address is a sink, the outer sender is proven one of us, and the
//! mail is no report: else any stranger could plant a mail "from" a customer. See
//! `docs/decisions/0001-what-proves-a-sender.md`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use message::attachments::Attachment;
use message::unwrap::{Journal, Method};
use message::{Header, Message};
use model::outcome::{Outcome, Reason};
use model::{EmailAddress, Mailbox, limits};

use super::copy::{Copy, Source};
use super::gather::Desk;
use super::offer::{Envelope, Offer};

/// One mail that a copy carries.
#[derive(Debug, Clone)]
pub struct Original {
    /// 1 for the first of the copy.
    pub number: i32,
    /// Its bytes: the inner original, decoded, as received.
    pub raw: Arc<[u8]>,
    /// How it came out of the copy.
    pub method: Method,
    /// How many mails stood around it.
    pub depth: u32,
    /// What it says of itself.
    pub offer: Offer,
    /// What lists and attachments need of its body.
    pub content: Content,
    /// Why it cannot be processed, where it cannot.
    pub fault: Option<Fault>,
}

impl Original {
    /// Whether one of us handed on what another wrote: dug out of his mail, or sent on under his own name.
    pub fn is_handed_on(&self) -> bool {
        matches!(self.method, Method::Attached | Method::Inline) || self.offer.is_guess
    }
}

/// What is kept of a body beside its bytes.
#[derive(Debug, Clone, Default)]
pub struct Content {
    /// The first words.
    pub preview: String,
    /// Attachments, as ranges of the bytes, or of what opening them gave.
    pub attachments: Vec<Attachment>,
    /// 0, or the version of the rules by which containers were opened.
    pub rules: i32,
    /// 0 low, 1 normal, 2 high.
    pub priority: i32,
}

/// Why an original cannot be processed.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The reason it is accounted under.
    pub reason: Reason,
    /// What happened, for the administrator; no content of the mail.
    pub detail: String,
}

/// The outer mail of a copy as it was received.
pub struct Received<'c> {
    /// The whole of it, or why it cannot be read.
    message: Result<Message<'c>, Fault>,
    /// Its header, where that alone can be read.
    header: Option<Header>,
}

impl<'c> Received<'c> {
    /// Reads a copy's outer mail.
    pub fn read(copy: &'c Copy) -> Self {
        guarded(|| Self::try_read(&copy.raw))
            .unwrap_or_else(|fault| Received { message: Err(fault), header: None })
    }

    fn try_read(raw: &'c [u8]) -> Self {
        if raw.len() > limits::MESSAGE_BYTES_MAX {
            let detail = "the message is too large".to_owned();
            return Received { message: Err(Fault { reason: Reason::Limit, detail }), header: None };
        }
        let message = message::read(raw).map_err(unreadable);
        let header = match &message {
            // Decoded here, where a fault of ours is caught.
            Ok(message) => {
                message.header();
                None
            }
            Err(_) => message::read_header(raw).ok(),
        };
        Received { message, header }
    }

    /// Its header, where that can be read.
    pub fn header(&self) -> Option<&Header> {
        self.message.as_ref().ok().map(Message::header).or(self.header.as_ref())
    }
}

impl Received<'_> {
    /// The header, where that is all there is and where nothing but the body could change what it says: it ends where
    /// a header ends, and the content is not packed as a whole (a container may hold another kind of content).
    pub(super) fn header_alone(&self) -> Option<&Header> {
        let message = self.message.as_ref().ok()?;
        (message.is_header_alone() && !message::content::may_be_packed(message)).then(|| message.header())
    }
}

/// Takes the originals out of a copy. Never empty: what cannot be read is one original with a fault.
pub fn originals(copy: &Copy, received: Received<'_>, desk: &Desk) -> Vec<Original> {
    if matches!(copy.source, Source::Postmaster(_)) {
        return vec![for_postmaster(copy, received.header())];
    }
    let read = || read_originals(copy, received.message?, desk);
    guarded(read).and_then(|read| read).unwrap_or_else(|fault| vec![faulty(copy, fault)])
}

/// Mail about the house is kept for whoever runs it, and stands on no record. Who wrote it, and about what, is told.
fn for_postmaster(copy: &Copy, header: Option<&Header>) -> Original {
    let reason = Reason::Postmaster;
    let mut original = faulty(copy, Fault { reason, detail: reason.words().to_owned() });
    if let Some(header) = header {
        original.offer.from = header.author().cloned();
        original.offer.subject = header.subject.clone();
    }
    original
}

/// A fault in a parser ends this mail as Undeliverable, kept whole; it must not end the door.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Fault::of_ours())
}

/// The whole copy as one original on which our own processing failed.
pub fn failed(copy: &Copy) -> Original {
    faulty(copy, Fault::of_ours())
}

impl Fault {
    /// Our own processing failed.
    pub(super) fn of_ours() -> Self {
        let detail = "Postroom stopped on this message; its log says where".to_owned();
        Fault { reason: Reason::Fault, detail }
    }

    /// How an original ends that has it.
    pub(super) fn outcome(&self) -> Outcome {
        match self.reason {
            // There is nothing that a person could look at.
            Reason::Vanished => Outcome::Ignored,
            _ => Outcome::Undeliverable,
        }
    }
}

fn read_originals(copy: &Copy, received: Message<'_>, desk: &Desk) -> Result<Vec<Original>, Fault> {
    let opened = message::content::open(&received);
    let is_opened = opened.is_opened();
    let outer = if is_opened { message::read(&opened.raw).map_err(unreadable)? } else { received };
    // What a journal could not deliver comes back from the same sender.
    if desk.is_journal && !outer.header().marks.report {
        let detail = "a journal report without a sender, a recipient or one mail".to_owned();
        let journal = message::unwrap::journal(&outer);
        let journal = journal.ok_or(Fault { reason: Reason::Unreadable, detail })?;
        return Ok(vec![journaled(journal, desk)]);
    }
    let eligible = is_forward_to_us(copy, desk, outer.header());
    let unwrapped = message::unwrap::originals(&outer, eligible)
        .map_err(|error| Fault { reason: Reason::Limit, detail: error.to_string() })?;
    let mut originals = Vec::with_capacity(unwrapped.originals.len());
    for (number, inner) in (1..).zip(unwrapped.originals) {
        let is_outer = !inner.method.is_dug_out();
        let raw: Arc<[u8]> = if is_outer { Arc::clone(&copy.raw) } else { Arc::from(&*inner.raw) };
        let described = match is_outer {
            true => Ok(describe(&KeptAndOpened { raw: &raw, message: &outer, is_opened }, desk)),
            false => describe_bytes(&raw, desk),
        };
        let mut original = Original {
            number,
            raw,
            method: inner.method,
            depth: inner.depth,
            offer: Offer::default(),
            content: Content::default(),
            fault: None,
        };
        original.describe(described);
        original.offer.is_guess = inner.is_guess;
        if eligible
            && is_outer
            && let Some(author) = &desk.readdressed
        {
            original.readdress(author.clone());
        }
        originals.push(original);
    }
    Ok(originals)
}

/// The mail within a journal's report, with the envelope it had.
fn journaled(journal: Journal<'_>, desk: &Desk) -> Original {
    let mut original = Original {
        number: 1,
        raw: Arc::from(&*journal.raw),
        method: Method::Journaled,
        depth: 1,
        offer: Offer::default(),
        content: Content::default(),
        fault: None,
    };
    original.describe(describe_bytes(&journal.raw, desk));
    let offer = &mut original.offer;
    let is_named = |address: &EmailAddress, offer: &Offer| {
        offer.recipients().any(|mailbox| mailbox.address.key() == address.key())
    };
    for address in journal.blind {
        if !is_named(&address, offer) {
            offer.bcc.push(Mailbox { name: None, address });
        }
    }
    let Journal { sender, is_null_sender, recipients, .. } = journal;
    offer.journal = Some(Envelope { sender, is_null_sender, recipients });
    original
}

impl Original {
    fn describe(&mut self, described: Result<(Offer, Content), Fault>) {
        match described {
            Ok((offer, content)) => (self.offer, self.content) = (offer, content),
            Err(fault) => self.fault = Some(fault),
        }
    }

    /// Puts back what *Redirect* changed: the author, and the id, which it only names as answered. When it was
    /// written is lost.
    fn readdress(&mut self, author: Mailbox) {
        self.method = Method::Redirected;
        let offer = &mut self.offer;
        offer.is_guess = true;
        offer.message_id = offer.in_reply_to.first().cloned();
        offer.in_reply_to.clear();
        offer.references.retain(|id| Some(id) != offer.message_id.as_ref());
        offer.from = Some(author);
        offer.authors.clear();
        offer.date = None;
    }
}

/// A forward to the sink: from one of us, proven, written to the CRM and to nobody outside, and no mail that
/// a rule passed on. A colleague who writes to a customer and attaches a mail writes a mail of his own, though
/// a blind copy of it reaches the sink; and what Jane wrote to Ben is no forward because Ben's rule passes it on.
pub(super) fn is_forward_to_us(copy: &Copy, desk: &Desk, outer: &Header) -> bool {
    let is_for_us = desk.is_handed_over() || (copy.source == Source::Track && !desk.audience.has_outsider);
    copy.source.unwraps()
        && desk.may_hand_over
        && desk.outer_user.is_some()
        && is_for_us
        && !outer.redirected
        && !outer.marks.report
}

/// A message that was kept, and the one that is read: the same with its containers open.
struct KeptAndOpened<'x> {
    raw: &'x [u8],
    message: &'x Message<'x>,
    is_opened: bool,
}

fn describe_bytes(raw: &[u8], desk: &Desk) -> Result<(Offer, Content), Fault> {
    let received = message::read(raw).map_err(unreadable)?;
    let opened = message::content::open(&received);
    let is_opened = opened.is_opened();
    let message = if is_opened { message::read(&opened.raw).map_err(unreadable)? } else { received };
    Ok(describe(&KeptAndOpened { raw, message: &message, is_opened }, desk))
}

fn describe(mail: &KeptAndOpened<'_>, desk: &Desk) -> (Offer, Content) {
    let KeptAndOpened { raw, message, is_opened } = *mail;
    let header = message.header();
    let text = message.readable();
    let mut offer = Offer::of_header(header, &desk.settings.token_prefixes);
    offer.text_digest = Some(message::identity::content_digest(message, &text.characters));
    offer.raw_digest = Some(message::identity::raw_digest(raw));
    if let Some(report) = message::report::read(message) {
        offer.reported = report.recipients.into_iter().map(|recipient| recipient.address).collect();
        offer.returned = report.returned;
    }
    let mut attachments = message.attachments();
    forget_attached(&mut offer, message.raw(), &attachments);
    // What stands before the header (an mbox line) is kept too, so ranges of what is kept count from there.
    let before = if is_opened { 0 } else { raw.len().saturating_sub(message.raw().len()) };
    for attachment in &mut attachments {
        attachment.body_offset += before;
    }
    let content = Content {
        preview: message::body::preview(message, &text),
        attachments,
        rules: if is_opened { message::content::RULES } else { 0 },
        priority: header.priority,
    };
    (offer, content)
}

/// A forward names what it carries in References; that makes it no answer to it.
fn forget_attached(offer: &mut Offer, raw: &[u8], attachments: &[Attachment]) {
    for attachment in attachments.iter().filter(|attachment| attachment.mimetype == "message/rfc822") {
        let end = attachment.body_offset.saturating_add(attachment.body_length);
        let encoded = raw.get(attachment.body_offset..end).unwrap_or_default();
        let inner = match attachment.encoding {
            "7bit" => message::read_header(encoded),
            encoding => message::read_header(&message::attachments::decode(encoded, encoding)),
        };
        if let Some(carried) = inner.ok().and_then(|header| header.message_id) {
            offer.in_reply_to.retain(|id| *id != carried);
            offer.references.retain(|id| *id != carried);
        }
    }
}

fn unreadable(error: message::Unreadable) -> Fault {
    let is_limit = !matches!(error, message::Unreadable::Empty | message::Unreadable::NotAMessage);
    let reason = if is_limit { Reason::Limit } else { Reason::Unreadable };
    Fault { reason, detail: error.to_string() }
}

/// The whole copy as one original that cannot be processed.
pub(super) fn faulty(copy: &Copy, fault: Fault) -> Original {
    Original {
        number: 1,
        raw: Arc::clone(&copy.raw),
        method: Method::Direct,
        depth: 0,
        offer: Offer::default(),
        content: Content::default(),
        fault: Some(fault),
    }
}
