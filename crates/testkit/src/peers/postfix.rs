//! Postfix (package `postfix`): the whole server in a folder of its own, which hands everything to one next hop.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use super::{is_root, open_folder};
use crate::{Missing, wait};

/// A running Postfix.
pub struct Postfix {
    folder: TempDir,
    smtp: SocketAddr,
}

/// Where it hands mail to.
#[derive(Debug, Clone, Copy)]
pub enum NextHop<'n> {
    /// By SMTP.
    Smtp(SocketAddr),
    /// By LMTP.
    Lmtp(SocketAddr),
    /// By a program that it runs as `nobody` for each recipient: its words, for pipe(8).
    Pipe(&'n str),
}

impl Postfix {
    /// Starts it and waits for its greeting.
    ///
    /// # Errors
    /// [`Missing`] where the package is; when it does not start.
    pub fn start(next_hop: NextHop<'_>) -> Result<Self> {
        Postfix::start_with(next_hop, |_| Ok(String::new()))
    }

    /// The same, with a next hop that speaks TLS from the start, and a credential to be proven to it by SCRAM.
    ///
    /// # Errors
    /// As [`Postfix::start`].
    pub fn start_proving(to: SocketAddr, (name, secret): (&str, &str)) -> Result<Self> {
        Postfix::start_with(NextHop::Smtp(to), |postfix| {
            let secrets = postfix.path("etc/secrets");
            fs::write(&secrets, format!("[{}]:{} {name}:{secret}\n", to.ip(), to.port()))?;
            Ok(format!(
                "smtp_tls_wrappermode = yes\nsmtp_tls_security_level = encrypt\n\
                 smtp_sasl_auth_enable = yes\nsmtp_sasl_mechanism_filter = scram-sha-256\n\
                 smtp_sasl_security_options = noanonymous\n\
                 smtp_sasl_password_maps = texthash:{}\n",
                secrets.display()
            ))
        })
    }

    /// The same, where some recipients are refused for good, and some for now.
    ///
    /// # Errors
    /// As [`Postfix::start`].
    pub fn start_refusing(next_hop: NextHop<'_>, for_good: &str, for_now: &str) -> Result<Self> {
        Postfix::start_with(next_hop, |_| {
            Ok(format!(
                "smtpd_recipient_restrictions = check_recipient_access inline:{{ {{ {for_good} = REJECT }}, \
                 {{ {for_now} = DEFER }} }}, permit\n"
            ))
        })
    }

    /// The same, where mail for one domain goes elsewhere by SMTP: what cannot be delivered finds its way back.
    ///
    /// # Errors
    /// As [`Postfix::start`].
    pub fn start_returning(next_hop: NextHop<'_>, (domain, to): (&str, SocketAddr)) -> Result<Self> {
        Postfix::start_with(next_hop, |_| {
            Ok(format!("transport_maps = inline:{{ {{ {domain} = smtp:[{}]:{} }} }}\n", to.ip(), to.port()))
        })
    }

    /// The same, where mail that comes is held until [`Postfix::let_go`], and then goes over so many connections.
    ///
    /// # Errors
    /// As [`Postfix::start`].
    pub fn start_holding(next_hop: NextHop<'_>, connections: usize) -> Result<Self> {
        Postfix::start_with(next_hop, |_| {
            Ok(format!(
                "smtpd_client_restrictions = check_client_access static:HOLD\nin_flow_delay = 0\n\
                 default_destination_concurrency_limit = {connections}\n\
                 initial_destination_concurrency = {connections}\n"
            ))
        })
    }

