//! Commands that take a mail: the simulator, which keeps nothing, and *Track in CRM* by hand.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crm::intake::check::Checked;
use crm::intake::unwrap::Original;
use crm::intake::{self, Copy, Proof, Recipient, Source, Welcome};
use model::decision::{Candidate, Decision, RecordRef, Signal};
use model::outcome::Outcome;
use model::{Id, Mailbox, Timestamp};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};

use super::{CommandError, Reply, address, organization};
use crate::house::House;

/// A mail to be checked.
#[derive(Serialize, Deserialize)]
pub struct CheckMail {
    /// The organization's name.
    pub organization: String,
    /// MAIL FROM; empty for the null sender.
    pub mail_from: String,
    /// RCPT TO: a sink, a queue or a user of the organization; several are separated by commas.
    pub recipient: String,
    /// The mail in base64.
    pub mail: String,
}

/// What would become of a mail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckedMail {
    /// The outcome of the copy: the gravest of its originals'.
    pub outcome: String,
    /// One entry for each original.
    pub offers: Vec<CheckedOffer>,
}

/// What would become of one original.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckedOffer {
    /// How it came out of the copy.
    pub unwrap: UnwrapWords,
    /// What it says of itself.
    pub offer: OfferWords,
    /// The decision.
    pub decision: DecisionWords,
    /// The parties that its e-mail would have, sender first; empty unless it would be stored.
    pub parties: Vec<PartyWords>,
}

/// How an original came out of its copy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnwrapWords {
    /// `direct`, `redirected` or `attached`.
    pub method: String,
    /// How many mails stood around it.
    pub depth: u32,
}

/// What an original says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfferWords {
    /// `Message-ID`, without angle brackets.
    pub message_id: Option<String>,
    /// The address in `From`.
    pub from: Option<String>,
    /// The addresses in `To`.
    pub to: Vec<String>,
    /// The addresses in `Cc`.
    pub cc: Vec<String>,
    /// `Subject`, decoded.
    pub subject: String,
    /// `Date`, as RFC 3339 writes it.
    pub date: Option<String>,
}

/// A decision in words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecisionWords {
    /// The name of the outcome.
    pub outcome: String,
    /// Dynamics' `ReasonCode`.
    pub reason_code: i32,
    /// The name of the reason.
    pub reason: String,
    /// The name of the correlation method.
    pub correlation_method: String,
    /// The e-mail that it is already.
    pub duplicate_of: Option<String>,
    /// The e-mail that it continues.
    pub correlated: Option<String>,
    /// What spoke for it, and what was seen and not believed.
    pub signals: Vec<SignalWords>,
    /// Whom and what it could also mean.
    pub candidates: Vec<CandidateWords>,
}

/// One observation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignalWords {
    /// What was looked at.
    pub kind: String,
    /// Whether it holds, or was not believed.
    pub holds: bool,
    /// The sentence.
    pub words: String,
    /// The record it points to.
    pub record: Option<RecordWords>,
}

/// A record that could be meant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CandidateWords {
    /// The address in question.
    pub address: Option<String>,
    /// The record.
    pub record: RecordWords,
    /// Its name.
    pub name: String,
    /// 1 is the likeliest.
    pub rank: u32,
    /// Why it stands there.
    pub why: String,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordWords {
    /// The logical name of its kind.
    pub entity: String,
    /// Its id.
    pub id: String,
}

/// A party that an e-mail would have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartyWords {
    /// `sender`, `to`, `cc` or `bcc`.
    pub participation: String,
    /// Its address.
    pub address: String,
    /// The record it would be tied to.
    pub record: Option<RecordWords>,
    /// Whether several records have the address and no rule says which.
    pub is_ambiguous: bool,
}

/// A mail to be taken in by hand.
#[derive(Serialize, Deserialize)]
pub struct TrackMail {
    /// The organization's name.
    pub organization: String,
    /// The mail in base64.
    pub mail: String,
}

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tracked {
    /// The id of the copy.
    pub copy: String,
    /// The outcome of the copy.
    pub outcome: String,
    /// Its originals, in order.
    pub originals: Vec<TrackedOriginal>,
}

/// What became of one original.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrackedOriginal {
    /// The name of the outcome.
    pub outcome: String,
    /// The name of the reason.
    pub reason: String,
    /// The e-mail it became or is.
    pub email: Option<String>,
}

/// Everything up to the commit, as for a peer on this machine; nothing of it is kept.
pub(super) fn check(house: &House, mail: &CheckMail) -> Result<Reply, CommandError> {
    let organization = organization(house, &mail.organization)?;
    let mut recipients = Vec::new();
    for text in mail.recipient.split(',') {
        recipients.push(welcomed(house, organization.id(), text)?);
    }
    let arrival = intake::Arrival {
        arrived: house.now(),
        mail_from: Some(mail.mail_from.clone()).filter(|text| !text.is_empty()),
        peer: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        trace: None,
        raw: raw(&mail.mail)?,
        has_bare_line_ends: false,
    };
    let mut offers = Vec::new();
    let mut outcome = Outcome::Ignored;
    for share in intake::shares(recipients) {
        let copy = share.copy(&arrival, house.moment()?.id());
        for (original, checked) in intake::simulate(&organization, copy)? {
            outcome = outcome.max(checked.verdict.decision.outcome);
            offers.push(checked_offer(&original, &checked));
        }
    }
    Ok(Reply::Checked(CheckedMail { outcome: outcome.name().to_owned(), offers }))
}

