//! Ways out: servers, programs and folders that take an organization's mail and bring it on.

use std::sync::Arc;

use model::schema::mailboxes::EmailServerProfile;
use model::{EmailAddress, Id, Moment, limits};
use store::{Organization, Priority, Store, StoreError};

use super::{outside, ways};
use crate::CrmError;
use crate::mailboxes::taken;
use crate::records::{self, RouteTo};
use crate::tokens::RETURN_PATH;

/// A server of `SERVER_TYPES` that takes mail by SMTP.
pub const SMTP: i32 = 101;
/// One that takes it by LMTP (RFC 2033).
pub const LMTP: i32 = 103;
/// A program of this machine that takes it as `sendmail` does.
pub const PROGRAM: i32 = 104;
/// A folder of this machine out of which a server picks it up.
pub const PICKUP: i32 = 105;
/// All of them.
pub const RELAY_KINDS: [i32; 4] = [SMTP, LMTP, PROGRAM, PICKUP];

/// A relay to be added.
#[derive(Debug, Clone)]
pub struct NewRelay {
    /// Its name here.
    pub name: String,
    /// How it takes mail, of [`RELAY_KINDS`].
    pub kind: i32,
    /// Its host; the path of a socket, a program or a folder.
    pub host: String,
    /// Its port; 0 where it has none.
    pub port: u16,
    /// How the connection is protected, of `TLS_MODES`.
    pub tls: i32,
    /// PEM of the authorities that are believed instead of the machine's.
    pub authority: Option<String>,
    /// Who signs in there, and the sealed password; nobody where it takes mail without.
    pub login: Option<(String, Vec<u8>)>,
    /// The domain of return paths; see [`lead_back`].
    pub return_domain: Option<String>,
}

/// A relay: where it is, and how it is spoken with.
#[derive(Clone, PartialEq, Eq)]
pub struct Relay {
    /// The profile that it is.
    pub id: Id,
    /// How it takes mail, of [`RELAY_KINDS`].
    pub kind: i32,
    /// Its host; the path of a socket, a program or a folder.
    pub host: String,
    /// Its port; 0 where it has none.
    pub port: u16,
    /// How the connection is protected, of `TLS_MODES`.
    pub tls: i32,
    /// PEM of the authorities that are believed instead of the machine's.
    pub authority: Option<String>,
    /// Who signs in there, and the sealed password.
    pub login: Option<(String, Vec<u8>)>,
}

/// Adds a relay, whose row gets the first id of the moment: its password is sealed for that. The first way out is that of the
/// organization's mail, unless another is set; see [`set_way`](super::set_way).
///
/// # Errors
/// [`CrmError::Taken`] where the name is; [`CrmError::Invalid`].
pub async fn add_relay(
    organization: &Arc<Organization>,
    new: NewRelay,
    moment: Moment,
) -> Result<Id, CrmError> {
    let (outgoingusername, outgoingpassword) = new.login.unzip();
    let profile = EmailServerProfile {
        certificateauthority: new.authority,
        outgoingserverlocation: Some(new.host),
        outgoingportnumber: Some(i32::from(new.port)),
        outgoingtlsmode: Some(new.tls),
        outgoingusername,
        outgoingpassword,
        returndomain: new.return_domain,
        ..way_out((&new.name, new.kind), &moment)?
    };
    add_way(organization, profile).await
}

/// A way out of which no more is known than its name and kind.
pub(super) fn way_out(
    (name, servertype): (&str, i32),
    moment: &Moment,
) -> Result<EmailServerProfile, CrmError> {
    Ok(EmailServerProfile {
        emailserverprofileid: moment.id(),
        name: ways::named(name)?,
        servertype,
        incomingserverlocation: String::new(),
        incomingportnumber: 0,
        incomingtlsmode: 0,
        certificateauthority: None,
        pollinginterval: 0,
        createdon: moment.now,
        outgoingserverlocation: None,
        outgoingportnumber: None,
        outgoingtlsmode: None,
        outgoingusername: None,
        outgoingpassword: None,
        returndomain: None,
    })
}

