//! Where a key set comes from: a file, or the address at which the issuer publishes it.
//!
//! An address is asked over TLS (plain HTTP only on this machine), follows no redirect, and its answer is taken whole,
//! with status 200 and within a bound, or not at all. May import the discovery of addresses.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use url::{Host, Url};

use super::algorithm::Algorithms;
use super::discovery::Discovery;

/// The most bytes of a key set. A hundred keys with their certificates have fewer.
const MAX_BYTES: usize = 256 * 1024;

type Body = Empty<&'static [u8]>;

/// Why a key set could not be got. Nothing of an answer or of a path stands in these texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The file is not there, is no file or may not be read.
    #[error("cannot read the file of the key set")]
    Unreadable,
    /// Neither https nor this machine.
    #[error(
        "the URL of a key set must be https, or http for localhost, 127.0.0.1 or [::1], and have no user, \
         password or fragment"
    )]
    Insecure,
    /// There is nothing to check the certificate of the issuer with.
    #[error("no certificate authorities are installed; install them, or set SSL_CERT_FILE")]
    NoAuthorities,
    /// No connection, no trusted certificate, or no whole answer.
    #[error("the URL of the key set does not respond")]
    NoAnswer,
    /// An answer, but another than 200.
    #[error("the URL of the key set returned status {0}")]
    Status(u16),
    /// More than anybody's keys need.
    #[error("the key set is larger than 256 KiB")]
    TooLarge,
    /// The issuer's name is no address of a discovery document.
    #[error(
        "the keys of the issuer cannot be discovered: its name must be an https URL (or http for localhost, 127.0.0.1 or \
         [::1]) without user, query and fragment; set jwks_url or another key"
    )]
    NoDiscovery,
    /// No connection, no trusted certificate, or no discovery document.
    #[error("there is no discovery document at the URL of the issuer with /.well-known/openid-configuration")]
    NoDocument,
    /// An answer, but another than 200.
    #[error("the URL of the discovery document returned status {0}")]
    DiscoveryStatus(u16),
    /// Somebody else's document.
    #[error(
        "the discovery document names another issuer; configure the issuer exactly as the document names it"
    )]
    OtherIssuer,
}

/// Where a key set comes from, ready to be read again and again.
#[derive(Debug)]
pub(super) enum Source {
    /// A file of this machine.
    File(PathBuf),
    /// The issuer's address.
    Url(Box<Fetcher>),
    /// The address in the issuer's discovery document.
    Discovery(Box<Discovery>),
}

/// Fetches one address.
#[derive(Debug)]
pub(super) enum Fetcher {
    /// On this machine.
    Local(Uri, Client<HttpConnector, Body>),
    /// Anywhere.
    Remote(Uri, Client<HttpsConnector<HttpConnector>, Body>),
}

impl Source {
    /// The issuer's address, if keys may come from there.
    pub(super) fn of_url(url: &Url) -> Result<Self, SourceError> {
        Ok(Self::Url(Box::new(Fetcher::new(url)?)))
    }

    /// Reads the set as it is now, and the algorithms of its issuer where it says which. Takes as long as it takes; the
    /// caller sets the bound.
    pub(super) async fn read(&self) -> Result<(Vec<u8>, Option<Algorithms>), SourceError> {
        match self {
            Self::File(path) => {
                let path = path.clone();
                let read = tokio::task::spawn_blocking(move || read_file(&path));
                Ok((read.await.map_err(|_| SourceError::Unreadable)??, None))
            }
            Self::Url(fetcher) => Ok((fetcher.fetch().await?, None)),
            Self::Discovery(discovery) => {
                let (keys, algorithms) = discovery.read().await?;
                Ok((keys, Some(algorithms)))
            }
        }
    }
}

impl Fetcher {
    /// Fetches this address, if keys may come from there.
    pub(super) fn new(url: &Url) -> Result<Self, SourceError> {
        check_url(url)?;
        let uri: Uri = url.as_str().parse().map_err(|_| SourceError::Insecure)?;
        // No connection is kept: the next question is minutes away.
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_max_idle_per_host(0);
        if url.scheme() == "http" {
            return Ok(Self::Local(uri, builder.build(HttpConnector::new())));
        }
        let connector =
            HttpsConnectorBuilder::new().with_native_roots().map_err(|_| SourceError::NoAuthorities)?;
        Ok(Self::Remote(uri, builder.build(connector.https_only().enable_http1().build())))
    }

    /// Whether the address is of another machine.
    pub(super) fn is_remote(&self) -> bool {
        matches!(self, Self::Remote(..))
    }

    /// Fetches the whole answer.
    pub(super) async fn fetch(&self) -> Result<Vec<u8>, SourceError> {
        match self {
            Self::Local(uri, client) => ask(client, uri).await,
            Self::Remote(uri, client) => ask(client, uri).await,
        }
    }
}

/// Whether keys may be fetched from a URL. A response modified in transit would allow forging every token.
pub(super) fn check_url(url: &Url) -> Result<(), SourceError> {
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let secure = url.has_host() && (url.scheme() == "https" || (url.scheme() == "http" && local));
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if secure && plain { Ok(()) } else { Err(SourceError::Insecure) }
}

/// Reads the file of a key set.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, SourceError> {
    let read = || -> io::Result<Vec<u8>> {
        // A pipe would never end.
        if !fs::metadata(path)?.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|_| SourceError::Unreadable)?;
    if bytes.len() > MAX_BYTES { Err(SourceError::TooLarge) } else { Ok(bytes) }
}

async fn ask<C>(client: &Client<C, Body>, uri: &Uri) -> Result<Vec<u8>, SourceError>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let request = Request::get(uri.clone())
        .header(header::ACCEPT, "application/jwk-set+json, application/json")
        .header(header::CACHE_CONTROL, "no-cache")
        .header(header::USER_AGENT, "contact-gateway")
        .body(Body::new())
        .map_err(|_| SourceError::Insecure)?;
    let answer = client.request(request).await.map_err(|_| SourceError::NoAnswer)?;
    if answer.status() != StatusCode::OK {
        return Err(SourceError::Status(answer.status().as_u16()));
    }
    let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
    let body = body.map_err(|error| match error.downcast::<LengthLimitError>() {
        Ok(_) => SourceError::TooLarge,
        Err(_) => SourceError::NoAnswer,
    })?;
    Ok(body.to_bytes().to_vec())
}
