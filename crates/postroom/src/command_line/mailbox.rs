//! `postroom mailbox`: its arguments, and requests made of them.

use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use postroom::commands::{
    AddMailbox, AddMaildir, AddUserMailbox, MailServer, MailboxRow, Protocol, Request, ServerRow,
    SetMailboxPassword, SetMailboxPromises,
};

use super::grant::{self, ConsentArguments, OauthArguments};
use super::read_file;

#[derive(Subcommand)]
pub(crate) enum MailboxCommand {
    /// Watch a mailbox at a mail server that mail is forwarded to: whatever comes there is taken in as if it came to
    /// the sink, and removed from its INBOX. What cannot be processed is moved to its folder Undeliverable; by POP3 it is
    /// kept here alone.
    Add(MailboxArguments),
    /// Look at a user's own mailbox at an IMAP server, his inbox and what he sent, and change nothing there.
    Sync(UserMailboxArguments),
    /// Watch a Maildir of this machine that mail is forwarded to, as a mailbox at a server: what is taken in is removed
    /// from its new and cur, what cannot be processed is moved to its folder .Undeliverable.
    AddMaildir(MaildirArguments),
    /// List the mailboxes, and how it goes with each.
    List {
        /// One organization; else all.
        #[arg(long, value_name = "NAME")]
        org: Option<String>,
    },
    /// Give another password, because it has changed or its key is missing. The mailbox is opened with it at once, and with
    /// no tokens any more.
    Password {
        #[command(flatten)]
        of: MailboxName,
        /// The file whose first line is the password; - for standard input.
        #[arg(long, value_name = "FILE")]
        password_file: PathBuf,
    },
    /// Have a mailbox opened with tokens of OAuth 2 instead of a password; `mailbox consent` gets the first ones.
    Oauth(OauthArguments),
    /// Get the first tokens, with the consent of whoever the mailbox belongs to.
    Consent(ConsentArguments),
    /// Open a mailbox and say how it is there, and what would be done. Nothing is changed.
    Test {
        #[command(flatten)]
        of: MailboxName,
    },
    /// Leave a mailbox alone. Its mail waits there.
    Pause {
        #[command(flatten)]
        of: MailboxName,
    },
    /// Change what nobody but you can know of a sink mailbox, or whether sent mail is put into a user's own. What is not named stays as
    /// it is.
    Set(PromiseArguments),
    /// Watch it again, at once.
    Resume {
        #[command(flatten)]
        of: MailboxName,
    },
    /// Look at all that lies there once more, as if it had just come, at once, or within nine minutes where another node
    /// watches it. What is here already is found to be so.
    Resync {
        #[command(flatten)]
        of: MailboxName,
    },
}

#[derive(Subcommand)]
pub(crate) enum ServerCommand {
    /// List the servers and who is there.
    List {
        /// One organization; else all.
        #[arg(long, value_name = "NAME")]
        org: Option<String>,
    },
}

#[derive(Args)]
pub(crate) struct MailboxName {
    /// The organization.
    #[arg(long, value_name = "NAME")]
    pub(super) org: String,
    /// The mailbox's name.
    pub(super) name: String,
}

