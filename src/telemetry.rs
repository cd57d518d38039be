//! Traces: the spans of requests, exported to a collector by OTLP over HTTP.
//!
//! Without an exporter no span is created: nothing is subscribed to their target. A span has the text of a statement, but no value
//! of a variable. A leaf: every layer may use it.

use std::{
    fmt,
    pin::Pin,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use opentelemetry::{
    Context, KeyValue,
    propagation::TextMapPropagator,
    trace::{Span as _, SpanKind, Status, TraceContextExt, Tracer, TracerProvider},
};
use opentelemetry_http::{Bytes, HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{SdkTracer, SdkTracerProvider},
};
use tokio::{runtime::Handle, time::timeout};
use tracing::Span;
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::{
    Layer, Registry,
    filter::{LevelFilter, filter_fn},
};

use crate::error::root_cause;

/// The target of all spans.
pub(crate) const TARGET: &str = "contact_gateway::trace";
/// The service and the instrumentation scope in the collector.
const NAME: &str = "contact-gateway";
/// The path of the collector, below the configured address.
const PATH: &str = "/v1/traces";
/// How long the collector may take for a batch of spans.
const EXPORT_TIME: Duration = Duration::from_secs(10);
/// How long the end of the process waits for the last spans.
const SHUTDOWN_TIME: Duration = Duration::from_secs(3);
/// The most bytes of the collector's response.
const MAX_RESPONSE: usize = 64 * 1024;

/// The response header with the trace of a request, of the draft W3C Trace Context Level 2.
pub const TRACE_RESPONSE: &str = "traceresponse";

/// Set once when spans are exported.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// A stage of a request as a span. It is disabled unless spans are exported.
macro_rules! stage {
    ($name:literal) => {
        tracing::info_span!(target: $crate::telemetry::TARGET, $name)
    };
}
pub(crate) use stage;

/// A layer that exports spans.
pub type TraceLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Why spans cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// There is nothing to check the certificate of the collector with.
    #[error("no certificate authorities are installed; install them, or set SSL_CERT_FILE")]
    NoAuthorities,
    /// The exporter rejects its settings, which it also reads from the variables `OTEL_…`.
    #[error("{0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
}

/// Exports spans until this is dropped, which waits for the last ones.
#[derive(Debug)]
#[must_use]
pub struct Exporter(SdkTracerProvider);

impl Drop for Exporter {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(SHUTDOWN_TIME) {
            tracing::warn!(%error, "the last spans were not exported");
        }
    }
}

/// Starts to export spans to the collector at this address. Needs tokio's runtime, and the layer in the subscriber.
pub fn start(endpoint: &str) -> Result<(Exporter, TraceLayer), TelemetryError> {
    let endpoint = format!("{}{PATH}", endpoint.trim_end_matches('/'));
    let client = CollectorClient::new(endpoint.starts_with("https:"))?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(endpoint)
        .with_timeout(EXPORT_TIME)
        .build()?;
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_service_name(NAME).with_attribute(version).build();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    let tracer = provider.tracer(NAME);
    // Only the first exporter of a process gets the statements; there is no second one.
    let _ = TRACER.set(tracer.clone());
    let is_stage = filter_fn(|metadata| metadata.is_span() && metadata.target() == TARGET);
    let layer = OpenTelemetryLayer::<Registry, _>::new(tracer)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(is_stage.with_max_level_hint(LevelFilter::INFO));
    Ok((Exporter(provider), Box::new(layer)))
}

/// The span of a request, whose parent is the client's span if the headers name one.
pub fn request_span(method: &str, route: &str, headers: &HeaderMap) -> Span {
    let span = tracing::info_span!(
        target: TARGET,
        "request",
        otel.kind = "server",
        http.request.method = method,
        http.route = route,
        http.response.status_code = tracing::field::Empty,
    );
    if !span.is_disabled() {
        let parent =
            TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers));
        // Nothing has used the new span yet, so it can still get a parent.
        let _ = span.set_parent(parent);
    }
    span
}

/// Notes the status of the response in the span of its request.
pub fn record_status(span: &Span, status: u16) {
    span.record("http.response.status_code", status);
}

