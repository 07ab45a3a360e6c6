//! Mailboxes at mail servers that are watched: they are added here, and their ledger is kept.
//!
//! What passes through: what an administrator says of servers and mailboxes, and what whoever watches a mailbox saw in
//! it. Nothing here speaks with a mail server.

pub mod grants;
pub mod ledger;
mod not_given;
pub mod retention;
pub mod secrets;
pub mod standing;
pub mod users;

use std::sync::Arc;

use model::schema::mailboxes::{EmailServerProfile, Mailbox};
use model::{EmailAddress, Id, Moment, Timestamp, limits};
use store::{Organization, Priority, StoreError};

use crate::CrmError;

/// The state of a mailbox that is watched.
pub const ACTIVE: i32 = 0;
/// The state of one that is left alone.
pub const PAUSED: i32 = 1;
/// A server of `SERVER_TYPES` that speaks IMAP.
pub const IMAP: i32 = 4;
/// One that speaks POP3.
pub const POP3: i32 = 1;
/// A connection of `TLS_MODES` that stays as it is.
pub const NONE: i32 = 0;
/// One that is protected once it stands.
pub const STARTTLS: i32 = 1;

/// One that is no server: a Maildir of this machine.
pub const MAILDIR: i32 = 100;

/// A mail server to be added.
#[derive(Debug, Clone)]
pub struct NewServer {
    /// Its name here.
    pub name: String,
    /// How it is spoken with, of `SERVER_TYPES`.
    pub kind: i32,
    /// Its host; of a Maildir the folder.
    pub location: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected, of `TLS_MODES`.
    pub tls: i32,
    /// PEM of the authorities that are believed instead of the machine's.
    pub authority: Option<String>,
    /// Seconds between two sessions, where news cannot be waited for in one.
    pub polling_interval: u32,
}

/// Where a mailbox is, and who signs in there.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// The mailbox's name here, for good.
    pub name: String,
    /// The server it is at.
    pub server: Id,
    /// Who signs in there.
    pub username: String,
    /// The sealed password.
    pub password: Option<Vec<u8>>,
}

/// A forward mailbox to be added.
#[derive(Debug, Clone)]
pub struct NewForwardMailbox {
    /// Where it is.
    pub account: NewAccount,
    /// The sink that it is the mailbox of.
    pub sink: Id,
    /// Where messages go that cannot be processed.
    pub undeliverable_folder: String,
    /// What the administrator says of it.
    pub promises: Promises,
}

/// What nobody but the administrator can know of a mailbox. Both are no unless he says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Promises {
    /// Nobody else deletes there: all that is marked as deleted may be expunged.
    pub is_exclusive: bool,
    /// What brings mail there refuses our own domains from outside, so that From may be believed.
    pub is_refusing: bool,
}

/// Adds a mail server.
///
/// # Errors
/// [`CrmError::Taken`] where the name is; [`CrmError::Invalid`].
pub async fn add_server(
    organization: &Arc<Organization>,
    new: NewServer,
    moment: Moment,
) -> Result<EmailServerProfile, CrmError> {
    let profile = EmailServerProfile {
        emailserverprofileid: moment.id(),
        name: named(&new.name)?,
        servertype: new.kind,
        incomingserverlocation: new.location,
        incomingportnumber: i32::from(new.port),
        incomingtlsmode: new.tls,
        certificateauthority: new.authority,
        pollinginterval: i32::try_from(new.polling_interval).unwrap_or(i32::MAX),
        createdon: moment.now,
        outgoingserverlocation: None,
        outgoingportnumber: None,
        outgoingtlsmode: None,
        outgoingusername: None,
        outgoingpassword: None,
        returndomain: None,
    };
    let added = profile.clone();
    let unit = organization.unit(Priority::Background, move |tx| tx.add_email_server_profile(&added));
    unit.await.map_err(|error| taken(error, &profile.name))?;
    Ok(profile)
}

