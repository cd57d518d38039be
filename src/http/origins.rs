//! The origins of pages that may read responses and open WebSockets.

use url::{Host, Url};

/// The allowed origins.
#[derive(Clone, Debug, Default)]
pub struct AllowedOrigins {
    /// Those of the configuration, each exactly as browsers send it.
    pub listed: Vec<String>,
    /// Whether every origin of this machine is allowed too: `dev` does not know the port of a front end's server.
    pub loopback: bool,
}

impl AllowedOrigins {
    /// Whether pages of this origin are allowed.
    pub(super) fn contains(&self, origin: &str) -> bool {
        self.listed.iter().any(|listed| listed == origin) || (self.loopback && is_loopback(origin))
    }
}

/// Whether an origin is of this machine. Browsers resolve all names below `localhost` to it.
fn is_loopback(origin: &str) -> bool {
    let Ok(url) = Url::parse(origin) else { return false };
    matches!(url.scheme(), "http" | "https")
        && match url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_of_this_machine_are_recognized() {
        for origin in
            ["http://localhost:3000", "https://app.localhost", "http://127.0.0.1:5173", "http://[::1]"]
        {
            assert!(is_loopback(origin), "{origin}");
        }
        for origin in [
            "null",
            "https://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://10.0.0.1",
            "file://",
        ] {
            assert!(!is_loopback(origin), "{origin}");
        }
    }

    #[test]
    fn only_development_allows_all_of_this_machine() {
        let mut origins =
            AllowedOrigins { listed: vec!["https://app.example.com".to_owned()], loopback: false };
        assert!(origins.contains("https://app.example.com"));
        assert!(!origins.contains("http://localhost:3000"));
        origins.loopback = true;
        assert!(origins.contains("http://localhost:3000"));
        assert!(!origins.contains("https://example.com"));
    }
}
