//! The program as it is shipped, in a process of its own: it can be measured, and killed.
//!
//! What passes through: settings go in by the environment, ports come back in the file that `serve
//! --ports-file` writes once it is ready.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use postroom::Settings;
use postroom::commands::{IndexRequest, IndexRow, Reply, Request};
use serde::Deserialize;
use tokio::runtime::Runtime;

use crate::{database, house, wait};

/// A running `postroom serve`.
pub struct Program {
    child: Child,
    ports: Ports,
    settings: Settings,
    runtime: Runtime,
    took: Duration,
}

/// How often it is looked whether the program is ready: how long that takes is measured.
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

#[derive(Deserialize)]
struct Ports {
    smtp: Vec<SocketAddr>,
    web: Vec<SocketAddr>,
}

impl Program {
    /// Starts the program and waits until it is ready. Its data lie in [`data`] below this folder, beside its log.
    ///
    /// # Errors
    /// When it ends before that.
    pub fn start(folder: &Path) -> Result<Self> {
        Program::start_with(folder, &[])
    }

    /// The same with more variables in its environment, which are settings: `POSTROOM_SEARCH_FOLLOWS_MAIL`.
    ///
    /// # Errors
    /// As [`Program::start`].
    pub fn start_with(folder: &Path, variables: &[(&str, &str)]) -> Result<Self> {
        let folder = std::path::absolute(folder)?;
        let settings = house::free_ports(&data(&folder))?;
        std::fs::create_dir_all(&folder)?;
        let ports_file = folder.join("ports.json");
        // What a house that was killed left behind tells of doors that are closed.
        if ports_file.exists() {
            std::fs::remove_file(&ports_file)?;
        }
        let began = Instant::now();
        let mut child = serve(&folder, &ports_file, variables)?;
        let ports = wait::closely("the program being ready", BETWEEN_LOOKS, || {
            let text = std::fs::read_to_string(&ports_file).ok();
            let ports = text.and_then(|text| serde_json::from_str(&text).ok());
            let ended = child.try_wait().ok().flatten().is_some();
            ports.map(Some).or(ended.then_some(None))
        })?;
        let Some(ports) = ports else { bail!("the program ended; see {}", folder.join("log").display()) };
        let took = began.elapsed();
        Ok(Program { child, ports, settings, runtime: Runtime::new()?, took })
    }

    /// From the start of its process until its doors were open.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// The SMTP door.
    ///
    /// # Errors
    /// When it has none.
    pub fn smtp(&self) -> Result<SocketAddr> {
        self.ports.smtp.first().copied().context("the program has no SMTP door")
    }

    /// The pages.
    ///
    /// # Errors
    /// When it has none.
    pub fn web(&self) -> Result<SocketAddr> {
        self.ports.web.first().copied().context("the program shows no pages")
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Runs a command at it.
    ///
    /// # Errors
    /// When it was not done.
    pub fn command(&self, request: Request) -> Result<Reply> {
        house::ask(&self.runtime, &self.settings, request)
    }

    /// Brings the text index of an organization up to date.
    ///
    /// # Errors
    /// When it was not done.
    pub fn index(&self, organization: &str) -> Result<IndexRow> {
        loop {
            let reply = self.command(Request::Index(IndexRequest::Fill(organization.to_owned())))?;
            let Reply::Indexes(rows) = reply else {
                bail!("the index was asked for, and something else came")
            };
            let row = rows.into_iter().next().context("there is no index")?;
            if row.left == 0 {
                return Ok(row);
            }
        }
    }

    /// Ends it in the middle of whatever it does (SIGKILL).
    ///
    /// # Errors
    /// When it had ended by itself.
    pub fn kill(mut self) -> Result<()> {
        let ended = self.child.try_wait()?;
        ensure!(ended.is_none(), "the program had ended before it was killed: {ended:?}");
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only for a process that has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The data folder of a program that was started in this folder. Postroom wants it for itself.
pub fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// The program with the data of this folder, for a command as an administrator gives it.
///
/// # Errors
/// When it is not there and cannot be built.
pub fn command(folder: &Path) -> Result<Command> {
    let mut command = Command::new(path()?);
    command.current_dir(folder).env("POSTROOM_DATA", data(folder)).stdin(Stdio::null());
    command.envs(database::variables(&data(folder)));
    Ok(command)
}

fn serve(folder: &Path, ports_file: &Path, variables: &[(&str, &str)]) -> Result<Child> {
    let log = std::fs::File::options().create(true).append(true).open(folder.join("log"))?;
    let mut serve = command(folder)?;
    serve.arg("serve").arg("--ports-file").arg(ports_file);
    for door in ["SMTP", "LMTP", "WEB"] {
        serve.env(format!("POSTROOM_{door}_LISTEN"), "127.0.0.1:0");
    }
    serve.env("POSTROOM_LOG_LEVEL", "warn").envs(variables.iter().copied());
    serve.stdout(log.try_clone()?).stderr(log);
    serve.spawn().context("the program cannot be started")
}

/// Where the program is: `POSTROOM_PROGRAM`, or where cargo puts it beside the tests; built where it is missing.
fn path() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("POSTROOM_PROGRAM") {
        return Ok(std::path::absolute(path)?);
    }
    let this = std::env::current_exe()?;
    let folders = this.ancestors().skip(1).take(2);
    let mut places = folders.map(|folder| folder.join("postroom"));
    if let Some(path) = places.find(|path| path.is_file()) {
        return Ok(path);
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo).args(["build", "-q", "-p", "postroom"]).status()?;
    ensure!(built.success(), "the program cannot be built");
    let folder = this.ancestors().nth(2).context("the tests do not lie in a target folder")?;
    Ok(folder.join("postroom"))
}
