//! The Router's contract on this house: what `poll` asks, answered by `crm`.
//!
//! What passes through: ids, bytes and words of `poll` become calls of `crm`, and their answers go back.
//!
//! *Invariant:* it decides nothing. Whatever waits for the store does so on a thread that may.

use std::future::Future;
use std::sync::Arc;

use crm::CrmError;
use crm::intake::{self, Polled, Taken};
use crm::mailboxes::ledger::{self, EntryState, Look, Place, Seen, WhyLater};
use model::{FolderRole, Id, MessageKey, limits};
use poll::{
    Advice, Cause, Delivered, Delivery, Entry, Folder, HeaderDigest, Intake, Ledger, Listed, NotNow, Offered,
    Pair, Settled, Told, Validity, What,
};
use store::{Generation, Organization, StoreError};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::books_runner;
use crate::hooks::pre_deliver::{self, Arriving};
use crate::house::{House, NoRandom};
use crate::verifier::Came;

/// The house, for whoever watches mailboxes.
#[derive(Clone)]
pub(crate) struct Router {
    house: Arc<House>,
    apart: Arc<Semaphore>,
}

impl Router {
    /// One for all mailboxes.
    pub(crate) fn new(house: Arc<House>) -> Self {
        Router { house, apart: Arc::new(Semaphore::new(limits::POLL_THREADS_MAX)) }
    }

    /// Runs on a thread that may wait, of which there are few: a thousand mailboxes that begin at once need no more.
    async fn apart<T, F, W>(&self, organization: Id, work: W) -> Result<T, NotNow>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, CrmError>>,
        W: FnOnce(Arc<House>, Arc<Organization>) -> F + Send + 'static,
    {
        let _permit = self.apart.acquire().await;
        let (house, runtime) = (Arc::clone(&self.house), Handle::current());
        let task = tokio::task::spawn_blocking(move || {
            let organization = house.store.organization(organization)?;
            runtime.block_on(work(house, organization))
        });
        match task.await {
            Ok(done) => done.map_err(not_now),
            Err(failed) => {
                let cause = if failed.is_panic() { Cause::Fault } else { Cause::House };
                Err(NotNow { words: "a fault of Postroom".to_owned(), cause })
            }
        }
    }
}

impl Intake for Router {
    async fn check(&self, pair: Pair, offered: Vec<Offered>) -> Result<Vec<Advice>, NotNow> {
        self.apart(pair.organization, move |house, organization| async move {
            let now = house.now();
            let offered: Vec<intake::Offered> = offered
                .into_iter()
                .map(|one| intake::Offered {
                    role: one.role,
                    copyid: one.copy,
                    arrived: now,
                    header: one.header,
                })
                .collect();
            let advices = intake::advise(&organization, pair.mailbox, &offered)?;
            let said = |advice| match advice {
                intake::Advice::Ignore(_) => Advice::Ignore,
                intake::Advice::Fetch => Advice::Fetch,
            };
            Ok(advices.into_iter().map(said).collect())
        })
        .await
    }

    async fn deliver(&self, pair: Pair, delivery: Delivery) -> Result<Delivered, NotNow> {
        let organization = self.house.store.organization(pair.organization).map_err(CrmError::from);
        let organization = organization.map_err(not_now)?;
        let (copy, bytes) = (delivery.copy, bytes(&delivery.what));
        let polled = Polled {
            role: delivery.role,
            copyid: copy,
            arrived: delivery.arrived.unwrap_or_else(|| self.house.now()),
            size: delivery.size,
            what: what(&self.house, (&organization, copy), delivery.what).await?,
        };
        // As at the doors: many come at once, and each thread has a memory of its own for what it compresses.
        if bytes <= self.house.inline_bytes_max(limits::LARGE_MESSAGE_BYTES) {
            return deliver(&self.house, &organization, (pair.mailbox, polled)).await.map_err(not_now);
        }
        self.apart(pair.organization, move |house, organization| async move {
            deliver(&house, &organization, (pair.mailbox, polled)).await
        })
        .await
    }
}

