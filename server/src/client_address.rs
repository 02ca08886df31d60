//! The address of the client that sent a request, also behind proxies.
//!
//! A security duty: a client can write every forwarding header itself. The server only
//! believes what a trusted proxy has written, and only in the one header that the setting
//! names. Each proxy appends the address from which its request came. So the server reads
//! the list from its end, and the first address that is not a proxy's is the client's.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

/// Headers in which proxies write the client's address.
const FORWARDING: [HeaderName; 3] = [
    header::FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-real-ip"),
];

/// The widest networks that may be trusted. They are as wide as the widest private
/// networks, 10.0.0.0/8 and fc00::/7.
const WIDEST_V4: u8 = 8;
const WIDEST_V6: u8 = 7;

/// The proxies in front of this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxies {
    networks: Vec<IpNet>,
    header: HeaderName,
}

/// Where a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAddress {
    /// The client's own address.
    Client(IpAddr),
    /// The address of a proxy. All clients behind it have this address.
    Proxy(IpAddr),
    /// The request did not come over the network.
    Unknown,
}

impl ClientAddress {
    /// The address that a person sees beside their sessions.
    pub fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Client(ip) | Self::Proxy(ip) => Some(ip),
            Self::Unknown => None,
        }
    }

    /// The address that limits may count. `None` if many people would share it, because a
    /// limit by address would then keep all of them out. The queue, in which clients take
    /// turns, counts such an address as well ([`ip`](Self::ip)): it gives it the larger
    /// share of an address that [many people share](Self::is_shared).
    pub fn for_limits(self) -> Option<IpAddr> {
        match self {
            Self::Client(ip) => Some(ip),
            Self::Proxy(_) | Self::Unknown => None,
        }
    }

    /// Whether many people may have this address.
    pub fn is_shared(self) -> bool {
        matches!(self, Self::Proxy(_))
    }
}

impl Default for Proxies {
    fn default() -> Self {
        Self::new(Vec::new(), FORWARDING[1].clone())
    }
}

impl Proxies {
    /// Proxies in these networks, which write the client's address into this header.
    pub fn new(networks: Vec<IpNet>, header: HeaderName) -> Self {
        Self { networks, header }
    }

    /// Checks the networks and the header, and brings the networks into their shortest form, as the
    /// flags of `holdfast serve` do.
    ///
    /// # Errors
    /// One sentence about what is wrong.
    pub fn checked(self) -> Result<Self, String> {
        is_of_proxies(&self.header)?;
        let networks = self.networks.into_iter().map(shortest);
        Ok(Self {
            networks: networks.collect::<Result<_, _>>()?,
            header: self.header,
        })
    }

    /// Whether no proxy is named.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }

    /// Whether this address is a trusted proxy's.
    pub fn trusts(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.networks.iter().any(|network| network.contains(&ip))
    }

    /// The client of a request with these headers, on a connection from `peer`.
    pub fn client(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> ClientAddress {
        let Some(peer) = peer.map(|ip| ip.to_canonical()) else {
            return ClientAddress::Unknown;
        };
        if !self.trusts(peer) {
            let forwarded = headers.contains_key(&self.header)
                || FORWARDING.iter().any(|name| headers.contains_key(name));
            // A client on the internet may write such a header. But if it comes from a
            // private address, this is almost always a proxy that the operator forgot to
            // name. If other proxies are named, it is a client, because the header must not
            // remove the limits.
            return if forwarded && self.is_empty() && is_private(peer) {
                ClientAddress::Proxy(peer)
            } else {
                ClientAddress::Client(peer)
            };
        }
        let mut nearest = None;
        let mut last = None;
        for entry in self.entries(headers).rev() {
            match parse(entry) {
                Some(ip) if self.trusts(ip) => {
                    nearest = nearest.or(Some(ip));
                    last = Some(ip);
                }
                Some(ip) => return ClientAddress::Client(ip),
                // The client may have written everything left of an unreadable entry.
                None => return ClientAddress::Proxy(last.unwrap_or(peer)),
            }
        }
        // Every entry is in the networks: the client is in them itself, and it may have
        // written all entries except the last. If there is no entry, the proxy itself is the
        // client, or it writes another header.
        nearest.map_or(ClientAddress::Proxy(peer), ClientAddress::Client)
    }

    /// The entries of the header, in the order in which proxies wrote them. A line is split
    /// at its commas before it is read, so bytes of the client cannot make an entry of a
    /// proxy unreadable.
    fn entries<'a>(&self, headers: &'a HeaderMap) -> impl DoubleEndedIterator<Item = &'a str> {
        let mut entries: Vec<&[u8]> = Vec::new();
        for line in headers.get_all(&self.header) {
            if self.header == header::FORWARDED {
                let elements = split_outside_quotes(line.as_bytes(), b',');
                entries.extend(elements.into_iter().map(forwarded_for));
            } else {
                entries.extend(line.as_bytes().split(|byte| *byte == b','));
            }
        }
        // An unreadable entry counts as an entry, too.
        let read = |entry| std::str::from_utf8(entry).unwrap_or("?");
        entries.into_iter().map(read)
    }
}

