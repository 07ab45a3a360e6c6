//! `postroom outbox` and `postroom relay`: their arguments, requests made of them, and lists in words.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use postroom::commands::{AddRelay, OutboxRequest, OutboxRow, RelayRow, Request};

use super::mailbox::Tls;
use super::show::printable;

#[derive(Subcommand)]
pub(crate) enum OutboxCommand {
    /// List what was sent last and what waits, newest first.
    List {
        /// One organization; else all.
        #[arg(long, value_name = "NAME")]
        org: Option<String>,
    },
    /// Try a mail again now, also for those who were given up.
    Retry {
        #[command(flatten)]
        of: EmailName,
    },
    /// Cancel a mail that waits. What may have gone out already is not canceled.
    Cancel {
        #[command(flatten)]
        of: EmailName,
    },
}

#[derive(Args)]
pub(crate) struct EmailName {
    /// The organization.
    #[arg(long, value_name = "NAME")]
    org: String,
    /// The id of the e-mail, as the list shows it.
    email: String,
}

#[derive(Subcommand)]
pub(crate) enum RelayCommand {
    /// Have an organization's mail go out by a server. The first one that is added takes all of it.
    Add(RelayArguments),
    /// Say anew where a relay is, and who signs in there. What waits for it goes by that, at once.
    Set(RelayArguments),
    /// List the relays.
    List {
        /// One organization; else all.
        #[arg(long, value_name = "NAME")]
        org: Option<String>,
    },
}

#[derive(Args)]
pub(crate) struct RelayArguments {
    /// The organization.
    #[arg(long, value_name = "NAME")]
    org: String,
    /// The server.
    #[arg(long, value_name = "HOST")]
    server: String,
    /// Its port; else 465, or 25 with --tls starttls or none. Servers that want a user mostly listen at 587.
    #[arg(long)]
    port: Option<u16>,
    /// When TLS begins.
    #[arg(long, value_enum, default_value = "starttls")]
    tls: Tls,
    /// A file of certificates (PEM) that are believed instead of those that the machine believes.
    #[arg(long, value_name = "FILE")]
    authority: Option<PathBuf>,
    /// Who signs in there; nobody where it takes mail of this machine without.
    #[arg(long, value_name = "NAME", requires = "password_file")]
    user: Option<String>,
    /// The file whose first line is the password; - for standard input.
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// A domain whose mail comes to this house: each recipient gets a return path of his own there, so that what comes back
    /// says whom it is about. Not where the relay takes none but the user's own address as sender.
    #[arg(long, value_name = "DOMAIN")]
    return_domain: Option<String>,
    /// The relay's name here.
    name: String,
}

pub(super) fn outbox(command: OutboxCommand) -> Request {
    Request::Outbox(match command {
        OutboxCommand::List { org } => OutboxRequest::List(org),
        OutboxCommand::Retry { of } => OutboxRequest::Retry { organization: of.org, email: of.email },
        OutboxCommand::Cancel { of } => OutboxRequest::Cancel { organization: of.org, email: of.email },
    })
}

pub(super) fn relay(command: RelayCommand) -> anyhow::Result<Request> {
    Ok(Request::Outbox(match command {
        RelayCommand::List { org } => OutboxRequest::Relays(org),
        RelayCommand::Add(relay) => OutboxRequest::AddRelay(arguments(relay)?),
        RelayCommand::Set(relay) => OutboxRequest::SetRelay(arguments(relay)?),
    }))
}

fn arguments(relay: RelayArguments) -> anyhow::Result<AddRelay> {
    let authority = relay.authority.as_deref().map(super::mailbox::text).transpose()?;
    let port = relay.port.unwrap_or(if relay.tls.is_implicit() { 465 } else { 25 });
    let password = relay.password_file.as_deref().map(super::mailbox::first_line).transpose()?;
    Ok(AddRelay {
        organization: relay.org,
        name: relay.name,
        host: relay.server,
        port,
        tls: relay.tls.code(),
        authority,
        login: relay.user.zip(password),
        return_domain: relay.return_domain,
    })
}

/// The e-mail that a mail became.
pub(super) fn sent(id: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{id}")
}

pub(super) fn relay_cells(row: &RelayRow) -> Vec<String> {
    let back = row.return_domain.as_ref().map_or_else(String::new, |domain| format!("back to {domain}"));
    vec![row.organization.clone(), row.name.clone(), row.place.clone(), back]
}

/// Subjects and what relays say are written by others.
pub(super) fn cells(row: &OutboxRow) -> Vec<String> {
    let failed = if row.failed == 0 { String::new() } else { format!(", {} failed", row.failed) };
    let recipients = format!("{} of {}{failed}", row.sent, row.recipients);
    let next = row.next_try.as_ref().map_or_else(String::new, |time| format!("next try {time}"));
    let error = row.error.as_deref().map(printable).unwrap_or_default();
    let (organization, email, created) = (row.organization.clone(), row.email.clone(), row.created.clone());
    vec![organization, email, created, row.state.clone(), recipients, printable(&row.subject), next, error]
}
