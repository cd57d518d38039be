//! OpenID Connect discovery: an issuer's document, which says where its keys are and what it signs with.
//!
//! The document must name the very issuer that was configured, and its keys must come over TLS like itself. May import what
//! fetches key sets and what errors quote.

use serde::Deserialize;
use tokio::time::Instant;
use url::Url;

use super::algorithm::{Algorithm, Algorithms};
use super::key_source::{FetchError, Fetcher, KeySetText, SourceError, check_url};
use super::token_error::quoted;

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
    pub(super) async fn read(&self, deadline: Instant) -> Result<KeySetText, SourceError> {
        let error = |cause| self.document.error(cause);
        let json = self.document.fetch(deadline).await?;
        let document: Document = serde_json::from_slice(&json).map_err(|_| error(FetchError::NoDocument))?;
        if document.issuer != self.issuer {
            return Err(error(FetchError::OtherIssuer(quoted(&document.issuer))));
        }
        let keys_url: Url = document.jwks_uri.parse().map_err(|_| error(FetchError::NoDocument))?;
        if check_url(&keys_url).is_err() || self.document.is_remote() && keys_url.scheme() != "https" {
            return Err(error(FetchError::UnsafeKeys));
        }
        let keys = Fetcher::new(&keys_url)?;
        let json = keys.fetch(deadline).await?;
        let discovered = Some(algorithms(document.id_token_signing_alg_values_supported));
        Ok(KeySetText { json, address: keys.address, discovered })
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
