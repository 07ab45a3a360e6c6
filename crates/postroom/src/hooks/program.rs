//! A hook that is a program: what is asked goes to its standard input, what it says comes from its standard output.
//!
//! *Invariant:* it and all that it began ends with the call, whatever it does.

use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use model::limits;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe::{Receiver, Sender};

use super::{Call, NoAnswer};
use crate::process_group::ProcessGroup;

/// The program.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) path: PathBuf,
    pub(super) arguments: Vec<String>,
}

/// It says that it could not do it now, and has done nothing (`EX_TEMPFAIL` of sysexits.h).
const NOT_NOW: i32 = 75;

impl Program {
    /// Whether it is there.
    pub(super) fn checked(self) -> Result<Self, String> {
        match std::fs::metadata(&self.path) {
            Ok(found) if found.is_file() => Ok(self),
            Ok(_) => Err(format!("{} is no program", self.path.display())),
            Err(error) => Err(format!("{}: {error}", self.path.display())),
        }
    }

    /// Starts it. It waits for its input.
    pub(super) fn start(&self) -> Result<Running, String> {
        let failed = |error: std::io::Error| format!("{} does not start: {error}", self.path.display());
        let mut command = Command::new(&self.path);
        command.args(&self.arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let environment = [("PATH", PATH), ("POSTROOM_HOOK", self.name)];
        let mut group = ProcessGroup::start(&mut command, &environment).map_err(failed)?;
        let child = group.program();
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let missing = || failed(std::io::ErrorKind::BrokenPipe.into());
        let stdin = stdin.ok_or_else(missing)?;
        let stdout = stdout.ok_or_else(missing)?;
        let stderr = stderr.ok_or_else(missing)?;
        Ok(Running {
            name: self.name,
            stdin: Sender::from_owned_fd(OwnedFd::from(stdin)).map_err(failed)?,
            stdout: Receiver::from_owned_fd(OwnedFd::from(stdout)).map_err(failed)?,
            stderr: Receiver::from_owned_fd(OwnedFd::from(stderr)).map_err(failed)?,
            group,
        })
    }
}

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A program at work.
pub(super) struct Running {
    name: &'static str,
    stdin: Sender,
    stdout: Receiver,
    stderr: Receiver,
    group: ProcessGroup,
}

impl Running {
    /// Asks it, and waits until it has ended.
    pub(super) async fn answer(self, call: &Call) -> Result<Vec<u8>, NoAnswer> {
        let Running { name, mut stdin, mut stdout, mut stderr, mut group } = self;
        let asked = async move {
            // One that has heard enough closes its end.
            drop(stdin.write_all(&call.body).await);
            drop(stdin);
        };
        let ended = group.ended_with_all();
        let most = call.answer_bytes_max;
        let said = read(&mut stdout, most.saturating_add(1));
        let told = read(&mut stderr, limits::HOOK_LOG_BYTES_MAX);
        let ((), said, told, status) = tokio::join!(asked, said, told, ended);
        if !told.is_empty() {
            let told = String::from_utf8_lossy(&told);
            tracing::warn!(hook = name, told = told.trim_end(), "a hook says something");
        }
        match status {
            Some(status) if status.code() == Some(NOT_NOW) => {
                Err(NoAnswer::before("the hook says that it cannot do it now (75)"))
            }
            Some(status) if !status.success() => Err(NoAnswer::after(ended_words(status)).refused()),
            None => Err(NoAnswer::after("nobody knows how the hook ended")),
            Some(_) if said.len() > most => {
                Err(NoAnswer::after(format!("the hook answers more than {most} bytes")).refused())
            }
            Some(_) => Ok(said),
        }
    }
}

fn ended_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("the hook ended with {code}"),
        (None, Some(signal)) => format!("the hook was ended by signal {signal}"),
        (None, None) => "the hook ended without a word".to_owned(),
    }
}

/// So many bytes are kept; the rest is read, so that whoever writes them need not wait.
async fn read(from: &mut (impl AsyncRead + Unpin), most: usize) -> Vec<u8> {
    let (mut kept, mut buffer) = (Vec::new(), vec![0; 16 * 1024]);
    while let Ok(count) = from.read(&mut buffer).await {
        if count == 0 {
            break;
        }
        let left = most.saturating_sub(kept.len()).min(count);
        kept.extend_from_slice(buffer.get(..left).unwrap_or_default());
    }
    kept
}
