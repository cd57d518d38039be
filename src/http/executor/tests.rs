//! The executor as async-graphql's transports call it: `execute` and `execute_stream`, on an SQLite database.

use std::time::Duration;

use async_graphql::Variables;
use chrono::Utc;
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use super::*;
use crate::{
    auth::{Caller, Scope, Scopes, TokenVerifier},
    graphql::{
        self, Introspection,
        document::{Budgets, Documents},
    },
    http::{
        admission::{AdmissionControl, concurrent_permits},
        client_address::{ForwardedHeader, TrustedProxies},
        health::Stopping,
        metrics::{Metrics, Present},
        origins::AllowedOrigins,
        request_memory::RequestMemory,
        server::Stats,
        state::Settings,
        subscription_memory::SubscriptionMemoryLimiter,
    },
    service::{
        Database,
        background_worker::BackgroundWorker,
        events::{Feed, SubscriptionLimits},
        maintenance::{Maintenance, Retention},
        organization,
        response_memory::{ResponseLimits, ResponseMemory},
    },
};

const HOUR: Duration = Duration::from_hours(1);
/// No response is waited for any longer.
const PATIENCE: Duration = Duration::from_secs(30);
const READ: &str = "{ viewer { subject } }";
const CHANGES: &str = "subscription { contactChanged { contact { displayName } change { action } } }";
const CREATE: &str = "mutation($input: CreateOrganizationContactInput!) {
  createOrganizationContact(input: $input) { organizationContact { displayName } userErrors { message } }
}";

/// An executor, and what it needs as long as it is used.
struct Fixture {
    executor: GatewayExecutor,
    _maintenance: Maintenance,
    _folder: TempDir,
}

impl Fixture {
    /// An executor over a database with one organization, for responses of at most so many bytes.
    async fn new(response: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let db = Database::migrated(folder.path()).await;
        organization::create(&db, &context(&Scope::ALL), "Home").await.expect("an organization");
        let retention = Retention { changes: None, idempotency_keys: HOUR };
        let maintenance = Maintenance::start(&db, retention, Utc::now);
        let state = Arc::new(state(db, &maintenance, response));
        Self { executor: GatewayExecutor::new(state), _maintenance: maintenance, _folder: folder }
    }

    async fn execute(&self, request: Request) -> Json {
        let response = timeout(PATIENCE, self.executor.execute(request)).await.expect("a response, in time");
        serde_json::to_value(response).expect("JSON")
    }

    /// Waits until so many subscriptions are open.
    async fn until_subscriptions(&self, count: usize) {
        while self.executor.state.feed.listener_count() != count {
            sleep(Duration::from_millis(5)).await;
        }
    }

    fn stream(&self, request: Request, session: Option<Data>) -> BoxStream<'static, Response> {
        self.executor.execute_stream(request, session.map(Arc::new))
    }
}

