//! The outbox of an organization as far as it goes by one relay: what `send` asks, answered by `crm`.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use connect::smtp::NONCE_BYTES;
use connect::{Login, Secret};
use crm::outbox::{self, Claimed, Ends, PICKUP, PROGRAM, PreSendAnswer, Relay, Settled, Wanted, Written};
use model::Id;
use send::{Admitted, Loaded, Outbox, Parcel, Tried};
use store::{Organization, SeenNode};
use tokio_util::sync::CancellationToken;

use super::gate::{Gate, Pass};
use super::hook::{Asker, By, Next};
use super::way::{Way, is_here};
use crate::commands::relay_password_of;
use crate::hooks::pre_send;
use crate::house::{House, random};
use crate::node::{Role, seen_as};
use crate::signer;

/// Whoever sends an organization's mail by one relay.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) house: Arc<House>,
    pub(super) organization: Arc<Organization>,
    pub(super) relay: Id,
    pub(super) gate: Arc<Gate>,
}

impl Outbox for Desk {
    type Mail = Arc<Claimed>;
    type Carrier = Way;
    type Pass = Pass;

    async fn connections(&self) -> usize {
        self.connections_at_most().await
    }

    async fn claim(&self, at_most: usize, has_bulk: bool) -> Vec<Arc<Claimed>> {
        let paused = self.pauses();
        if paused.is_all {
            return Vec::new();
        }
        let limit = self.mails_at_most(at_most).await;
        let wanted = Wanted { relay: self.relay, limit, has_bulk: has_bulk && !paused.is_bulk };
        let Ok(moment) = self.house.moment() else {
            tracing::warn!("this machine gives no random numbers, so mail that is due is not taken");
            return Vec::new();
        };
        let claimed = outbox::claim(&self.organization, self.house.node, (moment, wanted)).await;
        let claimed = claimed.unwrap_or_else(|error| {
            self.warn(&error, "mail that is due could not be taken");
            Vec::new()
        });
        self.house.claims.take(self.organization.id(), claimed.iter().map(|claimed| &claimed.mail));
        claimed.into_iter().map(Arc::new).collect()
    }

    fn is_bulk(&self, claimed: &Arc<Claimed>) -> bool {
        claimed.is_bulk()
    }

    async fn admit(&self, claimed: &Arc<Claimed>) -> Admitted<Pass> {
        self.pass(claimed).await
    }

    async fn load(&self, claimed: &Arc<Claimed>) -> Result<Loaded, String> {
        let mut loaded = outbox::load(&self.organization, claimed).map_err(|error| {
            self.warn(&error, "the source of a mail that goes out cannot be had");
            format!("its source cannot be had: {error}")
        })?;
        let asker = Asker { house: &self.house, organization: &self.organization, by: By::Node };
        let answer = match asker.next(claimed, &loaded).await? {
            Next::Goes(answer, raw) => {
                loaded.raw = raw;
                answer
            }
            Next::Settled(tried) => return Ok(Loaded::Settled(tried)),
        };
        let has_hook = self.house.hooks.pre_send.is_some();
        let raw = signer::signed(&self.house, &self.organization, loaded.travelling()).await?;
        let parcel = Parcel {
            name: claimed.name(),
            mail_from: loaded.mail_from,
            recipients: claimed.waiting().map(|recipient| recipient.address.clone()).collect(),
            raw,
            wants_report: loaded.wants_report,
        };
        // Where the hook is no more, the relay takes what it had taken over and certainly did not deliver.
        let is_taken_over = answer == PreSendAnswer::Deliver && has_hook;
        Ok(if is_taken_over { Loaded::TakenOver(parcel) } else { Loaded::ForRelay(parcel) })
    }

    async fn hand_over(
        &self,
        claimed: &Arc<Claimed>,
        parcel: Parcel,
        may_end: impl Future<Output = bool> + Send,
    ) -> Tried {
        let Some(hook) = &self.house.hooks.pre_send else {
            return Tried::NotSent { words: "its hook is no more".to_owned(), replies: Vec::new() };
        };
        pre_send::deliver(hook, self.organization.name(), (claimed, &parcel), may_end).await
    }

