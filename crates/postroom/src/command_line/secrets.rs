//! `postroom secrets`: its arguments, and replies as lines.

use std::io::{self, Write};

use clap::Subcommand;
use postroom::commands::{KeyRow, Request, Rotated};

use super::{End, show};

#[derive(Subcommand)]
pub(crate) enum SecretsCommand {
    /// List the keys that passwords and tokens are sealed with, and how many each opens. One that is missing is a fault:
    /// put it back into the key file, or give those passwords anew (`postroom mailbox password`).
    List,
    /// Make a new key, and seal everything with it. The former ones stay in the file, for archives may need them. A file
    /// that the settings name is not written to: put a new first line into it yourself, at every node, and then do this.
    Rotate,
}

pub(super) fn request(command: &SecretsCommand) -> Request {
    match command {
        SecretsCommand::List => Request::Keys,
        SecretsCommand::Rotate => Request::RotateKeys,
    }
}

pub(super) fn keys(rows: &[KeyRow]) -> anyhow::Result<End> {
    show::table(rows.iter().map(|row| {
        let state = match (row.is_here, row.is_present) {
            (false, _) => "missing",
            (true, true) => "seals",
            (true, false) => "opens",
        };
        let opens = format!("{} secrets", row.secrets);
        vec![row.key.clone(), state.to_owned(), opens, row.organizations.join(", ")]
    }))?;
    Ok(if rows.iter().all(|row| row.is_here) { End::Well } else { End::WithFaults })
}

pub(super) fn rotated(rotated: &Rotated) -> anyhow::Result<End> {
    let mut out = io::stdout().lock();
    writeln!(out, "key {} seals; {} secrets were sealed anew", rotated.key, rotated.sealed)?;
    for words in &rotated.left {
        writeln!(out, "  {}", show::printable(words))?;
    }
    Ok(if rotated.left.is_empty() { End::Well } else { End::WithFaults })
}
