//! Our own `Received` field (RFC 5321 §4.4), kept beside a message and never inside it.
//!
//! What passes through: who brought a message, how and when; one folded header field comes out.
//!
//! *Invariant:* only printable ASCII of harmless kinds comes out, whatever the peer called itself; no
//! recipient is named, since the next organization's must not be.

use std::net::IpAddr;

use model::Timestamp;

use crate::intake::{Peer, Protocol};

/// The field, folded, with its CRLF.
pub(crate) fn received(peer: &Peer, smtputf8: bool, hostname: &str, at: Timestamp) -> String {
    let helo = harmless(&peer.helo);
    let address = literal(peer.address);
    let with = with_protocol(peer, smtputf8);
    let date = date(at);
    format!("Received: from {helo} ({address})\r\n\tby {hostname} (Postroom) with {with};\r\n\t{date}\r\n")
}

/// The protocol's name as registered with IANA (RFC 3848, RFC 6531 §4.3).
fn with_protocol(peer: &Peer, smtputf8: bool) -> &'static str {
    // AUTH is possible under TLS alone.
    match (peer.protocol, smtputf8, (peer.tls, peer.credential.is_some())) {
        (Protocol::Lmtp, false, (false, _)) => "LMTP",
        (Protocol::Lmtp, false, (true, false)) => "LMTPS",
        (Protocol::Lmtp, false, (true, true)) => "LMTPSA",
        (Protocol::Lmtp, true, (false, _)) => "UTF8LMTP",
        (Protocol::Lmtp, true, (true, false)) => "UTF8LMTPS",
        (Protocol::Lmtp, true, (true, true)) => "UTF8LMTPSA",
        (_, true, (false, _)) => "UTF8SMTP",
        (_, true, (true, false)) => "UTF8SMTPS",
        (_, true, (true, true)) => "UTF8SMTPSA",
        (_, false, (true, false)) => "ESMTPS",
        (_, false, (true, true)) => "ESMTPSA",
        (Protocol::Esmtp, false, (false, _)) => "ESMTP",
        (Protocol::Smtp, false, (false, _)) => "SMTP",
    }
}

/// RFC 5321 §4.1.3.
fn literal(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => format!("[{v4}]"),
        IpAddr::V6(v6) => format!("[IPv6:{v6}]"),
    }
}

/// The name in a form that cannot break out of the field: other characters become `?`.
fn harmless(helo: &str) -> String {
    const HELO_CHARS_MAX: usize = 255;
    let clean = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_' | ':' | '[' | ']' => c,
        _ => '?',
    };
    match helo {
        "" => "unknown".to_owned(),
        _ => helo.chars().take(HELO_CHARS_MAX).map(clean).collect(),
    }
}

/// RFC 5322 §3.3, always in UTC. A time outside the calendar becomes the epoch.
fn date(at: Timestamp) -> String {
    let instant = jiff::Timestamp::from_second(at.seconds()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    instant.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use model::Id;

    use super::*;

    fn peer(helo: &str, address: &str) -> Peer {
        let address = address.parse().unwrap();
        Peer { address, helo: helo.to_owned(), tls: false, protocol: Protocol::Esmtp, credential: None }
    }

    fn field(peer: &Peer, smtputf8: bool) -> String {
        received(peer, smtputf8, "sink.example", Timestamp::from_seconds(1_795_448_359))
    }

    #[test]
    fn says_who_how_and_when() {
        assert_eq!(
            field(&Peer { tls: true, ..peer("mail.example", "192.0.2.7") }, false),
            "Received: from mail.example ([192.0.2.7])\r\n\tby sink.example (Postroom) with ESMTPS;\r\n\t\
             Mon, 23 Nov 2026 15:39:19 +0000\r\n"
        );
        assert!(field(&peer("x", "2001:db8::1"), true).contains("([IPv6:2001:db8::1])"));
    }

    #[test]
    fn protocols_go_by_their_registered_names() {
        let names = |protocol| {
            let with = |tls, smtputf8| with_protocol(&Peer { protocol, tls, ..peer("x", "::1") }, smtputf8);
            [with(false, false), with(true, false), with(false, true), with(true, true)].join(" ")
        };
        assert_eq!(names(Protocol::Smtp), "SMTP ESMTPS UTF8SMTP UTF8SMTPS");
        assert_eq!(names(Protocol::Esmtp), "ESMTP ESMTPS UTF8SMTP UTF8SMTPS");
        assert_eq!(names(Protocol::Lmtp), "LMTP LMTPS UTF8LMTP UTF8LMTPS");
        let proven = Peer { tls: true, credential: Some(Id([7; 16])), ..peer("x", "::1") };
        assert_eq!(with_protocol(&proven, false), "ESMTPSA");
    }

    #[test]
    fn a_name_cannot_break_out_of_the_field() {
        let field = field(&peer("a)\r\nSubject: x (ü", "192.0.2.7"), false);
        assert!(field.starts_with("Received: from a???Subject:?x??? ([192.0.2.7])\r\n\tby "), "{field}");
        assert_eq!(field.matches("\r\n").count(), 3);
    }
}
