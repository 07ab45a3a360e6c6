//! `postroom mailbox`: its arguments, and requests made of them.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use postroom::commands::{AddMailbox, AddUserMailbox, ImapServer, MailboxRow, Request};

use super::read_file;

#[derive(Subcommand)]
pub(crate) enum MailboxCommand {
    /// Watch a mailbox at an IMAP server that mail is forwarded to: whatever comes there is taken in as if it came to
    /// the sink, and removed from its INBOX. What cannot be processed is moved to its folder Undeliverable.
    Add(MailboxArguments),
    /// Look at a user's own mailbox at an IMAP server, his inbox and what he sent, and change nothing there.
    Sync(UserMailboxArguments),
    /// List the mailboxes, and how it goes with each.
    List {
        /// One organization; else all.
        #[arg(long, value_name = "NAME")]
        org: Option<String>,
    },
    /// Leave a mailbox alone. Its mail waits there.
    Pause {
        #[command(flatten)]
        of: MailboxName,
    },
    /// Watch it again, at once.
    Resume {
        #[command(flatten)]
        of: MailboxName,
    },
}

#[derive(Args)]
pub(crate) struct MailboxName {
    /// The organization.
    #[arg(long, value_name = "NAME")]
    org: String,
    /// The mailbox's name.
    name: String,
}

#[derive(Args)]
pub(crate) struct MailboxArguments {
    /// The organization.
    #[arg(long, value_name = "NAME")]
    org: String,
    /// The sink that it is the mailbox of: the address that people and rules forward to.
    #[arg(long, value_name = "ADDRESS")]
    sink: String,
    #[command(flatten)]
    account: AccountArguments,
    /// Whether what brings mail there refuses our own domains from outside. With no, nobody's From is believed there, and
    /// what colleagues forward ends quarantined.
    #[arg(long, value_enum)]
    refusing: YesNo,
    /// The mailbox's name here, such as crm. It stands in the books, for good.
    name: String,
}

#[derive(Args)]
pub(crate) struct UserMailboxArguments {
    /// The organization.
    #[arg(long, value_name = "NAME")]
    org: String,
    /// The user whose mailbox it is, by address.
    #[arg(long, value_name = "ADDRESS")]
    of: String,
    #[command(flatten)]
    account: AccountArguments,
    /// The folder of sent mail, where the server does not call it so and its name does not say so.
    #[arg(long, value_name = "FOLDER")]
    sent: Option<String>,
    /// Another folder to look at; any number of times.
    #[arg(long, value_name = "FOLDER")]
    folder: Vec<String>,
    /// Leave out what came before this day (UTC), such as 2026-01-31. Else all of it is taken in that is wanted.
    #[arg(long, value_name = "DAY")]
    after: Option<jiff::civil::Date>,
    /// The mailbox's name here, such as jane. It stands in the books, for good.
    name: String,
}

/// Where a mailbox is, and who signs in there.
#[derive(Args)]
struct AccountArguments {
    /// The IMAP server.
    #[arg(long, value_name = "HOST")]
    server: String,
    /// Its port; else 993, or 143 with --tls starttls or none.
    #[arg(long)]
    port: Option<u16>,
    /// When TLS begins.
    #[arg(long, value_enum, default_value = "implicit")]
    tls: Tls,
    /// A file of certificates (PEM) that are believed instead of those that the machine believes.
    #[arg(long, value_name = "FILE")]
    authority: Option<PathBuf>,
    /// Who signs in there.
    #[arg(long, value_name = "NAME")]
    user: String,
    /// The file whose first line is the password; - for standard input.
    #[arg(long, value_name = "FILE")]
    password_file: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Tls {
    /// With the connection (RFC 8314).
    Implicit,
    /// By STARTTLS, or not at all: a server that does not offer it is refused.
    Starttls,
    /// Never. A password goes to this machine only.
    None,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum YesNo {
    Yes,
    No,
}

pub(super) fn request(command: MailboxCommand) -> anyhow::Result<Request> {
    Ok(match command {
        MailboxCommand::Add(arguments) => Request::AddMailbox(new(arguments)?),
        MailboxCommand::Sync(arguments) => Request::AddUserMailbox(user_mailbox(arguments)?),
        MailboxCommand::List { org } => Request::Mailboxes(org),
        MailboxCommand::Pause { of } => {
            Request::SetMailboxState { organization: of.org, mailbox: of.name, is_active: false }
        }
        MailboxCommand::Resume { of } => {
            Request::SetMailboxState { organization: of.org, mailbox: of.name, is_active: true }
        }
    })
}

fn new(arguments: MailboxArguments) -> anyhow::Result<AddMailbox> {
    let account = arguments.account;
    let password = password(&account)?;
    Ok(AddMailbox {
        organization: arguments.org,
        name: arguments.name,
        server: server(&account)?,
        user: account.user,
        password,
        sink: arguments.sink,
        is_refusing: arguments.refusing == YesNo::Yes,
    })
}

fn user_mailbox(arguments: UserMailboxArguments) -> anyhow::Result<AddUserMailbox> {
    let account = arguments.account;
    let password = password(&account)?;
    let begin = |day: jiff::civil::Date| day.to_zoned(jiff::tz::TimeZone::UTC).map(|begin| begin.timestamp());
    let after = arguments.after.map(begin).transpose().context("there is no such day")?;
    Ok(AddUserMailbox {
        organization: arguments.org,
        name: arguments.name,
        server: server(&account)?,
        user: account.user,
        password,
        of: arguments.of,
        sent: arguments.sent,
        others: arguments.folder,
        after: after.map(jiff::Timestamp::as_second),
    })
}

fn text(path: &Path) -> anyhow::Result<String> {
    let text = String::from_utf8(read_file(path)?);
    text.with_context(|| format!("{} is no text", path.display()))
}

fn password(account: &AccountArguments) -> anyhow::Result<String> {
    Ok(text(&account.password_file)?.lines().next().unwrap_or_default().to_owned())
}

fn server(account: &AccountArguments) -> anyhow::Result<ImapServer> {
    let (tls, port) = match account.tls {
        Tls::Implicit => (2, 993),
        Tls::Starttls => (1, 143),
        Tls::None => (0, 143),
    };
    let authority = account.authority.as_deref().map(text).transpose()?;
    let port = account.port.unwrap_or(port);
    Ok(ImapServer { host: account.server.clone(), port, tls, authority })
}

/// A row of the list.
pub(super) fn cells(row: &MailboxRow) -> Vec<String> {
    vec![row.organization.clone(), row.name.clone(), row.account.clone(), row.state.clone()]
}
