//! Courier (packages `courier-imap`, `courier-pop`, apart): an IMAP and POP3 server over a Maildir, the poorest of all
//! where its capabilities are cut. Mail comes there by its own delivery agent (package `maildrop`).

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::Maildir;
use super::apart::Apart;
use crate::{Missing, wait};

/// The user `nobody`, whom the mail belongs to.
const NOBODY: u32 = 65_534;

/// A running Courier with one mailbox.
pub struct Courier {
    apart: Apart,
    imap: SocketAddr,
    pop3: SocketAddr,
}

impl Courier {
    /// Starts it for this user and password. With `capabilities` its IMAP offers these instead of its own, and does no
    /// more than they say. Who waits for news by IDLE is told of them each second, not each minute.
    ///
    /// # Errors
    /// [`Missing`] where a package is; when it does not start.
    pub fn start((user, password): (&str, &str), capabilities: Option<&str>) -> Result<Self> {
        Missing::unless("/usr/bin/maildrop", "maildrop")?;
        let (imap, pop3) = (wait::free_port()?, wait::free_port()?);
        let capabilities =
            capabilities.map_or_else(String::new, |list| format!("IMAP_CAPABILITY=\"{list}\"\n"));
        let settings = format!(
            "OUR_USER={user}\nOUR_PASSWORD={password}\nOUR_IMAP={}\nOUR_POP3={}\n\
             IMAP_IDLE_TIMEOUT=1\n{capabilities}",
            imap.port(),
            pop3.port()
        );
        let script = ("start.sh", SCRIPT.to_owned());
        let apart =
            Apart::start(&["courier-imap", "courier-pop"], &[("settings", settings), script], "sh start.sh")?;
        let courier = Courier { apart, imap, pop3 };
        for door in [imap, pop3] {
            wait::until_greeted(door).with_context(|| courier.log())?;
        }
        let rules = courier.apart.path().join("rules");
        fs::write(&rules, format!("to \"{}\"\n", courier.mailbox().path().display()))?;
        // It follows rules of its own user only.
        fs::set_permissions(&rules, fs::Permissions::from_mode(0o600))?;
        chown(&rules, Some(NOBODY), Some(NOBODY))?;
        Ok(courier)
    }

    /// Its IMAP door, without TLS.
    pub fn imap(&self) -> SocketAddr {
        self.imap
    }

    /// Its POP3 door, without TLS.
    pub fn pop3(&self) -> SocketAddr {
        self.pop3
    }

    /// The mailbox as it lies on disk.
    pub fn mailbox(&self) -> Maildir {
        Maildir::at(self.apart.path().join("mail/Maildir"))
    }

    /// Delivers a mail by maildrop, as the mailbox's user, with what a mail server notes above it.
    ///
    /// # Errors
    /// When it is not taken.
    pub fn deliver(&self, sender: &str, raw: &[u8]) -> Result<()> {
        let mut maildrop = Command::new("/usr/bin/maildrop");
        maildrop.args(["-f", sender]).arg(self.apart.path().join("rules"));
        maildrop.uid(NOBODY).gid(NOBODY).current_dir(self.apart.path()).stdin(Stdio::piped());
        let mut child = maildrop.spawn()?;
        let received = "Received: from client.test by courier.test; Mon, 23 Nov 2026 09:15:01 +0100";
        let mail = String::from_utf8_lossy(raw).replace("\r\n", "\n");
        let text = format!("Return-Path: <{sender}>\n{received}\n{mail}");
        child.stdin.take().context("no input")?.write_all(text.as_bytes())?;
        ensure!(child.wait()?.success(), "maildrop did not take it");
        Ok(())
    }

    /// What it said.
    pub fn log(&self) -> String {
        self.apart.read("said")
    }
}

/// Its user does not exist where its package was only unpacked. What the packages' settings say of ports is not used.
const SCRIPT: &str = r#"set -e
. ./settings
getent passwd courier >/dev/null || useradd -r -U -s /usr/sbin/nologin courier
mkdir -p /run/courier/authdaemon
chown -R courier:courier /run/courier
sed -i 's/^authmodulelist=.*/authmodulelist="authuserdb"/' /etc/courier/authdaemonrc
home=$PWD/mail
mkdir -p "$home/Maildir/new" "$home/Maildir/cur" "$home/Maildir/tmp"
chown -R nobody:nogroup "$home"
sealed=$(openssl passwd -1 "$OUR_PASSWORD")
printf '%s\tuid=65534|gid=65534|home=%s|mail=%s/Maildir|systempw=%s\n' \
  "$OUR_USER" "$home" "$home" "$sealed" > /etc/courier/userdb
chmod 600 /etc/courier/userdb
makeuserdb
/usr/sbin/authdaemond start
serve() {
  set -a
  . "$1"
  . ./settings
  AUTHMODULES=authdaemon IMAP_STARTTLS=NO
  set +a
  port=$2
  shift 2
  exec /usr/sbin/couriertcpd -address=127.0.0.1 -maxprocs=40 -maxperip=100 -nodnslookup -noidentlookup "$port" "$@"
}
(serve /etc/courier/pop3d "$OUR_POP3" /usr/lib/courier/courier/courierpop3login /usr/lib/courier/courier/courierpop3d Maildir) &
serve /etc/courier/imapd "$OUR_IMAP" /usr/lib/courier/courier/imaplogin /usr/bin/imapd Maildir
"#;
