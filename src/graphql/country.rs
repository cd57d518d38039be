//! The GraphQL types of countries.

use std::sync::Arc;

use async_graphql::{Context, ID, Result};

use super::{
    context::ContextExt,
    record::object,
    relay::{Connection, ListItem, page_request},
};
use crate::service::{
    country::{self as service, Country as Row},
    cursor::{Cursor, CursorKey},
};

/// A country.
pub struct Country(pub &'static Row);

object! {
    /// A country of ISO 3166-1.
    Country |self|
    fields {
        /// Numeric code of ISO 3166-1, for example `276`.
        id: ID = self.0.id.into();
        /// Name in ISO 3166-1.
        name: &str = self.0.name;
        /// Alpha-2 code of ISO 3166-1, for example `DE`.
        iso_code: &str = self.0.iso_code;
        /// Country calling code without the plus sign, for example `49`. Null for a few territories.
        calling_code: Option<&str> = self.0.calling_code.as_deref();
    }
}

impl ListItem for Country {
    const CONNECTION: &'static str = "CountryConnection";
    const EDGE: &'static str = "CountryEdge";

    fn cursor(&self) -> Cursor {
        Cursor {
            order: service::ORDER.name.into(),
            keys: vec![CursorKey::Integer(self.0.id.into())],
            check: None,
        }
    }
}

/// Queries of countries.
#[derive(Default)]
pub struct CountryQuery;

object! {
    CountryQuery |self|
    fields {}
    resolvers {
        /// The country with this id. Null if it does not exist.
        async fn country(
            &self,
            ctx: &Context<'_>,
            #[graphql(desc = "Numeric code of ISO 3166-1, for example `276`.")] id: ID,
        ) -> Result<Option<Country>> {
            Ok(service::get(&ctx.gateway().request, &id)?.map(Country))
        }
    }
    pages {
        /// All countries of ISO 3166-1, ordered by numeric code.
        countries: Country = |ctx, window| {
            let page = page_request(ctx, service::ORDER, &window)?;
            Connection::new(Arc::new(service::list(&ctx.gateway().request, &page)?.map(Country)))
        };
    }
}