fn welcomed(house: &House, organization: Id, text: &str) -> Result<Recipient, CommandError> {
    let refused = |why| CommandError::NotWelcome { address: text.trim().to_owned(), why };
    let trusted = &house.settings.receive.trusted_networks;
    let here = intake::Peer { address: IpAddr::V4(Ipv4Addr::LOCALHOST), credential: None };
    match intake::welcome(&house.store, trusted, here, &address(text)?) {
        Welcome::Yes(recipient) if recipient.organization.id() == organization => Ok(recipient),
        Welcome::Yes(_) => Err(refused("it belongs to another organization")),
        Welcome::Unknown => Err(refused("no sink, queue or user has this address")),
        Welcome::NotAllowed => Err(refused("nobody may write to it")),
        Welcome::TryLater => Err(refused("the store cannot say now whose it is")),
    }
}

/// Takes a mail in past all filters: somebody wants it here.
pub(super) async fn track(house: &Arc<House>, mail: &TrackMail) -> Result<Reply, CommandError> {
    let organization = organization(house, &mail.organization)?;
    let copy = Copy {
        copyid: house.moment()?.id(),
        source: Source::Track,
        arrived: house.now(),
        has_envelope: false,
        mail_from: None,
        recipients: Vec::new(),
        peer: None,
        trace: None,
        proof: Proof::Hand,
        raw: raw(&mail.mail)?,
        has_bare_line_ends: false,
    };
    Ok(Reply::Tracked(tracked(&intake::take_in(&organization, copy, house.moment()?).await?)))
}

/// A receipt in words.
pub(super) fn tracked(receipt: &intake::Receipt) -> Tracked {
    let original = |it: &intake::OriginalReceipt| TrackedOriginal {
        outcome: it.outcome.name().to_owned(),
        reason: it.reason.name().to_owned(),
        email: it.email.map(|id| id.to_string()),
    };
    Tracked {
        copy: receipt.copyid.to_string(),
        outcome: receipt.outcome().name().to_owned(),
        originals: receipt.originals.iter().map(original).collect(),
    }
}

/// The bytes of a mail as it came over the line.
pub(super) fn raw(base64: &str) -> Result<Arc<[u8]>, CommandError> {
    Ok(STANDARD.decode(base64)?.into())
}

fn checked_offer(original: &Original, checked: &Checked) -> CheckedOffer {
    let offer = &original.offer;
    let addresses = |all: &[Mailbox]| all.iter().map(|mailbox| mailbox.address.to_string()).collect();
    let participation = |party: &crm::correlate::Party| PartyWords {
        participation: format!("{:?}", party.participation).to_lowercase(),
        address: party.address.to_string(),
        record: party.record.map(record),
        is_ambiguous: party.is_ambiguous,
    };
    CheckedOffer {
        unwrap: UnwrapWords { method: original.method.name().to_owned(), depth: original.depth },
        offer: OfferWords {
            message_id: offer.message_id.as_ref().map(ToString::to_string),
            from: offer.from.as_ref().map(|from| from.address.to_string()),
            to: addresses(&offer.to),
            cc: addresses(&offer.cc),
            subject: offer.subject.clone(),
            date: offer.date.map(rfc_3339),
        },
        decision: decision(&checked.verdict.decision),
        parties: checked.verdict.parties.iter().map(participation).collect(),
    }
}

fn decision(decision: &Decision) -> DecisionWords {
    let signal = |it: &Signal| SignalWords {
        kind: it.kind.to_owned(),
        holds: it.holds,
        words: it.words.clone(),
        record: it.record.map(record),
    };
    let candidate = |it: &Candidate| CandidateWords {
        address: it.address.as_ref().map(ToString::to_string),
        record: record(it.record),
        name: it.name.clone(),
        rank: it.rank,
        why: it.why.clone(),
    };
    DecisionWords {
        outcome: decision.outcome.name().to_owned(),
        reason_code: decision.reason.code(),
        reason: decision.reason.name().to_owned(),
        correlation_method: decision.correlation_method.name().to_owned(),
        duplicate_of: decision.duplicate_of.map(|id| id.to_string()),
        correlated: decision.correlated.map(|id| id.to_string()),
        signals: decision.signals.iter().map(signal).collect(),
        candidates: decision.candidates.iter().map(candidate).collect(),
    }
}

fn record(record: RecordRef) -> RecordWords {
    RecordWords { entity: record.entity.name().to_owned(), id: record.id.to_string() }
}

/// A time as RFC 3339 writes it, in UTC.
pub(crate) fn rfc_3339(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.0).unwrap_or_default().to_string()
}
