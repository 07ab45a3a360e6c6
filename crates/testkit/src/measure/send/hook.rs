//! A hook that has nothing against any mail: as little as one can be, so that what is measured is to ask it.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result};
use clap::ValueEnum;

/// What kind of hook is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HookKind {
    /// A program, started for each mail.
    Program,
    /// A web service on this machine.
    Service,
}

/// A hook of this measurement.
pub(super) enum Hook {
    /// Where the program is.
    Program(PathBuf),
    /// Where the service is, and the file with its secret.
    Service(SocketAddr, PathBuf),
}

const ANSWER: &str = "{\"action\": \"continue\"}";

impl Hook {
    pub(super) fn start(kind: HookKind, folder: &Path) -> Result<Self> {
        let folder = std::path::absolute(folder)?;
        match kind {
            HookKind::Program => {
                let path = folder.join("hook.sh");
                fs::write(&path, format!("/bin/cat >/dev/null\necho '{ANSWER}'\n"))?;
                Ok(Hook::Program(path))
            }
            HookKind::Service => {
                let door = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
                let (address, secret) = (door.local_addr()?, folder.join("hook.secret"));
                fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")?;
                thread::Builder::new().name("hook".to_owned()).spawn(move || {
                    for stream in door.incoming().flatten() {
                        thread::spawn(move || answer(&stream));
                    }
                })?;
                Ok(Hook::Service(address, secret))
            }
        }
    }

    /// The settings of a house that asks it.
    pub(super) fn variables(&self) -> Vec<(&'static str, String)> {
        match self {
            Hook::Program(path) => {
                vec![("POSTROOM_HOOKS_PRE_SEND_PROGRAM", format!("/bin/sh,{}", path.display()))]
            }
            Hook::Service(address, secret) => vec![
                ("POSTROOM_HOOKS_PRE_SEND_URL", format!("http://{address}/hook")),
                ("POSTROOM_HOOKS_PRE_SEND_SECRET_FILE", secret.display().to_string()),
                ("POSTROOM_HOOKS_PRIVATE_NETWORKS", "127.0.0.1".to_owned()),
            ],
        }
    }

    /// What is said of a house that asks it.
    pub(super) fn words(&self) -> &'static str {
        match self {
            Hook::Program(_) => ", a program asked",
            Hook::Service(..) => ", a service asked",
        }
    }
}

/// Answers what is asked over one connection, until it ends.
fn answer(stream: &TcpStream) -> Result<()> {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let (name, value) = line.trim_end().split_once(':').unwrap_or(("", ""));
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().context("a length")?;
            }
            if line.trim_end().is_empty() {
                break;
            }
        }
        io::copy(&mut reader.by_ref().take(length), &mut io::sink())?;
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
            ANSWER.len()
        );
        writer.write_all(format!("{head}\r\n{ANSWER}").as_bytes())?;
    }
}
