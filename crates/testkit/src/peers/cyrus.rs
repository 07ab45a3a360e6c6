//! Cyrus (packages `cyrus-common`, `cyrus-imapd`, `cyrus-pop3d`, apart): an LMTP server with a Sieve of its own, which
//! redirects mail, or one that gives it out by IMAP and POP3. Every password fits.

use std::net::SocketAddr;

use anyhow::{Context, Result};

use super::apart::Apart;
use crate::wait;

/// A running Cyrus with one mailbox, that of `jane` at any domain.
pub struct Cyrus {
    apart: Apart,
    lmtp: SocketAddr,
    imap: Option<SocketAddr>,
    pop3: Option<SocketAddr>,
}

impl Cyrus {
    /// Starts it and waits for its greeting. The mailbox runs this Sieve script; what it redirects goes to this server.
    ///
    /// # Errors
    /// [`Missing`](crate::Missing) where the package is; when it does not start.
    pub fn start(relay: SocketAddr, sieve: &str) -> Result<Self> {
        let lmtp = wait::free_port()?;
        let files = [
            ("imapd.conf", format!("{SETTINGS}partition-default: /var/mail/cyrus\nsmtp_host: {relay}\n")),
            ("cyrus.conf", services(lmtp, "")),
            ("rule.sieve", sieve.to_owned()),
        ];
        let apart = Apart::start(&["cyrus-common"], &files, SCRIPT)?;
        let cyrus = Cyrus { apart, lmtp, imap: None, pop3: None };
        wait::until_greeted(lmtp).with_context(|| cyrus.log())?;
        Ok(cyrus)
    }

    /// The same without a rule, giving mail out. Its IMAP has MOVE, OBJECTID and COMPRESS. The mailbox of `a@b.test` is
    /// that of the user `a`.
    ///
    /// # Errors
    /// As [`Cyrus::start`].
    pub fn start_giving_out() -> Result<Self> {
        let (lmtp, imap, pop3) = (wait::free_port()?, wait::free_port()?, wait::free_port()?);
        let doors = format!(
            " imap cmd=\"imapd\" listen=\"{imap}\" prefork=1\n pop3 cmd=\"pop3d\" listen=\"{pop3}\" prefork=1\n"
        );
        let files =
            [("imapd.conf", format!("{SETTINGS}{GIVING_OUT}")), ("cyrus.conf", services(lmtp, &doors))];
        let apart = Apart::start(&["cyrus-imapd", "cyrus-pop3d"], &files, SCRIPT_GIVING_OUT)?;
        let cyrus = Cyrus { apart, lmtp, imap: Some(imap), pop3: Some(pop3) };
        for door in [lmtp, imap, pop3] {
            wait::until_greeted(door).with_context(|| cyrus.log())?;
        }
        Ok(cyrus)
    }

    /// Its IMAP door.
    ///
    /// # Errors
    /// Where it has none.
    pub fn imap(&self) -> Result<SocketAddr> {
        self.imap.context("this Cyrus has no IMAP")
    }

    /// Its POP3 door.
    ///
    /// # Errors
    /// Where it has none.
    pub fn pop3(&self) -> Result<SocketAddr> {
        self.pop3.context("this Cyrus has no POP3")
    }

    /// How many messages of a user lie on disk, in INBOX (`""`) or another folder.
    ///
    /// # Errors
    /// When that cannot be read. What does not exist is empty.
    pub fn count(&self, user: &str, folder: &str) -> Result<usize> {
        let path = self.apart.path().join("mail/user").join(user).join(folder);
        let Ok(entries) = std::fs::read_dir(path) else { return Ok(0) };
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let names = names.collect::<Result<Vec<String>>>()?;
        let is_message = |name: &&String| {
            name.strip_suffix('.').is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        };
        Ok(names.iter().filter(is_message).count())
    }

    /// Its LMTP door.
    pub fn lmtp(&self) -> SocketAddr {
        self.lmtp
    }

    /// What it said; the rest goes to the machine's log.
    pub fn log(&self) -> String {
        self.apart.read("said")
    }
}

/// With `mailbox_legacy_dirs` scripts lie below the name of the user; else below an id that nobody knows beforehand.
const SETTINGS: &str = "configdirectory: /var/lib/cyrus
defaultpartition: default
proc_path: /run/cyrus/proc
mboxname_lockpath: /run/cyrus/lock
lmtpsocket: /run/cyrus/lmtp
admins: cyrus
servername: cyrus.test
virtdomains: off
unixhierarchysep: yes
mailbox_legacy_dirs: yes
autocreate_quota: 0
autocreate_post: 1
sieveusehomedir: false
sievedir: /var/mail/sieve
smtp_backend: host
";

/// What is removed is removed from the disk at once, so that a test can look there. The folder is named by the script, and
/// who waits for news is told of them each second, not each minute.
const GIVING_OUT: &str = "imapidlepoll: 1
expunge_mode: immediate
delete_mode: immediate
allowplaintext: yes
sasl_pwcheck_method: alwaystrue
sasl_mech_list: PLAIN
";

fn services(lmtp: SocketAddr, doors: &str) -> String {
    format!(
        "START {{\n recover cmd=\"/usr/sbin/cyrus ctl_cyrusdb -r\"\n}}\n\
         SERVICES {{\n lmtp cmd=\"lmtpd -a\" listen=\"{lmtp}\" prefork=1\n{doors}}}\n\
         EVENTS {{\n checkpoint cmd=\"/usr/sbin/cyrus ctl_cyrusdb -c\" period=30\n}}\n"
    )
}

/// The rule is compiled as ManageSieve would do it. The user does not exist where the package was only unpacked.
const SCRIPT: &str = "set -e
getent passwd cyrus >/dev/null || useradd -r -g mail -s /usr/sbin/nologin cyrus
cp imapd.conf cyrus.conf /etc/
rules=/var/mail/sieve/j/jane
mkdir -p /run/cyrus/proc /run/cyrus/lock /var/lib/cyrus/socket /var/mail/cyrus $rules
cp rule.sieve $rules/rule.script
/usr/lib/cyrus/bin/sievec rule.sieve $rules/rule.bc
ln -s rule.bc $rules/defaultbc
chown -R cyrus:mail /run/cyrus /var/lib/cyrus /var/mail/cyrus /var/mail/sieve
exec /usr/sbin/cyrmaster -D -M /etc/cyrus.conf -C /etc/imapd.conf -p /run/cyrmaster.pid";

const SCRIPT_GIVING_OUT: &str = "set -e
getent passwd cyrus >/dev/null || useradd -r -g mail -s /usr/sbin/nologin cyrus
cp imapd.conf cyrus.conf /etc/
echo \"partition-default: $PWD/mail\" >> /etc/imapd.conf
mkdir -p /run/cyrus/proc /run/cyrus/lock /var/lib/cyrus/socket mail
chown -R cyrus:mail /run/cyrus /var/lib/cyrus mail
exec /usr/sbin/cyrmaster -D -M /etc/cyrus.conf -C /etc/imapd.conf -p /run/cyrmaster.pid";
