//! One question to a provider of tokens: a form goes out, JSON comes back.

use std::net::IpAddr;
use std::time::Duration;

use model::{limits, network};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::{Provider, Said, not_offered, strange};
use crate::error::{ConnectError, Kind};
use crate::http::{self, Place};
use crate::wire::Patience;

/// Fields as a browser sends them (`application/x-www-form-urlencoded`).
pub(super) fn form(fields: &[(&str, &str)]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(3 * limits::SECRET_BYTES_MAX));
    for (name, value) in fields {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        for byte in value.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    text.push(char::from(byte))
                }
                b' ' => text.push('+'),
                _ => {
                    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                    let digit =
                        |number: u8| DIGITS.get(usize::from(number)).map_or('0', |digit| char::from(*digit));
                    text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
                }
            }
        }
    }
    text
}

/// Asks, and reads the answer, whatever its status is: refusals are JSON as well.
pub(super) async fn post(
    url: &str,
    provider: &Provider,
    (fields, patience): (&[(&str, &str)], Patience),
) -> Result<Said, ConnectError> {
    let place = Place::parse(url, provider.authority.clone()).ok_or_else(|| {
        not_offered("the address of the provider of tokens is none of the web's (https://…)")
    })?;
    let line = timeout(patience.connect, http::open(&place, only_by_tls)).await;
    let line = line.map_err(|_| late(&place))??;
    let headers = [("accept", "application/json"), ("content-type", "application/x-www-form-urlencoded")];
    let body = form(fields).as_bytes().to_vec();
    let asked = line.post(&headers, body, limits::OAUTH_ANSWER_BYTES_MAX);
    let answer = timeout(patience.answer.min(ANSWER_MAX), asked).await.map_err(|_| late(&place))??;
    match serde_json::from_slice(&answer.body) {
        Ok(value) => Ok(Said { status: answer.status, value }),
        Err(_) if answer.status >= 500 => {
            Err(ConnectError::new(Kind::Declined, format!("{} says {}", place.host(), answer.status)))
        }
        Err(_) => Err(strange()),
    }
}

fn only_by_tls(address: IpAddr, is_plain: bool) -> Result<(), &'static str> {
    match is_plain && !network::is_loopback(address) {
        true => Err("the provider of tokens would be asked over a line that can be read: use https"),
        false => Ok(()),
    }
}

/// A provider that needs longer is asked again.
const ANSWER_MAX: Duration = Duration::from_secs(30);

fn late(place: &Place) -> ConnectError {
    ConnectError::new(Kind::TimedOut, format!("{} did not answer in time", place.host()))
}
