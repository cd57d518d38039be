//! What a running gateway consists of, built the same way by the binary and by the tests.

use std::{fmt, num::NonZeroU32, path::PathBuf, sync::Arc, time::Duration};

use axum::Router;
use chrono::Utc;
use sea_orm::DbErr;

use crate::{
    auth::{Exchange, KeyError, TokenVerifier},
    config::{self, Config, ConfigError, Limits},
    graphql::{
        self, Introspection, Schema,
        document::{Budgets, Documents, ManifestEntryError, Trusted},
        schema_index::SchemaIndex,
    },
    http::{
        self,
        health::Stopping,
        metrics::{Metrics, Present},
        overload::{self, Places},
        playground,
        rate_limit::RateLimit,
        room::Room,
        server::{self, Stats},
        untrusted::UntrustedLog,
    },
    service::{
        Database,
        background::BackgroundWorker,
        database::DatabaseOptions,
        events::{Feed, SubscriptionLimits},
        maintenance::{Maintenance, Retention},
        response_memory::{ResponseLimits, ResponseMemory},
        sqlite_log,
    },
};

/// What request handlers share.
pub struct AppState {
    /// The database.
    pub db: Database,
    /// The GraphQL schema.
    pub schema: Schema,
    /// The same schema, for operations whose responses may become large.
    pub counting_schema: Schema,
    /// The schema in its definition language.
    pub sdl: &'static str,
    /// The types of its fields.
    pub schema_index: &'static SchemaIndex,
    /// The documents that are trusted, and those that clients sent lately.
    pub documents: Documents,
    /// Where it is told of documents that are not trusted.
    pub untrusted: UntrustedLog,
    /// Who may issue tokens.
    pub verifier: TokenVerifier,
    /// How the edge behaves.
    pub settings: Settings,
    /// The places of the requests that are under way.
    pub places: Arc<Places>,
    /// What is told to subscribers.
    pub feed: Arc<Feed>,
    /// The room for what is subscribed to.
    pub room: Room,
    /// The memory of all responses.
    pub response_memory: Arc<ResponseMemory>,
    /// Does what writes leave for later.
    pub worker: BackgroundWorker,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How many points of cost each caller may spend, where that is limited.
    pub rate_limit: Option<RateLimit>,
    /// How often an address may try to exchange application tokens, where that is limited.
    pub attempts: Option<RateLimit>,
    /// What application tokens are exchanged with, where they are.
    pub exchange: Option<Exchange>,
    /// Whether the process was told to stop.
    pub stopping: Stopping,
}

/// The part of the configuration that request handlers need.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Origins whose pages may read answers.
    pub allowed_origins: Vec<String>,
    /// Whether the schema answers questions about itself.
    pub introspection: bool,
    /// The most bytes that a body may have.
    pub body_limit: usize,
    /// Whether answers are compressed for those who ask for that.
    pub compression: bool,
    /// The most points that a request may cost.
    pub cost_limit: u64,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// How long its body may take to arrive.
    pub body_timeout: Duration,
    /// How long a client may take for each part of a message.
    pub write_timeout: Duration,
    /// How long a client may take for a whole message.
    pub response_timeout: Duration,
}

/// A gateway that is ready to be served.
pub struct App {
    /// Its routes.
    pub router: Router,
    /// The routes for those who run it.
    pub operator_router: Router,
    /// What its listeners grant.
    pub server: server::Options,
    /// The connections of the listener for everybody.
    pub connections: Arc<Stats>,
    /// To be told before it stops.
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
        let introspection = if config.http.introspection { Introspection::On } else { Introspection::Off };
        let documents = documents(config, introspection)?;
        // Where the process before this one ended between an erasure and this.
        sqlite_log::empty(&db).await;
        let places = Arc::new(Places::new(config.limits.concurrency, overload::turns(&db)));
        let connections = Arc::<Stats>::default();
        let feed = Arc::new(Feed::new(&db, subscription_limits(&config.limits)));
        let maintenance = Maintenance::start(&db, retention(config), Utc::now);
        let worker = BackgroundWorker::start(&db, Utc::now);
        let response_memory = Arc::new(ResponseMemory::new(ResponseLimits {
            response: config.limits.response,
            memory: config.limits.response_memory,
        }));
        let metrics = Metrics::new(Present {
            db: db.clone(),
            feed: Arc::clone(&feed),
            places: Arc::clone(&places),
            connections: Arc::clone(&connections),
            backlog: worker.backlog(),
            response_memory: Arc::clone(&response_memory),
            maintenance: Arc::clone(&maintenance.stats),
        });
        let state = AppState {
            db: db.clone(),
            schema: graphql::schema(introspection),
            counting_schema: graphql::counting_schema(introspection),
            schema_index: graphql::schema_index(),
            sdl: graphql::sdl(),
            documents,
            untrusted: UntrustedLog::default(),
            verifier: TokenVerifier::new(config.issuer_keys())?,
            settings: Settings {
                allowed_origins: config.http.allowed_origins.clone(),
                introspection: config.http.introspection,
                body_limit: config.http.body_limit,
                compression: config.http.compression,
                cost_limit: config.limits.cost,
                request_timeout: config.limits.request_timeout,
                body_timeout: config.http.body_timeout,
                write_timeout: config.http.write_timeout,
                response_timeout: config.http.response_timeout,
            },
            places,
            feed,
            worker,
            room: Room::new(config.limits.subscriptions),
            response_memory,
            metrics: Arc::new(metrics),
            rate_limit: rate_limit(&config.rate_limit),
            attempts: attempts(&config.app_tokens),
            exchange: config.exchange()?,
            stopping: Stopping::default(),
        };
        let state = Arc::new(state);
        Ok(Self {
            stopping: state.stopping.clone(),
            operator_router: http::operator_router(Arc::clone(&state)),
            router: http::router(state, config.http.graphiql.then_some(session)),
            server: server_options(&config.http),
            connections,
            db,
            maintenance,
        })
    }
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

/// How many documents are told of.
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
