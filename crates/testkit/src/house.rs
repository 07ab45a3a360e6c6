//! A real house inside this process: all doors open on free ports of loopback, data in a folder.
//!
//! What passes through: commands go over its control socket, as those of an administrator do; tests look into
//! its store directly. When it is dropped it stops gracefully.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use postroom::commands::{Reply, Request};
use postroom::control::{Answer, Line};
use postroom::{House as Opened, RunningHouse, Settings};
use store::{Database, Organization};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::database;

/// A house that serves until it is dropped.
pub struct House {
    runtime: Runtime,
    running: Option<RunningHouse>,
    settings: Settings,
    _folder: Option<TempDir>,
}

impl House {
    /// Starts a house in a folder that goes with it.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start() -> Result<Self> {
        let folder = TempDir::new()?;
        let mut house = House::start_in(folder.path(), free_ports(folder.path())?)?;
        house._folder = Some(folder);
        Ok(house)
    }

    /// Starts a house in a folder that stays, with these settings.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_in(folder: &Path, settings: Settings) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let runtime = Runtime::new()?;
        let running = runtime.block_on(Opened::start(settings.clone()))?;
        Ok(House { runtime, running: Some(running), settings, _folder: None })
    }

    /// The SMTP door.
    ///
    /// # Errors
    /// When it has none.
    pub fn smtp(&self) -> Result<SocketAddr> {
        self.running()?.ports.smtp.first().copied().context("the house has no SMTP door")
    }

    /// The SMTP door where TLS begins with the connection.
    ///
    /// # Errors
    /// When it has none.
    pub fn smtps(&self) -> Result<SocketAddr> {
        self.running()?.ports.smtps.first().copied().context("the house has no SMTP door with TLS")
    }

    /// The LMTP door.
    ///
    /// # Errors
    /// When it has none.
    pub fn lmtp(&self) -> Result<SocketAddr> {
        self.running()?.ports.lmtp.first().copied().context("the house has no LMTP door")
    }

    /// The LMTP door for this machine.
    ///
    /// # Errors
    /// When it has none.
    pub fn lmtp_socket(&self) -> Result<PathBuf> {
        self.running()?.ports.lmtp_socket.clone().context("the house has no LMTP socket")
    }

    /// The pages.
    ///
    /// # Errors
    /// When it has none.
    pub fn web(&self) -> Result<SocketAddr> {
        self.running()?.ports.web.first().copied().context("the house has no pages")
    }

    /// Runs a command over the control socket.
    ///
    /// # Errors
    /// When it was not done; the words are those that an administrator would read.
    pub fn command(&self, request: Request) -> Result<Reply> {
        ask(&self.runtime, &self.settings, request)
    }

    /// An organization of the house.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn organization(&self, name: &str) -> Result<Arc<Organization>> {
        Ok(self.running()?.house().organization(name)?)
    }

    /// Runs a future on the house's own threads and waits for it.
    pub fn block_on<F: Future>(&self, work: F) -> F::Output {
        self.runtime.block_on(work)
    }

    fn running(&self) -> Result<&RunningHouse> {
        self.running.as_ref().context("the house was stopped")
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }
}

/// Settings with all doors on free ports and data in this folder.
///
/// # Errors
/// When the built-in settings cannot be read.
pub fn free_ports(folder: &Path) -> Result<Settings> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut settings = Settings::built_in()?;
    settings.data = folder.to_owned();
    settings.hostname = "postroom.test".to_owned();
    settings.smtp.listen = vec![any];
    settings.smtp.tls_listen = vec![any];
    settings.lmtp.listen = vec![any];
    settings.web.listen = vec![any];
    if let Database::Postgres(postgres) = database::of(folder) {
        settings.database.url = postgres.url;
        settings.database.schema = postgres.schema;
        settings.database.connections_max = postgres.connections_max;
    }
    Ok(settings)
}

/// Runs a command at the house that serves from the folder of these settings.
///
/// # Errors
/// When it was not done.
pub fn ask(runtime: &Runtime, settings: &Settings, request: Request) -> Result<Reply> {
    runtime.block_on(async {
        let mut line = Line::open(settings).await?;
        let answer = line.ask(request).await;
        line.close();
        match answer? {
            Answer::Done(reply) => Ok(reply),
            Answer::Refused(words) => bail!(words),
        }
    })
}
