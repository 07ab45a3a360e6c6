//! A letter as it was typed, into a draft. What passes through: the fields of a form.

use std::collections::HashSet;

use crm::CrmError;
use crm::outbox::{self, AnswerKind, Draft, Earlier, File, Importance, Unsaid};
use message::addresses::{NotTyped, typed};
use message::identity::raw_digest;
use model::decision::{Entity, RecordRef};
use model::{EmailAddress, limits};

use store::{Organization, StoreError};
use web::values::{EarlierKind, Letter, LetterImportance, RecordKey, RecordKind, Visitor, Writer};

use super::super::readable;
use super::pictures;

/// The draft that a letter is; its files are moved into it, for they are large.
///
/// # Errors
/// [`CrmError::Invalid`] in words for whoever typed it.
pub(super) fn of(
    (organization, visitor): (&Organization, &Visitor),
    writers: Vec<Writer>,
    letter: &mut Letter,
) -> Result<Draft, CrmError> {
    check_named((organization, visitor), letter)?;
    let named = if letter.from.is_empty() { &visitor.address } else { &letter.from };
    let from = EmailAddress::parse(named);
    let may = |from: &EmailAddress| {
        let keys = writers.iter().filter_map(|writer| EmailAddress::parse(&writer.address));
        keys.map(|address| address.key()).any(|key| key == from.key())
    };
    let Some(from) = from.filter(may) else {
        return Err(CrmError::Invalid(format!("you may not write as {named}")));
    };
    let mut draft = Draft::by(from.clone());
    draft.who.author = Some(visitor.user);
    for (list, text) in
        [(&mut draft.who.to, &letter.to), (&mut draft.who.cc, &letter.cc), (&mut draft.who.bcc, &letter.bcc)]
    {
        let found = typed(text, limits::OUTBOX_RECIPIENTS_MAX).map_err(odd)?;
        *list = found.into_iter().map(outbox::Recipient::from).collect();
    }
    if let Ok(id) = letter.key.parse()
        && let Some(kept) = outbox::unsaid(organization, (id, visitor.user))?
    {
        means(&mut draft, kept);
    }
    // One line, whatever was pasted into it.
    draft.what.subject = letter.subject.replace(|c: char| c.is_control(), " ").trim().to_owned();
    let (html, pictures) = pictures::taken_out(&letter.html);
    draft.what.html = Some(html).filter(|html| !html.trim().is_empty());
    // Where there is HTML the text is made of it, so that both say the same whatever a browser sends.
    if draft.what.html.is_none() {
        draft.what.text.clone_from(&letter.text);
    }
    draft.what.files = carried((organization, visitor), letter, &from)?;
    // One that an earlier mail brings along under its name is here already.
    let here: HashSet<String> = draft.what.files.iter().filter_map(|file| file.content_id.clone()).collect();
    let is_new = |file: &File| file.content_id.as_ref().is_none_or(|id| !here.contains(id));
    let pictures: Vec<File> = pictures.into_iter().filter(is_new).collect();
    draft.what.files.extend(pictures);
    let files = std::mem::take(&mut letter.files);
    draft.what.files.extend(files.into_iter().map(|file| File {
        mimetype: message::compose::media_type(&file.name).to_owned(),
        name: file.name,
        content_id: None,
        bytes: file.bytes,
    }));
    draft.how.importance = match letter.importance {
        LetterImportance::Low => Importance::Low,
        LetterImportance::Normal => Importance::Normal,
        LetterImportance::High => Importance::High,
    };
    draft.how.wants_read_receipt = letter.wants_receipt;
    draft.how.wants_delivery_receipt = letter.wants_delivery_receipt;
    draft.about.regarding = letter.about.map(record_of);
    draft.about.earlier = letter.earlier.map(|(kind, id)| match kind {
        EarlierKind::Reply | EarlierKind::ReplyAll => Earlier::Answered(id),
        EarlierKind::Forward => Earlier::Forwarded(id),
    });
    Ok(draft)
}

