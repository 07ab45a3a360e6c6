//! Mailboxes that are opened with tokens: what is registered at a provider, and the tokens, sealed.
//!
//! What passes through: sealed secrets. Whoever asks a provider holds the lease of it meanwhile, for the token that was
//! used may be worth nothing afterwards; what came is committed before it is used.

use std::sync::Arc;

use model::schema::mailboxes::MailboxGrant;
use model::{Id, Timestamp};
use store::{HeldLease, Organization, Priority, SealedTokens, StoreError};

use crate::CrmError;

/// A person consents in a browser.
pub const BROWSER: i32 = 0;
/// A person consents on another device.
pub const DEVICE: i32 = 1;
/// The provider gives tokens to us by ourselves.
pub const CLIENT: i32 = 2;

/// How a mailbox is opened with tokens; `None` where it is opened with its password.
///
/// # Errors
/// Where the store cannot say.
pub fn of(organization: &Organization, mailbox: Id) -> Result<Option<MailboxGrant>, CrmError> {
    Ok(organization.read(|read| read.mailbox_grant(mailbox))?)
}

/// Sets how a mailbox is opened with tokens. There are none yet.
///
/// # Errors
/// Where the store cannot do it.
pub async fn set(organization: &Arc<Organization>, grant: MailboxGrant) -> Result<(), CrmError> {
    let unit = organization.unit(Priority::Background, move |tx| tx.set_mailbox_grant(&grant));
    Ok(unit.await?)
}

/// Takes the right to ask for tokens of a mailbox; `None` while somebody else has it.
///
/// # Errors
/// Where the store cannot say.
pub async fn begin(
    organization: &Arc<Organization>,
    (mailbox, owner): (Id, Id),
    now: Timestamp,
) -> Result<Option<HeldLease>, CrmError> {
    let name = format!("token/{mailbox}");
    let unit = organization.unit(Priority::Background, move |tx| tx.take_lease(&name, owner, now));
    Ok(unit.await?)
}

/// Holds that right for its whole time from now on; `false` where somebody else has it by now.
///
/// # Errors
/// Where the store cannot say.
pub async fn hold(
    organization: &Arc<Organization>,
    lease: HeldLease,
    now: Timestamp,
) -> Result<bool, CrmError> {
    let unit = organization.unit(Priority::Background, move |tx| tx.renew_lease(&lease, now));
    Ok(unit.await?)
}

/// Gives that right back.
pub async fn end(organization: &Arc<Organization>, lease: HeldLease) {
    let unit = organization.unit(Priority::Background, move |tx| tx.give_lease_back(&lease));
    // Else it runs out.
    let _: Result<(), StoreError> = unit.await;
}

/// Keeps tokens in place of those of this version. `false` where somebody else did so meanwhile, or has the right to:
/// then these are not to be used.
///
/// # Errors
/// Where the store cannot do it.
pub async fn keep(
    organization: &Arc<Organization>,
    (grant, lease): (&MailboxGrant, HeldLease),
    tokens: SealedTokens,
    now: Timestamp,
) -> Result<bool, CrmError> {
    let place = (grant.mailboxid, grant.version);
    let unit = organization.unit(Priority::Background, move |tx| {
        Ok::<_, StoreError>(tx.is_held(&lease)? && tx.set_mailbox_tokens(place, &tokens, now)?)
    });
    Ok(unit.await?)
}

/// Forgets the access token of this version, which the mail server refused.
///
/// # Errors
/// Where the store cannot do it.
pub async fn forget_access(
    organization: &Arc<Organization>,
    (mailbox, version): (Id, i64),
) -> Result<(), CrmError> {
    let unit = organization.unit(Priority::Background, move |tx| tx.forget_access_token((mailbox, version)));
    Ok(unit.await?)
}
