//! Countries: `/api/v1/country`.

use axum::Extension;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    call::{CallExtension, ValidatedQuery},
    response::{RestResponse, RestResult},
};
use crate::service::{PageRequest, country, page::MAX_NUMBERED_PAGE_SIZE};

/// The routes.
pub(super) fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(list))
}

/// A country.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Country {
    /// The numeric code of ISO 3166-1.
    id: i16,
    /// The name.
    name: &'static str,
    /// Country calling code without the plus sign. Empty for territories without one.
    country_code: String,
    /// Mobile country code. Always empty.
    mcc: &'static str,
    /// The alpha-2 code of ISO 3166-1, in lower case.
    iso_code: String,
}

impl From<&country::Country> for Country {
    fn from(country: &country::Country) -> Self {
        Self {
            id: country.id,
            name: country.name,
            country_code: country.calling_code.clone().unwrap_or_default(),
            mcc: "",
            iso_code: country.iso_code.to_lowercase(),
        }
    }
}

/// The query parameters.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct Countries {
    /// Accepted for compatibility. Each country is always returned once.
    #[serde(rename = "geographic")]
    _geographic: bool,
}

/// List the countries
#[utoipa::path(
    get,
    path = "/api/v1/country",
    tag = "Organization contacts",
    operation_id = "listCountries",
    params(Countries),
    responses((status = 200, description = "All countries.", body = Vec<Country>))
)]
async fn list(Extension(call): CallExtension, ValidatedQuery(_): ValidatedQuery<Countries>) -> RestResult {
    let all = PageRequest::numbered(country::ORDER, MAX_NUMBERED_PAGE_SIZE, 0, Vec::new(), false);
    let page = country::list(&call.request, &all)?;
    RestResponse::ok(&page.items.into_iter().map(Country::from).collect::<Vec<_>>())
}
