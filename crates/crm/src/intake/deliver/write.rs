//! The rows of one e-mail, made of its original and the decision about it.

use model::decision::{CorrelationMethod, Entity, RecordRef, Signal};
use model::schema::emails::{
    ActivityMimeAttachment, ActivityParty, Email, Identity, MessageReference, PartyCandidate,
    STATE_COMPLETED, STATE_OPEN, STATUS_PENDING_SEND, STATUS_RECEIVED, STATUS_SENT, mark,
};
use model::{EmailAddress, Id, Mailbox, MessageId, Timestamp, limits};
use serde::Serialize;
use serde_json::{Value, json};
use store::{StoreError, Tie, Tx};

use super::{DeliverError, Work};
use crate::correlate::{IdentityKey, KnownEmail, KnownIdentity, Party, thread, want, who};
use crate::intake::gather;
use crate::intake::offer::Offer;
use crate::settings;

/// Takes back the claim of an e-mail on a key. Mail that names the id is still found by whoever claims it next.
pub(crate) fn drop_claim(
    tx: &mut Tx<'_>,
    (key, keyhash): (IdentityKey, [u8; 16]),
    email: Id,
) -> Result<(), StoreError> {
    if tx.drop_claim(&keyhash, email)? && key == IdentityKey::MessageId {
        tx.note_name(&keyhash)?;
    }
    Ok(())
}

