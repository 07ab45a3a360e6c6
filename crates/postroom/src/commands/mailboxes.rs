//! Commands about mailboxes at mail servers that are watched.

use std::fmt;

use crm::mailboxes::{self, NewAccount, NewForwardMailbox, NewServer, Promises, standing};
use crm::secrets::Cell;
use model::{Id, limits};
use poll::{Live, Pair, Progress};
use serde::{Deserialize, Serialize};
use store::Organization;

use super::mail::rfc_3339;
use super::{CommandError, Reply, address, organization};
use crate::house::House;

/// A mailbox to be watched.
#[derive(Serialize, Deserialize)]
pub struct AddMailbox {
    /// The organization's name.
    pub organization: String,
    /// The mailbox's name here, for good.
    pub name: String,
    /// Where it is.
    pub server: MailServer,
    /// Who signs in there.
    pub user: String,
    /// With which password; empty where it is to be opened with tokens.
    pub password: String,
    /// The address of the sink that it is the mailbox of.
    pub sink: String,
    /// What brings mail there refuses our own domains from outside.
    pub is_refusing: bool,
}

/// A mail server.
#[derive(Serialize, Deserialize)]
pub struct MailServer {
    /// How it is spoken with.
    pub protocol: Protocol,
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// When TLS begins, of `TLS_MODES`.
    pub tls: i32,
    /// PEM of the authorities that are believed instead of the machine's.
    pub authority: Option<String>,
    /// Seconds between two sessions, where news cannot be waited for in one; else as the house does it.
    pub polling_interval: Option<u32>,
}

/// How a mail server is spoken with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// IMAP.
    Imap,
    /// POP3.
    Pop3,
}

/// What nobody but the administrator can know of a sink mailbox; `None` leaves it as it is.
#[derive(Debug, Serialize, Deserialize)]
pub struct SetMailboxPromises {
    /// The organization's name.
    pub organization: String,
    /// The mailbox's name.
    pub mailbox: String,
    /// Whether nobody but Postroom removes anything there.
    pub is_exclusive: Option<bool>,
    /// Whether what brings mail there refuses our own domains from outside.
    pub is_refusing: Option<bool>,
    /// Of a user's own mailbox: whether what goes out as his mail is put into its folder of sent mail.
    #[serde(default)]
    pub keeps_sent: Option<bool>,
}

/// A mailbox in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MailboxRow {
    /// The organization's name.
    pub organization: String,
    /// The mailbox's name.
    pub name: String,
    /// Who signs in, and where.
    pub account: String,
    /// What brings mail there refuses our own domains from outside.
    pub is_refusing: bool,
    /// Nobody but Postroom removes anything there.
    pub is_exclusive: bool,
    /// Where what goes out as its user's mail is put into its folder of sent mail: how many mails wait for that, and why the last one
    /// that was tried does not lie there.
    pub sent_waiting: Option<(usize, Option<String>)>,
    /// How it goes, in words.
    pub state: String,
    /// When it was last known to be looked at to its end, as RFC 3339 writes it.
    pub succeeded: Option<String>,
    /// When it is tried again, where there is trouble.
    pub next_try: Option<String>,
    /// Messages that were seen there and have no end yet.
    pub waiting: i64,
    /// For how many seconds the first of them waits.
    pub lag_seconds: i64,
    /// How many messages there were put off, and why the last of them; `None` where none was.
    pub put_off: Option<(i64, String)>,
    /// The node that watches it, and when it told so; `None` where it is this one.
    pub told_by: Option<String>,
}

impl MailServer {
    /// One that is spoken with by IMAP.
    pub fn imap(host: &str, port: u16, (tls, authority): (i32, Option<String>)) -> Self {
        let (protocol, host) = (Protocol::Imap, host.to_owned());
        MailServer { protocol, host, port, tls, authority, polling_interval: None }
    }
}

impl fmt::Debug for AddMailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddMailbox").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The server gets the name of the mailbox.
pub(super) async fn add(house: &House, new: AddMailbox) -> Result<Reply, CommandError> {
    let organization = organization(house, &new.organization)?;
    let sink = mailboxes::sink(&organization, &address(&new.sink)?)?;
    let moment = house.moment()?;
    // The mailbox takes the first id of its moment, and the password is sealed for its row. Before anything is written: a
    // name that is taken is taken for good.
    let cell = password_of(organization.id(), moment.again().id());
    let password = sealed(house, cell, &new.password)?;
    let server =
        mailboxes::add_server(&organization, profile(&new.name, new.server), house.moment()?).await?;
    let mailbox = NewForwardMailbox {
        account: NewAccount {
            name: new.name,
            server: server.emailserverprofileid,
            username: new.user,
            password,
        },
        sink,
        undeliverable_folder: limits::UNDELIVERABLE_FOLDER.to_owned(),
        promises: Promises { is_exclusive: false, is_refusing: new.is_refusing },
    };
    mailboxes::add_forward_mailbox(&organization, mailbox, moment).await?;
    Ok(Reply::Done)
}

