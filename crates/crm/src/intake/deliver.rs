//! One unit of work: everything a copy brings is written together, or nothing of it is.
//!
//! It decides on fresh facts, claims the identity of each mail first, and ends every original in
//! exactly one outcome. It may run more than once; only its last run counts.

use message::unwrap::Method;
use model::decision::{CorrelationMethod, Decision, Entity, Signal};
use model::filter::IncomingFilter;
use model::outcome::{Outcome, Reason};
use model::schema::emails::{Email, EmailCopy, EmailVersion, QueueItem, mark};
use model::schema::intake::OriginalOutcome;
use model::schema::{house, intake};
use model::{Id, Moment, Timestamp, limits};
use store::{PreparedBlob, Read, StoreError, Tx};

use super::check::{self, Checked};
use super::copy::{Copy, OriginalReceipt, Receipt, Source};
use super::keep::Kept;
use super::timed::Timed;
use super::unwrap::Original;
use super::{Opened, advise};
use crate::CrmError;
use crate::correlate::{CrmRecipient, Facts, signal, who};
use crate::outbox::returns::{self, Report};

mod acknowledge;
mod again;
mod write;

pub(super) use again::{Again, deliver_again};
pub(crate) use write::{candidates, cut, drop_claim};

/// What one unit of work needs; drawn up before it, so that it can run again.
#[derive(Clone)]
pub struct Delivery {
    opened: Opened,
    kept: Kept,
    moment: Moment,
}

/// Why a delivery was not made.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// What was looked at before the unit has changed, or the bytes of a mail are needed after all.
    #[error("the records changed while a mail was looked at")]
    Overtaken,
    /// The draft that was to be sent is another by now, or none.
    #[error("the draft was changed or discarded at this moment")]
    DraftChanged,
    /// Another mail was given the token of its subject at this moment.
    #[error("the token of the subject was given to another mail at this moment")]
    TokenTaken,
    /// The token that it is to have is another mail's.
    #[error("a mail was sent under the token “{0}” already: answer that one, or ask for another token")]
    TokenUsed(String),
    /// The store could not do it.
    #[error("the store could not keep it")]
    Store(#[from] StoreError),
}

impl From<DeliverError> for CrmError {
    fn from(error: DeliverError) -> Self {
        match error {
            DeliverError::Overtaken | DeliverError::TokenTaken => CrmError::Store(StoreError::Busy),
            DeliverError::DraftChanged | DeliverError::TokenUsed(_) => CrmError::Invalid(error.to_string()),
            DeliverError::Store(error) => CrmError::Store(error),
        }
    }
}

impl Delivery {
    /// Draws up a delivery: the opened copy, and the bytes that are kept already.
    pub fn new(opened: Opened, kept: Kept, moment: Moment) -> Self {
        Delivery { opened, kept, moment }
    }
}

