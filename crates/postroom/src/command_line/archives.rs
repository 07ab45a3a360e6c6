//! `postroom backup`, `restore` and `verify --digest`: long works, with a bar on standard error meanwhile.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use postroom::commands::{BackUp, BackedUp, Held, Reply, Request, Restore, Restored};

use super::arguments::{BackupArguments, RestoreArguments};
use super::show::table;
use super::{Counter, End};

/// Writes one organization to a file, or each to a file of its own.
pub(super) async fn back_up(house: &mut Counter, arguments: BackupArguments) -> anyhow::Result<End> {
    let path = std::path::absolute(&arguments.path)?;
    let Some(name) = arguments.org else {
        return back_up_all(house, &path).await;
    };
    one(house, name, &path).await
}

async fn back_up_all(house: &mut Counter, folder: &Path) -> anyhow::Result<End> {
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let Reply::Organizations(rows) = house.ask(Request::Organizations).await? else { bail!(SOMETHING_ELSE) };
    let mut end = End::Well;
    for row in rows {
        let file = folder.join(format!("{}.postroom", row.name));
        if one(house, row.name, &file).await? == End::WithFaults {
            end = End::WithFaults;
        }
    }
    Ok(end)
}

async fn one(house: &mut Counter, organization: String, file: &Path) -> anyhow::Result<End> {
    let backup = back_up_to(house, organization, file).await?;
    writeln!(
        io::stdout(),
        "{}: {} e-mails in {} ({} bytes), digest {}",
        backup.held.organization,
        backup.held.emails,
        file.display(),
        backup.bytes,
        backup.held.digest
    )?;
    if backup.lost == 0 {
        return Ok(End::Well);
    }
    writeln!(io::stdout(), "  {} kept sources are lost in the house, and so in the archive", backup.lost)?;
    Ok(End::WithFaults)
}

/// Writes an organization to a file.
pub(super) async fn back_up_to(
    house: &mut Counter,
    organization: String,
    file: &Path,
) -> anyhow::Result<BackedUp> {
    let work = number()?;
    let request = Request::BackUp(BackUp { organization, file: file.to_owned(), work });
    match long(house, work, request).await? {
        Reply::BackedUp(backup) => Ok(backup),
        _ => bail!(SOMETHING_ELSE),
    }
}

pub(super) async fn restore(house: &mut Counter, arguments: RestoreArguments) -> anyhow::Result<End> {
    let file = std::path::absolute(&arguments.file)?;
    let restored = restore_from(house, file, (arguments.name, !arguments.without_addresses)).await?;
    writeln!(
        io::stdout(),
        "{}: {} e-mails as of {}, {} addresses, digest {}",
        restored.held.organization,
        restored.held.emails,
        restored.taken,
        restored.addresses,
        restored.held.digest
    )?;
    Ok(End::Well)
}

/// Makes an organization of a file.
pub(super) async fn restore_from(
    house: &mut Counter,
    file: PathBuf,
    (name, with_addresses): (Option<String>, bool),
) -> anyhow::Result<Restored> {
    let work = number()?;
    let request = Request::Restore(Restore { file, name, with_addresses, work });
    match long(house, work, request).await? {
        Reply::Restored(restored) => Ok(restored),
        _ => bail!(SOMETHING_ELSE),
    }
}

/// Prints what organizations hold.
pub(super) async fn digests(house: &mut Counter, org: Option<String>) -> anyhow::Result<End> {
    for held in held(house, org).await? {
        writeln!(io::stdout(), "{}  {}", held.organization, held.digest)?;
        let cells = |(name, rows, digest): &(String, u64, String)| {
            vec![format!("  {name}"), rows.to_string(), digest.clone()]
        };
        table(held.tables.iter().map(cells))?;
    }
    Ok(End::Well)
}

/// What one organization holds, or all.
pub(super) async fn held(house: &mut Counter, org: Option<String>) -> anyhow::Result<Vec<Held>> {
    let work = number()?;
    match long(house, work, Request::Digests(org, work)).await? {
        Reply::Held(held) => Ok(held),
        _ => bail!(SOMETHING_ELSE),
    }
}

/// Asks for a long work, shows how far it is, and ends it early on Ctrl-C.
async fn long(house: &mut Counter, work: u64, request: Request) -> anyhow::Result<Reply> {
    let mut beside = house.another().await?;
    let bar = bar();
    house.hand_in(request).await?;
    // One future for the whole of it: half an answer that was read must not be forgotten.
    let reply = house.reply();
    tokio::pin!(reply);
    let reply = loop {
        tokio::select! {
            reply = &mut reply => break reply,
            _ = tokio::signal::ctrl_c() => {
                beside.ask(Request::StopWork(work)).await?;
            }
            () = tokio::time::sleep(BETWEEN_LOOKS) => {
                if let Reply::Stage(Some(stage)) = beside.ask(Request::Stage(work)).await? {
                    bar.set_length(stage.of);
                    bar.set_position(stage.done);
                    bar.set_message(stage.what);
                }
            }
        }
    };
    bar.finish_and_clear();
    reply
}

/// Shown on a terminal only.
fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    match ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// A number that no other work has.
fn number() -> anyhow::Result<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
    Ok(u64::from_ne_bytes(bytes))
}

const BETWEEN_LOOKS: Duration = Duration::from_millis(300);
pub(super) const SOMETHING_ELSE: &str = "the house answered something else";
