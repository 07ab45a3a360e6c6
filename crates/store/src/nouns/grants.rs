//! How mailboxes are opened with tokens, and the tokens, sealed.
//!
//! *Invariant:* tokens are written over those that were read, and over no others.

use model::schema::mailboxes::MailboxGrant;
use model::{Id, Timestamp};

use crate::StoreError;
use crate::rows::{Read, Tx};

/// Tokens to be kept, sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedTokens {
    /// Opens the mailbox.
    pub access: Vec<u8>,
    /// Until then.
    pub expires: Timestamp,
    /// Brings the next ones; `None` leaves the one that is there.
    pub refresh: Option<Vec<u8>>,
    /// Somebody has just consented.
    pub is_consent: bool,
}

/// A cell that holds a sealed secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretColumn {
    /// `mailbox.password`.
    Password,
    /// `mailboxgrant.clientsecret`.
    ClientSecret,
    /// `mailboxgrant.refreshtoken`.
    RefreshToken,
    /// `mailboxgrant.accesstoken`.
    AccessToken,
    /// `emailserverprofile.outgoingpassword`.
    RelayPassword,
    /// `domainkey.privatekey`.
    SigningKey,
}

impl SecretColumn {
    /// The table, as it is declared.
    pub fn table(self) -> &'static str {
        match self {
            SecretColumn::Password => "mailbox",
            SecretColumn::RelayPassword => "emailserverprofile",
            SecretColumn::SigningKey => "domainkey",
            SecretColumn::ClientSecret | SecretColumn::RefreshToken | SecretColumn::AccessToken => {
                "mailboxgrant"
            }
        }
    }

    /// The column, as it is declared.
    pub fn column(self) -> &'static str {
        match self {
            SecretColumn::Password => "password",
            SecretColumn::ClientSecret => "clientsecret",
            SecretColumn::RefreshToken => "refreshtoken",
            SecretColumn::AccessToken => "accesstoken",
            SecretColumn::RelayPassword => "outgoingpassword",
            SecretColumn::SigningKey => "privatekey",
        }
    }
}

impl Read<'_> {
    /// How a mailbox is opened with tokens; `None` where it is opened with a password.
    pub fn mailbox_grant(&self, mailbox: Id) -> Result<Option<MailboxGrant>, StoreError> {
        self.noun("where mailboxid = ?1", &[mailbox.into()])
    }

    /// All of them.
    pub fn mailbox_grants(&self) -> Result<Vec<MailboxGrant>, StoreError> {
        self.nouns("order by mailboxid", &[])
    }
}

impl Tx<'_> {
    /// Sets how a mailbox is opened with tokens, in place of what was set.
    pub fn set_mailbox_grant(&mut self, grant: &MailboxGrant) -> Result<(), StoreError> {
        self.remove_mailbox_grant(grant.mailboxid)?;
        self.insert(grant)
    }

    /// From now on a mailbox is opened with its password.
    pub fn remove_mailbox_grant(&mut self, mailbox: Id) -> Result<(), StoreError> {
        self.execute("delete from mailboxgrant where mailboxid = ?1", &[mailbox.into()]).map(drop)
    }

    /// Writes tokens over those of this version; `false` where others were written meanwhile.
    pub fn set_mailbox_tokens(
        &mut self,
        (mailbox, version): (Id, i64),
        tokens: &SealedTokens,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "update mailboxgrant set accesstoken = ?3, tokenexpireson = ?4, version = version + 1,
                refreshtoken = coalesce(?5, refreshtoken), grantedon = coalesce(?6, grantedon)
            where mailboxid = ?1 and version = ?2";
        let granted = tokens.is_consent.then_some(now);
        let params = [
            mailbox.into(),
            version.into(),
            (&tokens.access).into(),
            tokens.expires.into(),
            tokens.refresh.as_ref().into(),
            granted.into(),
        ];
        Ok(self.execute(sql, &params)? == 1)
    }

    /// Writes a secret of a row that was sealed anew; `false` where another one stands there by now.
    pub fn reseal(
        &mut self,
        (column, row): (SecretColumn, Id),
        (former, sealed): (&Vec<u8>, &Vec<u8>),
    ) -> Result<bool, StoreError> {
        let sql = match column {
            SecretColumn::Password => {
                "update mailbox set password = ?3 where mailboxid = ?1 and password = ?2"
            }
            SecretColumn::ClientSecret => {
                "update mailboxgrant set clientsecret = ?3 where mailboxid = ?1 and clientsecret = ?2"
            }
            SecretColumn::RefreshToken => {
                "update mailboxgrant set refreshtoken = ?3 where mailboxid = ?1 and refreshtoken = ?2"
            }
            SecretColumn::AccessToken => {
                "update mailboxgrant set accesstoken = ?3 where mailboxid = ?1 and accesstoken = ?2"
            }
            SecretColumn::RelayPassword => {
                "update emailserverprofile set outgoingpassword = ?3 \
                 where emailserverprofileid = ?1 and outgoingpassword = ?2"
            }
            SecretColumn::SigningKey => {
                "update domainkey set privatekey = ?3 where domainkeyid = ?1 and privatekey = ?2"
            }
        };
        Ok(self.execute(sql, &[row.into(), former.into(), sealed.into()])? == 1)
    }

    /// Forgets the access token of this version, which the mail server refused: the next sign-in asks for another one.
    /// The version stays, for somebody may be asking already.
    pub fn forget_access_token(&mut self, (mailbox, version): (Id, i64)) -> Result<(), StoreError> {
        let sql = "update mailboxgrant set accesstoken = null, tokenexpireson = null
            where mailboxid = ?1 and version = ?2";
        self.execute(sql, &[mailbox.into(), version.into()]).map(drop)
    }
}
