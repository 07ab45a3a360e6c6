//! `postroom outbox` and `postroom relay`: their arguments, requests made of them, and lists in words.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand, ValueEnum};
use postroom::commands::{
    AddRelay, LMTP, LimitOf, LimitRequest, LimitRow, OutboxRequest, OutboxRow, OutsideRequest, PICKUP,
    PROGRAM, RelayRow, Request, SMTP, SetWay, Whose,
};

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
    /// Print a tracking token for a mail that is not sent yet: `postroom send --token` puts it into the subject, and so may whoever
    /// sends it by other means.
    Token {
        /// The organization.
        #[arg(long, value_name = "NAME")]
        org: String,
        /// The subject; one that carries a token keeps it.
        #[arg(default_value = "")]
        subject: String,
    },
    /// Take mail that is due, to send it by other means: for the way out that `postroom relay outside` added.
    Pull(super::outside::PullArguments),
    /// Say that the end of a mail that was pulled is about to go out. Where this fails, break off before that.
    Begun(super::outside::TicketArguments),
    /// Say what became of a mail that was pulled.
    Report(super::outside::ReportArguments),
    /// Try a mail again now, also for those who were given up; with --relay by another way out from now on, and with --from all that
    /// waits for that one.
    Retry {
        /// The organization.
        #[arg(long, value_name = "NAME")]
        org: String,
        /// The way out that it goes by from now on, as `postroom relay list` shows it.
        #[arg(long, value_name = "NAME")]
        relay: Option<String>,
        /// All mail that waits for this way out, in place of one mail.
        #[arg(long, value_name = "NAME", requires = "relay", conflicts_with = "email")]
        from: Option<String>,
        /// The id of the e-mail, as the list shows it.
        #[arg(required_unless_present = "from")]
        email: Option<String>,
    },
    /// Cancel a mail that waits. What may have gone out already is not canceled.
    Cancel {
        #[command(flatten)]
        of: EmailName,
    },
    /// Say how fast mail goes by a relay or to a domain, all nodes together.
    Limit {
        /// The organization.
        #[arg(long, value_name = "NAME")]
        org: String,
        /// The relay.
        #[arg(long, value_name = "NAME", required_unless_present = "domain", conflicts_with = "domain")]
        relay: Option<String>,
        /// Recipients at this domain, such as customer.example.
        #[arg(long, value_name = "DOMAIN")]
        domain: Option<String>,
        /// Mails a minute at most; 0 for any number.
        #[arg(long, value_name = "NUMBER", required_unless_present = "connections")]
        #[arg(value_parser = clap::value_parser!(i32).range(0..))]
        per_minute: Option<i32>,
        /// Connections to the relay at most, or mails on their way to the domain; 0 for as many as there are.
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(0..))]
        connections: Option<i32>,
    },
    /// List limits and pauses.
    Limits {
        /// One organization; else all.
        #[arg(long, value_name = "NAME")]
        org: Option<String>,
    },
    /// Let no mail go out, until it is resumed; what is on its way at this moment ends.
    Pause {
        #[command(flatten)]
        what: Pausing,
    },
    /// Let mail go out again.
    Resume {
        #[command(flatten)]
        what: Pausing,
    },
}

