//! OpenSMTPD (package `opensmtpd`, apart): a mail server that speaks plain ESMTP, command by command.

use std::net::SocketAddr;

use anyhow::{Context, Result};

use super::apart::Apart;
use crate::wait;

/// A running OpenSMTPD.
pub struct OpenSmtpd {
    apart: Apart,
    smtp: SocketAddr,
}

impl OpenSmtpd {
    /// Starts it and waits for its greeting. It hands everything to this server.
    ///
    /// # Errors
    /// [`Missing`](crate::Missing) where the package is; when it does not start.
    pub fn start(next_hop: SocketAddr) -> Result<Self> {
        let smtp = wait::free_port()?;
        let configuration = format!(
            "listen on {} port {} hostname opensmtpd.test\naction \"house\" relay host smtp://{next_hop}\n\
             match from any for any action \"house\"\n",
            smtp.ip(),
            smtp.port()
        );
        let apart = Apart::start(&["opensmtpd"], &[("smtpd.conf", configuration)], SCRIPT)?;
        let opensmtpd = OpenSmtpd { apart, smtp };
        wait::until_greeted(smtp).with_context(|| opensmtpd.log())?;
        Ok(opensmtpd)
    }

    /// Its SMTP door.
    pub fn smtp(&self) -> SocketAddr {
        self.smtp
    }

    /// What it wrote to its log.
    pub fn log(&self) -> String {
        self.apart.read("said")
    }
}

/// Its users do not exist where its package was only unpacked.
const SCRIPT: &str = "set -e
for user in opensmtpd opensmtpq; do
  getent passwd $user >/dev/null || useradd -r -U -s /usr/sbin/nologin $user
done
cp smtpd.conf /etc/smtpd.conf
mkdir -p /var/lib/opensmtpd/empty
exec /usr/sbin/smtpd -d";