/// Writes a copy and all that follows from it. Runs inside a unit of work.
pub fn deliver(tx: &mut Tx<'_>, delivery: &Delivery) -> Result<Receipt, DeliverError> {
    let _timed = Timed::new("deliver");
    if tx.records_version()? != delivery.opened.desk.records_version {
        return Err(DeliverError::Overtaken);
    }
    let moment = delivery.moment.again();
    let opened = &delivery.opened;
    let before = earlier_receipt(tx, opened.copy.copyid)?;
    // What was sent before under its key leaves the draft of it alone.
    if before.is_none()
        && let Some(outgoing) = &opened.outgoing
        && let Some(email) = outgoing.take_draft(tx, moment.now)?
    {
        return Ok(Receipt::of_sent(opened.copy.copyid, email));
    }
    if before.is_none()
        && let Some(outgoing) = &opened.outgoing
    {
        outgoing.check_token(tx)?;
    }
    let is_there_after_all = before.as_ref().is_some_and(|receipt| is_there_after_all(receipt, opened));
    let is_asked_again =
        |receipt: &Receipt| is_asked_again(&opened.copy.source, receipt) || is_there_after_all;
    if let Some(receipt) = before.as_ref().filter(|receipt| !is_asked_again(receipt)) {
        return Ok(receipt.clone());
    }
    let mut receipts = Vec::with_capacity(opened.originals.len());
    for (original, kept) in opened.originals.iter().zip(&delivery.kept.originals) {
        let checked = check::check(tx, opened, original)?;
        let work = Work { opened, original, checked: &checked, kept: kept.as_ref(), moment: &moment };
        receipts.push(work.end(tx)?);
    }
    let receipt = Receipt { copyid: opened.copy.copyid, originals: receipts };
    match before {
        Some(before) if receipt.outcome() == Outcome::Ignored && !is_there_after_all => return Ok(before),
        Some(_) => tx.take_back_outcomes(receipt.copyid)?,
        None => {}
    }
    enter(tx, (delivery, None), &receipt, &moment)?;
    let is_kept = matches!(receipt.outcome(), Outcome::Stored | Outcome::Duplicate);
    if is_there_after_all {
        came_after_all(tx, receipt.copyid, moment.now)?;
    }
    if opened.copy.source.is_by_hand() && is_kept {
        tx.replayed(&message::identity::raw_digest(&opened.copy.raw), moment.now)?;
    }
    Ok(receipt)
}

/// Writes a copy of which the header alone is here, where nobody wants it whatever its body holds; `None` where somebody
/// may, and nothing was written. Runs inside a unit of work.
pub fn deliver_header(tx: &mut Tx<'_>, delivery: &Delivery) -> Result<Option<Receipt>, DeliverError> {
    let _timed = Timed::new("deliver");
    if tx.records_version()? != delivery.opened.desk.records_version {
        return Err(DeliverError::Overtaken);
    }
    let opened = &delivery.opened;
    let before = earlier_receipt(tx, opened.copy.copyid)?;
    if let Some(receipt) = before.as_ref().filter(|receipt| !is_there_after_all(receipt, opened)) {
        return Ok(Some(receipt.clone()));
    }
    let mut originals = Vec::with_capacity(opened.originals.len());
    for original in opened.originals.iter() {
        let Some(checked) = advise::ignored(tx, opened, original)? else { return Ok(None) };
        let decision = checked.verdict.decision;
        originals.push(OriginalReceipt { outcome: decision.outcome, reason: decision.reason, email: None });
    }
    let receipt = Receipt { copyid: opened.copy.copyid, originals };
    if before.is_some() {
        tx.take_back_outcomes(receipt.copyid)?;
        came_after_all(tx, receipt.copyid, delivery.moment.now)?;
    }
    enter(tx, (delivery, None), &receipt, &delivery.moment)?;
    Ok(Some(receipt))
}

/// Whether there is more of a copy now than when it ended: it had vanished, or its server did not give it.
fn is_there_after_all(before: &Receipt, opened: &Opened) -> bool {
    let is_here = !opened.has_vanished();
    (before.has_vanished() && is_here) || (before.was_not_given() && is_here && !opened.was_not_given())
}

/// Ends what waits of a copy because its server did not give it.
fn came_after_all(tx: &mut Tx<'_>, copyid: Id, now: Timestamp) -> Result<(), StoreError> {
    let rows = tx.undeliverables_of(copyid)?;
    let is_over = |row: &&intake::Undeliverable| row.reason == Reason::Unfetchable as i32;
    rows.iter().filter(is_over).try_for_each(|row| tx.end_by_itself(row.undeliverableid, CAME_AFTER_ALL, now))
}

/// How an Undeliverable ended that said that a mail is not to be had.
pub(crate) const CAME_AFTER_ALL: &str = "The mail came after all.";

