//! Very many e-mails, straight into the store: the rows that the intake writes for a mail of a known customer,
//! without its questions.
//!
//! What passes through: a number becomes a mail, always the same one. Words follow each other as in any language:
//! few are frequent, most are rare ([`word`]), and one is in no other mail.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use model::schema::emails::{ActivityMimeAttachment, ActivityParty, Email, EmailCopy, Identity};
use model::schema::house::Event;
use model::schema::intake::{Copy, OriginalOutcome};
use model::{Id, Moment, Timestamp};
use postroom::commands::{AddUser, CustomerKind, Import, Request};
use store::{Organization, PreparedBlob, Priority, Store, StoreError, Tx};

use super::{ADDRESS, ORGANIZATION, PASSWORD};
use crate::Program;
use crate::letters::mix;
use crate::{database, program};

/// Contacts whose mail it is; a few write much, most little.
pub(super) const CONTACTS: u64 = 10_000;
/// Companies they work for.
pub(super) const COMPANIES: u64 = 500;
/// Different words.
const WORDS: u64 = 60_000;
/// Words of a mail.
const WORDS_PER_MAIL: u64 = 120;
/// E-mails in one unit of work.
const PER_UNIT: u64 = 200;
/// The newest one: Thursday 26 November 2026, 10:00 UTC. Each one before it is so much older.
pub(super) const NEWEST: Timestamp = Timestamp::from_seconds(1_795_687_200);
/// A million of them reach back four years.
pub(super) const SECONDS_BETWEEN: i64 = 126;

pub(crate) fn fill(folder: &Path, emails: u64, say: impl Fn(&str)) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let house = Program::start(folder)?;
    people(&house)?;
    house.kill()?;
    let store = Store::open(database::store(&program::data(folder)))?;
    let organization = store.organization_by_name(ORGANIZATION)?;
    let contacts = contacts(&organization)?;
    // One unit is made while the one before it is written.
    let mut pending = None;
    for first in (0..emails).step_by(usize::try_from(PER_UNIT)?) {
        let mails: Vec<Mail> =
            (first..emails.min(first + PER_UNIT)).map(|n| Mail::new(n, emails, &contacts)).collect();
        let kept: Result<Vec<_>, StoreError> =
            mails.into_iter().map(|mail| Ok((organization.put_blob(mail.raw.as_bytes())?, mail))).collect();
        let kept = kept?;
        let unit = organization.unit(Priority::Background, move |tx| {
            kept.iter().try_for_each(|(blob, mail)| mail.write(tx, blob))
        });
        if let Some(before) = pending.replace(unit) {
            store::PendingUnit::<(), StoreError>::wait(before)?;
        }
        if first % 100_000 == 0 && first > 0 {
            say(&format!("{first} e-mails"));
        }
    }
    if let Some(last) = pending {
        last.wait()?;
    }
    drop(organization);
    store.close();
    // The store is closed by its last owner, and only then is the folder free.
    drop(store);
    super::questions::note_records(folder)
}

/// A user, the companies and their people, by the commands of an administrator.
fn people(house: &Program) -> Result<()> {
    house.command(Request::AddOrganization(ORGANIZATION.to_owned()))?;
    house.command(Request::AddUser(AddUser {
        organization: ORGANIZATION.to_owned(),
        name: "Reader".to_owned(),
        address: ADDRESS.to_owned(),
        filter: Some("all".to_owned()),
        is_administrator: true,
        password: Some(PASSWORD.to_owned()),
    }))?;
    let companies = (0..COMPANIES).map(|n| (n, vec![company(n)])).collect();
    import(house, CustomerKind::Accounts, &["name"], companies)?;
    let person = |n: u64| (n, vec![name(n), address(n), company(n % COMPANIES)]);
    let rows: Vec<_> = (0..CONTACTS).map(person).collect();
    for rows in rows.chunks(model::limits::ROWS_PER_UNIT_MAX) {
        let heading = ["fullname", "emailaddress1", "parentcustomerid"];
        import(house, CustomerKind::Contacts, &heading, rows.to_vec())?;
    }
    Ok(())
}

fn import(
    house: &Program,
    kind: CustomerKind,
    heading: &[&str],
    rows: Vec<(u64, Vec<String>)>,
) -> Result<()> {
    let heading = heading.iter().map(|title| (*title).to_owned()).collect();
    let organization = ORGANIZATION.to_owned();
    house.command(Request::Import(Import { organization, kind, heading, rows })).map(drop)
}

