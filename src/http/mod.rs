//! The HTTP edge: routes, headers and status codes. May name axum and tower; never a query of sea_orm.

mod context;
mod edge;
mod graphql;
pub mod health;
mod negotiation;
pub mod overload;
pub mod playground;
pub mod server;

use std::{any::Any, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderValue, Method, Response, StatusCode, header},
    middleware,
    response::IntoResponse,
    routing::{any, get},
};
use serde_json::json;
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowHeaders, AllowOrigin, CorsLayer},
};

use crate::{app::AppState, error::Code};

/// All routes, with the playground when there is one.
pub fn router(app: Arc<AppState>, playground: Option<playground::Session>) -> Router {
    let cors = cors(&app.settings.allowed_origins);
    let routes = Router::new()
        .route("/graphql", any(graphql::handle))
        .route("/schema.graphql", get(schema))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .with_state(app)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(cors);
    let routes = match playground {
        Some(session) => routes.merge(playground::router(session)),
        None => routes,
    };
    routes.layer(middleware::from_fn(edge::pass))
}

/// How long a browser may remember what a page may send.
const PREFLIGHT_AGE: Duration = Duration::from_mins(10);

/// Pages of these origins, and no others, may read the answers.
fn cors(origins: &[String]) -> CorsLayer {
    let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST])
        // Client libraries send headers of their own, and the origins are trusted by name.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([context::REQUEST_ID, header::RETRY_AFTER])
        .max_age(PREFLIGHT_AGE)
}

/// `/schema.graphql`: the schema in its definition language, where introspection is on.
async fn schema(State(app): State<Arc<AppState>>) -> Response<Body> {
    if !app.settings.introspection {
        return StatusCode::NOT_FOUND.into_response();
    }
    ([(header::CONTENT_TYPE, "application/graphql; charset=utf-8")], app.sdl.clone()).into_response()
}

/// A panic ends its request, not the process.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response<Body> {
    tracing::error!("a request panicked");
    refused(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, "Internal error.")
}

/// What is answered in the place of GraphQL, in its form.
fn refused(status: StatusCode, code: Code, message: &'static str) -> Response<Body> {
    let body = json!({ "errors": [{ "message": message, "extensions": { "code": code.as_str() } }] });
    let content_type = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (status, content_type, body.to_string()).into_response()
}