/// What became of this very copy before: to take a copy in twice, under one id, is to take it in once.
pub(super) fn earlier_receipt(read: &Read<'_>, copyid: Id) -> Result<Option<Receipt>, StoreError> {
    let outcomes = read.outcomes(copyid)?;
    let receipt = |row: OriginalOutcome| {
        let outcome = Outcome::from_code(i64::from(row.outcome))?;
        let reason = Reason::from_code(i64::from(row.reason))?;
        Some(OriginalReceipt { outcome, reason, email: row.activityid })
    };
    let originals: Vec<OriginalReceipt> = outcomes.into_iter().filter_map(receipt).collect();
    Ok((!originals.is_empty()).then_some(Receipt { copyid, originals }))
}

/// Whether a copy that is in the books is decided about anew: old mail that was ignored, for records and filters may be
/// others by now, and whoever brings it again asks.
pub(super) fn is_asked_again(source: &Source, before: &Receipt) -> bool {
    matches!(source, Source::Mailbox(_)) && before.outcome() == Outcome::Ignored
}

/// Enters the copy in the ledger, where it is not there yet, and an outcome for each of its originals. `replayed` is the
/// copy as it was set aside before.
fn enter(
    tx: &mut Tx<'_>,
    (delivery, replayed): (&Delivery, Option<&intake::Copy>),
    receipt: &Receipt,
    moment: &Moment,
) -> Result<(), StoreError> {
    let opened = &delivery.opened;
    let copy = &opened.copy;
    let recipients: Vec<&str> = copy.recipients.iter().map(|recipient| recipient.address.as_str()).collect();
    let source = copy.source.name();
    // A copy is seen once: what is decided anew counts for the day on which it came, and what lay in a mailbox for that on
    // which its ledger saw it.
    let entered = match (&copy.source, replayed) {
        (_, Some(row)) => Some(row.day),
        (Source::Mailbox(_) | Source::Forward(_) | Source::Synced(..), None) => {
            tx.copy(copy.copyid)?.map(|row| row.day)
        }
        _ => None,
    };
    let in_ledger = match copy.source.is_polled() {
        true => tx.mailbox_message_of(copy.copyid)?.map(|row| row.day),
        false => None,
    };
    let day = entered.or(in_ledger).unwrap_or(copy.arrived.day());
    // The mail around ignored originals is ignored with them.
    let is_kept = receipt.outcome() != Outcome::Ignored;
    let outer = delivery.kept.outer.as_ref().filter(|_| is_kept);
    if let Some(outer) = outer {
        tx.keep_blob(outer)?;
    }
    let entry = intake::Copy {
        copyid: copy.copyid,
        source: source.clone(),
        day,
        arrivedon: copy.arrived,
        mailfrom: copy.mail_from.as_deref().map(|text| write::cut(text, limits::ADDRESS_BYTES_MAX)),
        recipients: recipients.join(" "),
        peer: copy.peer.map(|peer| peer.to_string()),
        size: opened.size,
        originals: i32::try_from(opened.originals.len()).unwrap_or(i32::MAX),
        copynumber: 0,
        trace: copy.trace.clone(),
        // What was kept around originals that waited stays with them.
        outerblobid: outer
            .map(|blob| blob.blobid.to_vec())
            .or_else(|| replayed.and_then(|row| row.outerblobid.clone())),
    };
    match entered {
        None => tx.enter_copy(&entry)?,
        // It had vanished, so there was nothing in it; or it could not be read.
        Some(_) if copy.source.is_polled() || replayed.is_some() => tx.fill_copy(&entry)?,
        Some(_) => {}
    }
    if is_kept {
        let verdicts = opened.verdicts.rows(copy.copyid, &opened.originals);
        verdicts.iter().try_for_each(|verdict| tx.note_verdict(verdict))?;
    }
    let gravest = receipt.outcome();
    let counted = receipt.originals.iter().position(|original| original.outcome == gravest);
    for (place, (original, end)) in opened.originals.iter().zip(&receipt.originals).enumerate() {
        tx.write_outcome(&OriginalOutcome {
            copyid: copy.copyid,
            originalnumber: original.number,
            outcome: end.outcome as i32,
            reason: end.reason as i32,
            iscopyoutcome: counted == Some(place),
            source: source.clone(),
            day,
            activityid: end.email,
            messageid: original.offer.message_id.as_ref().map(ToString::to_string),
            createdon: moment.now,
        })?;
    }
    Ok(())
}