/// A draft that is gone on with means the records that it meant, and is a program's where it was one's.
fn means(draft: &mut Draft, kept: Unsaid) {
    draft.how.automatic = kept.automatic;
    let who = &mut draft.who;
    for recipient in [&mut who.to, &mut who.cc, &mut who.bcc].into_iter().flatten() {
        let key = recipient.mailbox.address.key();
        let before = kept.recipients.iter().find(|before| before.mailbox.address.key() == key);
        recipient.record = before.and_then(|before| before.record);
    }
}

/// The draft that a letter is in place of, and the e-mail that it answers, come from the form: they may not be what its writer
/// may not read. A draft that a command wrote for nobody has no owner who would be asked for.
fn check_named((organization, visitor): (&Organization, &Visitor), letter: &Letter) -> Result<(), CrmError> {
    let ids = letter.key.parse().ok().into_iter().chain(letter.earlier.map(|(_, id)| id));
    let is_hidden = organization.read(|read| {
        for id in ids {
            if read.email(id)?.is_some() && readable(read, visitor, id)?.is_none() {
                return Ok(true);
            }
        }
        Ok::<_, StoreError>(false)
    })?;
    if is_hidden { Err(CrmError::NotFound { what: "the e-mail" }) } else { Ok(()) }
}

fn odd(error: NotTyped) -> CrmError {
    CrmError::Invalid(match error {
        NotTyped::Odd(piece) => format!("“{piece}” is no e-mail address"),
        NotTyped::TooMany => format!("a mail has at most {} recipients", limits::OUTBOX_RECIPIENTS_MAX),
    })
}

/// The files of an earlier e-mail that go along: all of one whose files are carried, else the pictures that are shown.
fn carried(
    (organization, visitor): (&Organization, &Visitor),
    letter: &Letter,
    from: &EmailAddress,
) -> Result<Vec<File>, CrmError> {
    let earlier = letter.shows.or(letter.earlier.map(|(_, id)| id));
    let earlier = earlier.filter(|_| letter.html.contains("cid:"));
    let Some(id) = letter.carries.or(earlier) else { return Ok(Vec::new()) };
    // Not the files of somebody else's draft.
    let row = organization.read(|read| readable(read, visitor, id))?;
    row.ok_or(CrmError::NotFound { what: "the e-mail whose files go along" })?;
    let mut files = outbox::answer(organization, (id, AnswerKind::Forward), from)?.draft.what.files;
    let is_shown =
        |file: &File| file.content_id.as_ref().is_some_and(|id| letter.html.contains(&format!("cid:{id}")));
    files.retain(|file| letter.carries.is_some() || is_shown(file));
    Ok(files)
}

/// The record that a page names.
pub(in super::super) fn record_of(key: RecordKey) -> RecordRef {
    let entity = match key.kind {
        RecordKind::Contact => Entity::Contact,
        RecordKind::Account => Entity::Account,
        RecordKind::Lead => Entity::Lead,
    };
    RecordRef { entity, id: key.id }
}

/// The key under which a letter goes out once. All that was typed is in it: what is sent anew from the same page in other
/// words is another letter.
pub(super) fn key(visitor: &Visitor, letter: &Letter) -> String {
    let words =
        [&letter.from, &letter.to, &letter.cc, &letter.bcc, &letter.subject, &letter.text, &letter.html];
    let receipts = (letter.wants_receipt, letter.wants_delivery_receipt);
    let rest = (letter.earlier, letter.carries, letter.about, letter.at, letter.importance, receipts);
    let mut all = format!("{words:?} {rest:?} {:?}", letter.key).into_bytes();
    for file in &letter.files {
        all.extend_from_slice(&raw_digest(file.name.as_bytes()));
        all.extend_from_slice(&raw_digest(&file.bytes));
    }
    let digest = raw_digest(&all);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("page {} {hex}", visitor.user)
}

/// Whether a text says that something is attached, in words of a few languages.
pub(super) fn speaks_of_files(text: &str) -> bool {
    let own = message::reply::own_text(text).to_lowercase();
    ["attached", "attachment", "anhang", "angehängt", "anbei", "ci-joint", "adjunto", "allegato"]
        .iter()
        .any(|word| own.contains(word))
}
