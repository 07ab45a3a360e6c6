//! `postroom draft` and `postroom sendas`: their arguments, requests made of them, and lists in words.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use postroom::commands::{DraftRequest, Request, SenderRow};

use super::sending::{WhenArguments, read_text};
use super::show::printable;

#[derive(Subcommand)]
pub(crate) enum DraftCommand {
    /// Send a draft that `postroom send --draft` or a page kept, when it was kept for where nothing else is said. It goes out once,
    /// however often this is called.
    Send {
        #[command(flatten)]
        of: DraftName,
        #[command(flatten)]
        when: WhenArguments,
        /// The tracking token at the end of its subject, as `postroom outbox token` gave it.
        #[arg(long, value_name = "TOKEN")]
        token: Option<String>,
        /// It went out by other means: note it as sent.
        #[arg(long, conflicts_with_all = ["at", "undo"])]
        noted: bool,
    },
    /// Throw a draft away.
    Discard {
        #[command(flatten)]
        of: DraftName,
    },
    /// Make a mail that waits to go out a draft again.
    TakeBack {
        #[command(flatten)]
        of: DraftName,
    },
}

#[derive(Args)]
pub(crate) struct DraftName {
    /// The organization.
    #[arg(long, value_name = "NAME")]
    org: String,
    /// The id of its e-mail.
    email: String,
}

#[derive(Subcommand)]
pub(crate) enum SendAsCommand {
    /// Let a user write as a queue.
    Grant {
        #[command(flatten)]
        of: SenderNames,
    },
    /// Take that back.
    Revoke {
        #[command(flatten)]
        of: SenderNames,
    },
    /// List who may write as which queue.
    List {
        /// One organization; else all.
        #[arg(long, value_name = "NAME")]
        org: Option<String>,
    },
}

#[derive(Args)]
pub(crate) struct SenderNames {
    /// The organization.
    #[arg(long, value_name = "NAME")]
    org: String,
    /// The user, by his address.
    #[arg(long, value_name = "ADDRESS")]
    user: String,
    /// The queue, by its address.
    #[arg(long, value_name = "ADDRESS")]
    queue: String,
}

#[derive(Args)]
pub(crate) struct SignatureArguments {
    /// The organization.
    #[arg(long, value_name = "NAME")]
    org: String,
    /// The user, by his address.
    #[arg(long, value_name = "ADDRESS")]
    address: String,
    /// The file with it as text (UTF-8); - for standard input.
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// The file with it as HTML (UTF-8). The text is made of it where none is given.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Take it away.
    #[arg(long, conflicts_with_all = ["text", "html"])]
    remove: bool,
}

pub(super) fn signature(of: SignatureArguments) -> anyhow::Result<Request> {
    let (organization, user) = (of.org, of.address);
    if of.text.is_none() && of.html.is_none() && !of.remove {
        return Ok(Request::Draft(DraftRequest::Signature { organization, user }));
    }
    let text = of.text.as_deref().map(read_text).transpose()?.unwrap_or_default();
    let html = of.html.as_deref().map(read_text).transpose()?;
    Ok(Request::Draft(DraftRequest::SetSignature { organization, user, text, html }))
}

pub(super) fn signature_text(text: &str, html: Option<&str>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    text.lines().try_for_each(|line| writeln!(out, "{}", printable(line)))?;
    html.map_or(Ok(()), |html| writeln!(out, "\n--- HTML\n{}", printable(html)))
}

pub(super) fn draft(command: DraftCommand) -> anyhow::Result<Request> {
    Ok(Request::Draft(match command {
        DraftCommand::Send { of, when, token, noted: is_noted } => {
            DraftRequest::Send { organization: of.org, email: of.email, when: when.read()?, token, is_noted }
        }
        DraftCommand::Discard { of } => DraftRequest::Discard { organization: of.org, email: of.email },
        DraftCommand::TakeBack { of } => DraftRequest::TakeBack { organization: of.org, email: of.email },
    }))
}

pub(super) fn send_as(command: SendAsCommand) -> Request {
    let set = |of: SenderNames, is_granted| DraftRequest::SendAs {
        organization: of.org,
        user: of.user,
        queue: of.queue,
        is_granted,
    };
    Request::Draft(match command {
        SendAsCommand::Grant { of } => set(of, true),
        SendAsCommand::Revoke { of } => set(of, false),
        SendAsCommand::List { org } => DraftRequest::Senders(org),
    })
}

pub(super) fn cells(row: &SenderRow) -> Vec<String> {
    vec![row.organization.clone(), row.user.clone(), row.queue.clone()]
}
