//! The address of the client of a request: that of the connection, or the one that trusted proxies report.
//!
//! A proxy appends the address that it saw, so the list is read from its end, for as long as the addresses are those of
//! trusted proxies. What stands before them was written by the client itself.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, header};

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClientAddress(pub(super) IpAddr);

/// The header in which proxies report addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The proxies that are believed.
#[derive(Clone, Debug)]
pub struct TrustedProxies {
    /// Networks: an address, and how many of its bits count.
    networks: Vec<(IpAddr, u8)>,
    header: ForwardedHeader,
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

impl TrustedProxies {
    /// The proxies in these networks, each an address and a number of bits.
    pub fn new(networks: impl IntoIterator<Item = (IpAddr, u8)>, header: ForwardedHeader) -> Self {
        Self { networks: networks.into_iter().collect(), header }
    }

    /// The client of a request that came over a connection from `peer`.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.trusts(client) {
            return client;
        }
        for hop in self.hops(headers) {
            // What is no address hides everything before it.
            let Some(address) = address(&hop) else { break };
            client = address.to_canonical();
            if !self.trusts(client) {
                break;
            }
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|(network, bits)| contains(*network, *bits, address))
    }

    /// What the header says, the last proxy first. Several lines are one list. Bytes beyond ASCII belong to no address.
    fn hops(&self, headers: &HeaderMap) -> Vec<String> {
        let (name, split): (HeaderName, fn(&str) -> Vec<String>) = match self.header {
            ForwardedHeader::XForwardedFor => {
                (X_FORWARDED_FOR, |line| line.rsplit(',').map(|item| item.trim().to_owned()).collect())
            }
            ForwardedHeader::Forwarded => (header::FORWARDED, |line| {
                rsplit_unquoted(line, ',').into_iter().map(forwarded_for).collect()
            }),
        };
        let lines = headers.get_all(name).into_iter().rev();
        lines.flat_map(|line| split(&String::from_utf8_lossy(line.as_bytes()))).collect()
    }
}

/// The node of the `for` parameter of an element (RFC 7239). An element without one, or with two, hides where the request came
/// from.
fn forwarded_for(element: &str) -> String {
    let mut nodes = rsplit_unquoted(element, ';').into_iter().filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| unquoted(value.trim()))
    });
    nodes.next().filter(|_| nodes.next().is_none()).unwrap_or_default()
}

/// The parts of a text between separators that are in no quoted string, the last first. The text is read from its end, which
/// a proxy has written, so that a quotation mark of the client cannot change what the proxy says.
fn rsplit_unquoted(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut end, mut is_quoted) = (Vec::new(), text.len(), false);
    for (position, c) in text.char_indices().rev() {
        if c == '"' {
            is_quoted = !is_quoted || is_escaped(&text[..position]);
        } else if c == separator && !is_quoted {
            parts.push(&text[position + 1..end]);
            end = position;
        }
    }
    parts.push(&text[..end]);
    parts
}

/// Whether the character after this text is escaped: an odd number of backslashes is before it.
fn is_escaped(before: &str) -> bool {
    (before.len() - before.trim_end_matches('\\').len()) % 2 == 1
}

/// The value of a parameter: a token, or the content of a quoted string.
fn unquoted(value: &str) -> String {
    let Some(content) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut chars = content.chars();
    std::iter::from_fn(|| chars.next().and_then(|c| if c == '\\' { chars.next() } else { Some(c) })).collect()
}

/// An address, also with a port, and of IPv6 also in brackets.
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        let is_port = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_number);
        return address.parse().ok().filter(|_| is_port);
    }
    let (address, port) = text.rsplit_once(':')?;
    address.parse().ok().filter(|address: &IpAddr| address.is_ipv4() && is_number(port))
}

