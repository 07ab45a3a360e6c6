//! The rows of a draft, drawn up before the unit that writes them. What passes through: a draft, once each time it is kept.

use message::{attachments, body};
use model::decision::{Entity, RecordRef};
use model::outcome::Reason;
use model::schema::emails::{
    ActivityMimeAttachment, ActivityParty, Email, PartyCandidate, STATE_OPEN, STATUS_DRAFT,
};
use model::{EmailAddress, Id, Mailbox, Moment, limits};
use store::{Organization, PreparedBlob, Read, StoreError, Tx};

use super::super::draft::{Draft, Earlier};
use super::super::writing;
use crate::CrmError;
use crate::correlate::who::{self, Settled};
use crate::intake::deliver::{candidates, cut};
use crate::intake::gather;

/// A draft as it is kept.
pub(super) struct Sheet {
    email: Email,
    blob: PreparedBlob,
    parties: Vec<(ActivityParty, Vec<PartyCandidate>)>,
    files: Vec<ActivityMimeAttachment>,
}

impl Sheet {
    pub(super) fn of(
        organization: &Organization,
        draft: &Draft,
        (id, moment): (Id, &Moment),
    ) -> Result<Self, CrmError> {
        let raw = writing::write(organization, draft, (id, moment))?;
        writing::chosen(organization, draft)?;
        let message = message::read(&raw).map_err(|_| CrmError::Store(StoreError::Corrupt))?;
        let files: Vec<ActivityMimeAttachment> =
            message.attachments().into_iter().zip(1..).map(|found| file(found, id, moment)).collect();
        let earlier = draft.about.earlier.map(Earlier::email);
        let earlier_row = earlier.map(|earlier| organization.read(|read| read.email(earlier))).transpose()?;
        let conversation = earlier_row.flatten().map(|row| row.conversationtrackingid);
        let is_answer = matches!(draft.about.earlier, Some(Earlier::Answered(_)));
        let all: Vec<&str> =
            draft.who.to.iter().map(|recipient| recipient.mailbox.address.as_str()).collect();
        let parties = organization.read(|read| parties(read, draft, (id, moment)))?;
        let owner = parties
            .first()
            .filter(|(sender, _)| sender.partyobjecttypecode == Some(Entity::SystemUser as i32));
        let blob = organization.put_blob(&raw)?;
        let email = Email {
            activityid: id,
            subject: cut(&draft.what.subject, limits::SUBJECT_CHARS_MAX),
            directioncode: true,
            statecode: STATE_OPEN,
            statuscode: STATUS_DRAFT,
            messageid: None,
            inreplyto: None,
            conversationtrackingid: conversation.unwrap_or_else(|| moment.id()),
            parentactivityid: earlier.filter(|_| is_answer),
            correlatedactivityid: earlier,
            correlationmethod: 0,
            correlationrank: 0,
            regardingobjectid: draft.about.regarding.map(|record| record.id),
            regardingobjecttypecode: draft.about.regarding.map(|record| record.entity as i32),
            ownerid: draft.who.author.or(owner.and_then(|(sender, _)| sender.partyid)),
            sender: Some(draft.who.from.to_string()),
            torecipients: cut(&all.join(";"), 500),
            senton: None,
            receivedon: moment.now,
            createdon: moment.now,
            sortdate: moment.now,
            trackingtoken: None,
            conversationindex: None,
            canonicalsubject: String::new(),
            acceptingentityid: None,
            acceptingentitytypecode: None,
            receivinguserid: None,
            prioritycode: draft.how.importance as i32,
            attachmentcount: i32::try_from(files.len()).unwrap_or(i32::MAX),
            preview: body::preview(&message, &message.readable()),
            unwrapmethod: "direct".to_owned(),
            marks: 0,
            blobid: blob.blobid.to_vec(),
            size: i64::try_from(raw.len()).unwrap_or(i64::MAX),
            reason: Reason::Composed as i32,
            decision: "[]".to_owned(),
            readreceiptrequested: draft.how.wants_read_receipt,
            deliveryreceiptrequested: draft.how.wants_delivery_receipt,
            delayedemailsendtime: draft.due,
            textdigest: None,
            rawdigest: None,
        };
        Ok(Sheet { email, blob, parties, files })
    }

