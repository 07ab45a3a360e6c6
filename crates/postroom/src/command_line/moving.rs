//! `postroom move`: an organization goes from this house to another one.
//!
//! What passes through: it is closed here, written to an archive, restored there and compared, and only then taken out of
//! the catalogue here.
//!
//! *Invariant:* at no moment do both houses take mail in for it. Wherever this breaks off, the same command goes on.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use postroom::Settings;
use postroom::commands::{Origin, Reply, Request};
use store::Database;

use super::archives::{SOMETHING_ELSE, back_up_to, restore_from};
use super::arguments::MoveArguments;
use super::{Counter, End};

pub(super) async fn move_away(
    here: &mut Counter,
    (arguments, settings): (MoveArguments, &Settings),
) -> anyhow::Result<End> {
    let name = arguments.org;
    // What the environment says is said of this house.
    let target = Settings::read(Some(&arguments.to), |_| None)?;
    fs::create_dir_all(&target.data).with_context(|| format!("{}", target.data.display()))?;
    let (from, to) = (settings.data.canonicalize()?, target.data.canonicalize()?);
    ensure!(from != to, "{} are the settings of this very house", arguments.to.display());
    let is_same_server = target.database.database() != Database::Sqlite
        && (&target.database.url, &target.database.schema)
            == (&settings.database.url, &settings.database.schema);
    let same = || format!("{} names the database of this very house", arguments.to.display());
    ensure!(!is_same_server, same());
    ensure!(!is_same_database(settings, &target)?, same());
    let _alone = alone(&from)?;
    let mut there = Counter::open(&target).await.context("the other house")?;
    let file = match arguments.through {
        Some(file) => std::path::absolute(file)?,
        None => from.join(format!("moving-{name}.postroom")),
    };
    here.ask(Request::CloseOrganization(name.clone())).await?;
    let moved = copy(here, &mut there, (&name, file)).await;
    there.close();
    let (emails, digest) = moved?;
    here.ask(Request::ForgetOrganization(name.clone())).await?;
    writeln!(io::stdout(), "{name}: {emails} e-mails moved, digest {digest}")?;
    writeln!(io::stdout(), "  what was here stays in the data folder until you remove it")?;
    Ok(End::Well)
}

/// One move at a time from a house: another one would open again what this one has not brought to the other house yet.
fn alone(data: &Path) -> anyhow::Result<File> {
    let folder = File::open(data)?;
    match folder.try_lock() {
        Ok(()) => Ok(folder),
        Err(TryLockError::WouldBlock) => {
            bail!("another `postroom move` from this house is at work; wait for it")
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("{}", data.display())),
    }
}

/// Whether both are the same catalogue by what the server says of itself, whatever name or user it is reached by.
fn is_same_database(here: &Settings, there: &Settings) -> anyhow::Result<bool> {
    let Some(there) = there.database.database().examine().context("the other house")? else {
        return Ok(false);
    };
    let here = here.database.database().examine()?;
    Ok(here.is_some_and(|here| !here.place.is_empty() && here.place == there.place))
}

/// Copies and compares. Where nothing was kept there, the organization is opened here again.
async fn copy(
    here: &mut Counter,
    there: &mut Counter,
    (name, file): (&str, PathBuf),
) -> anyhow::Result<(u64, String)> {
    let backup = match back_up_to(here, name.to_owned(), &file).await {
        Ok(backup) => backup,
        Err(error) => return Err(reopened((here, there), name, error).await),
    };
    if backup.lost > 0 {
        let error = anyhow!("{} kept sources are lost here; `postroom verify` tells more", backup.lost);
        return Err(reopened((here, there), name, error).await);
    }
    let digest = backup.held.digest;
    let restored = restore_from(there, file.clone(), (None, true)).await;
    let removed = remove(&file);
    match restored {
        Ok(restored) if restored.held.digest == digest => {
            removed?;
            Ok((restored.held.emails, digest))
        }
        Ok(_) => bail!("what is there is not what was here; {}", stays_closed(name)),
        // An attempt before may have come so far, and broken off before it could say so here.
        Err(_) if was_moved(there, name, &digest).await => Ok((backup.held.emails, digest)),
        Err(error) => Err(reopened((here, there), name, error).await),
    }
}

/// Whether the other house restored this very content.
async fn was_moved(there: &mut Counter, name: &str, digest: &str) -> bool {
    let asked = there.ask(Request::Origin(name.to_owned())).await;
    matches!(asked, Ok(Reply::Origin(Origin::Restored(held))) if held == digest)
}

/// Opens it here again, where the other house says that it restored nothing of this name: this attempt, or one before it,
/// may have come further than anybody heard.
async fn reopened(
    (here, there): (&mut Counter, &mut Counter),
    name: &str,
    error: anyhow::Error,
) -> anyhow::Error {
    match there.ask(Request::Origin(name.to_owned())).await {
        Ok(Reply::Origin(Origin::Nobody | Origin::Made)) => {}
        // Another `move` may be at work, or go on in the house after whoever gave it has gone.
        Ok(Reply::Origin(Origin::BeingRestored)) => {
            let why = "the other house restores an organization at this moment, or broke off a moment ago";
            return error.context(format!(
                "{name} stays closed: {why}; give the same command again in half a minute"
            ));
        }
        _ => return error.context(stays_closed(name)),
    }
    match here.ask(Request::ReopenOrganization(name.to_owned())).await {
        Ok(Reply::Done) => error.context(format!("{name} stays here and is open again")),
        Ok(_) => error.context(SOMETHING_ELSE),
        Err(_) => error.context(stays_closed(name)),
    }
}

fn stays_closed(name: &str) -> String {
    format!(
        "{name} stays closed; give the same command again, or `postroom org reopen {name}` if it is not there"
    )
}

fn remove(file: &Path) -> anyhow::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", file.display()))
        }
        _ => Ok(()),
    }
}
