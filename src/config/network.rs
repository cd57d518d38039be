//! Addresses and networks of proxies in settings, such as `10.0.0.0/8`.
//!
//! Imports `value`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserializer, Serialize, Serializer};

use super::value::list;

/// The addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// One of the addresses.
    pub address: IpAddr,
    /// How many bits are the same.
    pub prefix: u8,
}

/// The bits in front of an address of IPv4 that is written as one of IPv6 (`::ffff:192.0.2.1`).
const MAPPED_BITS: u8 = 96;

/// A text that is no address and no network.
#[derive(Debug, PartialEq, Eq)]
pub struct NoNetwork;

impl FromStr for Network {
    type Err = NoNetwork;

    fn from_str(text: &str) -> Result<Self, NoNetwork> {
        let (address, prefix) =
            text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| NoNetwork)?;
        let most: u8 = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(most), str::parse).map_err(|_| NoNetwork)?;
        match (address, address.to_canonical(), prefix.checked_sub(MAPPED_BITS)) {
            _ if prefix > most => Err(NoNetwork),
            // Peers are compared in this form too.
            (IpAddr::V6(_), canonical @ IpAddr::V4(_), Some(prefix)) => {
                Ok(Self { address: canonical, prefix })
            }
            _ => Ok(Self { address, prefix }),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// `#[serde(with = "networks")]`
pub(super) mod networks {
    use super::*;

    pub(in crate::config) fn serialize<S: Serializer>(
        networks: &[Network],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        networks.serialize(to)
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<Network>, D::Error> {
        list(from, "use an address or a network, for example 192.0.2.1 or 10.0.0.0/8", |text| {
            text.parse().ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_are_read_and_written() {
        for (text, written) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("192.0.2.1", "192.0.2.1/32"),
            ("::1", "::1/128"),
            ("fd00::/8", "fd00::/8"),
            ("::ffff:127.0.0.0/104", "127.0.0.0/8"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("::ffff:192.0.2.1", "192.0.2.1/32"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(text.parse::<Network>().expect("a network").to_string(), written);
        }
        for text in
            ["", "10.0.0.0/33", "10.0.0/8", "localhost", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.1:80"]
        {
            assert_eq!(text.parse::<Network>(), Err(NoNetwork), "{text}");
        }
    }
}
