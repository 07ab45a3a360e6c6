//! Takes mail that is due to relays, for all organizations: when a command rings, and now and then.
//!
//! *Invariant:* it decides nothing. An organization whose relay does not answer keeps none of the others waiting.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use connect::smtp::{Hello, NONCE_BYTES, Smtp};
use connect::{Login, Patience, Secret, Target, TlsMode};
use crm::mailboxes::{NONE, STARTTLS};
use crm::outbox::{self, Claimed, RecipientReply, Relay};
use model::{Id, limits};
use send::{Outbox, Parcel, Reply, Tried};
use store::Organization;
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
        if let Err(error) = round(&house, &mut working, &stop) {
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
fn round(
    house: &Arc<House>,
    working: &mut HashMap<Id, JoinHandle<()>>,
    stop: &CancellationToken,
) -> Result<(), store::StoreError> {
    let living = living(house)?;
    for row in house.store.organizations()? {
        let id = row.organizationid;
        if working.contains_key(&id) {
            continue;
        }
        let desk = Desk { house: Arc::clone(house), organization: house.store.organization(id)? };
        let (living, stop) = (living.clone(), stop.clone());
        working.insert(id, tokio::spawn(async move { desk.work(&living, &stop).await }));
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
    async fn work(self, living: &HashSet<Id>, stop: &CancellationToken) {
        match outbox::free(&self.organization, living, self.house.now()).await {
            Ok(0) => {}
            Ok(mails) => {
                tracing::info!(organization = %self.organization.id(), mails, "taken over from a node that is gone")
            }
            Err(error) => self.warn(&error, "what other nodes had could not be looked for"),
        }
        send::send_due(self, stop).await;
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
    type Mail = Claimed;
    type Carrier = Line;

    async fn claim(&self, at_most: usize) -> Vec<Parcel<Claimed>> {
        let claimed = outbox::claim(&self.organization, self.house.node, (self.house.now(), at_most)).await;
        let parcel = |mail: Claimed| Parcel {
            relay: mail.mail.emailserverprofileid,
            mail_from: mail.mail.mailfrom.clone(),
            recipients: mail.recipients.iter().map(|recipient| recipient.address.clone()).collect(),
            raw: Arc::clone(&mail.raw),
            mail,
        };
        match claimed {
            Ok(mails) => mails.into_iter().map(parcel).collect(),
            Err(error) => {
                self.warn(&error, "mail that is due could not be taken");
                Vec::new()
            }
        }
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

    async fn may_end(&self, mail: &Claimed) -> bool {
        match outbox::may_end(&self.organization, mail.mail.clone(), self.house.now()).await {
            Ok(may_end) => may_end,
            Err(error) => {
                self.warn(&error, "a mail is not sent, for that could not be noted");
                false
            }
        }
    }

    async fn settle(&self, mail: Claimed, tried: Tried) {
        let moment = match self.house.moment() {
            Ok(moment) => moment,
            Err(error) => {
                return tracing::error!(error = &error as &dyn std::error::Error, "a mail is not settled");
            }
        };
        let kind = match &tried {
            Tried::Answered(_) => "answered",
            Tried::NotSent { .. } => "not_sent",
            Tried::Untouched => "untouched",
            Tried::Uncertain { .. } => "uncertain",
        };
        metrics::counter!("postroom_outbox_tries_total", "end" => kind).increment(1);
        match outbox::settle(&self.organization, &mail, crm_words(tried), moment).await {
            Ok(outbox::Settled::Lost) => {
                tracing::warn!(email = %mail.mail.activityid, "another node took a mail over that went out here");
            }
            Ok(_) => {}
            Err(error) => self.warn(&error, "what became of a mail could not be noted: it may go out twice"),
        }
    }
}

/// A session with a relay.
struct Line(Smtp);

impl send::Carrier for Line {
    async fn send<M: Send + Sync>(
        &mut self,
        parcel: &Parcel<M>,
        may_end: impl Future<Output = bool> + Send,
    ) -> Tried {
        let envelope = connect::smtp::Envelope::new(parcel.mail_from.clone(), parcel.recipients.clone());
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