fn is_number(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

fn contains(network: IpAddr, bits: u8, address: IpAddr) -> bool {
    let same = |one: u128, other: u128, length: u32| {
        (one ^ other).checked_shr(length - u32::from(bits)).unwrap_or(0) == 0
    };
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            same(u32::from(network).into(), u32::from(address).into(), u32::BITS)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => same(network.into(), address.into(), u128::BITS),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(header: ForwardedHeader) -> TrustedProxies {
        let networks = [("10.0.0.0", 8), ("192.0.2.7", 32), ("fd00::", 8)];
        TrustedProxies::new(networks.map(|(address, bits)| (ip(address), bits)), header)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn client(header: ForwardedHeader, peer: &str, lines: &[&str]) -> String {
        let name = if header == ForwardedHeader::Forwarded { header::FORWARDED } else { X_FORWARDED_FOR };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(&name, line.parse().expect("a value"));
        }
        proxies(header).client(ip(peer), &headers).to_string()
    }

    #[test]
    fn the_last_address_that_is_no_proxy_is_the_client() {
        let of = |peer, lines: &[&str]| client(ForwardedHeader::XForwardedFor, peer, lines);
        assert_eq!(of("10.1.2.3", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(of("10.1.2.3", &["198.51.100.1, 10.9.9.9"]), "198.51.100.1");
        // A client wrote the first one.
        assert_eq!(of("10.1.2.3", &["203.0.113.9, 198.51.100.1, 192.0.2.7"]), "198.51.100.1");
        assert_eq!(of("10.1.2.3", &["203.0.113.9", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(of("::ffff:10.1.2.3", &["198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(of("fd00::1", &["[2001:db8::1]:4711"]), "2001:db8::1");
        // All of them are proxies.
        assert_eq!(of("10.1.2.3", &["10.0.0.1, 10.0.0.2"]), "10.0.0.1");
        assert_eq!(of("10.1.2.3", &[]), "10.1.2.3");
    }

    #[test]
    fn bytes_that_are_no_text_hide_only_what_is_before_them() {
        let of = |kind, lines: &[&[u8]]| {
            let name = if kind == ForwardedHeader::Forwarded { header::FORWARDED } else { X_FORWARDED_FOR };
            let values = lines.iter().map(|line| axum::http::HeaderValue::from_bytes(line).expect("a value"));
            let headers = values.fold(HeaderMap::new(), |mut headers, value| {
                headers.append(&name, value);
                headers
            });
            proxies(kind).client(ip("10.1.2.3"), &headers).to_string()
        };
        let list = |lines: &[&[u8]]| of(ForwardedHeader::XForwardedFor, lines);
        assert_eq!(list(&[b"\xe9, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(list(&[b"\xe9", b"198.51.100.1"]), "198.51.100.1");
        assert_eq!(list(&[b"198.51.100.1, \xe9"]), "10.1.2.3");
        assert_eq!(of(ForwardedHeader::Forwarded, &[b"for=\xe9, for=198.51.100.1"]), "198.51.100.1");
    }

    #[test]
    fn nobody_else_is_believed() {
        let of = |peer, lines: &[&str]| client(ForwardedHeader::XForwardedFor, peer, lines);
        for peer in ["198.51.100.1", "192.0.2.8", "11.0.0.1", "fe80::1"] {
            assert_eq!(of(peer, &["203.0.113.9"]), peer);
        }
        for hidden in ["unknown", "", "203.0.113.9, x", "203.0.113.9, 10.0.0.256", "203.0.113.9,"] {
            assert_eq!(of("10.1.2.3", &[hidden]), "10.1.2.3", "{hidden}");
        }
        let none = TrustedProxies::new([], ForwardedHeader::XForwardedFor);
        let headers = HeaderMap::from_iter([(X_FORWARDED_FOR, "203.0.113.9".parse().expect("a value"))]);
        assert_eq!(none.client(ip("10.1.2.3"), &headers), ip("10.1.2.3"));
    }

    #[test]
    fn the_header_of_rfc_7239_has_parameters() {
        let of = |lines: &[&str]| client(ForwardedHeader::Forwarded, "10.1.2.3", lines);
        assert_eq!(of(&["for=198.51.100.1;proto=https;by=10.0.0.1"]), "198.51.100.1");
        assert_eq!(of(&["For=\"[2001:db8::1]:4711\""]), "2001:db8::1");
        assert_eq!(of(&["for=203.0.113.9, proto=http;FOR=\"198.51.100.1:80\""]), "198.51.100.1");
        for hidden in
            ["for=_hidden", "for=unknown", "proto=https", "for=", "for=198.51.100.1;for=203.0.113.9"]
        {
            assert_eq!(of(&[hidden]), "10.1.2.3", "{hidden}");
        }
    }

    #[test]
    fn separators_in_quoted_strings_separate_nothing() {
        let of = |line: &str| client(ForwardedHeader::Forwarded, "10.1.2.3", &[line]);
        for (line, expected) in [
            (r#"host="x;for=203.0.113.9";for=198.51.100.1"#, "198.51.100.1"),
            (r#"for=198.51.100.1;host="a,b""#, "198.51.100.1"),
            (r#"for=198.51.100.1;host="a\",for=203.0.113.9""#, "198.51.100.1"),
            (r#"for="198.\51.100.1""#, "198.51.100.1"),
            (r#"for="_x, for=203.0.113.9""#, "10.1.2.3"),
            // What a client wrote before, with a quotation mark that it does not close.
            (r#"for="203.0.113.9, for=198.51.100.1"#, "198.51.100.1"),
            (r#"for="x, for="[2001:db8::1]:4711""#, "2001:db8::1"),
            (r#"for="x\, for="198.51.100.1:80""#, "198.51.100.1"),
        ] {
            assert_eq!(of(line), expected, "{line}");
        }
    }

    #[test]
    fn networks_have_any_number_of_bits() {
        assert!(contains(ip("0.0.0.0"), 0, ip("203.0.113.9")) && contains(ip("::"), 0, ip("2001:db8::1")));
        assert!(
            contains(ip("10.1.2.3"), 31, ip("10.1.2.2")) && !contains(ip("10.1.2.3"), 32, ip("10.1.2.2"))
        );
        assert!(!contains(ip("::"), 0, ip("10.1.2.3")) && !contains(ip("0.0.0.0"), 0, ip("::1")));
    }
}
