//! Mail that was written here enters by the same way as mail that came: it is claimed, correlated and tied to records in
//! one unit of work, and in that unit it is put into the outbox. So it goes out if and only if it stands on its record.

use std::sync::Arc;

use model::decision::RecordRef;
use model::outcome::{Outcome, Reason};
use model::schema::outbox::{OutboxMail, OutboxRecipient};
use model::{EmailAddress, Id, Moment, Timestamp, limits};
use store::{Organization, StoreError, Tx};

use super::copy::{Copy, Proof, Receipt, Source};
use super::{DeliverError, Reading};
use crate::CrmError;
use crate::outbox::opt_outs;

/// How a mail goes out.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    /// The sender in the envelope; `None` for the null sender, of what nobody is to answer (RFC 3834 §3.3).
    pub(crate) mail_from: Option<EmailAddress>,
    /// Its recipients, each once.
    pub(crate) recipients: Vec<EmailAddress>,
    /// Who goes first, of `LANES`.
    pub(crate) lane: i32,
    /// The way out; `None` where it went out by other means, and is noted as sent.
    pub(crate) relay: Option<Id>,
    /// Not before.
    pub(crate) due: Timestamp,
    /// The same, where its writer said so.
    pub(crate) delayed: Option<Timestamp>,
    /// The e-mail that was its draft, and the source of that; its rows take the place of the draft's.
    pub(crate) draft: Option<(Id, Vec<u8>)>,
    /// The user who wrote it.
    pub(crate) owner: Option<Id>,
    /// Its subject, as it was written.
    pub(crate) subject: String,
    /// The token that was put into that subject.
    pub(crate) token: Option<OwnToken>,
    /// The records that are meant by addresses, where somebody chose.
    pub(crate) chosen: Vec<(String, RecordRef)>,
    /// The e-mail that it answers or carries on.
    pub(crate) continues: Option<Id>,
    /// The record that it is about, where somebody said so.
    pub(crate) regarding: Option<RecordRef>,
    /// Whether it asks to be told that it was read, and that it was delivered.
    pub(crate) receipts: (bool, bool),
}

/// A token that a mail is the first to bear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OwnToken {
    /// It was drawn for it: nobody bears it.
    Drawn(String),
    /// A caller was given it before, and may have written under it by other means: no mail of another conversation was written
    /// here under it.
    Given(String),
}

/// Takes a mail in that was written here, and puts it into the outbox. Under one `copyid` it is taken in once.
///
/// # Errors
/// As [`take_in`](super::take_in); [`CrmError::Invalid`] where it could not be processed, and will not go out.
pub(crate) async fn take_in(
    organization: &Arc<Organization>,
    (copyid, raw): (Id, Arc<[u8]>),
    outgoing: Outgoing,
    moment: Moment,
) -> Result<Receipt, CrmError> {
    let copy = Copy {
        copyid,
        source: Source::Outbox,
        arrived: moment.now,
        has_envelope: true,
        mail_from: outgoing.mail_from.as_ref().map(ToString::to_string),
        recipients: Vec::new(),
        peer: None,
        trace: None,
        proof: Proof::Hand,
        raw,
        has_bare_line_ends: false,
    };
    let receipt = super::take(organization, copy, (Reading::Composed(Arc::new(outgoing)), moment)).await?;
    match receipt.outcome() {
        Outcome::Stored => Ok(receipt),
        _ => Err(CrmError::Invalid("the mail could not be processed, and does not go out".to_owned())),
    }
}

impl Outgoing {
    /// Nobody gets mail who does not want it. Asked on the records that the unit goes by: it runs only while they are the
    /// same.
    pub(super) fn check(&self, organization: &Organization) -> Result<(), CrmError> {
        if self.relay.is_none() {
            return Ok(());
        }
        let lane = opt_outs::asked_lane(self.lane, self.mail_from.as_ref().map(EmailAddress::as_str));
        let asked = (self.chosen.as_slice(), lane);
        let refusals = organization.read(|read| opt_outs::refusals(read, &self.recipients, asked))?;
        if refusals.is_empty() { Ok(()) } else { Err(CrmError::Invalid(refusals.join("; "))) }
    }

    /// That its token is its own. Asked within the unit, which holds the token.
    pub(super) fn check_token(&self, tx: &Tx<'_>) -> Result<(), DeliverError> {
        match &self.token {
            None => Ok(()),
            Some(OwnToken::Drawn(token)) => match tx.emails_by_token(token, 1)?.is_empty() {
                true => Ok(()),
                false => Err(DeliverError::TokenTaken),
            },
            Some(OwnToken::Given(token)) => {
                let conversation = |id: Id| {
                    Ok::<_, StoreError>(tx.email_facts(id)?.map(|email| email.conversationtrackingid))
                };
                let composed = (token.as_str(), Reason::Composed as i32);
                let Some(first) = tx.first_emails_by_token(composed, 1)?.pop() else { return Ok(()) };
                let own = self.continues.map(conversation).transpose()?.flatten();
                match own.is_some() && conversation(first)? == own {
                    true => Ok(()),
                    false => Err(DeliverError::TokenUsed(token.clone())),
                }
            }
        }
    }

    /// Takes the rows of the draft away, where it was one; says which e-mail this is where somebody else has just sent it.
    pub(super) fn take_draft(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Option<Id>, DeliverError> {
        let Some((id, source)) = &self.draft else { return Ok(None) };
        if tx.take_draft(*id, Some(source), now)? {
            return Ok(None);
        }
        match tx.outbox_mail(*id)? {
            Some(_) => Ok(Some(*id)),
            None => Err(DeliverError::DraftChanged),
        }
    }

    /// Puts the mail into the outbox, within the unit that writes its e-mail; nothing where it went out by other means.
    pub(super) fn put_into_outbox(
        &self,
        tx: &mut Tx<'_>,
        email: Id,
        moment: &Moment,
    ) -> Result<(), StoreError> {
        let Some(relay) = self.relay else { return Ok(()) };
        let mail = OutboxMail {
            activityid: email,
            lane: self.lane,
            waitsin: Some(self.lane),
            emailserverprofileid: relay,
            mailfrom: self.mail_from.as_ref().map(ToString::to_string).unwrap_or_default(),
            dueon: self.due,
            owner: None,
            attempts: 0,
            doton: None,
            expireson: self.due.plus_seconds(limits::OUTBOX_DAYS_MAX * 86_400),
            lasterror: None,
            createdon: moment.now,
            endedon: None,
            returndomain: None,
            tries: 0,
            dotattempt: None,
            earlierdoton: None,
            wasdraft: self.draft.is_some(),
        };
        let recipient = |(address, recipientnumber): (&EmailAddress, i32)| OutboxRecipient {
            activityid: email,
            recipientnumber,
            address: address.to_string(),
            statecode: 0,
            replycode: None,
            replytext: None,
            settledon: None,
            attempts: 0,
            dueon: Timestamp(0),
            doton: None,
            bouncekind: None,
            isbounceproven: None,
            bouncewords: None,
            bouncedon: None,
            bouncedaddress: None,
            bounceid: None,
        };
        let recipients: Vec<OutboxRecipient> = self.recipients.iter().zip(1..).map(recipient).collect();
        tx.put_into_outbox(&mail, &recipients)
    }
}
