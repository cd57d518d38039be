//! The middleware of the REST routes. Before the handler runs it checks, cheapest first: load, token, rate limit, then query
//! and body against the OpenAPI document.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use axum::{
    body::Body,
    extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State},
    http::{HeaderValue, Method, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::Utc;
use serde_json::{Map, Value};
use tokio::time::timeout;
use tracing::Instrument;

use super::{
    call::{BodyValue, Call, POINTS, PreAuth, QueryValue},
    conditional::Conditions,
    family::Family,
    json_schema::{JsonSchema, MAX_FAULTS},
    openapi::{Document, Operation},
    problem::{Fault, Problem, ProblemKind, RequestPart, ResponseHeaders, Rule},
};
use crate::{
    auth::{RequestContext, TokenError},
    error::{AppError, Code, InputErrorCode},
    fair_share::Principal,
    http::{
        access::RequestMetadata,
        admission::Work,
        authenticate::{AuthenticationError, RequestId, claims, select, selected},
        body::{self, ACCEPTED_ENCODINGS},
        client_address::ClientAddress,
        meter::{Meter, timed},
        request_memory::{JsonError, RequestReservation},
        response_body::overhead,
        server::ConnectionHandle,
        state::AppState,
    },
    service::{
        external_ids,
        json::{canonical, json_text},
        response_memory::{Needs, ResponseMeter, ResponseStopped, WhenFull},
    },
    telemetry::stage,
};

/// The state of the middleware of a family of routes.
#[derive(Clone)]
pub(super) struct FamilyState {
    pub(super) app: Arc<AppState>,
    pub(super) family: Family,
    pub(super) document: &'static Document,
}

/// The middleware: admits the request to its handler and formats errors as the family documents them.
pub(super) async fn admit(State(state): State<FamilyState>, request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().map_or("", RequestId::as_str).to_owned();
    let metadata = request.extensions().get::<Arc<RequestMetadata>>().cloned().unwrap_or_default();
    let limit = state.app.settings.request_timeout;
    let (method, conditions) = (request.method().clone(), Conditions::of(request.headers()));
    let handling = handle(&state, request, next, &id, &metadata, &conditions);
    let result = timeout(limit, metadata.query_stats.count(handling)).await;
    let response = match result {
        Ok(Ok(response)) => response,
        Ok(Err(problem)) => problem.into_response(),
        Err(_) => {
            let message = format!("The request exceeded the time limit of {} s.", limit.as_secs_f32());
            Problem::new(ProblemKind::Timeout, message).into_response()
        }
    };
    let mut response = conditions.apply(&method, response);
    match response.extensions_mut().remove::<Problem>() {
        Some(mut problem) => {
            conditions.explain(&mut problem.input);
            metadata.set_outcome(Some(problem.kind.code().as_str()));
            if let Some(cause) = &problem.cause {
                tracing::error!(request_id = id, cause, "REST request failed");
            }
            response = error_response(state.family, problem);
        }
        None => metadata.set_outcome(None),
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn error_response(family: Family, mut problem: Problem) -> Response {
    let headers = std::mem::take(&mut problem.headers);
    let header = match (problem.kind, headers) {
        (ProblemKind::Unauthenticated | ProblemKind::Expired, _) => {
            Some((header::WWW_AUTHENTICATE, "Bearer".into()))
        }
        (_, ResponseHeaders::RetryAfter(seconds)) => Some((header::RETRY_AFTER, seconds.to_string().into())),
        (_, ResponseHeaders::Allow(methods)) => Some((header::ALLOW, methods)),
        (_, ResponseHeaders::AcceptEncoding) => Some((header::ACCEPT_ENCODING, ACCEPTED_ENCODINGS.into())),
        (kind, ResponseHeaders::None) => {
            kind.code().retry_after().map(|seconds| (header::RETRY_AFTER, seconds.to_string().into()))
        }
    };
    let (status, body) = family.to_response(problem);
    let content_type = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    let mut response = (status, content_type, body.to_string()).into_response();
    if let Some((name, value)) = header
        && let Ok(value) = HeaderValue::from_str(&value)
    {
        response.headers_mut().insert(name, value);
    }
    response
}

async fn handle(
    state: &FamilyState,
    request: Request,
    next: Next,
    id: &str,
    metadata: &RequestMetadata,
    conditions: &Conditions,
) -> Result<Response, Problem> {
    let FamilyState { app, document, .. } = state;
    let (mut head, body) = request.into_parts();
    let operation = operation(document, &head)?;
    _ = metadata.operation.set(operation.name.clone());
    _ = metadata.field.set(operation.name.clone());
    let parameters = RawPathParams::from_request_parts(&mut head, &()).await;
    let parameters = parameters.map_err(|_| Problem::not_found("id"))?;
    let organization = parameters.iter().find(|(name, _)| *name == "org_id").map(|(_, value)| value);
    let mut call = None;
    if operation.is_public {
        check_rate_limit(app, &head)?;
        head.extensions.insert(Arc::new(PreAuth { app: Arc::clone(app) }));
    } else {
        let context = authenticate(app, &head, organization, id).await?;
        if let Some(organization) = context.caller.organization {
            _ = metadata.organization.set(organization);
        }
        let known = Arc::new(Call::new(app, context, &head.headers, conditions.clone())?);
        known.take_points(POINTS)?;
        head.extensions.insert(Arc::clone(&known));
        call = Some(known);
    }
    let principal = call.as_ref().map_or(Principal::ANONYMOUS, |it| Principal::of(&it.request.caller));
    app.admission.check(&principal)?;
    let query = read_query(document, operation, &head)?;
    let mut memory = app.request_memory.begin(&principal);
    // Received before a permit is acquired, so that a slow client does not hold one; decompressed and parsed after that.
    let body = match &operation.body {
        Some(schema) => {
            let received = body::receive(&head.headers, body, &app.settings, &mut memory).await;
            Some((schema, received.map_err(Problem::of_body)?))
        }
        None => None,
    };
    let mut permit = app.admission.acquire(&principal).await?;
    let body = match body {
        Some((schema, received)) => {
            let bytes = received.decode(&app.settings, &mut memory).await.map_err(Problem::of_body)?;
            Some(parse_body(state, schema, bytes, &mut memory)?)
        }
        None => None,
    };
    let _permit = match &call {
        Some(call) => {
            permit.wait_for_turn(Work { writes: !reads(&head), is_heavy: false }).await?;
            call.hold(permit).await;
            None
        }
        None => Some(permit),
    };
    let work = call
        .as_ref()
        .and_then(|it| Meter::begin(app, &it.request.caller, it.charged(), &metadata.query_stats));
    head.extensions.insert(QueryValue(query));
    if let Some(body) = body {
        head.extensions.insert(BodyValue(body));
    }
    let limit = app.response_memory.limits().response;
    let subject = call.as_ref().map_or("", |it| it.request.caller.subject.as_str());
    let response = async {
        let meter = response_meter(app, subject, &head).await?;
        let execution = next.run(Request::from_parts(head, Body::empty())).instrument(stage!("execute"));
        let (response, here) = timed(meter.run(execution)).await;
        if let (Some(work), Some(call)) = (work, &call) {
            work.finish(here, call.charged());
        }
        response
    };
    response.await.map_err(|why| Problem::stopped(why, limit))
}

/// Memory reserved for a response whose rows are not counted, such as that of a write.
const SMALL_RESPONSE: usize = 256 * 1024;
/// How long a request waits for memory before it gets 503.
const MEMORY_WAIT: Duration = Duration::from_secs(1);
/// Routes that read by POST.
const READS_BY_POST: [&str; 1] = ["/v1/accounts/contacts/filter/ids"];

/// Whether a request only reads.
fn reads(head: &Parts) -> bool {
    let path = head.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    matches!(head.method, Method::GET | Method::HEAD) || READS_BY_POST.contains(&path)
}

/// The memory meter of the response.
async fn response_meter(
    app: &AppState,
    subject: &str,
    head: &Parts,
) -> Result<Arc<ResponseMeter>, ResponseStopped> {
    let reads = reads(head);
    let when_full = if reads { WhenFull::Wait(MEMORY_WAIT) } else { WhenFull::GoOn(MEMORY_WAIT) };
    let overhead = overhead(&head.headers, &app.settings);
    let needs = Needs { first: SMALL_RESPONSE, overhead, counts_rows: reads };
    ResponseMeter::begin(&app.response_memory, subject, needs, when_full).await
}

/// Limits the requests without a token by client address.
fn check_rate_limit(app: &AppState, head: &Parts) -> Result<(), Problem> {
    let Some(attempts) = &app.attempts else { return Ok(()) };
    let address = head.extensions.get::<ClientAddress>();
    let address = address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |client| client.0);
    attempts.take_attempt(address).map_err(Problem::rate_limited)
}

/// The OpenAPI operation of the request.
fn operation<'a>(document: &'a Document, head: &Parts) -> Result<&'a Operation, Problem> {
    let path = head.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let methods = document.operations.get(path);
    // GET handlers serve HEAD too.
    let method = if head.method == Method::HEAD { &Method::GET } else { &head.method };
    methods.and_then(|methods| methods.get(method)).ok_or_else(|| Problem::method(allowed(methods)))
}

