//! GraphQL over HTTP: POST with JSON, GET for what changes nothing. The header Accept decides the media type and with it what the
//! HTTP status says.
//!
//! async-graphql-axum's extractor is not used: it takes mutations by GET and as text/plain, which lets a foreign page send them.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{
        HeaderMap, HeaderValue, Method, Request as HttpRequest, Response as HttpResponse, StatusCode, header,
        request::Parts,
    },
};
use tokio::time::timeout;

use super::{
    access::{RequestMetadata, record_outcome},
    authenticate::{COST, Opening, RequestId, authenticate},
    body,
    executor::{Admission, Call, ExecutedResponse, ExecutionOutcome, GatewayExecutor, TransportCapabilities},
    graphql_request::{read_body, read_query},
    negotiation::{MediaType, accepts_events},
    request_error::RequestError,
    response_body::overhead,
    server::ConnectionHandle,
    sse,
    state::AppState,
    websocket,
};
use crate::{
    error::{AppError, Code},
    fair_share::Principal,
};

/// Handles a GraphQL request.
pub(super) async fn handle(
    State(state): State<Arc<AppState>>,
    Extension(id): Extension<RequestId>,
    Extension(metadata): Extension<Arc<RequestMetadata>>,
    Extension(connection): Extension<ConnectionHandle>,
    request: HttpRequest<Body>,
) -> HttpResponse<Body> {
    let id = id.as_str();
    if websocket::is_upgrade(request.headers()) {
        let opened = websocket::open(state, connection, request, id).await;
        return opened.unwrap_or_else(|error| respond(Err(error), MediaType::Json));
    }
    let events = accepts_events(request.headers());
    let accepted = MediaType::accepted(request.headers());
    let only_events = events && accepted.is_none();
    // A client that accepts events alone learns by the status that none will come.
    let Some(media_type) = accepted.or(events.then_some(MediaType::GraphqlResponse)) else {
        let message = "Not acceptable. Accept application/graphql-response+json, application/json or text/event-stream.";
        metadata.set_outcome(Some(Code::BadRequest.as_str()));
        let error = RequestError::bad(StatusCode::NOT_ACCEPTABLE, message, id);
        return respond(Err(error), MediaType::Json);
    };
    let (head, body) = request.into_parts();
    let limit = state.settings.request_timeout;
    let execution = execute(&state, &connection, &head, body, events, id, &metadata);
    let outcome = timeout(limit, metadata.query_stats.count(execution)).await;
    let outcome = outcome.unwrap_or_else(|_| Err(RequestError::new(&too_slow(limit), id)));
    record_outcome(&metadata, outcome.as_ref().map(|(outcome, _)| outcome));
    match outcome {
        Ok((ExecutionOutcome::Response(response), _)) if !(only_events && response.was_executed) => {
            respond(Ok(*response), media_type)
        }
        Ok((outcome, opening)) => sse::respond(state, connection, head.headers, opening, outcome, id),
        Err(error) => respond(Err(error), media_type),
    }
}

pub(super) fn too_slow(limit: Duration) -> AppError {
    AppError::request(
        Code::Timeout,
        format!("The request exceeded the time limit of {} s.", limit.as_secs_f32()),
    )
}

/// Authenticates, reads the request and executes it; answers also when the token expires.
async fn execute(
    state: &Arc<AppState>,
    connection: &ConnectionHandle,
    head: &Parts,
    body: Body,
    events: bool,
    id: &str,
    metadata: &Arc<RequestMetadata>,
) -> Result<(ExecutionOutcome, Opening), RequestError> {
    check_method(&head.method, id)?;
    let context = authenticate(state, &head.headers, id.to_owned())
        .await
        .map(|context| context.with_smtputf8(state.settings.smtputf8));
    let context = context.map_err(|error| RequestError::new(&error, id))?;
    if let Some(organization) = context.caller.organization {
        _ = metadata.organization.set(organization);
    }
    connection.identify(&context.caller);
    let opening = Opening::from(&context.caller);
    let principal = Principal::of(&context.caller);
    let refused = |error| RequestError::new(&error, id);
    state.admission.check(&principal).map_err(refused)?;
    let mut memory = state.request_memory.begin(&principal);
    let rejected = |error| RequestError::body(error, id);
    // Received before a permit is taken, so that a slow client keeps no other from being served; decompressed and read after
    // that.
    let received = match head.method {
        Method::GET => None,
        _ => Some(body::receive(&head.headers, body, &state.settings, &mut memory).await.map_err(rejected)?),
    };
    let permit = state.admission.acquire(&principal).await.map_err(refused)?;
    let request = match received {
        Some(received) => {
            let body = received.decode(&state.settings, &mut memory).await.map_err(rejected)?;
            let request = read_body(&body, id)?;
            memory.shrink(body.capacity());
            request
        }
        None => read_query(&head.uri, id)?,
    };
    let (request, document) = request.into_request(&mut memory, id)?;
    let admission = Mutex::new(Some(Admission { permit, memory }));
    let capabilities = TransportCapabilities {
        writes: head.method == Method::POST,
        events,
        cost_extension: wants_cost(&head.headers),
        overhead: overhead(&head.headers, &state.settings),
    };
    let call = Call {
        context: Arc::new(context),
        capabilities,
        metadata: Arc::clone(metadata),
        document,
        admission,
    };
    let executor = GatewayExecutor::new(Arc::clone(state));
    Ok((executor.execute_operation(request.data(Arc::new(call))).await?, opening))
}

fn check_method(method: &Method, id: &str) -> Result<(), RequestError> {
    if matches!(*method, Method::GET | Method::POST) {
        return Ok(());
    }
    Err(RequestError::method("GET, POST", "Send GraphQL requests by POST, or queries by GET.", id))
}

/// Whether the client wants `extensions.cost`.
fn wants_cost(headers: &HeaderMap) -> bool {
    headers.get(COST).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
}

fn respond(outcome: Result<ExecutedResponse, RequestError>, media_type: MediaType) -> HttpResponse<Body> {
    let (status, body, header) = match outcome {
        Ok(response) => {
            let header = response.retry_after.map(|it| (header::RETRY_AFTER, HeaderValue::from(it)));
            (executed_status(response.was_executed, media_type), response.body, header)
        }
        Err(mut error) => {
            let status = error_status(error.status, error.well_formed, media_type);
            let header = error.header.take();
            (status, error.json().into(), header)
        }
    };
    let mut http = HttpResponse::new(Body::new(body));
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
fn executed_status(was_executed: bool, media_type: MediaType) -> StatusCode {
    let fine = media_type == MediaType::Json || was_executed;
    if fine { StatusCode::OK } else { StatusCode::BAD_REQUEST }
}

/// In application/json, 200 answers every well-formed request, also one whose document does not parse.
fn error_status(status: StatusCode, well_formed: bool, media_type: MediaType) -> StatusCode {
    if well_formed && media_type == MediaType::Json { StatusCode::OK } else { status }
}
