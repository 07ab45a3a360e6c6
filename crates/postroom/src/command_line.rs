//! The command line: words in, a command to the house, words out.
//!
//! What passes through: arguments become a [`Request`] at a [`Line`], its [`Reply`] becomes lines on standard
//! output, or JSON. Faults go to standard error. It ends with 0, with 1 where something is at fault, or with 2
//! where arguments, settings or the database server have to be changed first. `postroom deliver` alone speaks to mail
//! servers and ends as they expect.

use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Parser;
use postroom::commands::{
    Acknowledge, AddNeverLog, AddQueue, AddSink, AddSinkCredential, AddUser, Reply, Request,
    SetAcknowledging, SetPassword, Setting, SinkCredentialName, Whose,
};
use postroom::control::{Answer, Line};
use postroom::{Settings, settings};

mod archives;
mod arguments;
mod deliver;
mod dkim;
mod drafts;
mod grant;
mod history;
mod hooks;
mod import;
mod index;
mod mail;
mod mailbox;
mod moving;
mod node;
mod outbox;
mod outside;
mod secrets;
mod sending;
mod serve;
mod show;
mod suppression;
mod template;
mod undeliverable;

use mailbox::{MailboxCommand, ServerCommand};

use arguments::{
    Arguments, Command, NeverLogCommand, NodeCommand, OnOrOff, OrgCommand, PasswordSource, QueueCommand,
    SinkCommand, SinkCredentialArguments, SinkCredentialCommand, UserCommand,
};

/// How a command ended: well, or with faults that it has already named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Well,
    WithFaults,
}

