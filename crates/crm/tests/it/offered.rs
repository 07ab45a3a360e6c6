//! A mail as a case writes it down. What a case leaves out is: id `<new>`, at 10:00, with some text.

use crm::intake::Offer;
use model::{EmailAddress, Mailbox, MessageId, Timestamp};

/// Friday, 6 March 2026, 10:00 UTC.
const TEN_O_CLOCK: i64 = 1_772_791_200;

/// A mail on its way to a decision.
#[derive(Debug, Clone)]
pub(crate) struct Offered {
    offer: Offer,
    text: Option<String>,
    bytes: &'static str,
}

/// A mail with this From: `Zoë <zoe@fabrikam.test>`.
pub(crate) fn offer(from: &str) -> Offered {
    let offer = Offer {
        from: Some(mailbox(from)),
        message_id: Some(message_id("new")),
        date: Some(Timestamp::from_seconds(TEN_O_CLOCK)),
        ..Offer::default()
    };
    Offered { offer, text: Some("Good morning!".to_owned()), bytes: "" }
}

impl Offered {
    pub(crate) fn to(self, to: &str) -> Self {
        self.change(|offer| offer.to.push(mailbox(to)))
    }

    pub(crate) fn cc(self, cc: &str) -> Self {
        self.change(|offer| offer.cc.push(mailbox(cc)))
    }

    pub(crate) fn bcc(self, bcc: &str) -> Self {
        self.change(|offer| offer.bcc.push(mailbox(bcc)))
    }

    pub(crate) fn subject(self, subject: &str) -> Self {
        self.change(|offer| subject.clone_into(&mut offer.subject))
    }

    pub(crate) fn id(self, name: &str) -> Self {
        self.change(|offer| offer.message_id = Some(message_id(name)))
    }

    pub(crate) fn without_id(self) -> Self {
        self.change(|offer| offer.message_id = None)
    }

    pub(crate) fn minutes_later(self, minutes: i64) -> Self {
        self.change(|offer| offer.date = offer.date.map(|date| date.plus_seconds(60 * minutes)))
    }

    pub(crate) fn without_date(self) -> Self {
        self.change(|offer| offer.date = None)
    }

    pub(crate) fn without_from(self) -> Self {
        self.change(|offer| offer.from = None)
    }

    /// `In-Reply-To`.
    pub(crate) fn answers(self, name: &str) -> Self {
        self.change(|offer| offer.in_reply_to.push(message_id(name)))
    }

    /// `References`.
    pub(crate) fn refers_to(self, name: &str) -> Self {
        self.change(|offer| offer.references.push(message_id(name)))
    }

    pub(crate) fn thread_index(self, index: &str) -> Self {
        self.change(|offer| offer.thread_index = Some(index.to_owned()))
    }

    pub(crate) fn automatic(self) -> Self {
        self.change(|offer| offer.marks.automatic = true)
    }

    pub(crate) fn list(self) -> Self {
        self.change(|offer| offer.marks.list = true)
    }

    /// A report (RFC 6522) that returns the mail of this name.
    pub(crate) fn report_on(self, name: &str) -> Self {
        self.change(|offer| {
            offer.marks.report = true;
            offer.returned.push(message_id(name));
        })
    }

    pub(crate) fn received(self, times: usize) -> Self {
        self.change(|offer| offer.received_count = times)
    }

    /// `Delivered-To` or another trace field.
    pub(crate) fn delivered_to(self, to: &str) -> Self {
        self.change(|offer| offer.delivered_to.push(mailbox(to).address))
    }

    pub(crate) fn text(self, text: &str) -> Self {
        Offered { text: Some(text.to_owned()), ..self }
    }

    /// What an attachment holds.
    pub(crate) fn bytes(self, bytes: &'static str) -> Self {
        Offered { bytes, ..self }
    }

    /// Only the header is known yet.
    pub(crate) fn header_only(self) -> Self {
        Offered { text: None, ..self }
    }

    /// The name by which a case refers to it.
    pub(crate) fn named(&self, name: &str) -> Self {
        let is_new = self.offer.message_id.as_ref() == Some(&message_id("new"));
        if is_new { self.clone().id(name) } else { self.clone() }
    }

    /// As the intake would offer it.
    pub(crate) fn into_offer(self, prefixes: &[String]) -> Offer {
        let mut offer = self.offer;
        offer.tokens = message::token::find(&offer.subject, prefixes);
        offer.canonical_subject = message::subject::canonical(&offer.subject, prefixes);
        offer.text_digest = self.text.as_deref().map(message::identity::text_digest);
        let bytes = format!("{offer:?} {:?} {}", self.text, self.bytes);
        offer.raw_digest = self.text.is_some().then(|| message::identity::raw_digest(bytes.as_bytes()));
        offer
    }

    fn change(mut self, change: impl FnOnce(&mut Offer)) -> Self {
        change(&mut self.offer);
        self
    }
}

/// `<quote>` is short for `<quote@test>`.
fn message_id(name: &str) -> MessageId {
    MessageId::parse(&format!("{name}@test")).unwrap()
}

fn mailbox(text: &str) -> Mailbox {
    let (name, address) = match text.split_once('<') {
        Some((name, address)) => (Some(name.trim().to_owned()), address.trim_end_matches('>')),
        None => (None, text),
    };
    Mailbox { name, address: EmailAddress::parse(address).unwrap() }
}