    /// Lets go what it held, and has it tried at once.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn let_go(&self) -> Result<()> {
        let mut released = Command::new("/usr/sbin/postsuper");
        released.arg("-c").arg(self.path("etc")).args(["-H", "ALL"]).stderr(Stdio::null());
        ensure!(released.status()?.success(), "postsuper does not let go what is held");
        self.flush()
    }

    /// Mails that it has.
    ///
    /// # Errors
    /// When its folders cannot be read.
    pub fn queued(&self) -> Result<usize> {
        let mut mails = 0;
        for folder in ["hold", "deferred", "incoming", "active", "maildrop"] {
            mails += files_below(&self.path("queue").join(folder))?;
        }
        Ok(mails)
    }

    fn start_with(next_hop: NextHop<'_>, more: impl FnOnce(&Self) -> Result<String>) -> Result<Self> {
        Missing::unless("/usr/sbin/postfix", "postfix")?;
        is_root("postfix")?;
        let postfix = Postfix { folder: open_folder(None)?, smtp: wait::free_port()? };
        for folder in ["etc", "queue", "data"] {
            fs::create_dir(postfix.path(folder))?;
        }
        let owned = Command::new("chown").arg("postfix").arg(postfix.path("data")).status()?;
        ensure!(owned.success(), "there is no user called postfix");
        // Of two lines about the same, the later one holds.
        fs::write(postfix.path("etc/main.cf"), postfix.main(next_hop) + &more(&postfix)?)?;
        fs::write(postfix.path("etc/master.cf"), postfix.services() + &pipe(next_hop))?;
        if postfix.begin().is_err() {
            postfix.kill()?;
            postfix.begin()?;
        }
        wait::until_greeted(postfix.smtp).with_context(|| postfix.log())?;
        Ok(postfix)
    }

    /// Has it begin, until it writes its log. Its process for that may wait for itself, when it has something to say and its
    /// own queue is full; then all others wait for it, and so does whoever stops it.
    fn begin(&self) -> Result<()> {
        ensure!(self.control("start")?, "postfix: {}", fs::read_to_string(self.path("said"))?);
        wait::until("postfix writes its log", || self.log().contains("daemon started").then_some(()))
    }

    /// Its SMTP door.
    pub fn smtp(&self) -> SocketAddr {
        self.smtp
    }

    /// A program that is called as `sendmail` and submits to this one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn sendmail(&self) -> Result<PathBuf> {
        let path = self.path("sendmail");
        let script = format!("#!/bin/sh\nexec /usr/sbin/sendmail -C {} \"$@\"\n", self.path("etc").display());
        fs::write(&path, script)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(path)
    }

    /// Has it try what waits in its queue, at once.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn flush(&self) -> Result<()> {
        ensure!(self.control("flush")?, "postfix: {}", fs::read_to_string(self.path("said"))?);
        Ok(())
    }

    /// What it wrote to its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Whether a command of postfix(1) went well. What it says goes to a file: the servers that it starts go on
    /// with what it was given to write to, and a pipe would never end.
    fn control(&self, command: &str) -> Result<bool> {
        let said = fs::File::create(self.path("said"))?;
        // The path has to be absolute: with a relative one `stop` leaves the server running.
        let mut postfix = Command::new("/usr/sbin/postfix");
        postfix.arg("-c").arg(self.path("etc")).arg(command).stdout(said.try_clone()?).stderr(said);
        let mut postfix = postfix.spawn()?;
        let ended = wait::until(&format!("postfix {command}"), || postfix.try_wait().transpose());
        if ended.is_err() {
            postfix.kill()?;
            postfix.wait()?;
        }
        Ok(ended??.success())
    }

    /// Ends all its processes at once.
    fn kill(&self) -> Result<()> {
        let master = fs::read_to_string(self.path("queue/pid/master.pid"))?;
        let group = format!("-{}", master.trim());
        ensure!(Command::new("kill").args(["-KILL", "--", &group]).status()?.success(), "it lives on");
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn main(&self, next_hop: NextHop<'_>) -> String {
        let folder = self.folder.path().display();
        let transport = match next_hop {
            NextHop::Smtp(to) => format!("smtp:[{}]:{}", to.ip(), to.port()),
            NextHop::Lmtp(to) => format!("lmtp:inet:{}:{}", to.ip(), to.port()),
            NextHop::Pipe(_) => "postroom:".to_owned(),
        };
        let size = MAIL_BYTES_MAX;
        format!(
            "compatibility_level = 3.6\nconfig_directory = {folder}/etc\nqueue_directory = {folder}/queue\n\
             data_directory = {folder}/data\ncommand_directory = /usr/sbin\n\
             daemon_directory = /usr/lib/postfix/sbin\nmail_owner = postfix\nsetgid_group = postdrop\n\
             myhostname = postfix.test\nmydestination =\nlocal_recipient_maps =\nalias_maps =\n\
             inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmynetworks = 127.0.0.0/8\n\
             smtpd_relay_restrictions = permit_mynetworks, reject\nsmtputf8_enable = yes\n\
             message_size_limit = {size}\nmailbox_size_limit = 0\n\
             default_transport = {transport}\nrelay_transport = {transport}\n\
             smtp_dns_support_level = disabled\nsmtp_host_lookup = native\nlmtp_host_lookup = native\n\
             smtp_tls_security_level = may\nminimal_backoff_time = 1s\nqueue_run_delay = 1s\n\
             maillog_file_prefixes = {folder}\nmaillog_file = {folder}/log\n\
             postroom_destination_recipient_limit = 1\ntransport_retry_time = 1s\n"
        )
    }

    fn services(&self) -> String {
        let mut services = format!("{} inet n - n - - smtpd\n", self.smtp);
        // Name, type, private, chroot, wakeup, processes; see master(5).
        for (name, kind, wakeup) in SERVICES {
            let program = match *name {
                "defer" | "trace" => "bounce",
                "retry" => "error",
                "postlog" => "postlogd",
                "rewrite" => "trivial-rewrite",
                "proxywrite" => "proxymap",
                name => name,
            };
            let is_private = !matches!(*name, "pickup" | "cleanup" | "qmgr" | "showq" | "flush" | "postlog");
            let private = if is_private { '-' } else { 'n' };
            services.push_str(&format!("{name} {kind} {private} - n {wakeup} {program}\n"));
        }
        services
    }
}

