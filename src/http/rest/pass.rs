//! What every request to a REST route meets, in the order of what each step costs, before a handler sees it: places, token,
//! points, the shape of query and body. What GraphQL's handler does, for routes.

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

use super::{
    call::{Call, Door, POINTS, ReadBody, ReadQuery},
    family::Family,
    openapi::{Document, Operation},
    problem::{Besides, Fault, Kind, Part, Problem, Rule},
    shape::{MOST, Shape},
};
use crate::{
    app::AppState,
    auth::{RequestContext, TokenError, organization_number},
    error::{AppError, Code, InputErrorCode, NO_ORGANIZATION},
    fair_share::Principal,
    http::{
        access::Facts,
        body,
        context::{RequestId, Unproven, claims, select, selected},
        meter::{Meter, timed},
        response_body::overhead,
        server::{Care, Peer},
    },
    service::{
        json::{canonical, keep_numbers},
        response_memory::{Needs, ResponseMeter, ResponseStopped, WhenFull},
    },
};

/// What the routes of a family stand on.
#[derive(Clone)]
pub(super) struct Edge {
    pub(super) app: Arc<AppState>,
    pub(super) family: Family,
    pub(super) document: &'static Document,
}

/// Takes a request to its handler, and gives refusals the form of the family.
pub(super) async fn pass(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().map_or("", RequestId::as_str).to_owned();
    let facts = request.extensions().get::<Arc<Facts>>().cloned().unwrap_or_default();
    let limit = edge.app.settings.request_timeout;
    let answer = timeout(limit, facts.tally.count(enter(&edge, request, next, &id, &facts))).await;
    let mut response = match answer {
        Ok(Ok(response)) => response,
        Ok(Err(problem)) => problem.into_response(),
        Err(_) => {
            let message = format!("The request took longer than {} s.", limit.as_secs_f32());
            Problem::new(Kind::Timeout, message).into_response()
        }
    };
    match response.extensions_mut().remove::<Problem>() {
        Some(problem) => {
            facts.set_outcome(Some(problem.kind.code().as_str()));
            if let Besides::Cause(cause) = &problem.besides {
                tracing::error!(request.id = id, cause, "a REST request failed");
            }
            response = refusal(edge.family, problem);
        }
        None => facts.set_outcome(None),
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn refusal(family: Family, mut problem: Problem) -> Response {
    let besides = std::mem::replace(&mut problem.besides, Besides::Nothing);
    let header = match (problem.kind, besides) {
        (Kind::Unauthenticated | Kind::Expired, _) => Some((header::WWW_AUTHENTICATE, "Bearer".into())),
        (_, Besides::RetryAfter(seconds)) => Some((header::RETRY_AFTER, seconds.to_string().into())),
        (_, Besides::Allow(methods)) => Some((header::ALLOW, methods)),
        (kind, Besides::Nothing | Besides::Cause(_)) => {
            kind.code().retry_after().map(|seconds| (header::RETRY_AFTER, seconds.to_string().into()))
        }
    };
    let (status, body) = family.told(problem);
    let content_type = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    let mut response = (status, content_type, body.to_string()).into_response();
    if let Some((name, value)) = header
        && let Ok(value) = HeaderValue::from_str(&value)
    {
        response.headers_mut().insert(name, value);
    }
    response
}

async fn enter(
    edge: &Edge,
    request: Request,
    next: Next,
    id: &str,
    facts: &Facts,
) -> Result<Response, Problem> {
    let Edge { app, document, .. } = edge;
    let (mut head, body) = request.into_parts();
    let operation = operation(document, &head)?;
    _ = facts.operation.set(operation.name.clone());
    _ = facts.field.set(operation.name.clone());
    app.places.check()?;
    let parameters = RawPathParams::from_request_parts(&mut head, &()).await;
    let parameters = parameters.map_err(|_| Problem::not_found("id"))?;
    let organization = parameters.iter().find(|(name, _)| *name == "org_id").map(|(_, value)| value);
    let mut call = None;
    if operation.is_open {
        knock(app, &head)?;
        head.extensions.insert(Arc::new(Door { app: Arc::clone(app) }));
    } else {
        let context = caller(app, &head, organization, id).await?;
        if let Some(organization) = context.caller.organization {
            _ = facts.organization.set(organization);
        }
        let known = Arc::new(Call::new(app, context, &head.headers)?);
        known.spend(POINTS)?;
        head.extensions.insert(Arc::clone(&known));
        call = Some(known);
    }
    let query = read_query(document, operation, &head)?;
    let body = match &operation.body {
        Some(schema) => Some(read_body(edge, schema, &head, body).await?),
        None => None,
    };
    // Taken when the request is there: nobody who sends one slowly keeps others from being answered.
    let principal = call.as_ref().map_or(Principal::ANONYMOUS, |it| Principal::of(&it.request.caller));
    let _place = app.places.take(&principal).await?;
    let work = call.as_ref().and_then(|it| Meter::begin(app, &it.request.caller, it.spent(), &facts.tally));
    head.extensions.insert(ReadQuery(query));
    if let Some(body) = body {
        head.extensions.insert(ReadBody(body));
    }
    let limit = app.response_memory.limits().response;
    let subject = call.as_ref().map_or("", |it| it.request.caller.subject.as_str());
    let response = async {
        let meter = response_meter(app, subject, &head).await?;
        let (response, here) = timed(meter.run(next.run(Request::from_parts(head, Body::empty())))).await;
        if let (Some(work), Some(call)) = (work, &call) {
            work.finish(here, call.spent());
        }
        response
    };
    response.await.map_err(|why| Problem::stopped(why, limit))
}

/// What a response may take that is not counted, such as that to a write.
const SMALL_RESPONSE: usize = 256 * 1024;
/// How long a request waits for memory before it gets 503.
const MEMORY_WAIT: Duration = Duration::from_secs(1);
/// Reads by POST.
const READS_BY_POST: [&str; 1] = ["/v1/accounts/contacts/filter/ids"];

/// The meter of the response to a request.
async fn response_meter(
    app: &AppState,
    subject: &str,
    head: &Parts,
) -> Result<Arc<ResponseMeter>, ResponseStopped> {
    let path = head.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let reads = matches!(head.method, Method::GET | Method::HEAD) || READS_BY_POST.contains(&path);
    let when_full = if reads { WhenFull::Wait(MEMORY_WAIT) } else { WhenFull::GoOn(MEMORY_WAIT) };
    let overhead = overhead(&head.headers, &app.settings);
    let needs = Needs { first: SMALL_RESPONSE, overhead, counts_rows: reads };
    ResponseMeter::begin(&app.response_memory, subject, needs, when_full).await
}

/// Lets those in who need no token, unless too many came from their address lately.
fn knock(app: &AppState, head: &Parts) -> Result<(), Problem> {
    let Some(attempts) = &app.attempts else { return Ok(()) };
    let address = head.extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
    attempts.take_attempt(address).map_err(Problem::rate_limited)
}

/// The operation of the document that is asked for.
fn operation<'a>(document: &'a Document, head: &Parts) -> Result<&'a Operation, Problem> {
    let path = head.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let methods = document.operations.get(path);
    // GET answers HEAD, without the body.
    let method = if head.method == Method::HEAD { &Method::GET } else { &head.method };
    methods.and_then(|methods| methods.get(method)).ok_or_else(|| Problem::method(allowed(methods)))
}