/// What others know a span by.
#[derive(Debug, Clone)]
pub struct TraceIdentity {
    /// The id of its trace.
    pub trace_id: String,
    /// The value of [`TRACE_RESPONSE`].
    pub header: HeaderValue,
}

impl TraceIdentity {
    /// The identity of a span, unless it is disabled.
    pub fn of(span: &Span) -> Option<Self> {
        if span.is_disabled() {
            return None;
        }
        let context = span.context();
        let span = context.span();
        let identity = span.span_context();
        if !identity.is_valid() {
            return None;
        }
        let (trace_id, sampled) = (identity.trace_id().to_string(), u8::from(identity.is_sampled()));
        let header = format!("00-{trace_id}-{}-{sampled:02x}", identity.span_id());
        Some(Self { header: HeaderValue::from_str(&header).ok()?, trace_id })
    }
}

/// An SQL statement that has ended, as a child of the current span. Statements outside of requests have no span.
pub fn record_statement(sql: &str, took: Duration, failed: bool) {
    let Some(tracer) = TRACER.get() else { return };
    let parent = Span::current().context();
    if !parent.has_active_span() {
        return;
    }
    let end = SystemTime::now();
    let builder = tracer
        .span_builder("statement")
        .with_kind(SpanKind::Client)
        .with_start_time(end.checked_sub(took).unwrap_or(end))
        .with_attributes([KeyValue::new("db.query.text", sql.to_owned())]);
    let mut span = tracer.build_with_context(builder, &parent);
    if failed {
        span.set_status(Status::error(""));
    }
    span.end_with_timestamp(end);
}

type Body = Full<Bytes>;

/// Sends spans with the HTTP client that the gateway has anyway.
struct CollectorClient {
    sender: Sender,
    /// The exporter runs on a thread of its own, outside of tokio's runtime.
    runtime: Handle,
    /// Whether the last request failed: an outage is logged once.
    has_failed: AtomicBool,
}

#[derive(Clone)]
enum Sender {
    Plain(Client<HttpConnector, Body>),
    Encrypted(Client<HttpsConnector<HttpConnector>, Body>),
}

impl fmt::Debug for CollectorClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CollectorClient")
    }
}

impl CollectorClient {
    fn new(is_encrypted: bool) -> Result<Self, TelemetryError> {
        let builder = Client::builder(TokioExecutor::new());
        let sender = if is_encrypted {
            let connector = HttpsConnectorBuilder::new()
                .with_native_roots()
                .map_err(|_| TelemetryError::NoAuthorities)?;
            Sender::Encrypted(builder.build(connector.https_only().enable_http1().build()))
        } else {
            Sender::Plain(builder.build(HttpConnector::new()))
        };
        Ok(Self { sender, runtime: Handle::current(), has_failed: AtomicBool::new(false) })
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sender = self.sender.clone();
        let sent = self.runtime.spawn(async move { timeout(EXPORT_TIME, sender.send(request)).await });
        let response = match sent.await {
            Ok(Ok(response)) => response,
            Ok(Err(_)) => Err("the collector does not respond in time".into()),
            Err(error) => Err(error.into()),
        };
        let failure = match &response {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("status {}", response.status().as_u16())),
            Err(error) => Some(root_cause(error.as_ref())),
        };
        let had_failed = self.has_failed.swap(failure.is_some(), Relaxed);
        match failure {
            Some(reason) if !had_failed => tracing::warn!(reason, "cannot export spans; they are dropped"),
            None if had_failed => tracing::info!("spans are exported again"),
            _ => {}
        }
        response
    }
}

impl Sender {
    async fn send(self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = request.map(Full::new);
        let response = match self {
            Self::Plain(client) => client.request(request).await?,
            Self::Encrypted(client) => client.request(request).await?,
        };
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_RESPONSE).collect().await?.to_bytes();
        Ok(Response::from_parts(head, body))
    }
}

impl HttpClient for CollectorClient {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(self.send(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_exporter_there_are_no_spans() {
        let span = request_span("GET", "/graphql", &HeaderMap::new());
        assert!(span.is_disabled() && stage!("parse").is_disabled());
        assert!(TraceIdentity::of(&span).is_none());
        record_statement("SELECT 1", Duration::ZERO, false);
    }
}
