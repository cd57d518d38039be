//! OpenID Connect discovery: an issuer's document, which says where its keys are and what it signs with.
//!
//! The document must name the very issuer that was configured, and its keys must come over TLS like itself. May import what
//! fetches key sets.

use serde::Deserialize;
use url::Url;

use super::algorithm::{Algorithm, Algorithms};
use super::key_source::{Fetcher, SourceError, check_url};

/// Where an issuer's document is (OpenID Connect Discovery 1.0, section 4.1).
const PATH: &str = "/.well-known/openid-configuration";

/// What an issuer signs with whose document does not say it (section 3: every provider supports it).
const DEFAULT: Algorithm = Algorithm::RS256;

/// The document of an issuer.
#[derive(Debug)]
pub(super) struct Discovery {
    issuer: String,
    document: Fetcher,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
    id_token_signing_alg_values_supported: Option<Vec<String>>,
}

/// The address of an issuer's document, if it may be fetched from there.
pub(super) fn document_url(issuer: &str) -> Result<Url, SourceError> {
    let url: Url = issuer.parse().map_err(|_| SourceError::NoDiscovery)?;
    if url.query().is_some() {
        return Err(SourceError::NoDiscovery);
    }
    let url: Url =
        format!("{}{PATH}", issuer.trim_end_matches('/')).parse().map_err(|_| SourceError::NoDiscovery)?;
    check_url(&url).map_err(|_| SourceError::NoDiscovery)?;
    Ok(url)
}

impl Discovery {
    /// The document of this issuer; it is read with each reading of the keys.
    pub(super) fn of(issuer: &str) -> Result<Self, SourceError> {
        Ok(Self { issuer: issuer.to_owned(), document: Fetcher::new(&document_url(issuer)?)? })
    }

    /// Reads the document, and then the keys that it points to. Gives the algorithms of the document, too.
    pub(super) async fn read(&self) -> Result<(Vec<u8>, Algorithms), SourceError> {
        let json = self.document.fetch().await.map_err(|error| match error {
            SourceError::Status(status) => SourceError::DiscoveryStatus(status),
            _ => SourceError::NoDocument,
        })?;
        let document: Document = serde_json::from_slice(&json).map_err(|_| SourceError::NoDocument)?;
        if document.issuer != self.issuer {
            return Err(SourceError::OtherIssuer);
        }
        let keys_url: Url = document.jwks_uri.parse().map_err(|_| SourceError::NoDocument)?;
        if self.document.is_remote() && keys_url.scheme() != "https" {
            return Err(SourceError::Insecure);
        }
        let keys = Fetcher::new(&keys_url)?.fetch().await?;
        Ok((keys, algorithms(document.id_token_signing_alg_values_supported)))
    }
}

/// The algorithms of a document. Those with a shared secret are for its clients, never for keys that everybody may read.
fn algorithms(names: Option<Vec<String>>) -> Algorithms {
    let Some(names) = names else { return DEFAULT.into() };
    Algorithms::asymmetric()
        .iter()
        .filter(|algorithm| names.iter().any(|name| name == algorithm.name()))
        .collect()
}
