//! The state that request handlers share. `app` builds it.

use std::{sync::Arc, time::Duration};

use super::{
    admission::AdmissionControl, client_address::TrustedProxies, health::Stopping, metrics::Metrics,
    origins::AllowedOrigins, rate_limit::RateLimit, request_memory::RequestMemory,
    subscription_memory::SubscriptionMemoryLimiter, untrusted::UntrustedLog,
};
use crate::{
    auth::{Exchange, TokenVerifier},
    graphql::{Schema, document::Documents, schema_index::SchemaIndex},
    service::{Database, background_worker::BackgroundWorker, events::Feed, response_memory::ResponseMemory},
};

/// What request handlers share. A reload of the configuration makes another one, of the same parts where these did not change.
#[derive(Clone)]
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
    pub documents: Arc<Documents>,
    /// Logs documents that are not trusted.
    pub untrusted: Arc<UntrustedLog>,
    /// Who may issue tokens.
    pub verifier: Arc<TokenVerifier>,
    /// How the edge behaves.
    pub settings: Settings,
    /// Which requests are executed, and how many.
    pub admission: Arc<AdmissionControl>,
    /// The events of subscriptions.
    pub feed: Arc<Feed>,
    /// The memory of open subscriptions.
    pub subscription_memory: Arc<SubscriptionMemoryLimiter>,
    /// The memory of the bodies and values of all requests.
    pub request_memory: Arc<RequestMemory>,
    /// The memory of all responses.
    pub response_memory: Arc<ResponseMemory>,
    /// Does the background tasks that writes leave.
    pub worker: Arc<BackgroundWorker>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How many points of cost each caller may spend, where that is limited.
    pub rate_limit: Option<Arc<RateLimit>>,
    /// How often an address may try to exchange application tokens, where that is limited.
    pub attempts: Option<Arc<RateLimit>>,
    /// What application tokens are exchanged with, where they are.
    pub exchange: Option<Arc<Exchange>>,
    /// Whether the process received the signal to stop.
    pub stopping: Stopping,
}

/// The part of the configuration that request handlers need.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The proxies that are believed what they report about clients.
    pub proxies: Arc<TrustedProxies>,
    /// Origins whose pages may read answers.
    pub allowed_origins: AllowedOrigins,
    /// Whether the schema answers questions about itself.
    pub introspection: bool,
    /// The most bytes that a body may have.
    pub body_limit: usize,
    /// Whether answers are compressed for those who ask for that.
    pub compression: bool,
    /// Whether email addresses may have letters beyond ASCII in front of the `@`.
    pub smtputf8: bool,
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
