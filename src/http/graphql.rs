//! GraphQL over HTTP: our own handler over `schema.execute`.
//!
//! POST with JSON, GET for what changes nothing; the header Accept decides the media type and with it what the HTTP status
//! says. The stock extractor is not used: it takes mutations by GET and as text/plain, which lets a foreign page send them.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{
        HeaderMap, HeaderValue, Method, Request as HttpRequest, Response as HttpResponse, StatusCode, header,
        request::Parts,
    },
};
use chrono::{DateTime, Utc};
use tokio::time::timeout;

use super::{
    access::Facts,
    asked::{read_body, read_query},
    context::{COST, RequestId, authenticate},
    negotiation::{MediaType, accepts_events},
    operation::{Answered, Manner, Performed, note, perform},
    refused::Refused,
    response_body::overhead,
    server::Care,
    sse, websocket,
};
use crate::{
    app::AppState,
    error::{AppError, Code},
};

/// Answers a GraphQL request.
pub(super) async fn handle(
    State(app): State<Arc<AppState>>,
    Extension(id): Extension<RequestId>,
    Extension(facts): Extension<Arc<Facts>>,
    Extension(care): Extension<Care>,
    request: HttpRequest<Body>,
) -> HttpResponse<Body> {
    let id = id.as_str();
    if websocket::is_asked_for(request.headers()) {
        let opened = websocket::open(app, care, request, id).await;
        return opened.unwrap_or_else(|refused| respond(Err(refused), MediaType::Json));
    }
    let events = accepts_events(request.headers());
    let accepted = MediaType::accepted(request.headers());
    let only_events = events && accepted.is_none();
    // Who takes nothing but events learns by the status that none will come.
    let Some(media_type) = accepted.or(events.then_some(MediaType::GraphqlResponse)) else {
        let message = "Not acceptable. Accept application/graphql-response+json, application/json or text/event-stream.";
        facts.set_outcome(Some(Code::BadRequest.as_str()));
        return respond(Err(Refused::bad(StatusCode::NOT_ACCEPTABLE, message, id)), MediaType::Json);
    };
    let (head, body) = request.into_parts();
    let limit = app.settings.request_timeout;
    let answer = facts.tally.count(answer(&app, &care, &head, body, events, id, &facts));
    let answer = timeout(limit, answer).await;
    let answer = answer.unwrap_or_else(|_| Err(Refused::new(&too_slow(limit), id)));
    note(&facts, answer.as_ref().map(|(performed, _)| performed));
    match answer {
        Ok((Performed::Once(answered), _)) if !(only_events && answered.was_executed) => {
            respond(Ok(*answered), media_type)
        }
        Ok((performed, expires_at)) => sse::respond(app, care, head.headers, expires_at, performed, id),
        Err(refused) => respond(Err(refused), media_type),
    }
}

pub(super) fn too_slow(limit: Duration) -> AppError {
    AppError::request(
        Code::Timeout,
        format!("The request exceeded the time limit of {} s.", limit.as_secs_f32()),
    )
}

/// What came of the request, and until when its token is good.
async fn answer(
    app: &Arc<AppState>,
    care: &Care,
    head: &Parts,
    body: Body,
    events: bool,
    id: &str,
    facts: &Facts,
) -> Result<(Performed, DateTime<Utc>), Refused> {
    check_method(&head.method, id)?;
    app.places.check().map_err(|error| Refused::new(&error, id))?;
    let context = authenticate(&app.verifier, &head.headers, id.to_owned())
        .await
        .map_err(|error| Refused::new(&error, id))?;
    if let Some(organization) = context.caller.organization {
        _ = facts.organization.set(organization);
    }
    care.identify(&context.caller);
    let expires_at = context.caller.expires_at;
    // Read before a place is taken: nobody who sends slowly keeps others from being answered.
    let asked = if head.method == Method::GET {
        read_query(&head.uri, id)?
    } else {
        read_body(&head.headers, body, &app.settings, id).await?
    };
    let manner = Manner {
        writes: head.method == Method::POST,
        events,
        tell_cost: wants_cost(&head.headers),
        overhead: overhead(&head.headers, &app.settings),
    };
    Ok((perform(app, context, asked, manner, id, facts).await?, expires_at))
}

fn check_method(method: &Method, id: &str) -> Result<(), Refused> {
    if matches!(*method, Method::GET | Method::POST) {
        return Ok(());
    }
    Err(Refused::method("GET, POST", "Send GraphQL requests by POST, or queries by GET.", id))
}

/// Whether the client asks what its request costs.
fn wants_cost(headers: &HeaderMap) -> bool {
    headers.get(COST).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
}

fn respond(answer: Result<Answered, Refused>, media_type: MediaType) -> HttpResponse<Body> {
    let (status, body, header) = match answer {
        Ok(answered) => {
            let header = answered.retry_after.map(|it| (header::RETRY_AFTER, HeaderValue::from(it)));
            (executed_status(answered.was_executed, media_type), answered.body, header)
        }
        Err(mut refused) => {
            let status = refused_status(refused.status, refused.well_formed, media_type);
            let header = refused.header.take();
            (status, refused.json().into(), header)
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
fn refused_status(status: StatusCode, well_formed: bool, media_type: MediaType) -> StatusCode {
    if well_formed && media_type == MediaType::Json { StatusCode::OK } else { status }
}