fn allowed(methods: Option<&HashMap<Method, Operation>>) -> String {
    let mut names: Vec<&str> = methods.into_iter().flat_map(HashMap::keys).map(Method::as_str).collect();
    names.sort_unstable();
    names.join(", ")
}

/// Authenticates the request. An organization in the path is selected like one in the header; if both are given they must
/// be the same.
async fn authenticate(
    app: &AppState,
    head: &Parts,
    organization: Option<&str>,
    id: &str,
) -> Result<RequestContext, Problem> {
    let now = Utc::now();
    let claims = claims(&app.verifier, &head.headers, now).await.map_err(authentication_problem)?;
    let caller = select(&app.db, claims, selected(&head.headers)?.or(organization)).await?;
    if let Some(connection) = head.extensions.get::<ConnectionHandle>() {
        connection.identify(&caller);
    }
    if let Some(text) = organization
        && external_ids::number(&app.db, text).await? != caller.organization
    {
        let message =
            "The organization of the path is not that of the header x-org-id. Send the same, or no header.";
        return Err(AppError::request(Code::Forbidden, message).into());
    }
    Ok(RequestContext::new(id, now, caller).with_smtputf8(app.settings.smtputf8))
}

fn authentication_problem(authentication_problem: AuthenticationError) -> Problem {
    let expired = matches!(authentication_problem, AuthenticationError::Token(TokenError::Expired));
    let problem = Problem::from(AppError::from(authentication_problem));
    if expired { Problem { kind: ProblemKind::Expired, ..problem } } else { problem }
}

