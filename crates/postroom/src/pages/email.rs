//! The page of one e-mail: parties, text, files, and the panel "Here because …" from what was kept with it.

use jiff::tz::TimeZone;
use model::decision::{CorrelationMethod, Entity};
use model::outcome::Reason;
use model::schema::emails::{self, ActivityMimeAttachment, ActivityParty, mark};
use model::{EmailAddress, Id, Timestamp};
use serde::Deserialize;
use store::{EmailLine, Read, StoreError};
use web::values::{
    Attachment, Because, CandidateLine, Email, Fact, Party, Role, SignalLine, Standing, Visitor,
};

use super::content::{self, PICTURES};
use super::delivery;
use super::lines::{self, SENDER};
use super::names::{kind, record};
use super::{Names, author};

/// Mails of a conversation that stand beside one of them.
const CONVERSATION_MAX: usize = 200;

/// The page of an e-mail, of its row and its source.
pub(super) fn page(
    read: &Read<'_>,
    visitor: &Visitor,
    (email, raw): (&emails::Email, &[u8]),
) -> Result<Email, StoreError> {
    let names = &mut Names::new(read);
    let parties = read.parties(email.activityid)?;
    let (senders, others): (Vec<_>, Vec<_>) =
        parties.iter().partition(|party| party.participationtypemask == SENDER);
    let sender = match senders.first() {
        Some(sender) => party(names, sender)?,
        None => nobody(email),
    };
    let files = read.attachments(email.activityid)?;
    let mails = read.conversation(email.conversationtrackingid, CONVERSATION_MAX)?;
    let content = content::content(raw);
    let verdicts = author::verdict(read, email)?;
    let mails = mails.iter().rev().map(line_of).filter(|line| lines::is_shown(visitor, line));
    let mails = mails.map(|line| lines::line(names, &line));
    Ok(Email {
        id: email.activityid,
        subject: email.subject.clone(),
        direction: lines::direction(email.directioncode),
        state: delivery::state(read, email)?,
        outgoing: None,
        time: email.sortdate,
        sender,
        conversation: mails.collect::<Result<_, _>>()?,
        recipients: others.iter().map(|it| party(names, it)).collect::<Result<_, _>>()?,
        cautions: cautions(email.marks)
            .chain(content.cautions)
            .chain(delivery::cautions(read, email)?)
            .chain(author::caution(&verdicts, email))
            .collect(),
        body: content.body,
        attachments: files.into_iter().map(attachment).collect(),
        because: because(names, email, &parties)?,
        facts: facts(names, email)?.into_iter().chain(author::fact(&verdicts)).collect(),
    })
}

fn party(names: &mut Names<'_, '_>, party: &ActivityParty) -> Result<Party, StoreError> {
    let role = match party.participationtypemask {
        SENDER => Role::Sender,
        3 => Role::Cc,
        4 => Role::Bcc,
        _ => Role::To,
    };
    Ok(Party {
        role,
        name: party.partyidname.clone().unwrap_or_default(),
        address: party.addressused.as_deref().map(EmailAddress::shown).unwrap_or_default(),
        standing: standing(names, party)?,
    })
}

fn standing(names: &mut Names<'_, '_>, party: &ActivityParty) -> Result<Standing, StoreError> {
    if party.isambiguous == Some(true) {
        let rows = names.read.party_candidates(party.activitypartyid)?;
        return Ok(Standing::Ambiguous { candidates: lines::candidates(names, &rows)? });
    }
    let Some(record) = record(party.partyid, party.partyobjecttypecode) else {
        return Ok(Standing::Unresolved);
    };
    if let Some(record) = names.link(record)? {
        return Ok(Standing::Known { record });
    }
    Ok(names.name(record)?.map_or(Standing::Unresolved, |name| Standing::Ours { name }))
}

/// The sender of a mail that names none.
fn nobody(email: &emails::Email) -> Party {
    Party {
        role: Role::Sender,
        name: String::new(),
        address: email.sender.clone().unwrap_or_default(),
        standing: Standing::Unresolved,
    }
}

fn attachment(row: ActivityMimeAttachment) -> Attachment {
    Attachment {
        id: row.activitymimeattachmentid,
        name: row.filename,
        size_bytes: u64::try_from(row.filesize).unwrap_or(0),
        // Only pictures are shown inside a text; another inline part would be lost if it were not listed.
        is_inline: row.isinline && PICTURES.contains(&row.mimetype.as_str()),
        note: content::note(&row.mimetype).to_owned(),
        mimetype: row.mimetype,
    }
}

fn cautions(marks: i64) -> impl Iterator<Item = String> {
    let words = [
        (mark::UNPROVEN_SENDER, "The sender says to be one of us, and nothing proves it."),
        (mark::GUESSED, "It was taken out of another mail by guessing."),
        (mark::BARE_LINE_ENDS, "It has line ends that mail must not have; parts of it may be shown wrong."),
        (mark::AUTOMATIC, "A program wrote it, not a person."),
        (mark::REPORT, "It is a report of a mail system."),
        (mark::LIST, "It came over a mailing list, or to many at once."),
    ];
    words.into_iter().filter(move |(mark, _)| marks & mark != 0).map(|(_, words)| words.to_owned())
}

/// A signal as it is kept in `email.decision`.
#[derive(Deserialize)]
struct KeptSignal {
    holds: bool,
    words: String,
    record: Option<KeptRecord>,
}

