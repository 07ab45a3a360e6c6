//! The commands of administrators: what can be asked, what comes back, and the one place where they run.
//!
//! What passes through: a [`Request`] from the control socket or from this very process, a [`Reply`] back.
//! Adding a command is a variant of each, a line in [`run`], and its words in `command_line`.
//!
//! *Invariant:* commands ask `crm` and `store` like any door; they decide nothing.

use std::path::PathBuf;
use std::sync::Arc;

use crm::{CrmError, accounting};
use model::filter::UnknownFilter;
use model::network::NotANetwork;
use serde::{Deserialize, Serialize};
use store::{ArchiveError, Organization, StoreError};

use crate::house::{House, NoRandom};
use crate::keyring::KeyringError;

mod answers;
mod archives;
mod blobs;
mod books;
mod credentials;
mod dkim;
mod drafts;
mod grants;
mod history;
mod hooks;
mod index;
mod mail;
mod mailboxes;
mod maildirs;
pub(crate) mod nodes;
mod outbox;
mod outside;
mod records;
mod secrets;
mod sending;
mod servers;
mod settings;
mod suppression;
mod templates;
mod undeliverables;
mod user_mailboxes;
mod ways;

pub use answers::{Acknowledge, SetAcknowledging};
pub use archives::{BackUp, BackedUp, Held, Origin, Restore, Restored, StageRow};
pub use blobs::{BucketRow, CheckedHouse, KeptRow};
pub use books::VerifiedRow;
pub use credentials::{AddSinkCredential, NewSinkCredential, SinkCredentialName, SinkCredentialRow};
pub(crate) use dkim::signing_key_of;
pub use dkim::{AddDomainKey, DkimRequest, DomainKeyRow};
pub use drafts::{DraftRequest, SenderRow};
pub use grants::{ConsentProof, ConsentState, ConsentStep, GrantKind, GrantRequest, Hidden, SetMailboxGrant};
pub use history::{MailboxMail, TrackMailbox, TrackedBefore};
pub use hooks::{HookRequest, UntoldRow};
pub use index::{IndexRequest, IndexRow, LEFT_MAX};
pub(crate) use mail::rfc_3339;
pub use mail::{CheckMail, CheckedMail, TrackMail, Tracked, TrackedOriginal};
pub use mailboxes::{AddMailbox, MailServer, MailboxRow, Protocol, SetMailboxPromises};
pub(crate) use mailboxes::{password_of, state as state_of_mailbox};
pub use maildirs::AddMaildir;
pub(crate) use nodes::unlike_hooks;
pub use nodes::{NodeRow, faults};
pub(crate) use outbox::relay_password_of;
pub use outbox::{
    AddRelay, LMTP, LimitOf, LimitRequest, LimitRow, OutboxRequest, OutboxRow, PICKUP, PROGRAM, RelayRow,
    SMTP,
};
pub use outside::{OutsideReport, OutsideRequest, PulledRow, TicketName};
pub use records::{
    AddNeverLog, AddQueue, AddSink, AddUser, CustomerKind, Import, ImportFault, Imported, OrganizationRow,
    QueueRow, SetPassword, SinkRow, UserRow,
};
pub use secrets::{KeyRow, Rotated};
pub use sending::{EarlierMail, SendMail, SentFile, When};
pub use servers::{ServerRow, SetMailboxPassword, TestedMailbox};
pub use settings::Setting;
pub use suppression::{SuppressionRequest, SuppressionRow};
pub use templates::{PreviewTemplate, SetTemplate, TemplateName, TemplateRequest, TemplateRow, TemplateText};
pub use undeliverables::{EndRow, ReplayedAll, ReplayedRow, UndeliverableRequest, UndeliverableRow};
pub use user_mailboxes::AddUserMailbox;
pub use ways::{SetWay, Whose};

