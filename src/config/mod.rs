//! Configuration: defaults, then one TOML file, then the environment; validated once, all problems together.
//!
//! The only place that reads environment variables. Secrets show neither in `Debug` nor in [`Config::print`]. Imports
//! `auth` for the types of keys, and nothing else of the crate. docs/configuration.md lists every setting.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::auth::{Exchange, IssuerConfig, KeyError, KeyMaterial, Provider, Signer};

pub use self::database_url::DatabaseUrl;
pub use self::development::{
    DEVELOPMENT_DATA_DIR, development_key, development_signer, existing_development_key,
};
pub use self::duration::parse_duration;
use self::duration::{retention_time, timeout, token_lifetime};
pub use self::error::{ConfigError, Problem};
pub use self::network::Network;
use self::network::networks;
use self::value::{
    address, bytes, collector, flag, forwarded, log_format, log_level, number, origins, points, text,
};

mod database_url;
mod development;
mod documents;
mod duration;
mod error;
mod issuers;
mod network;
mod read;
mod source;
#[cfg(test)]
mod tests;
mod value;

/// The configuration in force.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Config {
    /// `[http]`: addresses, features, timeouts and limits of HTTP.
    pub http: Http,
    /// `[database]`: the database and its limits.
    pub database: Database,
    /// `[auth]`: the issuers whose tokens are accepted.
    #[serde(skip_serializing_if = "Auth::is_empty")]
    pub auth: Auth,
    /// `[limits]`: limits of requests and subscriptions.
    pub limits: Limits,
    /// `[documents]`: persisted and trusted documents.
    pub documents: Documents,
    /// `[rate_limit]`: the points that each subject may spend over time.
    pub rate_limit: RateLimit,
    /// `[app_tokens]`: the exchange of application tokens.
    #[serde(skip_serializing_if = "AppTokens::is_off")]
    pub app_tokens: AppTokens,
    /// `[contacts]`: which contacts are accepted.
    pub contacts: Contacts,
    /// `[retention]`: how long old rows are kept.
    pub retention: Retention,
    /// `[metrics]`: where metrics are exported.
    #[serde(skip_serializing_if = "Metrics::is_off")]
    pub metrics: Metrics,
    /// `[telemetry]`: where traces are exported.
    #[serde(skip_serializing_if = "Telemetry::is_off")]
    pub telemetry: Telemetry,
    /// `[log]`: the format and level of the log.
    pub log: Log,
    /// Warnings about settings with old names, which are still read.
    #[serde(skip)]
    pub deprecated: Vec<String>,
}

/// Addresses, features, timeouts and limits of HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Http {
    /// The address to listen on.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// The origins whose pages may send requests, each exactly as browsers send it.
    #[serde(deserialize_with = "origins")]
    pub allowed_origins: Vec<String>,
    /// Whether pages of all origins of this machine may send requests too; not a setting, only true in development.
    #[serde(skip)]
    pub loopback_origins: bool,
    /// The proxies that are believed what they say about a client's address.
    #[serde(with = "networks")]
    pub trusted_proxies: Vec<Network>,
    /// The header in which they say it.
    #[serde(deserialize_with = "forwarded")]
    pub forwarded: ForwardedHeader,
    /// Whether GraphiQL is served at `/`.
    #[serde(deserialize_with = "flag")]
    pub graphiql: bool,
    /// Whether clients may use introspection.
    #[serde(deserialize_with = "flag")]
    pub introspection: bool,
    /// Whether responses are compressed for clients that accept it.
    #[serde(deserialize_with = "flag")]
    pub compression: bool,
    /// The maximum size of a request body in bytes.
    #[serde(deserialize_with = "bytes::<1024, 16_777_216, _, _>")]
    pub body_limit: usize,
    /// The maximum time to receive the head of a request.
    #[serde(with = "timeout")]
    pub header_timeout: Duration,
    /// The maximum time to receive the body of a request.
    #[serde(with = "timeout")]
    pub body_timeout: Duration,
    /// The maximum time for a client to receive each part of a response.
    #[serde(with = "timeout")]
    pub write_timeout: Duration,
    /// The maximum time for a client to receive a whole response, event or message.
    #[serde(with = "timeout")]
    pub response_timeout: Duration,
    /// The maximum time that a connection stays open without a request.
    #[serde(with = "timeout")]
    pub idle_timeout: Duration,
    /// The most connections that are open at once.
    #[serde(deserialize_with = "number::<1, 100_000, _, _>")]
    pub max_connections: usize,
    /// The maximum time for requests in flight after the signal to stop.
    #[serde(with = "timeout")]
    pub shutdown_timeout: Duration,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            allowed_origins: Vec::new(),
            loopback_origins: false,
            trusted_proxies: Vec::new(),
            forwarded: ForwardedHeader::XForwardedFor,
            graphiql: false,
            introspection: false,
            compression: true,
            body_limit: 1024 * 1024,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(10),
            response_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(60),
            max_connections: 4000,
            shutdown_timeout: Duration::from_secs(25),
        }
    }
}

