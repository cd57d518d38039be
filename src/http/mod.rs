//! The HTTP edge: routes, headers and status codes. May name axum and tower; never a query of sea_orm.

mod access;
pub mod admission;
mod authenticate;
mod body;
pub mod client_address;
mod edge;
mod executor;
mod graphql;
mod graphql_request;
pub mod health;
mod meter;
pub mod metrics;
mod negotiation;
pub mod origins;
pub mod playground;
pub mod rate_limit;
mod request_error;
pub mod request_memory;
mod response_body;
mod rest;
pub mod server;
mod sse;
pub mod state;
pub mod subscription_memory;
mod transfer;
pub mod untrusted;
mod websocket;

use std::{any::Any, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderValue, Method, Response, StatusCode, header, request::Parts},
    middleware,
    response::IntoResponse,
    routing::{any, get},
};
use serde_json::json;
use tower_http::{
    CompressionLevel,
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{NotForContentType, Predicate, SizeAbove},
    },
    cors::{AllowHeaders, AllowOrigin, CorsLayer},
};

use self::{edge::Tracking, origins::AllowedOrigins, state::AppState};
use crate::error::Code;

/// All routes, with the playground when there is one.
pub fn router(state: Arc<AppState>, playground: Option<playground::Session>) -> Router {
    let cors = cors(&state.settings.allowed_origins);
    let compression = compression(state.settings.compression);
    let tracking = Tracking { metrics: Arc::clone(&state.metrics), proxies: state.settings.proxies.clone() };
    let (rest, transfer) = (rest::router(&state), transfer::router(&state));
    let routes = Router::new()
        .route("/graphql", any(graphql::handle))
        .route("/schema.graphql", get(schema))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .with_state(state)
        .merge(rest)
        .merge(transfer)
        .layer(compression)
        .layer(cors);
    let routes = match playground {
        Some(session) => routes.merge(playground::router(session)),
        None => routes,
    };
    with_common_layers(routes, tracking)
}

/// The routes for those who run the gateway, which have an address of their own.
pub fn operator_router(state: Arc<AppState>) -> Router {
    let metrics = Arc::clone(&state.metrics);
    let routes = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .with_state(state)
        .route("/metrics", get(metrics::scrape))
        .with_state(metrics);
    routes.layer(CatchPanicLayer::custom(panicked))
}

/// Routes with the layers of all of them.
fn with_common_layers(routes: Router, tracking: Tracking) -> Router {
    let tracking = middleware::from_fn_with_state(tracking, edge::track_request);
    routes.layer(CatchPanicLayer::custom(panicked)).layer(tracking)
}

/// How long a browser may remember what a page may send.
const PREFLIGHT_AGE: Duration = Duration::from_mins(10);

/// Pages of these origins, and no others, may read the answers.
fn cors(origins: &AllowedOrigins) -> CorsLayer {
    let origins = origins.clone();
    let is_allowed =
        move |origin: &HeaderValue, _: &Parts| origin.to_str().is_ok_and(|it| origins.contains(it));
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(is_allowed))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        // Client libraries send headers of their own, and the origins are trusted by name.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(
            [authenticate::REQUEST_ID, header::RETRY_AFTER]
                .into_iter()
                .chain(rest::HEADERS)
                .collect::<Vec<_>>(),
        )
        .max_age(PREFLIGHT_AGE)
}

/// Answers of fewer bytes than this fit into one packet as they are.
const WORTH_COMPRESSING: u64 = 1024;

/// gzip at its quickest, for clients that ask for it: a quarter of the bytes for some 2 ms of CPU per megabyte. Brotli
/// saves little more and takes twice the time.
///
/// That the length of an answer tells of its content is no danger here: nobody's browser can be made to ask in their
/// name, because tokens come in a header that only pages of configured origins can send.
fn compression(on: bool) -> CompressionLayer<impl Predicate> {
    CompressionLayer::new()
        .gzip(on)
        .quality(CompressionLevel::Fastest)
        .compress_when(SizeAbove::new(WORTH_COMPRESSING).and(NotForContentType::SSE))
}

/// `/schema.graphql`: the schema in its definition language, where introspection is on.
async fn schema(State(state): State<Arc<AppState>>) -> Response<Body> {
    if !state.settings.introspection {
        return StatusCode::NOT_FOUND.into_response();
    }
    ([(header::CONTENT_TYPE, "application/graphql; charset=utf-8")], state.sdl).into_response()
}

/// A panic ends its request, not the process.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response<Body> {
    tracing::error!("request panicked");
    refusal(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, "Internal error.")
}

/// What is answered in the place of GraphQL, in its form.
fn refusal(status: StatusCode, code: Code, message: &'static str) -> Response<Body> {
    let body = json!({ "errors": [{ "message": message, "extensions": { "code": code.as_str() } }] });
    let content_type = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (status, content_type, body.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::{
        admission::{AdmissionControl, concurrent_permits},
        client_address::TrustedProxies,
        metrics::Metrics,
        server::Stats,
        *,
    };
    use crate::service::{
        Database,
        database::DatabaseOptions,
        events::{Feed, SubscriptionLimits},
        response_memory::{ResponseLimits, ResponseMemory},
    };

    async fn panicking() -> StatusCode {
        panic!("the secret");
    }

    async fn tracking() -> Tracking {
        let proxies = Arc::new(TrustedProxies::new([], client_address::ForwardedHeader::XForwardedFor));
        Tracking { metrics: metrics().await, proxies }
    }

    async fn metrics() -> Arc<Metrics> {
        let second = Duration::from_secs(1);
        let options = DatabaseOptions {
            url: "sqlite::memory:".to_owned(),
            max_connections: 1,
            acquire_timeout: second,
            statement_timeout: second,
            row_level_security: false,
            sqlite_busy_timeout: second,
        };
        let db = Database::connect(&options).await.expect("a database");
        let limits = SubscriptionLimits { total: 1, of_subject: 1, of_organization: 1 };
        let feed = Arc::new(Feed::new(&db, limits));
        Arc::new(Metrics::new(metrics::Present {
            admission: Arc::new(AdmissionControl::new(1, concurrent_permits(&db))),
            db,
            feed,
            connections: Arc::<Stats>::default(),
            backlog: Arc::default(),
            request_memory: Arc::new(request_memory::RequestMemory::new(1)),
            response_memory: Arc::new(ResponseMemory::new(ResponseLimits { response: 1, memory: 2 })),
            maintenance: Arc::default(),
        }))
    }

    #[tokio::test]
    async fn a_panic_is_answered_and_tells_nothing() {
        let router = with_common_layers(Router::new().route("/", get(panicking)), tracking().await);
        let request = Request::get("/").header(authenticate::REQUEST_ID, "a").body(Body::empty());
        let answer = router.oneshot(request.expect("a request")).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.headers()[authenticate::REQUEST_ID], "a");
        assert_eq!(answer.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        assert_eq!(
            body,
            r#"{"errors":[{"extensions":{"code":"INTERNAL"},"message":"Internal error."}]}"#.as_bytes()
        );
    }
}