/// Adds a forward mailbox.
///
/// # Errors
/// [`CrmError::Taken`] where the name is; [`CrmError::NotFound`] where the server or the sink is not there;
/// [`CrmError::Invalid`].
pub async fn add_forward_mailbox(
    organization: &Arc<Organization>,
    new: NewForwardMailbox,
    moment: Moment,
) -> Result<Mailbox, CrmError> {
    let sink = organization.read(|read| read.sink(new.sink))?;
    sink.ok_or(CrmError::NotFound { what: "the sink" })?;
    let of_nobody = of_nobody(new.account, &moment)?;
    let mailbox = Mailbox {
        sinkid: Some(new.sink),
        undeliverablefolder: new.undeliverable_folder,
        isexclusive: new.promises.is_exclusive,
        isrefusing: new.promises.is_refusing,
        ..of_nobody
    };
    add(organization, mailbox).await
}

/// A mailbox that is neither a sink's nor a user's yet.
fn of_nobody(account: NewAccount, moment: &Moment) -> Result<Mailbox, CrmError> {
    Ok(Mailbox {
        mailboxid: moment.id(),
        name: named(&account.name)?,
        emailserverprofile: account.server,
        username: account.username,
        password: account.password,
        sinkid: None,
        systemuserid: None,
        sentfolder: None,
        otherfolders: None,
        processemailreceivedafter: None,
        undeliverablefolder: String::new(),
        isexclusive: false,
        isrefusing: false,
        statecode: ACTIVE,
        createdon: moment.now,
        keepssentof: None,
    })
}

async fn add(organization: &Arc<Organization>, mailbox: Mailbox) -> Result<Mailbox, CrmError> {
    let server = organization.read(|read| read.email_server_profile(mailbox.emailserverprofile))?;
    server.ok_or(CrmError::NotFound { what: "the mail server" })?;
    let added = mailbox.clone();
    let unit = organization.unit(Priority::Background, move |tx| tx.add_mailbox(&added));
    unit.await.map_err(|error| taken(error, &mailbox.name))?;
    Ok(mailbox)
}

/// A mailbox that is to be watched, and its server.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// The server it is at.
    pub server: EmailServerProfile,
    /// How it is opened.
    pub opening: Opening,
}

/// How a mailbox is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// With its password.
    Password,
    /// With tokens, and since when somebody consents to them.
    Tokens(Option<Timestamp>),
}

/// The mailboxes of an organization that are to be watched, by name. Those of disabled users are left alone.
///
/// # Errors
/// Where the store cannot say.
pub fn watched(organization: &Organization) -> Result<Vec<Watched>, CrmError> {
    let mut watched = all(organization)?;
    watched.retain(|watched| watched.mailbox.statecode == ACTIVE);
    users::retain_enabled(organization, &mut watched)?;
    Ok(watched)
}

/// All mailboxes of an organization, by name.
///
/// # Errors
/// Where the store cannot say.
pub fn all(organization: &Organization) -> Result<Vec<Watched>, CrmError> {
    let all = organization.read(|read| {
        let mut all = Vec::new();
        let grants = read.mailbox_grants()?;
        for mailbox in read.mailboxes()? {
            let grant = grants.iter().find(|grant| grant.mailboxid == mailbox.mailboxid);
            let opening = grant.map_or(Opening::Password, |grant| Opening::Tokens(grant.grantedon));
            if let Some(server) = read.email_server_profile(mailbox.emailserverprofile)? {
                all.push(Watched { mailbox, server, opening });
            }
        }
        Ok::<_, StoreError>(all)
    });
    Ok(all?)
}

/// The mail servers of an organization, by name.
///
/// # Errors
/// Where the store cannot say.
pub fn servers(organization: &Organization) -> Result<Vec<EmailServerProfile>, CrmError> {
    Ok(organization.read(|read| read.email_server_profiles())?)
}

/// Keeps another password, sealed, for a mailbox, which is opened with it from now on and not with tokens.
///
/// # Errors
/// [`CrmError::NotFound`] where the mailbox is not there any more.
pub async fn set_password(
    organization: &Arc<Organization>,
    mailbox: Id,
    sealed: Vec<u8>,
) -> Result<(), CrmError> {
    let unit = organization.unit(Priority::Background, move |tx| {
        tx.remove_mailbox_grant(mailbox)?;
        tx.set_mailbox_password(mailbox, Some(&sealed))
    });
    let is_there: bool = unit.await?;
    if is_there { Ok(()) } else { Err(CrmError::NotFound { what: "the mailbox" }) }
}

