//! A program that was started, and all that it began.
//!
//! *Invariant:* whoever lets go of a group before its program ended ends all of it.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// A program at work.
pub(crate) struct ProcessGroup {
    child: Child,
    is_reaped: bool,
}

impl ProcessGroup {
    /// Starts it in a group of its own and in `/`, with this environment and nothing of ours: secrets may stand there.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub(crate) fn start(command: &mut Command, environment: &[(&str, &str)]) -> std::io::Result<Self> {
        command.env_clear().envs(environment.iter().copied()).current_dir("/").process_group(0);
        Ok(ProcessGroup { child: command.spawn()?, is_reaped: false })
    }

    /// The program itself, for its pipes.
    pub(crate) fn program(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits until the program has ended. What it left to go on behind it does.
    pub(crate) async fn ended(&mut self) -> Option<ExitStatus> {
        self.wait().await?;
        self.is_reaped = true;
        self.child.wait().ok()
    }

    /// The same, and ends what it left behind.
    pub(crate) async fn ended_with_all(&mut self) -> Option<ExitStatus> {
        self.wait().await?;
        self.end()
    }

    /// It stays in the table of processes: its number is nobody else's before it is reaped.
    async fn wait(&self) -> Option<()> {
        let leader = self.leader()?;
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let waited = tokio::task::spawn_blocking(move || waitid(WaitId::Pid(leader), options)).await;
        matches!(waited, Ok(Ok(_))).then_some(())
    }

    fn leader(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    fn end(&mut self) -> Option<ExitStatus> {
        if let Some(leader) = self.leader() {
            // Nobody of them may be left, which is what is wanted.
            let _ = kill_process_group(leader, Signal::KILL);
        }
        self.is_reaped = true;
        self.child.wait().ok()
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if !self.is_reaped {
            // It was killed and ends at once.
            self.end();
        }
    }
}
