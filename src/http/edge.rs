//! What every request meets and every answer carries, whatever its route: the request's id, the limit of its URL, and
//! the headers that keep browsers from making something else of an answer.

use std::{net::IpAddr, sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};
use tracing::{Instrument, Span};

use super::{
    access::{Access, RequestMetadata},
    authenticate::{REQUEST_ID, RequestId},
    client_address::{ClientAddress, TrustedProxies},
    metrics::Metrics,
    refusal,
    server::Peer,
};
use crate::{
    error::Code,
    log::RequestFields,
    telemetry::{self, TRACE_RESPONSE, TraceIdentity},
};

/// The most bytes of a path with its query: room for a document by GET, and what caches and proxies take too.
const URL_LIMIT: usize = 16 * 1024;

/// Not for pages, which have policies of their own: nothing is loaded, and nobody puts the answer into a frame.
const CONTENT_SECURITY_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// On every response that does not override them. The proxy that terminates TLS sets Strict-Transport-Security.
const SECURITY_HEADERS: [(HeaderName, HeaderValue); 3] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];

/// What requests are tracked with.
#[derive(Clone)]
pub(super) struct Tracking {
    pub(super) metrics: Arc<Metrics>,
    pub(super) proxies: Arc<TrustedProxies>,
}

/// Sets the request id and the response headers; logs the request when it has ended.
pub(super) async fn track_request(
    State(Tracking { metrics, proxies }): State<Tracking>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = RequestId::of(request.headers());
    let peer = request.extensions().get().copied();
    let client = peer.map(|Peer(peer)| proxies.client(peer, request.headers()));
    if let Some(client) = client {
        request.extensions_mut().insert(ClientAddress(client));
    }
    let route = request.extensions().get().map_or("none", MatchedPath::as_str).to_owned();
    let span = match route.as_str() {
        // Probes would be most of the traces.
        "/healthz" | "/readyz" => Span::none(),
        route => telemetry::request_span(request.method().as_str(), route, request.headers()),
    };
    let trace = TraceIdentity::of(&span);
    let fields = RequestFields {
        request_id: id.as_str().to_owned(),
        client_address: client,
        trace_id: trace.as_ref().map(|trace| trace.trace_id.clone()),
    };
    let response = respond(metrics, (id, route, client), request, next).instrument(span.clone());
    let mut response = Arc::new(fields).scope(response).await;
    telemetry::record_status(&span, response.status().as_u16());
    if let Some(trace) = trace {
        response.headers_mut().insert(TRACE_RESPONSE, trace.header);
    }
    response
}

async fn respond(
    metrics: Arc<Metrics>,
    (id, route, client): (RequestId, String, Option<IpAddr>),
    mut request: Request,
    next: Next,
) -> Response {
    let metadata = Arc::new(RequestMetadata::of(client));
    let mut access = Access {
        id: id.clone(),
        method: request.method().clone(),
        route,
        begin: Instant::now(),
        metadata: Arc::clone(&metadata),
        metrics,
        status: None,
    };
    let value = HeaderValue::from_str(id.as_str());
    let too_long = request.uri().path_and_query().is_some_and(|it| it.as_str().len() > URL_LIMIT);
    let mut response = if too_long {
        let message = "The URL is too long. Send the document by POST.";
        refusal(StatusCode::URI_TOO_LONG, Code::BadRequest, message)
    } else {
        request.extensions_mut().insert(id);
        request.extensions_mut().insert(metadata);
        next.run(request).await
    };
    access.status = Some(response.status());
    let headers = response.headers_mut();
    if let Ok(value) = value {
        headers.insert(REQUEST_ID, value);
    }
    for (name, value) in SECURITY_HEADERS {
        headers.entry(name).or_insert(value);
    }
    response
}
