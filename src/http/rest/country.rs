//! Countries: `/api/v1/country`.

use axum::Extension;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    answer::{Answer, Answered},
    call::{Asked, Called},
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
    /// What telephone numbers of the country begin with after the plus sign; empty where there are none.
    country_code: String,
    /// The mobile country code; always empty, because the gateway does not know it.
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

/// Which countries are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct Countries {
    /// Whether each country is wanted once; it always is.
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
async fn list(Extension(call): Called, Asked(_): Asked<Countries>) -> Answered {
    let all = PageRequest::numbered(country::ORDER, MAX_NUMBERED_PAGE_SIZE, 0, Vec::new(), false);
    let page = country::list(&call.request, &all)?;
    Answer::ok(&page.items.into_iter().map(Country::from).collect::<Vec<_>>())
}