fn state(db: Database, maintenance: &Maintenance, response: usize) -> AppState {
    let most = 1000;
    let budgets =
        Budgets { tokens: most, fields: most, depth: 12, aliases: most, root_fields: most, directives: 10 };
    let shares = SubscriptionLimits { total: most, of_subject: 1, of_organization: most };
    let admission = Arc::new(AdmissionControl::new(most, concurrent_permits(&db)));
    let feed = Arc::new(Feed::new(&db, shares));
    let worker = BackgroundWorker::start(&db, Utc::now);
    let limits = ResponseLimits { response, memory: 96 * 1024 * 1024 };
    let response_memory = Arc::new(ResponseMemory::new(limits));
    let request_memory = Arc::new(RequestMemory::new(96 * 1024 * 1024));
    let metrics = Metrics::new(Present {
        db: db.clone(),
        feed: Arc::clone(&feed),
        admission: Arc::clone(&admission),
        connections: Arc::<Stats>::default(),
        backlog: worker.backlog(),
        request_memory: Arc::clone(&request_memory),
        response_memory: Arc::clone(&response_memory),
        maintenance: Arc::clone(&maintenance.stats),
    });
    let settings = Settings {
        proxies: Arc::new(TrustedProxies::new([], ForwardedHeader::XForwardedFor)),
        allowed_origins: AllowedOrigins::default(),
        introspection: true,
        body_limit: 1024 * 1024,
        compression: false,
        smtputf8: false,
        cost_limit: 100_000,
        request_timeout: PATIENCE,
        body_timeout: PATIENCE,
        write_timeout: PATIENCE,
        response_timeout: PATIENCE,
    };
    AppState {
        db,
        schema: graphql::schema(Introspection::On),
        counting_schema: graphql::counting_schema(Introspection::On),
        schema_index: graphql::schema_index(),
        sdl: graphql::sdl(),
        documents: Arc::new(Documents::new(budgets, Introspection::On)),
        untrusted: Arc::default(),
        verifier: Arc::new(TokenVerifier::new(Vec::new()).expect("a verifier")),
        settings,
        admission,
        feed,
        worker: Arc::new(worker),
        subscription_memory: Arc::new(SubscriptionMemoryLimiter::new(most)),
        request_memory,
        response_memory,
        metrics: Arc::new(metrics),
        rate_limit: None,
        attempts: None,
        exchange: None,
        stopping: Stopping::default(),
    }
}

fn context(scopes: &[Scope]) -> RequestContext {
    let now = Utc::now();
    let caller = Caller {
        subject: "ada".to_owned(),
        scopes: scopes.iter().copied().collect::<Scopes>(),
        organizations: vec![1],
        organization: Some(1),
        expires_at: now + HOUR,
        claims_read: None,
    };
    RequestContext::new("request-1", now, caller)
}

/// A call of a caller with these scopes, over a transport that supports everything.
fn call(scopes: &[Scope]) -> Arc<Call> {
    let capabilities =
        TransportCapabilities { writes: true, events: true, cost_extension: false, overhead: 0 };
    Arc::new(Call {
        context: Arc::new(context(scopes)),
        capabilities,
        metadata: Arc::default(),
        document: OwnedDocumentReference::Text,
        admission: Mutex::default(),
    })
}

fn reader() -> Arc<Call> {
    call(&[Scope::ContactsRead])
}

fn writer() -> Arc<Call> {
    call(&[Scope::ContactsRead, Scope::ContactsWrite])
}

fn session(call: Arc<Call>) -> Data {
    let mut data = Data::default();
    data.insert(call);
    data
}

fn create(name: &str) -> Request {
    let input = json!({ "input": { "type": "FINANCE", "name": name } });
    Request::new(CREATE).variables(Variables::from_json(input))
}

fn code(response: &Json) -> &str {
    response["errors"][0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("{response}"))
}

async fn next(responses: &mut BoxStream<'static, Response>) -> Option<Json> {
    let response = timeout(PATIENCE, responses.next()).await.expect("a response or an end, in time");
    response.map(|response| serde_json::to_value(response).expect("JSON"))
}

#[tokio::test]
async fn operations_are_executed() {
    let gateway = Fixture::new(1024 * 1024).await;
    let response = gateway.execute(Request::new(READ).data(reader())).await;
    assert_eq!(response, json!({ "data": { "viewer": { "subject": "ada" } } }));
    let response = gateway.execute(create("Grace").data(writer())).await;
    assert_eq!(response["data"]["createOrganizationContact"]["organizationContact"]["displayName"], "Grace");
}

#[tokio::test]
async fn rejected_operations_are_responses_with_errors() {
    let gateway = Fixture::new(1024 * 1024).await;
    let mut read_only = call(&[Scope::ContactsRead, Scope::ContactsWrite]);
    let capabilities = &mut Arc::get_mut(&mut read_only).expect("the only one").capabilities;
    (capabilities.writes, capabilities.events) = (false, false);
    for (request, expected) in [
        (Request::new(READ), "UNAUTHENTICATED"),
        (Request::new("{").data(reader()), "GRAPHQL_PARSE_FAILED"),
        (Request::new("{ nothing }").data(reader()), "GRAPHQL_VALIDATION_FAILED"),
        (Request::new(CREATE).data(writer()), "GRAPHQL_VALIDATION_FAILED"),
        (create("Grace").data(reader()), "FORBIDDEN"),
        (create("Grace").data(Arc::clone(&read_only)), "BAD_REQUEST"),
        (Request::new(CHANGES).data(read_only), "BAD_REQUEST"),
    ] {
        let document = request.query.clone();
        let response = gateway.execute(request).await;
        assert_eq!(code(&response), expected, "{document}");
    }
}

