//! GraphQL over HTTP: our own handler over `schema.execute`.
//!
//! POST with JSON, GET for queries only; the header Accept decides the media type and with it what the HTTP status says.
//! The stock extractor is not used: it takes mutations by GET and as text/plain, which lets a foreign page send them.

use std::{sync::Arc, time::Duration};

use async_graphql::{
    Name, Request, Response, ServerError, Value, Variables,
    parser::types::{ExecutableDocument, OperationType},
};
use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{
        HeaderMap, HeaderValue, Method, Request as HttpRequest, Response as HttpResponse, StatusCode, header,
    },
};
use tokio::time::timeout;

use super::{
    access::Facts,
    asked::{Asked, read_body, read_query},
    context::{COST, RequestId, authenticate},
    negotiation::MediaType,
};
use crate::{
    app::AppState,
    auth::RequestContext,
    error::{AppError, Code},
    graphql::{
        Gateway,
        document::{
            self, Found, Parsed, Reason, cost, introspection_refused, misfit_variable, operation,
            unknown_type, without_absent_variables,
        },
        error::{refusal, set_code, translate},
        response,
    },
};

/// A request that was executed, or found not to fit the schema.
struct Answered {
    response: Response,
    parsed: Arc<Parsed>,
    operation_name: Option<String>,
}

/// A request that is refused before anything of it is executed.
pub(super) struct Refused {
    status: StatusCode,
    error: Box<ServerError>,
    /// Whether only the document is to blame, and not the request that brings or names it.
    well_formed: bool,
    /// What its document is refused for.
    reason: Option<Reason>,
    /// A header that such a status calls for.
    header: Option<(header::HeaderName, HeaderValue)>,
}

impl Refused {
    fn new(error: &AppError, request_id: &str) -> Self {
        let status = StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let header = match error.code() {
            Code::Unauthenticated => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Code::Unavailable | Code::Overloaded => {
                Some((header::RETRY_AFTER, HeaderValue::from_static("1")))
            }
            _ => None,
        };
        let well_formed = error.code().is_of_document();
        Self { status, error: Box::new(refusal(error, request_id)), well_formed, reason: None, header }
    }

    pub(super) fn bad(status: StatusCode, message: &'static str, request_id: &str) -> Self {
        Self { status, ..Self::new(&AppError::request(Code::BadRequest, message), request_id) }
    }

    fn method(allowed: &'static str, message: &'static str, request_id: &str) -> Self {
        let header = Some((header::ALLOW, HeaderValue::from_static(allowed)));
        Self { header, ..Self::bad(StatusCode::METHOD_NOT_ALLOWED, message, request_id) }
    }

    /// The caller's bucket has too few points, for so many seconds.
    fn rate_limited(seconds: u64, request_id: &str) -> Self {
        let message = format!("Too much was asked for lately. Try again in {seconds} s.");
        let header = Some((header::RETRY_AFTER, HeaderValue::from(seconds)));
        let error = AppError::request(Code::RateLimited, message);
        Self { header, reason: Some(Reason::Rate), ..Self::new(&error, request_id) }
    }

    /// A document that is none, or variables that do not fit it.
    fn misfit(error: impl Into<ServerError>, code: Code, request_id: &str) -> Self {
        let mut error = error.into();
        set_code(&mut error, code, request_id);
        let well_formed = code.is_of_document();
        let status = StatusCode::BAD_REQUEST;
        Self { status, error: Box::new(error), well_formed, reason: None, header: None }
    }

    /// A document that is not taken.
    fn document(refused: document::Refused, request_id: &str) -> Self {
        let (code, reason) = (refused.code, refused.reason);
        Self { reason: Some(reason), ..Self::misfit(refused, code, request_id) }
    }

    fn too_long(request_id: &str) -> Self {
        let message = "The document is longer than 128 KiB.";
        let refused = Self::bad(StatusCode::PAYLOAD_TOO_LARGE, message, request_id);
        Self { reason: Some(Reason::Length), ..refused }
    }
}