#[derive(Deserialize)]
struct KeptRecord {
    entity: String,
    id: String,
}

fn because(
    names: &mut Names<'_, '_>,
    email: &emails::Email,
    parties: &[ActivityParty],
) -> Result<Because, StoreError> {
    let kept: Vec<KeptSignal> = serde_json::from_str(&email.decision).unwrap_or_else(|error| {
        tracing::warn!(email = %email.activityid, %error, "the decision of an e-mail cannot be read");
        Vec::new()
    });
    let signal = |signal: KeptSignal| SignalLine {
        holds: signal.holds,
        words: signal.words,
        link: signal.record.and_then(|record| path(&record, email.activityid)),
    };
    let mut candidates: Vec<CandidateLine> = Vec::new();
    for party in parties.iter().filter(|party| party.isambiguous == Some(true)) {
        let rows = names.read.party_candidates(party.activitypartyid)?;
        candidates.extend(lines::candidates(names, &rows)?);
    }
    Ok(Because { signals: kept.into_iter().map(signal).collect(), candidates, details: details(email) })
}

/// Where a signal leads; not to the page that it stands on.
fn path(record: &KeptRecord, here: Id) -> Option<String> {
    let id: Id = record.id.parse().ok().filter(|id| *id != here)?;
    match Entity::from_name(&record.entity)? {
        Entity::Email => Some(format!("/emails/{id}")),
        entity => kind(entity).map(|kind| format!("/{}/{id}", kind.path())),
    }
}

fn details(email: &emails::Email) -> Vec<Fact> {
    let mut details = Vec::new();
    if let Some(reason) = Reason::from_code(i64::from(email.reason)) {
        details.push(Fact::new("Reason", format!("{} (ReasonCode {})", reason.name(), reason.code())));
    }
    if let Some(method) = CorrelationMethod::from_code(i64::from(email.correlationmethod)) {
        let words = format!("{} ({})", method.name(), method.dynamics_code());
        details.push(Fact::new("Correlation method", words));
    }
    let optional = [
        ("Message-ID", email.messageid.as_ref()),
        ("In-Reply-To", email.inreplyto.as_ref()),
        ("Tracking token", email.trackingtoken.as_ref()),
        ("Unwrapped", Some(&email.unwrapmethod)),
    ];
    let given = optional.into_iter().filter_map(|(label, value)| Some(Fact::new(label, value?.as_str())));
    details.extend(given);
    details
}

fn facts(names: &mut Names<'_, '_>, email: &emails::Email) -> Result<Vec<Fact>, StoreError> {
    let mut facts = Vec::new();
    if let Some(regarding) = record(email.regardingobjectid, email.regardingobjecttypecode)
        && let Some(link) = names.link(regarding)?
    {
        facts.push(Fact::linked("Regarding", link));
    }
    let came_by = match email.unwrapmethod.as_str() {
        "direct" => "as it was sent",
        "redirected" => "redirected by a mailbox",
        "attached" => "forwarded as attachment",
        "inline" => "forwarded as text: a guess",
        "journaled" => "reported by a journal",
        other => other,
    };
    facts.push(Fact::new("Came by", came_by));
    if let Some(owner) = email.ownerid.map(|id| names.user(id)).transpose()?.flatten() {
        facts.push(Fact::new("Owner", owner));
    }
    let (sources, mailboxes) = arrivals(names, email.activityid)?;
    facts.push(Fact::new("Received by", sources.join(", ")));
    if !mailboxes.is_empty() {
        facts.push(Fact::new("From the mailbox of", mailboxes.join(", ")));
    }
    facts.push(Fact::new("Kept since", local(email.createdon, "%A %-d %B %Y, %H:%M")));
    if let Some(reason) = Reason::from_code(i64::from(email.reason)) {
        facts.push(Fact::new("Reason", reason.words()));
    }
    Ok(facts)
}

/// The sources that all copies of an e-mail arrived at, and the users whose mailboxes they came from.
fn arrivals(names: &mut Names<'_, '_>, email: Id) -> Result<(Vec<String>, Vec<String>), StoreError> {
    let (mut sources, mut mailboxes) = (Vec::new(), Vec::new());
    for copy in names.read.email_copies(email)? {
        let source = names.read.copy(copy.copyid)?.map(|it| it.source);
        let user = copy.receivinguserid.map(|id| names.user(id)).transpose()?.flatten();
        sources.extend(source.filter(|source| !sources.contains(source)));
        mailboxes.extend(user.filter(|user| !mailboxes.contains(user)));
    }
    Ok((sources, mailboxes))
}

fn line_of(email: &emails::Email) -> EmailLine {
    EmailLine {
        id: email.activityid,
        subject: email.subject.clone(),
        preview: email.preview.clone(),
        is_outgoing: email.directioncode,
        sender: email.sender.clone(),
        recipients: email.torecipients.clone(),
        sortdate: email.sortdate,
        conversation: email.conversationtrackingid,
        attachments: email.attachmentcount,
        statuscode: email.statuscode,
        owner: email.ownerid,
    }
}

/// A time in the zone of this machine, as the pages show all others.
pub(super) fn local(time: Timestamp, format: &str) -> String {
    let time = jiff::Timestamp::from_millisecond(time.0).unwrap_or_default();
    time.to_zoned(TimeZone::system()).strftime(format).to_string()
}
