//! Partners: `/v1/partners`.

use axum::Extension;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    call::{CallExtension, ValidatedQuery},
    paging::SortedPageQuery,
    response::{RestResponse, RestResult, time},
};
use crate::{
    entity::{
        Columns,
        partner::{Entity, Model},
    },
    service::reading,
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(list))
}

/// A partner.
#[derive(Debug, Serialize, ToSchema)]
struct Partner {
    /// When the record was created.
    #[schema(format = DateTime)]
    created_at: String,
    /// When the record was last changed. Null before the first change.
    #[schema(format = DateTime, required)]
    modified_at: Option<String>,
    /// Id of the record.
    id: String,
    /// The name.
    name: String,
    /// Identifier of this record in the external system it was synced from.
    #[schema(required)]
    remote_id: Option<String>,
    /// Type of the object. Always `partner`.
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
    params(SortedPageQuery),
    responses((status = 200, description = "The partners of the page.", body = Partners))
)]
async fn list(
    Extension(call): CallExtension,
    ValidatedQuery(query): ValidatedQuery<SortedPageQuery>,
) -> RestResult {
    let request = query.to_list_request::<Entity>(&call, None).await?;
    let page = reading::list::<Entity>(&call.db, &call.request, Columns::all(), &request).await?;
    RestResponse::ok(&Partners { data: page.items.iter().map(Partner::from).collect() })
}
