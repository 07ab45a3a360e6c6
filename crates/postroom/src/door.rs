//! The seam between the mail doors and the CRM: addresses are welcomed, messages become copies, receipts
//! become answers.
//!
//! What passes through: one message with all its recipients; each organization gets a copy that names its own
//! recipients alone, and a unit of work of its own.
//!
//! *Invariant:* [`Answer::Accepted`] only after that organization's commit, and never a 5xx after DATA: it
//! would bounce to the customer, whose MAIL FROM redirected mail keeps.

use std::sync::Arc;

use crm::CrmError;
use crm::intake::{self, Arrival, Copy, Proof, Receipt, Recipient, Share, Source, Verdicts};
use model::schema::people::SinkCredential;
use model::{EmailAddress, Id, Moment, limits, network};
use receive::auth::scram::Verifier;
use receive::body::Body;
use receive::{Answer, Arrived, Credential, Intake, Peer, Refusal, TryLater, Welcome};
use store::Organization;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::books_runner;
use crate::hooks::pre_deliver::{self, Arriving};
use crate::house::{House, NoRandom};
use crate::verifier::{Came, Outsider};

/// Messages above this are read on a thread of their own, a few at a time: 256 KiB take about as long to read
/// as a commit, and the event loop should not wait for more.
const INLINE_BYTES_MAX: usize = limits::LARGE_MESSAGE_BYTES;

/// What the doors ask.
pub struct Keeper {
    house: Arc<House>,
    large: Arc<Semaphore>,
    /// Whether the network vouches for From where the CRM says so.
    vouches: bool,
}

impl Keeper {
    /// A keeper for one house.
    pub fn new(house: Arc<House>) -> Arc<Self> {
        let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Arc::new(Keeper { house, large: Arc::new(Semaphore::new(processors)), vouches: true })
    }

    /// The same for the socket of this machine, as far as the settings trust whoever may use that.
    pub(crate) fn at_socket(&self) -> Arc<Self> {
        let vouches = self.house.settings.lmtp.socket_vouches;
        Arc::new(Keeper { house: Arc::clone(&self.house), large: Arc::clone(&self.large), vouches })
    }

    /// The bytes of a message. Of large ones only a few are in memory at a time, as long as their permit lives.
    async fn read(&self, body: Body) -> Result<(Arc<[u8]>, Option<SemaphorePermit<'_>>), NotTaken> {
        if body.len() <= INLINE_BYTES_MAX {
            return Ok((body.read()?, None));
        }
        let permit = self.large.acquire().await.map_err(|_| NotTaken::Ended)?;
        let read = tokio::task::spawn_blocking(move || body.read());
        Ok((read.await.map_err(|_| NotTaken::Ended)??, Some(permit)))
    }

    /// Takes one organization's share of a message in; the id of the copy.
    async fn take_share(
        &self,
        (arrival, verdicts): (&Arrival, &Arc<Verdicts>),
        share: &Share,
    ) -> Result<Id, NotTaken> {
        let copyid = self.house.moment()?.id();
        let (moment, copy) = (self.house.moment()?, share.copy(arrival, copyid));
        let kind = copy.source.kind();
        let arriving = Arriving {
            copyid,
            organization: share.organization.name(),
            source: kind,
            mail_from: copy.mail_from.as_deref(),
            recipients: copy.recipients.iter().map(|recipient| recipient.address.to_string()).collect(),
            raw: &copy.raw,
        };
        let verdicts = pre_deliver::heard(&self.house, verdicts, arriving).await;
        let verified = (copy, verdicts.map_err(|no_answer| NotTaken::Hook(no_answer.words))?);
        let receipt = if arrival.raw.len() > self.house.inline_bytes_max(INLINE_BYTES_MAX) {
            take_large(&share.organization, verified, moment).await?
        } else {
            intake::take_in_verified(&share.organization, verified, moment).await?
        };
        books_runner::count(kind, receipt.outcome());
        Ok(receipt.copyid)
    }
}

/// On a thread of its own.
async fn take_large(
    organization: &Arc<Organization>,
    verified: (Copy, Arc<Verdicts>),
    moment: Moment,
) -> Result<Receipt, NotTaken> {
    let (organization, runtime) = (Arc::clone(organization), Handle::current());
    let work = move || runtime.block_on(intake::take_in_verified(&organization, verified, moment));
    Ok(tokio::task::spawn_blocking(work).await.map_err(|_| NotTaken::Ended)??)
}

impl Intake for Keeper {
    type Recipient = Recipient;

