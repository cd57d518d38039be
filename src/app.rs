//! What a running gateway consists of, built the same way by the binary and by the tests.

mod reload;

use std::{fmt, num::NonZeroU32, path::PathBuf, sync::Arc, time::Duration};

use axum::Router;
use chrono::Utc;
use sea_orm::DbErr;

pub use self::reload::Reloader;
use crate::{
    auth::{IssuerConfig, KeyError, Organizations, TokenVerifier},
    config::{self, Config, ConfigError, Limits},
    graphql::{
        self, Introspection,
        document::{Budgets, Documents, ManifestEntryError, Trusted},
    },
    http::{
        self,
        admission::{self, AdmissionControl},
        client_address::{ForwardedHeader, TrustedProxies},
        health::Stopping,
        metrics::{Metrics, Present},
        origins::AllowedOrigins,
        playground,
        rate_limit::RateLimit,
        request_memory::RequestMemory,
        server::{self, Routes, Stats},
        state::{AppState, Settings},
        subscription_memory::SubscriptionMemoryLimiter,
    },
    service::{
        Database,
        background_worker::BackgroundWorker,
        database::DatabaseOptions,
        events::{Feed, SubscriptionLimits},
        external_ids,
        maintenance::{Maintenance, Retention},
        response_memory::{ResponseLimits, ResponseMemory},
        sqlite_log,
    },
};

/// A gateway that is ready to be served.
pub struct App {
    /// Its routes.
    pub router: Routes,
    /// The routes for those who run it.
    pub operator_router: Routes,
    /// Replaces its configuration.
    pub reloader: Reloader,
    /// What its listeners grant.
    pub server: server::Options,
    /// The connections of the listener for everybody.
    pub connections: Arc<Stats>,
    /// Called before the process stops.
    pub stopping: Stopping,
    /// Its database.
    pub db: Database,
    /// What it does in the background, until this is dropped.
    pub maintenance: Maintenance,
}

impl App {
    /// Builds a gateway over a database. GraphiQL is served where the configuration enables it, signed in where
    /// `session` holds a token.
    pub async fn new(
        config: &Config,
        db: Database,
        session: playground::Session,
    ) -> Result<Self, StartError> {
        let introspection = introspection(config);
        let documents = documents(config, introspection)?;
        // Where the process before this one ended between an erasure and this.
        sqlite_log::empty(&db).await;
        warn_of_unknown_organizations(&db, config).await;
        let permits = admission::concurrent_permits(&db);
        let admission = Arc::new(AdmissionControl::new(config.limits.concurrency, permits));
        let connections = Arc::<Stats>::default();
        let feed = Arc::new(Feed::new(&db, subscription_limits(&config.limits)));
        let maintenance = Maintenance::start(&db, retention(config), Utc::now);
        let worker = BackgroundWorker::start(&db, Utc::now);
        let response_memory = Arc::new(ResponseMemory::new(ResponseLimits {
            response: config.limits.response,
            memory: config.limits.response_memory,
        }));
        let request_memory = Arc::new(RequestMemory::new(config.limits.request_memory));
        let metrics = Metrics::new(Present {
            db: db.clone(),
            feed: Arc::clone(&feed),
            admission: Arc::clone(&admission),
            connections: Arc::clone(&connections),
            backlog: worker.backlog(),
            request_memory: Arc::clone(&request_memory),
            response_memory: Arc::clone(&response_memory),
            maintenance: Arc::clone(&maintenance.stats),
        });
        let state = AppState {
            db: db.clone(),
            schema: graphql::schema(introspection),
            counting_schema: graphql::counting_schema(introspection),
            schema_index: graphql::schema_index(),
            sdl: graphql::sdl(),
            documents: Arc::new(documents),
            untrusted: Arc::default(),
            verifier: Arc::new(TokenVerifier::new(config.issuers())?),
            settings: http_settings(config),
            admission,
            feed,
            worker: Arc::new(worker),
            subscription_memory: Arc::new(SubscriptionMemoryLimiter::new(config.limits.subscriptions)),
            request_memory,
            response_memory,
            metrics: Arc::new(metrics),
            rate_limit: rate_limit(&config.rate_limit).map(Arc::new),
            attempts: attempts(&config.app_tokens).map(Arc::new),
            exchange: config.exchange()?.map(Arc::new),
            stopping: Stopping::default(),
        };
        let state = Arc::new(state);
        let router = Routes::from(Self::public_router(config, Arc::clone(&state), &session));
        let operator_router = Routes::from(http::operator_router(Arc::clone(&state)));
        let routes = (router.clone(), operator_router.clone());
        Ok(Self {
            stopping: state.stopping.clone(),
            operator_router,
            router,
            reloader: Reloader::new(config.clone(), state, session, routes),
            server: server_options(&config.http),
            connections,
            db,
            maintenance,
        })
    }

    fn public_router(config: &Config, state: Arc<AppState>, session: &playground::Session) -> Router {
        http::router(state, config.http.graphiql.then(|| session.clone()))
    }
}

/// Warns of issuers whose tokens are all for an organization that does not exist: no write with them can succeed.
async fn warn_of_unknown_organizations(db: &Database, config: &Config) {
    for IssuerConfig { issuer, rules, .. } in config.issuers() {
        let Organizations::Fixed(name) = &rules.mapping.organizations else { continue };
        // A database that does not respond has its own errors.
        if matches!(external_ids::find(db, name).await, Ok(None)) {
            tracing::warn!(
                issuer,
                organization = %name,
                "the organization of an issuer does not exist; create it, or change the setting organization of the issuer"
            );
        }
    }
}

fn introspection(config: &Config) -> Introspection {
    if config.http.introspection { Introspection::On } else { Introspection::Off }
}