impl Work<'_> {
    /// Claims every key the mail has. A clash with another unit is settled by the unique key.
    pub(super) fn claim(&self, tx: &mut Tx<'_>, (email, is_new): (Id, bool)) -> Result<(), DeliverError> {
        let offer = &self.original.offer;
        for (key, keyhash) in gather::keys(offer) {
            let has_claimed = |known: &KnownIdentity| known.email == email && known.key == key;
            if self.facts().identities.iter().any(has_claimed) {
                continue;
            }
            if key == IdentityKey::Quoted && !self.opened.desk.settings.has_guesses {
                settings::note_guess(tx)?;
            }
            let claimed = match is_new {
                // The row of a new e-mail says the rest; that of another one says what came first.
                true => tx.claim_bare(&keyhash, email, self.has_own_id()),
                false => tx.claim(&self.claim_of(email, &keyhash)),
            };
            match claimed {
                // Another node was first: it is looked at again.
                Err(StoreError::Conflict { .. }) => return Err(DeliverError::Overtaken),
                claimed => claimed?,
            }
        }
        Ok(())
    }

    /// The claims of a guess become those of the mail itself. What it claimed beside them falls away: it takes one
    /// mail, and the next one that is worded alike is another.
    pub(super) fn renew_claims(&self, tx: &mut Tx<'_>, guess: &Email) -> Result<(), StoreError> {
        let offer = &self.original.offer;
        let keys: Vec<[u8; 16]> = gather::keys(offer).into_iter().map(|(_, keyhash)| keyhash).collect();
        let claimed = gather::keys_asked(&guessed(guess, offer), &self.opened.desk.settings);
        for key in claimed.into_iter().filter(|(_, keyhash)| !keys.contains(keyhash)) {
            drop_claim(tx, key, guess.activityid)?;
        }
        for keyhash in keys {
            tx.renew_claim(&self.claim_of(guess.activityid, &keyhash))?;
        }
        Ok(())
    }

    /// The id of a guess is none of its own.
    fn has_own_id(&self) -> bool {
        let offer = &self.original.offer;
        offer.message_id.is_some() && !offer.is_guess
    }

    /// What the mail says of itself under a key.
    fn claim_of(&self, email: Id, keyhash: &[u8; 16]) -> Identity {
        let offer = &self.original.offer;
        Identity {
            keyhash: keyhash.to_vec(),
            variant: 0,
            activityid: email,
            sender: offer.from.as_ref().map(|from| from.address.key()),
            senton: offer.date,
            hasmessageid: self.has_own_id(),
            textdigest: offer.text_digest.unwrap_or_default().to_vec(),
            rawdigest: offer.raw_digest.unwrap_or_default().to_vec(),
        }
    }

    /// Notes every Message-ID that the mail names, so that whichever comes second finds the other.
    pub(super) fn refer(&self, tx: &mut Tx<'_>, email: Id) -> Result<(), StoreError> {
        for ((id, isinreplyto), position) in self.original.offer.referenced().into_iter().zip(0..) {
            let key = message::identity::message_key(id);
            if self.facts().unknown.contains(&key) {
                tx.note_name(&key)?;
            }
            let keyhash = key.to_vec();
            tx.refer(&MessageReference { keyhash, activityid: email, isinreplyto, position })?;
        }
        Ok(())
    }

    /// The conversation the mail stands in, where `own` stands if that is here already. Those it brings together become
    /// the eldest of them. Where one was brought into another since it was looked at, all is looked at again.
    pub(super) fn join_conversations(
        &self,
        tx: &mut Tx<'_>,
        own: Option<&Email>,
    ) -> Result<Id, DeliverError> {
        let joined = self.joined().into_iter().map(|known| (known.conversation, known.id));
        let mut standing: Vec<(Id, Id)> =
            joined.chain(own.map(|own| (own.conversationtrackingid, own.activityid))).collect();
        standing.sort_unstable();
        standing.dedup_by_key(|(conversation, _)| *conversation);
        let mut all = Vec::with_capacity(standing.len());
        let mut has_moved = false;
        for (conversation, email) in standing {
            has_moved |= !tx.stands_in(email, conversation)?;
            all.push(conversation);
        }
        if has_moved {
            return Err(DeliverError::Overtaken);
        }
        let Some((eldest, others)) = all.split_first() else { return Ok(self.moment.id()) };
        for other in others {
            tx.join_conversation(*other, *eldest)?;
        }
        Ok(*eldest)
    }

    fn joined(&self) -> Vec<&KnownEmail> {
        self.facts().known().filter(|known| self.checked.verdict.joins.contains(&known.id)).collect()
    }

    /// What came first and continues this mail is tied to it.
    pub(super) fn adopt(&self, tx: &mut Tx<'_>, email: Id) -> Result<(), StoreError> {
        for later in &self.checked.verdict.continued_by {
            let tie = Tie {
                email,
                is_answer: is_answer(later.method),
                method: later.method as i32,
                rank: later.rank,
                regarding: self.regarding(),
            };
            if tx.adopt(later.email, &tie)? {
                self.event(tx, later.email, "joined")?;
            }
        }
        Ok(())
    }

    pub(super) fn email(&self, id: Id, conversation: Id, source: Vec<u8>) -> Email {
        let (offer, copy, decision) = (&self.original.offer, self.copy(), self.decision());
        let is_outgoing = who::is_outgoing(offer, self.facts());
        let regarding = self.regarding();
        let accepting = decision.accepting;
        let thread = &self.checked.verdict.thread;
        let (statecode, statuscode) = match self.opened.outgoing {
            Some(ref outgoing) if outgoing.relay.is_some() => (STATE_OPEN, STATUS_PENDING_SEND),
            Some(_) => (STATE_COMPLETED, STATUS_SENT),
            None => (STATE_COMPLETED, status(is_outgoing)),
        };
        let receipts = self.opened.outgoing.as_ref().map(|outgoing| outgoing.receipts).unwrap_or_default();
        Email {
            activityid: id,
            subject: cut(&offer.subject, limits::SUBJECT_CHARS_MAX),
            directioncode: is_outgoing,
            statecode,
            statuscode,
            messageid: offer.message_id.as_ref().map(ToString::to_string),
            inreplyto: offer.in_reply_to.first().map(ToString::to_string),
            conversationtrackingid: conversation,
            parentactivityid: thread.email.filter(|_| is_answer(thread.method)),
            correlatedactivityid: thread.email,
            correlationmethod: thread.method as i32,
            correlationrank: thread.rank,
            regardingobjectid: regarding.map(|record| record.id),
            regardingobjecttypecode: regarding.map(|record| record.entity as i32),
            ownerid: self.owner(),
            sender: offer.from.as_ref().map(|from| from.address.to_string()),
            torecipients: self.to_recipients(),
            senton: offer.date,
            receivedon: copy.arrived,
            createdon: self.moment.now,
            sortdate: self.sort_date(),
            trackingtoken: offer.tokens.iter().max_by_key(|token| token.len()).map(|token| cut(token, 50)),
            conversationindex: offer.thread_index.clone(),
            canonicalsubject: cut(&offer.canonical_subject, limits::SUBJECT_CHARS_MAX),
            acceptingentityid: accepting.map(|record| record.id),
            acceptingentitytypecode: accepting.map(|record| record.entity as i32),
            receivinguserid: copy.mailbox_users().next(),
            prioritycode: self.original.content.priority,
            attachmentcount: i32::try_from(self.original.content.attachments.len()).unwrap_or(i32::MAX),
            preview: self.original.content.preview.clone(),
            unwrapmethod: self.original.method.name().to_owned(),
            marks: self.marks(),
            blobid: source,
            size: size(&self.original.raw),
            reason: decision.reason as i32,
            decision: signals_json(&decision.signals),
            readreceiptrequested: receipts.0,
            deliveryreceiptrequested: receipts.1,
            delayedemailsendtime: self.opened.outgoing.as_ref().and_then(|outgoing| outgoing.delayed),
            textdigest: Some(offer.text_digest.unwrap_or_default().to_vec()),
            rawdigest: Some(offer.raw_digest.unwrap_or_default().to_vec()),
        }
    }

    /// What its writer chose, or the earlier mail is about; where there is neither, what a hook says.
    fn regarding(&self) -> Option<RecordRef> {
        let chosen = self.opened.outgoing.as_ref().and_then(|outgoing| outgoing.regarding);
        let by_thread = || thread::regarding(self.facts(), &self.checked.verdict.thread);
        let hinted = || self.facts().hinted.filter(|record| record.entity.is_customer());
        chosen.or_else(by_thread).or_else(hinted)
    }

    /// Of what was written here its writer, and never who gets it. Else the mailbox it was in, or the user who accepted it.
    fn owner(&self) -> Option<Id> {
        if let Some(outgoing) = &self.opened.outgoing {
            let from = self.original.offer.from.iter();
            let mut known = from.flat_map(|from| self.facts().records_of(&from.address));
            let own = known.find(|known| known.record.entity == Entity::SystemUser);
            return outgoing.owner.or(own.map(|known| known.record.id));
        }
        let user = |record: &RecordRef| (record.entity == Entity::SystemUser).then_some(record.id);
        let accepting = self.decision().accepting.as_ref().and_then(user);
        let others = self.facts().recipients.iter().filter_map(|recipient| user(&recipient.record));
        self.copy().mailbox_users().next().or(accepting).or_else(|| others.into_iter().next())
    }

    fn to_recipients(&self) -> String {
        let all: Vec<&str> = self.original.offer.to.iter().map(|mailbox| mailbox.address.as_str()).collect();
        cut(&all.join(";"), 500)
    }

    /// A clock that runs ahead may not put a mail before everything that comes after it.
    fn sort_date(&self) -> Timestamp {
        let arrived = self.copy().arrived;
        self.original.offer.date.filter(|date| date.0 > 0).map_or(arrived, |date| date.min(arrived))
    }

    fn marks(&self) -> i64 {
        let offer = &self.original.offer;
        let unproven = who::from_us(offer, self.facts()) && !self.facts().sender_proven;
        let marks = [
            (want::is_automatic(offer, self.facts()), mark::AUTOMATIC),
            (offer.marks.list, mark::LIST),
            (who::is_report(offer, self.facts()), mark::REPORT),
            (self.copy().has_bare_line_ends, mark::BARE_LINE_ENDS),
            (unproven, mark::UNPROVEN_SENDER),
            (offer.is_guess, mark::GUESSED),
        ];
        marks.iter().filter(|(is_set, _)| *is_set).map(|(_, bit)| bit).sum()
    }

    pub(super) fn write_party(&self, tx: &mut Tx<'_>, email: Id, party: &Party) -> Result<(), StoreError> {
        let row = ActivityParty {
            activitypartyid: self.moment.id(),
            activityid: email,
            participationtypemask: party.participation as i32,
            partyid: party.record.map(|record| record.id),
            partyobjecttypecode: party.record.map(|record| record.entity as i32),
            addressused: Some(party.address.key()),
            partyidname: party.name.as_deref().map(|name| cut(name, limits::NAME_CHARS_MAX)),
            sortdate: self.sort_date(),
            isambiguous: party.is_ambiguous.then_some(true),
        };
        tx.add_party(&row, &candidates(row.activitypartyid, &party.candidates))
    }

    pub(super) fn attachments(&self, email: Id) -> Vec<ActivityMimeAttachment> {
        let all = self.original.content.attachments.iter().zip(1..);
        let row = |(attachment, number): (&message::attachments::Attachment, i32)| ActivityMimeAttachment {
            activitymimeattachmentid: self.moment.id(),
            activityid: email,
            attachmentnumber: number,
            filename: attachment.filename.clone(),
            mimetype: cut(&attachment.mimetype, 256),
            filesize: as_i64(attachment.size_bytes),
            attachmentcontentid: attachment.content_id.as_deref().map(|id| cut(id, 250)),
            isinline: attachment.is_inline,
            bodyoffset: as_i64(attachment.body_offset),
            bodylength: as_i64(attachment.body_length),
            encoding: attachment.encoding.to_string(),
            contentrules: self.original.content.rules,
        };
        all.map(row).collect()
    }
}

