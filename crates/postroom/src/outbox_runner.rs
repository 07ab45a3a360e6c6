//! Takes mail that is due to relays, for all organizations: when a command rings, and now and then.
//!
//! *Invariant:* it decides nothing. An organization whose relay does not answer keeps none of the others waiting.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use connect::smtp::{Hello, NONCE_BYTES, Notify, Occasion, Returned, Smtp};
use connect::{Login, Patience, Secret, Target, TlsMode};
use crm::mailboxes::{NONE, STARTTLS};
use crm::outbox::{self, Claimed, Ends, RecipientReply, Relay, Settled, Written};
use model::{Id, limits};
use send::{Outbox, Parcel, Reply, Tried};
use store::{LeftBehind, Organization};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::commands::relay_password_of;
use crate::house::{House, random};

/// What fell due since, and what nodes had that died, is looked for this often; new mail rings.
const ROUND: Duration = Duration::from_secs(5);

/// Runs until `stop`.
pub(crate) async fn run(house: Arc<House>, stop: CancellationToken) {
    let mut working: HashMap<Id, JoinHandle<()>> = HashMap::new();
    while !stop.is_cancelled() {
        working.retain(|_, task| !task.is_finished());
        if let Err(error) = round(&house, &mut working, &stop).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "mail that is due could not be looked for"
            );
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = house.outbox_bell.notified() => {}
            () = tokio::time::sleep(ROUND) => {}
        }
    }
    for task in working.into_values() {
        // It brings to an end what it has begun.
        if task.await.is_err() {
            tracing::error!("sending ended by a fault of ours");
        }
    }
}

/// Begins with each organization where nobody is at work yet.
async fn round(
    house: &Arc<House>,
    working: &mut HashMap<Id, JoinHandle<()>>,
    stop: &CancellationToken,
) -> Result<(), store::StoreError> {
    let living = living(house)?;
    for row in house.store.organizations()? {
        let id = row.organizationid;
        let desk = Desk { house: Arc::clone(house), organization: house.store.organization(id)? };
        // Also of one where we are at work: what is left of a node that died waits for nobody.
        desk.free(&living).await;
        if working.contains_key(&id) || house.relays_away.is_away(id) {
            continue;
        }
        let stop = stop.clone();
        working.insert(id, tokio::spawn(async move { desk.work(&stop).await }));
    }
    Ok(())
}

/// Nodes that may be at work. Where rows are in files there is no other.
fn living(house: &House) -> Result<HashSet<Id>, store::StoreError> {
    let nodes = house.store.nodes(house.now())?;
    let is_there = |seen: &&store::SeenNode| seen.silent <= limits::LEASE_SECONDS * 1_000;
    let others = nodes.iter().filter(is_there).map(|seen| seen.node.nodeid);
    Ok(others.chain([house.node]).collect())
}

/// The outbox of an organization.
#[derive(Clone)]
struct Desk {
    house: Arc<House>,
    organization: Arc<Organization>,
}

impl Desk {
    async fn free(&self, living: &HashSet<Id>) {
        match outbox::free(&self.organization, living, self.house.now()).await {
            Ok(left) if left.mails == 0 => {}
            Ok(LeftBehind { mails, past_their_end, for_a_person }) => {
                metrics::counter!("postroom_outbox_past_their_end_total").increment(past_their_end as u64);
                let organization = self.organization.id();
                tracing::info!(%organization, mails, past_their_end, for_a_person, "taken over from a node that is gone");
            }
            Err(error) => self.warn(&error, "what other nodes had could not be looked for"),
        }
    }

    async fn work(self, stop: &CancellationToken) {
        let (house, id) = (Arc::clone(&self.house), self.organization.id());
        match send::send_due(self, stop).await {
            send::Ended::Done => house.relays_away.is_back(id),
            send::Ended::Unreached => house.relays_away.note(id),
        }
    }

    /// As whom a relay is opened, where it wants to know. The password is opened for one session, and kept nowhere.
    fn login(&self, relay: &Relay) -> Result<Option<Login>, String> {
        let Some((user, sealed)) = &relay.login else { return Ok(None) };
        let cell = relay_password_of(self.organization.id(), relay.id);
        let opened = self.house.keyring.open(cell, sealed).map_err(|error| error.to_string())?;
        let secret = Secret::new(opened.to_string());
        Ok(Some(Login::Password { user: user.clone(), secret }))
    }

