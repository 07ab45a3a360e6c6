//! Exim (package `exim4-daemon-light`, apart): a mail server that, as a client, sends by BDAT where it can (RFC 3030).

use std::net::SocketAddr;

use anyhow::{Context, Result};

use super::apart::Apart;
use crate::wait;

/// A running Exim.
pub struct Exim {
    apart: Apart,
    smtp: SocketAddr,
}

impl Exim {
    /// Starts it and waits for its greeting. It hands everything to this server.
    ///
    /// # Errors
    /// [`Missing`](crate::Missing) where the package is; when it does not start.
    pub fn start(next_hop: SocketAddr) -> Result<Self> {
        let smtp = wait::free_port()?;
        let apart =
            Apart::start(&["exim4-daemon-light"], &[("exim4.conf", configuration(smtp, next_hop))], SCRIPT)?;
        let exim = Exim { apart, smtp };
        wait::until_greeted(smtp).with_context(|| exim.log())?;
        Ok(exim)
    }

    /// Its SMTP door.
    pub fn smtp(&self) -> SocketAddr {
        self.smtp
    }

    /// What it wrote to its log.
    pub fn log(&self) -> String {
        format!("{}{}", self.apart.read("said"), self.apart.read("mainlog"))
    }

    /// The line of its log about each mail that it handed on. Where that went by BDAT, `K` is a word of it.
    pub fn deliveries(&self) -> Vec<String> {
        let log = self.apart.read("mainlog");
        // A line without its end is being written still.
        let lines = log.split_inclusive('\n').filter(|line| line.contains(" => ") && line.ends_with('\n'));
        lines.map(|line| line.trim_end().to_owned()).collect()
    }
}

/// Its user does not exist where its package was only unpacked.
const SCRIPT: &str = "set -e
getent passwd Debian-exim >/dev/null || useradd -r -U -s /usr/sbin/nologin Debian-exim
chown Debian-exim .
cp exim4.conf /etc/exim4/exim4.conf
sed -i \"s|FOLDER|$PWD|\" /etc/exim4/exim4.conf
exec /usr/sbin/exim4 -bdf -q1s";

fn configuration(smtp: SocketAddr, next_hop: SocketAddr) -> String {
    let (ip, port, next_ip, next_port) = (smtp.ip(), smtp.port(), next_hop.ip(), next_hop.port());
    format!(
        "primary_hostname = exim.test\nlog_file_path = FOLDER/%slog\nlocal_interfaces = {ip}\ndaemon_smtp_ports = {port}\n\
         keep_environment =\ntls_advertise_hosts =\nacl_smtp_rcpt = accept\nacl_smtp_data = accept\n\
         deliver_drop_privilege = true\nsmtputf8_advertise_hosts = *\ndns_ipv4_lookup = *\n\
         begin routers\nhouse:\n  driver = manualroute\n  route_list = * {next_ip}::{next_port}\n  self = send\n  \
         transport = house\n\
         begin transports\nhouse:\n  driver = smtp\n  hosts_try_fastopen =\n  hosts_avoid_tls = *\n\
         begin retry\n* * F,1h,1s\n"
    )
}
