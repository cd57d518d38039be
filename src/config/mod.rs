//! Configuration: defaults, then one TOML file, then the environment; validated once, all problems together.
//!
//! The only place that reads environment variables. Secrets show neither in `Debug` nor in [`Config::print`]. Imports
//! `auth` for the types of keys, and nothing else of the crate. docs/configuration.md lists every setting.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::auth::{Exchange, IssuerKey, KeyError, KeyMaterial, Signer};

pub use self::database_url::DatabaseUrl;
pub use self::development::{DEVELOPMENT_DATA_DIR, development_key, development_signer};
pub use self::duration::parse_duration;
pub use self::error::{ConfigError, Problem};

mod database_url;
mod development;
mod documents;
mod duration;
mod error;
mod issuers;
mod print;
mod read;
mod source;
#[cfg(test)]
mod tests;

/// The configuration in force.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[http]`: where and how requests are taken.
    pub http: Http,
    /// `[database]`: where the data is.
    pub database: Database,
    /// `[auth]`: whose tokens are accepted.
    pub auth: Auth,
    /// `[limits]`: how much a request may cost.
    pub limits: Limits,
    /// `[documents]`: which documents are known by an id, and which are trusted.
    pub documents: Documents,
    /// `[rate_limit]`: how much a caller may ask for in a time.
    pub rate_limit: RateLimit,
    /// `[app_tokens]`: what programs exchange for tokens.
    pub app_tokens: AppTokens,
    /// `[retention]`: how long rows are kept that nobody asks for any more.
    pub retention: Retention,
    /// `[metrics]`: where metrics are exported.
    pub metrics: Metrics,
    /// `[log]`: what is written about it.
    pub log: Log,
    /// Warnings about settings with old names, which are still read.
    pub deprecated: Vec<String>,
}

/// Where and how requests are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The origins whose pages may call, each exactly as browsers send it.
    pub allowed_origins: Vec<String>,
    /// Whether GraphiQL is served at `/`.
    pub graphiql: bool,
    /// Whether the schema may be asked for by introspection.
    pub introspection: bool,
    /// Whether answers are compressed for clients that ask for that.
    pub compression: bool,
    /// The most bytes of a request body.
    pub body_limit: usize,
    /// How long the head of a request may take.
    pub header_timeout: Duration,
    /// How long the body of a request may take.
    pub body_timeout: Duration,
    /// How long a client may take for each part of an answer.
    pub write_timeout: Duration,
    /// How long a client may take for a whole answer, event or message.
    pub response_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// The most connections that are open at once.
    pub max_connections: usize,
    /// How long requests may still take after the signal to stop.
    pub shutdown_timeout: Duration,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            allowed_origins: Vec::new(),
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

/// Where the data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// The address; [`Config::database_url`] returns it, or an error that says how to set it.
    pub url: Option<DatabaseUrl>,
    /// The most connections that are open at once.
    pub max_connections: u32,
    /// How long a request waits for a free connection.
    pub acquire_timeout: Duration,
    /// How long one statement may take, where the database can stop it.
    pub statement_timeout: Duration,
    /// Whether PostgreSQL keeps requests inside their organization, besides the gateway itself.
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

/// Whose tokens are accepted.
#[derive(Debug, Clone, Default)]
pub struct Auth {
    /// The issuers, each with its one key.
    pub issuers: Vec<Issuer>,
}

/// One issuer of tokens.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// Its name, audience, algorithm and key.
    pub key: IssuerKey,
    /// The file that the public key was read from.
    pub public_key_file: Option<PathBuf>,
    /// The file of the private key, which only the `token` command reads.
    pub private_key_file: Option<PathBuf>,
}

/// How much a request may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long a request may take.
    pub request_timeout: Duration,
    /// How many requests are executed at once; the next one is refused.
    pub concurrency: usize,
    /// The most subscriptions that are open at once.
    pub subscriptions: usize,
    /// The most of them that a subject has open, in all its organizations together.
    pub subscriptions_per_caller: usize,
    /// The most of them that are open in an organization.
    pub subscriptions_per_organization: usize,
    /// The most tokens of a document.
    pub document_tokens: usize,
    /// The most selections of a document, once its fragments are spread.
    pub document_fields: usize,
    /// The most fields within fields.
    pub document_depth: usize,
    /// The most aliases of an operation.
    pub document_aliases: usize,
    /// The most fields of an operation that stand in no other field.
    pub document_root_fields: usize,
    /// The most directives of a document.
    pub document_directives: usize,
    /// The most points that a request may cost.
    pub cost: u64,
    /// The most bytes of a response.
    pub response: usize,
    /// The most bytes of memory for all responses, from their making until they are taken.
    pub response_memory: usize,
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
        }
    }
}

