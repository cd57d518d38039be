//! The documented REST routes: the contact routes of three products, in their own shapes, over the services that GraphQL
//! uses too. docs/rest.md describes them.
//!
//! A handler parses, calls a service and shapes its answer; no rule stands here. `pass` has what every request meets,
//! `openapi` the document that the handlers make and that decides which queries and bodies are taken, `family` and
//! `refusal` how each family of routes tells of errors.

mod account_contact;
mod answer;
mod authenticate;
mod call;
mod contact_type;
mod country;
mod docs;
mod family;
mod internal_contact;
mod internal_contact_assignment;
mod openapi;
mod organization_contact;
mod paging;
mod partner;
mod pass;
mod problem;
mod refusal;
mod shape;

use std::sync::{Arc, LazyLock};

use axum::{
    Router,
    http::{HeaderName, header},
    middleware,
    response::IntoResponse,
    routing::get,
};
use utoipa_axum::router::OpenApiRouter;

use self::{
    answer::{COUNT_PER_PAGE, CURRENT_PAGE, TOTAL_COUNT, TOTAL_PAGES},
    family::Family,
    openapi::Document,
    pass::Edge,
};
use crate::app::AppState;

/// The headers that answers of the routes tell something in.
pub(super) const HEADERS: [HeaderName; 7] =
    [header::ETAG, header::LOCATION, header::LINK, TOTAL_COUNT, TOTAL_PAGES, CURRENT_PAGE, COUNT_PER_PAGE];

/// What is published of the routes, made once in a process.
struct Published {
    document: Document,
    text: String,
    page: String,
}

static PUBLISHED: LazyLock<Published> = LazyLock::new(|| {
    let documents = Family::ALL.map(|family| (family, routes(family).into_openapi()));
    let document = Document::new(documents);
    Published { text: document.json.to_string(), page: docs::page(&document), document }
});

/// All routes.
pub(super) fn router(app: &Arc<AppState>) -> Router {
    let published = Router::new()
        .route("/openapi.json", get(openapi))
        .route("/docs", get(docs::answer))
        .route("/docs/style.css", get(docs::style));
    Family::ALL.into_iter().fold(published, |all, family| {
        let (own, _) = routes(family).split_for_parts();
        let edge = Edge { app: Arc::clone(app), family, document: &PUBLISHED.document };
        all.merge(own.route_layer(middleware::from_fn_with_state(edge, pass::pass)))
    })
}

/// `/openapi.json`: the document of all routes.
async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], PUBLISHED.text.as_str())
}

fn routes(family: Family) -> OpenApiRouter {
    match family {
        Family::Internal => {
            internal_contact::routes().merge(internal_contact_assignment::routes()).merge(partner::routes())
        }
        Family::Account => account_contact::routes().merge(contact_type::routes()),
        Family::Organization => {
            organization_contact::routes().merge(country::routes()).merge(authenticate::routes())
        }
    }
}