/// By so much the trace of one mailbox may be longer than that of another.
const TRACE_BYTES: i64 = 8 * 1024;

/// One original on its way into the tables.
struct Work<'a> {
    opened: &'a Opened,
    original: &'a Original,
    checked: &'a Checked,
    kept: Option<&'a PreparedBlob>,
    moment: &'a Moment,
}

impl Work<'_> {
    /// Brings the original to the end that was decided.
    fn end(&self, tx: &mut Tx<'_>) -> Result<OriginalReceipt, DeliverError> {
        let decision = self.decision();
        let email = match (decision.outcome, decision.duplicate_of) {
            (Outcome::Duplicate, Some(email)) => Some(self.meet_again(tx, email)?),
            (Outcome::Stored, _) => Some(self.store(tx)?),
            (Outcome::Undeliverable | Outcome::Quarantined, _) => self.set_aside(tx)?,
            (Outcome::Ignored, _) if decision.reason == Reason::NeverLog => {
                // What it says of a mail of ours counts, and nothing else of it is kept.
                self.note_report(tx, None)?;
                None
            }
            _ => None,
        };
        Ok(OriginalReceipt { outcome: decision.outcome, reason: decision.reason, email })
    }

    fn decision(&self) -> &Decision {
        &self.checked.verdict.decision
    }

    fn facts(&self) -> &Facts {
        &self.checked.facts
    }

    fn copy(&self) -> &Copy {
        &self.opened.copy
    }

    /// The bytes, which have to be kept by now.
    fn blob(&self) -> Result<&PreparedBlob, DeliverError> {
        self.kept.ok_or(DeliverError::Overtaken)
    }

    /// The same mail again: the e-mail learns whose mailbox this copy came from and which queue it reached,
    /// and keeps the bytes where they are other bytes.
    fn meet_again(&self, tx: &mut Tx<'_>, email: Id) -> Result<Id, DeliverError> {
        self.note_copy(tx, email)?;
        self.note_queues(tx, email)?;
        self.note_report(tx, Some(email))?;
        if !self.facts().has_same_bytes {
            let blob = self.blob()?;
            tx.keep_blob(blob)?;
            let copyid = self.copy().copyid;
            let version = EmailVersion {
                activityid: email,
                blobid: blob.blobid.to_vec(),
                copyid,
                createdon: self.moment.now,
            };
            let is_new = tx.add_version(&version)?;
            if !self.checked.verdict.has_other_text || self.proves(tx, email)? {
                self.prefer_fuller_source(tx, email, is_new)?;
            }
        }
        if self.proves(tx, email)? {
            self.make_proven(tx, email)?;
        }
        self.event(tx, email, "duplicate")?;
        Ok(email)
    }

    /// A decoded or stripped forward may have come first: the fullest bytes become the source. Bytes that were here
    /// before, `is_new` being false, do so only where they came unproven then and make a guess certain now.
    fn prefer_fuller_source(&self, tx: &mut Tx<'_>, id: Id, is_new: bool) -> Result<(), DeliverError> {
        let Some(mut email) = tx.email(id)? else { return Ok(()) };
        let was_guess = email.marks & mark::GUESSED != 0;
        let is_certain = was_guess && !self.original.offer.is_guess;
        // Anybody who has read what one of us wrote can write it again, under that name.
        if who::from_us(&self.original.offer, self.facts()) && !self.facts().sender_proven {
            return Ok(());
        }
        // A guess never takes the place of the mail itself, whatever it brings along; nor does another copy that of a
        // mail which came whole and by itself: whoever has read it can write it again with files of his own.
        let came_by_itself = [Method::Direct, Method::Redirected, Method::Journaled].map(Method::name);
        let is_whole = email.messageid.is_some()
            && email.marks & mark::UNPROVEN_SENDER == 0
            && came_by_itself.contains(&email.unwrapmethod.as_str());
        let may_replace = was_guess || (!self.original.offer.is_guess && !is_whole);
        // What came unproven may be anybody's words under this id.
        let replaces = is_certain
            || self.is_proof_of(&email)
            || (is_new && may_replace && self.is_fuller(tx, &email)?);
        if !replaces {
            return Ok(());
        }
        let former = EmailVersion {
            activityid: id,
            blobid: std::mem::take(&mut email.blobid),
            copyid: tx.first_copy_of(id)?.unwrap_or(self.copy().copyid),
            createdon: email.createdon,
        };
        // One that came as a fuller source is noted already, with the copy that brought it.
        tx.add_version(&former)?;
        email.blobid = self.blob()?.blobid.to_vec();
        email.size = write::size(&self.original.raw);
        email.preview.clone_from(&self.original.content.preview);
        self.original.method.name().clone_into(&mut email.unwrapmethod);
        let attachments = self.attachments(id);
        email.attachmentcount = i32::try_from(attachments.len()).unwrap_or(i32::MAX);
        if email.messageid.is_none() {
            email.messageid = self.original.offer.message_id.as_ref().map(ToString::to_string);
        }
        tx.replace_source(&email, &attachments)?;
        if is_certain {
            self.make_certain(tx, &email)?;
        }
        // What the poorer source left out is made up for: its id, what it answers, and what answers it.
        self.claim(tx, (id, false))?;
        self.refer(tx, id)?;
        self.join_conversations(tx, Some(&email))?;
        self.adopt(tx, id)?;
        Ok(())
    }

    /// Whether this copy proves who wrote an e-mail that says it is ours and came unproven.
    fn proves(&self, tx: &Tx<'_>, email: Id) -> Result<bool, StoreError> {
        Ok(tx.email(email)?.is_some_and(|email| self.is_proof_of(&email)))
    }

    fn is_proof_of(&self, email: &Email) -> bool {
        let offer = &self.original.offer;
        let is_proven = who::from_us(offer, self.facts()) && self.facts().sender_proven;
        email.marks & mark::UNPROVEN_SENDER != 0 && is_proven && !offer.is_guess
    }

    /// What one of us wrote came first where nothing proved it, out of somebody's inbox say; now a copy of his own came.
    fn make_proven(&self, tx: &mut Tx<'_>, id: Id) -> Result<(), DeliverError> {
        let Some(mut email) = tx.email(id)? else { return Ok(()) };
        email.marks &= !mark::UNPROVEN_SENDER;
        email.directioncode = who::is_outgoing(&self.original.offer, self.facts());
        email.statuscode = write::status(email.directioncode);
        let proven = signal("proven", true, "A later copy proves that one of us wrote it.");
        email.decision = write::with_signals(&email.decision, &[proven]);
        tx.revise_email(&email)?;
        self.event(tx, id, "proven")?;
        Ok(())
    }

    /// What was known only as somebody quoted it is now known: the mail itself came. It says when it was written, to
    /// whom, and under which id.
    fn make_certain(&self, tx: &mut Tx<'_>, guess: &Email) -> Result<(), DeliverError> {
        let blob = self.blob()?;
        let mut email = self.email(guess.activityid, guess.conversationtrackingid, blob.blobid.to_vec());
        if email.correlatedactivityid.is_none_or(|id| id == guess.activityid) {
            write::keep_tie(&mut email, guess);
        }
        let known = tx.parties(guess.activityid)?;
        let mut parties = who::parties(&self.original.offer, self.facts(), &self.checked.verdict.thread);
        parties.retain(|party| {
            let key = Some(party.address.key());
            !known.iter().any(|known| known.addressused == key)
        });
        let certain =
            signal("certain", true, "The mail itself came later and took the place of the quotation.");
        let thread = self.checked.verdict.thread.signals.iter().cloned();
        let seen: Vec<Signal> = [certain]
            .into_iter()
            .chain(thread)
            .chain(parties.iter().map(|party| party.signal.clone()))
            .collect();
        email.decision = write::with_signals(&guess.decision, &seen);
        tx.revise_email(&email)?;
        for party in &parties {
            self.write_party(tx, guess.activityid, party)?;
        }
        self.renew_claims(tx, guess)?;
        self.event(tx, guess.activityid, "certain")?;
        Ok(())
    }

    /// Fuller by what a reader would miss: attachments, a Message-ID, a good part of the text. The few bytes of
    /// another trace, in which copies of several mailboxes differ, make no mail fuller.
    fn is_fuller(&self, tx: &Tx<'_>, email: &Email) -> Result<bool, StoreError> {
        let brings_an_id = email.messageid.is_none() && self.original.offer.message_id.is_some();
        let attached_here: i64 = tx.attachments(email.activityid)?.iter().map(|row| row.filesize).sum();
        let attached: usize = self.original.content.attachments.iter().map(|row| row.size_bytes).sum();
        let size = write::size(&self.original.raw);
        let is_much_larger = size > email.size.saturating_add(email.size / 4).saturating_add(TRACE_BYTES);
        Ok(brings_an_id || write::as_i64(attached) > attached_here || is_much_larger)
    }

    /// A new e-mail with all that hangs on it.
    fn store(&self, tx: &mut Tx<'_>) -> Result<Id, DeliverError> {
        let blob = self.blob()?;
        let draft = self.opened.outgoing.as_ref().and_then(|outgoing| outgoing.draft.as_ref());
        let id = draft.map_or_else(|| self.moment.id(), |(id, _)| *id);
        self.claim(tx, (id, true))?;
        let source = tx.keep_source(blob, self.moment.now)?;
        let conversation = self.join_conversations(tx, None)?;
        tx.add_email(&self.email(id, conversation, source))?;
        for party in &self.checked.verdict.parties {
            self.write_party(tx, id, party)?;
        }
        for attachment in self.attachments(id) {
            tx.add_attachment(&attachment)?;
        }
        self.refer(tx, id)?;
        self.adopt(tx, id)?;
        self.note_copy(tx, id)?;
        self.note_queues(tx, id)?;
        self.note_report(tx, Some(id))?;
        if let Some(outgoing) = &self.opened.outgoing {
            outgoing.put_into_outbox(tx, id, self.moment)?;
        }
        self.acknowledge(tx, id)?;
        self.event(tx, id, "created")?;
        Ok(id)
    }

    /// Kept whole, for a person to look at and to replay.
    fn set_aside(&self, tx: &mut Tx<'_>) -> Result<Option<Id>, DeliverError> {
        let blob = self.blob()?;
        tx.keep_blob(blob)?;
        let offer = &self.original.offer;
        let fault = self.original.fault.as_ref();
        // The same bytes again, a loop say: the one that waits already speaks for both. Of what nobody could fetch the
        // bytes say nothing.
        let is_fetched = fault.is_none_or(|fault| fault.reason != Reason::Unfetchable);
        let waiting = if is_fetched { tx.stops_of_open_undeliverables(&blob.blobid)? } else { Vec::new() };
        let stopped = self.facts().stopped.as_ref();
        // But what no hook stopped does not speak for what one did: whoever lets it in has not heard of that.
        let is_spoken_for = |stop: &Option<String>| stop.is_some() || stopped.is_none();
        if waiting.iter().any(is_spoken_for) {
            return Ok(None);
        }
        let reason = self.decision().reason;
        tx.keep_undeliverable(&intake::Undeliverable {
            undeliverableid: self.moment.id(),
            copyid: self.copy().copyid,
            originalnumber: self.original.number,
            reason: reason as i32,
            detail: self.detail(reason),
            subject: write::cut(&offer.subject, limits::SUBJECT_CHARS_MAX),
            sender: offer.from.as_ref().map(|from| from.address.to_string()),
            blobid: blob.blobid.to_vec(),
            size: if is_fetched { write::size(&self.original.raw) } else { self.opened.size },
            statecode: 0,
            createdon: self.moment.now,
            attempts: 0,
            lasttriedon: None,
            proof: self.copy().proof.code(),
            proofuserid: self.copy().proof.user(),
            endedon: None,
            endedby: None,
            endreason: None,
            stopreason: stopped.map(|words| write::cut(words, limits::ERROR_CHARS_MAX)),
        })?;
        Ok(None)
    }

    /// Why it waits for a person.
    fn detail(&self, reason: Reason) -> String {
        let fault = self.original.fault.as_ref();
        fault.map_or_else(|| self.words(reason), |fault| fault.detail.clone())
    }

    /// Why it is kept apart; where its domain disowns it or a hook stopped it, what was found.
    fn words(&self, reason: Reason) -> String {
        let facts = self.facts();
        let found = match reason {
            Reason::Disowned => facts.verdict.as_ref().map(|verdict| format!(" {}", verdict.results())),
            Reason::Stopped => facts.stopped.as_ref().map(|words| format!(" {words}")),
            _ => None,
        };
        let found = found.unwrap_or_default();
        write::cut(&format!("{}{found}", reason.words()), limits::ERROR_CHARS_MAX)
    }

    /// Whose mailbox it came from, for each recipient of the envelope.
    fn note_copy(&self, tx: &mut Tx<'_>, email: Id) -> Result<(), StoreError> {
        let copy = self.copy();
        for recipient in &copy.recipients {
            tx.add_email_copy(&EmailCopy {
                activityid: email,
                copyid: copy.copyid,
                receivinguserid: recipient.user,
                recipient: recipient.address.key(),
            })?;
        }
        Ok(())
    }

    /// Every queue that the mail was for has it once, whichever copy was first.
    fn note_queues(&self, tx: &mut Tx<'_>, email: Id) -> Result<(), StoreError> {
        let takes = |recipient: &&CrmRecipient| {
            recipient.record.entity == Entity::Queue && recipient.filter != IncomingFilter::None
        };
        let queues = self.facts().recipients.iter().filter(takes).map(|recipient| recipient.record);
        let hinted = self.facts().hinted.filter(|record| record.entity == Entity::Queue);
        for queue in queues.chain(hinted) {
            let enteredon = self.moment.now;
            let queueid = queue.id;
            tx.add_queue_item(&QueueItem {
                queueitemid: self.moment.id(),
                queueid,
                objectid: email,
                enteredon,
            })?;
        }
        Ok(())
    }

    /// What it tells about mail that went out from here. The same report may come again with proof.
    fn note_report(&self, tx: &mut Tx<'_>, evidence: Option<Id>) -> Result<(), StoreError> {
        let offer = &self.original.offer;
        let Some(told) = &offer.bounce else { return Ok(()) };
        let proven = offer.returned_to.filter(|_| self.facts().returned_to.is_some());
        let thread = &self.checked.verdict.thread;
        let claimed = thread.email.filter(|_| thread.method == CorrelationMethod::Report);
        let Some(about) = proven.map(|to| to.email).or(claimed) else { return Ok(()) };
        let is_from_nobody = self.facts().null_sender;
        returns::note_report(tx, &Report { about, proven, told, is_from_nobody, evidence }, self.moment)
    }

    fn event(&self, tx: &mut Tx<'_>, email: Id, operation: &str) -> Result<(), StoreError> {
        let reason: Reason = self.decision().reason;
        let detail = format!(r#"{{"reason":"{}","copy":"{}"}}"#, reason.name(), self.copy().copyid);
        tx.append_event(&house::Event {
            eventid: 0,
            createdon: self.moment.now,
            systemuserid: None,
            objectid: email,
            objecttypecode: Entity::Email as i32,
            operation: operation.to_owned(),
            detail: Some(detail),
        })
    }
}
