//! Countries in the schema.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};

use super::{
    Gateway,
    context::ContextExt,
    relay::{Connection, Listed, page_request},
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
    /// The numeric code of ISO 3166-1, such as `276`.
    async fn id(&self) -> async_graphql::ID {
        self.0.id.into()
    }

    /// The name in ISO 3166-1.
    async fn name(&self) -> &str {
        self.0.name
    }

    /// The alpha-2 code of ISO 3166-1, such as `DE`.
    async fn iso_code(&self) -> &str {
        self.0.iso_code
    }

    /// What phone numbers of the country begin with after the plus sign, such as `49`; a few territories have none.
    async fn calling_code(&self) -> Option<&str> {
        self.0.calling_code.as_deref()
    }
}

impl Listed for Country {
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

/// Reading countries.
#[derive(Default)]
pub struct CountryQuery;

#[Object]
impl CountryQuery {
    /// The countries of the world, by numeric code.
    async fn countries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most this many from the start or after `after`, 1 to 100; 25 when absent.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "At most this many from the end or before `before`, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<Country>>> {
        let Gateway { request, .. } = ctx.gateway();
        let page = page_request(ctx, service::ORDER, &PageWindow { first, after, last, before })?;
        Ok(Some(Connection::new(Arc::new(service::list(request, &page)?.map(Country)))))
    }
}
