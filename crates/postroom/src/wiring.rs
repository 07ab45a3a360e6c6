//! The wiring: every door gets its sockets, its house and its end.
//!
//! What passes through: a house comes in, a [`RunningHouse`] goes out; at its end nothing is cut off that can
//! be brought to an end within `node.drain_seconds_max`.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::limits;
use serde::Serialize;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::control;
use crate::house::{House, HouseError};
use crate::node::{Presence, Role};
use crate::{
    books_runner, hook_runner, index_runner, job_runner, log, mailbox_board, outbox_runner, poll_runner,
    sent_runner, site, sweep_runner,
};
use mail::MailSockets;

mod mail;

/// A house that serves, until it is stopped or dropped.
#[derive(Debug)]
pub struct RunningHouse {
    /// Where its doors are.
    pub ports: Ports,
    house: Arc<House>,
    doors: JoinSet<()>,
    control: Control,
    presence: Presence,
    stop: DropGuard,
}

/// The control socket: it answers as long as a door is open.
#[derive(Debug)]
struct Control {
    task: JoinHandle<()>,
    closing: DropGuard,
}

/// Where the doors of a house are, with the ports they were given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ports {
    /// SMTP.
    pub smtp: Vec<SocketAddr>,
    /// SMTP under TLS from the first byte on.
    pub smtps: Vec<SocketAddr>,
    /// LMTP.
    pub lmtp: Vec<SocketAddr>,
    /// LMTP for this machine.
    pub lmtp_socket: Option<PathBuf>,
    /// The pages.
    pub web: Vec<SocketAddr>,
    /// The control socket.
    pub control: PathBuf,
}

impl House {
    /// Opens all doors of this house.
    ///
    /// # Errors
    /// [`HouseError`]; then no door is open.
    pub async fn serve(self: Arc<Self>) -> Result<RunningHouse, HouseError> {
        Arc::clone(&self).look_at_bucket().await?;
        let settings = &self.settings;
        let tls = match settings.tls.files() {
            Some((certificate, key)) => receive::tls::from_pem(certificate, key)?,
            None => receive::tls::self_signed(&settings.data, &settings.name())?,
        };
        let mail = MailSockets::bind(&self)?;
        let web: &[SocketAddr] = if self.does(Role::Web) { &settings.web.listen } else { &[] };
        let web = bind("the web", web)?;
        let control = control::Socket::bind(&settings.data).map_err(|source| HouseError::Listen {
            what: "the control socket",
            address: settings.data.join(control::SOCKET_FILE).display().to_string(),
            source,
        })?;
        let ports = Ports {
            smtp: addresses(&mail.smtp),
            smtps: addresses(&mail.smtps),
            lmtp: addresses(&mail.lmtp),
            lmtp_socket: mail.socket.as_ref().map(|socket| socket.path().to_owned()),
            web: addresses(&web),
            control: control.path().to_owned(),
        };
        let stop = CancellationToken::new();
        let mut doors = JoinSet::new();
        // Before any door opens: what happens until there is a recorder is never counted.
        log::metrics();
        doors.spawn(log::count(stop.clone()));
        let presence = Presence::begin(&self).await?;
        self.open_mail_doors((mail, tls), &mut doors, &stop);
        for listener in web {
            doors.spawn(site::serve(Arc::clone(&self), listener, stop.clone()));
        }
        let closing = CancellationToken::new();
        let control = tokio::spawn(control.serve(Arc::clone(&self), closing.clone()));
        let control = Control { task: control, closing: closing.drop_guard() };
        self.run_beside(&mut doors, &stop);
        Ok(RunningHouse { ports, house: self, doors, control, presence, stop: stop.drop_guard() })
    }
}

impl House {
    /// What this node does besides opening doors.
    fn run_beside(self: &Arc<Self>, tasks: &mut JoinSet<()>, stop: &CancellationToken) {
        // Each node for itself: whoever shows the pages has to know.
        tasks.spawn(books_runner::run(Arc::clone(self), stop.clone()));
        if self.does(Role::Jobs) || self.does(Role::Send) {
            self.hinted.listen(&self.store);
        }
        if self.does(Role::Jobs) {
            tasks.spawn(job_runner::run(Arc::clone(self), stop.clone()));
            tasks.spawn(sweep_runner::run(Arc::clone(self), stop.clone()));
            tasks.spawn(hook_runner::run(Arc::clone(self), stop.clone()));
            tasks.spawn(sent_runner::run(Arc::clone(self), stop.clone()));
        }
        if self.does(Role::Poll) {
            tasks.spawn(poll_runner::run(Arc::clone(self), stop.clone()));
            tasks.spawn(mailbox_board::run(Arc::clone(self), stop.clone()));
        }
        if self.does(Role::Send) {
            tasks.spawn(outbox_runner::run(Arc::clone(self), stop.clone()));
        }
        if self.does(Role::Index) && self.settings.search.follows_mail {
            tasks.spawn(index_runner::run(Arc::clone(self), stop.clone()));
        }
    }

    async fn look_at_bucket(self: Arc<Self>) -> Result<(), HouseError> {
        match tokio::task::spawn_blocking(move || self.check_bucket()).await {
            Ok(checked) => checked,
            Err(_) => {
                tracing::error!("the check of the bucket ended by a fault of ours");
                Ok(())
            }
        }
    }
}

impl RunningHouse {
    /// The house inside.
    pub fn house(&self) -> &Arc<House> {
        &self.house
    }

    /// Accepts no more, brings to an end what is under way, and closes the store.
    pub async fn stop(self) {
        let RunningHouse { house, mut doors, control, presence, stop, .. } = self;
        presence.drains();
        drop(stop);
        // They would take longer than anybody waits.
        house.works.stop();
        let all_ended = async { while doors.join_next().await.is_some() {} };
        // The doors have a limit of their own; this one is for what hangs in spite of it.
        let patience = house.settings.drain() + Duration::from_secs(5);
        if tokio::time::timeout(patience, all_ended).await.is_err() {
            tracing::warn!(doors = doors.len(), "doors were cut off at stop");
            doors.shutdown().await;
        }
        drop(control.closing);
        if tokio::time::timeout(Duration::from_secs(limits::STOP_SECONDS_MAX), control.task).await.is_err() {
            tracing::warn!("a command was cut off at stop");
        }
        // What a provider gives it gives once; it is under way for so long at most, if it can be kept.
        house.asking.close();
        let asked = tokio::time::timeout(Duration::from_secs(limits::STOP_SECONDS_MAX), house.asking.wait());
        if asked.await.is_err() {
            tracing::warn!(
                questions = house.asking.len(),
                "tokens that were asked for were not waited for at stop"
            );
        }
        presence.end(Arc::clone(&house)).await;
        let store = Arc::clone(&house.store);
        if tokio::task::spawn_blocking(move || store.close()).await.is_err() {
            tracing::error!("the store did not close");
        }
    }
}

fn bind(what: &'static str, addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, HouseError> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        let refused = |source: io::Error| HouseError::Listen { what, address: address.to_string(), source };
        listeners.push(listen(*address).map_err(refused)?);
    }
    Ok(listeners)
}

/// As `TcpListener::bind`, which lets 128 connections wait: of a burst of 200 the rest would try again a second later.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(limits::WAITING_CONNECTIONS_MAX)
}

fn addresses(listeners: &[TcpListener]) -> Vec<SocketAddr> {
    listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
}