#[tokio::test]
async fn responses_that_are_too_large_are_errors() {
    let gateway = Fixture::new(100).await;
    let document = "{ countries(first: 100) { nodes { isoCode } } }";
    let response = gateway.execute(Request::new(document).data(reader())).await;
    assert_eq!(code(&response), "RESPONSE_TOO_LARGE");
    let mut responses = gateway.stream(Request::new(document), Some(session(reader())));
    assert_eq!(code(&next(&mut responses).await.expect("a response")), "RESPONSE_TOO_LARGE");
    assert_eq!(next(&mut responses).await, None);
}

#[tokio::test]
async fn a_stream_has_the_one_response_of_other_operations_and_of_rejected_ones() {
    let gateway = Fixture::new(1024 * 1024).await;
    let viewer = json!({ "data": { "viewer": { "subject": "ada" } } });
    // The call is in the request or in the session.
    for mut responses in [
        gateway.stream(Request::new(READ).data(reader()), None),
        gateway.stream(Request::new(READ), Some(session(reader()))),
    ] {
        assert_eq!(next(&mut responses).await, Some(viewer.clone()));
        assert_eq!(next(&mut responses).await, None);
    }
    for (document, session, expected) in [
        (READ, None, "UNAUTHENTICATED"),
        (READ, Some(Data::default()), "UNAUTHENTICATED"),
        ("subscription {", Some(session(reader())), "GRAPHQL_PARSE_FAILED"),
        ("subscription { nothing }", Some(session(reader())), "GRAPHQL_VALIDATION_FAILED"),
        (CHANGES, Some(session(call(&[]))), "FORBIDDEN"),
        ("subscription { contactChanged(kinds: []) { contactId } }", Some(session(reader())), "BAD_REQUEST"),
    ] {
        let mut responses = gateway.stream(Request::new(document), session);
        assert_eq!(code(&next(&mut responses).await.expect("a response")), expected, "{document}");
        assert_eq!(next(&mut responses).await, None, "{document}");
    }
}

#[tokio::test]
async fn a_stream_has_the_events_of_a_subscription() {
    let gateway = Fixture::new(1024 * 1024).await;
    let mut responses = gateway.stream(Request::new(CHANGES), Some(session(reader())));
    // The subscription begins when it is first polled.
    tokio::select! {
        response = responses.next() => panic!("{response:?}"),
        () = gateway.until_subscriptions(1) => {}
    }
    for name in ["Grace", "Barbara"] {
        gateway.execute(create(name).data(writer())).await;
        let event = json!({ "contact": { "displayName": name }, "change": { "action": "CREATED" } });
        assert_eq!(next(&mut responses).await, Some(json!({ "data": { "contactChanged": event } })));
    }
    // The share of this caller is one subscription.
    let mut second = gateway.stream(Request::new(CHANGES), Some(session(reader())));
    assert_eq!(code(&next(&mut second).await.expect("a response")), "RATE_LIMITED");
    assert_eq!(next(&mut second).await, None);
    drop(responses);
    // `execute` returns the first event only.
    gateway.until_subscriptions(0).await;
    let first = gateway.execute(Request::new(CHANGES).data(reader()));
    let made = async {
        gateway.until_subscriptions(1).await;
        gateway.execute(create("Joan").data(writer())).await
    };
    let (first, _) = tokio::join!(first, made);
    assert_eq!(first["data"]["contactChanged"]["contact"]["displayName"], "Joan");
}
