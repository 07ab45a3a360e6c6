//! Commands about mail servers, and about how mailboxes are signed in at them.

use std::sync::Arc;
use std::time::Duration;

use connect::Patience;
use connect::imap::{FolderName, Imap, Look, Session};
use connect::pop3::Pop3;
use crm::CrmError;
use crm::mailboxes::{self, Watched};
use model::limits;
use model::schema::mailboxes::{EmailServerProfile, SERVER_TYPES, TLS_MODES};
use poll::{Pair, SourceError};
use serde::{Deserialize, Serialize};
use store::Organization;

use super::{CommandError, Reply, organization, password_of};
use crate::account::Account;
use crate::house::House;

/// Another password for a mailbox.
#[derive(Serialize, Deserialize)]
pub struct SetMailboxPassword {
    /// The organization's name.
    pub organization: String,
    /// The mailbox's name.
    pub mailbox: String,
    /// The password.
    pub password: String,
}

/// What a mailbox is like from here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestedMailbox {
    /// Whether it could be opened.
    pub is_well: bool,
    /// What there is to say, line by line.
    pub lines: Vec<String>,
}

/// A mail server in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerRow {
    /// The organization's name.
    pub organization: String,
    /// The server's name.
    pub name: String,
    /// How it is spoken with.
    pub protocol: String,
    /// Host and port.
    pub place: String,
    /// How the connection is protected.
    pub tls: String,
    /// The names of the mailboxes there.
    pub mailboxes: Vec<String>,
}

impl std::fmt::Debug for SetMailboxPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SetMailboxPassword").field("mailbox", &self.mailbox).finish_non_exhaustive()
    }
}

/// The mailbox is opened with it at once.
pub(super) async fn set_password(house: &House, set: SetMailboxPassword) -> Result<Reply, CommandError> {
    let organization = organization(house, &set.organization)?;
    let mailbox = find(&organization, &set.mailbox)?.mailbox.mailboxid;
    let sealed = house.keyring.seal(password_of(organization.id(), mailbox), &set.password)?;
    mailboxes::set_password(&organization, mailbox, sealed).await?;
    Ok(Reply::Done)
}

/// The servers of these organizations, by name.
pub(super) fn list(organizations: &[Arc<Organization>]) -> Result<Reply, CommandError> {
    let mut rows = Vec::new();
    for organization in organizations {
        let all = mailboxes::all(organization)?;
        // Those that mail goes out by are in a list of their own.
        let holds_mailboxes = |server: &EmailServerProfile| !crm::outbox::is_way_out(server);
        for server in mailboxes::servers(organization)?.into_iter().filter(holds_mailboxes) {
            let here = all.iter().filter(|watched| watched.server == server);
            rows.push(ServerRow {
                organization: organization.name().to_owned(),
                protocol: label(SERVER_TYPES, server.servertype),
                place: format!("{}:{}", server.incomingserverlocation, server.incomingportnumber),
                tls: label(TLS_MODES, server.incomingtlsmode),
                mailboxes: here.map(|watched| watched.mailbox.name.clone()).collect(),
                name: server.name,
            });
        }
    }
    Ok(Reply::Servers(rows))
}

fn label(labels: &[(i64, &str)], code: i32) -> String {
    let label = labels.iter().find(|(number, _)| *number == i64::from(code));
    label.map_or_else(|| code.to_string(), |(_, label)| (*label).to_owned())
}

/// Opens a mailbox as whoever watches it would, looks, and goes. Nothing is changed there.
pub(super) async fn test(house: &Arc<House>, of: (&str, &str)) -> Result<Reply, CommandError> {
    let account = account(house, of)?;
    let mut lines = Vec::new();
    let tested = look(&account, &mut lines).await;
    let is_well = tested.is_ok();
    if let Err(error) = tested {
        lines.push(error.words);
    }
    Ok(Reply::TestedMailbox(TestedMailbox { is_well, lines }))
}