/// Reads the arguments of this process and does what they say.
pub(crate) fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() && deliver::is_meant(std::env::args()) => {
            return deliver::misused(&error);
        }
        Err(error) => error.exit(),
    };
    if let Command::Deliver(mail) = arguments.command {
        return deliver::deliver(mail, arguments.settings.as_deref());
    }
    if let Command::Settings = arguments.command {
        // Whoever asks for the sample may have a file that cannot be read.
        let printed = io::stdout().write_all(settings::SAMPLE.as_bytes());
        return if printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let settings = match Settings::read(arguments.settings.as_deref(), |name| std::env::var(name).ok()) {
        Ok(settings) => settings,
        Err(error) => {
            complain(&error.into());
            return ExitCode::from(2);
        }
    };
    match run_command(arguments.command, settings) {
        Ok(End::Well) => ExitCode::SUCCESS,
        Ok(End::WithFaults) => ExitCode::FAILURE,
        Err(error) => {
            complain(&error);
            let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<store::StoreError>());
            // A service manager need not try again where somebody has to change something first.
            let is_lasting = causes.any(store::StoreError::wants_an_administrator);
            if is_lasting { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn complain(error: &anyhow::Error) {
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(io::stderr(), "postroom: {error:#}");
}

fn run_command(command: Command, settings: Settings) -> anyhow::Result<End> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let end = runtime.block_on(async {
        match command {
            Command::Serve { ports_file, roles } => {
                let mut settings = settings;
                if !roles.is_empty() {
                    settings.node.roles = roles;
                }
                serve::serve(settings, ports_file.as_deref()).await
            }
            Command::Node(NodeCommand::Check) => node::check(&settings),
            command => at_the_house(command, &settings).await,
        }
    });
    // Whatever still blocks a thread by now waits for nothing that matters.
    runtime.shutdown_background();
    end
}

async fn at_the_house(command: Command, settings: &Settings) -> anyhow::Result<End> {
    let mut house = Counter::open(settings).await?;
    let end = match command {
        Command::Import(arguments) => import::import(&mut house, arguments).await,
        Command::Index(command) => index::index(&mut house, command).await,
        Command::Check(arguments) => mail::check(&mut house, arguments).await,
        Command::Track(arguments) => mail::track(&mut house, arguments).await,
        Command::Backup(arguments) => archives::back_up(&mut house, arguments).await,
        Command::Restore(arguments) => archives::restore(&mut house, arguments).await,
        Command::Verify { org, digest: true, .. } => archives::digests(&mut house, org).await,
        Command::Undeliverable(command) => undeliverable::undeliverable(&mut house, command).await,
        Command::Template(command) => template::template(&mut house, command).await,
        Command::Quarantine(command) => undeliverable::quarantine(&mut house, command).await,
        Command::Dkim(command) => dkim::dkim(&mut house, command).await,
        Command::Move(arguments) => moving::move_away(&mut house, (arguments, settings)).await,
        Command::Mailbox(MailboxCommand::Consent(arguments)) => grant::consent(&mut house, arguments).await,
        Command::Outbox(outbox::OutboxCommand::Pull(arguments)) => outside::pull(&mut house, arguments).await,
        command => match request(command)? {
            Some((request, password)) => house.ask(request).await.and_then(|reply| {
                show::new_password(password.as_deref())?;
                show::reply(&reply)
            }),
            None => Ok(End::Well),
        },
    };
    house.close();
    end
}

/// Where commands are handed in.
pub(crate) struct Counter {
    line: Line,
    data: PathBuf,
}

impl Counter {
    /// At the house of these settings.
    async fn open(settings: &Settings) -> anyhow::Result<Counter> {
        Ok(Counter { line: Line::open(settings).await?, data: settings.data.clone() })
    }

    /// Another place at the same house, to ask something meanwhile.
    pub(crate) async fn another(&self) -> anyhow::Result<Counter> {
        Ok(Counter { line: self.line.another(&self.data).await?, data: self.data.clone() })
    }

    /// Asks; a refusal is an error in the words of the house.
    pub(crate) async fn ask(&mut self, request: Request) -> anyhow::Result<Reply> {
        self.hand_in(request).await?;
        self.reply().await
    }

    /// Hands a request in; two may be under way.
    pub(crate) async fn hand_in(&mut self, request: Request) -> anyhow::Result<()> {
        Ok(self.line.hand_in(request).await?)
    }

    /// The reply to what was handed in first.
    pub(crate) async fn reply(&mut self) -> anyhow::Result<Reply> {
        match self.line.answer().await? {
            Answer::Done(reply) => Ok(reply),
            Answer::Refused(words) => bail!(words),
        }
    }

    /// Leaves the house.
    fn close(self) {
        self.line.close();
    }
}

/// Requests about organizations.
fn org(command: OrgCommand) -> Request {
    match command {
        OrgCommand::Add { name } => Request::AddOrganization(name),
        OrgCommand::Tokens { org, prefixes } => Request::Set(org, Setting::TokenPrefixes(prefixes)),
        OrgCommand::SubjectTokens { org, state, digits } => {
            let digits = (state == OnOrOff::On).then_some(digits);
            Request::Set(org, Setting::SubjectTokens(digits))
        }
        OrgCommand::Answers { org, state } => Request::Set(org, Setting::AnswerWords(state == OnOrOff::On)),
        OrgCommand::Journal { org, senders } => Request::Set(org, Setting::JournalSenders(senders)),
        OrgCommand::List => Request::Organizations,
        OrgCommand::Reopen { name } => Request::ReopenOrganization(name),
    }
}

/// The request that a command is, and the password that was made for it.
fn request(command: Command) -> anyhow::Result<Option<(Request, Option<String>)>> {
    let request = match command {
        Command::User(UserCommand::Add(user)) => {
            let password = read_password(&user.password, &user.address)?;
            let made = password.clone().filter(|_| user.password.new_password);
            let request = Request::AddUser(AddUser {
                organization: user.org,
                name: user.name,
                address: user.address,
                filter: user.filter,
                is_administrator: user.admin,
                password,
            });
            return Ok(Some((request, made)));
        }
        Command::User(UserCommand::Password { org, address, password }) => {
            return set_password(org, address, &password).map(Some);
        }
        Command::User(UserCommand::List { org }) => Request::Users(org),
        Command::User(UserCommand::Set { org, address, relay }) => {
            outbox::way(org, Whose::User(address), relay)
        }
        Command::User(UserCommand::Signature(signature)) => drafts::signature(signature)?,
        Command::Org(command) => org(command),
        Command::Node(NodeCommand::List) => Request::Nodes,
        Command::Queue(command) => queue(command),
        Command::Sink(SinkCommand::Add { org, address, network, refusing_network }) => {
            let (networks, refusing_networks) = (network, refusing_network);
            Request::AddSink(AddSink { organization: org, address, networks, refusing_networks })
        }
        Command::Sink(SinkCommand::List { org }) => Request::Sinks(org),
        Command::Sink(SinkCommand::Credential(command)) => credential(command),
        Command::Mailbox(command) => match mailbox::request(command)? {
            Some(request) => request,
            None => return Ok(None),
        },
        Command::Send(mail) => sending::send(*mail)?,
        Command::Outbox(command) => outbox::outbox(command)?,
        Command::Draft(command) => drafts::draft(command)?,
        Command::Sendas(command) => drafts::send_as(command),
        Command::Relay(command) => outbox::relay(command)?,
        Command::Suppression(command) => suppression::request(command),
        Command::Hook(command) => hooks::request(command),
        Command::Server(ServerCommand::List { org }) => Request::Servers(org),
        Command::Secrets(command) => secrets::request(&command),
        Command::NeverLog(command) => never_log(command),
        Command::Verify { org, bytes, .. } => verify(org, bytes),
        Command::Serve { .. }
        | Command::Settings
        | Command::Deliver(_)
        | Command::Node(NodeCommand::Check)
        | Command::Import(_)
        | Command::Index(_)
        | Command::Check(_)
        | Command::Track(_)
        | Command::Undeliverable(_)
        | Command::Template(_)
        | Command::Quarantine(_)
        | Command::Dkim(_)
        | Command::Backup(_)
        | Command::Restore(_)
        | Command::Move(_) => return Ok(None),
    };
    Ok(Some((request, None)))
}

fn never_log(command: NeverLogCommand) -> Request {
    let NeverLogCommand::Add { org, pattern, user } = command;
    Request::AddNeverLog(AddNeverLog { organization: org, pattern, user })
}

fn set_password(
    organization: String,
    address: String,
    source: &PasswordSource,
) -> anyhow::Result<(Request, Option<String>)> {
    let Some(password) = read_password(source, &address)? else {
        bail!("give --password-stdin or --new-password");
    };
    let made = Some(password.clone()).filter(|_| source.new_password);
    Ok((Request::SetPassword(SetPassword { organization, address, password }), made))
}

fn verify(org: Option<String>, reads_bytes: bool) -> Request {
    if reads_bytes { Request::VerifyBytes(org) } else { Request::Verify(org) }
}

fn queue(command: QueueCommand) -> Request {
    match command {
        QueueCommand::Add { org: organization, name, address, filter } => {
            Request::AddQueue(AddQueue { organization, name, address, filter })
        }
        QueueCommand::Set { org, queue, relay: Some(way), .. } => outbox::way(org, Whose::Queue(queue), way),
        QueueCommand::Set {
            relay: None,
            org: organization,
            queue,
            acknowledge,
            no_acknowledge: _,
            period_days,
            hourly_max,
        } => {
            let wanted = acknowledge.map(|template| Acknowledge { template, period_days, hourly_max });
            Request::SetAcknowledging(SetAcknowledging { organization, queue, wanted })
        }
        QueueCommand::List { org } => Request::Queues(org),
    }
}

fn credential(command: SinkCredentialCommand) -> Request {
    let named = |of: SinkCredentialArguments| {
        let SinkCredentialArguments { org: organization, sink, name } = of;
        SinkCredentialName { organization, sink, name }
    };
    match command {
        SinkCredentialCommand::Add { of, user, refusing } => {
            Request::AddSinkCredential(AddSinkCredential { of: named(of), user, is_refusing: refusing })
        }
        SinkCredentialCommand::List { org: organization, sink } => {
            Request::SinkCredentials { organization, sink }
        }
        SinkCredentialCommand::Remove { of } => Request::RemoveSinkCredential(named(of)),
    }
}

/// A password from standard input, or a new one; `None` where neither is asked for.
fn read_password(source: &PasswordSource, address: &str) -> anyhow::Result<Option<String>> {
    if source.new_password {
        return Ok(Some(make_password()?));
    }
    if !source.password_stdin {
        return Ok(None);
    }
    if io::stdin().is_terminal() {
        write!(io::stderr(), "Password for {address} (it is shown as you type): ")?;
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).context("the password cannot be read from standard input")?;
    Ok(Some(text.lines().next().unwrap_or_default().to_owned()))
}

/// 20 letters and digits, none that look alike: 100 bits.
fn make_password() -> anyhow::Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0_u8; 20];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
    Ok(bytes
        .iter()
        .filter_map(|byte| LETTERS.get(usize::from(byte & 31)))
        .map(|it| char::from(*it))
        .collect())
}

/// A file, or standard input for `-`.
pub(crate) fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes).context("standard input cannot be read")?;
        return Ok(bytes);
    }
    std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}
