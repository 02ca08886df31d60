//! The address under which attempts of a client count together.

use std::net::IpAddr;

/// An IPv4 address, or an IPv6 /64, because one customer has at least a /64. If the server remembers
/// too many addresses, it counts the /24 or the /48 around a new address instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Address {
    /// An IPv4 address.
    V4([u8; 4]),
    /// The network of an IPv4 address, a /24.
    V4Network([u8; 3]),
    /// The /64 of an IPv6 address.
    V6([u16; 4]),
    /// The network of an IPv6 address, a /48.
    V6Network([u16; 3]),
}

impl Address {
    /// The address under which this client counts.
    pub fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::V4(ip.octets()),
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                Self::V6([a, b, c, d])
            }
        }
    }

    /// The network around it.
    pub fn network(&self) -> Self {
        match *self {
            Self::V4([a, b, c, _]) => Self::V4Network([a, b, c]),
            Self::V6([a, b, c, _]) => Self::V6Network([a, b, c]),
            network => network,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_of_ipv6_is_one_address() {
        let of = |ip: &str| Address::of(ip.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("192.0.2.1").network(), of("192.0.2.2").network());
        let (one, two) = (of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(one.network(), two.network());
        assert_eq!(one.network().network(), one.network());
    }
}
