//! The metrics for Prometheus; docs/operations.md describes it, and a test compares the two.
//!
//! The values of labels are known beforehand, all of them: a client that could choose one could fill the memory.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text::encode},
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::ConstGauge,
        histogram::Histogram,
    },
    registry::{Registry, Unit},
};

use super::{
    access::RequestMetadata, admission::AdmissionControl, request_memory::RequestMemory, server::Stats,
};
use crate::{
    graphql::document::Reason,
    log,
    service::{
        Database, background_worker::Backlog, events::Feed, maintenance, response_memory::ResponseMemory,
    },
};

/// Upper bounds of durations, in seconds.
const SECONDS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];
/// Upper bounds of counts of statements.
const STATEMENTS: [f64; 8] = [0.0, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0];
/// In the place of a field, for what was not executed.
const NOTHING: &str = "none";
/// The outcome of a request whose client left before it was answered.
const LEFT: &str = "CLIENT_LEFT";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    field: String,
    outcome: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Field {
    field: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DocumentErrorLabels {
    reason: &'static str,
}

type Seconds = Family<Field, Histogram, fn() -> Histogram>;

/// The counts of one gateway.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    responses: Family<Status, Counter>,
    requests: Family<Request, Counter>,
    seconds: Seconds,
    statements: Histogram,
    failed_statements: Counter,
    retries: Counter,
    refused_documents: Family<DocumentErrorLabels, Counter>,
    untrusted_documents: Counter,
    events: Counter,
}

impl Metrics {
    /// Nothing was counted yet. What others count is asked of them when somebody wants to know.
    pub fn new(present: Present) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("contact_gateway"),
            responses: Family::default(),
            requests: Family::default(),
            seconds: Seconds::new_with_constructor(|| Histogram::new(SECONDS)),
            statements: Histogram::new(STATEMENTS),
            failed_statements: Counter::default(),
            retries: Counter::default(),
            refused_documents: Family::default(),
            untrusted_documents: Counter::default(),
            events: Counter::default(),
        };
        let registry = &mut metrics.registry;
        registry.register("responses", "HTTP responses by status", metrics.responses.clone());
        let help = "Requests by first root field or route, and by outcome";
        registry.register("requests", help, metrics.requests.clone());
        let help = "Duration of requests";
        registry.register_with_unit("request", help, Unit::Seconds, metrics.seconds.clone());
        registry.register(
            "request_statements",
            "SQL statements of a GraphQL request",
            metrics.statements.clone(),
        );
        let help = "SQL statements that failed";
        registry.register("failed_statements", help, metrics.failed_statements.clone());
        let help =
            "Reads and writes that were retried because the connection failed or another writer was first";
        registry.register("retries", help, metrics.retries.clone());
        let help = "Requests rejected because of their documents, by reason";
        registry.register("documents_refused", help, metrics.refused_documents.clone());
        let help = "Executed requests with documents that are not trusted";
        registry.register("documents_untrusted", help, metrics.untrusted_documents.clone());
        let help = "Events delivered to subscribers";
        registry.register("events", help, metrics.events.clone());
        registry.register_collector(Box::new(present));
        // So that a rate can be computed from the first one on.
        for reason in Reason::ALL {
            drop(metrics.refused_documents.get_or_create(&DocumentErrorLabels { reason: reason.as_str() }));
        }
        metrics
    }

    /// An event is being sent.
    pub(super) fn count_event(&self) {
        self.events.inc();
    }

    /// A request has ended.
    pub(super) fn record(&self, metadata: &RequestMetadata, status: Option<StatusCode>, took: Duration) {
        if let Some(status) = status {
            self.responses.get_or_create(&Status { status: status.as_u16() }).inc();
        }
        let Some(outcome) = metadata.outcome.get().map(String::as_str).or(status.is_none().then_some(LEFT))
        else {
            return;
        };
        let field = metadata.field.get().map_or(NOTHING, String::as_str).to_owned();
        self.seconds.get_or_create(&Field { field: field.clone() }).observe(took.as_secs_f64());
        self.requests.get_or_create(&Request { field, outcome: outcome.to_owned() }).inc();
        self.statements.observe(metadata.query_stats.statements() as f64);
        self.failed_statements.inc_by(metadata.query_stats.failed());
        self.retries.inc_by(metadata.query_stats.retries());
        if let Some(reason) = metadata.refused.get() {
            self.refused_documents.get_or_create(&DocumentErrorLabels { reason: reason.as_str() }).inc();
        }
        if metadata.untrusted.get().is_some() {
            self.untrusted_documents.inc();
        }
    }
}

/// `/metrics`: all of it, in the text form of OpenMetrics.
pub(super) async fn scrape(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    let mut text = String::new();
    match encode(&mut text, &metrics.registry) {
        Ok(()) => {
            let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, content_type)], text).into_response()
        }
        Err(fmt::Error) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// What is true at the moment.