/// The settings of the HTTP layer.
fn http_settings(config: &Config) -> Settings {
    Settings {
        proxies: Arc::new(trusted_proxies(&config.http)),
        allowed_origins: AllowedOrigins {
            listed: config.http.allowed_origins.clone(),
            loopback: config.http.loopback_origins,
        },
        introspection: config.http.introspection,
        body_limit: config.http.body_limit,
        compression: config.http.compression,
        smtputf8: config.contacts.smtputf8,
        cost_limit: config.limits.cost,
        request_timeout: config.limits.request_timeout,
        body_timeout: config.http.body_timeout,
        write_timeout: config.http.write_timeout,
        response_timeout: config.http.response_timeout,
    }
}

fn trusted_proxies(http: &config::Http) -> TrustedProxies {
    let networks = http.trusted_proxies.iter().map(|network| (network.address, network.prefix));
    let header = match http.forwarded {
        config::ForwardedHeader::XForwardedFor => ForwardedHeader::XForwardedFor,
        config::ForwardedHeader::Forwarded => ForwardedHeader::Forwarded,
    };
    TrustedProxies::new(networks, header)
}

fn server_options(http: &config::Http) -> server::Options {
    server::Options {
        header_timeout: http.header_timeout,
        idle_timeout: http.idle_timeout,
        write_timeout: http.write_timeout,
        response_timeout: http.response_timeout,
        shutdown_timeout: http.shutdown_timeout,
        max_connections: http.max_connections,
    }
}

fn subscription_limits(limits: &Limits) -> SubscriptionLimits {
    SubscriptionLimits {
        total: limits.subscriptions,
        of_subject: limits.subscriptions_per_caller,
        of_organization: limits.subscriptions_per_organization,
    }
}

fn rate_limit(config: &config::RateLimit) -> Option<RateLimit> {
    let (points_per_minute, burst) =
        (NonZeroU32::new(config.points_per_minute)?, NonZeroU32::new(config.burst)?);
    Some(RateLimit::new(points_per_minute, burst).with_price(config.points_per_millisecond))
}

fn attempts(config: &config::AppTokens) -> Option<RateLimit> {
    let attempts = NonZeroU32::new(config.attempts_per_minute)?;
    Some(RateLimit::new(attempts, attempts))
}

/// How long rows are kept, as the service has it.
pub fn retention(config: &Config) -> Retention {
    let config::Retention { changes, idempotency_keys } = config.retention;
    Retention { changes, idempotency_keys }
}

fn budgets(limits: &Limits) -> Budgets {
    Budgets {
        tokens: limits.document_tokens,
        fields: limits.document_fields,
        depth: limits.document_depth,
        aliases: limits.document_aliases,
        root_fields: limits.document_root_fields,
        directives: limits.document_directives,
    }
}

/// Trusted documents come from the operator's own build: they may be as large as a document may ever be allowed to be.
const TRUSTED_BUDGETS: Budgets = Budgets {
    tokens: Limits::MOST_OF_A_DOCUMENT,
    fields: Limits::MOST_OF_A_DOCUMENT,
    depth: Limits::DEEPEST_DOCUMENT,
    aliases: Limits::MOST_OF_A_DOCUMENT,
    root_fields: Limits::MOST_OF_A_DOCUMENT,
    directives: Limits::MOST_OF_A_DOCUMENT,
};

fn documents(config: &Config, introspection: Introspection) -> Result<Documents, StartError> {
    let mut documents = Documents::new(budgets(&config.limits), introspection);
    if config.documents.automatic {
        documents = documents.with_automatic();
    }
    let Some(manifest) = &config.documents.manifest else { return Ok(documents) };
    let trusted = Trusted::new(&manifest.documents, &TRUSTED_BUDGETS, introspection)
        .map_err(|faults| StartError::Manifest(ManifestError { file: manifest.file.clone(), faults }))?;
    Ok(documents.with_trusted(trusted, config.documents.mode))
}

/// Why a gateway cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A key of an issuer cannot be used.
    #[error("auth.issuers: {0}")]
    Key(#[from] KeyError),
    /// A reload would leave the gateway without keys.
    #[error("auth.issuers: the keys of no issuer can be read; check that the URLs of the key sets respond")]
    NoKeys,
    /// A document of the manifest cannot be trusted.
    #[error("{0}")]
    Manifest(ManifestError),
}

/// What is wrong with the documents of a manifest.
#[derive(Debug)]
pub struct ManifestError {
    /// The file.
    pub file: PathBuf,
    /// The documents.
    pub faults: Vec<ManifestEntryError>,
}

/// The most documents that are reported.
const TOLD_FAULTS: usize = 20;

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        write!(f, "documents.manifest: {file} has invalid documents; generate the file again:")?;
        self.faults.iter().take(TOLD_FAULTS).try_for_each(|fault| write!(f, "\n  {fault}"))?;
        match self.faults.len().saturating_sub(TOLD_FAULTS) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

/// Why the database of a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The configuration names none.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It does not answer, or not as a database.
    #[error("cannot connect to the database of database.url: {0}")]
    Unreachable(#[source] DbErr),
}

/// How long a writer of SQLite waits for another process to finish its transaction.
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens the database of a configuration.
pub async fn connect(config: &Config) -> Result<Database, ConnectError> {
    let options = DatabaseOptions {
        url: config.database_url()?.expose().to_owned(),
        max_connections: config.database.max_connections,
        acquire_timeout: config.database.acquire_timeout,
        statement_timeout: config.database.statement_timeout,
        row_level_security: config.database.row_level_security,
        sqlite_busy_timeout: SQLITE_BUSY_TIMEOUT,
    };
    Database::connect(&options).await.map_err(ConnectError::Unreachable)
}
