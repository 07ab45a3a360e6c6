//! Networks in CIDR form (RFC 4632, RFC 4291 §2.3): who may write to a sink.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// An address range: `127.0.0.0/8`, `::1`, `10.1.2.3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: Ipv6Addr,
    prefix: u8,
}

/// The text is no address and no range.
#[derive(Debug, thiserror::Error)]
#[error("not a network: write an address or a range such as 10.1.0.0/16")]
pub struct NotANetwork;

impl Network {
    /// Whether the address lies inside. IPv4 and its IPv6-mapped form are the same.
    pub fn contains(&self, address: IpAddr) -> bool {
        mask(mapped(address), self.prefix) == self.base
    }
}

/// Whether the address is this machine itself.
pub fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback()),
    }
}

fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

fn mask(address: Ipv6Addr, prefix: u8) -> Ipv6Addr {
    let bits = if prefix == 0 { 0 } else { u128::MAX << (128 - u32::from(prefix)) };
    Ipv6Addr::from(u128::from(address) & bits)
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, prefix) = match text.trim().split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| NotANetwork)?)),
            None => (text.trim(), None),
        };
        let address: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        let (widest, shift) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
        let prefix = prefix.unwrap_or(widest);
        if prefix > widest {
            return Err(NotANetwork);
        }
        let prefix = prefix + shift;
        Ok(Network { base: mask(mapped(address), prefix), prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.base.to_ipv4_mapped() {
            Some(v4) if self.prefix >= 96 => write!(f, "{v4}/{}", self.prefix - 96),
            _ => write!(f, "{}/{}", self.base, self.prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_lies_inside() {
        let inside = |network: &str, address: &str| {
            network.parse::<Network>().unwrap().contains(address.parse().unwrap())
        };
        assert!(inside("127.0.0.0/8", "127.9.9.9"));
        assert!(inside("127.0.0.0/8", "::ffff:127.0.0.1"));
        assert!(!inside("10.1.0.0/16", "10.2.0.1"));
        assert!(inside("::1", "::1"));
        assert!(inside("0.0.0.0/0", "8.8.8.8"));
        assert!(!inside("0.0.0.0/0", "2001:db8::1"));
        for bad in ["", "10.0.0.0/33", "host", "::/129"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
        assert_eq!("10.1.2.3/16".parse::<Network>().unwrap().to_string(), "10.1.0.0/16");
    }
}