#[derive(Args)]
pub(crate) struct Pausing {
    /// The organization.
    #[arg(long, value_name = "NAME")]
    org: String,
    /// What goes by this relay alone.
    #[arg(long, value_name = "NAME")]
    relay: Option<String>,
    /// Mail to many alone; what persons write goes on.
    #[arg(long, value_enum, conflicts_with = "relay")]
    lane: Option<PausedLane>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum PausedLane {
    /// Mail to many.
    Bulk,
}

impl Pausing {
    fn request(self, is_paused: bool) -> OutboxRequest {
        let of = match (self.relay, self.lane) {
            (Some(relay), _) => LimitOf::Relay(relay),
            (None, Some(PausedLane::Bulk)) => LimitOf::Bulk,
            (None, None) => LimitOf::All,
        };
        let (per_minute, connections) = (None, None);
        let is_paused = Some(is_paused);
        OutboxRequest::Limit(LimitRequest { organization: self.org, of, per_minute, connections, is_paused })
    }
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
    /// Have an organization's mail go out by a server, a program or a folder. The first way out that is added takes all of it; see
    /// `postroom relay default`.
    Add(RelayArguments),
    /// Say all of a relay anew: what is left out (--return-domain, --user) is no more. What waits for it goes by that, at once.
    Set(RelayArguments),
    /// Have an organization's mail wait for programs that pull it, by `postroom outbox pull`, and send it by their own means. The
    /// first way out that is added takes all of it.
    Outside {
        /// The organization.
        #[arg(long, value_name = "NAME")]
        org: String,
        /// A domain whose mail comes to this house, for return paths; see `postroom relay add`.
        #[arg(long, value_name = "DOMAIN")]
        return_domain: Option<String>,
        /// The name of this way out.
        name: String,
    },
    /// Say by which way out goes what nobody has another way for, from now on; what waits keeps its way. A queue has a way of its own
    /// by `postroom queue set --relay`, a user by `postroom user set --relay`.
    Default {
        /// The organization.
        #[arg(long, value_name = "NAME")]
        org: String,
        /// The name of the way out; none for the one that was added first.
        name: String,
    },
    /// List the ways out: where each is, and who goes by it.
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
    #[command(flatten)]
    way: Way,
    /// Its port; else 465, or 25 with --tls starttls or none, and 24 with --lmtp. Servers that want a user mostly listen at 587.
    #[arg(long)]
    port: Option<u16>,
    /// When TLS begins; else starttls, and none with a socket of this machine.
    #[arg(long, value_enum)]
    tls: Option<Tls>,
    /// The server takes mail by LMTP (RFC 2033).
    #[arg(long)]
    lmtp: bool,
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

/// Where mail goes out: one of them.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Way {
    /// The server; with --lmtp also the path of a socket.
    #[arg(long, value_name = "HOST")]
    server: Option<String>,
    /// A program of each node that sends, run for each mail as PROGRAM -i -f RETURN-PATH -- RECIPIENT…, with the mail on standard
    /// input: /usr/sbin/sendmail of whatever mail server is there.
    #[arg(long, value_name = "PROGRAM")]
    program: Option<PathBuf>,
    /// A folder of each node that sends, where a mail server picks up files: one a mail, with X-Sender and X-Receiver on top.
    #[arg(long, value_name = "FOLDER")]
    pickup: Option<PathBuf>,
}

impl Way {
    /// How it takes mail, and where.
    fn place(self, is_lmtp: bool) -> anyhow::Result<(i32, String)> {
        let path = |path: PathBuf| {
            let text = path.to_str().filter(|_| path.is_absolute()).map(str::to_owned);
            text.with_context(|| format!("{} is no whole path: it begins with /", path.display()))
        };
        Ok(match (self.server, self.program, self.pickup) {
            (_, Some(program), _) => (PROGRAM, path(program)?),
            (_, _, Some(folder)) => (PICKUP, path(folder)?),
            (server, ..) => (if is_lmtp { LMTP } else { SMTP }, server.unwrap_or_default()),
        })
    }
}

pub(super) fn outbox(command: OutboxCommand) -> anyhow::Result<Request> {
    Ok(Request::Outbox(match command {
        OutboxCommand::List { org } => OutboxRequest::List(org),
        OutboxCommand::Token { org, subject } => OutboxRequest::Token { organization: org, subject },
        OutboxCommand::Begun(of) => OutboxRequest::Outside(super::outside::begun(of)),
        OutboxCommand::Report(report) => OutboxRequest::Outside(super::outside::report(report)?),
        OutboxCommand::Pull(_) => anyhow::bail!("mail is pulled by itself"),
        OutboxCommand::Retry { org: organization, relay, from, email } => match (from, relay) {
            (Some(from), Some(to)) => OutboxRequest::Move { organization, from, to },
            (_, Some(relay)) => {
                OutboxRequest::RetryBy { organization, email: email.unwrap_or_default(), relay }
            }
            (_, None) => OutboxRequest::Retry { organization, email: email.unwrap_or_default() },
        },
        OutboxCommand::Cancel { of } => OutboxRequest::Cancel { organization: of.org, email: of.email },
        OutboxCommand::Limit { org, relay, domain, per_minute, connections } => {
            let of = match (relay, domain) {
                (Some(relay), _) => LimitOf::Relay(relay),
                (None, domain) => LimitOf::Domain(domain.unwrap_or_default()),
            };
            let is_paused = None;
            OutboxRequest::Limit(LimitRequest { organization: org, of, per_minute, connections, is_paused })
        }
        OutboxCommand::Limits { org } => OutboxRequest::Limits(org),
        OutboxCommand::Pause { what } => what.request(true),
        OutboxCommand::Resume { what } => what.request(false),
    }))
}

pub(super) fn relay(command: RelayCommand) -> anyhow::Result<Request> {
    Ok(Request::Outbox(match command {
        RelayCommand::List { org } => OutboxRequest::Relays(org),
        RelayCommand::Default { org, name } => return Ok(way(org, Whose::Organization, name)),
        RelayCommand::Outside { org, return_domain, name } => {
            OutboxRequest::Outside(OutsideRequest::Add { organization: org, name, return_domain })
        }
        RelayCommand::Add(relay) => OutboxRequest::AddRelay(arguments(relay)?),
        RelayCommand::Set(relay) => OutboxRequest::SetRelay(arguments(relay)?),
    }))
}

/// Has whoever is meant go by the way out of this name, or with `none` as if nothing had been said.
pub(super) fn way(organization: String, whose: Whose, name: String) -> Request {
    let way = Some(name).filter(|name| name != "none");
    Request::Outbox(OutboxRequest::SetWay(SetWay { organization, whose, way }))
}

fn arguments(relay: RelayArguments) -> anyhow::Result<AddRelay> {
    let is_of_a_server = relay.lmtp
        || relay.port.is_some()
        || relay.tls.is_some()
        || relay.authority.is_some()
        || relay.user.is_some();
    ensure!(
        !is_of_a_server || relay.way.server.is_some(),
        "--lmtp, --port, --tls, --authority and --user are of a --server"
    );
    let authority = relay.authority.as_deref().map(super::mailbox::text).transpose()?;
    let (kind, host) = relay.way.place(relay.lmtp)?;
    let is_here = host.starts_with('/');
    if !is_here {
        super::mailbox::check_host(&host)?;
    }
    ensure!(!is_here || kind != SMTP, "--server wants a host; a socket takes mail with --lmtp only");
    let tls = relay.tls.unwrap_or(if is_here { Tls::None } else { Tls::Starttls });
    let usual = match (kind, tls.is_implicit()) {
        _ if is_here => 0,
        (LMTP, _) => 24,
        (_, true) => 465,
        (_, false) => 25,
    };
    let port = relay.port.unwrap_or(usual);
    let password = relay.password_file.as_deref().map(super::mailbox::first_line).transpose()?;
    Ok(AddRelay {
        organization: relay.org,
        name: relay.name,
        kind,
        host,
        port,
        tls: tls.code(),
        authority,
        login: relay.user.zip(password),
        return_domain: relay.return_domain,
    })
}

/// The e-mail that a mail became.
pub(super) fn sent(id: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{id}")
}

pub(super) fn limit_cells(row: &LimitRow) -> Vec<String> {
    let number =
        |number: Option<i32>, unit: &str| number.map_or_else(String::new, |it| format!("{it} {unit}"));
    let paused = if row.is_paused { "paused" } else { "" };
    let (per_minute, connections) =
        (number(row.per_minute, "a minute"), number(row.connections, "at a time"));
    vec![row.organization.clone(), printable(&row.of), per_minute, connections, paused.to_owned()]
}

pub(super) fn relay_cells(row: &RelayRow) -> Vec<String> {
    let back = row.return_domain.as_ref().map_or_else(String::new, |domain| format!("back to {domain}"));
    let default = if row.is_default { "default" } else { "" };
    let named = row.own_of.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    let own = match row.own_of.len() {
        0 => String::new(),
        count if count > NAMED_MAX => format!("of {named} and {} more", count - NAMED_MAX),
        _ => format!("of {named}"),
    };
    let (organization, name, place) = (row.organization.clone(), row.name.clone(), row.place.clone());
    let missing = row.missing.as_ref().map_or_else(String::new, |words| format!("not at this node: {words}"));
    vec![organization, name, place, back, default.to_owned(), own, printable(&missing)]
}

/// Queues and users that a line names.
const NAMED_MAX: usize = 5;

/// Subjects and what relays say are written by others.
pub(super) fn cells(row: &OutboxRow) -> Vec<String> {
    let told = [(row.failed, "failed"), (row.uncertain, "may have it"), (row.bounced, "came back")];
    let told = told.into_iter().filter(|(number, _)| *number > 0);
    let told: String = told.map(|(number, what)| format!(", {number} {what}")).collect();
    let recipients = format!("{} of {}{told}", row.sent, row.recipients);
    let next = match &row.next_try {
        Some(time) => format!("next try {time}"),
        None if row.waits_for_a_person => "waits for a person: outbox retry".to_owned(),
        None => String::new(),
    };
    let error = row.error.as_deref().map(printable).unwrap_or_default();
    let (organization, email, created) = (row.organization.clone(), row.email.clone(), row.created.clone());
    let (state, by) = (row.state.clone(), format!("by {}", printable(&row.relay)));
    vec![organization, email, created, state, recipients, printable(&row.subject), by, next, error]
}
