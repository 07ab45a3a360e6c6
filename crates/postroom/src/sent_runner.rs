//! Puts mail that went out into the mailboxes of those who wrote it, where the administrator says so, by IMAP.
//!
//! ```text
//! a copy that is due ─▶ sign in ─▶ the folder of sent mail ─▶ does it lie there? ─▶ APPEND ─▶ settled
//! ```
//!
//! *Invariant:* nothing is put there before it was looked for: not every answer comes back, and some servers keep by themselves
//! what they send on. Nothing else there is changed.

use std::sync::Arc;
use std::time::Duration;

use connect::imap::Look;
use connect::{ConnectError, Patience};
use crm::CrmError;
use crm::outbox::{self, SentCopy, SentMail};
use model::limits;
use poll::sources::imap_look::sent_folder;
use poll::{Pair, SourceError};
use store::Organization;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::account::Account;
use crate::house::House;

/// How often it is looked for mail that went out.
const ROUND: Duration = Duration::from_secs(5);

/// Runs until `stop`. What is under way then is another node's, or ours when we come again.
pub(crate) async fn run(house: Arc<House>, stop: CancellationToken) {
    let mut working = JoinSet::new();
    while !stop.is_cancelled() {
        if let Err(error) = round(&house, &mut working).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "sent mail could not be looked for");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(ROUND) => {}
        }
    }
}

async fn round(house: &Arc<House>, working: &mut JoinSet<()>) -> Result<(), CrmError> {
    for row in house.store.organizations()? {
        let organization = house.store.organization(row.organizationid)?;
        loop {
            while working.try_join_next().is_some() {}
            if working.len() >= limits::SENT_COPIES_AT_ONCE {
                drop(working.join_next().await);
            }
            let copy = outbox::take_sent_copy(&organization, house.node, house.now()).await?;
            let Some(copy) = copy else { break };
            working.spawn(keep(Arc::clone(house), Arc::clone(&organization), copy));
        }
    }
    Ok(())
}

async fn keep(house: Arc<House>, organization: Arc<Organization>, copy: SentCopy) {
    let within = Duration::from_secs(limits::SENT_COPY_SECONDS_MAX);
    let ended = match timeout(within, put(&house, &organization, &copy)).await {
        Ok(ended) => ended.map_err(|error| error.to_string()),
        Err(_) => Err("the server takes too long".to_owned()),
    };
    let end = if ended.is_ok() { "kept" } else { "failed" };
    metrics::counter!("postroom_sent_copies_total", "end" => end).increment(1);
    let email = copy.email;
    if ended.is_err() {
        tracing::info!(%email, mailbox = %copy.mailbox, "a sent mail is not in its writer's mailbox yet");
    }
    let Ok(moment) = house.moment() else { return };
    if let Err(error) = outbox::settle_sent_copy(&organization, copy, (ended, moment)).await {
        tracing::warn!(%email, error = &error as &dyn std::error::Error, "it could not be noted whether a sent mail is kept");
    }
}

/// Puts it there, unless it lies there or nobody wants it any more.
async fn put(house: &Arc<House>, organization: &Arc<Organization>, copy: &SentCopy) -> Result<(), NotPut> {
    let Some(mail) = outbox::sent_mail(organization, copy)? else { return Ok(()) };
    let all = crm::mailboxes::all(organization)?;
    let Some(row) = all.into_iter().find(|row| row.mailbox.mailboxid == copy.mailbox) else { return Ok(()) };
    let named = row.mailbox.sentfolder.clone();
    let pair = Pair { organization: organization.id(), mailbox: copy.mailbox };
    let account = Account { house: Arc::clone(house), pair, row: Arc::new(row) };
    let mut session = account.imap(Patience::default()).await?;
    let folder = sent_folder(&mut session, named.as_deref()).await?.map_err(NotPut::NoFolder)?;
    let SentMail { raw, message_id, sent_on } = &mail;
    session.examine(&folder).await?;
    if !session.has_mail(message_id, *sent_on).await? {
        session.append(&folder, (raw, *sent_on)).await?;
    }
    // Whatever it says, the mail lies there.
    session.bye().await.unwrap_or_default();
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum NotPut {
    #[error(transparent)]
    Crm(#[from] CrmError),
    #[error("{}", .0.words)]
    Source(SourceError),
    #[error(transparent)]
    Server(#[from] ConnectError),
    #[error("{0}")]
    NoFolder(String),
}

impl From<SourceError> for NotPut {
    fn from(error: SourceError) -> Self {
        NotPut::Source(error)
    }
}
