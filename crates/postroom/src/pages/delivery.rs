//! What a reader should know of a mail that goes out: what waits, who does not get it, and what nobody knows.

use model::schema::emails::{EMAIL_STATUSES, Email};
use model::schema::outbox::{BOUNCE_KINDS, OutboxMail, OutboxRecipient};
use store::{Read, StoreError};

/// Recipients who do not get it, by name; of more there is a number.
const NAMED_MAX: usize = 5;
const FAILED: i32 = 2;
const UNCERTAIN: i32 = 3;
const CANCELED: i32 = 4;

/// The status reason of an e-mail.
pub(super) fn state(read: &Read<'_>, email: &Email) -> Result<String, StoreError> {
    let mail = if email.directioncode { read.outbox_mail(email.activityid)? } else { None };
    let shown = i64::from(crm::outbox::shown_status(email, mail.as_ref()));
    let status = EMAIL_STATUSES.iter().find(|(code, _)| *code == shown);
    Ok(status.map_or("", |(_, name)| name).to_owned())
}

/// Short sentences; none for a mail that came, or that all have.
pub(super) fn cautions(read: &Read<'_>, email: &Email) -> Result<Vec<String>, StoreError> {
    if !email.directioncode {
        return Ok(Vec::new());
    }
    let Some(mail) = read.outbox_mail(email.activityid)? else { return Ok(Vec::new()) };
    let recipients = read.outbox_recipients(email.activityid)?;
    let failed: Vec<&OutboxRecipient> = recipients.iter().filter(|row| row.statecode == FAILED).collect();
    let more = failed.len().saturating_sub(NAMED_MAX);
    let unknown = recipients.iter().filter(|row| row.statecode == UNCERTAIN).take(NAMED_MAX);
    let unknown = unknown.map(uncertain);
    let others = (more > 0).then(|| format!("{more} more do not get it."));
    let changed = read.pre_send(email.activityid)?.is_some_and(|row| row.sentblobid.is_some());
    let changed = changed.then(|| "What goes out is not what stands here: a hook changed it.".to_owned());
    // Whoever cancels a mail says nothing to each recipient.
    let is_stopped = |row: &&OutboxRecipient| row.statecode == CANCELED && row.replytext.is_some();
    let stopped = recipients.iter().find(is_stopped).and_then(|row| row.replytext.clone());
    Ok(on_its_way(&mail)
        .into_iter()
        .chain(changed)
        .chain(stopped)
        .chain(failed.into_iter().take(NAMED_MAX).map(refused))
        .chain(others)
        .chain(unknown)
        .chain(recipients.iter().filter_map(came_back).take(NAMED_MAX))
        .collect())
}

fn on_its_way(mail: &OutboxMail) -> Option<String> {
    let error = mail.lasterror.as_deref().unwrap_or_default();
    match (mail.waitsin, mail.doton, error) {
        (Some(_), None, "") => Some("It waits to go out.".to_owned()),
        (Some(_), None, error) => {
            Some(format!("It has not gone out to everybody, and is tried again. Last: {error}"))
        }
        (Some(_), Some(_), _) => Some(
            "It may have gone out, and no answer came: it is sent again under the same Message-ID."
                .to_owned(),
        ),
        (None, None, _) if mail.endedon.is_none() => Some(
            "It was brought here with an archive, and waits until somebody sends it from here.".to_owned(),
        ),
        (None, Some(_), _) if mail.endedon.is_none() => Some(
            "It may have gone out, and no answer came: somebody has to say whether it is sent again."
                .to_owned(),
        ),
        _ => None,
    }
}

fn refused(recipient: &OutboxRecipient) -> String {
    let said = match (recipient.replycode, recipient.replytext.as_deref()) {
        (Some(code), Some(text)) => format!(": {code} {text}"),
        (None, Some(text)) => format!(": {text}"),
        (_, None) => String::new(),
    };
    format!("{} does not get it{said}", recipient.address)
}

fn uncertain(recipient: &OutboxRecipient) -> String {
    let why = match (recipient.replycode, recipient.replytext.as_deref()) {
        (None, Some(why)) => format!(", and it is not sent again: {why}"),
        _ => String::new(),
    };
    format!("{} may have it: no answer came{why}", recipient.address)
}

/// What a report told afterwards. Without proof anybody may have written it.
fn came_back(recipient: &OutboxRecipient) -> Option<String> {
    let kind = BOUNCE_KINDS.iter().find(|(code, _)| recipient.bouncekind.map(i64::from) == Some(*code))?.1;
    let words = recipient.bouncewords.as_deref().unwrap_or_default();
    let claim =
        if recipient.isbounceproven == Some(true) { "" } else { ", as a report says that nothing proves" };
    Some(format!("{}: {}{claim}: {words}", recipient.address, kind.to_lowercase()))
}