#[derive(Debug)]
pub struct Present {
    /// The database.
    pub db: Database,
    /// The events of subscriptions.
    pub feed: Arc<Feed>,
    /// The requests in flight.
    pub admission: Arc<AdmissionControl>,
    /// The connections of clients.
    pub connections: Arc<Stats>,
    /// The background tasks.
    pub backlog: Arc<Backlog>,
    /// The memory of requests.
    pub request_memory: Arc<RequestMemory>,
    /// The memory of responses.
    pub response_memory: Arc<ResponseMemory>,
    /// What retention has deleted.
    pub maintenance: Arc<maintenance::Stats>,
}

impl Collector for Present {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut gauge = |name, help, value: usize| {
            let value = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            value.encode(encoder.encode_descriptor(name, help, None, value.metric_type())?)
        };
        let pool = self.db.pool_size();
        let (in_flight, capacity) = (self.admission.in_flight(), self.admission.capacity());
        gauge("requests_in_flight", "Requests that are executing or queued", in_flight)?;
        gauge("requests_in_flight_max", "Maximum of the gauge without _max", capacity)?;
        gauge("executing", "Old name of contact_gateway_requests_in_flight", in_flight)?;
        gauge("executing_max", "Old name of contact_gateway_requests_in_flight_max", capacity)?;
        let (reserved, most) = (self.request_memory.reserved(), self.request_memory.limit());
        let help = "Memory reserved for bodies that are received and for the values of requests";
        gauge("request_memory_bytes", help, reserved)?;
        gauge("request_memory_max_bytes", "Maximum of request_memory_bytes", most)?;
        let (held, most) = (self.response_memory.reserved(), self.response_memory.limits().memory);
        gauge("response_memory_bytes", "Memory held by responses until clients have read them", held)?;
        gauge("response_memory_max_bytes", "Maximum of response_memory_bytes", most)?;
        gauge("subscriptions", "Open subscriptions", self.feed.listener_count())?;
        gauge("subscriptions_max", "Maximum of the gauge without _max", self.feed.count())?;
        gauge("connections", "Open client connections", self.connections.open.load(Relaxed))?;
        gauge("database_connections", "Open connections to the database", pool.open)?;
        gauge("database_connections_idle", "Idle connections to the database", pool.idle)?;
        gauge("database_connections_max", "Maximum of connections to the database", pool.most)?;
        gauge("background_tasks", "Pending background tasks of all instances", self.backlog.tasks())?;
        let help = "Age of the oldest pending background task";
        gauge("background_task_age_seconds", help, self.backlog.age())?;
        let lag = ConstGauge::new(self.feed.lag().as_secs_f64());
        let help = "Time since the change log of the organization that is furthest behind was read completely, of organizations with subscribers";
        lag.encode(encoder.encode_descriptor("feed_lag", help, Some(&Unit::Seconds), lag.metric_type())?)?;
        let errors = ConstCounter::new(self.feed.errors());
        let help = "Failed reads of change logs, changes that cannot be decoded, and gaps in logs";
        errors.encode(encoder.encode_descriptor("feed_errors", help, None, errors.metric_type())?)?;
        let refused = ConstCounter::new(self.connections.refused.load(Relaxed));
        let help = "Connections rejected because the maximum is open";
        let name = "connections_refused";
        refused.encode(encoder.encode_descriptor(name, help, None, refused.metric_type())?)?;
        let evicted = ConstCounter::new(self.connections.evicted.load(Relaxed));
        let help = "Connections without a token, or beyond the share of their caller, that were closed in favor of new ones";
        let name = "connections_evicted";
        evicted.encode(encoder.encode_descriptor(name, help, None, evicted.metric_type())?)?;
        let help = "Connections closed because the client was too slow, by phase";
        let name = "connections_dropped";
        let dropped = Family::<Slowness, Counter>::default();
        for (with, count) in self.connections.dropped() {
            dropped.get_or_create(&Slowness { with }).inc_by(count);
        }
        dropped.encode(encoder.encode_descriptor(name, help, None, dropped.metric_type())?)?;
        let maintenance = &self.maintenance;
        let help = "Records deleted after their retention period";
        let name = "expired_rows_deleted";
        let deleted = Family::<Rows, Counter>::default();
        for (rows, count) in
            [("changes", &maintenance.changes), ("idempotency_keys", &maintenance.idempotency_keys)]
        {
            deleted.get_or_create(&Rows { rows }).inc_by(count.load(Relaxed));
        }
        deleted.encode(encoder.encode_descriptor(name, help, None, deleted.metric_type())?)?;
        let failures = ConstCounter::new(maintenance.failures.load(Relaxed));
        let help = "Failed runs of background work";
        let name = "background_failures";
        failures.encode(encoder.encode_descriptor(name, help, None, failures.metric_type())?)?;
        let lines = ConstCounter::new(log::dropped_lines());
        let help = "Log lines that could not be written";
        lines.encode(encoder.encode_descriptor("log_lines_dropped", help, None, lines.metric_type())?)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Slowness {
    with: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Rows {
    rows: &'static str,
}
