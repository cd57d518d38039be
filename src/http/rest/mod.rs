//! The REST API: the contact routes of three products, over the same services as GraphQL. docs/rest.md describes them.
//!
//! A handler parses the request, calls a service and serializes the result; it has no business rules. `admission` is the
//! middleware before the handlers, `openapi` the document generated from the handlers, against which queries and bodies are
//! validated, `family` and `error_body` the error format of each family of routes.

mod account_contact;
mod admission;
mod authenticate;
mod call;
mod conditional;
mod contact_type;
mod country;
mod docs;
mod error_body;
mod family;
mod internal_contact;
mod internal_contact_assignment;
mod json_schema;
mod openapi;
mod organization_contact;
mod paging;
mod partner;
mod problem;
mod response;

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
    admission::FamilyState,
    family::Family,
    openapi::Document,
    response::{COUNT_PER_PAGE, CURRENT_PAGE, TOTAL_COUNT, TOTAL_PAGES},
};
use crate::http::state::AppState;

/// The response headers that browsers may read across origins.
pub(super) const HEADERS: [HeaderName; 7] =
    [header::ETAG, header::LOCATION, header::LINK, TOTAL_COUNT, TOTAL_PAGES, CURRENT_PAGE, COUNT_PER_PAGE];

/// The OpenAPI document and the page made of it, built once per process.
struct PublishedDocs {
    document: Document,
    text: String,
    page: String,
}

static PUBLISHED: LazyLock<PublishedDocs> = LazyLock::new(|| {
    let documents = Family::ALL.map(|family| (family, routes(family).into_openapi()));
    let document = Document::new(documents);
    PublishedDocs { text: document.json.to_string(), page: docs::page(&document), document }
});

/// All routes.
pub(super) fn router(app: &Arc<AppState>) -> Router {
    let published = Router::new()
        .route("/openapi.json", get(openapi))
        .route("/docs", get(docs::index))
        .route("/docs/style.css", get(docs::style));
    Family::ALL.into_iter().fold(published, |all, family| {
        let (own, _) = routes(family).split_for_parts();
        let state = FamilyState { app: Arc::clone(app), family, document: &PUBLISHED.document };
        all.merge(own.route_layer(middleware::from_fn_with_state(state, admission::admit)))
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
