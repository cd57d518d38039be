//! The HTTP edge: routes, headers and status codes. May name axum and tower; never a query of sea_orm.

mod context;
mod graphql;
mod health;
mod negotiation;
pub mod playground;

use std::{any::Any, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderValue, Method, Response, StatusCode, header},
    response::IntoResponse,
    routing::{any, get},
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowHeaders, AllowOrigin, CorsLayer},
};

use crate::app::AppState;

/// All routes, with the playground when there is one.
pub fn router(app: Arc<AppState>, playground: Option<playground::Session>) -> Router {
    let cors = cors(&app.settings.allowed_origins);
    let routes = Router::new()
        .route("/graphql", any(graphql::handle))
        .route("/schema.graphql", get(schema))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .with_state(app)
        .layer(cors);
    let routes = match playground {
        Some(session) => routes.merge(playground::router(session)),
        None => routes,
    };
    routes.layer(CatchPanicLayer::custom(panicked))
}

/// Pages of these origins, and no others, may read the answers.
fn cors(origins: &[String]) -> CorsLayer {
    let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST])
        // Client libraries send headers of their own, and the origins are trusted by name.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([context::REQUEST_ID])
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
    let body = r#"{"errors":[{"message":"Internal error.","extensions":{"code":"INTERNAL"}}]}"#;
    (StatusCode::INTERNAL_SERVER_ERROR, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body)
        .into_response()
}
