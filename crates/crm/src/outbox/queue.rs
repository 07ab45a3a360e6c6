//! Taking mail out of the outbox: by one node at a time, and with a look at the clock before the end of the data.

use std::collections::HashSet;
use std::sync::Arc;

use model::schema::outbox::{OutboxMail, OutboxRecipient};
use model::{Id, Moment, Timestamp};
use store::{EmailSource, LeftBehind, Organization, Priority, StoreError};

use super::outside;
use super::pre_send::PreSendAnswer;
use super::turns::Turn;
use super::withheld;
use crate::CrmError;
use crate::tokens::{RECIPIENT_FIELD, SentTo, Tokens};

/// The lane of what one person writes to others; of `LANES`.
pub const PERSONAL: i32 = 0;
/// The lane of what programs write and of mail to many, behind it.
pub const BULK: i32 = 1;
pub(super) const WAITING: i32 = 0;

/// A mail that a node has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The mail, as whoever took it holds it.
    pub mail: OutboxMail,
    /// All its recipients, in their order: nobody else changes them meanwhile.
    pub recipients: Vec<OutboxRecipient>,
    /// What its e-mail was made of; `None` where that is gone.
    pub(super) source: Option<EmailSource>,
    /// When it was asked who of those whose turn it is wants no mail; `None` where that is not known.
    pub(super) asked: Option<Asked>,
}

/// When it was asked who wants no mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    /// Then.
    pub(super) on: Timestamp,
    /// The version of the records at that moment, where whoever opts out after it is to be heard.
    pub(super) version: Option<i64>,
}

impl Claimed {
    /// One that somebody holds, of whose source nothing is asked.
    pub(super) fn held(mail: OutboxMail, recipients: Vec<OutboxRecipient>) -> Self {
        Claimed { mail, recipients, source: None, asked: None }
    }

    /// Whether it is one of many, which keep no person's mail waiting.
    pub fn is_bulk(&self) -> bool {
        self.mail.lane == BULK
    }

    /// The recipients whose turn it is, in their order.
    pub fn waiting(&self) -> impl Iterator<Item = &OutboxRecipient> {
        self.turn().recipients.into_iter()
    }

    /// What the hook before sending said of it, where it goes on.
    pub fn pre_send(&self) -> Option<PreSendAnswer> {
        self.source.as_ref().and_then(|source| PreSendAnswer::from_code(source.pre_send?))
    }

    /// What it is called for a relay that knows mails by names: the same whenever it is tried again, and another one for each
    /// recipient who is tried alone.
    pub fn name(&self) -> String {
        let alone = self.waiting().next().filter(|_| self.mail.returndomain.is_some());
        let number = alone.map_or_else(String::new, |recipient| format!("-{}", recipient.recipientnumber));
        format!("{}{number}", self.mail.activityid)
    }

    /// The mailbox of its writer into which it is put when it went out: what goes by itself or to many is kept nowhere.
    pub(super) fn kept_in(&self) -> Option<Id> {
        self.source.as_ref().and_then(|source| source.kept_in).filter(|_| !self.is_bulk())
    }

    pub(super) fn turn(&self) -> Turn<'_> {
        Turn::of(&self.mail, &self.recipients)
    }
}

/// A mail as it goes to its relay.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The sender in the envelope: where what cannot be delivered comes back to.
    pub mail_from: String,
    /// The whole mail as it travels, but for what is of one recipient alone; see [`Loaded::travelling`].
    pub raw: Arc<[u8]>,
    own_field: Option<String>,
    /// Whether its writer wants to hear that it was delivered.
    pub wants_report: bool,
}

/// What is to be claimed.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// The way out.
    pub relay: Id,
    /// Mails at most.
    pub limit: usize,
    /// Whether bulk mail is wanted too, where no person's mail is due.
    pub has_bulk: bool,
}

/// A mail that was taken, with its recipients in their order.
pub(super) struct Taken {
    pub(super) mail: OutboxMail,
    pub(super) recipients: Vec<OutboxRecipient>,
    pub(super) asked: Asked,
}

impl Taken {
    pub(super) fn turn(&self) -> Turn<'_> {
        Turn::of(&self.mail, &self.recipients)
    }
}

