//! Partners: `/v1/partners`.

use axum::Extension;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    answer::{Answer, Answered, time},
    call::{Asked, Called},
    paging::Sorted,
};
use crate::{
    entity::{
        Columns,
        partner::{Entity, Model},
    },
    service::partner as partners,
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(list))
}

/// A partner.
#[derive(Debug, Serialize, ToSchema)]
struct Partner {
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it last changed; null until its first change.
    #[schema(format = DateTime, required)]
    modified_at: Option<String>,
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// Its key in the system it comes from.
    #[schema(required)]
    remote_id: Option<String>,
    /// Says which type of object this is: always `partner`.
    object: &'static str,
}

impl From<&Model> for Partner {
    fn from(row: &Model) -> Self {
        Self {
            created_at: time(row.created_at),
            modified_at: (row.version > 1).then(|| time(row.updated_at)),
            id: row.id.to_string(),
            name: row.name.clone(),
            remote_id: row.remote_id.clone(),
            object: "partner",
        }
    }
}

/// Partners.
#[derive(Debug, Serialize, ToSchema)]
struct Partners {
    /// The partners of the page.
    data: Vec<Partner>,
}

/// List partners
#[utoipa::path(
    get,
    path = "/v1/partners",
    tag = "Partners",
    operation_id = "listPartners",
    params(Sorted),
    responses((status = 200, description = "The partners of the page.", body = Partners))
)]
async fn list(Extension(call): Called, Asked(asked): Asked<Sorted>) -> Answered {
    let request = asked.list::<Entity>(&call, None)?;
    let page = partners::list(&call.db, &call.request, Columns::all(), &request).await?;
    Answer::ok(&Partners { data: page.items.iter().map(Partner::from).collect() })
}
