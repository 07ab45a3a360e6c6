//! A program that takes mail as `sendmail` does: the envelope in its arguments, the mail on its standard input, what became of
//! it in its exit code.
//!
//! *Invariants:* it never reads half a mail: all of it lies in a file before it begins, so that not even the end of Postroom
//! cuts one short. Before it begins the house said yes. Whoever takes too long is ended with all that it began.

use std::fs::File;
use std::future::Future;
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use model::limits;
use rustix::fs::{MemfdFlags, memfd_create};
use send::{Parcel, Tried};
use tokio::time::timeout;

use super::way::{TAKEN_BACK, all, not_sent, uncertain};
use crate::process_group::ProcessGroup;

/// The program.
pub(super) struct Program {
    path: PathBuf,
    limit: Duration,
}

/// What it finds of ours.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Of what it says.
const WORDS_BYTES_MAX: u64 = 4 * 1024;

impl Program {
    /// The program, where it is there and may be run.
    pub(super) fn at(path: PathBuf) -> Result<Self, String> {
        match std::fs::metadata(&path) {
            Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => {
                Ok(Program { path, limit: Duration::from_secs(limits::SMTP_END_SECONDS_MAX) })
            }
            Ok(_) => Err(format!("{} is no program", path.display())),
            Err(error) => Err(format!("the program {} is not there: {error}", path.display())),
        }
    }

    /// See [`send::Carrier::send`].
    pub(super) async fn send(&self, parcel: &Parcel, may_end: impl Future<Output = bool> + Send) -> Tried {
        let raw = Arc::clone(&parcel.raw);
        let prepared = tokio::task::spawn_blocking(move || Ok((input(&raw)?, file("words")?))).await;
        let (input, words) = match prepared.unwrap_or_else(|_| Err(io::Error::other("a fault of Postroom"))) {
            Ok(files) => files,
            Err(error) => return not_sent(format!("the mail finds no place before it goes out: {error}")),
        };
        if !may_end.await {
            return not_sent(TAKEN_BACK);
        }
        let mut running = match self.start(parcel, (input, &words)) {
            Ok(running) => running,
            Err(error) => return not_sent(format!("{} does not start: {error}", self.path.display())),
        };
        match timeout(self.limit, running.ended()).await {
            Ok(Some(status)) => became(parcel, status, &said(words)),
            Ok(None) => uncertain("nobody knows how the program ended"),
            Err(_) => {
                let seconds = self.limit.as_secs();
                uncertain(format!("the program had not ended after {seconds} s, and was ended"))
            }
        }
    }

    fn start(&self, parcel: &Parcel, (input, words): (File, &File)) -> io::Result<ProcessGroup> {
        // Not every sendmail takes nothing for the null sender; all take this.
        let sender = if parcel.mail_from.is_empty() { "<>" } else { &parcel.mail_from };
        let mut command = Command::new(&self.path);
        command.args(["-i", "-f", sender, "--"]).args(&parcel.recipients);
        command.stdin(input).stdout(Stdio::null()).stderr(words.try_clone()?);
        ProcessGroup::start(&mut command, &[("PATH", PATH)])
    }
}

/// A file without a name, which goes with whoever has it open.
fn file(name: &str) -> io::Result<File> {
    Ok(memfd_create(name, MemfdFlags::CLOEXEC)?.into())
}

/// The mail with the line ends of this machine, to be read from its beginning.
fn input(raw: &[u8]) -> io::Result<File> {
    let mut file = io::BufWriter::with_capacity(64 * 1024, file("mail")?);
    // Each CR stands before an LF.
    raw.split(|byte| *byte == b'\r').try_for_each(|piece| file.write_all(piece))?;
    let mut file = file.into_inner().map_err(|error| error.into_error())?;
    file.rewind()?;
    Ok(file)
}

/// What it said, in one line. What it left behind may still write there.
fn said(mut words: File) -> String {
    let mut bytes = Vec::new();
    let read = words.rewind().and_then(|()| words.take(WORDS_BYTES_MAX).read_to_end(&mut bytes));
    drop(read);
    let text = String::from_utf8_lossy(&bytes);
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// What its end means (sysexits.h). Whoever ended by a signal may have done its work before.
fn became(parcel: &Parcel, status: ExitStatus, said: &str) -> Tried {
    let colon = if said.is_empty() { "" } else { ": " };
    let Some(exit) = status.code() else {
        let signal = status.signal().unwrap_or_default();
        return uncertain(format!("the program was ended by signal {signal}{colon}{said}"));
    };
    let (code, enhanced) = meaning(exit);
    all(parcel, code, &format!("{enhanced} the program ended with {exit}{colon}{said}"))
}

/// Exit codes in the words of SMTP. Final is what is said of a mail or a recipient (sysexits.h: data, user, host, protocol). All others
/// speak of the machine or its set-up (a password that ran out is 77, a wrong line in a file 78), or mean nothing to mail, as a shell's
/// 126 and 127: somebody mends that, and it costs no recipient his mail.
fn meaning(exit: i32) -> (u16, &'static str) {
    match exit {
        0 => (250, "2.0.0"),
        67 => (550, "5.1.1"),
        68 => (550, "5.1.2"),
        65 => (554, "5.6.0"),
        76 => (554, "5.5.0"),
        _ => (451, "4.3.0"),
    }
}

#[cfg(test)]
mod tests;
