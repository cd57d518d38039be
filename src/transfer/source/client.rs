//! Reading a REST API: over TLS, with limits, and again where the other side is busy or a connection was cut.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client as HyperClient,
        connect::{Connect, HttpConnector},
    },
    rt::TokioExecutor,
};
use serde_json::Value as Json;
use tokio::time::{sleep, timeout};
use url::{Host, Url};

/// The most bytes of a page.
const MAX_BYTES: usize = 64 << 20;
/// How long a page may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How often a page is requested while the source is busy or unreachable.
const ATTEMPTS: u32 = 8;
/// How long the first wait between two attempts is; each further one is twice as long.
const WAIT: Duration = Duration::from_millis(250);
/// The longest wait that a source may ask for.
const MAX_WAIT: Duration = Duration::from_secs(300);

/// Why a source cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Neither https nor this machine.
    #[error("the URL of the source must be https, or http for localhost, and have no user and no password")]
    Insecure,
    /// The token is no header value.
    #[error("the token has characters that no HTTP header can have")]
    Token,
    /// There is nothing to check the certificate of the source with.
    #[error("no certificate authorities are installed; install them, or set SSL_CERT_FILE")]
    NoAuthorities,
    /// No connection, no trusted certificate, or no whole answer, again and again.
    #[error("the source does not respond: {0}")]
    NoAnswer(String),
    /// An answer that repeating does not change.
    #[error("the source returned status {status} for {path}")]
    Status {
        /// The status.
        status: u16,
        /// The path of the request.
        path: String,
    },
    /// No JSON, or JSON of another shape.
    #[error("the answer of the source for {0} is not the documented list")]
    Shape(String),
    /// The organization of the source is needed for its paths.
    #[error("--source-org is required for this source")]
    NoOrganization,
}

type Body = Empty<&'static [u8]>;

enum Transport {
    Local(HyperClient<HttpConnector, Body>),
    Remote(HyperClient<HttpsConnector<HttpConnector>, Body>),
}

/// A client of one source.
pub(super) struct Client {
    transport: Transport,
    base: String,
    headers: HeaderMap,
}

/// An answer.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Json,
}

/// Why an attempt failed, and after how long the next one is made; `None` if none is.
struct Failure {
    error: SourceError,
    wait: Option<Duration>,
}

impl Client {
    pub(super) fn new(
        url: &Url,
        token: &str,
        more: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Result<Self, SourceError> {
        let is_local = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        let is_secure = url.scheme() == "https" || (url.scheme() == "http" && is_local);
        if !url.has_host() || !is_secure || !url.username().is_empty() || url.password().is_some() {
            return Err(SourceError::Insecure);
        }
        let transport = if url.scheme() == "http" {
            Transport::Local(HyperClient::builder(TokioExecutor::new()).build(HttpConnector::new()))
        } else {
            let connector =
                HttpsConnectorBuilder::new().with_native_roots().map_err(|_| SourceError::NoAuthorities)?;
            let connector = connector.https_only().enable_http1().build();
            Transport::Remote(HyperClient::builder(TokioExecutor::new()).build(connector))
        };
        let bearer =
            [("authorization", format!("Bearer {token}")), ("accept", "application/json".to_owned())];
        let mut headers = HeaderMap::new();
        for (name, value) in bearer.into_iter().chain(more) {
            let mut value = HeaderValue::from_str(&value).map_err(|_| SourceError::Token)?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        headers.insert(header::USER_AGENT, HeaderValue::from_static("contact-gateway"));
        Ok(Self { transport, base: url.as_str().trim_end_matches('/').to_owned(), headers })
    }

    /// Reads a page.
    pub(super) async fn get(&self, path: &str) -> Result<Answer, SourceError> {
        let mut attempts = 0;
        loop {
            let attempt = timeout(TIMEOUT, self.attempt(path)).await;
            let failure = match attempt {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(failure)) => failure,
                Err(_) => Failure::passing(&"the answer takes more than a minute", None),
            };
            attempts += 1;
            let Some(wait) = failure.wait.filter(|_| attempts < ATTEMPTS) else { return Err(failure.error) };
            sleep(wait.max(WAIT * 2_u32.pow(attempts - 1)).min(MAX_WAIT)).await;
        }
    }

    async fn attempt(&self, path: &str) -> Result<Answer, Failure> {
        match &self.transport {
            Transport::Local(client) => self.send(client, path).await,
            Transport::Remote(client) => self.send(client, path).await,
        }
    }

    async fn send<C>(&self, client: &HyperClient<C, Body>, path: &str) -> Result<Answer, Failure>
    where
        C: Connect + Clone + Send + Sync + 'static,
    {
        let uri: Uri =
            format!("{}{path}", self.base).parse().map_err(|_| Failure::lasting(SourceError::Insecure))?;
        let mut request = Request::new(Body::new());
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers.clone();
        let answer = client.request(request).await.map_err(|error| Failure::passing(&error, None))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            let wait = requested_wait(&headers);
            return Err(Failure::passing(&format_args!("status {status}"), wait));
        }
        let of_path = || path.split('?').next().unwrap_or(path).to_owned();
        if status != StatusCode::OK {
            let error = SourceError::Status { status: status.as_u16(), path: of_path() };
            return Err(Failure::lasting(error));
        }
        let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
        let body = body.map_err(|error| Failure::passing(&error, None))?.to_bytes();
        let body =
            serde_json::from_slice(&body).map_err(|_| Failure::lasting(SourceError::Shape(of_path())))?;
        Ok(Answer { headers, body })
    }
}

impl Failure {
    fn passing(reason: &dyn fmt::Display, wait: Option<Duration>) -> Self {
        let wait = Some(wait.unwrap_or_default());
        Self { error: SourceError::NoAnswer(reason.to_string()), wait }
    }

    fn lasting(error: SourceError) -> Self {
        Self { error, wait: None }
    }
}

/// How long the source asks to wait: `Retry-After` in seconds, or the time at which its limit begins anew.
fn requested_wait(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    if let Some(seconds) = number("retry-after") {
        return Some(Duration::from_secs(seconds));
    }
    let reset = UNIX_EPOCH.checked_add(Duration::from_secs(number("x-ratelimit-reset")?))?;
    reset.duration_since(SystemTime::now()).ok()
}