/// Answers a GraphQL request.
pub(super) async fn handle(
    State(app): State<Arc<AppState>>,
    Extension(id): Extension<RequestId>,
    Extension(facts): Extension<Arc<Facts>>,
    request: HttpRequest<Body>,
) -> HttpResponse<Body> {
    let id = id.as_str();
    let Some(media_type) = MediaType::accepted(request.headers()) else {
        let message = "Accept application/graphql-response+json or application/json.";
        facts.set_outcome(Some(Code::BadRequest.as_str()));
        return respond(Err(Refused::bad(StatusCode::NOT_ACCEPTABLE, message, id)), MediaType::Json);
    };
    let answer = facts.tally.count(answer(&app, request, id, &facts));
    let answer = match timeout(app.settings.request_timeout, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(Refused::new(&too_slow(app.settings.request_timeout), id)),
    };
    let error = match &answer {
        Ok(answered) => answered.response.errors.first(),
        Err(refused) => Some(&*refused.error),
    };
    facts.set_outcome(error.map(code));
    if let Err(Refused { reason: Some(reason), .. }) = &answer {
        _ = facts.refused.set(*reason);
    }
    respond(answer, media_type)
}

fn too_slow(limit: Duration) -> AppError {
    AppError::request(Code::Timeout, format!("The request took longer than {} s.", limit.as_secs_f32()))
}

/// The code of an error, which has one by now.
fn code(error: &ServerError) -> &str {
    match error.extensions.as_ref().and_then(|extensions| extensions.get("code")) {
        Some(Value::String(code)) => code,
        _ => Code::Internal.as_str(),
    }
}

async fn answer(
    app: &AppState,
    request: HttpRequest<Body>,
    id: &str,
    facts: &Facts,
) -> Result<Answered, Refused> {
    let (head, body) = request.into_parts();
    check_method(&head.method, id)?;
    app.places.check().map_err(|error| Refused::new(&error, id))?;
    let context = authenticate(&app.verifier, &head.headers, id.to_owned())
        .await
        .map_err(|error| Refused::new(&error, id))?;
    if let Some(organization) = context.caller.organization {
        _ = facts.organization.set(organization);
    }
    let asked = if head.method == Method::GET {
        read_query(&head.uri, id)?
    } else {
        read_body(&head.headers, body, &app.settings, id).await?
    };
    // Taken when the request is there: nobody who sends one slowly keeps others from being answered.
    let _place = app.places.take().await.map_err(|error| Refused::new(&error, id))?;
    let only_queries = head.method == Method::GET;
    let prepared = prepare(app, &context, asked, only_queries, id, facts);
    let points = prepared.as_ref().map_or(REFUSED_POINTS, |prepared| prepared.points);
    let left = spend(app, &context, points, id)?;
    let mut answered = execute(app, context, prepared?, id, facts).await;
    if wants_cost(&head.headers) {
        answered.response.extensions.insert("cost".to_owned(), told(app, points, left));
    }
    Ok(answered)
}

fn check_method(method: &Method, id: &str) -> Result<(), Refused> {
    if matches!(*method, Method::GET | Method::POST) {
        return Ok(());
    }
    Err(Refused::method("GET, POST", "Send GraphQL requests by POST, or queries by GET.", id))
}

/// The most bytes of a document. Bodies may be longer: bulk writes carry their rows in variables, which cost far less to
/// read than a document does.
const DOCUMENT_LIMIT: usize = 128 * 1024;
/// What a request costs that is refused for its document: it was read, too.
const REFUSED_POINTS: u64 = 10;

/// A request that may be executed.
struct Prepared {
    parsed: Arc<Parsed>,
    operation_name: Option<String>,
    variables: Variables,
    /// What it costs.
    points: u64,
}

/// Looks at a request in the order of what each look costs, before anything of it is executed.
fn prepare(
    app: &AppState,
    context: &RequestContext,
    asked: Asked,
    only_queries: bool,
    id: &str,
    facts: &Facts,
) -> Result<Prepared, Refused> {
    if asked.query().is_some_and(|query| query.len() > DOCUMENT_LIMIT) {
        return Err(Refused::too_long(id));
    }
    let found = find(app, context, &asked, id)?;
    let name = asked.operation_name.as_deref();
    let selected = operation(&found.parsed.document, name).map_err(|error| Refused::new(&error, id))?;
    facts.set_operation(&found.parsed.document, name);
    if found.untrusted {
        _ = facts.untrusted.set(());
        app.untrusted.tell(&found, asked.query(), facts, id);
    }
    if only_queries && selected.node.ty != OperationType::Query {
        return Err(Refused::method("POST", "Send mutations by POST.", id));
    }
    let Found { parsed, .. } = &found;
    let variables = asked.variables.unwrap_or_default();
    let mut refused = unknown_type(&parsed.document, |name| app.field_types.knows(name))
        .or_else(|| misfit_variable(&selected.node, &variables));
    if !app.settings.introspection {
        refused = refused.or_else(|| introspection_refused(&parsed.names, selected));
    }
    if let Some(error) = refused {
        return Err(Refused::misfit(error, Code::ValidationFailed, id));
    }
    let points = cost(app.field_types, &parsed.document, selected, &variables, app.settings.cost_limit)
        .map_err(|refused| Refused::document(refused, id))?;
    Ok(Prepared { parsed: found.parsed, operation_name: asked.operation_name, variables, points })
}