    fn warn(&self, error: &crm::CrmError, words: &str) {
        tracing::warn!(organization = %self.organization.id(), error = error as &dyn std::error::Error, "{words}");
    }
}

impl Outbox for Desk {
    type Mail = Arc<Claimed>;
    type Carrier = Line;

    async fn claim(&self, at_most: usize) -> Vec<Arc<Claimed>> {
        let claimed = outbox::claim(&self.organization, self.house.node, (self.house.now(), at_most)).await;
        let claimed = claimed.unwrap_or_else(|error| {
            self.warn(&error, "mail that is due could not be taken");
            Vec::new()
        });
        claimed.into_iter().map(Arc::new).collect()
    }

    async fn load(&self, claimed: &Arc<Claimed>) -> Result<Parcel, String> {
        let loaded = outbox::load(&self.organization, claimed).map_err(|error| {
            self.warn(&error, "the source of a mail that goes out cannot be had");
            format!("its source cannot be had: {error}")
        })?;
        Ok(Parcel {
            relay: claimed.mail.emailserverprofileid,
            mail_from: loaded.mail_from,
            recipients: claimed.waiting().map(|recipient| recipient.address.clone()).collect(),
            raw: loaded.raw,
            wants_report: loaded.wants_report,
        })
    }

    async fn open(&self, relay: Id) -> Result<Line, String> {
        let found = outbox::relay(&self.organization, relay).map_err(|error| error.to_string())?;
        let relay = found.ok_or_else(|| "its relay is known no more".to_owned())?;
        let nonce: [u8; NONCE_BYTES] = random().map_err(|error| error.to_string())?;
        let name = self.house.settings.name();
        let hello = Hello { name: &name, nonce: &nonce };
        let login = self.login(&relay)?;
        let opened = Smtp::open(&target(relay), login.as_ref(), &hello, Patience::for_mail()).await;
        opened.map(Line).map_err(|error| error.to_string())
    }

    async fn write_down(&self, tried: Vec<(Arc<Claimed>, Tried)>, ending: Vec<Arc<Claimed>>) -> Vec<bool> {
        let tried = tried.into_iter().map(|(claimed, tried)| (claimed, crm_words(tried))).collect();
        let ends = Ends { tried, ending: ending.iter().map(|claimed| claimed.mail.clone()).collect() };
        // What a relay has taken goes out again where that cannot be noted: a server that is started anew is waited for.
        for pause in SETTLE_PAUSES {
            match self.note(ends.clone()).await {
                Ok(written) => {
                    count(&ends, &written);
                    return written.may_end;
                }
                Err(words) => {
                    tracing::warn!(organization = %self.organization.id(), words, "what became of mail is not noted yet");
                    tokio::time::sleep(pause).await;
                }
            }
        }
        for (claimed, _) in ends.tried.iter() {
            let email = claimed.mail.activityid;
            tracing::error!(%email, "what became of a mail could not be noted: it may go out twice");
        }
        vec![false; ending.len()]
    }

    async fn renew(&self, mails: Vec<Arc<Claimed>>) {
        let mails = mails.iter().map(|claimed| claimed.mail.clone()).collect();
        if let Err(error) = outbox::renew(&self.organization, mails, self.house.now()).await {
            self.warn(&error, "mail that was taken is not held for longer");
        }
    }
}

/// Counts what was written down.
fn count(ends: &Ends, written: &Written) {
    for ((claimed, tried), settled) in ends.tried.iter().zip(&written.settled) {
        let kind = match tried {
            outbox::Tried::Answered(_) => "answered",
            outbox::Tried::NotSent { .. } => "not_sent",
            outbox::Tried::Untouched => "untouched",
            outbox::Tried::Uncertain { .. } => "uncertain",
        };
        metrics::counter!("postroom_outbox_tries_total", "end" => kind).increment(1);
        if *settled == Settled::Lost {
            let email = claimed.mail.activityid;
            tracing::warn!(%email, "another node took a mail over that went out here");
        }
    }
}

