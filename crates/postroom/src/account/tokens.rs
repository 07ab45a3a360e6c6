//! Tokens for a mailbox: taken from the row, or asked for at the provider.
//!
//! What passes through: sealed tokens out of the row, new ones into it. A refresh token may be worth nothing once it was
//! used, so one at a time asks, under a lease, and what comes is committed before it is used.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use connect::oauth::{self, Asked, Grant, Provider, Tokens};
use connect::{Patience, Secret};
use crm::mailboxes::grants;
use crm::secrets::Cell;
use model::schema::mailboxes::MailboxGrant;
use model::{Id, Timestamp, limits};
use poll::{SourceError, SourceTrouble};
use store::{HeldLease, Organization, SealedTokens};

use super::{Account, not_here};
use crate::keyring::KeyringError;

/// A column of secrets of a mailbox that is opened with tokens.
pub(crate) fn cell(organization: Id, mailbox: Id, column: &'static str) -> Cell<'static> {
    Cell { organization, table: "mailboxgrant", row: mailbox, column }
}

/// Which tokens of a mailbox they are: grows with each that is written.
pub(super) type Version = i64;

/// What became of a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consent {
    /// There are tokens now.
    Given,
    /// The person has not consented yet; and whether it is asked too often.
    Awaited(bool),
}

/// Well within the time of a lease.
const PATIENCE: Patience =
    Patience { connect: Duration::from_secs(5), answer: Duration::from_secs(9), bytes_per_second: u64::MAX };

/// How long one waits for another that asks, and how often it is looked.
const TURNS: u32 = 40;
const TURN: Duration = Duration::from_millis(250);
/// Ten minutes: they come once, and those that were used may be void.
const KEEP_TRIES: u32 = 2_400;

impl Account {
    /// An access token that is good for a while.
    pub(super) async fn access_token(&self) -> Result<(Secret, Version), SourceError> {
        for _ in 0..TURNS {
            let (organization, grant) = self.grant().await?;
            if let Some(token) = self.token_at_hand(&grant)? {
                return Ok((token, grant.version));
            }
            let lease = self.begin(&organization).await?;
            let Some(lease) = lease else {
                // Somebody else asks at this moment.
                tokio::time::sleep(TURN).await;
                continue;
            };
            let account = self.clone();
            let renewed =
                self.uncut(&organization, lease, move |lease| async move { account.renew(lease).await });
            if let Some(renewed) = renewed.await? {
                return Ok(renewed);
            }
        }
        Err(away("somebody else is asking for a token; it is tried again"))
    }

    /// Asks for the first tokens, with what somebody consented to.
    pub(crate) async fn consent(&self, with: Grant) -> Result<Consent, SourceError> {
        let (organization, _) = self.grant().await?;
        let lease = self.begin(&organization).await?;
        let lease =
            lease.ok_or_else(|| away("somebody else is asking for a token; try again in a moment"))?;
        let account = self.clone();
        let ask = move |lease| async move { account.ask_first(lease, &with).await };
        self.uncut(&organization, lease, ask).await
    }

    async fn ask_first(&self, lease: HeldLease, with: &Grant) -> Result<Consent, SourceError> {
        let (organization, grant) = self.grant().await?;
        let provider = self.provider(&grant)?;
        if !self.may_ask(&organization, &lease).await? {
            return Err(away("somebody else is asking for a token; try again in a moment"));
        }
        match oauth::ask(&provider, with, PATIENCE).await? {
            Asked::Tokens(tokens) => {
                match self.keep(&organization, (&grant, lease), (&tokens, true)).await? {
                    true => Ok(Consent::Given),
                    false => Err(away("somebody else consented meanwhile")),
                }
            }
            Asked::NotYet { is_too_often } => Ok(Consent::Awaited(is_too_often)),
        }
    }

    /// The provider of this mailbox's tokens.
    pub(crate) fn provider(&self, grant: &MailboxGrant) -> Result<Provider, SourceError> {
        let secret =
            grant.clientsecret.as_ref().map(|sealed| self.open(sealed, "clientsecret")).transpose()?;
        Ok(Provider {
            token_url: grant.tokenurl.clone(),
            authorize_url: grant.authorizeurl.clone(),
            device_url: grant.deviceurl.clone(),
            client: grant.clientid.clone(),
            secret,
            scope: grant.scope.clone(),
            // Whoever vouches for the mail server need not know the provider.
            authority: grant.certificateauthority.clone().map(String::into_bytes),
        })
    }

    pub(super) async fn forget_access_token(&self, version: Version) {
        if let Ok((organization, _)) = self.grant().await {
            // Else it is refused once more.
            let _ = grants::forget_access(&organization, (self.pair.mailbox, version)).await;
        }
    }

    /// `None` where somebody else renewed them meanwhile.
    async fn renew(&self, lease: HeldLease) -> Result<Option<(Secret, Version)>, SourceError> {
        // Who asked before may have just ended.
        let (organization, grant) = self.grant().await?;
        if let Some(token) = self.token_at_hand(&grant)? {
            return Ok(Some((token, grant.version)));
        }
        let with = match (&grant.refreshtoken, grant.granttype) {
            (_, grants::CLIENT) => Grant::Client,
            (Some(sealed), _) => Grant::Refresh(self.open(sealed, "refreshtoken")?),
            (None, _) => {
                return Err(not_here("nobody has consented yet: `postroom mailbox consent`".to_owned()));
            }
        };
        let provider = self.provider(&grant)?;
        if !self.may_ask(&organization, &lease).await? {
            return Ok(None);
        }
        match oauth::ask(&provider, &with, PATIENCE).await? {
            Asked::Tokens(tokens) => {
                let is_kept = self.keep(&organization, (&grant, lease), (&tokens, false)).await?;
                Ok(is_kept.then_some((tokens.access, grant.version + 1)))
            }
            Asked::NotYet { .. } => Err(away("the provider of tokens asks for patience")),
        }
    }