/// Has a mailbox watched, or left alone.
///
/// # Errors
/// [`CrmError::NotFound`] where there is no mailbox of this name.
pub async fn set_state(
    organization: &Arc<Organization>,
    name: &str,
    is_active: bool,
) -> Result<(), CrmError> {
    let (name, state) = (name.to_owned(), if is_active { ACTIVE } else { PAUSED });
    let unit = organization.unit(Priority::Background, move |tx| tx.set_mailbox_state(&name, state));
    let is_there: bool = unit.await?;
    if is_there { Ok(()) } else { Err(CrmError::NotFound { what: "the mailbox" }) }
}

/// Changes what the administrator says of a sink mailbox; what is `None` stays.
///
/// # Errors
/// [`CrmError::NotFound`] where there is no mailbox of this name; [`CrmError::Invalid`] where it is a user's own.
pub async fn set_promises(
    organization: &Arc<Organization>,
    name: &str,
    (is_exclusive, is_refusing): (Option<bool>, Option<bool>),
) -> Result<(), CrmError> {
    let name = name.to_owned();
    let unit = organization.unit(Priority::Background, move |tx| {
        let Some(mailbox) = tx.mailbox_by_name(&name)? else { return Ok(None) };
        let promises =
            (is_exclusive.unwrap_or(mailbox.isexclusive), is_refusing.unwrap_or(mailbox.isrefusing));
        if mailbox.sinkid.is_some() {
            tx.set_mailbox_promises(mailbox.mailboxid, promises)?;
        }
        Ok::<_, StoreError>(Some(mailbox.sinkid.is_some()))
    });
    match unit.await? {
        Some(true) => Ok(()),
        Some(false) => Err(CrmError::Invalid("in a user's own mailbox nothing is ever changed".to_owned())),
        None => Err(CrmError::NotFound { what: "the mailbox" }),
    }
}

/// Says whether what goes out as the mail of a mailbox's user is put into its folder of sent mail.
///
/// # Errors
/// [`CrmError::NotFound`] where there is no mailbox of this name; [`CrmError::Invalid`] where it is no user's own, or at no server of
/// IMAP.
pub async fn set_keeps_sent(
    organization: &Arc<Organization>,
    name: &str,
    keeps: bool,
) -> Result<(), CrmError> {
    let mailbox = organization.read(|read| read.mailbox_by_name(name))?;
    let mailbox = mailbox.ok_or(CrmError::NotFound { what: "the mailbox" })?;
    let server = organization.read(|read| read.email_server_profile(mailbox.emailserverprofile))?;
    if mailbox.systemuserid.is_none() || server.is_none_or(|server| server.servertype != IMAP) {
        let words = "sent mail is put into a user's own mailbox at a server of IMAP alone";
        return Err(CrmError::Invalid(words.to_owned()));
    }
    let user = mailbox.systemuserid.filter(|_| keeps);
    let unit = organization.unit(Priority::Background, move |tx| tx.set_keeps_sent(mailbox.mailboxid, user));
    unit.await.map_err(|error: StoreError| error.into())
}

/// The sink with this address.
///
/// # Errors
/// [`CrmError::NotFound`].
pub fn sink(organization: &Organization, address: &EmailAddress) -> Result<Id, CrmError> {
    let sinks = organization.read(|read| read.sinks())?;
    let of_sink = |text: &str| EmailAddress::parse(text).map(|sink| sink.key());
    let sink = sinks.into_iter().find(|sink| of_sink(&sink.address) == Some(address.key()));
    sink.map(|sink| sink.sinkid).ok_or(CrmError::NotFound { what: "the sink" })
}

pub(crate) fn taken(error: StoreError, name: &str) -> CrmError {
    match error {
        StoreError::Conflict { .. } => CrmError::Taken { what: format!("the name {name}") },
        other => other.into(),
    }
}

/// It stands in the books, in commands and in lists.
pub(crate) fn named(name: &str) -> Result<String, CrmError> {
    let name = name.trim();
    let is_plain = !name.is_empty() && !name.contains(char::is_control);
    if !is_plain || name.chars().count() > limits::NAME_CHARS_MAX {
        let most = limits::NAME_CHARS_MAX;
        return Err(CrmError::Invalid(format!("a name has 1 to {most} characters, in one line")));
    }
    Ok(name.to_owned())
}