/// Takes some mails that are due for a node: what persons wrote before anything else, and never both. Whoever among their
/// recipients wants no mail by now is settled with the same commit.
///
/// # Errors
/// Where the store cannot do it. What was taken all the same is due again when its time has run out.
pub async fn claim(
    organization: &Arc<Organization>,
    node: Id,
    (moment, wanted): (Moment, Wanted),
) -> Result<Vec<Claimed>, CrmError> {
    let lanes: &[i32] = if wanted.has_bulk { &[PERSONAL, BULK] } else { &[PERSONAL] };
    for lane in lanes {
        // Most of the time nothing is due, and to ask costs less than a unit.
        while !organization.is_closed()
            && organization.read(|read| read.is_outbox_due((wanted.relay, *lane), moment.now))?
        {
            let (count, taken) = take(organization, (node, *lane), (moment.again(), wanted), None).await?;
            if taken.is_empty() && count > 0 {
                // Some were for nobody any more, and others may be due behind them.
                continue;
            }
            if taken.is_empty() {
                break;
            }
            let mails: Vec<OutboxMail> = taken.iter().map(|taken| taken.mail.clone()).collect();
            match opened(organization, taken) {
                Ok(claimed) => return Ok(claimed),
                Err(error) => {
                    give_back(organization, mails, moment.now).await?;
                    return Err(error.into());
                }
            }
        }
    }
    Ok(Vec::new())
}

/// How many mails were taken, and those of them that go out: these are held for the usual time, or for so many seconds.
pub(super) async fn take(
    organization: &Arc<Organization>,
    (holder, lane): (Id, i32),
    (moment, wanted): (Moment, Wanted),
    seconds: Option<i64>,
) -> Result<(usize, Vec<Taken>), CrmError> {
    let unit = organization.unit(Priority::Background, move |tx| {
        // Before all rows, as where they are settled: nobody waits for the version who holds what others wait for.
        tx.records_version()?;
        let mails = tx.claim_outbox(holder, (wanted.relay, lane), (moment.now, wanted.limit))?;
        let count = mails.len();
        let taken = withheld::withhold(tx, mails, &moment)?;
        if let Some(seconds) = seconds {
            let mut mails = taken.iter().map(|taken| &taken.mail);
            mails.try_for_each(|mail| tx.lease_outbox(mail, (moment.now, seconds)).map(drop))?;
        }
        Ok::<_, StoreError>((count, taken))
    });
    Ok(unit.await?)
}

/// Whoever comes next need not wait until the claim runs out.
async fn give_back(
    organization: &Organization,
    mails: Vec<OutboxMail>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let unit = organization.unit(Priority::Intake, move |tx| {
        mails
            .iter()
            .try_for_each(|mail| tx.release_outbox(&OutboxMail { dueon: now, ..mail.clone() }).map(drop))
    });
    unit.await
}

/// What mails were made of that were taken, read at once.
pub(super) fn opened(organization: &Organization, taken: Vec<Taken>) -> Result<Vec<Claimed>, StoreError> {
    let sources = organization.read_in_few_trips(|read| {
        taken.iter().map(|taken| read.email_source(taken.mail.activityid)).collect::<Result<Vec<_>, _>>()
    })?;
    let with = |(Taken { mail, recipients, asked }, source)| Claimed {
        mail,
        recipients,
        source,
        asked: Some(asked),
    };
    Ok(taken.into_iter().zip(sources).map(with).collect())
}

/// Loads a mail that was claimed, when its turn has come: the whole of it as it travels.
///
/// # Errors
/// [`CrmError::NotFound`] and [`CrmError::Store`], where its source cannot be had: it is settled as not sent.
pub fn load(organization: &Organization, claimed: &Claimed) -> Result<Loaded, CrmError> {
    let source = claimed.source.as_ref().ok_or(CrmError::NotFound { what: "the e-mail that goes out" })?;
    let bytes = organization.blob(&source.blobid)?;
    let mail_from = mail_from(organization, claimed)?;
    let raw = message::compose::for_transport(&bytes);
    let own_field = own_field(organization, claimed);
    Ok(Loaded { mail_from, raw: raw.into_owned().into(), own_field, wants_report: source.wants_report })
}

impl Loaded {
    /// The whole mail as it travels.
    pub fn travelling(&self) -> Arc<[u8]> {
        match &self.own_field {
            Some(field) => [field.as_bytes(), &self.raw].concat().into(),
            None => Arc::clone(&self.raw),
        }
    }
}

