//! Networks in CIDR form (RFC 4632, RFC 4291 §2.3): who may write to a sink.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
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

/// Whether the address is one of the open net: not of this machine, of a network at home, or of a purpose of its own
/// (RFC 6890).
pub fn is_public(address: IpAddr) -> bool {
    let is_in = |network: &&str| network.parse::<Network>().is_ok_and(|network| network.contains(address));
    let carried = match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => carried_v4(v6),
    };
    !NOT_PUBLIC.iter().any(is_in) && carried.is_none_or(|v4| is_public(IpAddr::V4(v4)))
}

/// The IPv4 address that one of IPv6 leads to (RFC 6052 §2.1, RFC 3056).
fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, ..] = address.octets();
    match (a, b) {
        (0x20, 0x02) => Some(Ipv4Addr::new(c, d, e, f)),
        (0, 0x64) if address.segments()[1] == 0xff9b => {
            let [.., w, x, y, z] = address.octets();
            Some(Ipv4Addr::new(w, x, y, z))
        }
        _ => None,
    }
}

/// RFC 6890, and what came after.
const NOT_PUBLIC: [&str; 23] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::1",
    "100::/64",
    "2001:db8::/32",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

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
    fn what_is_not_of_the_open_net_is_told() {
        let is = |address: &str| is_public(address.parse().unwrap());
        for private in
            ["127.0.0.1", "10.9.9.9", "172.31.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "::1"]
        {
            assert!(!is(private), "{private}");
        }
        for private in
            ["::", "::ffff:10.0.0.1", "fd00::1", "fe80::1", "64:ff9b::a00:1", "2002:a00:1::1", "100.100.0.1"]
        {
            assert!(!is(private), "{private}");
        }
        for public in ["8.8.8.8", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"] {
            assert!(is(public), "{public}");
        }
    }

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