    /// Whether the lease is still ours, from now on for its whole time, and what comes could be sealed: what is used up at
    /// the provider would else be lost.
    async fn may_ask(
        &self,
        organization: &Arc<Organization>,
        lease: &HeldLease,
    ) -> Result<bool, SourceError> {
        self.seal(&Secret::new("probe".to_owned()), "refreshtoken")?;
        let held = grants::hold(organization, lease.clone(), self.house.now()).await;
        held.map_err(|error| here(&error))
    }

    /// Keeps what came. It comes once: where it cannot be sealed or written now, it is tried again for long, under the
    /// lease.
    async fn keep(
        &self,
        organization: &Arc<Organization>,
        (grant, lease): (&MailboxGrant, HeldLease),
        tokens: (&Tokens, bool),
    ) -> Result<bool, SourceError> {
        let came = self.house.now();
        let mut tries = 0;
        loop {
            let error = match self.try_to_keep(organization, (grant, &lease), (tokens, came)).await {
                Ok(is_kept) => return Ok(is_kept),
                Err(error) => error,
            };
            if tries == 0 {
                let (organization, mailbox) = (self.pair.organization, self.pair.mailbox);
                tracing::warn!(%organization, %mailbox, error = %error.words, "new tokens cannot be kept yet");
            }
            if tries >= KEEP_TRIES {
                return Err(error);
            }
            tries += 1;
            tokio::time::sleep(TURN).await;
            // Where the store is away nobody else can take it either.
            let _ = grants::hold(organization, lease.clone(), self.house.now()).await;
        }
    }

    async fn try_to_keep(
        &self,
        organization: &Arc<Organization>,
        (grant, lease): (&MailboxGrant, &HeldLease),
        ((tokens, is_consent), came): ((&Tokens, bool), Timestamp),
    ) -> Result<bool, SourceError> {
        let seconds = i64::try_from(tokens.lifetime.as_secs()).unwrap_or_default();
        let sealed = SealedTokens {
            access: self.seal(&tokens.access, "accesstoken")?,
            expires: came.plus_seconds(seconds),
            refresh: tokens.refresh.as_ref().map(|token| self.seal(token, "refreshtoken")).transpose()?,
            is_consent,
        };
        let kept = grants::keep(organization, (grant, lease.clone()), sealed, came).await;
        kept.map_err(|error| here(&error))
    }

    fn token_at_hand(&self, grant: &MailboxGrant) -> Result<Option<Secret>, SourceError> {
        let is_good = |until: Timestamp| until > self.house.now().plus_seconds(limits::TOKEN_SPARE_SECONDS);
        match &grant.accesstoken {
            Some(sealed) if grant.tokenexpireson.is_some_and(is_good) => {
                self.open(sealed, "accesstoken").map(Some)
            }
            _ => Ok(None),
        }
    }

    async fn begin(&self, organization: &Arc<Organization>) -> Result<Option<HeldLease>, SourceError> {
        let who = (self.pair.mailbox, self.house.node);
        grants::begin(organization, who, self.house.now()).await.map_err(|error| here(&error))
    }

    /// The row as it is now, read on a thread that may wait.
    pub(crate) async fn grant(&self) -> Result<(Arc<Organization>, MailboxGrant), SourceError> {
        let (house, pair) = (Arc::clone(&self.house), self.pair);
        let read = tokio::task::spawn_blocking(move || {
            let organization = house.store.organization(pair.organization).map_err(|error| here(&error))?;
            let grant = grants::of(&organization, pair.mailbox).map_err(|error| here(&error))?;
            Ok((organization, grant))
        });
        let (organization, grant) = read.await.unwrap_or_else(|error| Err(here(&error)))?;
        let grant = grant.ok_or_else(|| not_here("it is opened with its password".to_owned()))?;
        Ok((organization, grant))
    }

    /// Asks under this lease, and gives it back. Whoever waits for it may be cut off in the midst of it; what the provider
    /// answers is kept nevertheless, for it gives it once, and a house that stops waits for it.
    async fn uncut<T, F>(
        &self,
        organization: &Arc<Organization>,
        lease: HeldLease,
        ask: impl FnOnce(HeldLease) -> F,
    ) -> Result<T, SourceError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, SourceError>> + Send + 'static,
    {
        let (organization, asked) = (Arc::clone(organization), ask(lease.clone()));
        let task = self.house.asking.spawn(async move {
            let asked = asked.await;
            grants::end(&organization, lease).await;
            asked
        });
        task.await.unwrap_or_else(|error| Err(here(&error)))
    }

    fn open(&self, sealed: &[u8], column: &'static str) -> Result<Secret, SourceError> {
        let opened = self.house.keyring.open(cell(self.pair.organization, self.pair.mailbox, column), sealed);
        Ok(Secret::new(opened.map_err(|error| unsealed(&error))?.to_string()))
    }

    fn seal(&self, token: &Secret, column: &'static str) -> Result<Vec<u8>, SourceError> {
        let cell = cell(self.pair.organization, self.pair.mailbox, column);
        self.house.keyring.seal(cell, token.reveal()).map_err(|error| unsealed(&error))
    }
}

fn away(words: &str) -> SourceError {
    SourceError { trouble: SourceTrouble::Away, words: words.to_owned() }
}

/// Something of the house itself.
fn here(error: &dyn std::error::Error) -> SourceError {
    away(&error.to_string())
}

fn unsealed(error: &KeyringError) -> SourceError {
    if error.is_temporary() { here(error) } else { not_here(error.to_string()) }
}