/// A command. It may carry a password, so it is never written to a log.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Makes an organization of this name.
    AddOrganization(String),
    /// All organizations.
    Organizations,
    /// The nodes that serve.
    Nodes,
    /// Sets something of an organization; its name.
    Set(String, Setting),
    /// Adds a user.
    AddUser(AddUser),
    /// Sets what lets a user sign in.
    SetPassword(SetPassword),
    /// The users of an organization.
    Users(String),
    /// Adds a queue.
    AddQueue(AddQueue),
    /// Has a queue acknowledge, or no more.
    SetAcknowledging(SetAcknowledging),
    /// The queues of an organization.
    Queues(String),
    /// Adds a sink.
    AddSink(AddSink),
    /// The sinks of an organization.
    Sinks(String),
    /// Makes a credential of a sink.
    AddSinkCredential(AddSinkCredential),
    /// The credentials of a sink.
    SinkCredentials {
        /// The organization's name.
        organization: String,
        /// The sink's address.
        sink: String,
    },
    /// Takes a credential of a sink away.
    RemoveSinkCredential(SinkCredentialName),
    /// Has a mailbox watched.
    AddMailbox(AddMailbox),
    /// Has a user's own mailbox looked at.
    AddUserMailbox(AddUserMailbox),
    /// Has a Maildir of this machine watched.
    AddMaildir(AddMaildir),
    /// The mailboxes of one organization, or of all.
    Mailboxes(Option<String>),
    /// Has a mailbox watched, or left alone.
    SetMailboxState {
        /// The organization's name.
        organization: String,
        /// The mailbox's name.
        mailbox: String,
        /// Whether it is watched.
        is_active: bool,
    },
    /// Changes what nobody but the administrator can know of a sink mailbox.
    SetMailboxPromises(SetMailboxPromises),
    /// Has the folders of a mailbox begun anew.
    ResyncMailbox {
        /// The organization's name.
        organization: String,
        /// The mailbox's name.
        mailbox: String,
    },
    /// Sets the password of a mailbox.
    SetMailboxPassword(SetMailboxPassword),
    /// Opens a mailbox and says how it is.
    TestMailbox {
        /// The organization's name.
        organization: String,
        /// The mailbox's name.
        mailbox: String,
    },
    /// The mail servers of one organization, or of all.
    Servers(Option<String>),
    /// The keys that secrets are sealed with.
    Keys,
    /// Seals all secrets with a new key.
    RotateKeys,
    /// About tokens that open a mailbox.
    Grant(GrantRequest),
    /// Adds to a never-log list.
    AddNeverLog(AddNeverLog),
    /// Imports some rows of a table of customers.
    Import(Import),
    /// Counts the books of one organization again, or of all.
    Verify(Option<String>),
    /// The same, and reads every kept source and compares it with its digest.
    VerifyBytes(Option<String>),
    /// Says where the bytes of one organization lie, or of all, and whether the bucket does what it is asked.
    CheckHouse(Option<String>),
    /// Makes the bucket this house's, whoever had it.
    TakeBucket,
    /// Says what would become of a mail.
    Check(CheckMail),
    /// Takes a mail in by hand.
    Track(TrackMail),
    /// Takes a batch of old mail in.
    TrackMailbox(TrackMailbox),
    /// What could not be processed in one organization, or in all.
    Undeliverables(Option<String>),
    /// Something about one of them, or about all.
    Undeliverable(UndeliverableRequest),
    /// About mail that goes out.
    Outbox(OutboxRequest),
    /// About templates.
    Template(TemplateRequest),
    /// Something about drafts and who may write as whom.
    Draft(DraftRequest),
    /// About addresses to which nothing is sent.
    Suppression(SuppressionRequest),
    /// About mail that the hook after delivery was not told of.
    Hook(HookRequest),
    /// About keys that it is signed with.
    Dkim(DkimRequest),
    /// About text indexes.
    Index(IndexRequest),
    /// Writes an organization to a file.
    BackUp(BackUp),
    /// Makes an organization of a file.
    Restore(Restore),
    /// What one organization holds, or all; the second is the number of the work.
    Digests(Option<String>, u64),
    /// How far a work is.
    Stage(u64),
    /// Ends a work early.
    StopWork(u64),
    /// Where an organization of this name came from.
    Origin(String),
    /// Takes nothing in for an organization any more: it is being moved.
    CloseOrganization(String),
    /// Takes in again.
    ReopenOrganization(String),
    /// Takes a closed organization out of the catalogue: it was moved.
    ForgetOrganization(String),
}

