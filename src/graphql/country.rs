//! The GraphQL types of countries.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};

use super::{
    Gateway,
    context::ContextExt,
    relay::{Connection, ListItem, page_request},
};
use crate::service::{
    PageWindow,
    country::{self as service, Country as Row},
    cursor::{Cursor, CursorKey},
};

/// A country.
pub struct Country(pub &'static Row);

/// A country of ISO 3166-1.
#[Object]
impl Country {
    /// Numeric code of ISO 3166-1, for example `276`.
    async fn id(&self) -> async_graphql::ID {
        self.0.id.into()
    }

    /// Name in ISO 3166-1.
    async fn name(&self) -> &str {
        self.0.name
    }

    /// Alpha-2 code of ISO 3166-1, for example `DE`.
    async fn iso_code(&self) -> &str {
        self.0.iso_code
    }

    /// Country calling code without the plus sign, for example `49`. Null for a few territories.
    async fn calling_code(&self) -> Option<&str> {
        self.0.calling_code.as_deref()
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

#[Object]
impl CountryQuery {
    /// All countries of ISO 3166-1, ordered by numeric code.
    async fn countries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
        first: Option<i32>,
        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<Country>>> {
        let Gateway { request, .. } = ctx.gateway();
        let page = page_request(ctx, service::ORDER, &PageWindow { first, after, last, before })?;
        Ok(Some(Connection::new(Arc::new(service::list(request, &page)?.map(Country)))))
    }
}
