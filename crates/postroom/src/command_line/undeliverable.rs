//! `postroom undeliverable`: its arguments, requests made of them, and what comes back in words.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use postroom::commands::{ReplayedRow, Reply, Request, UndeliverableRequest, UndeliverableRow};

use super::show::{printable, table};
use super::{Counter, End};

#[derive(Subcommand)]
pub(crate) enum UndeliverableCommand {
    /// List those that wait, newest first.
    List {
        /// One organization; else all.
        #[arg(long, value_name = "NAME")]
        org: Option<String>,
        /// Those that wait no longer instead: replayed or dismissed, and by whom.
        #[arg(long)]
        ended: bool,
    },
    /// Show all that is known of one.
    Show {
        /// Its id, as the list shows it.
        id: String,
    },
    /// Save one, byte for byte as it came.
    Export {
        /// Its id, as the list shows it.
        id: String,
        /// The file, which must not be there yet; else standard output.
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// Take one in again, once its cause is mended, or all that wait. What is still broken waits on.
    Replay {
        /// Its id, as the list shows it.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        id: Option<String>,
        /// All that wait.
        #[arg(long)]
        all: bool,
        /// Those of one organization.
        #[arg(long, value_name = "NAME", requires = "all")]
        org: Option<String>,
    },
    /// Note that nothing is to come of one. It is kept, and waits no longer.
    Dismiss {
        /// Its id, as the list shows it.
        id: String,
        /// Why; it stands in the list of those that ended.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

pub(super) async fn undeliverable(house: &mut Counter, command: UndeliverableCommand) -> anyhow::Result<End> {
    let mut file = None;
    let request = match command {
        UndeliverableCommand::List { org, ended: false } => Request::Undeliverables(org),
        UndeliverableCommand::List { org, ended: true } => about(UndeliverableRequest::Ended(org)),
        UndeliverableCommand::Show { id } => about(UndeliverableRequest::Show(id)),
        UndeliverableCommand::Export { id, to } => {
            file = to;
            about(UndeliverableRequest::Export(id))
        }
        UndeliverableCommand::Replay { id: Some(id), .. } => about(UndeliverableRequest::Replay(id)),
        UndeliverableCommand::Replay { id: None, org, .. } => about(UndeliverableRequest::ReplayAll(org)),
        UndeliverableCommand::Dismiss { id, reason } => about(UndeliverableRequest::Dismiss { id, reason }),
    };
    answered(house, request, file.as_deref()).await
}

#[derive(Subcommand)]
pub(crate) enum QuarantineCommand {
    /// List those that wait, newest first.
    List {
        /// One organization; else all.
        #[arg(long, value_name = "NAME")]
        org: Option<String>,
    },
    /// Let one in. It is marked with what was found out about who wrote it.
    Release {
        /// Its id, as the list shows it.
        id: String,
    },
    /// Note that nothing is to come of one. It is kept, and waits no longer.
    Dismiss {
        /// Its id, as the list shows it.
        id: String,
        /// Why; it stands in the list of those that ended.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// What is kept apart because it is not trusted waits with what could not be processed, and ends as that does.
pub(super) async fn quarantine(house: &mut Counter, command: QuarantineCommand) -> anyhow::Result<End> {
    let request = match command {
        QuarantineCommand::List { org } => UndeliverableRequest::Quarantined(org),
        QuarantineCommand::Release { id } => UndeliverableRequest::Replay(id),
        QuarantineCommand::Dismiss { id, reason } => UndeliverableRequest::Dismiss { id, reason },
    };
    answered(house, about(request), None).await
}

async fn answered(house: &mut Counter, request: Request, file: Option<&Path>) -> anyhow::Result<End> {
    match house.ask(request).await? {
        Reply::Undeliverables(rows) => table(rows.iter().map(cells))?,
        Reply::Undeliverable(row) => one(&row)?,
        Reply::Mail(base64) => save(&STANDARD.decode(base64)?, file)?,
        Reply::Replayed(replayed) => return Ok(after_replay(&replayed)?),
        Reply::ReplayedAll(all) => {
            writeln!(io::stdout(), "{} taken in, {} wait on", all.ended, all.waiting)?;
            return Ok(if all.waiting == 0 { End::Well } else { End::WithFaults });
        }
        Reply::Done => {}
        _ => bail!("the house answered something else"),
    }
    Ok(End::Well)
}

fn about(request: UndeliverableRequest) -> Request {
    Request::Undeliverable(request)
}

fn cells(row: &UndeliverableRow) -> Vec<String> {
    let sender = row.sender.clone().unwrap_or_else(|| "no sender".to_owned());
    let about = format!("{}: {}", row.reason, row.detail);
    let tried = match (&row.end, row.attempts) {
        (Some(end), _) => {
            [end.state.as_str(), end.reason.as_deref().unwrap_or("")].join(" ").trim().to_owned()
        }
        (None, 0) => "not tried again".to_owned(),
        (None, attempts) => format!("tried {attempts}×"),
    };
    let (organization, time) = (row.organization.clone(), row.time.clone());
    vec![organization, time, row.source.clone(), sender, row.subject.clone(), about, tried, row.id.clone()]
}

fn one(row: &UndeliverableRow) -> io::Result<()> {
    let kept = if row.is_header { "its header alone; the mail lies in its mailbox" } else { "all of it" };
    let mut lines = vec![
        ("id", row.id.clone()),
        ("organization", row.organization.clone()),
        ("came", format!("{} at {}", row.time, row.source)),
        ("from", row.sender.clone().unwrap_or_default()),
        ("subject", row.subject.clone()),
        ("size", format!("{} bytes; kept is {kept}", row.size_bytes)),
        ("ended at", row.step.clone()),
        ("because", format!("{}: {}", row.reason, row.detail)),
        (
            "replayed",
            format!("{} times {}", row.attempts, row.tried.as_deref().unwrap_or("")).trim_end().to_owned(),
        ),
    ];
    if let Some(end) = &row.end {
        let words = [Some(end.state.as_str()), end.time.as_deref(), end.by.as_deref(), end.reason.as_deref()];
        lines.push(("since then", words.into_iter().flatten().collect::<Vec<_>>().join(", ")));
    }
    table(lines.into_iter().map(|(name, value)| vec![name.to_owned(), value]))
}

fn save(mail: &[u8], file: Option<&Path>) -> anyhow::Result<()> {
    let Some(path) = file else {
        return Ok(io::stdout().write_all(mail)?);
    };
    let said = || format!("{} cannot be written", path.display());
    // It is somebody's mail.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.with_context(said)?;
    file.write_all(mail).and_then(|()| file.sync_all()).with_context(said)
}

fn after_replay(replayed: &ReplayedRow) -> io::Result<End> {
    let mut out = io::stdout();
    match (&replayed.tracked, &replayed.row.end) {
        (Some(tracked), _) => {
            writeln!(out, "{}", tracked.outcome)?;
            for original in &tracked.originals {
                let email = original.email.as_ref().map(|id| format!(", e-mail {id}")).unwrap_or_default();
                writeln!(out, "  {}, {}{email}", original.outcome, original.reason)?;
            }
            Ok(End::Well)
        }
        (None, Some(end)) => {
            writeln!(out, "it was {} before", end.state)?;
            Ok(End::Well)
        }
        (None, None) => {
            let row = &replayed.row;
            writeln!(out, "it waits on: {}: {}", row.reason, printable(&row.detail))?;
            Ok(End::WithFaults)
        }
    }
}
