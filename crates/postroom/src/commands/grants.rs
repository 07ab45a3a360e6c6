//! Commands about mailboxes that are opened with tokens of OAuth 2.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use connect::oauth::{self, DeviceCode, Grant};
use connect::{Patience, Secret};
use crm::mailboxes::grants;
use model::schema::mailboxes::MailboxGrant;
use poll::SourceError;
use serde::{Deserialize, Serialize};

use super::{CommandError, Reply, servers};
use crate::account::{self, Consent};
use crate::house::{House, random};

/// How tokens for a mailbox are given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GrantKind {
    /// A person consents in a browser.
    Browser,
    /// A person consents on another device.
    Device,
    /// The provider gives them to the client itself.
    Client,
}

/// A text that is shown nowhere by itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hidden(pub String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// A mailbox is to be opened with tokens from now on.
#[derive(Debug, Serialize, Deserialize)]
pub struct SetMailboxGrant {
    /// The organization's name.
    pub organization: String,
    /// The mailbox's name.
    pub mailbox: String,
    /// How tokens are given out.
    pub kind: GrantKind,
    /// What we are registered as.
    pub client: String,
    /// What proves it, where the provider gave something.
    pub secret: Option<Hidden>,
    /// Where tokens are given out.
    pub token_url: String,
    /// Where a person consents in a browser.
    pub authorize_url: Option<String>,
    /// Where a code for another device is given out.
    pub device_url: Option<String>,
    /// PEM of the authorities that are believed of the provider, instead of the machine's.
    pub authority: Option<String>,
    /// What the tokens are for.
    pub scope: String,
}

/// About tokens that open a mailbox.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GrantRequest {
    /// They open it from now on.
    Set(SetMailboxGrant),
    /// Begins a consent to them.
    Begin {
        /// The organization's name.
        organization: String,
        /// The mailbox's name.
        mailbox: String,
        /// Where a browser is sent back to.
        redirect: String,
    },
    /// Asks for the first ones.
    End {
        /// The organization's name.
        organization: String,
        /// The mailbox's name.
        mailbox: String,
        /// What the person brought back.
        proof: ConsentProof,
    },
}

/// What a person has to do to consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConsentStep {
    /// Open a page in a browser, and bring back where it ends.
    Browser {
        /// The page.
        page: String,
        /// What has to come back beside the code.
        state: Hidden,
        /// For the end of the consent.
        verifier: Hidden,
    },
    /// Open a page and type a code.
    Device {
        /// The page.
        page: String,
        /// What is to be typed.
        code: String,
        /// For the end of the consent.
        device: Hidden,
        /// How often it may be asked, in seconds.
        interval: u64,
        /// How long there is time, in seconds.
        lifetime: u64,
    },
    /// Nothing: there are tokens.
    Nothing,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConsentProof {
    /// The browser ended at this code.
    Browser {
        /// The code.
        code: Hidden,
        /// Of the beginning.
        verifier: Hidden,
        /// Where the browser was sent back to.
        redirect: String,
    },
    /// The other device.
    Device(Hidden),
}

/// How far a consent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConsentState {
    /// There are tokens.
    Given,
    /// Ask again.
    Awaited,
    /// Ask again, five seconds more apart.
    TooOften,
}

pub(super) async fn run(house: &Arc<House>, request: GrantRequest) -> Result<Reply, CommandError> {
    match request {
        GrantRequest::Set(new) => set(house, new).await,
        GrantRequest::Begin { organization, mailbox, redirect } => {
            begin(house, (&organization, &mailbox), &redirect).await
        }
        GrantRequest::End { organization, mailbox, proof } => {
            end(house, (&organization, &mailbox), proof).await
        }
    }
}

/// The mailbox has no tokens from then on, whatever it had.
async fn set(house: &Arc<House>, new: SetMailboxGrant) -> Result<Reply, CommandError> {
    let account = servers::account(house, (&new.organization, &new.mailbox))?;
    let organization = super::organization(house, &new.organization)?;
    let cell = account::cell(account.pair.organization, account.pair.mailbox, "clientsecret");
    let seal = |secret: &Hidden| house.keyring.seal(cell, &secret.0);
    let grant = MailboxGrant {
        mailboxid: account.pair.mailbox,
        granttype: match new.kind {
            GrantKind::Browser => grants::BROWSER,
            GrantKind::Device => grants::DEVICE,
            GrantKind::Client => grants::CLIENT,
        },
        clientid: new.client,
        clientsecret: new.secret.as_ref().map(seal).transpose()?,
        tokenurl: new.token_url,
        authorizeurl: new.authorize_url,
        deviceurl: new.device_url,
        certificateauthority: new.authority,
        scope: new.scope,
        refreshtoken: None,
        accesstoken: None,
        tokenexpireson: None,
        // Whoever has read what stood here before writes nothing over this.
        version: house.now().0,
        grantedon: None,
        createdon: house.now(),
    };
    grants::set(&organization, grant).await?;
    Ok(Reply::Done)
}

/// Begins a consent. Nothing is kept here meanwhile: whoever asked brings everything back.
async fn begin(house: &Arc<House>, of: (&str, &str), redirect: &str) -> Result<Reply, CommandError> {
    let account = servers::account(house, of)?;
    let (_, grant) = account.grant().await.map_err(refused)?;
    let provider = account.provider(&grant).map_err(refused)?;
    Ok(Reply::ConsentStep(match grant.granttype {
        grants::BROWSER => {
            let (verifier, state) = (oauth::verifier(&random()?), oauth::verifier(&random()?));
            let page = oauth::consent_url(&provider, redirect, (&verifier, &state));
            let page = page.map_err(|error| refused(error.into()))?;
            ConsentStep::Browser { page, state: Hidden(state), verifier: Hidden(verifier) }
        }
        grants::DEVICE => {
            let begun = oauth::begin_device(&provider, PATIENCE).await;
            let DeviceCode { device, user_code, page, interval, lifetime } =
                begun.map_err(|error| refused(error.into()))?;
            ConsentStep::Device {
                page,
                code: user_code,
                device: Hidden(device.reveal().to_owned()),
                interval: interval.as_secs(),
                lifetime: lifetime.as_secs(),
            }
        }
        _ => {
            account.consent(Grant::Client).await.map_err(refused)?;
            ConsentStep::Nothing
        }
    }))
}

/// Asks for tokens with what a person brought back.
async fn end(house: &Arc<House>, of: (&str, &str), proof: ConsentProof) -> Result<Reply, CommandError> {
    let account = servers::account(house, of)?;
    let with = match proof {
        ConsentProof::Browser { code, verifier, redirect } => {
            Grant::Code { code: Secret::new(code.0), verifier: Secret::new(verifier.0), redirect }
        }
        ConsentProof::Device(device) => Grant::Device(Secret::new(device.0)),
    };
    Ok(Reply::Consent(match account.consent(with).await.map_err(refused)? {
        Consent::Given => ConsentState::Given,
        Consent::Awaited(false) => ConsentState::Awaited,
        Consent::Awaited(true) => ConsentState::TooOften,
    }))
}

/// Somebody waits for the answer.
const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(10),
    answer: Duration::from_secs(20),
    bytes_per_second: u64::MAX,
};

fn refused(error: SourceError) -> CommandError {
    CommandError::Elsewhere(error.words)
}
