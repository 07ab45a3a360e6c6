//! `postroom dkim`: its arguments, requests made of them, and what comes back in words.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};
use postroom::commands::{AddDomainKey, DkimRequest, DomainKeyRow, Reply, Request};

use super::{Counter, End};

#[derive(Subcommand)]
pub(crate) enum DkimCommand {
    /// Sign what goes out from a domain, with a key made now or one of yours, and print the record to publish. Until that
    /// is published, receivers find the signature of no use, and hold it against nobody.
    Add {
        #[command(flatten)]
        of: KeyName,
        /// The file with the private key (PEM: RSA or Ed25519); else a new one is made, and never leaves the house.
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
        /// Make a key of Ed25519, beside one of RSA: short, and not known to all receivers.
        #[arg(long, conflicts_with = "key_file")]
        ed25519: bool,
    },
    /// List the keys, with the records that belong into the DNS.
    List {
        /// One organization; else all.
        #[arg(long, value_name = "NAME")]
        org: Option<String>,
    },
    /// Forget a key: nothing is signed with it any more. Leave its record there for some days, for mail on its way.
    Remove {
        #[command(flatten)]
        of: KeyName,
    },
}

#[derive(Args)]
pub(crate) struct KeyName {
    /// The organization.
    #[arg(long, value_name = "NAME")]
    org: String,
    /// The domain of From.
    #[arg(long, value_name = "DOMAIN")]
    domain: String,
    /// Under which name the record stands below _domainkey, such as "crm1".
    #[arg(long, value_name = "NAME")]
    selector: String,
}

pub(super) async fn dkim(house: &mut Counter, command: DkimCommand) -> anyhow::Result<End> {
    let request = match command {
        DkimCommand::Add { of, key_file, ed25519 } => DkimRequest::Add(AddDomainKey {
            organization: of.org,
            domain: of.domain,
            selector: of.selector,
            pem: key_file.as_deref().map(super::mailbox::text).transpose()?,
            is_ed25519: ed25519,
        }),
        DkimCommand::List { org } => DkimRequest::List(org),
        DkimCommand::Remove { of } => {
            DkimRequest::Remove { organization: of.org, domain: of.domain, selector: of.selector }
        }
    };
    match house.ask(Request::Dkim(request)).await? {
        Reply::DomainKeys(rows) => rows.iter().try_for_each(record)?,
        Reply::Done => {}
        _ => bail!("the house answered something else"),
    }
    Ok(End::Well)
}

/// As it stands in a file of a zone: strings of at most 255 bytes (RFC 1035 §3.3).
fn record(row: &DomainKeyRow) -> io::Result<()> {
    let pieces = row.record.as_bytes().chunks(TEXT_BYTES_MAX).map(String::from_utf8_lossy);
    let quoted: Vec<String> = pieces.map(|piece| format!("\"{piece}\"")).collect();
    writeln!(io::stdout(), "; {}\n{}. IN TXT ( {} )", row.organization, row.name, quoted.join(" "))
}

const TEXT_BYTES_MAX: usize = 250;