/// The field that tells a mail for one recipient from that for the others: a server that reports returns it, mostly, and no
/// other recipient has seen it. Without a key it goes without.
fn own_field(organization: &Organization, claimed: &Claimed) -> Option<String> {
    let mut waiting = claimed.waiting();
    let (Some(recipient), None) = (waiting.next(), waiting.next()) else { return None };
    let sent_to = SentTo { email: claimed.mail.activityid, number: recipient.recipientnumber };
    let word = Tokens::of(organization).ok()?.recipient_word(sent_to)?;
    Some(format!("{RECIPIENT_FIELD}: {word}\r\n"))
}

/// The writer, or a return path of the recipient's own. What nobody is to answer has none.
fn mail_from(organization: &Organization, claimed: &Claimed) -> Result<String, CrmError> {
    let mail = &claimed.mail;
    let (Some(domain), Some(recipient), false) =
        (&mail.returndomain, claimed.waiting().next(), mail.mailfrom.is_empty())
    else {
        return Ok(mail.mailfrom.clone());
    };
    let sent_to = SentTo { email: mail.activityid, number: recipient.recipientnumber };
    let path = Tokens::of(organization)?.return_path(sent_to, domain);
    path.map(|path| path.to_string()).ok_or(CrmError::Store(StoreError::Corrupt))
}

/// Has mails that a node took for as long as at first: they wait behind others that take long.
///
/// # Errors
/// Where the store cannot do it.
pub async fn renew(
    organization: &Arc<Organization>,
    mails: Vec<OutboxMail>,
    now: Timestamp,
) -> Result<(), CrmError> {
    let unit = organization.unit(Priority::Intake, move |tx| {
        // Whoever lost one hears it before its end goes out.
        mails.iter().try_for_each(|mail| tx.renew_outbox(mail, now).map(drop))
    });
    unit.await.map_err(|error: StoreError| error.into())
}

/// Lets go of what nodes have that are not among these: they died, or this one was started anew; and of what outside senders have
/// for longer than they said. Bulk mail that may be out waits
/// for a person then, as it does where no answer came.
///
/// # Errors
/// Where the store cannot do it.
pub async fn free(
    organization: &Arc<Organization>,
    living: &HashSet<Id>,
    now: Timestamp,
) -> Result<LeftBehind, CrmError> {
    let mut owners = organization.read(|read| read.outbox_owners())?;
    owners.retain(|owner| !living.contains(owner));
    if owners.is_empty() {
        return Ok(LeftBehind::default());
    }
    let ways = organization.read(|read| read.email_server_profiles())?;
    let outside: HashSet<Id> =
        ways.iter().filter(|way| outside::is_outside(way)).map(|way| way.emailserverprofileid).collect();
    let unit = organization.unit(Priority::Background, move |tx| {
        let mut all = LeftBehind::default();
        for owner in &owners {
            let of = match outside.contains(owner) {
                true => tx.free_late_outbox(*owner, now)?,
                false => tx.free_outbox(*owner, now)?,
            };
            all.mails += of.mails;
            all.past_their_end += of.past_their_end;
            all.for_a_person += of.for_a_person;
        }
        Ok::<_, StoreError>(all)
    });
    Ok(unit.await?)
}

/// The mails that a node has, as the rows say, as far as the end of their data certainly did not go out; each with the count under
/// which it was taken ([`Claimed::mail`], `attempts`).
///
/// # Errors
/// Where the store cannot say.
pub fn held(organization: &Organization, node: Id) -> Result<Vec<(Id, i32)>, CrmError> {
    Ok(organization.read(|read| read.outbox_held(node))?)
}

/// Lets go of some of them, which nobody at the node knows of: it never heard that it has them. Says how many. Whoever knows of one all
/// the same may not end it any more.
///
/// # Errors
/// Where the store cannot do it.
pub async fn let_go(
    organization: &Arc<Organization>,
    (node, mails): (Id, Vec<(Id, i32)>),
    now: Timestamp,
) -> Result<usize, CrmError> {
    let unit = organization.unit(Priority::Background, move |tx| {
        let mut count = 0;
        for mail in &mails {
            count += usize::from(tx.let_go_of_outbox(node, *mail, now)?);
        }
        Ok::<_, StoreError>(count)
    });
    Ok(unit.await?)
}
