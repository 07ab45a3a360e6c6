//! Outside senders: programs that take mail out of the outbox themselves, bring it on by their own means, and say what became
//! of each recipient (Dataverse: BackgroundSendEmail).
//!
//! ```text
//! background_send ─▶ mails under a ticket, for a while ─▶ begun, just before one may be taken ─▶ report ─▶ settled
//! ```
//!
//! *Invariant:* the same fence as for a node of ours. A mail has one holder; whoever held it longer than he said has lost it, may
//! not begin, and what he reports changes nothing. Of one that has begun and says no more nobody knows whether it went.

use std::sync::Arc;
use std::time::Duration;

use model::attempt::{Reply, Tried};
use model::schema::mailboxes::EmailServerProfile;
use model::schema::outbox::OutboxMail;
use model::{EmailAddress, Id, Moment};
use store::{Organization, StoreError};

use super::queue::{Asked, Claimed};
use super::relays;
use super::settle::{Ends, Settled, write_down};
use crate::CrmError;

/// A way out of `SERVER_TYPES` by which nothing goes from here: it is pulled.
pub const OUTSIDE: i32 = 102;

/// That somebody holds a mail: at a later attempt it is another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// The mail.
    pub email: Id,
    /// The attempt under which it was pulled.
    pub attempt: i32,
}

/// What became of a mail that was pulled.
#[derive(Debug, Clone)]
pub enum Reported {
    /// The server's replies (RFC 5321 §4.2), recipient by recipient. Who is not named waits for another try, or where it had begun is
    /// uncertain.
    Answered(Vec<(EmailAddress, Reply)>),
    /// It did not go, for this reason.
    NotSent(String),
    /// Nobody knows whether it went, for this reason.
    Uncertain(String),
    /// Nothing was tried: it is due at once.
    GivenBack,
}

/// Adds a way out by which outside senders pull. The first way out that is added takes all of an organization's
/// mail that nothing else is said of; see [`set_way`](super::set_way).
///
/// # Errors
/// [`CrmError::Taken`] where the name is; [`CrmError::Invalid`].
pub async fn add_outside(
    organization: &Arc<Organization>,
    (name, returndomain): (&str, Option<String>),
    moment: Moment,
) -> Result<Id, CrmError> {
    let way = relays::way_out((name, OUTSIDE), &moment)?;
    relays::add_way(organization, EmailServerProfile { returndomain, ..way }).await
}

/// Says that the end of a mail is about to go out. With no its sender has lost it, or somebody whose turn it is wants no mail since
/// it was pulled, and he has to break off before that.
///
/// # Errors
/// Where the store cannot do it: it may not go out.
pub async fn begun(
    organization: &Arc<Organization>,
    ticket: Ticket,
    moment: Moment,
) -> Result<bool, CrmError> {
    let Some(mut claimed) = held(organization, ticket)? else { return Ok(false) };
    // Whoever was told so once may have sent it.
    claimed.asked = has_begun(&claimed.mail).then_some(Asked { on: moment.now, version: None });
    let ends = Ends { tried: [].into(), ending: vec![Arc::new(claimed)] };
    Ok(write_down(organization, ends, moment).await?.may_end.first() == Some(&true))
}

/// Says what became of a mail. [`Settled::Lost`]: it is another's by now, and nothing was written.
///
/// # Errors
/// [`CrmError::Invalid`] where a reply is none, or is about nobody whom this mail was pulled for; where the store cannot do it.
pub async fn report(
    organization: &Arc<Organization>,
    (ticket, reported): (Ticket, Reported),
    moment: Moment,
) -> Result<Settled, CrmError> {
    let Some(mut claimed) = held(organization, ticket)? else { return Ok(Settled::Lost) };
    // It says into whose mailbox what went out is put.
    claimed.source = organization.read(|read| read.email_source(ticket.email))?;
    let tried = tried(&claimed, reported)?;
    settled(organization, (claimed, tried), moment).await
}

/// Whether a way out is one that is pulled.
pub(super) fn is_outside(way: &EmailServerProfile) -> bool {
    way.servertype == OUTSIDE
}

pub(super) async fn settled(
    organization: &Arc<Organization>,
    (claimed, tried): (Claimed, Tried),
    moment: Moment,
) -> Result<Settled, CrmError> {
    let ends = Ends { tried: [(Arc::new(claimed), tried)].into(), ending: Vec::new() };
    let written = write_down(organization, ends, moment).await?;
    written.settled.first().copied().ok_or(CrmError::Store(StoreError::Corrupt))
}

pub(super) fn ticket(mail: &OutboxMail) -> Ticket {
    Ticket { email: mail.activityid, attempt: mail.attempts }
}

/// The mail where an outside sender holds it by this ticket, with the mark that stood before he began, as a node has it.
fn held(organization: &Organization, of: Ticket) -> Result<Option<Claimed>, CrmError> {
    Ok(organization.read(|read| {
        let Some(mut mail) = read.outbox_mail(of.email)?.filter(|mail| ticket(mail) == of) else {
            return Ok(None);
        };
        if has_begun(&mail) {
            mail.doton = mail.earlierdoton;
        }
        let owner = mail.owner.map(|owner| read.email_server_profile(owner)).transpose()?.flatten();
        if !owner.is_some_and(|owner| is_outside(&owner)) {
            return Ok(None);
        }
        Ok::<_, StoreError>(Some(Claimed::held(mail, read.outbox_recipients(of.email)?)))
    })?)
}

/// Whether whoever holds it said that its end is about to go out.
fn has_begun(mail: &OutboxMail) -> bool {
    mail.dotattempt == Some(mail.attempts)
}

fn tried(claimed: &Claimed, reported: Reported) -> Result<Tried, CrmError> {
    let replies = match reported {
        Reported::Answered(replies) => replies,
        Reported::NotSent(words) => return Ok(Tried::NotSent { words, replies: Vec::new() }),
        Reported::Uncertain(words) => return Ok(Tried::Uncertain { words, replies: Vec::new() }),
        Reported::GivenBack => return Ok(Tried::Untouched(Duration::ZERO)),
    };
    if replies.iter().any(|(_, reply)| !(200..600).contains(&reply.code)) {
        return Err(CrmError::Invalid("a reply begins with a code from 200 to 599".to_owned()));
    }
    let about = |address: &str| {
        let key = EmailAddress::parse(address).map(|address| address.key());
        replies.iter().find(|(address, _)| Some(address.key()) == key).map(|(_, reply)| reply.clone())
    };
    let of_each: Vec<Option<Reply>> = claimed.waiting().map(|one| about(&one.address)).collect();
    let told = of_each.iter().flatten().count();
    if told < replies.len() || told == 0 {
        return Err(CrmError::Invalid("a reply is about nobody whom the mail was pulled for".to_owned()));
    }
    if told == of_each.len() {
        return Ok(Tried::Answered(of_each.into_iter().flatten().collect()));
    }
    let words = "its sender did not say what became of all recipients".to_owned();
    Ok(match has_begun(&claimed.mail) {
        true => Tried::Uncertain { words, replies: of_each },
        false => Tried::NotSent { words, replies: of_each },
    })
}