/// It takes larger mails than by itself (10 MB).
const MAIL_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Some folders of a queue have more below them, by the first letter of a mail's name; mails move between them meanwhile.
fn files_below(folder: &Path) -> Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files += if entry.file_type()?.is_dir() { files_below(&entry.path())? } else { 1 };
    }
    Ok(files)
}

/// As docs/operate/mailboxes.md says it.
fn pipe(next_hop: NextHop<'_>) -> String {
    let NextHop::Pipe(words) = next_hop else { return String::new() };
    format!("postroom unix - n n - - pipe\n  flags=q user=nobody null_sender= argv={words}\n")
}

const SERVICES: &[(&str, &str, &str)] = &[
    ("pickup", "unix", "60 1"),
    ("cleanup", "unix", "- 0"),
    ("qmgr", "unix", "300 1"),
    ("tlsmgr", "unix", "1000? 1"),
    ("rewrite", "unix", "- -"),
    ("bounce", "unix", "- 0"),
    ("defer", "unix", "- 0"),
    ("trace", "unix", "- 0"),
    ("verify", "unix", "- 1"),
    ("flush", "unix", "1000? 0"),
    ("proxymap", "unix", "- -"),
    ("proxywrite", "unix", "- 1"),
    ("smtp", "unix", "- -"),
    ("lmtp", "unix", "- -"),
    ("showq", "unix", "- -"),
    ("error", "unix", "- -"),
    ("retry", "unix", "- -"),
    ("discard", "unix", "- -"),
    ("anvil", "unix", "- 1"),
    ("scache", "unix", "- 1"),
    ("postlog", "unix-dgram", "- 1"),
];

impl Drop for Postfix {
    fn drop(&mut self) {
        if self.control("stop").is_err() {
            // One that lives on would keep its folder busy; there is nothing better to do about it here.
            let _ = self.kill();
        }
    }
}