async fn deliver(
    house: &House,
    organization: &Arc<Organization>,
    (mailbox, polled): (Id, Polled),
) -> Result<Delivered, CrmError> {
    let moment = house.moment().map_err(no_random)?;
    Ok(match intake::take_polled(organization, mailbox, polled, moment).await? {
        Taken::Ended(receipt) => {
            books_runner::count("mailbox", receipt.outcome());
            Delivered::Ended(receipt.outcome())
        }
        Taken::WholeWanted => Delivered::WholeWanted,
    })
}

/// How much there is to read and to compress.
fn bytes(what: &What) -> usize {
    match what {
        What::Whole(raw) | What::Header(raw) | What::SetAside(raw) => raw.len(),
        What::Unfetchable { header, .. } => header.len(),
        What::Vanished => 0,
    }
}

/// What the intake is handed: the whole with what is known of who wrote it, and what a hook says. Nothing is held meanwhile.
async fn what(
    house: &House,
    (organization, copyid): (&Organization, Id),
    what: What,
) -> Result<intake::What, NotNow> {
    Ok(match what {
        What::Whole(raw) => {
            // Who brought it to the mailbox only its server knows.
            let came = Came { peer: None, is_by_ours: true, may_be_forward: true };
            let verdicts = house.verifier.verdicts(&raw, came).await;
            let arriving = Arriving {
                copyid,
                organization: organization.name(),
                source: "mailbox",
                mail_from: None,
                recipients: Vec::new(),
                raw: &raw,
            };
            let verdicts = pre_deliver::heard(house, &verdicts, arriving).await.map_err(|no_answer| {
                let is_of_this_message = no_answer.is_of_this_question();
                let words = no_answer.words;
                tracing::warn!(copy = %copyid, words, is_of_this_message, "a message is put off by its hook");
                let cause = if is_of_this_message { Cause::Message } else { Cause::House };
                NotNow { words: format!("the hook before delivery: {words}"), cause }
            })?;
            intake::What::Verified(raw, verdicts)
        }
        What::Header(header) => intake::What::Header(header),
        What::SetAside(raw) => intake::What::SetAside(raw),
        What::Vanished => intake::What::Vanished,
        What::Unfetchable { header, words } => intake::What::Unfetchable { header, words },
    })
}

impl Ledger for Router {
    async fn open(&self, pair: Pair, place: &poll::Place, validity: Validity) -> Result<Folder, NotNow> {
        let role = place.role;
        let place = Place { name: place.name.clone(), role, validity: validity.0 };
        self.apart(pair.organization, move |house, organization| async move {
            let moment = house.moment().map_err(no_random)?;
            let ledger::Folder { generation, seen_up_to, .. } =
                ledger::open(&organization, pair.mailbox, place, moment).await?;
            let is_looked_at = role != FolderRole::Sink && seen_up_to > 0;
            let after = is_looked_at.then(|| MessageKey::of_uid(seen_up_to));
            Ok(Folder { pair, id: generation.folder, role, generation: generation.number, after })
        })
        .await
    }

    async fn present(&self, folder: &Folder) -> Result<Vec<Entry>, NotNow> {
        let (organization, folder) = (folder.pair.organization, in_ledger(folder));
        self.apart(organization, move |house, organization| async move {
            there(&house, &organization, folder).map(|there| there.into_iter().map(entry).collect())
        })
        .await
    }

    async fn see(
        &self,
        folder: &Folder,
        told: Told,
        listed: Vec<Listed>,
    ) -> Result<Option<Vec<Entry>>, NotNow> {
        let (organization, folder) = (folder.pair.organization, in_ledger(folder));
        self.apart(organization, move |house, organization| async move {
            see(&house, (&organization, folder), (told, listed)).await
        })
        .await
    }

    async fn try_alone(&self, folder: &Folder, key: &MessageKey) -> Result<(), NotNow> {
        let (organization, folder, key) = (folder.pair.organization, in_ledger(folder), key.clone());
        self.apart(organization, move |_, organization| async move {
            ledger::try_alone(&organization, folder, key).await
        })
        .await
    }

