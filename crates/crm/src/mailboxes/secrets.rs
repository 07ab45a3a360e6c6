//! All secrets of an organization that are sealed, to be counted by their keys and sealed anew.
//!
//! *Invariant:* a secret that was set meanwhile is never written over.

use std::sync::Arc;

use model::Id;
use store::{Organization, Priority, SecretColumn, StoreError};

use crate::CrmError;
use crate::secrets::Cell;

/// A secret as it stands in its row.
#[derive(Clone)]
pub struct Sealed {
    /// The mailbox, server or signing key that it is of.
    pub row: Id,
    /// Where it stands there.
    pub column: SecretColumn,
    /// The record.
    pub record: Vec<u8>,
}

impl Sealed {
    /// The cell that it was sealed for.
    pub fn cell(&self, organization: Id) -> Cell<'static> {
        Cell { organization, table: self.column.table(), row: self.row, column: self.column.column() }
    }
}

/// All of an organization.
///
/// # Errors
/// Where the store cannot say.
pub fn all(organization: &Organization) -> Result<Vec<Sealed>, CrmError> {
    let all = organization.read(|read| {
        let mut all = Vec::new();
        let mut add = |row, column, record: Option<Vec<u8>>| {
            all.extend(record.map(|record| Sealed { row, column, record }));
        };
        for mailbox in read.mailboxes()? {
            add(mailbox.mailboxid, SecretColumn::Password, mailbox.password);
        }
        for grant in read.mailbox_grants()? {
            add(grant.mailboxid, SecretColumn::ClientSecret, grant.clientsecret);
            add(grant.mailboxid, SecretColumn::RefreshToken, grant.refreshtoken);
            add(grant.mailboxid, SecretColumn::AccessToken, grant.accesstoken);
        }
        for server in read.email_server_profiles()? {
            add(server.emailserverprofileid, SecretColumn::RelayPassword, server.outgoingpassword);
        }
        for key in read.domain_keys()? {
            add(key.domainkeyid, SecretColumn::SigningKey, Some(key.privatekey));
        }
        Ok::<_, StoreError>(all)
    });
    Ok(all?)
}

/// Writes one that was sealed anew. `false` where another one stands there by now.
///
/// # Errors
/// Where the store cannot do it.
pub async fn replace(
    organization: &Arc<Organization>,
    former: Sealed,
    sealed: Vec<u8>,
) -> Result<bool, CrmError> {
    let unit = organization.unit(Priority::Background, move |tx| {
        tx.reseal((former.column, former.row), (&former.record, &sealed))
    });
    Ok(unit.await?)
}
