//! A conversation without a socket (feature `testing`): pieces of bytes in, all replies out.
//!
//! *Invariant:* it is the conversation that a connection has, from its greeting on; only TLS is left out, and what
//! comes after STARTTLS counts as encrypted.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

use super::DoorSettings;
use super::conversation::{Conversation, Next};
use super::places::Places;
use crate::intake::Intake;
use crate::session::Session;

/// Holds a conversation with a peer that says these pieces, one read each, and then hangs up. Gives the replies.
pub async fn converse<I: Intake>(
    settings: DoorSettings,
    intake: Arc<I>,
    address: IpAddr,
    pieces: Vec<Vec<u8>>,
) -> Vec<u8> {
    let patience = settings.patience;
    let settings = Arc::new(settings);
    // A peer with no place hears so before the conversation that is wanted here.
    let Ok(place) = Places::new(Arc::clone(&settings)).take(address) else { return Vec::new() };
    let session = Session::new(settings, intake, address, place);
    let mut conversation = Conversation::new(session, patience, CancellationToken::new());
    let mut wire = Wire { pieces: pieces.into_iter(), rest: Vec::new(), replies: Vec::new() };
    while let Ok(Next::StartTls) = conversation.hold(&mut wire).await {
        conversation.secured(None);
    }
    wire.replies
}

/// Both ends of a connection that is always ready.
struct Wire {
    pieces: std::vec::IntoIter<Vec<u8>>,
    /// Of a piece that was larger than the reader's buffer.
    rest: Vec<u8>,
    replies: Vec<u8>,
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            self.rest = self.pieces.find(|piece| !piece.is_empty()).unwrap_or_default();
        }
        let length = self.rest.len().min(into.remaining());
        let behind = self.rest.split_off(length);
        into.put_slice(&self.rest);
        self.rest = behind;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.replies.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