/// What comes back for a command that was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// It was done, and there is nothing to say about it.
    Done,
    /// Organizations.
    Organizations(Vec<OrganizationRow>),
    /// Nodes.
    Nodes(Vec<NodeRow>),
    /// Users.
    Users(Vec<UserRow>),
    /// Queues.
    Queues(Vec<QueueRow>),
    /// Sinks.
    Sinks(Vec<SinkRow>),
    /// A credential that was made.
    NewSinkCredential(NewSinkCredential),
    /// Credentials of a sink.
    SinkCredentials(Vec<SinkCredentialRow>),
    /// Mailboxes that are watched.
    Mailboxes(Vec<MailboxRow>),
    /// What a mailbox is like.
    TestedMailbox(TestedMailbox),
    /// Mail servers.
    Servers(Vec<ServerRow>),
    /// Keys.
    Keys(Vec<KeyRow>),
    /// What was sealed anew.
    Rotated(Rotated),
    /// What a person has to do to consent.
    ConsentStep(ConsentStep),
    /// How far a consent is.
    Consent(ConsentState),
    /// What became of imported rows.
    Imported(Imported),
    /// The books of each organization.
    Verified(Vec<VerifiedRow>),
    /// What the house stands on.
    CheckedHouse(CheckedHouse),
    /// What would become of a mail.
    Checked(CheckedMail),
    /// What became of a mail.
    Tracked(Tracked),
    /// What became of each mail of a batch, in its order.
    TrackedMailbox(Vec<TrackedBefore>),
    /// Mails that wait for a person.
    Undeliverables(Vec<UndeliverableRow>),
    /// One of them.
    Undeliverable(Box<UndeliverableRow>),
    /// A mail in base64.
    Mail(String),
    /// What became of a replay.
    Replayed(Box<ReplayedRow>),
    /// What became of a replay of all.
    ReplayedAll(ReplayedAll),
    /// The id of the e-mail that was sent.
    SentMail(String),
    /// A tracking token.
    Token(String),
    /// Mails that an outside sender pulled; where limits of speed kept some back, after how many seconds there is more.
    Pulled(Vec<PulledRow>, Option<u64>),
    /// How many mails wait for another way out now.
    Moved(usize),
    /// Mails that go out.
    Outbox(Vec<OutboxRow>),
    /// Who may write as which queue.
    Senders(Vec<SenderRow>),
    /// What a user puts below his mail: as text, and as HTML.
    Signature(String, Option<String>),
    /// Relays.
    Relays(Vec<RelayRow>),
    /// Templates in a list.
    TemplateList(Vec<TemplateRow>),
    /// A template, or a mail that would be made of one.
    Template(TemplateText),
    /// Templates as JSON.
    Templates(String),
    /// How many templates were brought.
    ImportedTemplates(usize),
    /// Limits of outgoing mail.
    OutboxLimits(Vec<LimitRow>),
    /// Suppressed addresses.
    Suppressions(Vec<SuppressionRow>),
    /// What a hook was told in vain.
    Untold(Vec<UntoldRow>),
    /// How many of these were told after all.
    ToldAgain(usize),
    /// Keys that outgoing mail is signed with.
    DomainKeys(Vec<DomainKeyRow>),
    /// How far text indexes are.
    Indexes(Vec<IndexRow>),
    /// An archive that was written.
    BackedUp(BackedUp),
    /// An organization that was restored.
    Restored(Restored),
    /// What organizations hold.
    Held(Vec<Held>),
    /// How far a work is; `None` where there is none of this number.
    Stage(Option<StageRow>),
    /// Where an organization came from.
    Origin(Origin),
}

