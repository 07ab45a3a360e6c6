//! Pulling: what an outside sender is handed, as far as pauses and the limits of speed allow.
//!
//! What passes through: mails that are due, claimed one by one, each counted at the limits that it falls under. How many connections
//! he opens is his own affair.
//!
//! *Invariant:* no more is handed out than the shares that were taken for it, which nodes of ours have no part in; of what was
//! taken and is not needed the time is given back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::attempt::Tried;
use model::schema::outbox::OutboxLimit;
use model::{Id, Moment, limits};
use store::Organization;

use super::outside::{Ticket, is_outside, settled, ticket};
use super::pace::{Place, all_limits, to_domains};
use super::queue::{BULK, Claimed, Loaded, PERSONAL, Wanted, load, opened, take};
use super::shares::Shares;
use crate::CrmError;

/// What an outside sender asks for.
#[derive(Debug, Clone, Copy)]
pub struct Pull {
    /// The way out; see [`add_outside`](super::add_outside).
    pub way: Id,
    /// Mails at most.
    pub limit: usize,
    /// For so many seconds they are his; then whoever comes next gets them.
    pub seconds: i64,
}

/// A mail that was pulled.
#[derive(Debug, Clone)]
pub struct Pulled {
    /// By which it is reported.
    pub ticket: Ticket,
    /// To whom it is to go now, as in an envelope: where each has a return path of his own, to one.
    pub recipients: Vec<String>,
    /// The mail, with the sender in its envelope.
    pub loaded: Loaded,
    /// As it is held.
    pub claimed: Arc<Claimed>,
}

/// What an outside sender is given.
#[derive(Debug, Clone, Default)]
pub struct Handed {
    /// Mails, in the order in which they were due.
    pub mails: Vec<Pulled>,
    /// Where limits of speed kept some back: after so long there is more.
    pub more_in: Option<Duration>,
}

/// Gives an outside sender mails that are due, what persons wrote first, and holds them for him; fewer than he asked for where these
/// are large, or where the limits of speed allow no more at this moment. One whose source cannot be had is settled as not sent.
///
/// # Errors
/// [`CrmError::Invalid`] where the way is none that is pulled, or the time is shorter than half a minute or longer than a day;
/// else where the store cannot do it. What was held all the same is due again when its time has run out.
pub async fn background_send(
    organization: &Arc<Organization>,
    pull: Pull,
    moment: Moment,
) -> Result<Handed, CrmError> {
    if !(SECONDS_MIN..=SECONDS_MAX).contains(&pull.seconds) {
        let words = format!("mail is held for {SECONDS_MIN} to {SECONDS_MAX} seconds");
        return Err(CrmError::Invalid(words));
    }
    if !organization.read(|read| read.email_server_profile(pull.way))?.is_some_and(|way| is_outside(&way)) {
        return Err(CrmError::Invalid("nothing is pulled there: mail goes from here by itself".to_owned()));
    }
    let mut handing =
        Handing { organization, pull, moment, shares: Shares::default(), put_off: HashMap::new() };
    let (mut mails, mut bytes) = (Vec::new(), 0);
    while mails.len() < pull.limit && bytes < limits::HISTORY_BATCH_BYTES {
        match handing.one(pull.limit - mails.len()).await {
            Ok(Some(pulled)) => {
                bytes += pulled.loaded.raw.len();
                mails.push(pulled);
            }
            Ok(None) => break,
            // What he has by now he is told of: else nobody would send it until its time has run out.
            Err(error) if !mails.is_empty() => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a pull ended before its limit");
                break;
            }
            Err(error) => return Err(error),
        }
    }
    let more_in = handing.shares.more_in();
    if let Err(error) = handing.shares.give_back(organization).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "shares of limits were not given back");
    }
    Ok(Handed { mails, more_in })
}

/// So short that a mail can be handed on once, and so long that whoever died is waited for no longer.
const SECONDS_MIN: i64 = 30;
const SECONDS_MAX: i64 = 86_400;
/// A pull that looked at enough for once is gone on with by the next one.
const SOON: Duration = Duration::from_secs(1);

/// One pull.
struct Handing<'h> {
    organization: &'h Arc<Organization>,
    pull: Pull,
    moment: Moment,
    shares: Shares,
    /// Mails of a lane that limits of domains had wait.
    put_off: HashMap<i32, usize>,
}