    /// Whether a row is that of this draft: all that its writer said of it.
    pub(super) fn is(&self, row: &Email) -> bool {
        let said = |row: &Email| (row.regardingobjectid, row.delayedemailsendtime, row.correlatedactivityid);
        row.blobid == self.email.blobid && said(row) == said(&self.email)
    }

    /// Writes the rows; `before` is what the draft was.
    pub(super) fn write(&self, tx: &mut Tx<'_>, before: Option<&Email>) -> Result<(), StoreError> {
        tx.keep_blob(&self.blob)?;
        let mut email = self.email.clone();
        if let Some(before) = before {
            email.createdon = before.createdon;
            if email.correlatedactivityid == before.correlatedactivityid {
                email.conversationtrackingid = before.conversationtrackingid;
            }
        }
        tx.add_email(&email)?;
        self.parties.iter().try_for_each(|(party, candidates)| tx.add_party(party, candidates))?;
        self.files.iter().try_for_each(|file| tx.add_attachment(file))
    }
}

fn file(
    (found, number): (attachments::Attachment, i32),
    email: Id,
    moment: &Moment,
) -> ActivityMimeAttachment {
    let bytes = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    ActivityMimeAttachment {
        activitymimeattachmentid: moment.id(),
        activityid: email,
        attachmentnumber: number,
        filename: found.filename,
        mimetype: cut(&found.mimetype, 256),
        filesize: bytes(found.size_bytes),
        attachmentcontentid: found.content_id.map(|id| cut(&id, 250)),
        isinline: found.is_inline,
        bodyoffset: bytes(found.body_offset),
        bodylength: bytes(found.body_length),
        encoding: found.encoding.to_owned(),
        contentrules: 0,
    }
}

/// The parties, the sender first, each address once.
fn parties(
    read: &Read<'_>,
    draft: &Draft,
    (email, moment): (Id, &Moment),
) -> Result<Vec<(ActivityParty, Vec<PartyCandidate>)>, StoreError> {
    let from = Mailbox { name: None, address: draft.who.from.clone() };
    let who = &draft.who;
    let lists = [(2, &who.to), (3, &who.cc), (4, &who.bcc)];
    let to = lists.iter().flat_map(|(mask, list)| {
        list.iter().map(move |recipient| (*mask, &recipient.mailbox, recipient.record))
    });
    let mut seen: Vec<(bool, String)> = Vec::new();
    let mut rows = Vec::new();
    for (mask, mailbox, chosen) in std::iter::once((1, &from, None)).chain(to) {
        let key = (mask == 1, mailbox.address.key());
        if rows.len() == limits::PARTIES_MAX || seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let settled =
            chosen.map_or_else(|| settled(read, &mailbox.address), |record| Ok(Settled::One(record)))?;
        let id = moment.id();
        let (record, ranked) = match settled {
            Settled::Nobody => (None, Vec::new()),
            Settled::One(record) => (Some(record), Vec::new()),
            Settled::Many(ranked) => (None, candidates(id, &ranked)),
        };
        let row = ActivityParty {
            activitypartyid: id,
            activityid: email,
            participationtypemask: mask,
            partyid: record.map(|record: RecordRef| record.id),
            partyobjecttypecode: record.map(|record| record.entity as i32),
            addressused: Some(mailbox.address.key()),
            partyidname: mailbox.name.as_deref().map(|name| cut(name, limits::NAME_CHARS_MAX)),
            sortdate: moment.now,
            isambiguous: (!ranked.is_empty()).then_some(true),
        };
        rows.push((row, ranked));
    }
    Ok(rows)
}

fn settled(read: &Read<'_>, address: &EmailAddress) -> Result<Settled, StoreError> {
    Ok(who::settle(address, &gather::known_records(read, address)?))
}
