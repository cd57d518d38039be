//! Where a key set comes from: a file, or the address at which the issuer publishes it.
//!
//! An address is asked over TLS (plain HTTP only on this machine), follows no redirect, and its answer is taken whole,
//! with status 200 and within a bound, or not at all. May import the discovery of addresses.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use tokio::time::{Instant, timeout_at};
use url::{Host, Url};

use super::algorithm::Algorithms;
use super::discovery::Discovery;

/// The most bytes of a key set. A hundred keys with their certificates have fewer.
const MAX_BYTES: usize = 256 * 1024;

type Body = Empty<&'static [u8]>;

/// Why a key set could not be got, for the log and the commands of the operator: addresses stand in these texts, without their
/// queries, which may have keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
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
    /// An address without a good answer.
    #[error("{address}: {cause}")]
    Fetch {
        /// The address.
        address: String,
        /// What came instead.
        cause: FetchError,
    },
    /// A file with more than anybody's keys need.
    #[error("the key set is larger than 256 KiB")]
    TooLarge,
    /// The issuer's name is no address of a discovery document.
    #[error(
        "the keys of the issuer cannot be discovered: its name must be an https URL (or http for localhost, 127.0.0.1 or \
         [::1]) without user, query and fragment; set jwks_url or another key"
    )]
    NoDiscovery,
}

/// What came from an address instead of a key set or a discovery document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// No connection, no trusted certificate, or no whole answer; with the text of the cause.
    #[error("no response ({0})")]
    NoResponse(String),
    /// Nothing in time.
    #[error("no whole response in time")]
    Timeout,
    /// An answer, but another than 200.
    #[error("status {0}")]
    Status(u16),
    /// More than anybody's keys need.
    #[error("the response is larger than 256 KiB")]
    TooLarge,
    /// Not a discovery document.
    #[error("not a discovery document (an object with the strings issuer and jwks_uri, a URL)")]
    NoDocument,
    /// Somebody else's document.
    #[error("the discovery document is of the issuer {0}; configure the issuer exactly as it is named there")]
    OtherIssuer(String),
    /// A document that points to keys on an unsafe way.
    #[error("the discovery document has a jwks_uri that is not https, or has a user, password or fragment")]
    UnsafeKeys,
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

/// A key set as it was read.
pub(super) struct KeySetText {
    pub(super) json: Vec<u8>,
    /// The file or the URL that it comes from.
    pub(super) address: String,
    /// The algorithms of the issuer, where its discovery document says which.
    pub(super) discovered: Option<Algorithms>,
}

/// Fetches one address.
#[derive(Debug)]
pub(super) struct Fetcher {
    uri: Uri,
    /// The address in errors.
    pub(super) address: String,
    client: HttpClient,
}

#[derive(Debug)]
enum HttpClient {
    /// Of this machine.
    Local(Client<HttpConnector, Body>),
    /// Of any.
    Remote(Client<HttpsConnector<HttpConnector>, Body>),
}

impl Source {
    /// The issuer's address, if keys may come from there.
    pub(super) fn of_url(url: &Url) -> Result<Self, SourceError> {
        Ok(Self::Url(Box::new(Fetcher::new(url)?)))
    }

    /// Reads the set as it is now, within this time.
    pub(super) async fn read(&self, patience: Duration) -> Result<KeySetText, SourceError> {
        let deadline = Instant::now() + patience;
        match self {
            Self::File(path) => {
                let file = path.clone();
                let read = timeout_at(deadline, tokio::task::spawn_blocking(move || read_file(&file))).await;
                let Ok(Ok(json)) = read else { return Err(SourceError::Unreadable) };
                Ok(KeySetText { json: json?, address: path.display().to_string(), discovered: None })
            }
            Self::Url(fetcher) => {
                let json = fetcher.fetch(deadline).await?;
                Ok(KeySetText { json, address: fetcher.address.clone(), discovered: None })
            }
            Self::Discovery(discovery) => discovery.read(deadline).await,
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
        let client = if url.scheme() == "http" {
            HttpClient::Local(builder.build(HttpConnector::new()))
        } else {
            let connector =
                HttpsConnectorBuilder::new().with_native_roots().map_err(|_| SourceError::NoAuthorities)?;
            HttpClient::Remote(builder.build(connector.https_only().enable_http1().build()))
        };
        Ok(Self { uri, address: without_query(url), client })
    }

    /// Whether the address is of another machine.
    pub(super) fn is_remote(&self) -> bool {
        matches!(self.client, HttpClient::Remote(_))
    }

    /// Fetches the whole answer.
    pub(super) async fn fetch(&self, deadline: Instant) -> Result<Vec<u8>, SourceError> {
        let fetched = async {
            match &self.client {
                HttpClient::Local(client) => ask(client, &self.uri).await,
                HttpClient::Remote(client) => ask(client, &self.uri).await,
            }
        };
        let fetched = timeout_at(deadline, fetched).await.unwrap_or(Err(FetchError::Timeout));
        fetched.map_err(|cause| self.error(cause))
    }

    /// An error of this address.
    pub(super) fn error(&self, cause: FetchError) -> SourceError {
        SourceError::Fetch { address: self.address.clone(), cause }
    }
}

/// A URL for people: its query, which may have a key, is hidden.
pub fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    if url.query().is_some() {
        url.set_query(Some("hidden"));
    }
    url.into()
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

async fn ask<C>(client: &Client<C, Body>, uri: &Uri) -> Result<Vec<u8>, FetchError>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let request = Request::get(uri.clone())
        .header(header::ACCEPT, "application/jwk-set+json, application/json")
        .header(header::CACHE_CONTROL, "no-cache")
        .header(header::USER_AGENT, "contact-gateway")
        .body(Body::new())
        .map_err(|error| no_response(&error))?;
    let answer = client.request(request).await.map_err(|error| no_response(&error))?;
    if answer.status() != StatusCode::OK {
        return Err(FetchError::Status(answer.status().as_u16()));
    }
    let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
    let body = body.map_err(|error| match error.downcast::<LengthLimitError>() {
        Ok(_) => FetchError::TooLarge,
        Err(error) => no_response(&*error),
    })?;
    Ok(body.to_bytes().to_vec())
}

/// The innermost cause: the outer errors only say that a request failed.
fn no_response(error: &(dyn Error + 'static)) -> FetchError {
    let cause = std::iter::successors(Some(error), |error| (**error).source()).last();
    FetchError::NoResponse(cause.map(ToString::to_string).unwrap_or_default())
}