/// The header in which a proxy says where a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The database and its limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Database {
    /// The address; [`Config::database_url`] returns it, or an error that says how to set it.
    pub url: Option<DatabaseUrl>,
    /// The most connections that are open at once.
    #[serde(deserialize_with = "number::<1, 1000, _, _>")]
    pub max_connections: u32,
    /// How long a request waits for a free connection.
    #[serde(with = "timeout")]
    pub acquire_timeout: Duration,
    /// How long one statement may take, where the database can stop it.
    #[serde(with = "timeout")]
    pub statement_timeout: Duration,
    /// Whether PostgreSQL also isolates the organizations by row level security.
    #[serde(deserialize_with = "flag")]
    pub row_level_security: bool,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: None,
            max_connections: 10,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(2),
            row_level_security: false,
        }
    }
}

/// The issuers whose tokens are accepted.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Auth {
    /// The issuers, each with its keys.
    pub issuers: Vec<Issuer>,
}

impl Auth {
    fn is_empty(&self) -> bool {
        self.issuers.is_empty()
    }
}

/// One issuer of tokens.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// The identity provider, whose defaults are among the rules.
    pub provider: Option<Provider>,
    /// Its name, its keys, and the rules for its tokens.
    pub verification: IssuerConfig,
    /// The file that the public key was read from.
    pub public_key_file: Option<PathBuf>,
    /// The file of the private key, which only the `token` command reads.
    pub private_key_file: Option<PathBuf>,
}

impl Issuer {
    /// The signer of tokens in the name of this issuer, if it has a secret and its tokens have the gateway's own form.
    pub fn secret_signer(&self) -> Option<Result<Signer, KeyError>> {
        let IssuerConfig { issuer, algorithms, key, .. } = &self.verification;
        let (KeyMaterial::Secret(secret), Some(audience)) = (key, self.verification.own_audience()) else {
            return None;
        };
        let algorithm = algorithms.iter().next()?;
        Some(Signer::with_secret_for(issuer, audience, algorithm, secret))
    }
}

