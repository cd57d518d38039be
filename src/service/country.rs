//! Countries of ISO 3166-1, with the calling codes of libphonenumber's data. Data of two libraries, not a table.

use std::sync::LazyLock;

use phonenumber::metadata::DATABASE;
use rust_iso3166::CountryCode;

use super::{
    Page, PageRequest,
    cursor::{CursorKey, Order},
};
use crate::{
    auth::{RequestContext, Scope},
    error::AppResult,
};

/// A country.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Country {
    /// The numeric code of ISO 3166-1.
    pub id: i16,
    /// The name in ISO 3166-1.
    pub name: &'static str,
    /// The alpha-2 code of ISO 3166-1.
    pub iso_code: &'static str,
    /// What telephone numbers of the country begin with after the plus sign; a few territories have none.
    pub calling_code: Option<String>,
}

/// All countries, by numeric code.
static COUNTRIES: LazyLock<Vec<Country>> = LazyLock::new(|| {
    let mut countries: Vec<Country> = rust_iso3166::ALL.iter().filter_map(country).collect();
    countries.sort_unstable_by_key(|country| country.id);
    countries
});

fn country(code: &CountryCode) -> Option<Country> {
    let calling_code = DATABASE.by_id(code.alpha2).map(|metadata| metadata.country_code().to_string());
    Some(Country { id: code.numeric.try_into().ok()?, name: code.name, iso_code: code.alpha2, calling_code })
}

/// All countries, by numeric code.
pub fn all() -> &'static [Country] {
    &COUNTRIES
}

/// The country with this numeric code.
pub fn by_id(id: i16) -> Option<&'static Country> {
    COUNTRIES.binary_search_by_key(&id, |country| country.id).ok().map(|position| &COUNTRIES[position])
}

/// The country with this id, if there is one.
pub fn get(ctx: &RequestContext, id: &str) -> AppResult<Option<&'static Country>> {
    ctx.require(Scope::ContactsRead)?;
    Ok(id.parse().ok().and_then(by_id))
}

/// Names the list of countries in cursors.
pub const ORDER: Order = Order::by_integer("country");

/// The countries, by numeric code.
pub fn list(ctx: &RequestContext, request: &PageRequest) -> AppResult<Page<&'static Country>> {
    ctx.require(Scope::ContactsRead)?;
    Ok(Page::of_sorted(&COUNTRIES, |country| CursorKey::Integer(country.id.into()), request))
}
