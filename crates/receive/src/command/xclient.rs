//! The attributes of XCLIENT, as Postfix writes them: `ADDR=192.0.2.7 HELO=mail.example`.
//!
//! What passes through: the rest of the line; what a door needs of it comes out.
//!
//! *Invariant:* an attribute that was not announced, or cannot be read, is an error and changes nothing.

use std::net::IpAddr;

use super::Mistake;

/// What is announced after XCLIENT in the answer to EHLO.
pub(crate) const ATTRIBUTES: &str = "NAME ADDR PORT PROTO HELO DESTADDR DESTPORT";

/// For whom a relay speaks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Announcement {
    /// The client's address: `Some(None)` where the relay does not know it, `None` where it says nothing.
    pub(crate) address: Option<Option<IpAddr>>,
    /// What the client called itself, in the same way.
    pub(crate) helo: Option<Option<String>>,
}

/// Reads the attributes; at least one.
pub(super) fn read(arguments: &str) -> Result<Announcement, Mistake> {
    const USAGE: Mistake = Mistake::Arguments("XCLIENT attribute=value ...");
    let mut said = Announcement::default();
    let mut count = 0;
    for word in arguments.split(' ').filter(|word| !word.is_empty()) {
        let (name, value) = word.split_once('=').ok_or(USAGE)?;
        let value = decoded(value).ok_or(Mistake::ParameterValue)?;
        let known = Some(value).filter(|value| !is_unavailable(value));
        match name.to_ascii_uppercase().as_str() {
            "ADDR" => said.address = Some(known.map(|value| address(&value)).transpose()?),
            "HELO" => said.helo = Some(known),
            // The protocol is that of the greeting which follows; the rest is nothing that we ask.
            "PROTO" | "NAME" | "PORT" | "DESTADDR" | "DESTPORT" => {}
            _ => return Err(Mistake::Parameter),
        }
        count += 1;
    }
    if count == 0 { Err(USAGE) } else { Ok(said) }
}

fn is_unavailable(value: &str) -> bool {
    ["[UNAVAILABLE]", "[TEMPUNAVAIL]"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// IPv6 is written as in RFC 5321 §4.1.3, or plainly.
fn address(value: &str) -> Result<IpAddr, Mistake> {
    let prefix = value.get(..5).filter(|prefix| prefix.eq_ignore_ascii_case("IPV6:"));
    let plain = prefix.and_then(|prefix| value.strip_prefix(prefix)).unwrap_or(value);
    plain.parse().map_err(|_| Mistake::ParameterValue)
}

/// RFC 3461 §4: `+` and two digits stand for a byte.
fn decoded(xtext: &str) -> Option<String> {
    let mut parts = xtext.split('+');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        bytes.push(is_hex.then(|| u8::from_str_radix(digits, 16).ok()).flatten()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read() {
        let said = read("ADDR=192.0.2.7 NAME=[UNAVAILABLE] helo=mail+2Eexample PROTO=ESMTP PORT=1").unwrap();
        assert_eq!(said.address, Some("192.0.2.7".parse().ok()));
        assert_eq!(said.helo, Some(Some("mail.example".to_owned())));
        let v6 = |text: &str| read(text).unwrap().address;
        assert_eq!(v6("ADDR=IPV6:2001:db8::7"), Some("2001:db8::7".parse().ok()));
        assert_eq!(v6("ADDR=[UNAVAILABLE]"), Some(None));
        assert_eq!(v6("HELO=x"), None);
        for bad in ["", "ADDR", "ADDR=host", "ADDR=+4", "LOGIN=anna", "HELO=+0D+0A", "ADDR="] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