/// Limits of requests and subscriptions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// The maximum time of a request.
    #[serde(with = "timeout")]
    pub request_timeout: Duration,
    /// The maximum number of requests in flight; more are rejected.
    #[serde(deserialize_with = "number::<1, 100_000, _, _>")]
    pub concurrency: usize,
    /// The most subscriptions that are open at once.
    #[serde(deserialize_with = "number::<1, 100_000, _, _>")]
    pub subscriptions: usize,
    /// The most open subscriptions of one subject, in all its organizations together.
    #[serde(deserialize_with = "number::<1, 100_000, _, _>")]
    pub subscriptions_per_caller: usize,
    /// The most open subscriptions of one organization.
    #[serde(deserialize_with = "number::<1, 100_000, _, _>")]
    pub subscriptions_per_organization: usize,
    /// The most tokens of a document.
    #[serde(deserialize_with = "number::<1, { Limits::MOST_OF_A_DOCUMENT as u64 }, _, _>")]
    pub document_tokens: usize,
    /// The most selections of a document, after its fragments are expanded.
    #[serde(deserialize_with = "number::<1, { Limits::MOST_OF_A_DOCUMENT as u64 }, _, _>")]
    pub document_fields: usize,
    /// The maximum depth of nested fields.
    #[serde(deserialize_with = "number::<1, { Limits::DEEPEST_DOCUMENT as u64 }, _, _>")]
    pub document_depth: usize,
    /// The most aliases of an operation.
    #[serde(deserialize_with = "number::<1, { Limits::MOST_OF_A_DOCUMENT as u64 }, _, _>")]
    pub document_aliases: usize,
    /// The most root fields of an operation.
    #[serde(deserialize_with = "number::<1, { Limits::MOST_OF_A_DOCUMENT as u64 }, _, _>")]
    pub document_root_fields: usize,
    /// The most directives of a document.
    #[serde(deserialize_with = "number::<1, { Limits::MOST_OF_A_DOCUMENT as u64 }, _, _>")]
    pub document_directives: usize,
    /// The maximum cost of a request in points.
    #[serde(deserialize_with = "points::<1, 10_000_000, _, _>")]
    pub cost: u64,
    /// The maximum size of a response in bytes.
    #[serde(deserialize_with = "number::<65_536, 1_073_741_824, _, _>")]
    pub response: usize,
    /// The memory budget in bytes for all responses, from execution until they are sent.
    #[serde(deserialize_with = "number::<1_048_576, 68_719_476_736, _, _>")]
    pub response_memory: usize,
    /// The memory budget in bytes for the bodies and variables of all requests.
    #[serde(deserialize_with = "number::<1_048_576, 68_719_476_736, _, _>")]
    pub request_memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(10),
            concurrency: 256,
            subscriptions: 5000,
            subscriptions_per_caller: 500,
            subscriptions_per_organization: 2500,
            document_tokens: 5000,
            document_fields: 5000,
            document_depth: 12,
            document_aliases: 30,
            document_root_fields: 20,
            document_directives: 10,
            cost: 500_000,
            response: 16 * 1024 * 1024,
            response_memory: 96 * 1024 * 1024,
            request_memory: 96 * 1024 * 1024,
        }
    }
}

impl Limits {
    /// The maximum of each limit of documents: ten times as much as is plenty.
    pub const MOST_OF_A_DOCUMENT: usize = 50_000;
    /// How many responses of the maximum size must fit into their memory: a response takes several times its size during
    /// execution, and a subject has half of the memory.
    pub const FEWEST_RESPONSES: usize = 6;
    /// How many bodies of the maximum size must fit into the memory of requests.
    pub const FEWEST_BODIES: usize = 6;
    /// The maximum of the limit of depth; deeper documents are never executed.
    pub const DEEPEST_DOCUMENT: usize = 32;
}

/// Persisted and trusted documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Documents {
    /// Whether clients may send a document once and refer to it by its hash afterwards.
    #[serde(deserialize_with = "flag")]
    pub automatic: bool,
    /// The trusted documents.
    pub manifest: Option<Manifest>,
    /// How other documents are handled.
    #[serde(deserialize_with = "documents::mode")]
    pub mode: TrustedDocumentsMode,
}

impl Default for Documents {
    fn default() -> Self {
        Self { automatic: true, manifest: None, mode: TrustedDocumentsMode::Off }
    }
}

/// Trusted documents, as their file has them. As a setting it is the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The file.
    pub file: PathBuf,
    /// The id and the text of each.
    pub documents: Vec<(String, String)>,
}

/// How documents that are not trusted are handled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrustedDocumentsMode {
    /// They are executed.
    #[default]
    Off,
    /// They are executed and logged.
    Log,
    /// They are rejected.
    Enforce,
}

/// How many points of cost each subject may spend in each organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RateLimit {
    /// How many points each subject regains per minute; 0 disables the limit.
    #[serde(deserialize_with = "points::<0, 1_000_000_000, _, _>")]
    pub points_per_minute: u32,
    /// The maximum number of points that can be spent at once; 0 while the limit is disabled.
    #[serde(deserialize_with = "points::<0, 1_000_000_000, _, _>", skip_serializing_if = "is_zero")]
    pub burst: u32,
    /// Points for each millisecond of database and server time; 0 charges only the estimate.
    #[serde(deserialize_with = "points::<0, 1000, _, _>")]
    pub points_per_millisecond: u32,
}

fn is_zero(points: &u32) -> bool {
    *points == 0
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { points_per_minute: 0, burst: 0, points_per_millisecond: 10 }
    }
}