    async fn open(&self) -> Result<Way, String> {
        let found = outbox::relay(&self.organization, self.relay).map_err(|error| error.to_string())?;
        let relay = found.ok_or_else(|| "its relay is known no more".to_owned())?;
        let nonce: [u8; NONCE_BYTES] = random().map_err(|error| error.to_string())?;
        let name = self.house.settings.name();
        let login = self.login(&relay)?;
        Way::open(relay, login.as_ref(), (&name, &nonce)).await
    }

    async fn write_down(&self, tried: Vec<(Arc<Claimed>, Tried)>, ending: Vec<Arc<Claimed>>) -> Vec<bool> {
        let ends = Ends { tried: tried.into(), ending };
        let may_end = self.noted(&ends).await;
        self.house.claims.end(self.organization.id(), ends.tried.iter().map(|(claimed, _)| &claimed.mail));
        may_end
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
            Tried::Answered(_) => "answered",
            Tried::TakenOver(_) => "taken_over",
            Tried::Stopped { .. } => "stopped",
            Tried::NotSent { .. } => "not_sent",
            Tried::Untouched(_) => "untouched",
            Tried::Uncertain { .. } => "uncertain",
        };
        metrics::counter!("postroom_outbox_tries_total", "end" => kind).increment(1);
        if *settled == Settled::Lost {
            let email = claimed.mail.activityid;
            tracing::warn!(%email, "a mail was this node's no more when its try ended");
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
    /// What this node lacks of its way out, where another one may have it. It is asked before mail is taken: whoever takes a mail, and
    /// then finds no program or folder, spoils a try that another node would have made good. A node alone tries: so it is told why
    /// mail waits.
    pub(super) async fn lacks(&self, stop: &CancellationToken) -> Option<String> {
        // What cannot be read shows later.
        let relay = outbox::relay(&self.organization, self.relay).ok().flatten()?;
        if ![PROGRAM, PICKUP].contains(&relay.kind) || !self.others_send() {
            return None;
        }
        // A folder of a network may take its time.
        tokio::select! {
            () = stop.cancelled() => None,
            looked = tokio::task::spawn_blocking(move || is_here(relay)) => looked.ok()?.err(),
        }
    }

    /// Where no other node takes the mail either, the outbox says why.
    pub(super) async fn tell_what_it_lacks(&self, words: &str) {
        let Ok(moment) = self.house.moment() else { return };
        let words = format!("node {}: {words}", self.house.settings.name());
        if let Err(error) = outbox::note_untaken(&self.organization, (self.relay, &words), moment).await {
            self.warn(&error, "why mail is left to other nodes could not be noted");
        }
    }

    fn others_send(&self) -> bool {
        let sends = |seen: &SeenNode| seen.node.nodeid != self.house.node && seen_as(seen, Role::Send);
        self.house.store.nodes(self.house.now()).is_ok_and(|nodes| nodes.iter().any(sends))
    }

    /// As whom a relay is opened, where it wants to know. The password is opened for one session, and kept nowhere.
    fn login(&self, relay: &Relay) -> Result<Option<Login>, String> {
        let Some((user, sealed)) = &relay.login else { return Ok(None) };
        let cell = relay_password_of(self.organization.id(), relay.id);
        let opened = self.house.keyring.open(cell, sealed).map_err(|error| error.to_string())?;
        let secret = Secret::new(opened.to_string());
        Ok(Some(Login::Password { user: user.clone(), secret }))
    }

    /// Of each mail that is about to end whether it may. What a relay has taken goes out again where that cannot be noted: a server that
    /// is started anew is waited for.
    async fn noted(&self, ends: &Ends) -> Vec<bool> {
        for pause in SETTLE_PAUSES {
            match self.note(ends.clone()).await {
                Ok(written) => {
                    count(ends, &written);
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
        vec![false; ends.ending.len()]
    }

    async fn note(&self, ends: Ends) -> Result<Written, String> {
        let moment = self.house.moment().map_err(|error| error.to_string())?;
        outbox::write_down(&self.organization, ends, moment).await.map_err(|error| error.to_string())
    }

    pub(super) fn warn(&self, error: &crm::CrmError, words: &str) {
        tracing::warn!(organization = %self.organization.id(), error = error as &dyn std::error::Error, "{words}");
    }
}
