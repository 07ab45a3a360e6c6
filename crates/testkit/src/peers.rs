//! Real mail servers, and a database server, from Debian packages, each in a folder that goes with it, on free ports
//! of loopback.
//!
//! What passes through: a configuration is written, the server started, its greeting awaited; when it is
//! dropped it is stopped and waited for.
//!
//! *Invariant:* nothing here touches the configuration of the machine, and nothing leaves the machine.

mod apart;
mod chromium;
mod courier;
mod cyrus;
mod dkimpy;
mod dovecot;
mod exim;
mod mutt;
mod opensmtpd;
mod postfix;
mod postgres;
mod relay;
mod script;
mod smtp_sink;
mod smtp_source;
mod thunderbird;
mod tokens;

use std::path::Path;

use anyhow::{Context, Result};

pub use chromium::Chromium;
pub use courier::Courier;
pub use cyrus::Cyrus;
pub use dkimpy::verify_dkim;
pub use dovecot::{Doors, Dovecot, DovecotSettings, Maildir};
pub use exim::Exim;
pub use mutt::Mutt;
pub use opensmtpd::OpenSmtpd;
pub use postfix::{NextHop, Postfix};
pub use postgres::{Postgres, PostgresAccess, PostgresSettings, Stop};
pub use relay::{CountingRelay, Manners};
pub use script::Script;
pub use smtp_sink::SmtpSink;
pub use smtp_source::{Burst, smtp_source};
pub use thunderbird::{PassOn, Thunderbird};
pub use tokens::TokenProvider;

use crate::Missing;

/// A folder that servers can enter after they have given up root.
fn open_folder(parent: Option<&Path>) -> Result<tempfile::TempDir> {
    use std::os::unix::fs::PermissionsExt;
    let mut builder = tempfile::Builder::new();
    builder.prefix("peer-").permissions(std::fs::Permissions::from_mode(0o755));
    let made = match parent {
        Some(parent) => builder.tempdir_in(parent),
        None => builder.tempdir(),
    };
    made.context("a folder for a server")
}

/// Mail servers give up root for users of their own, so they have to begin as root.
fn is_root(server: &str) -> Result<(), Missing> {
    use std::os::unix::fs::MetadataExt;
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0);
    if is_root { Ok(()) } else { Err(Missing::new(format!("{server} (which wants root to start)"))) }
}