    fn welcome(&self, peer: &Peer, _: Option<&str>, recipient: &str) -> Welcome<Recipient> {
        let settings = &self.house.settings;
        let (store, trusted) = (&self.house.store, &settings.receive.trusted_networks);
        let peer = intake::Peer { address: peer.address, credential: peer.credential };
        // RFC 5321 §4.5.1: postmaster may stand without a domain.
        let welcome = if recipient.eq_ignore_ascii_case("postmaster") {
            intake::welcome_postmaster(store, trusted, peer, &settings.name())
        } else {
            let Some(address) = EmailAddress::parse(recipient) else { return Welcome::No(Refusal::Unknown) };
            intake::welcome(store, trusted, peer, &address)
        };
        match welcome {
            intake::Welcome::Yes(recipient) if self.vouches => Welcome::Yes(recipient),
            intake::Welcome::Yes(recipient) => Welcome::Yes(recipient.unproven()),
            intake::Welcome::Unknown => Welcome::No(Refusal::Unknown),
            intake::Welcome::NotAllowed => Welcome::No(Refusal::NotAllowedToWrite),
            intake::Welcome::TryLater => Welcome::No(Refusal::TryLater),
        }
    }

    fn credential(&self, name: &str) -> Result<Option<Credential>, TryLater> {
        let found = crm::records::credentials::by_full_name(&self.house.store, name);
        found.map(|row| row.and_then(credential)).map_err(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "a credential could not be looked up");
            TryLater
        })
    }

    async fn take(&self, message: Arrived<Recipient>) -> Vec<Answer> {
        let recipients: Vec<Recipient> = message.recipients.into_iter().map(|(_, it)| it).collect();
        let mut answers = vec![Answer::TryAgain("not kept".to_owned()); recipients.len()];
        let (raw, _permit) = match self.read(message.raw).await {
            Ok(read) => read,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "a large message could not be read again");
                return answers;
            }
        };
        let came = came(&message.peer, message.mail_from.as_deref(), &recipients);
        let verdicts = self.house.verifier.verdicts(&raw, came).await;
        let arrival = Arrival {
            arrived: self.house.now(),
            mail_from: message.mail_from,
            peer: Some(message.peer.address),
            trace: Some(message.trace_header),
            raw,
            has_bare_line_ends: message.bare_line_ends,
        };
        for share in intake::shares(recipients) {
            let answer = match self.take_share((&arrival, &verdicts), &share).await {
                Ok(copyid) => Answer::Accepted(format!("kept as {copyid}")),
                Err(error) => not_taken(&share.organization, &error),
            };
            for place in share.places {
                if let Some(slot) = answers.get_mut(place) {
                    *slot = answer.clone();
                }
            }
        }
        answers
    }
}

/// What a mail's way says about who wrote it. Where a server of ours vouches for From, or it came from this machine, its
/// address says nothing.
fn came(peer: &Peer, mail_from: Option<&str>, recipients: &[Recipient]) -> Came {
    let vouches = recipients.iter().any(|recipient| recipient.proof == Proof::Network);
    let is_outsider = !vouches && !network::is_loopback(peer.address);
    Came {
        peer: is_outsider.then(|| Outsider {
            ip: peer.address,
            helo: peer.helo.clone(),
            mail_from: mail_from.map(str::to_owned),
        }),
        is_by_ours: recipients.iter().all(|recipient| recipient.is_brought_by_us),
        may_be_forward: recipients.iter().any(|to| matches!(to.envelope.source, Source::Sink(_))),
    }
}

/// A row as the door checks it; `None` where it cannot be what was once written.
fn credential(row: SinkCredential) -> Option<Credential> {
    let verifier = Verifier {
        salt: row.salt,
        iterations: row.iterations.try_into().ok()?,
        stored_key: row.storedkey.try_into().ok()?,
        server_key: row.serverkey.try_into().ok()?,
    };
    Some(Credential { id: row.sinkcredentialid, verifier })
}

/// Why a share was not taken. For the peer all are the same: try again.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error("the copy could not be taken in")]
    Crm(#[from] CrmError),
    #[error("no moment could be drawn")]
    Random(#[from] NoRandom),
    #[error("it could not be read from its file")]
    Read(#[from] std::io::Error),
    #[error("the work on it ended early")]
    Ended,
    #[error("the hook before delivery does not answer: {0}")]
    Hook(String),
}

/// Even a fault of ours is 451: the mail stays with its sender, and a person finds the fault in the log.
fn not_taken(organization: &Organization, error: &NotTaken) -> Answer {
    let is_temporary = match error {
        NotTaken::Crm(error) => error.is_temporary(),
        NotTaken::Hook(_) => true,
        NotTaken::Random(_) | NotTaken::Read(_) | NotTaken::Ended => false,
    };
    let organization = organization.id();
    metrics::counter!("postroom_copies_not_taken_total").increment(1);
    let error: &dyn std::error::Error = error;
    if is_temporary {
        tracing::warn!(%organization, error, "a copy was put off");
    } else {
        tracing::error!(%organization, error, "a copy could not be taken in");
    }
    Answer::TryAgain("it could not be kept now".to_owned())
}