/// Why a command was not done, for the person who gave it.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is no organization of this name.
    #[error("there is no organization called “{0}”; `postroom org list` shows them")]
    NoOrganization(String),
    /// An organization cannot be closed by one of several nodes.
    #[error(
        "other nodes serve too (`postroom node list`): stop them first, for they would go on taking mail in"
    )]
    OtherNodes,
    /// No undeliverable mail has this id.
    #[error("no undeliverable mail has the id “{0}”; `postroom undeliverable list` shows them")]
    NoUndeliverable(String),
    /// No e-mail has this id.
    #[error(
        "no e-mail has the id “{0}”; `postroom outbox list` shows those that go out, the page *Drafts* what is written"
    )]
    NoEmail(String),
    /// The user has none.
    #[error("{0} has no signature; `--text FILE` or `--html FILE` sets one")]
    NoSignature(String),
    /// No record has this id or address.
    #[error(
        "“{0}” is neither the id of an account, contact, lead or e-mail, nor the address of one customer"
    )]
    NoRecord(String),
    /// It cannot be canceled or tried again as it is.
    #[error("the mail “{email}” {why}")]
    NotNow {
        /// Its id.
        email: String,
        /// Why not, behind its name.
        why: &'static str,
    },
    /// The hook after delivery heard of it, or it is not its turn.
    #[error("no hook was told of the e-mail “{0}” in vain; `postroom hook list` shows those")]
    NotUntold(String),
    /// It was told again, and did not hear it.
    #[error("{told} told; the hook does not hear of the e-mail “{email}”: {words}")]
    NotHeard {
        /// How many were told before.
        told: usize,
        /// Which e-mail.
        email: String,
        /// What it says, or what kept it from that.
        words: String,
    },
    /// There is no such hook in the settings of this node.
    #[error("this node has no hook after delivery (hooks.post_deliver)")]
    NoHook,
    /// Mail goes there already.
    #[error("{0} is not suppressed; `postroom suppression list` shows what is")]
    NotSuppressed(String),
    /// It ended before.
    #[error("the mail “{0}” waits no longer; `postroom undeliverable show` says what became of it")]
    WaitsNoLonger(String),
    /// Large mail goes to files.
    #[error("blobs.bucket is empty: this house keeps large mail in files")]
    NoBucket,
    /// More than `limits::HISTORY_BATCH_MAX` in one batch.
    #[error("these are too many mails for one batch")]
    TooMany,
    /// A fault of ours ended the work on a mail.
    #[error("the work on a mail ended early, by a fault of Postroom")]
    Ended,
    /// The text is no e-mail address.
    #[error("“{0}” is no e-mail address")]
    NotAnAddress(String),
    /// The address is not welcome in this organization.
    #[error("{address}: {why}")]
    NotWelcome {
        /// The address.
        address: String,
        /// Why not.
        why: &'static str,
    },
    /// The name of a filter is unknown.
    #[error(transparent)]
    Filter(#[from] UnknownFilter),
    /// A network cannot be read.
    #[error(transparent)]
    Network(#[from] NotANetwork),
    /// Somebody else's server, or a provider of tokens, says no.
    #[error("{0}")]
    Elsewhere(String),
    /// The mail did not come through whole.
    #[error("the mail is not written as base64")]
    Base64(#[from] base64::DecodeError),
    /// The CRM said no.
    #[error(transparent)]
    Crm(#[from] CrmError),
    /// The store could not do it.
    #[error("the store could not do it")]
    Store(#[from] StoreError),
    /// An archive could not be written or restored.
    #[error("{}", file.display())]
    Archive {
        /// The file.
        file: PathBuf,
        /// Why not.
        #[source]
        source: ArchiveError,
    },
    /// An organization could not be gone through.
    #[error(transparent)]
    Digest(#[from] ArchiveError),
    /// A secret could not be sealed.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The operating system gives no random numbers.
    #[error(transparent)]
    Random(#[from] NoRandom),
}

impl Request {
    /// Whether another mailbox may have to be watched afterwards, or one otherwise than before.
    fn changes_mailboxes(&self) -> bool {
        matches!(
            self,
            Request::AddMailbox(_)
                | Request::AddUserMailbox(_)
                | Request::AddMaildir(_)
                | Request::SetMailboxState { .. }
                | Request::SetMailboxPromises(_)
                | Request::SetMailboxPassword(_)
                | Request::ResyncMailbox { .. }
                | Request::Grant(_)
        )
    }
}

/// Runs a command and says, after the commit, that it was done.
///
/// # Errors
/// [`CommandError`], where nothing was done. Of an import's rows each has a fault of its own instead.
pub async fn run(house: &Arc<House>, request: Request) -> Result<Reply, CommandError> {
    let changes_mailboxes = request.changes_mailboxes();
    let reply = answer(house, request).await?;
    // New addresses may have left jobs; looking once too often costs nothing.
    house.bell.notify_one();
    if changes_mailboxes {
        house.boards.ring();
    }
    Ok(reply)
}

async fn answer(house: &Arc<House>, request: Request) -> Result<Reply, CommandError> {
    Ok(match request {
        Request::AddOrganization(name) => records::add_organization(house, &name)?,
        Request::Organizations => records::organizations(house)?,
        Request::Nodes => nodes::nodes(house)?,
        Request::Set(name, setting) => settings::set(&*organization(house, &name)?, setting).await?,
        Request::AddUser(new) => records::add_user(house, new).await?,
        Request::SetPassword(change) => records::set_password(house, change).await?,
        Request::Users(name) => records::users(house, &name)?,
        Request::AddQueue(new) => records::add_queue(house, new).await?,
        Request::SetAcknowledging(set) => answers::set(house, set).await?,
        Request::Queues(name) => records::queues(house, &name)?,
        Request::AddSink(new) => records::add_sink(house, new).await?,
        Request::Sinks(name) => records::sinks(house, &name)?,
        Request::AddSinkCredential(new) => credentials::add(house, new).await?,
        Request::SinkCredentials { organization, sink } => credentials::list(house, (&organization, &sink))?,
        Request::RemoveSinkCredential(of) => credentials::remove(house, of).await?,
        Request::AddMailbox(new) => mailboxes::add(house, new).await?,
        Request::AddUserMailbox(new) => user_mailboxes::add(house, new).await?,
        Request::AddMaildir(new) => maildirs::add(house, new).await?,
        Request::Mailboxes(name) => mailboxes::list(house, &organizations(house, name)?)?,
        Request::SetMailboxState { organization, mailbox, is_active } => {
            mailboxes::set_state(house, (&organization, &mailbox), is_active).await?
        }
        Request::SetMailboxPromises(set) => mailboxes::set_promises(house, set).await?,
        Request::SetMailboxPassword(set) => servers::set_password(house, set).await?,
        Request::TestMailbox { organization: of, mailbox } => servers::test(house, (&of, &mailbox)).await?,
        Request::Keys => secrets::list(house, &organizations(house, None)?)?,
        Request::RotateKeys => secrets::rotate(house).await?,
        Request::Grant(request) => grants::run(house, request).await?,
        Request::Servers(name) => servers::list(&organizations(house, name)?)?,
        Request::ResyncMailbox { organization, mailbox } => {
            mailboxes::resync(house, (&organization, &mailbox)).await?
        }
        Request::AddNeverLog(new) => records::add_never_log(house, new).await?,
        Request::Import(import) => records::import(house, import).await?,
        Request::Verify(name) => books::verify(house, &organizations(house, name)?, accounting::verify)?,
        Request::VerifyBytes(of) => {
            books::verify(house, &organizations(house, of)?, accounting::verify_bytes)?
        }
        Request::TakeBucket => blobs::take_bucket(house)?,
        Request::CheckHouse(name) => blobs::check(house, &organizations(house, name)?)?,
        Request::Check(mail) => mail::check(house, &mail)?,
        Request::Track(mail) => mail::track(house, &mail).await?,
        Request::TrackMailbox(mailbox) => history::track(house, mailbox).await?,
        Request::Undeliverables(name) => undeliverables::list(&organizations(house, name)?)?,
        Request::Undeliverable(request) => undeliverables::run(house, request).await?,
        Request::Outbox(request) => outbox::run(house, request).await?,
        Request::Template(request) => templates::run(house, request).await?,
        Request::Draft(request) => drafts::run(house, request).await?,
        Request::Suppression(request) => suppression::run(house, request).await?,
        Request::Hook(request) => hooks::run(house, request).await?,
        Request::Dkim(request) => dkim::run(house, request).await?,
        Request::Index(request) => index::run(house, request)?,
        Request::BackUp(asked) => archives::back_up(house, &asked)?,
        Request::Restore(asked) => archives::restore(house, asked)?,
        Request::Digests(name, work) => archives::digests(house, name, work)?,
        Request::Stage(work) => archives::stage(house, work),
        Request::StopWork(work) => archives::stop(house, work),
        Request::Origin(name) => archives::origin(house, &name)?,
        Request::CloseOrganization(name) => archives::close(house, organization(house, &name)?.as_ref())?,
        Request::ReopenOrganization(name) => archives::reopen(organization(house, &name)?.as_ref())?,
        Request::ForgetOrganization(name) => archives::forget(house, &organization(house, &name)?)?,
    })
}

fn organization(house: &House, name: &str) -> Result<Arc<Organization>, CommandError> {
    house.organization(name).map_err(|error| match error {
        StoreError::NotFound => CommandError::NoOrganization(name.to_owned()),
        other => other.into(),
    })
}

/// The organization of this name, or all.
fn organizations(house: &House, name: Option<String>) -> Result<Vec<Arc<Organization>>, CommandError> {
    match name {
        Some(name) => Ok(vec![organization(house, &name)?]),
        None => {
            let rows = house.store.organizations()?;
            rows.iter().map(|row| Ok(house.store.organization(row.organizationid)?)).collect()
        }
    }
}

fn address(text: &str) -> Result<model::EmailAddress, CommandError> {
    model::EmailAddress::parse(text).ok_or_else(|| CommandError::NotAnAddress(text.to_owned()))
}
