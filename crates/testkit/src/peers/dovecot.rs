//! Dovecot (packages `dovecot-lmtpd`, `dovecot-sieve`): an LMTP server that keeps mail in Maildirs, and whose
//! Sieve redirects mail.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use super::{is_root, open_folder};
use crate::{Missing, wait};

/// The user `nobody`, to whom mail and Sieve scripts belong.
const NOBODY: u32 = 65_534;

/// A running Dovecot. Every address at any domain has a mailbox.
pub struct Dovecot {
    folder: TempDir,
    lmtp: SocketAddr,
}

/// What a Dovecot is for.
#[derive(Debug, Clone, Copy, Default)]
pub struct DovecotSettings<'s> {
    /// Below which folder it keeps its own; the system's for temporary files where none is named.
    pub folder: Option<&'s Path>,
    /// Whether every mail is synced to disk before it is acknowledged.
    pub always_syncs: bool,
    /// Where redirected mail is handed to.
    pub relay: Option<SocketAddr>,
    /// A Sieve script that every mailbox runs.
    pub sieve: Option<&'s str>,
}

impl Dovecot {
    /// Starts it and waits for its greeting.
    ///
    /// # Errors
    /// [`Missing`] where a package is; when it does not start.
    pub fn start(settings: DovecotSettings<'_>) -> Result<Self> {
        Dovecot::is_installed()?;
        let dovecot = Dovecot { folder: open_folder(settings.folder)?, lmtp: wait::free_port()? };
        let mail = dovecot.path("mail");
        fs::create_dir(&mail)?;
        chown(&mail, Some(NOBODY), Some(NOBODY))?;
        if let Some(script) = settings.sieve {
            fs::write(dovecot.path("mail/rule.sieve"), script)?;
        }
        fs::write(dovecot.path("dovecot.conf"), dovecot.configuration(&settings))?;
        // It goes on in the background with what it was given to write to: a pipe would never end.
        let said = fs::File::create(dovecot.path("said"))?;
        let mut start = Command::new("/usr/sbin/dovecot");
        start.arg("-c").arg(dovecot.path("dovecot.conf")).stdout(Stdio::null()).stderr(said);
        let is_started = start.status()?.success();
        ensure!(is_started, "dovecot: {}", fs::read_to_string(dovecot.path("said"))?);
        wait::until_greeted(dovecot.lmtp).with_context(|| dovecot.log())?;
        Ok(dovecot)
    }

    /// Whether it can be started here.
    ///
    /// # Errors
    /// [`Missing`], where a package is, or root.
    pub fn is_installed() -> Result<(), Missing> {
        Missing::unless("/usr/sbin/dovecot", "dovecot-core")?;
        Missing::unless("/usr/lib/dovecot/lmtp", "dovecot-lmtpd")?;
        Missing::unless("/usr/lib/dovecot/modules/lib90_sieve_plugin.so", "dovecot-sieve")?;
        is_root("dovecot")
    }

    /// Its LMTP door.
    pub fn lmtp(&self) -> SocketAddr {
        self.lmtp
    }

    /// What it wrote to its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn configuration(&self, settings: &DovecotSettings<'_>) -> String {
        let folder = self.folder.path().display();
        let port = self.lmtp.port();
        let fsync = if settings.always_syncs { "always" } else { "optimized" };
        let relay = settings.relay.map_or_else(String::new, |relay| format!("submission_host = {relay}\n"));
        let plugins =
            if settings.sieve.is_some() { "protocol lmtp {\n  mail_plugins = sieve\n}\n" } else { "" };
        format!(
            "base_dir = {folder}/run\nstate_dir = {folder}/state\nlog_path = {folder}/log\n\
             listen = 127.0.0.1\nprotocols = lmtp\nssl = no\nhostname = dovecot.test\n\
             postmaster_address = postmaster@dovecot.test\n{relay}\
             mail_fsync = {fsync}\nmail_uid = {NOBODY}\nmail_gid = {NOBODY}\nfirst_valid_uid = 1\n\
             mail_location = maildir:~/Maildir\nrecipient_delimiter = +\n\
             service lmtp {{\n  process_min_avail = 10\n  inet_listener lmtp {{\n    \
             address = 127.0.0.1\n    port = {port}\n  }}\n}}\n\
             service stats {{\n  unix_listener stats-writer {{\n    mode = 0666\n  }}\n}}\n\
             passdb {{\n  driver = static\n  args = nopassword=y\n}}\n\
             userdb {{\n  driver = static\n  \
             args = uid={NOBODY} gid={NOBODY} home={folder}/mail/%u allow_all_users=yes\n}}\n\
             plugin {{\n  sieve = file:~/sieve;active=~/.dovecot.sieve\n  \
             sieve_before = {folder}/mail/rule.sieve\n}}\n{plugins}"
        )
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        let Ok(id) = fs::read_to_string(self.path("run/master.pid")) else { return };
        let id = id.trim().to_owned();
        // What is left of it after the deadline goes with the machine; a test has no better way.
        let _ = Command::new("kill").arg(&id).status();
        let _ =
            wait::until("the end of dovecot", || (!Path::new(&format!("/proc/{id}")).exists()).then_some(()));
    }
}