/// Between tries to note what became of a mail: less together than a stop may take.
const SETTLE_PAUSES: [Duration; 6] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(6),
    Duration::from_secs(10),
];

impl Desk {
    async fn note(&self, ends: Ends) -> Result<Written, String> {
        let moment = self.house.moment().map_err(|error| error.to_string())?;
        outbox::write_down(&self.organization, ends, moment).await.map_err(|error| error.to_string())
    }
}

/// Organizations whose relay could not be reached, until when nobody knocks there again, and how often that was in vain.
/// A relay that refuses who signs in shuts an account that knocks too often.
#[derive(Default)]
pub(crate) struct RelaysAway(Mutex<HashMap<Id, (Instant, u32)>>);

impl RelaysAway {
    fn is_away(&self, organization: Id) -> bool {
        self.lock().get(&organization).is_some_and(|(until, _)| Instant::now() < *until)
    }

    fn note(&self, organization: Id) {
        let mut away = self.lock();
        let (until, times) = away.entry(organization).or_insert((Instant::now(), 0));
        let pause = AWAY_FIRST.saturating_mul(1 << (*times).min(7)).min(AWAY_MAX);
        (*until, *times) = (Instant::now() + pause, times.saturating_add(1));
    }

    fn is_back(&self, organization: Id) {
        self.lock().remove(&organization);
    }

    /// Somebody has mended something: all are tried again at once.
    pub(crate) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, (Instant, u32)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const AWAY_FIRST: Duration = Duration::from_secs(5);
const AWAY_MAX: Duration = Duration::from_secs(600);

/// A session with a relay.
struct Line(Smtp);

impl send::Carrier for Line {
    async fn send(&mut self, parcel: &Parcel, may_end: impl Future<Output = bool> + Send) -> Tried {
        let mut envelope = connect::smtp::Envelope::new(parcel.mail_from.clone(), parcel.recipients.clone());
        if parcel.wants_report {
            let all = vec![Occasion::Success, Occasion::Failure, Occasion::Delay];
            envelope
                .recipients
                .iter_mut()
                .for_each(|recipient| recipient.notify = Some(Notify::On(all.clone())));
            envelope.reports.returned = Some(Returned::Header);
        }
        let mail = connect::smtp::Outgoing { envelope: &envelope, raw: &parcel.raw };
        let reply = |reply: connect::smtp::Reply| Reply { code: reply.code, text: reply.text };
        match self.0.send(&mail, || may_end).await {
            Ok(sent) => Tried::Answered(sent.recipients.into_iter().map(reply).collect()),
            Err(failure) => {
                let words = failure.error.to_string();
                let replies = failure.recipients.into_iter().map(|said| said.map(reply)).collect();
                match failure.is_uncertain {
                    true => Tried::Uncertain { words, replies },
                    false => Tried::NotSent { words, replies },
                }
            }
        }
    }

    fn has_ended(&self) -> bool {
        self.0.has_ended()
    }

    async fn close(self) {
        self.0.close().await;
    }
}

fn target(relay: Relay) -> Target {
    let tls = match relay.tls {
        NONE => TlsMode::None,
        STARTTLS => TlsMode::Starttls,
        _ => TlsMode::Implicit,
    };
    Target {
        host: relay.host,
        port: relay.port,
        tls,
        authority: relay.authority.map(String::into_bytes),
        is_trusted_line: false,
    }
}

fn crm_words(tried: Tried) -> outbox::Tried {
    let reply = |reply: Reply| RecipientReply { code: reply.code, text: reply.text };
    let all = |replies: Vec<Option<Reply>>| replies.into_iter().map(|said| said.map(reply)).collect();
    match tried {
        Tried::Answered(replies) => outbox::Tried::Answered(replies.into_iter().map(reply).collect()),
        Tried::Untouched => outbox::Tried::Untouched,
        Tried::NotSent { words, replies } => outbox::Tried::NotSent { words, replies: all(replies) },
        Tried::Uncertain { words, replies } => outbox::Tried::Uncertain { words, replies: all(replies) },
    }
}
