//! Moves bytes between one connection and its session, plain or encrypted.
//!
//! What passes through: reads into one buffer, replies in one write, whole messages to the intake.
//!
//! *Invariant:* it waits for nothing without a limit, except for the intake, whose answer it needs.

use std::io;
use std::time::{Duration, Instant};

use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::auth::Binding;
use crate::body::open_nameless;
use crate::intake::{Arrived, Intake};
use crate::listener::Patience;
use crate::replies::Reply;
use crate::session::{Event, Session};
use crate::{measure, replies};

/// Bytes read at once: a usual mail in one or two reads, a thousand connections in 32 MiB.
const BUFFER_BYTES: usize = 32 * 1024;

/// A session with its connection's buffer and times.
pub(super) struct Conversation<I: Intake> {
    session: Session<I>,
    patience: Patience,
    stop: CancellationToken,
    buffer: Vec<u8>,
    began: Instant,
    /// When the peer was last told something; it has been its turn since then.
    told: Instant,
    /// The file in which a large message under way begins.
    large: Option<File>,
    /// When the message under way began, for one that comes in chunks is answered in between.
    gathering_since: Option<Instant>,
}

/// How a stretch of a conversation ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The replies are sent; the peer now begins a TLS handshake.
    StartTls,
    /// It is over.
    Closed,
}

impl<I: Intake> Conversation<I> {
    pub(super) fn new(session: Session<I>, patience: Patience, stop: CancellationToken) -> Self {
        let (buffer, now) = (vec![0; BUFFER_BYTES], Instant::now());
        Conversation {
            session,
            patience,
            stop,
            buffer,
            began: now,
            told: now,
            large: None,
            gathering_since: None,
        }
    }

    /// Talks until the peer or the session closes, or TLS is to start.
    ///
    /// # Errors
    /// The connection broke, or the peer does not read its replies.
    pub(super) async fn hold<S>(&mut self, stream: &mut S) -> io::Result<Next>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            self.send(stream).await?;
            let Some(count) = self.receive(stream).await? else {
                self.send(stream).await?;
                stream.shutdown().await?;
                return Ok(Next::Closed);
            };
            if count == 0 {
                return Ok(Next::Closed);
            }
            // Taken out while the session reads from it.
            let buffer = std::mem::take(&mut self.buffer);
            let next = self.feed(buffer.get(..count).unwrap_or_default(), stream).await?;
            self.buffer = buffer;
            if let Some(next) = next {
                return Ok(next);
            }
        }
    }

    /// Everything said before TLS is forgotten.
    pub(super) fn secured(&mut self, binding: Option<Binding>) {
        self.session.secured(binding);
    }

    /// Messages handed to the intake so far.
    pub(super) fn messages(&self) -> usize {
        self.session.messages()
    }

    /// Gives the session all of `input` and does what it asks for.
    async fn feed<S>(&mut self, mut input: &[u8], stream: &mut S) -> io::Result<Option<Next>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        while let Some(event) = self.session.read(&mut input) {
            match event {
                Event::Message(mut message) => {
                    // The last thing the peer was told is 354.
                    measure::step("data", self.told.elapsed());
                    self.send(stream).await?;
                    if let Some(file) = self.large.take().filter(|_| message.raw.is_filed()) {
                        message.raw.begin_with(file.into_std().await);
                    }
                    self.take(message).await;
                }
                Event::StartTls => {
                    self.send(stream).await?;
                    return Ok(Some(Next::StartTls));
                }
                Event::Close => {
                    self.send(stream).await?;
                    stream.shutdown().await?;
                    return Ok(Some(Next::Closed));
                }
            }
        }
        self.spill().await;
        Ok(None)
    }

    /// Carries what is too much for the memory to a file; where that is impossible, the peer has to come again.
    async fn spill(&mut self) {
        let Some((before, bytes)) = self.session.spill() else { return };
        if let Err(error) = self.write(before, &bytes).await {
            tracing::warn!(%error, "a large message cannot be written");
            self.session.cannot_spill();
        }
    }

    async fn write(&mut self, before: usize, bytes: &[u8]) -> io::Result<()> {
        if before == 0 {
            let folder = self.session.large_folder().ok_or(io::ErrorKind::NotFound)?;
            self.large = Some(File::from_std(open_nameless(folder)?));
        }
        let file = self.large.as_mut().ok_or(io::ErrorKind::NotFound)?;
        file.write_all(bytes).await?;
        file.flush().await
    }

    async fn take(&mut self, message: Arrived<I::Recipient>) {
        let started = Instant::now();
        let answers = self.session.intake().take(message).await;
        self.session.answered(answers);
        // The next message of a pipeline may have begun already; its time begins now.
        self.gathering_since = None;
        measure::step("take", started.elapsed());
    }

    /// Waits for bytes; `None` when the session has said its last word instead.
    async fn receive<S: AsyncRead + Unpin>(&mut self, stream: &mut S) -> io::Result<Option<usize>> {
        self.gathering_since = match self.gathering_since {
            _ if !self.session.is_gathering() => {
                self.large = None;
                None
            }
            since => since.or_else(|| Some(Instant::now())),
        };
        let (patience, out_of_patience) = self.patience_left();
        if patience.is_zero() {
            // A time-out alone would let a peer go on whose bytes are always there already.
            self.session.end(&out_of_patience);
            return Ok(None);
        }
        let is_idle = self.session.is_idle();
        let read = timeout(patience, stream.read(&mut self.buffer));
        let why = tokio::select! {
            biased;
            () = self.stop.cancelled(), if is_idle => replies::STOPPING,
            read = read => match read {
                Ok(count) => return count.map(Some),
                Err(_) => out_of_patience,
            },
        };
        self.session.end(&why);
        Ok(None)
    }

    /// For a command; who the peer is may change on the way.
    fn for_command(&self) -> Duration {
        let Patience { command, stranger_command, .. } = self.patience;
        if self.session.is_stranger() { command.min(stranger_command) } else { command }
    }

    /// How long the peer may go on, and what it hears after that.
    fn patience_left(&self) -> (Duration, Reply) {
        // Counted from the last reply, so that a trickle of bytes gains no time.
        let passed = self.told.elapsed();
        let of_message = self.gathering_since.map_or(passed, |since| since.elapsed());
        let message = self.patience.data.saturating_sub(of_message);
        let command = self.for_command().saturating_sub(passed);
        let step = match (self.session.is_in_data(), self.session.is_gathering()) {
            (true, _) => self.patience.data_block.min(message),
            (false, true) => command.min(message),
            (false, false) => command,
        };
        let is_unproven = self.session.is_stranger() && !self.session.has_found_a_recipient();
        let session = self.patience.stranger_session.saturating_sub(self.began.elapsed());
        if is_unproven && session < step {
            return (session, replies::TOO_LONG);
        }
        (step, replies::TIMED_OUT)
    }

    async fn send<S: AsyncWrite + Unpin>(&mut self, stream: &mut S) -> io::Result<()> {
        let patience = self.for_command();
        let replies = self.session.replies();
        if replies.is_empty() {
            return Ok(());
        }
        let sending = async {
            stream.write_all(replies).await?;
            stream.flush().await
        };
        timeout(patience, sending).await.map_err(|_| io::ErrorKind::TimedOut)??;
        replies.clear();
        self.told = Instant::now();
        Ok(())
    }
}