/// Parses the query parameters. Unknown and duplicate parameters are errors.
fn read_query(document: &Document, operation: &Operation, head: &Parts) -> Result<Value, Problem> {
    let (mut values, mut faults) = (Map::new(), Vec::new());
    for (name, text) in url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()) {
        let mut report = |code, message: &'static str| {
            if faults.len() >= MAX_FAULTS {
                return;
            }
            let path = vec![name.to_string().into()];
            faults.push(Fault {
                part: RequestPart::Query,
                path,
                rule: Rule::Input(code),
                message: message.into(),
            });
        };
        let Some(schema) = operation.query["properties"].get(&*name) else {
            report(InputErrorCode::NotAllowed, "Unknown parameter. Remove it.");
            continue;
        };
        let schema = JsonSchema { document: &document.json, schema };
        if values.insert(name.to_string(), schema.parse_parameter(&text)).is_some() {
            report(InputErrorCode::Invalid, "Duplicate parameter. Send it once.");
        }
    }
    let query = Value::Object(values);
    let schema = JsonSchema { document: &document.json, schema: &operation.query };
    faults.extend(schema.validate(RequestPart::Query, &query));
    if faults.is_empty() { Ok(query) } else { Err(Problem::invalid(faults)) }
}

/// Parses the body and validates it against the schema of the operation.
fn parse_body(
    state: &FamilyState,
    schema: &Value,
    bytes: Vec<u8>,
    memory: &mut RequestReservation,
) -> Result<Value, Problem> {
    let text = json_text(&bytes);
    let unreadable = |error| Problem::new(ProblemKind::Unreadable, body::not_json("body", &error));
    memory.grow_for_values(&text).map_err(|error| match error {
        JsonError::Invalid(error) => unreadable(error),
        JsonError::NoMemory(error) => Problem::of_body(error.into()),
    })?;
    let value = canonical(serde_json::from_slice(&text).map_err(unreadable)?);
    drop(text);
    memory.shrink(bytes.capacity());
    let schema = JsonSchema { document: &state.document.json, schema };
    let faults = schema.validate(RequestPart::Body, &value);
    if faults.is_empty() { Ok(value) } else { Err(Problem::invalid(faults)) }
}
