//! `postroom suppression`: its arguments, requests made of them, and the list in words.

use clap::Subcommand;
use postroom::commands::{Request, SuppressionRequest, SuppressionRow};

use super::show::printable;

#[derive(Subcommand)]
pub(crate) enum SuppressionCommand {
    /// List addresses to which nothing is sent, and those that were released, newest first.
    List {
        /// One organization; else all.
        #[arg(long, value_name = "NAME")]
        org: Option<String>,
    },
    /// Send nothing to an address any more.
    Add {
        /// The organization.
        #[arg(long, value_name = "NAME")]
        org: String,
        /// Why, for whoever asks later.
        #[arg(long, value_name = "TEXT", default_value = "no reason given")]
        why: String,
        /// The address.
        address: String,
    },
    /// Let mail go to an address again.
    Release {
        /// The organization.
        #[arg(long, value_name = "NAME")]
        org: String,
        /// Who does it, or why: it is kept.
        #[arg(long, value_name = "TEXT", default_value = "the command line")]
        by: String,
        /// The address.
        address: String,
    },
}

pub(super) fn request(command: SuppressionCommand) -> Request {
    Request::Suppression(match command {
        SuppressionCommand::List { org } => SuppressionRequest::List(org),
        SuppressionCommand::Add { org, why, address } => {
            SuppressionRequest::Add { organization: org, address, why }
        }
        SuppressionCommand::Release { org, by, address } => {
            SuppressionRequest::Release { organization: org, address, by }
        }
    })
}

/// What servers say is written by others.
pub(super) fn cells(row: &SuppressionRow) -> Vec<String> {
    let released =
        row.released.as_ref().map_or_else(String::new, |when| format!("released {}", printable(when)));
    let evidence = row.email.clone().unwrap_or_default();
    let (organization, since, reason) = (row.organization.clone(), row.since.clone(), row.reason.clone());
    vec![organization, printable(&row.address), since, reason, printable(&row.words), evidence, released]
}
