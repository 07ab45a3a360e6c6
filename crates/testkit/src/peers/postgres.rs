//! PostgreSQL (package `postgresql-15`): a cluster of its own in a folder that goes with it, and replicas of it.
//!
//! What passes through: [`PostgresSettings`] in, the URL of a server that answers out. It can be stopped and killed,
//! started again at its port, followed by a replica, and a replica be promoted.
//!
//! *Invariant:* what a method says has happened, the server has said: that it takes connections, that a replica
//! streams, that commits wait for it.

mod cluster;
mod process;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use cluster::Cluster;
pub use cluster::{PostgresAccess, PostgresSettings};
use process::Server;
pub use process::Stop;

use crate::wait;

/// A cluster and, while it is not stopped, its server. Dropped, both are gone.
pub struct Postgres {
    // Dropped in this order: the server lives in the folder of the cluster.
    server: Option<Server>,
    cluster: Cluster,
}

impl Postgres {
    /// Makes a cluster, starts its server and waits until it takes connections.
    ///
    /// # Errors
    /// [`Missing`](crate::Missing) where the package is; when it does not start.
    pub fn start(settings: PostgresSettings) -> Result<Self> {
        let cluster = Cluster::make(settings)?;
        let server = Some(Server::start(&cluster)?);
        Ok(Postgres { server, cluster })
    }

    /// The port of loopback that is its own, also while it is stopped.
    pub fn address(&self) -> SocketAddr {
        self.cluster.address()
    }

    /// Where a superuser connects, in words that libpq and others understand.
    pub fn url(&self) -> String {
        self.url_by(self.address())
    }

    /// The same by way of another port of loopback: that of a [`Proxy`](crate::proxy::Proxy).
    pub fn url_by(&self, door: SocketAddr) -> String {
        self.cluster.url(door)
    }

    /// The certificate (PEM) of the authority that signed the server's; `None` where it has none.
    pub fn certificate_authority(&self) -> Option<PathBuf> {
        self.cluster.authority()
    }

    /// What the server wrote to its log.
    pub fn log(&self) -> String {
        self.cluster.log()
    }

    /// What psql(1) shows for some SQL: lines of fields with `|` between them.
    ///
    /// # Errors
    /// When the server refuses it or is not there.
    pub fn ask(&self, sql: &str) -> Result<String> {
        self.ask_by(self.address(), sql)
    }

    /// The same by way of another port of loopback.
    ///
    /// # Errors
    /// As [`Postgres::ask`].
    pub fn ask_by(&self, door: SocketAddr, sql: &str) -> Result<String> {
        let mut psql = self.cluster.program("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d"]);
        psql.arg(self.cluster.named_url(door, "psql"));
        Ok(said(psql.arg("-c").arg(sql))?.trim_end().to_owned())
    }

    /// Ends the server; its data stay.
    ///
    /// # Errors
    /// When it had ended before, or does not end.
    pub fn stop(&mut self, how: Stop) -> Result<()> {
        self.server.take().context("the server was stopped before")?.stop(how)
    }

    /// Starts the server again, at the same port and with the same data.
    ///
    /// # Errors
    /// When it runs already, or does not start.
    pub fn start_again(&mut self) -> Result<()> {
        ensure!(self.server.is_none(), "the server was not stopped");
        self.server = Some(Server::start(&self.cluster)?);
        Ok(())
    }

    /// A replica with this name (lower-case letters and digits; one of a name), which streams from now on. Commits do
    /// not wait for it. What it has not read yet is kept here, also while it is away.
    ///
    /// # Errors
    /// When it cannot be made, or does not follow.
    pub fn replica(&self, name: &str) -> Result<Postgres> {
        let cluster = self.cluster.copy(name)?;
        let server = Some(Server::start(&cluster)?);
        self.until_seen(name, "state", "streaming")?;
        Ok(Postgres { server, cluster })
    }

    /// From now on every commit waits for the replica with this name, or again for none
    /// (`synchronous_standby_names`).
    ///
    /// # Errors
    /// When the replica does not follow.
    pub fn commits_wait_for(&self, replica: Option<&str>) -> Result<()> {
        self.ask(&format!("alter system set synchronous_standby_names = '{}'", replica.unwrap_or_default()))?;
        self.ask("select pg_reload_conf()")?;
        match replica {
            Some(name) => self.until_seen(name, "sync_state", "sync")?,
            None => wait::until("commits that wait for nobody", || {
                self.ask("show synchronous_standby_names").ok().filter(String::is_empty).map(drop)
            })?,
        }
        // Whether commits wait is noted by the checkpointer, which has read the settings anew once it made one.
        self.ask("checkpoint").map(drop)
    }

    /// Makes a server of its own of a replica.
    ///
    /// # Errors
    /// When it is none, or the server does not become one.
    pub fn promote(&self) -> Result<()> {
        // What the first server waited for was copied, and this one has no replica.
        self.ask("alter system reset synchronous_standby_names")?;
        self.ask("select pg_reload_conf()")?;
        let seconds = wait::PATIENCE.as_secs();
        ensure!(self.ask(&format!("select pg_promote(true, {seconds})"))? == "t", "{}", self.log());
        Ok(())
    }

    fn until_seen(&self, replica: &str, column: &str, value: &str) -> Result<()> {
        let sql = format!(
            "select {column} = '{value}' from pg_stat_replication where application_name = '{replica}'"
        );
        wait::until(&format!("the replica {replica} being {value}"), || {
            self.ask(&sql).ok().filter(|seen| seen == "t").map(drop)
        })
        .with_context(|| self.log())
    }
}

/// What a program wrote to its output.
///
/// # Errors
/// When it fails; with what it complained of.
fn said(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?} cannot be started"))?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}
