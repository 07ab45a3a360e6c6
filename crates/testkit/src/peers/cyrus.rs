//! Cyrus (package `cyrus-common`, apart): an LMTP server with a Sieve of its own, which redirects mail.

use std::net::SocketAddr;

use anyhow::{Context, Result};

use super::apart::Apart;
use crate::wait;

/// A running Cyrus with one mailbox, that of `jane` at any domain.
pub struct Cyrus {
    apart: Apart,
    lmtp: SocketAddr,
}

impl Cyrus {
    /// Starts it and waits for its greeting. The mailbox runs this Sieve script; what it redirects goes to this server.
    ///
    /// # Errors
    /// [`Missing`](crate::Missing) where the package is; when it does not start.
    pub fn start(relay: SocketAddr, sieve: &str) -> Result<Self> {
        let lmtp = wait::free_port()?;
        let files = [
            ("imapd.conf", format!("{SETTINGS}smtp_host: {relay}\n")),
            ("cyrus.conf", services(lmtp)),
            ("rule.sieve", sieve.to_owned()),
        ];
        let apart = Apart::start("cyrus-common", &files, SCRIPT)?;
        let cyrus = Cyrus { apart, lmtp };
        wait::until_greeted(lmtp).with_context(|| cyrus.log())?;
        Ok(cyrus)
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
partition-default: /var/mail/cyrus
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

fn services(lmtp: SocketAddr) -> String {
    format!(
        "START {{\n recover cmd=\"/usr/sbin/cyrus ctl_cyrusdb -r\"\n}}\n\
         SERVICES {{\n lmtp cmd=\"lmtpd -a\" listen=\"{lmtp}\" prefork=1\n}}\n\
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
