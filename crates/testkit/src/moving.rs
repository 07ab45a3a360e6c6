//! An organization with very many e-mails moves to another house and back, by the commands of an administrator.
//!
//! What passes through: a number of e-mails becomes a house (on the engine that tests have), another house in files
//! beside it, and a [`Step`] for each command. What the organization holds must be the same at all three stations.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use store::Database;

use crate::{database, program, search, wait};

/// What took how long.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// What was done.
    pub what: String,
    /// How long it took.
    pub seconds: f64,
    /// How many bytes came of it; 0 where nothing was written to a file.
    pub bytes: u64,
}

/// Fills a house with so many e-mails, writes them to an archive, moves them to another house and back.
///
/// # Errors
/// When a command fails, or when anything is not the same.
pub fn there_and_back(folder: &Path, emails: u64, say: impl Fn(&str)) -> Result<Vec<Step>> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let (here, there) = (folder.join("here"), folder.join("there"));
    fs::create_dir_all(&there)?;
    let mut steps = Vec::new();
    let mut did = |what: &str, seconds: f64, bytes: u64| {
        say(&format!("{seconds:9.1} s  {what}"));
        steps.push(Step { what: what.to_owned(), seconds, bytes });
    };
    let began = Instant::now();
    search::fill(&here, emails, |_| {})?;
    did(&format!("fill with {emails} e-mails"), began.elapsed().as_secs_f64(), 0);
    let (at_here, at_there) = (|| program::command(&here), || in_files(&there));
    let archive = folder.join("archive.postroom");
    let organization = ["--org", search::ORGANIZATION];
    let (before, seconds) = timed(at_here()?.args(["verify", "--digest"]))?;
    did("verify --digest", seconds, 0);
    let books = at_here()?.args(["verify", "--bytes"]).output()?;
    let (_, seconds) = timed(at_here()?.arg("backup").args(organization).arg(&archive))?;
    did("backup", seconds, fs::metadata(&archive)?.len());
    fs::remove_file(&archive)?;
    let (here_settings, there_settings) = (folder.join("here.toml"), folder.join("there.toml"));
    fs::write(&here_settings, settings(&program::data(&here), &database::of(&program::data(&here))))?;
    fs::write(&there_settings, settings(&program::data(&there), &Database::Sqlite))?;
    // The house that filled it was killed, and counts as a node until its lease has run out.
    let move_there = || -> Result<Option<f64>> {
        match timed(at_here()?.arg("move").args(organization).arg("--to").arg(&there_settings)) {
            Err(error) if error.to_string().contains("other nodes") => Ok(None),
            done => Ok(Some(done?.1)),
        }
    };
    let seconds = wait::until("the killed house being forgotten", || move_there().transpose())??;
    did("move there", seconds, 0);
    let (held, _) = timed(at_there()?.args(["verify", "--digest"]))?;
    ensure!(held == before, "what is there is not what was here:\n{before}\n{held}");
    let (_, seconds) = timed(at_there()?.arg("move").args(organization).arg("--to").arg(&here_settings))?;
    did("move back", seconds, 0);
    let (held, _) = timed(at_here()?.args(["verify", "--digest"]))?;
    ensure!(held == before, "what came back is not what went:\n{before}\n{held}");
    // What was filled in without questions has no perfect books; they are as they were.
    let came_back = at_here()?.args(["verify", "--bytes"]).output()?;
    ensure!(came_back.stdout == books.stdout, "{}", String::from_utf8_lossy(&came_back.stdout));
    ensure!(!String::from_utf8_lossy(&books.stdout).contains("kept sources"), "bytes were lost");
    Ok(steps)
}

/// The program with its rows in files, whatever tests use.
fn in_files(folder: &Path) -> Result<Command> {
    let mut command = program::command(folder)?;
    command.env("POSTROOM_DATABASE_URL", "");
    Ok(command)
}

fn settings(data: &Path, database: &Database) -> String {
    let mut text = format!("data = {data:?}\n");
    if let Database::Postgres(server) = database {
        text.push_str(&format!("[database]\nurl = {:?}\nschema = {:?}\n", server.url, server.schema));
    }
    text
}

/// What a command printed, and how long it took.
fn timed(command: &mut Command) -> Result<(String, f64)> {
    let began = Instant::now();
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {errors}");
    Ok((String::from_utf8(output.stdout)?, began.elapsed().as_secs_f64()))
}