impl Handing<'_> {
    /// The next mail that may go and whose source can be had.
    async fn one(&mut self, wanted: usize) -> Result<Option<Pulled>, CrmError> {
        while let Some((claimed, limits)) = self.next(wanted).await? {
            match load(self.organization, &claimed) {
                Ok(loaded) => {
                    self.shares.use_one(&limits);
                    let recipients = claimed.waiting().map(|recipient| recipient.address.clone()).collect();
                    let (ticket, claimed) = (ticket(&claimed.mail), Arc::new(claimed));
                    return Ok(Some(Pulled { ticket, recipients, loaded, claimed }));
                }
                Err(error) => {
                    let words = format!("its source cannot be had: {error}");
                    let tried = Tried::NotSent { words, replies: Vec::new() };
                    settled(self.organization, (claimed, tried), self.moment.again()).await?;
                }
            }
        }
        Ok(None)
    }

    /// The next mail that may go, held for its sender, with the limits that it counts at. The way itself is its owner: so no node takes it
    /// for one that another node left behind, and outside senders at one way differ by the attempt.
    async fn next(&mut self, wanted: usize) -> Result<Option<(Claimed, Vec<OutboxLimit>)>, CrmError> {
        let limits = all_limits(self.organization)?;
        let is_paused =
            |place: &Place| limits.iter().any(|limit| limit.ispaused && limit.place == place.key());
        let way = Place::Relay(self.pull.way);
        if self.organization.is_closed() || is_paused(&Place::All) || is_paused(&way) {
            return Ok(None);
        }
        let of_way: Vec<OutboxLimit> =
            limits.iter().filter(|limit| limit.place == way.key()).cloned().collect();
        for lane in [PERSONAL, BULK] {
            while (lane == PERSONAL || !is_paused(&Place::Bulk))
                && self.looks_on(lane)
                && self.is_due(lane)?
            {
                if let Some(left) = self.lack(&of_way, wanted).await? {
                    self.shares.await_more(left);
                    return Ok(None);
                }
                let (count, claimed) = self.take(lane).await?;
                let Some(claimed) = claimed else {
                    if count == 0 {
                        break;
                    }
                    continue;
                };
                let mut met: Vec<OutboxLimit> = to_domains(&limits, &claimed).into_iter().cloned().collect();
                let Some(left) = self.lack(&met, wanted).await? else {
                    met.extend(of_way);
                    return Ok(Some((claimed, met)));
                };
                self.shares.await_more(left);
                self.put_off((claimed, lane), &met).await?;
            }
        }
        let last = if is_paused(&Place::Bulk) { PERSONAL } else { BULK };
        let of = (self.pull.way, last);
        self.shares.await_away(self.organization, of, (&limits, self.moment.now))?;
        Ok(None)
    }

    /// Whether more of a lane is looked at: behind so many that wait there may be one that goes at once, for whoever asks again.
    fn looks_on(&mut self, lane: i32) -> bool {
        let looks_on = self.put_off.get(&lane).is_none_or(|count| *count < limits::OUTBOX_CLAIM_MAX);
        if !looks_on {
            self.shares.await_more(SOON);
        }
        looks_on
    }

    /// A mail waits for a limit of its domains. That is no try.
    async fn put_off(
        &mut self,
        (claimed, lane): (Claimed, i32),
        met: &[OutboxLimit],
    ) -> Result<(), CrmError> {
        let of = (self.pull.way, lane);
        let waits = Tried::Untouched(self.shares.behind(self.organization, of, (met, self.moment.now))?);
        settled(self.organization, (claimed, waits), self.moment.again()).await?;
        *self.put_off.entry(lane).or_default() += 1;
        Ok(())
    }

    fn is_due(&self, lane: i32) -> Result<bool, CrmError> {
        let of = (self.pull.way, lane);
        Ok(self.organization.read(|read| read.is_outbox_due(of, self.moment.now))?)
    }

    /// For how long one of these limits has nothing more; `None` where each has.
    async fn lack(&mut self, of: &[OutboxLimit], wanted: usize) -> Result<Option<Duration>, CrmError> {
        let mut lack = None;
        for limit in of {
            let left = self.shares.lack(self.organization, (limit, wanted), self.moment.now).await?;
            lack = lack.max(left);
        }
        Ok(lack)
    }

    /// How many were taken, and the one that goes out.
    async fn take(&self, lane: i32) -> Result<(usize, Option<Claimed>), CrmError> {
        let way = self.pull.way;
        let wanted = (self.moment.again(), Wanted { relay: way, limit: 1, has_bulk: true });
        let (count, taken) = take(self.organization, (way, lane), wanted, Some(self.pull.seconds)).await?;
        Ok((count, opened(self.organization, taken)?.into_iter().next()))
    }
}
