//! The processes of a PostgreSQL server: started, stopped in the ways it can be stopped, killed.
//!
//! What passes through: a cluster in, a server that takes connections out; signals.
//!
//! *Invariant:* when a stop has returned, no process of the server is left that could still answer or write.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::cluster::{Cluster, SETTINGS};
use crate::wait;

/// How a server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It closes all connections and writes down what it has (SIGINT).
    Fast,
    /// It drops everything at once (SIGQUIT); the next start recovers from the log.
    Immediate,
    /// kill -9 of all its processes.
    Killed,
}

/// A running server. Dropped, it ends at once.
pub(super) struct Server {
    child: Child,
    guard: Option<Child>,
}

/// Ends the server, and removes its folder, when this process ends without having done so: its standard input is closed
/// then. A test that is killed, as one that takes too long is, drops nothing.
const GUARD: &str = "read -r nothing; kill -QUIT $0; tail --pid=$0 -f /dev/null; rm -rf \"$1\"";

const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

impl Server {
    /// Starts the server of a cluster and waits until it takes connections.
    ///
    /// # Errors
    /// When it ends before that; with its log.
    pub(super) fn start(cluster: &Cluster) -> Result<Self> {
        let mut postgres = cluster.program("postgres");
        postgres.arg("-D").arg(cluster.data());
        postgres.arg("-c").arg(format!("config_file={}", cluster.path(SETTINGS).display()));
        // Ctrl-C at a terminal is for those that use the server; they end before it.
        postgres.process_group(0).stdout(cluster.open_log()?).stderr(cluster.open_log()?);
        let child = postgres.spawn().context("postgres cannot be started")?;
        let mut server = Server { child, guard: None };
        let mut guard = cluster.program("/bin/sh");
        guard.args(["-c", GUARD, &server.child.id().to_string()]).arg(cluster.path(""));
        guard.current_dir("/").process_group(0).stdin(Stdio::piped());
        server.guard = Some(guard.spawn().context("a shell cannot be started")?);
        let mut look = cluster.program("pg_isready");
        look.arg("-h").arg(cluster.address().ip().to_string());
        look.arg("-p").arg(cluster.address().port().to_string());
        let is_ready = wait::closely("postgres taking connections", BETWEEN_LOOKS, || {
            if server.child.try_wait().ok().flatten().is_some() {
                return Some(false);
            }
            succeeds(&mut look).then_some(true)
        });
        if !is_ready.with_context(|| cluster.log())? {
            bail!("postgres ended: {}", cluster.log());
        }
        Ok(server)
    }

    /// Ends it and waits until nothing of it is left.
    ///
    /// # Errors
    /// When it had ended by itself.
    pub(super) fn stop(mut self, how: Stop) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("postgres had ended by itself: {status}");
        }
        self.end(how)
    }

    fn end(&mut self, how: Stop) -> Result<()> {
        // It must not outlive the server: another process could get the number.
        if let Some(mut guard) = self.guard.take() {
            guard.kill()?;
            guard.wait()?;
        }
        let postmaster = Pid::from_child(&self.child);
        match how {
            Stop::Fast => kill_process(postmaster, Signal::INT)?,
            Stop::Immediate => kill_process(postmaster, Signal::QUIT)?,
            Stop::Killed => {
                // One that stands still makes no more processes.
                kill_process(postmaster, Signal::STOP)?;
                let others = children(postmaster);
                self.child.kill()?;
                for other in &others {
                    // One that has ended by now is as wanted.
                    let _ = kill_process(*other, Signal::KILL);
                }
                wait::closely("the end of all processes of postgres", BETWEEN_LOOKS, || {
                    (!others.iter().any(|other| is_alive(*other))).then_some(())
                })?;
            }
        }
        let ended =
            wait::closely("the end of postgres", BETWEEN_LOOKS, || self.child.try_wait().ok().flatten());
        ended.map(drop)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // What was stopped before has nothing left; what does not stop is killed, and there is no better way here.
        let has_ended = self.child.try_wait().is_ok_and(|ended| ended.is_some());
        if has_ended {
            self.guard.take().map(|mut guard| guard.kill().and_then(|()| guard.wait()));
        } else if self.end(Stop::Immediate).is_err() {
            let _ = self.end(Stop::Killed);
        }
    }
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// All processes of a server are children of its first (proc(5)).
fn children(postmaster: Pid) -> Vec<Pid> {
    let process = postmaster.as_raw_nonzero();
    let listed = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    listed.split_whitespace().filter_map(|child| Pid::from_raw(child.parse().ok()?)).collect()
}

/// One that has ended is gone, or waits as a zombie for somebody to ask.
fn is_alive(process: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, fields)| !fields.trim_start().starts_with(['Z', 'X']))
}