/// The `for` of one element of `Forwarded` (RFC 7239 §4); empty if there is none.
fn forwarded_for(element: &[u8]) -> &[u8] {
    for pair in split_outside_quotes(element, b';') {
        let Some(equals) = pair.iter().position(|byte| *byte == b'=') else {
            continue;
        };
        let (name, value) = pair.split_at(equals);
        if name.trim_ascii().eq_ignore_ascii_case(b"for") {
            let value = value[1..].trim_ascii();
            let unquoted = value
                .strip_prefix(b"\"")
                .and_then(|rest| rest.strip_suffix(b"\""));
            return unquoted.unwrap_or(value);
        }
    }
    b""
}

/// Splits at the separators that are not in a quoted string (RFC 9110 §5.6.4). A proxy may
/// quote what the client wrote, such as its `Host`, and the server must not read an address
/// in such a quote.
///
/// The function reads from the right. The nearest proxy wrote a well-formed element there.
/// If the client left a quote open, it is further left.
fn split_outside_quotes(text: &[u8], separator: u8) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let (mut end, mut quoted) = (text.len(), false);
    for (at, byte) in text.iter().enumerate().rev() {
        if *byte == b'"' {
            let before = text[..at].iter().rev();
            let backslashes = before.take_while(|byte| **byte == b'\\').count();
            // An escaped quote is part of the string.
            if !quoted || backslashes % 2 == 0 {
                quoted = !quoted;
            }
        } else if *byte == separator && !quoted {
            parts.push(&text[at + 1..end]);
            end = at;
        }
    }
    parts.push(&text[..end]);
    parts.reverse();
    parts
}

/// An address as proxies write it: with or without a port, IPv6 with or without
/// brackets.
fn parse(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let without_brackets = entry
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let ip = match without_brackets {
        Some(inside) => inside.parse().ok(),
        None => entry.parse().ok().or_else(|| {
            entry
                .parse()
                .ok()
                .map(|with_port: SocketAddr| with_port.ip())
        }),
    };
    ip.map(|ip: IpAddr| ip.to_canonical())
}

/// Whether this address is only used inside networks (RFC 1918, 4193, 6598, and addresses
/// of one link or one host).
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let shared = ip.octets()[0] == 100 && ip.octets()[1] & 0b1100_0000 == 64;
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || shared
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// A network of `HOLDFAST_TRUSTED_PROXIES`; a single address counts as a network.
///
/// # Errors
/// One sentence about what is wrong.
pub fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let network = text
        .parse::<IpNet>()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
        .ok_or("write networks such as 10.0.0.0/8, or single addresses")?;
    shortest(network)
}

/// The network in its shortest form, because addresses are compared in theirs.
fn shortest(network: IpNet) -> Result<IpNet, String> {
    let network = match (network.addr().to_canonical(), network.prefix_len()) {
        (IpAddr::V4(ip), bits @ 96..) if network.addr().is_ipv6() => {
            IpNet::new(IpAddr::V4(ip), bits - 96).map_err(|error| error.to_string())?
        }
        _ => network,
    };
    let widest = match network {
        IpNet::V4(_) => WIDEST_V4,
        IpNet::V6(_) => WIDEST_V6,
    };
    if network.prefix_len() < widest {
        return Err(format!(
            "{network} is too wide and would trust much of the internet; the widest is /{widest}"
        ));
    }
    Ok(network.trunc())
}