#[derive(Args)]
#[group(skip)]
pub(crate) struct PromiseArguments {
    #[command(flatten)]
    of: MailboxName,
    /// Whether what brings mail there refuses our own domains from outside. What was quarantined before is replayed with
    /// `undeliverable replay`.
    #[arg(long, value_enum, required_unless_present_any = ["exclusive", "keeps_sent"])]
    refusing: Option<YesNo>,
    /// Whether nobody but Postroom removes anything there. A server without UIDPLUS removes all that is marked as deleted, or
    /// nothing; so only then, and only where nothing else is marked, it is asked to.
    #[arg(long, value_enum)]
    exclusive: Option<YesNo>,
    /// Of a user's own mailbox: whether what goes out as his mail is put into its folder of sent mail, as his mail program does.
    #[arg(long, value_enum)]
    keeps_sent: Option<YesNo>,
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
    /// The mail server.
    #[arg(long, value_name = "HOST")]
    server: String,
    /// How it is spoken with.
    #[arg(long, value_enum, default_value = "imap")]
    protocol: ProtocolName,
    /// Seconds between two sessions by POP3, which has no way to wait for news; else 120.
    #[arg(long, value_name = "SECONDS")]
    every: Option<u32>,
    /// Its port; else 993 (by POP3 995), or 143 (110) with --tls starttls or none.
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
    /// The file whose first line is the password; - for standard input. None where it is to be opened with tokens
    /// (`mailbox oauth`).
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct MaildirArguments {
    /// The organization.
    #[arg(long, value_name = "NAME")]
    org: String,
    /// The sink that it is the mailbox of: the address that people and rules forward to.
    #[arg(long, value_name = "ADDRESS")]
    sink: String,
    /// The Maildir. Whoever runs Postroom must be able to write there, and every node that watches mailboxes must have it.
    #[arg(long, value_name = "FOLDER")]
    folder: PathBuf,
    /// Whether what brings mail there refuses our own domains from outside. With no, nobody's From is believed there, and
    /// what colleagues forward ends quarantined.
    #[arg(long, value_enum)]
    refusing: YesNo,
    /// The mailbox's name here, such as crm. It stands in the books, for good.
    name: String,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Tls {
    /// With the connection (RFC 8314).
    Implicit,
    /// By STARTTLS (by POP3 STLS), or not at all: a server that does not offer it is refused.
    Starttls,
    /// Never. A password goes to this machine only.
    None,
}

impl Tls {
    /// Its number among `TLS_MODES`.
    pub(super) fn code(self) -> i32 {
        match self {
            Tls::None => 0,
            Tls::Starttls => 1,
            Tls::Implicit => 2,
        }
    }

    pub(super) fn is_implicit(self) -> bool {
        matches!(self, Tls::Implicit)
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum ProtocolName {
    Imap,
    Pop3,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum YesNo {
    Yes,
    No,
}

pub(super) fn request(command: MailboxCommand) -> anyhow::Result<Option<Request>> {
    Ok(Some(match command {
        MailboxCommand::Oauth(arguments) => grant::request(arguments)?,
        MailboxCommand::Consent(_) => return Ok(None),
        MailboxCommand::Add(arguments) => Request::AddMailbox(new(arguments)?),
        MailboxCommand::Sync(arguments) => Request::AddUserMailbox(user_mailbox(arguments)?),
        MailboxCommand::AddMaildir(arguments) => Request::AddMaildir(maildir(arguments)?),
        MailboxCommand::List { org } => Request::Mailboxes(org),
        MailboxCommand::Password { of, password_file } => Request::SetMailboxPassword(SetMailboxPassword {
            organization: of.org,
            mailbox: of.name,
            password: first_line(&password_file)?,
        }),
        MailboxCommand::Test { of } => Request::TestMailbox { organization: of.org, mailbox: of.name },
        MailboxCommand::Pause { of } => {
            Request::SetMailboxState { organization: of.org, mailbox: of.name, is_active: false }
        }
        MailboxCommand::Set(PromiseArguments { of, refusing, exclusive, keeps_sent }) => {
            let is_yes = |answer: YesNo| answer == YesNo::Yes;
            Request::SetMailboxPromises(SetMailboxPromises {
                organization: of.org,
                mailbox: of.name,
                is_exclusive: exclusive.map(is_yes),
                is_refusing: refusing.map(is_yes),
                keeps_sent: keeps_sent.map(is_yes),
            })
        }
        MailboxCommand::Resume { of } => {
            Request::SetMailboxState { organization: of.org, mailbox: of.name, is_active: true }
        }
        MailboxCommand::Resync { of } => Request::ResyncMailbox { organization: of.org, mailbox: of.name },
    }))
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

pub(super) fn text(path: &Path) -> anyhow::Result<String> {
    String::from_utf8(read_file(path)?).with_context(|| format!("{} is no text", path.display()))
}

pub(super) fn first_line(path: &Path) -> anyhow::Result<String> {
    Ok(text(path)?.lines().next().unwrap_or_default().to_owned())
}

fn password(account: &AccountArguments) -> anyhow::Result<String> {
    Ok(account.password_file.as_deref().map(first_line).transpose()?.unwrap_or_default())
}

fn server(account: &AccountArguments) -> anyhow::Result<MailServer> {
    let (protocol, port, port_of_tls) = match account.protocol {
        ProtocolName::Imap => (Protocol::Imap, 143, 993),
        ProtocolName::Pop3 => (Protocol::Pop3, 110, 995),
    };
    let (tls, port) = (account.tls.code(), if account.tls.is_implicit() { port_of_tls } else { port });
    let authority = account.authority.as_deref().map(text).transpose()?;
    check_host(&account.server)?;
    let (host, port) = (account.server.clone(), account.port.unwrap_or(port));
    Ok(MailServer { protocol, host, port, tls, authority, polling_interval: account.every })
}

/// A port has an option of its own.
pub(super) fn check_host(host: &str) -> anyhow::Result<()> {
    let is_host = !host.contains(':') || host.parse::<Ipv6Addr>().is_ok();
    anyhow::ensure!(is_host, "“{host}” is no host: a port is given apart, with --port");
    Ok(())
}

/// A server in a list.
pub(super) fn server_cells(row: &ServerRow) -> Vec<String> {
    let ServerRow { organization, name, protocol, place, tls, mailboxes } = row.clone();
    vec![organization, name, protocol, place, tls, mailboxes.join(", ")]
}

fn maildir(arguments: MaildirArguments) -> anyhow::Result<AddMaildir> {
    Ok(AddMaildir {
        organization: arguments.org,
        name: arguments.name,
        // The house that serves may stand in another folder.
        folder: std::path::absolute(arguments.folder)?,
        sink: arguments.sink,
        is_refusing: arguments.refusing == YesNo::Yes,
    })
}

/// A row of the list.
pub(super) fn cells(row: &MailboxRow) -> Vec<String> {
    let waiting = match row.waiting {
        0 => "nothing waits".to_owned(),
        count => format!("{count} wait, the first for {} s", row.lag_seconds),
    };
    let put_off = row.put_off.as_ref().map(|(count, words)| format!("{count} put off: {words}"));
    let waiting = [Some(waiting), put_off].into_iter().flatten().collect::<Vec<_>>().join(", ");
    let last =
        row.succeeded.as_ref().map_or_else(|| "never well yet".to_owned(), |time| format!("well {time}"));
    let next = row.next_try.as_ref().map(|time| format!("again {time}"));
    let told = row.told_by.as_ref().map(|told| format!("as told by {told}"));
    let state = [Some(row.state.clone()), next, told].into_iter().flatten().collect::<Vec<_>>().join(", ");
    let sent = match &row.sent_waiting {
        Some((count, Some(words))) if *count > 0 => Some(format!("{count} sent not kept yet: {words}")),
        _ => None,
    };
    let state = [Some(state), sent].into_iter().flatten().collect::<Vec<_>>().join(", ");
    let keeps_sent = row.sent_waiting.is_some();
    let promises = [
        (row.is_refusing, ", refusing"),
        (row.is_exclusive, ", exclusive"),
        (keeps_sent, ", keeps sent mail"),
    ];
    let promised: String = promises.iter().filter(|(is_so, _)| *is_so).map(|(_, words)| *words).collect();
    let account = format!("{}{promised}", row.account);
    vec![row.organization.clone(), row.name.clone(), account, last, waiting, state]
}