/// The exchange of application tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AppTokens {
    /// The issuer that signs the tokens, one of `[auth]` with a secret; without one the exchange is disabled.
    #[serde(deserialize_with = "text")]
    pub issuer: Option<String>,
    /// The lifetime of such a token.
    #[serde(with = "token_lifetime")]
    pub lifetime: Duration,
    /// The maximum number of attempts per minute and address; 0 disables the limit.
    #[serde(deserialize_with = "number::<0, 1_000_000, _, _>")]
    pub attempts_per_minute: u32,
}

impl Default for AppTokens {
    fn default() -> Self {
        Self { issuer: None, lifetime: Duration::from_mins(15), attempts_per_minute: 20 }
    }
}

impl AppTokens {
    fn is_off(&self) -> bool {
        self.issuer.is_none()
    }
}

/// Which contacts are accepted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Contacts {
    /// Whether email addresses may have letters beyond ASCII in front of the `@` (SMTPUTF8).
    #[serde(deserialize_with = "flag")]
    pub smtputf8: bool,
}

/// How long old rows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Retention {
    /// Records of changes; `None` keeps them for ever.
    #[serde(with = "retention_time")]
    pub changes: Option<Duration>,
    /// Idempotency keys.
    #[serde(with = "retention_time")]
    pub idempotency_keys: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { changes: None, idempotency_keys: Duration::from_hours(7 * 24) }
    }
}

/// Where metrics are exported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metrics {
    /// The address of `/metrics`, `/healthz` and `/readyz`; there are no metrics without one.
    #[serde(deserialize_with = "address")]
    pub listen: Option<SocketAddr>,
}

impl Metrics {
    fn is_off(&self) -> bool {
        self.listen.is_none()
    }
}

/// Where traces are exported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Telemetry {
    /// The address of an OpenTelemetry collector; there are no traces without one.
    #[serde(deserialize_with = "collector")]
    pub otlp_endpoint: Option<String>,
}

impl Telemetry {
    fn is_off(&self) -> bool {
        self.otlp_endpoint.is_none()
    }
}

/// The format and level of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Log {
    /// The form of a line.
    #[serde(deserialize_with = "log_format")]
    pub format: LogFormat,
    /// A level, then optionally `target=level`, separated by commas.
    #[serde(deserialize_with = "log_level")]
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Json, level: "info".to_owned() }
    }
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For collectors: one JSON object a line.
    Json,
}

/// The variables of this process that may be settings. Variables that are not Unicode are ignored.
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with(source::ENVIRONMENT_PREFIX))
        .collect()
}

/// Reads the configuration for a command that needs only some of it.
pub fn load(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    read::read(file, environment, read::Needs::Nothing)
}

/// Reads only the address that the server listens on, so that a health check does not depend on other settings.
pub fn listen_address(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<SocketAddr, ConfigError> {
    read::listen_address(file, environment)
}

/// Reads the configuration for serving, for which a database and an issuer are required.
pub fn load_for_serving(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    read::read(file, environment, read::Needs::DatabaseAndIssuer)
}

impl Config {
    /// The configuration in force, as TOML with the secrets hidden.
    pub fn print(&self) -> String {
        toml::to_string(self)
            .unwrap_or_else(|error| format!("# The configuration cannot be printed: {error}\n"))
    }

    /// The issuers, for the verifier of tokens.
    pub fn issuers(&self) -> Vec<IssuerConfig> {
        self.auth.issuers.iter().map(|issuer| issuer.verification.clone()).collect()
    }

    /// The signer and the lifetime of exchanged tokens, if the exchange is enabled.
    pub fn exchange(&self) -> Result<Option<Exchange>, KeyError> {
        let signs = |issuer: &&Issuer| Some(&issuer.verification.issuer) == self.app_tokens.issuer.as_ref();
        let Some(signer) = self.auth.issuers.iter().find(signs).and_then(Issuer::secret_signer) else {
            return Ok(None);
        };
        Ok(Some(Exchange { signer: signer?, lifetime: self.app_tokens.lifetime }))
    }

    /// The address of the database, or the problem that there is none.
    pub fn database_url(&self) -> Result<&DatabaseUrl, ConfigError> {
        self.database.url.as_ref().ok_or_else(|| ConfigError::one("database.url", read::no_database()))
    }
}