    async fn settle(
        &self,
        folder: &Folder,
        ended: Vec<(MessageKey, HeaderDigest)>,
    ) -> Result<Vec<Settled>, NotNow> {
        let (organization, folder) = (folder.pair.organization, in_ledger(folder));
        self.apart(organization, move |house, organization| async move {
            let ended = ended.into_iter().map(|(key, digest)| (key, digest.0)).collect();
            let settled = ledger::settle(&organization, folder, ended, house.now()).await?;
            let said = |settled: ledger::Settled| Settled { key: settled.key, is_kept: settled.is_kept };
            Ok(settled.into_iter().map(said).collect())
        })
        .await
    }
}

/// What was told is noted first, each kind in a unit of its own: what is noted twice is noted once.
async fn see(
    house: &House,
    (organization, folder): (&Arc<Organization>, ledger::Folder),
    (told, listed): (Told, Vec<Listed>),
) -> Result<Option<Vec<Entry>>, CrmError> {
    let now = house.now();
    if !told.survived.is_empty() {
        ledger::forgive(organization, folder, told.survived).await?;
    }
    let mut news = 0;
    for put_off in told.put_off {
        let why = WhyLater { words: put_off.words, is_unheard: put_off.is_unheard };
        let is_news = ledger::put_off(organization, folder, put_off.key, (why, now)).await?;
        news += usize::from(is_news);
    }
    if news > 0 {
        // Why, the list of mailboxes says: a server's words may hold anything.
        let (organization, mailbox) = (organization.id(), folder.mailbox);
        tracing::warn!(%organization, %mailbox, messages = news, "messages of a mailbox are put off");
    }
    let absent = told.absent.clone();
    let gone = told.gone.into_iter().chain(absent.iter().cloned()).collect();
    let listed = listed.into_iter().map(|listed| ledger::Listed {
        key: listed.key,
        size: listed.size,
        header: listed.header.map(|digest| digest.0),
    });
    let seen_up_to = told.seen_up_to.and_then(|key| key.uid());
    let look = Look { gone, absent: told.absent, listed: listed.collect(), seen_up_to };
    let moment = house.moment().map_err(no_random)?;
    let Seen::Entries(entries) = ledger::see(organization, folder, look, moment).await? else {
        return Ok(None);
    };
    let mut answer: Vec<Entry> = entries.into_iter().map(entry).collect();
    if !absent.is_empty() {
        let open = there(house, organization, folder)?.into_iter();
        answer.extend(open.filter(|entry| absent.contains(&entry.key)).map(entry));
    }
    Ok(Some(answer))
}

fn entry(entry: ledger::Entry) -> Entry {
    let is_due = !matches!(entry.state, EntryState::PutOff(_));
    let is_settled = entry.state == EntryState::Settled;
    let ledger::Entry { key, copyid: copy, attempts, has_header, outcome: ended, .. } = entry;
    Entry { key, copy, attempts, has_header, is_due, is_settled, ended }
}

fn there(
    house: &House,
    organization: &Arc<Organization>,
    folder: ledger::Folder,
) -> Result<Vec<ledger::Entry>, CrmError> {
    let mut all: Vec<ledger::Entry> = Vec::new();
    loop {
        let behind = all.last().map(|entry| &entry.key);
        let some = ledger::there(organization, folder, behind, house.now())?;
        if some.is_empty() {
            return Ok(all);
        }
        all.extend(some);
    }
}

fn in_ledger(folder: &Folder) -> ledger::Folder {
    let generation = Generation { folder: folder.id, number: folder.generation };
    ledger::Folder { mailbox: folder.pair.mailbox, generation, seen_up_to: 0 }
}

fn not_now(error: CrmError) -> NotNow {
    if !error.is_temporary() {
        tracing::error!(error = &error as &dyn std::error::Error, "a watched mailbox cannot be taken in");
    }
    NotNow { words: error.to_string(), cause: Cause::House }
}

fn no_random(error: NoRandom) -> CrmError {
    tracing::error!(error = &error as &dyn std::error::Error, "nothing is taken in");
    CrmError::Store(StoreError::Busy)
}