fn allowed(methods: Option<&HashMap<Method, Operation>>) -> String {
    let mut names: Vec<&str> = methods.into_iter().flat_map(HashMap::keys).map(Method::as_str).collect();
    names.sort_unstable();
    names.join(", ")
}

/// Who asks. An organization in the path selects as the header does; both must mean the same one.
async fn caller(
    app: &AppState,
    head: &Parts,
    organization: Option<&str>,
    id: &str,
) -> Result<RequestContext, Problem> {
    let now = Utc::now();
    let claims = claims(&app.verifier, &head.headers, now).await.map_err(unproven)?;
    let caller = select(claims, selected(&head.headers)?.or(organization))?;
    if let Some(care) = head.extensions.get::<Care>() {
        care.identify(&caller);
    }
    if organization.is_some_and(|text| organization_number(text) != caller.organization) {
        return Err(AppError::request(Code::Forbidden, NO_ORGANIZATION).into());
    }
    Ok(RequestContext::new(id, now, caller))
}

fn unproven(unproven: Unproven) -> Problem {
    let expired = matches!(unproven, Unproven::Token(TokenError::Expired));
    let problem = Problem::from(AppError::from(unproven));
    if expired { Problem { kind: Kind::Expired, ..problem } } else { problem }
}

/// The parameters of the query as the operation declares them; others are refused, and those that come twice.
fn read_query(document: &Document, operation: &Operation, head: &Parts) -> Result<Value, Problem> {
    let (mut values, mut faults) = (Map::new(), Vec::new());
    for (name, text) in url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()) {
        let mut report = |code, message: &'static str| {
            if faults.len() >= MOST {
                return;
            }
            let path = vec![name.to_string().into()];
            faults.push(Fault { part: Part::Query, path, rule: Rule::Input(code), message: message.into() });
        };
        let Some(schema) = operation.query["properties"].get(&*name) else {
            report(InputErrorCode::NotAllowed, "This parameter is not known here.");
            continue;
        };
        let shape = Shape { document: &document.json, schema };
        if values.insert(name.to_string(), shape.value_of(&text)).is_some() {
            report(InputErrorCode::Invalid, "This parameter came twice.");
        }
    }
    let query = Value::Object(values);
    let shape = Shape { document: &document.json, schema: &operation.query };
    faults.extend(shape.faults(Part::Query, &query));
    if faults.is_empty() { Ok(query) } else { Err(Problem::invalid(faults)) }
}

/// The body, once it has the shape that the operation declares.
async fn read_body(edge: &Edge, schema: &Value, head: &Parts, body: Body) -> Result<Value, Problem> {
    let bytes = body::read(&head.headers, body, &edge.app.settings).await;
    let bytes = bytes.map_err(|(status, message)| Problem::of_body(status, message))?;
    let unreadable = |error| Problem::new(Kind::Unreadable, body::not_json(&error));
    let value = canonical(serde_json::from_slice(&keep_numbers(&bytes)).map_err(unreadable)?);
    let shape = Shape { document: &edge.document.json, schema };
    let faults = shape.faults(Part::Body, &value);
    if faults.is_empty() { Ok(value) } else { Err(Problem::invalid(faults)) }
}
