//! `postroom hook`: its arguments, requests made of them, and the list in words.

use std::io::{self, Write};

use clap::Subcommand;
use postroom::commands::{HookRequest, Request, UntoldRow};

#[derive(Subcommand)]
pub(crate) enum HookCommand {
    /// List e-mails that the hook was told of in vain, newest first: what is behind one that waits waits too, and one that
    /// was passed over stays here until it is told.
    List {
        /// One organization; else all.
        #[arg(long, value_name = "NAME")]
        org: Option<String>,
    },
    /// Pass over the e-mail that waits to be told, so that those behind it are told.
    Skip {
        /// The organization.
        #[arg(long, value_name = "NAME")]
        org: String,
        /// The id of the e-mail, as the list shows it.
        email: String,
    },
    /// Tell the hook again of e-mails that were passed over, the oldest first, until it does not hear one. Run it on a node
    /// that has the hook.
    Again {
        /// The organization.
        #[arg(long, value_name = "NAME")]
        org: String,
        /// The id of an e-mail, as the list shows it.
        #[arg(required_unless_present = "all")]
        email: Option<String>,
        /// All that the list shows.
        #[arg(long, conflicts_with = "email")]
        all: bool,
    },
}

pub(super) fn request(command: HookCommand) -> Request {
    Request::Hook(match command {
        HookCommand::List { org } => HookRequest::List(org),
        HookCommand::Skip { org: organization, email } => HookRequest::Skip { organization, email },
        HookCommand::Again { org: organization, email, .. } => HookRequest::Again { organization, email },
    })
}

/// A line of the list. A hook may say anything.
pub(super) fn cells(row: &UntoldRow) -> Vec<String> {
    let state = if row.is_waiting { "waits" } else { "passed over" };
    let tries = format!("told {} times, refused {}", row.tries, row.refusals);
    vec![
        row.organization.clone(),
        row.since.clone(),
        state.to_owned(),
        tries,
        row.email.clone(),
        row.words.clone(),
    ]
}

pub(super) fn told(count: usize) -> io::Result<()> {
    writeln!(io::stdout(), "told of {count}")
}