/// The document that a request brings or names.
fn find(app: &AppState, context: &RequestContext, asked: &Asked, id: &str) -> Result<Found, Refused> {
    let bad = |message| Refused::bad(StatusCode::BAD_REQUEST, message, id);
    let request = asked.document().map_err(bad)?;
    let found = app.documents.find(request, context.caller.organization);
    found.map_err(|refused| Refused::document(refused, id))
}

/// Takes points from the caller's bucket, where there are buckets, and tells how many are left in it.
fn spend(app: &AppState, context: &RequestContext, points: u64, id: &str) -> Result<Option<u32>, Refused> {
    let left = app.rate_limit.as_ref().map(|buckets| buckets.take(&context.caller, points));
    left.transpose().map_err(|seconds| Refused::rate_limited(seconds, id))
}

/// What a request cost, as `extensions.cost` tells it.
fn told(app: &AppState, points: u64, left: Option<u32>) -> Value {
    let mut told = vec![("requested", points.into()), ("limit", app.settings.cost_limit.into())];
    if let (Some(buckets), Some(left)) = (&app.rate_limit, left) {
        told.push(("rateLimit", object([("burst", buckets.burst().into()), ("left", left.into())])));
    }
    object(told)
}

fn object(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Object(fields.into_iter().map(|(name, value)| (Name::new(name), value)).collect())
}

/// Whether the client asks what its request costs.
fn wants_cost(headers: &HeaderMap) -> bool {
    headers.get(COST).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
}

async fn execute(
    app: &AppState,
    context: RequestContext,
    prepared: Prepared,
    id: &str,
    facts: &Facts,
) -> Answered {
    let Prepared { parsed, operation_name, variables, .. } = prepared;
    let name = operation_name.as_deref();
    let pruned = without_absent_variables(&parsed.document, name, &variables);
    let gateway = Gateway::new(context, &app.db, Arc::clone(&parsed.names));
    let mut request = Request::new("").variables(variables).data(gateway);
    request.operation_name = operation_name.clone();
    request.set_parsed_query(pruned);
    let mut response = app.schema.execute(request).await;
    if response::was_executed(&response)
        && let Ok(selected) = operation(&parsed.document, name)
    {
        facts.set_field(&parsed.document, &selected.node);
    }
    if !response.errors.is_empty() {
        finish_errors(app, &mut response, &parsed.document, name, id);
    }
    Answered { response, parsed, operation_name }
}

fn finish_errors(
    app: &AppState,
    response: &mut Response,
    document: &ExecutableDocument,
    operation_name: Option<&str>,
    id: &str,
) {
    app.field_types.complete(response, document, operation_name);
    translate(response, id);
}

fn respond(answer: Result<Answered, Refused>, media_type: MediaType) -> HttpResponse<Body> {
    let (status, json, header) = match answer {
        Ok(Answered { response, parsed, operation_name }) => {
            let json = response::write(&response, Some((&parsed.document, operation_name.as_deref())));
            (executed_status(&response, media_type), json, None)
        }
        Err(Refused { status, error, well_formed, header, .. }) => {
            let status = refused_status(status, well_formed, media_type);
            (status, response::write(&Response::from_errors(vec![*error]), None), header)
        }
    };
    let mut http = HttpResponse::new(Body::from(json));
    *http.status_mut() = status;
    let headers = http.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type.content_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some((name, value)) = header {
        headers.insert(name, value);
    }
    http
}

/// A document that does not validate is not executed, and where the status may say so, it does.
fn executed_status(response: &Response, media_type: MediaType) -> StatusCode {
    let fine = media_type == MediaType::Json || response::was_executed(response);
    if fine { StatusCode::OK } else { StatusCode::BAD_REQUEST }
}

/// In application/json, 200 answers every well-formed request, also one whose document does not parse.
fn refused_status(status: StatusCode, well_formed: bool, media_type: MediaType) -> StatusCode {
    if well_formed && media_type == MediaType::Json { StatusCode::OK } else { status }
}