/// The ids of the contacts, by their number.
fn contacts(organization: &Arc<Organization>) -> Result<Vec<Id>> {
    let id = |n: u64| {
        let found = organization.read(|read| read.records_by_address(&address(n)))?;
        found.first().map(|record| record.id).context("a contact is not there")
    };
    (0..CONTACTS).map(id).collect()
}

fn company(number: u64) -> String {
    format!("{} {number}", word(mix(number) % WORDS))
}

fn name(number: u64) -> String {
    format!("{} {}", word(mix(number) % WORDS), word(mix(number + 1) % WORDS))
}

/// The address of a contact.
pub(super) fn address(number: u64) -> String {
    format!("writer{number}@writers.test")
}

/// A word by its rank: 0 is the most frequent one.
pub(super) fn word(rank: u64) -> String {
    const SYLLABLES: [&str; 40] = [
        "ba", "de", "fi", "go", "ku", "la", "me", "ni", "po", "ru", "sa", "te", "vi", "wo", "zu", "bra",
        "dre", "fli", "gro", "klu", "pla", "ste", "tri", "sno", "chu", "bar", "den", "fil", "gor", "kun",
        "lan", "mer", "nis", "pol", "rum", "san", "tel", "vin", "wor", "zum",
    ];
    let mut rest = rank + 40;
    let mut word = String::new();
    while rest > 0 {
        let place = usize::try_from(rest % 40).unwrap_or_default();
        word.push_str(SYLLABLES.get(place).copied().unwrap_or_default());
        rest /= 40;
    }
    word
}

/// A rank as language draws it: the share of a word falls with its rank (Zipf).
pub(super) fn rank(seed: u64, ranks: u64) -> u64 {
    #[expect(clippy::cast_precision_loss, reason = "a random number loses nothing by being rounded")]
    let share = (mix(seed) >> 11) as f64 / (1_u64 << 53) as f64;
    #[expect(clippy::cast_precision_loss, reason = "some ten thousand ranks")]
    let rank = (share * (ranks as f64).ln()).exp() - 1.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the ranks")]
    let rank = rank as u64;
    rank.min(ranks - 1)
}

/// The words of a mail, in order.
pub(super) fn words(number: u64) -> impl Iterator<Item = String> {
    (0..WORDS_PER_MAIL).map(move |place| word(rank(number * 1_000 + place, WORDS)))
}

/// The word that is in this mail alone.
pub(super) fn own_word(number: u64) -> String {
    format!("no{:x}x{number}", mix(number) & 0xffff)
}

/// Whose mail it is.
pub(super) fn writer(number: u64) -> u64 {
    rank(mix(number) ^ 0x55, CONTACTS)
}

/// One e-mail with its bytes.
struct Mail {
    number: u64,
    contact: Id,
    time: Timestamp,
    subject: String,
    text: String,
    raw: String,
}

impl Mail {
    fn new(number: u64, emails: u64, contacts: &[Id]) -> Self {
        let back = i64::try_from(emails - number).unwrap_or(0);
        let time = NEWEST.plus_seconds(-back * SECONDS_BETWEEN);
        let mut text = String::with_capacity(1_200);
        for (place, word) in words(number).enumerate() {
            text.push_str(&word);
            text.push_str(if place % 11 == 10 { "\r\n" } else { " " });
        }
        text.push_str(&own_word(number));
        let writer = writer(number);
        let subject = words(number).take(4).collect::<Vec<_>>().join(" ");
        let contact = contacts.get(usize::try_from(writer).unwrap_or_default()).copied().unwrap_or_default();
        let raw = format!(
            "From: {} <{}>\r\nTo: Reader <{ADDRESS}>\r\nSubject: {subject}\r\n\
             Message-ID: <{number}@writers.test>\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n",
            name(writer),
            address(writer)
        );
        Mail { number, contact, time, subject, text, raw }
    }

    fn has_attachment(&self) -> bool {
        self.number.is_multiple_of(10)
    }