impl Limits {
    /// The most that a document may be allowed to have of anything: ten times as much as is plenty.
    pub const MOST_OF_A_DOCUMENT: usize = 50_000;
    /// How many responses of the most bytes their memory holds at least: a response takes several times its bytes while
    /// it is made, and a subject has half of the memory.
    pub const FEWEST_RESPONSES: usize = 6;
    /// The same for fields within fields; deeper documents are never executed.
    pub const DEEPEST_DOCUMENT: usize = 32;
}

/// Which documents are known by an id, and which are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documents {
    /// Whether clients may send a document once and name it by its hash from then on.
    pub automatic: bool,
    /// The trusted documents.
    pub manifest: Option<Manifest>,
    /// What happens to other documents.
    pub mode: TrustedDocumentsMode,
}

impl Default for Documents {
    fn default() -> Self {
        Self { automatic: true, manifest: None, mode: TrustedDocumentsMode::Off }
    }
}

/// Trusted documents, as their file has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The file.
    pub file: PathBuf,
    /// The id and the text of each.
    pub documents: Vec<(String, String)>,
}

/// What happens to documents that are not trusted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TrustedDocumentsMode {
    /// They are executed.
    #[default]
    Off,
    /// They are executed and logged.
    Log,
    /// They are refused.
    Enforce,
}

/// How many points of cost each subject may spend in each organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// How many points come back in a minute; with 0 nothing is limited.
    pub points_per_minute: u32,
    /// How many points may be spent at once.
    pub burst: u32,
    /// How many points a millisecond of database and server time costs; with 0 only the estimate counts.
    pub points_per_millisecond: u32,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { points_per_minute: 0, burst: 0, points_per_millisecond: 10 }
    }
}

/// What programs exchange for tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppTokens {
    /// The issuer that signs what application tokens are exchanged for, one of `[auth]` with a secret; none are
    /// exchanged without one.
    pub issuer: Option<String>,
    /// How long a token lives that an application token was exchanged for.
    pub lifetime: Duration,
    /// How often an address may try, each minute; with 0 nothing is limited.
    pub attempts_per_minute: u32,
}

impl Default for AppTokens {
    fn default() -> Self {
        Self { issuer: None, lifetime: Duration::from_mins(15), attempts_per_minute: 20 }
    }
}

/// How long rows are kept that nobody asks for any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Records of changes; `None` keeps them for ever.
    pub changes: Option<Duration>,
    /// Idempotency keys.
    pub idempotency_keys: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { changes: None, idempotency_keys: Duration::from_hours(7 * 24) }
    }
}

/// Where metrics are exported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metrics {
    /// The address of `/metrics`, `/healthz` and `/readyz`; there are no metrics without one.
    pub listen: Option<SocketAddr>,
}

/// What is written about requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The form of a line.
    pub format: LogFormat,
    /// How much is written: a level, then optionally `target=level`, separated by commas.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Json, level: "info".to_owned() }
    }
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For collectors: one JSON object a line.
    Json,
}

/// The variables of this process that may be settings. Those that are not Unicode are none.
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

/// Reads the configuration for serving, for which a database and an issuer are required.
pub fn load_for_serving(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    read::read(file, environment, read::Needs::DatabaseAndIssuer)
}

impl Config {
    /// The keys of the issuers, as the verifier of tokens takes them.
    pub fn issuer_keys(&self) -> Vec<IssuerKey> {
        self.auth.issuers.iter().map(|issuer| issuer.key.clone()).collect()
    }

    /// What application tokens are exchanged with, where the configuration says so.
    pub fn exchange(&self) -> Result<Option<Exchange>, KeyError> {
        let signs = |issuer: &&Issuer| Some(&issuer.key.issuer) == self.app_tokens.issuer.as_ref();
        let Some(Issuer { key, .. }) = self.auth.issuers.iter().find(signs) else { return Ok(None) };
        let KeyMaterial::Secret(secret) = &key.key else { return Err(KeyError::WrongKind(key.algorithm)) };
        let signer = Signer::with_secret(&key.issuer, &key.audience, secret)?;
        Ok(Some(Exchange { signer, lifetime: self.app_tokens.lifetime }))
    }

    /// The address of the database, or the problem that there is none.
    pub fn database_url(&self) -> Result<&DatabaseUrl, ConfigError> {
        self.database.url.as_ref().ok_or_else(|| ConfigError::one("database.url", read::no_database()))
    }
}
