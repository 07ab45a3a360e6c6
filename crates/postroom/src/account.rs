//! A mailbox at somebody else's server: where it is, and as whom it is opened.
//!
//! What passes through: the row of a mailbox becomes a session with its server.
//!
//! *Invariant:* secrets are opened for one session, and kept nowhere.

use std::sync::Arc;

use connect::imap::{NONCE_BYTES, Session};
use connect::pop3::Pop3;
use connect::{ConnectError, Kind, Login, Patience, Secret, Target, TlsMode};
use crm::mailboxes::{NONE, Opening, STARTTLS, Watched};
use model::schema::mailboxes::EmailServerProfile;
use poll::{Pair, SourceError, SourceTrouble};

use crate::commands::password_of;
use crate::house::{House, random};

mod tokens;

use tokens::Version;
pub(crate) use tokens::{Consent, cell};

/// A mailbox and its server.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) house: Arc<House>,
    pub(crate) pair: Pair,
    pub(crate) row: Arc<Watched>,
}

impl Account {
    /// Signs in at an IMAP server.
    pub(crate) async fn imap(&self, patience: Patience) -> Result<Session, SourceError> {
        let (login, nonce, token) = self.sign_in().await?;
        let opened = Session::open(&target(&self.row.server), &login, &nonce, patience).await;
        self.opened(opened, token).await
    }

    /// Signs in at a POP3 server.
    pub(crate) async fn pop3(&self, patience: Patience) -> Result<Pop3, SourceError> {
        let (login, nonce, token) = self.sign_in().await?;
        let opened = Pop3::open(&target(&self.row.server), &login, &nonce, patience).await;
        self.opened(opened, token).await
    }

    /// As whom, random bytes for it, and which token it is.
    async fn sign_in(&self) -> Result<(Login, [u8; NONCE_BYTES], Option<Version>), SourceError> {
        let user = self.row.mailbox.username.clone();
        let (login, version) = match self.row.opening {
            Opening::Password => (Login::Password { user, secret: Secret::new(self.password()?) }, None),
            Opening::Tokens(_) => {
                let (token, version) = self.access_token().await?;
                (Login::Bearer { user, token }, Some(version))
            }
        };
        let nonce = random().map_err(|error| not_here(error.to_string()))?;
        Ok((login, nonce, version))
    }

    /// A token that the server refuses is not tried again, though it would last longer.
    async fn opened<S>(
        &self,
        opened: Result<S, ConnectError>,
        token: Option<Version>,
    ) -> Result<S, SourceError> {
        let is_refused = opened.as_ref().is_err_and(|error| error.kind == Kind::Refused);
        if let Some(version) = token.filter(|_| is_refused) {
            self.forget_access_token(version).await;
        }
        Ok(opened?)
    }

    fn password(&self) -> Result<String, SourceError> {
        let mailbox = &self.row.mailbox;
        let Some(sealed) = &mailbox.password else {
            return Err(not_here("no password was given for it: `postroom mailbox password`".to_owned()));
        };
        let of = password_of(self.pair.organization, mailbox.mailboxid);
        let opened = self.house.keyring.open(of, sealed).map_err(|error| not_here(error.to_string()))?;
        Ok(opened.to_string())
    }
}

/// Where a server is, and how far the line to it is to be trusted.
pub(crate) fn target(server: &EmailServerProfile) -> Target {
    let tls = match server.incomingtlsmode {
        NONE => TlsMode::None,
        STARTTLS => TlsMode::Starttls,
        _ => TlsMode::Implicit,
    };
    Target {
        host: server.incomingserverlocation.clone(),
        port: u16::try_from(server.incomingportnumber).unwrap_or_default(),
        tls,
        authority: server.certificateauthority.clone().map(String::into_bytes),
        is_trusted_line: false,
    }
}

fn not_here(words: String) -> SourceError {
    SourceError { trouble: SourceTrouble::NotOffered, words }
}