/// Without a password it is to be given later, or tokens will open the mailbox.
pub(super) fn sealed(house: &House, cell: Cell<'_>, password: &str) -> Result<Option<Vec<u8>>, CommandError> {
    match password {
        "" => Ok(None),
        password => Ok(Some(house.keyring.seal(cell, password)?)),
    }
}

/// The server of a mailbox of this name.
pub(super) fn profile(name: &str, server: MailServer) -> NewServer {
    NewServer {
        name: name.to_owned(),
        kind: match server.protocol {
            Protocol::Imap => mailboxes::IMAP,
            Protocol::Pop3 => mailboxes::POP3,
        },
        location: server.host,
        port: server.port,
        tls: server.tls,
        authority: server.authority,
        polling_interval: server.polling_interval.unwrap_or(limits::POP3_PAUSE_SECONDS),
    }
}

pub(super) async fn set_state(
    house: &House,
    (name, mailbox): (&str, &str),
    is_active: bool,
) -> Result<Reply, CommandError> {
    mailboxes::set_state(&organization(house, name)?, mailbox, is_active).await?;
    Ok(Reply::Done)
}

pub(super) async fn set_promises(house: &House, set: SetMailboxPromises) -> Result<Reply, CommandError> {
    let organization = organization(house, &set.organization)?;
    if let Some(keeps) = set.keeps_sent {
        mailboxes::set_keeps_sent(&organization, &set.mailbox, keeps).await?;
    }
    let promises = (set.is_exclusive, set.is_refusing);
    if promises != (None, None) {
        mailboxes::set_promises(&organization, &set.mailbox, promises).await?;
    }
    Ok(Reply::Done)
}

/// Has its folders begun anew.
pub(super) async fn resync(house: &House, (name, mailbox): (&str, &str)) -> Result<Reply, CommandError> {
    let organization = organization(house, name)?;
    let mailbox = standing::resync(&organization, mailbox).await?;
    house.boards.begin_anew(Pair { organization: organization.id(), mailbox });
    Ok(Reply::Done)
}

pub(super) fn list(
    house: &House,
    organizations: &[std::sync::Arc<Organization>],
) -> Result<Reply, CommandError> {
    let mut rows = Vec::new();
    for organization in organizations {
        let mut sent = crm::outbox::waiting_sent_copies(organization)?;
        for shown in house.shown_mailboxes(organization)? {
            let (mailbox, server) = (&shown.watched.mailbox, &shown.watched.server);
            let (host, port) = (&server.incomingserverlocation, server.incomingportnumber);
            let account = match server.servertype {
                mailboxes::MAILDIR => host.clone(),
                _ => format!("{} at {host}:{port}", mailbox.username),
            };
            rows.push(MailboxRow {
                organization: organization.name().to_owned(),
                name: mailbox.name.clone(),
                account,
                is_refusing: mailbox.isrefusing,
                is_exclusive: mailbox.isexclusive,
                sent_waiting: mailbox
                    .keepssentof
                    .map(|_| sent.remove(&mailbox.mailboxid).unwrap_or_default()),
                state: shown.state,
                succeeded: shown.succeeded.map(rfc_3339),
                next_try: shown.next_try.map(rfc_3339),
                waiting: shown.waiting,
                lag_seconds: shown.lag_seconds,
                put_off: shown.put_off,
                told_by: shown.told.map(|(node, time)| format!("{node}, {}", rfc_3339(time))),
            });
        }
    }
    Ok(Reply::Mailboxes(rows))
}

/// Where the password of a mailbox stands.
pub(crate) fn password_of(organization: Id, row: Id) -> Cell<'static> {
    Cell { organization, table: "mailbox", row, column: "password" }
}

/// How it goes, in words.
pub(crate) fn state(live: &Live) -> String {
    match &live.trouble {
        Some(trouble) => {
            let seconds = live.pause.as_secs();
            format!("trouble: {trouble} ({} times, again within {seconds} s)", live.failures)
        }
        None if live.is_well => {
            let remark = live.remark.as_ref().map_or_else(String::new, |remark| format!("; {remark}"));
            format!("well, {} taken in since the start{remark}", live.ended)
        }
        None => {
            let progress =
                live.progress.as_ref().map_or_else(String::new, |(folder, Progress { done, of })| {
                    format!(", {done} of {of} in {folder} looked at")
                });
            format!("at work, {} taken in since the start{progress}", live.ended)
        }
    }
}
