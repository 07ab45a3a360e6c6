//! The doors that mail is brought to: where they stand, and what they share.
//!
//! What passes through: settings become sockets, and each socket a door with this house behind it.

use std::sync::Arc;

use model::limits;
use receive::body::Large;
use receive::tls::Configuration;
use receive::{Door, DoorProtocol, DoorSettings, InFlight, Patience, PerMinute, Rates};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::bind;
use crate::door::Keeper;
use crate::house::{House, HouseError, random};
use crate::node::Role;
use crate::unix_socket::UnixSocket;

/// The sockets of all doors for mail.
#[derive(Debug, Default)]
pub(super) struct MailSockets {
    pub(super) smtp: Vec<TcpListener>,
    /// TLS begins with the connection.
    pub(super) smtps: Vec<TcpListener>,
    pub(super) lmtp: Vec<TcpListener>,
    /// For this machine.
    pub(super) socket: Option<UnixSocket>,
}

impl MailSockets {
    /// None where this node takes no mail.
    pub(super) fn bind(house: &House) -> Result<Self, HouseError> {
        if !house.does(Role::Receive) {
            return Ok(MailSockets::default());
        }
        let settings = &house.settings;
        let path = settings.lmtp_socket();
        // What lies in the data folder is its owner's alone; for another place its folder says who may come.
        let mode = if path.parent() == Some(&settings.data) { 0o600 } else { 0o660 };
        let socket = UnixSocket::bind(&path, mode).map_err(|source| HouseError::Listen {
            what: "the LMTP socket",
            address: path.display().to_string(),
            source,
        })?;
        Ok(MailSockets {
            smtp: bind("SMTP", &settings.smtp.listen)?,
            smtps: bind("SMTP with TLS", &settings.smtp.tls_listen)?,
            lmtp: bind("LMTP", &settings.lmtp.listen)?,
            socket: Some(socket),
        })
    }
}

/// What all doors for mail share.
struct Shared {
    tls: Configuration,
    in_flight: Arc<InFlight>,
    large: Large,
    rates: Arc<Rates>,
}

impl House {
    /// Opens them until `stop`.
    pub(super) fn open_mail_doors(
        self: &Arc<Self>,
        (sockets, tls): (MailSockets, Configuration),
        doors: &mut JoinSet<()>,
        stop: &CancellationToken,
    ) {
        let room = InFlight::new(limits::IN_FLIGHT_DISK_BYTES_MAX);
        let shared = Shared {
            tls,
            in_flight: InFlight::new(limits::IN_FLIGHT_BYTES_MAX),
            large: Large { folder: self.settings.data.clone(), room },
            rates: self.rates(),
        };
        let keeper = Keeper::new(Arc::clone(self));
        let at_socket = keeper.at_socket();
        let door = |settings| Door::new(settings, Arc::clone(&keeper));
        for listener in sockets.smtp {
            let settings = self.door_settings(DoorProtocol::Smtp, &shared);
            doors.spawn(door(settings).serve(listener, stop.clone()));
        }
        for listener in sockets.smtps {
            let settings = self.door_settings(DoorProtocol::Smtp, &shared);
            let settings = DoorSettings { tls_from_start: true, ..settings };
            doors.spawn(door(settings).serve(listener, stop.clone()));
        }
        for listener in sockets.lmtp {
            let settings = self.door_settings(DoorProtocol::Lmtp, &shared);
            doors.spawn(door(settings).serve(listener, stop.clone()));
        }
        if let Some(socket) = sockets.socket {
            let settings = self.door_settings(DoorProtocol::Lmtp, &shared);
            let settings = DoorSettings { tls: None, announcers: Vec::new(), ..settings };
            let (door, stop) = (Door::new(settings, at_socket), stop.clone());
            doors.spawn(async move {
                let (listener, file) = socket.into_parts();
                door.serve_unix(listener, stop).await;
                drop(file);
            });
        }
    }

    fn rates(&self) -> Arc<Rates> {
        let receive = &self.settings.receive;
        Arc::new(Rates::new(PerMinute {
            connections: receive.stranger_connections_per_minute_max,
            messages: receive.stranger_messages_per_minute_max,
            recipients: receive.stranger_recipients_per_minute_max,
            ..PerMinute::default()
        }))
    }

    fn door_settings(&self, protocol: DoorProtocol, shared: &Shared) -> DoorSettings {
        let receive = &self.settings.receive;
        DoorSettings {
            tls: Some(Arc::clone(&shared.tls)),
            in_flight: Arc::clone(&shared.in_flight),
            large: Some(shared.large.clone()),
            rates: Arc::clone(&shared.rates),
            message_bytes_max: receive.message_bytes_max,
            connections_max: receive.connections_max,
            connections_per_stranger_max: receive.connections_per_stranger_max,
            trusted: receive.trusted_networks.clone(),
            proxies: receive.proxy_networks.clone(),
            announcers: receive.xclient_networks.clone(),
            nonces: Some(Arc::new(|| random().ok())),
            patience: Patience { stop: self.settings.drain(), ..Patience::default() },
            ..DoorSettings::new(self.settings.name(), protocol, Arc::clone(&self.clock))
        }
    }
}
