//! smtp-sink (package `postfix`): takes any mail and forgets it. What a server could do at most.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use super::is_root;
use crate::{Missing, wait};

const PROGRAM: &str = "/usr/sbin/smtp-sink";

/// A running smtp-sink.
pub struct SmtpSink {
    child: Child,
    smtp: SocketAddr,
}

impl SmtpSink {
    /// Starts it and waits for its greeting.
    ///
    /// # Errors
    /// [`Missing`] where the package is; when it does not start.
    pub fn start() -> Result<Self> {
        SmtpSink::is_installed()?;
        let smtp = wait::free_port()?;
        let mut command = Command::new(PROGRAM);
        // It does not run as root.
        if is_root("smtp-sink").is_ok() {
            command.args(["-u", "nobody"]);
        }
        // As many connections may wait as there are.
        command.arg(smtp.to_string()).arg("1000").stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().context("smtp-sink cannot be started")?;
        let sink = SmtpSink { child, smtp };
        wait::until_greeted(smtp)?;
        Ok(sink)
    }

    /// Whether it can be started here.
    ///
    /// # Errors
    /// [`Missing`], where the package is.
    pub fn is_installed() -> Result<(), Missing> {
        Missing::unless(PROGRAM, "postfix")
    }

    /// Its SMTP door.
    pub fn smtp(&self) -> SocketAddr {
        self.smtp
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        // Both fail only for a process that has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
