//! Courier (packages `courier-imap`, `courier-pop`, apart): an IMAP and POP3 server over a Maildir, the poorest of all
//! where its capabilities are cut. Mail comes there by its own delivery agent (package `maildrop`).

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::Maildir;
use super::apart::Apart;
use crate::{Missing, wait};

/// The user `nobody`, whom the mail belongs to.
const NOBODY: u32 = 65_534;

/// A running Courier.
pub struct Courier {
    apart: Apart,
    users: Vec<String>,
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
        let capabilities = capabilities.map(|list| format!("IMAP_CAPABILITY=\"{list}\"\n"));
        Courier::start_with((&[user], password), (capabilities.unwrap_or_default(), 100))
    }

    /// The same for several users who have one password. It takes so many connections from one address at a time.
    ///
    /// # Errors
    /// As [`Courier::start`].
    pub fn start_narrow(users: &[&str], password: &str, connections_max: u32) -> Result<Self> {
        Courier::start_with((users, password), (String::new(), connections_max))
    }

    fn start_with(
        (users, password): (&[&str], &str),
        (more, connections_max): (String, u32),
    ) -> Result<Self> {
        Missing::unless("/usr/bin/maildrop", "maildrop")?;
        let (imap, pop3) = (wait::free_port()?, wait::free_port()?);
        let settings = format!(
            "OUR_USERS=\"{}\"\nOUR_PASSWORD={password}\nOUR_IMAP={}\nOUR_POP3={}\n\
             OUR_MAXPERIP={connections_max}\nIMAP_IDLE_TIMEOUT=1\n{more}",
            users.join(" "),
            imap.port(),
            pop3.port()
        );
        let script = ("start.sh", SCRIPT.to_owned());
        let apart =
            Apart::start(&["courier-imap", "courier-pop"], &[("settings", settings), script], "sh start.sh")?;
        let users = users.iter().map(|user| (*user).to_owned()).collect();
        let courier = Courier { apart, users, imap, pop3 };
        for door in [imap, pop3] {
            wait::until_greeted(door).with_context(|| courier.log())?;
        }
        for user in &courier.users {
            let rules = courier.rules(user);
            fs::write(&rules, format!("to \"{}\"\n", courier.mailbox_of(user).path().display()))?;
            // It follows rules of its own user only.
            fs::set_permissions(&rules, fs::Permissions::from_mode(0o600))?;
            chown(&rules, Some(NOBODY), Some(NOBODY))?;
        }
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

    /// The first user's mailbox as it lies on disk.
    pub fn mailbox(&self) -> Maildir {
        self.mailbox_of(self.users.first().map_or("", String::as_str))
    }

    /// The same of another one.
    pub fn mailbox_of(&self, user: &str) -> Maildir {
        Maildir::at(self.apart.path().join(format!("mail/{user}/Maildir")))
    }

    fn rules(&self, user: &str) -> PathBuf {
        self.apart.path().join(format!("rules-{user}"))
    }

    /// Delivers a mail to the first user.
    ///
    /// # Errors
    /// When it is not taken.
    pub fn deliver(&self, sender: &str, raw: &[u8]) -> Result<()> {
        self.deliver_to(self.users.first().map_or("", String::as_str), sender, raw)
    }

    /// Delivers a mail by maildrop, as the mailbox's user, with what a mail server notes above it.
    ///
    /// # Errors
    /// When it is not taken.
    pub fn deliver_to(&self, user: &str, sender: &str, raw: &[u8]) -> Result<()> {
        let mut maildrop = Command::new("/usr/bin/maildrop");
        maildrop.args(["-f", sender]).arg(self.rules(user));
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
sealed=$(openssl passwd -1 "$OUR_PASSWORD")
for user in $OUR_USERS; do
  home=$PWD/mail/$user
  mkdir -p "$home/Maildir/new" "$home/Maildir/cur" "$home/Maildir/tmp"
  printf '%s\tuid=65534|gid=65534|home=%s|mail=%s/Maildir|systempw=%s\n' \
    "$user" "$home" "$home" "$sealed" >> /etc/courier/userdb
done
chown -R nobody:nogroup "$PWD/mail"
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
  exec /usr/sbin/couriertcpd -address=127.0.0.1 -maxprocs=40 -maxperip="$OUR_MAXPERIP" -nodnslookup -noidentlookup "$port" "$@"
}
(serve /etc/courier/pop3d "$OUR_POP3" /usr/lib/courier/courier/courierpop3login /usr/lib/courier/courier/courierpop3d Maildir) &
serve /etc/courier/imapd "$OUR_IMAP" /usr/lib/courier/courier/imaplogin /usr/bin/imapd Maildir
"#;