/// The mailbox of this organization with this name.
pub(super) fn account(house: &Arc<House>, (name, mailbox): (&str, &str)) -> Result<Account, CommandError> {
    let organization = organization(house, name)?;
    let row = find(&organization, mailbox)?;
    let pair = Pair { organization: organization.id(), mailbox: row.mailbox.mailboxid };
    Ok(Account { house: Arc::clone(house), pair, row: Arc::new(row) })
}

fn find(organization: &Organization, name: &str) -> Result<Watched, CommandError> {
    let found = mailboxes::all(organization)?.into_iter().find(|watched| watched.mailbox.name == name);
    Ok(found.ok_or(CrmError::NotFound { what: "the mailbox" })?)
}

/// Somebody waits for the answer.
const PATIENCE: Duration = Duration::from_secs(20);

async fn look(account: &Account, lines: &mut Vec<String>) -> Result<(), SourceError> {
    let patience = Patience { connect: PATIENCE, answer: PATIENCE, ..Patience::default() };
    let Watched { mailbox, server, .. } = account.row.as_ref();
    if server.servertype == mailboxes::MAILDIR {
        lines.push(
            "this is a folder of the house's own machine: `postroom mailbox list` says how it goes"
                .to_owned(),
        );
        return Ok(());
    }
    let protocol = label(SERVER_TYPES, server.servertype);
    let place = format!("{} at {}:{}", protocol, server.incomingserverlocation, server.incomingportnumber);
    if server.servertype == mailboxes::POP3 {
        let session = account.pop3(patience).await?;
        lines.push(format!("signed in as {} by {place}", mailbox.username));
        look_by_pop3(session, lines).await
    } else {
        let session = account.imap(patience).await?;
        lines.push(format!("signed in as {} by {place}", mailbox.username));
        look_by_imap(session, (&mailbox.undeliverablefolder, lines)).await
    }
}

async fn look_by_imap(
    mut session: Session,
    (aside, lines): (&str, &mut Vec<String>),
) -> Result<(), SourceError> {
    const TOLD: [&str; 8] =
        ["IDLE", "UIDPLUS", "MOVE", "CONDSTORE", "QRESYNC", "SPECIAL-USE", "NAMESPACE", "LITERAL+"];
    let offers: Vec<&str> = TOLD.into_iter().filter(|name| session.can().has(name)).collect();
    let has = |name: &str| offers.contains(&name);
    lines.push(format!("of what matters here the server has: {}", offers.join(", ")));
    let opened = session.examine(&FolderName::inbox()).await?;
    lines.push(format!("INBOX holds {} messages", opened.exists));
    let full_name = session.own_folder(aside).await?;
    let is_there = session.folders().await?.iter().any(|folder| folder.name == full_name);
    lines.push(
        match has("UIDPLUS") {
            true => "what was taken in would be removed, message by message",
            false => "without UIDPLUS what was taken in would only be marked as deleted",
        }
        .to_owned(),
    );
    let made = if is_there { "is there" } else { "would be made" };
    lines.push(format!("the folder {aside} for what cannot be processed {made}"));
    lines.push(match has("IDLE") {
        true => "news would come at once".to_owned(),
        false => {
            format!("without IDLE it would be looked at every {} minutes", limits::POLL_WAIT_SECONDS / 60)
        }
    });
    Ok(session.bye().await?)
}

async fn look_by_pop3(mut session: Pop3, lines: &mut Vec<String>) -> Result<(), SourceError> {
    let names: Vec<String> = session.can().names().collect();
    lines.push(format!("the server has: {}", names.join(", ")));
    let listed = session.list().await?;
    let bytes: u64 = listed.iter().map(|listed| listed.size).sum();
    lines.push(format!("the mailbox holds {} messages of {bytes} bytes", listed.len()));
    let has_ids = session.ids().await?.is_some();
    lines.push(
        match has_ids {
            true => "what was taken in would be removed at the end of each session",
            false => "without UIDL each session would read all messages to know them again",
        }
        .to_owned(),
    );
    lines.push("what cannot be processed would be kept here, and removed there".to_owned());
    Ok(session.quit().await?)
}