/// The status of an e-mail by its direction.
pub(super) fn status(is_outgoing: bool) -> i32 {
    if is_outgoing { STATUS_SENT } else { STATUS_RECEIVED }
}

/// A guess as it was offered, as far as it claims by it; its text is that of the mail which took its place.
fn guessed(guess: &Email, certain: &Offer) -> Offer {
    let address = guess.sender.as_deref().and_then(EmailAddress::parse);
    Offer {
        is_guess: true,
        message_id: guess.messageid.as_deref().and_then(MessageId::parse),
        from: address.map(|address| Mailbox { name: None, address }),
        date: guess.senton,
        canonical_subject: guess.canonicalsubject.clone(),
        text_digest: certain.text_digest,
        ..Offer::default()
    }
}

/// An e-mail that is found to continue nothing keeps what it was tied to before.
pub(super) fn keep_tie(email: &mut Email, before: &Email) {
    email.parentactivityid = before.parentactivityid;
    email.correlatedactivityid = before.correlatedactivityid;
    email.correlationmethod = before.correlationmethod;
    email.correlationrank = before.correlationrank;
}

/// Whether what is tied so is an answer to one mail, which is its parent.
fn is_answer(method: CorrelationMethod) -> bool {
    matches!(method, CorrelationMethod::InReplyTo | CorrelationMethod::ConversationIndex)
}

