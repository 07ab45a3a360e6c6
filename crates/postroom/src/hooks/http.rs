//! A hook that is a web service: what is asked is posted to it, signed, and what it says comes back.
//!
//! *Invariant:* it is asked at addresses of the open net, and at others only where the settings name their network.

use std::net::IpAddr;

use connect::Kind;
use connect::http::{self, Line, Place};
use connect::webhook::SigningSecret;
use model::Timestamp;
use model::network::{Network, is_public};

use super::{Call, NoAnswer};
use crate::settings::HookSection;

/// The service.
#[derive(Debug)]
pub(super) struct Service {
    place: Place,
    secret: SigningSecret,
    private_networks: Vec<Network>,
}

impl Service {
    pub(super) fn new(section: &HookSection, private_networks: &[Network]) -> Result<Self, String> {
        let read = |path: &std::path::Path| {
            std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
        };
        let secret = SigningSecret::parse(&read(&section.secret_file)?).ok_or_else(|| {
            format!(
                "in {} stands no secret: whsec_ and 24 to 64 bytes in base64",
                section.secret_file.display()
            )
        })?;
        let authority = &section.certificate_authority;
        let is_given = !authority.as_os_str().is_empty();
        let authority = is_given.then(|| read(authority).map(String::into_bytes)).transpose()?;
        let place = Place::parse(&section.url, authority)
            .ok_or_else(|| format!("“{}” is no address of a service (https://…)", section.url))?;
        Ok(Service { place, secret, private_networks: private_networks.to_vec() })
    }

    /// Connects. It hears nothing yet.
    pub(super) async fn open(&self) -> Result<Line, String> {
        let opened = http::open(&self.place, |address, is_plain| self.permit(address, is_plain)).await;
        opened.map_err(|error| format!("the hook cannot be asked: {error}"))
    }

    fn permit(&self, address: IpAddr, is_plain: bool) -> Result<(), &'static str> {
        let is_named = self.private_networks.iter().any(|network| network.contains(address));
        match (is_named, is_public(address), is_plain) {
            (true, _, _) | (false, true, false) => Ok(()),
            (false, false, _) => Err("its address is private, and hooks.private_networks does not name it"),
            (false, true, true) => Err("it would be asked over a line that can be read: use https"),
        }
    }

    /// Asks.
    pub(super) async fn post(&self, line: Line, call: Call, now: Timestamp) -> Result<Vec<u8>, NoAnswer> {
        let [id, time, signature] = self.secret.fields(&call.id, now, &call.body);
        let headers = [
            ("content-type", "application/json"),
            ("accept", "application/json"),
            ("user-agent", "Postroom"),
            ("webhook-id", id.as_str()),
            ("webhook-timestamp", time.as_str()),
            ("webhook-signature", signature.as_str()),
        ];
        let asked = line.post(&headers, call.body, call.answer_bytes_max).await;
        let answer = asked.map_err(|error| {
            let no_answer = NoAnswer::after(format!("the hook does not answer: {error}"));
            if error.kind == Kind::Limit { no_answer.refused() } else { no_answer }
        })?;
        let words = |status: u16| format!("the hook says {status}");
        match answer.status {
            200..=299 => Ok(answer.body.to_vec()),
            // The time is not right, or whoever stands before it does not reach it (RFC 9110 §15.5.9, §15.6; RFC 6585 §4).
            status @ (408 | 429 | 503) => Err(NoAnswer::before(words(status))),
            status @ (502 | 504) => Err(NoAnswer::after(words(status))),
            // It says that it did nothing: who asks is at fault (RFC 9110 §15.5).
            status @ 400..=499 => Err(NoAnswer::before(words(status)).refused()),
            status @ 300..=399 => {
                Err(NoAnswer::before(words(status) + ", and nobody is led elsewhere").refused())
            }
            status => Err(NoAnswer::after(words(status)).refused()),
        }
    }
}
