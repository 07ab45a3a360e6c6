//! Mails that were claimed together, on their way one after the other over one connection at a time.
//!
//! What passes through: what became of a mail is written down in the commit that notes the end of the next one's data, where
//! that comes soon, and by itself otherwise.
//!
//! *Invariants:* no end goes out that was not noted; whatever was claimed is written down, or its claim
//! runs out.

use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::time::Duration;

use model::attempt::Tried;
use model::limits;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, sleep};
use tokio_util::sync::CancellationToken;

use crate::outbox::{Admitted, Loaded, Outbox};
use crate::work::{Work, lock};

/// What became of a mail is written down with the end of the next one, if that is asked for within this time.
const COMPANY: Duration = Duration::from_millis(50);
/// How often the claims of those that wait are renewed.
const RENEWAL: Duration = Duration::from_secs(limits::OUTBOX_LEASE_SECONDS.unsigned_abs() / 4);

pub(crate) struct Batch<'w, O: Outbox> {
    work: &'w Work<O>,
    mails: Vec<O::Mail>,
    state: Mutex<State<O::Mail>>,
}

struct State<M> {
    /// Tries that are not written down yet.
    tried: Vec<(M, Tried)>,
    /// Settlements under way.
    settling: JoinSet<()>,
}

impl<'w, O: Outbox> Batch<'w, O> {
    pub(crate) fn of(work: &'w Work<O>, mails: Vec<O::Mail>) -> Self {
        let state = State { tried: Vec::new(), settling: JoinSet::new() };
        Batch { work, mails, state: Mutex::new(state) }
    }

    /// Takes all of them to their relays.
    pub(crate) async fn carry(self, stop: &CancellationToken) {
        for (place, mail) in self.mails.iter().enumerate() {
            // Whoever goes on need not wait until the claim runs out.
            let tried = match stop.is_cancelled() {
                true => Tried::Untouched(Duration::ZERO),
                false => self.beside(place, self.carry_one(mail, stop)).await,
            };
            lock(&self.state).tried.push((mail.clone(), tried));
        }
        self.settle();
        let mut settling = std::mem::take(&mut lock(&self.state).settling);
        while settling.join_next().await.is_some() {}
    }

    async fn carry_one(&self, mail: &O::Mail, stop: &CancellationToken) -> Tried {
        let outbox = &self.work.outbox;
        let admitted = tokio::select! {
            biased;
            () = stop.cancelled() => Admitted::In(Duration::ZERO),
            admitted = outbox.admit(mail) => admitted,
        };
        let _pass = match admitted {
            Admitted::Now(pass) => pass,
            Admitted::In(pause) => return Tried::Untouched(pause),
        };
        match outbox.load(mail).await {
            Ok(Loaded::ForRelay(parcel)) => self.work.carry_one(&parcel, || self.may_end(mail)).await,
            Ok(Loaded::TakenOver(parcel)) => outbox.hand_over(mail, parcel, self.may_end(mail)).await,
            Ok(Loaded::Settled(tried)) => tried,
            Err(words) => Tried::NotSent { words, replies: Vec::new() },
        }
    }

    /// While a mail is on its way: what became of others is written down, and who waits behind it is held.
    async fn beside(&self, place: usize, sending: impl Future<Output = Tried>) -> Tried {
        let mut sending = pin!(sending);
        let mut company = pin!(sleep(COMPANY));
        let mut renewal = interval_at(Instant::now() + RENEWAL, RENEWAL);
        let mut is_alone = false;
        loop {
            tokio::select! {
                biased;
                tried = &mut sending => return tried,
                () = &mut company, if !is_alone => {
                    is_alone = true;
                    self.settle();
                }
                _ = renewal.tick() => {
                    let (outbox, mails) = (self.work.outbox.clone(), self.mails.iter().skip(place).cloned().collect());
                    lock(&self.state).settling.spawn(async move { outbox.renew(mails).await });
                }
            }
        }
    }

    /// Writes down what has no company.
    fn settle(&self) {
        let mut state = lock(&self.state);
        let tried = std::mem::take(&mut state.tried);
        if !tried.is_empty() {
            let outbox = self.work.outbox.clone();
            state.settling.spawn(async move { drop(outbox.write_down(tried, Vec::new()).await) });
        }
    }

    /// Has the end of a mail noted, with what became of others meanwhile, and says whether it may go out.
    async fn may_end(&self, mail: &O::Mail) -> bool {
        let tried = std::mem::take(&mut lock(&self.state).tried);
        self.work.outbox.write_down(tried, vec![mail.clone()]).await == [true]
    }
}
