//! The control socket: commands of administrators while the house serves.
//!
//! What passes through: one line of JSON for a [`Request`], one line back for its [`Answer`], over a Unix
//! domain socket in the data folder that only its owner may open. A [`Line`] asks there, or opens the house
//! itself when nobody serves.
//!
//! *Invariant:* a command runs by [`commands::run`] either way; two processes never write to one folder.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use model::limits;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::commands::{self, Reply, Request};
use crate::house::{House, HouseError};
use crate::settings::Settings;
use crate::unix_socket::UnixSocket;

/// The socket's name in the data folder.
pub const SOCKET_FILE: &str = "control.sock";

/// What comes back for a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It was done.
    Done(Reply),
    /// It was not done, and why, for the person who asked.
    Refused(String),
}

/// Where commands are asked.
#[derive(Debug)]
pub enum Line {
    /// At the house that serves.
    Socket(BufReader<UnixStream>),
    /// At the house that this process has opened, with what was handed in and is not answered yet.
    Direct(Arc<House>, VecDeque<JoinHandle<Answer>>),
}

/// Why a command could not be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Another process has the data folder and does not answer.
    #[error("another process has the data folder {data} and does not answer on its control socket")]
    NobodyAnswers {
        /// The folder.
        data: PathBuf,
    },
    /// The house does not open.
    #[error("the house does not open")]
    House(#[from] HouseError),
    /// The socket broke.
    #[error("the control socket broke off")]
    Socket(#[from] io::Error),
    /// What came back is no answer: another version of Postroom serves.
    #[error("the house that serves gave an answer that this version cannot read")]
    Unreadable(#[from] serde_json::Error),
    /// It is larger than `limits::CONTROL_BYTES_MAX`.
    #[error("the command is too large")]
    TooLarge,
}

impl Line {
    /// Opens a line: to the house that serves, or else to the data folder itself. Waits a moment for another
    /// command, or for a house that is just opening.
    ///
    /// # Errors
    /// [`LineError::NobodyAnswers`], or whatever keeps the house from opening.
    pub async fn open(settings: &Settings) -> Result<Line, LineError> {
        for _ in 0..TRIES {
            if let Some(stream) = connect(&settings.data).await {
                return Ok(Line::Socket(BufReader::new(stream)));
            }
            match House::open(settings.clone()) {
                Ok(house) => return Ok(Line::Direct(house, VecDeque::new())),
                Err(error) if error.is_locked() => tokio::time::sleep(BETWEEN_TRIES).await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(LineError::NobodyAnswers { data: settings.data.clone() })
    }

    /// Another line to the same house, so that several questions are under way. Only the first is closed.
    ///
    /// # Errors
    /// [`LineError::NobodyAnswers`] where the house that served has ended.
    pub async fn another(&self, data: &Path) -> Result<Line, LineError> {
        match self {
            Line::Direct(house, _) => Ok(Line::Direct(Arc::clone(house), VecDeque::new())),
            Line::Socket(_) => {
                let stream = connect(data).await;
                let stream = stream.ok_or_else(|| LineError::NobodyAnswers { data: data.to_owned() })?;
                Ok(Line::Socket(BufReader::new(stream)))
            }
        }
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// [`LineError`], where the answer did not come: what was asked may be done all the same.
    pub async fn ask(&mut self, request: Request) -> Result<Answer, LineError> {
        self.hand_in(request).await?;
        self.answer().await
    }

    /// Hands a request in and does not wait for its answer, so that the next one can be made ready meanwhile. Two
    /// may be under way, not more: what nobody reads stops a socket.
    ///
    /// # Errors
    /// [`LineError`], where it could not be handed in.
    pub async fn hand_in(&mut self, request: Request) -> Result<(), LineError> {
        let stream = match self {
            Line::Direct(house, under_way) => {
                under_way.push_back(apart(Arc::clone(house), request));
                return Ok(());
            }
            Line::Socket(stream) => stream,
        };
        let mut line = serde_json::to_vec(&request)?;
        if line.len() >= limits::CONTROL_BYTES_MAX {
            return Err(LineError::TooLarge);
        }
        line.push(b'\n');
        stream.get_mut().write_all(&line).await?;
        Ok(())
    }

    /// Waits for the answer to what was handed in first.
    ///
    /// # Errors
    /// [`LineError`], where it did not come: what was asked may be done all the same.
    pub async fn answer(&mut self) -> Result<Answer, LineError> {
        match self {
            Line::Direct(_, under_way) => {
                let first = under_way.pop_front().ok_or(io::ErrorKind::UnexpectedEof);
                Ok(ended(first.map_err(io::Error::from)?.await))
            }
            Line::Socket(stream) => {
                let line = read_line(stream).await?.ok_or(io::ErrorKind::UnexpectedEof);
                Ok(serde_json::from_slice(&line.map_err(io::Error::from)?)?)
            }
        }
    }

    /// Ends the line; a house of our own is closed.
    pub fn close(self) {
        if let Line::Direct(house, _) = self {
            house.store.close();
        }
    }
}

const TRIES: u32 = 100;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// The house that serves from this folder, where one answers.
pub async fn connect(data: &Path) -> Option<UnixStream> {
    UnixStream::connect(data.join(SOCKET_FILE)).await.ok()
}

/// The listening socket; its file goes with it.
#[derive(Debug)]
pub struct Socket(UnixSocket);

impl Socket {
    /// Listens in this folder. Only for the process that holds its lock: a socket of one that died is replaced.
    ///
    /// # Errors
    /// When the folder cannot be written, or its path is longer than the 107 bytes a socket may have.
    pub fn bind(data: &Path) -> io::Result<Socket> {
        UnixSocket::bind(&data.join(SOCKET_FILE), 0o600).map(Socket)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Answers until `stop`; commands that have begun end before it returns.
    pub async fn serve(self, house: Arc<House>, stop: CancellationToken) {
        let (listener, _file) = self.0.into_parts();
        let mut open = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = open.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        open.spawn(converse(Arc::clone(&house), stream, stop.clone()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a command could not be accepted");
                        tokio::time::sleep(BETWEEN_TRIES).await;
                    }
                },
            }
        }
        while open.join_next().await.is_some() {}
    }
}

async fn converse(house: Arc<House>, stream: UnixStream, stop: CancellationToken) {
    let mut stream = BufReader::new(stream);
    loop {
        let line = tokio::select! {
            () = stop.cancelled() => return,
            line = read_line(&mut stream) => line,
        };
        let Ok(Some(line)) = line else { return };
        let answer = match serde_json::from_slice(&line) {
            Ok(request) => ended(apart(Arc::clone(&house), request).await),
            Err(_) => Answer::Refused("the house that serves does not know this command".to_owned()),
        };
        let Ok(mut line) = serde_json::to_vec(&answer) else { return };
        line.push(b'\n');
        if stream.get_mut().write_all(&line).await.is_err() {
            return;
        }
    }
}

/// Commands read files and hash passwords, so they run where nobody waits for them.
fn apart(house: Arc<House>, request: Request) -> JoinHandle<Answer> {
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || runtime.block_on(answer(&house, request)))
}

fn ended(answer: Result<Answer, tokio::task::JoinError>) -> Answer {
    answer.unwrap_or_else(|_| Answer::Refused("the command failed by a fault of Postroom".to_owned()))
}

async fn answer(house: &Arc<House>, request: Request) -> Answer {
    match commands::run(house, request).await {
        Ok(reply) => Answer::Done(reply),
        Err(error) => Answer::Refused(words(&error)),
    }
}

/// An error with all its causes in one line.
fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// One line without its end; `None` where there is no more.
async fn read_line<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut limited = stream.take(limits::CONTROL_BYTES_MAX as u64);
    limited.read_until(b'\n', &mut line).await?;
    match line.pop() {
        Some(b'\n') => Ok(Some(line)),
        Some(_) => Err(io::ErrorKind::InvalidData.into()),
        None => Ok(None),
    }
}