/// Whether proxies may write the client's address into this header. In some headers clients write
/// what they want, and proxies pass it on.
pub(crate) fn is_of_proxies(name: &HeaderName) -> Result<(), String> {
    const OF_CLIENTS: [&str; 12] = [
        "accept",
        "accept-encoding",
        "accept-language",
        "authorization",
        "content-length",
        "content-type",
        "cookie",
        "host",
        "idempotency-key",
        "origin",
        "referer",
        "user-agent",
    ];
    if OF_CLIENTS.contains(&name.as_str()) {
        return Err("clients write this header, so it does not say who they are".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), value.parse().unwrap())])
    }

    fn behind(networks: &[&str], header: &'static str) -> Proxies {
        let networks = networks.iter().map(|text| network(text).unwrap()).collect();
        Proxies::new(networks, HeaderName::from_static(header))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_what_trusted_proxies_wrote_counts() {
        let proxies = behind(&["10.0.0.0/8", "192.0.2.1"], "x-forwarded-for");
        for (peer, value, expected) in [
            ("10.0.0.1", "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
            ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
            ("192.0.2.1", "203.0.113.9", "203.0.113.9"),
            // A client inside the networks.
            ("10.0.0.1", "10.9.9.9", "10.9.9.9"),
            // The client wrote the first entry itself.
            ("10.0.0.1", "10.9.9.9, 10.0.0.2", "10.0.0.2"),
            // The server believes neither a peer on the internet nor another private peer.
            ("192.168.0.1", "203.0.113.9", "192.168.0.1"),
            ("198.51.100.1", "203.0.113.9", "198.51.100.1"),
        ] {
            let client = proxies.client(&headers("x-forwarded-for", value), Some(ip(peer)));
            assert_eq!(
                client,
                ClientAddress::Client(ip(expected)),
                "{peer} {value}"
            );
        }
    }

    #[test]
    fn addresses_are_read_in_every_form_that_proxies_write() {
        for (entry, expected) in [
            ("203.0.113.9", "203.0.113.9"),
            ("203.0.113.9:4711", "203.0.113.9"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
        ] {
            assert_eq!(parse(entry), Some(ip(expected)), "{entry}");
        }
        for entry in ["", "unknown", "_hidden", "203.0.113", "[2001:db8::1"] {
            assert_eq!(parse(entry), None, "{entry}");
        }
    }

    #[test]
    fn the_standard_header_is_read_where_the_setting_names_it() {
        let proxies = behind(&["10.0.0.0/8"], "forwarded");
        let value = r#"for=6.6.6.6, For="[2001:db8::1]:4711";proto=https, for=10.0.0.2"#;
        let client = proxies.client(&headers("forwarded", value), Some(ip("10.0.0.1")));
        assert_eq!(client, ClientAddress::Client(ip("2001:db8::1")));
    }

    #[test]
    fn an_address_in_a_quoted_string_is_ignored() {
        let proxies = behind(&["10.0.0.0/8"], "forwarded");
        for value in [
            r#"for=203.0.113.9;host="x,for=6.6.6.6""#,
            r#"host="x;for=6.6.6.6";for=203.0.113.9"#,
            r#"host="x\",for=6.6.6.6";for=203.0.113.9"#,
            r#"for=203.0.113.9;host="x\",for=6.6.6.6""#,
            r#"for=203.0.113.9;host="x\\""#,
            r#"for=6.6.6.6;host="open, for=203.0.113.9;host="x,for=6.6.6.6""#,
            r#"for=203.0.113.9;host="x,for=6.6.6.6", for="10.0.0.2:80";host=",""#,
        ] {
            let client = proxies.client(&headers("forwarded", value), Some(ip("10.0.0.1")));
            assert_eq!(client, ClientAddress::Client(ip("203.0.113.9")), "{value}");
        }
        let line = HeaderValue::from_bytes(b"for=203.0.113.9;host=\"\xff\"").unwrap();
        let headers = HeaderMap::from_iter([(header::FORWARDED, line)]);
        let client = proxies.client(&headers, Some(ip("10.0.0.1")));
        assert_eq!(client, ClientAddress::Client(ip("203.0.113.9")));
    }

    #[test]
    fn a_header_that_is_not_the_named_one_is_ignored() {
        let proxies = behind(&["10.0.0.0/8"], "x-real-ip");
        let mut both = headers("x-forwarded-for", "6.6.6.6");
        let peer = Some(ip("10.0.0.1"));
        assert_eq!(
            proxies.client(&both, peer),
            ClientAddress::Proxy(ip("10.0.0.1"))
        );
        both.insert("x-real-ip", "203.0.113.9".parse().unwrap());
        let client = ClientAddress::Client(ip("203.0.113.9"));
        assert_eq!(proxies.client(&both, peer), client);
    }

    #[test]
    fn reading_stops_at_an_unreadable_entry() {
        let proxies = behind(&["10.0.0.0/8"], "x-forwarded-for");
        let value = headers("x-forwarded-for", "203.0.113.9, unknown, 10.0.0.2");
        let client = proxies.client(&value, Some(ip("10.0.0.1")));
        assert_eq!(client, ClientAddress::Proxy(ip("10.0.0.2")));
        assert_eq!(client.for_limits(), None);
    }

    #[test]
    fn bytes_of_the_client_do_not_make_an_entry_of_a_proxy_unreadable() {
        for (header, line) in [
            ("x-forwarded-for", &b"\xc3\xa9, 203.0.113.9"[..]),
            ("x-forwarded-for", b"\xff,203.0.113.9"),
            ("forwarded", b"for=\"\xff, for=203.0.113.9"),
        ] {
            let proxies = behind(&["10.0.0.0/8"], header);
            let line = HeaderValue::from_bytes(line).unwrap();
            let headers = HeaderMap::from_iter([(HeaderName::from_static(header), line)]);
            let client = proxies.client(&headers, Some(ip("10.0.0.1")));
            assert_eq!(client, ClientAddress::Client(ip("203.0.113.9")), "{header}");
        }
    }

    #[test]
    fn clients_behind_a_forgotten_proxy_share_no_limit_by_address() {
        let nobody = Proxies::default();
        for header in ["forwarded", "x-forwarded-for", "x-real-ip"] {
            let headers = headers(header, "203.0.113.9");
            for peer in ["127.0.0.1", "10.1.2.3", "100.64.0.1", "::1", "fd00::1"] {
                let client = nobody.client(&headers, Some(ip(peer)));
                assert_eq!(client, ClientAddress::Proxy(ip(peer)), "{header} {peer}");
                assert_eq!(client.for_limits(), None);
                // But it has a share of the places in the queue.
                assert_eq!(client.ip(), Some(ip(peer)));
                assert!(client.is_shared());
            }
            // A peer on the internet may have written such a header itself.
            let client = nobody.client(&headers, Some(ip("198.51.100.1")));
            assert_eq!(client.for_limits(), Some(ip("198.51.100.1")));
        }
        let direct = nobody.client(&HeaderMap::new(), Some(ip("10.1.2.3")));
        assert_eq!(direct.for_limits(), Some(ip("10.1.2.3")));
    }

    #[test]
    fn a_network_that_trusts_much_of_the_internet_is_refused() {
        for wide in [
            "0.0.0.0/0",
            "128.0.0.0/1",
            "::/0",
            "2000::/3",
            "::ffff:0:0/96",
        ] {
            assert!(network(wide).unwrap_err().contains("internet"), "{wide}");
        }
        assert!(network("2").unwrap_err().contains("10.0.0.0/8"));
        for (text, expected) in [
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("fc00::/7", "fc00::/7"),
            ("::1", "::1/128"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:10.1.2.3", "10.1.2.3/32"),
        ] {
            assert_eq!(network(text).unwrap().to_string(), expected);
        }
    }
}
