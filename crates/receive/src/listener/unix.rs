//! The same door at a socket of this machine: the file's mode says who may come.
//!
//! What passes through: connections, each a session whose peer is this machine itself.
//!
//! *Invariant:* no proxy and no TLS here; all else is as at any door.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::conversation::Conversation;
use super::places::{NoPlace, Places};
use super::{Call, Door, end_all, report, rest_after};
use crate::intake::Intake;
use crate::measure::{self, OpenConnection};
use crate::session::Session;

/// Whoever may open the socket is on this machine.
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

impl<I: Intake> Door<I> {
    /// Serves at a socket of this machine until `stop`, as [`Door::serve`] does.
    pub async fn serve_unix(self, listener: UnixListener, stop: CancellationToken) {
        let places = Places::new(Arc::clone(&self.settings));
        let mut open = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ended) = open.join_next() => report(ended),
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => match places.take(HERE) {
                        Ok(place) => drop(open.spawn(self.call(place, &stop).serve_unix(stream))),
                        Err(why) => turn_away(&stream, why),
                    },
                    Err(error) => rest_after(&error).await,
                },
            }
        }
        drop(listener);
        end_all(open, self.settings.patience.stop).await;
    }
}

impl<I: Intake> Call<I> {
    async fn serve_unix(self, mut stream: UnixStream) {
        let _open = OpenConnection::new();
        let session = Session::new(Arc::clone(&self.settings), self.intake, HERE, self.place);
        let mut conversation = Conversation::new(session, self.settings.patience, self.stop);
        let ended = conversation.hold(&mut stream).await;
        let messages = conversation.messages();
        match ended {
            Ok(_) => tracing::debug!(messages, "session at the socket ended"),
            Err(error) => tracing::debug!(messages, %error, "session at the socket broke off"),
        }
    }
}

/// One too many hears why; nobody waits for it: the socket's buffer is empty.
fn turn_away(stream: &UnixStream, why: NoPlace) {
    let mut line = Vec::new();
    why.reply().write(&mut line);
    let heard = stream.try_write(&line).is_ok();
    measure::turned_away(why.label());
    tracing::debug!(why = why.label(), heard, "turned away at the socket");
}