    /// The rows of a mail that came to a user, as the intake writes them.
    fn write(&self, tx: &mut Tx<'_>, blob: &PreparedBlob) -> Result<(), StoreError> {
        let moment = Moment::new(self.time, self.number);
        let (email, copyid, writer) = (moment.id(), moment.id(), writer(self.number));
        tx.keep_blob(blob)?;
        tx.add_email(&self.email(email, &moment, blob))?;
        self.parties(tx, email, &moment)?;
        if self.has_attachment() {
            tx.add_attachment(&ActivityMimeAttachment {
                activitymimeattachmentid: moment.id(),
                activityid: email,
                attachmentnumber: 1,
                filename: format!("{}.pdf", word(writer)),
                mimetype: "application/pdf".to_owned(),
                filesize: 1_000,
                attachmentcontentid: None,
                isinline: false,
                bodyoffset: 0,
                bodylength: 0,
                encoding: "base64".to_owned(),
                contentrules: 0,
            })?;
        }
        for kind in 0..2_u64 {
            let [a, b] = [mix(self.number * 2 + kind), mix(!self.number)].map(u64::to_be_bytes);
            let keyhash = [a, b].concat();
            tx.claim(&Identity {
                keyhash: keyhash.clone(),
                variant: 0,
                activityid: email,
                sender: Some(address(writer)),
                senton: Some(self.time),
                hasmessageid: true,
                textdigest: keyhash,
                rawdigest: blob.blobid.to_vec(),
            })?;
        }
        tx.add_email_copy(&EmailCopy {
            activityid: email,
            copyid,
            receivinguserid: None,
            recipient: ADDRESS.to_owned(),
        })?;
        self.books(tx, (email, copyid), &moment)
    }

    fn email(&self, activityid: Id, moment: &Moment, blob: &PreparedBlob) -> Email {
        Email {
            activityid,
            subject: self.subject.clone(),
            directioncode: false,
            statecode: 1,
            statuscode: 4,
            messageid: Some(format!("{}@writers.test", self.number)),
            inreplyto: None,
            // Three mails of a customer in a row make a conversation.
            conversationtrackingid: Moment::new(self.time, self.number / 3).id(),
            parentactivityid: None,
            correlatedactivityid: None,
            correlationmethod: 0,
            correlationrank: 0,
            regardingobjectid: None,
            regardingobjecttypecode: None,
            ownerid: None,
            sender: Some(address(writer(self.number))),
            torecipients: ADDRESS.to_owned(),
            senton: Some(self.time),
            receivedon: self.time,
            createdon: moment.now,
            sortdate: self.time,
            trackingtoken: None,
            conversationindex: None,
            canonicalsubject: self.subject.clone(),
            acceptingentityid: None,
            acceptingentitytypecode: None,
            receivinguserid: None,
            prioritycode: 1,
            attachmentcount: i32::from(self.has_attachment()),
            preview: self.text.chars().take(model::limits::PREVIEW_CHARS_MAX).collect(),
            unwrapmethod: "direct".to_owned(),
            marks: 0,
            blobid: blob.blobid.to_vec(),
            size: i64::try_from(self.raw.len()).unwrap_or(i64::MAX),
            reason: 12,
            decision: "[]".to_owned(),
            readreceiptrequested: false,
            deliveryreceiptrequested: false,
            delayedemailsendtime: None,
            textdigest: None,
            rawdigest: None,
        }
    }

    fn parties(&self, tx: &mut Tx<'_>, activityid: Id, moment: &Moment) -> Result<(), StoreError> {
        let writer = writer(self.number);
        let sides = [
            (1, Some(self.contact), address(writer), name(writer)),
            (2, None, ADDRESS.to_owned(), "Reader".to_owned()),
        ];
        for (participationtypemask, partyid, address, name) in sides {
            let party = ActivityParty {
                activitypartyid: moment.id(),
                activityid,
                participationtypemask,
                partyid,
                partyobjecttypecode: partyid.map(|_| 2),
                addressused: Some(address),
                partyidname: Some(name),
                sortdate: self.time,
                isambiguous: None,
            };
            tx.add_party(&party, &[])?;
        }
        Ok(())
    }

    fn books(&self, tx: &mut Tx<'_>, (email, copyid): (Id, Id), moment: &Moment) -> Result<(), StoreError> {
        let source = format!("user:{ADDRESS}");
        tx.enter_copy(&Copy {
            copyid,
            source: source.clone(),
            day: self.time.day(),
            arrivedon: self.time,
            mailfrom: None,
            recipients: ADDRESS.to_owned(),
            peer: None,
            size: 1_000,
            originals: 1,
            copynumber: 0,
            trace: None,
            outerblobid: None,
        })?;
        tx.write_outcome(&OriginalOutcome {
            copyid,
            originalnumber: 1,
            outcome: 3,
            reason: 12,
            iscopyoutcome: true,
            source,
            day: self.time.day(),
            activityid: Some(email),
            messageid: None,
            createdon: moment.now,
        })?;
        let event = Event {
            eventid: 0,
            createdon: moment.now,
            systemuserid: None,
            objectid: email,
            objecttypecode: 4202,
            operation: "created".to_owned(),
            detail: None,
        };
        tx.append_event(&event)
    }
}