pub(super) async fn add_way(
    organization: &Arc<Organization>,
    profile: EmailServerProfile,
) -> Result<Id, CrmError> {
    let (id, name) = (profile.emailserverprofileid, profile.name.clone());
    let unit = organization.unit(Priority::Background, move |tx| tx.add_email_server_profile(&profile));
    unit.await.map_err(|error| taken(error, &name))?;
    Ok(id)
}

/// Says anew where a relay is, and who signs in there; its name stays.
///
/// # Errors
/// [`CrmError::NotFound`] where it is not there any more.
pub async fn set_relay(organization: &Arc<Organization>, id: Id, new: NewRelay) -> Result<(), CrmError> {
    let unit = organization.unit(Priority::Background, move |tx| {
        // What outside senders pull goes by no relay.
        let known = tx.email_server_profile(id)?.filter(|known| !outside::is_outside(known));
        let Some(known) = known else { return Ok(false) };
        let (outgoingusername, outgoingpassword) = new.login.clone().unzip();
        tx.set_relay(&EmailServerProfile {
            servertype: new.kind,
            certificateauthority: new.authority.clone(),
            outgoingserverlocation: Some(new.host.clone()),
            outgoingportnumber: Some(i32::from(new.port)),
            outgoingtlsmode: Some(new.tls),
            outgoingusername,
            outgoingpassword,
            returndomain: new.return_domain.clone(),
            ..known
        })
    });
    let is_there: bool = unit.await.map_err(|error: StoreError| CrmError::from(error))?;
    if is_there { Ok(()) } else { Err(CrmError::NotFound { what: "the relay" }) }
}

/// Has what comes to the return paths of a domain lead to this organization, and gives the domain as it is compared. It goes
/// on leading there when a relay has another domain later: what went out before may still come back.
///
/// # Errors
/// [`CrmError::Invalid`] where it is no domain; [`CrmError::Taken`] where it leads elsewhere.
pub fn lead_back(store: &Store, organization: &Organization, domain: &str) -> Result<String, CrmError> {
    let address = EmailAddress::parse(&format!("{RETURN_PATH}@{domain}"));
    let is_plain = domain.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '.');
    let address = address.filter(|_| is_plain && domain.len() <= limits::DOMAIN_BYTES_MAX);
    let address = address.ok_or_else(|| CrmError::Invalid(format!("{domain} is no domain")))?;
    records::publish(store, organization, &address, RouteTo::Return(organization.id()))?;
    Ok(address.domain_key().trim_start_matches('@').to_owned())
}

/// The ways out of an organization, relays and those of outside senders, the first one first.
///
/// # Errors
/// Where the store cannot say.
pub fn relays(organization: &Organization) -> Result<Vec<EmailServerProfile>, CrmError> {
    let mut profiles = crate::mailboxes::servers(organization)?;
    profiles.retain(is_way_out);
    profiles.sort_by_key(|profile| (profile.createdon, profile.emailserverprofileid));
    Ok(profiles)
}

/// Whether mail goes out there: it holds no mailboxes.
pub fn is_way_out(profile: &EmailServerProfile) -> bool {
    RELAY_KINDS.contains(&profile.servertype) || outside::is_outside(profile)
}

/// Where a relay is; `None` where it is known no more.
///
/// # Errors
/// Where the store cannot say.
pub fn relay(organization: &Organization, id: Id) -> Result<Option<Relay>, CrmError> {
    let profile = organization.read(|read| read.email_server_profile(id))?;
    Ok(profile.and_then(|profile| {
        Some(Relay {
            id,
            kind: profile.servertype,
            host: profile.outgoingserverlocation?,
            port: u16::try_from(profile.outgoingportnumber?).ok()?,
            tls: profile.outgoingtlsmode?,
            authority: profile.certificateauthority,
            login: profile.outgoingusername.zip(profile.outgoingpassword),
        })
    }))
}
