//! The page of one e-mail: parties, text, files, and the panel "Here because …" from what was kept with it.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;
use message::body::{self, ShownOptions};
use model::decision::{CorrelationMethod, Entity};
use model::outcome::Reason;
use model::schema::emails::{self, ActivityMimeAttachment, ActivityParty, mark};
use model::{EmailAddress, Id, Timestamp, limits};
use serde::Deserialize;
use store::{EmailLine, Read, StoreError};
use web::values::{
    Attachment, Because, Body, CandidateLine, Email, Fact, MailBody, Party, Role, SignalLine, Standing,
};

use super::Names;
use super::lines::{self, SENDER};
use super::names::{kind, record};

/// Mails of a conversation that stand beside one of them.
const CONVERSATION_MAX: usize = 200;
/// Pictures of these types are shown inside a mail: those that no browser takes for a program.
const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// The page of an e-mail, of its row and its source.
pub(super) fn page(read: &Read<'_>, email: &emails::Email, raw: &[u8]) -> Result<Email, StoreError> {
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
    let mails = mails.iter().rev().map(|mail| lines::line(names, &line_of(mail)));
    Ok(Email {
        id: email.activityid,
        subject: email.subject.clone(),
        direction: lines::direction(email.directioncode),
        time: email.sortdate,
        sender,
        conversation: mails.collect::<Result<_, _>>()?,
        recipients: others.iter().map(|it| party(names, it)).collect::<Result<_, _>>()?,
        cautions: cautions(email.marks),
        body: mail_body(raw),
        attachments: files.into_iter().map(attachment).collect(),
        because: because(names, email, &parties)?,
        facts: facts(names, email)?,
    })
}

/// The HTML of an e-mail, safe to show, its own pictures inside it.
pub(super) fn body(raw: &[u8], attachments: &[ActivityMimeAttachment]) -> Body {
    let Ok(message) = message::read(raw) else { return Body { html: String::new(), remote_images: 0 } };
    let _turn = Turn::wait();
    let options = ShownOptions { cid_urls: pictures(raw, attachments), remote_images: false };
    let shown = body::shown(&message, &options);
    Body { html: shown.html, remote_images: u32::try_from(shown.remote_images).unwrap_or(u32::MAX) }
}

/// Mails made safe at a time: each may take many times its size in memory while it lasts.
const TURNS: usize = 2;
static TAKEN: Mutex<usize> = Mutex::new(0);
static FREED: Condvar = Condvar::new();

/// One of the [`TURNS`]; it is given back when it is dropped.
struct Turn;

impl Turn {
    fn wait() -> Self {
        // A number is whole, even if somebody panicked while he counted.
        let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken =
            FREED.wait_while(taken, |taken| *taken >= TURNS).unwrap_or_else(PoisonError::into_inner);
        *taken += 1;
        Turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        FREED.notify_one();
    }
}

/// Where the encoded bytes of an attachment lie in the source: offset and length.
pub(super) fn range(attachment: &ActivityMimeAttachment) -> (usize, usize) {
    let number = |number: i64| usize::try_from(number).unwrap_or(0);
    (number(attachment.bodyoffset), number(attachment.bodylength))
}

/// The pictures that the text names by Content-ID, as `data:` addresses (RFC 2397).
fn pictures(raw: &[u8], attachments: &[ActivityMimeAttachment]) -> HashMap<String, String> {
    let mut room = limits::SHOWN_PICTURES_BYTES_MAX;
    let mut pictures = HashMap::new();
    for attachment in attachments {
        let Some(id) = &attachment.attachmentcontentid else { continue };
        let (offset, length) = range(attachment);
        let encoded = offset.checked_add(length).and_then(|end| raw.get(offset..end));
        let (Some(encoded), true) = (encoded, PICTURES.contains(&attachment.mimetype.as_str())) else {
            continue;
        };
        if length > room {
            continue;
        }
        let bytes = message::attachments::decode(encoded, &attachment.encoding);
        let url = format!("data:{};base64,{}", attachment.mimetype, STANDARD.encode(bytes));
        // What came as plain bytes is longer now.
        let Some(left) = room.checked_sub(url.len()) else { continue };
        room = left;
        pictures.insert(id.clone(), url);
    }
    pictures
}

fn mail_body(raw: &[u8]) -> MailBody {
    let Ok(message) = message::read(raw) else { return MailBody::Empty };
    if body::is_html(&message) {
        let remote_images = body::remote_images(&message);
        return MailBody::Html { remote_images: u32::try_from(remote_images).unwrap_or(u32::MAX) };
    }
    let text = message.text();
    if text.trim().is_empty() {
        return MailBody::Empty;
    }
    // The text is cut between two characters, so it may end some bytes before the limit.
    let is_cut = text.len() + 4 > limits::TEXT_BYTES_MAX;
    MailBody::Plain { text: text.into_owned(), is_cut }
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
        mimetype: row.mimetype,
    }
}

fn cautions(marks: i64) -> Vec<String> {
    let words = [
        (mark::UNPROVEN_SENDER, "The sender says to be one of us, and nothing proves it."),
        (mark::GUESSED, "It was taken out of another mail by guessing."),
        (mark::BARE_LINE_ENDS, "It has line ends that mail must not have; parts of it may be shown wrong."),
        (mark::AUTOMATIC, "A program wrote it, not a person."),
        (mark::REPORT, "It is a report of a mail system."),
        (mark::LIST, "It came over a mailing list, or to many at once."),
    ];
    words.iter().filter(|(mark, _)| marks & mark != 0).map(|(_, words)| (*words).to_owned()).collect()
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
    }
}

/// A time in the zone of this machine, as the pages show all others.
pub(super) fn local(time: Timestamp, format: &str) -> String {
    let time = jiff::Timestamp::from_millisecond(time.0).unwrap_or_default();
    time.to_zoned(TimeZone::system()).strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn no_more_mails_are_made_safe_at_a_time_than_there_are_turns() {
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let _turn = Turn::wait();
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!((1..=TURNS).contains(&most.into_inner()));
    }

    #[test]
    fn the_page_of_a_mail_knows_what_its_body_is() {
        let html = mail_body(b"Content-Type: text/html\n\n<p>a<img src=http://x.test/><img src=cid:a>");
        assert!(matches!(html, MailBody::Html { remote_images: 1 }));
        assert!(matches!(mail_body(b"A: 1\n\na"), MailBody::Plain { is_cut: false, .. }));
        assert!(matches!(mail_body(b"A: 1\n\n \n"), MailBody::Empty));
        let long = format!("A: 1\n\n{}", "x".repeat(limits::TEXT_BYTES_MAX + 1));
        assert!(matches!(mail_body(long.as_bytes()), MailBody::Plain { is_cut: true, .. }));
    }
}
