//! Traces: what a collector receives.

use std::{
    collections::HashMap,
    fs,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Router, body::Bytes, extract::State, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::any_value::Value as AnyValue,
    trace::v1::{Span, span::SpanKind},
};
use prost::Message;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use crate::reload::{Gateway, LOG};

/// A value that must be in no span.
const MARKER: &str = "Zanzibar4711";
const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT_ID: &str = "b7ad6b7169203331";
const CREATE: &str =
    "mutation($name: String!) { createPartner(input: { name: $name }) { partner { name } } }";
const READ: &str = "query($name: String!) {
  partners(first: 5, filter: { name: { eq: $name } }) { nodes { name internalContacts(first: 2) { nodes { id } } } }
}";

/// An OTLP collector that keeps what it receives.
struct Collector {
    endpoint: String,
    bodies: Arc<Mutex<Vec<Bytes>>>,
    _server: JoinSet<()>,
}

impl Collector {
    async fn start() -> Self {
        let bodies = Arc::<Mutex<Vec<Bytes>>>::default();
        let router = Router::new().route("/v1/traces", post(receive)).with_state(Arc::clone(&bodies));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.expect("a server") });
        Self { endpoint, bodies, _server: server }
    }

    fn bodies(&self) -> Vec<Bytes> {
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn spans(&self) -> Vec<Span> {
        let requests =
            self.bodies().into_iter().map(|body| ExportTraceServiceRequest::decode(body).expect("an export"));
        let scopes = requests.flat_map(|request| request.resource_spans).flat_map(|it| it.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

async fn receive(State(bodies): State<Arc<Mutex<Vec<Bytes>>>>, body: Bytes) {
    bodies.lock().unwrap_or_else(PoisonError::into_inner).push(body);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The text of an attribute.
fn attribute(span: &Span, name: &str) -> Option<String> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key == name)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        AnyValue::StringValue(text) => Some(text.clone()),
        other => Some(format!("{other:?}")),
    }
}

/// Sends a document as a request of a trace, and returns the header with the trace of its response.
async fn traced(gateway: &Gateway, document: &str, traceparent: Option<&str>) -> String {
    let body = json!({ "query": document, "variables": { "name": MARKER } });
    let mut request = gateway.client("tests").request(Method::POST, "graphql").json(&body);
    if let Some(traceparent) = traceparent {
        request = request.header("traceparent", traceparent);
    }
    let response = request.send().await.expect("a response");
    let header = response.headers()["traceresponse"].to_str().expect("text").to_owned();
    let answer: Value = response.json().await.expect("JSON");
    assert_eq!(answer.get("errors"), None, "{answer}");
    header
}

#[tokio::test]
async fn a_collector_receives_the_stages_and_no_values() {
    let collector = Collector::start().await;
    let settings = format!("[telemetry]\notlp_endpoint = \"{}\"", collector.endpoint);
    let gateway = Gateway::configured(&["tests"], &settings).await;
    traced(&gateway, CREATE, None).await;
    let parent = format!("00-{TRACE_ID}-{PARENT_ID}-01");
    let header = traced(&gateway, READ, Some(&parent)).await;
    let probe = gateway.client("tests").request(Method::GET, "readyz").send().await.expect("a response");
    assert!(!probe.headers().contains_key("traceresponse"));
    gateway.process.ask_to_stop();
    assert_eq!(gateway.process.ended().await, Some(0));

    let spans = collector.spans();
    let by_id: HashMap<String, &Span> = spans.iter().map(|span| (hex(&span.span_id), span)).collect();
    let (requests, stages): (Vec<&Span>, Vec<&Span>) = spans.iter().partition(|span| span.name == "request");
    assert_eq!(requests.len(), 2, "{requests:?}");
    for request in &requests {
        assert_eq!(request.kind, SpanKind::Server as i32);
        assert_eq!(attribute(request, "http.route").as_deref(), Some("/graphql"));
        assert_eq!(attribute(request, "http.request.method").as_deref(), Some("POST"));
    }
    // Every stage is a descendant of its request, in the same trace.
    for stage in &stages {
        let mut ancestor = *stage;
        while ancestor.name != "request" {
            assert_eq!(ancestor.trace_id, stage.trace_id);
            ancestor = by_id[&hex(&ancestor.parent_span_id)];
        }
    }

    let reading =
        requests.iter().find(|request| hex(&request.trace_id) == TRACE_ID).expect("the client's trace");
    assert_eq!(hex(&reading.parent_span_id), PARENT_ID);
    assert_eq!(header, format!("00-{TRACE_ID}-{}-01", hex(&reading.span_id)));
    let of_reading: Vec<&Span> =
        stages.iter().copied().filter(|span| span.trace_id == reading.trace_id).collect();
    for name in ["parse", "validate", "execute"] {
        let found: Vec<_> = of_reading.iter().filter(|span| span.name == name).collect();
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!(found[0].parent_span_id, reading.span_id, "{name}");
    }
    let execute = of_reading.iter().find(|span| span.name == "execute").expect("an execution");
    let statements: Vec<_> = of_reading.iter().filter(|span| span.name == "statement").collect();
    // One for the partners, one for their contacts.
    assert!(statements.len() >= 2, "{statements:?}");
    for statement in statements {
        assert_eq!(statement.parent_span_id, execute.span_id);
        assert_eq!(statement.kind, SpanKind::Client as i32);
        assert!(statement.end_time_unix_nano >= statement.start_time_unix_nano);
        assert!(attribute(statement, "db.query.text").is_some_and(|sql| sql.contains("SELECT")));
    }
    assert!(stages.iter().any(|span| span.name == "commit"), "the mutation has no commit");

    for body in collector.bodies() {
        assert!(!String::from_utf8_lossy(&body).contains(MARKER), "a value was exported");
    }
    let log = fs::read_to_string(gateway.folder.path().join(LOG)).expect("a log");
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let accesses: Vec<Value> = lines.filter(|line| line["target"] == "contact_gateway::access").collect();
    assert!(accesses.iter().any(|line| line["fields"]["trace_id"] == TRACE_ID), "{accesses:?}");
    assert!(!log.contains(MARKER));
}

#[tokio::test]
async fn a_collector_that_does_not_respond_hurts_no_request() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let endpoint = listener.local_addr().expect("an address");
    drop(listener);
    let settings = format!("[telemetry]\notlp_endpoint = \"http://{endpoint}\"");
    let gateway = Gateway::configured(&["tests"], &settings).await;
    traced(&gateway, CREATE, None).await;
    gateway.process.ask_to_stop();
    assert_eq!(gateway.process.ended().await, Some(0));
    let log = fs::read_to_string(gateway.folder.path().join(LOG)).expect("a log");
    assert_eq!(log.matches("cannot export spans; they are dropped").count(), 1, "{log}");
}