/// The rows of ranked candidates.
pub(crate) fn candidates(party: Id, ranked: &[model::decision::Candidate]) -> Vec<PartyCandidate> {
    let row = |candidate: &model::decision::Candidate| PartyCandidate {
        activitypartyid: party,
        rank: i32::try_from(candidate.rank).unwrap_or(i32::MAX),
        objectid: candidate.record.id,
        objecttypecode: candidate.record.entity as i32,
        why: cut(&candidate.why, 200),
    };
    ranked.iter().map(row).collect()
}

/// What was kept of the signals of a decision, and more behind them.
pub(super) fn with_signals(kept: &str, signals: &[Signal]) -> String {
    let mut all: Vec<Value> = serde_json::from_str(kept).unwrap_or_default();
    all.extend(signals.iter().map(|signal| json!(KeptSignal::of(signal))));
    Value::Array(all).to_string()
}

/// The signals as they are kept: enough to show the reason again in words and links.
fn signals_json(signals: &[Signal]) -> String {
    let kept: Vec<KeptSignal<'_>> = signals.iter().map(KeptSignal::of).collect();
    // Texts, numbers and truths always have a form in JSON.
    serde_json::to_string(&kept).unwrap_or_default()
}

#[derive(Serialize)]
struct KeptSignal<'s> {
    kind: &'s str,
    holds: bool,
    words: &'s str,
    record: Option<KeptRecord>,
}

#[derive(Serialize)]
struct KeptRecord {
    entity: &'static str,
    id: String,
}

impl<'s> KeptSignal<'s> {
    fn of(signal: &'s Signal) -> Self {
        let record = signal
            .record
            .map(|record| KeptRecord { entity: record.entity.name(), id: record.id.to_string() });
        KeptSignal { kind: signal.kind, holds: signal.holds, words: &signal.words, record }
    }
}

/// At most so many characters.
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    text.char_indices().nth(chars_max).map_or_else(|| text.to_owned(), |(end, _)| text[..end].to_owned())
}

/// The size of a message in bytes.
pub(super) fn size(raw: &[u8]) -> i64 {
    as_i64(raw.len())
}

pub(super) fn as_i64(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
