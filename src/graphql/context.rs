//! The data of a request in async-graphql's context: caller, database and loaders.

use std::sync::Arc;

use async_graphql::{Context, Guard, Result};

use super::{
    document::FieldNames,
    loaders::{Loaders, Source},
};
use crate::{
    auth::RequestContext,
    service::{self, Database},
};

/// One GraphQL request. The HTTP handler creates it and adds it to the request's data.
pub struct Gateway {
    /// The caller, the time and the request id.
    pub request: Arc<RequestContext>,
    /// The database.
    pub db: Database,
    /// The loaders, with the records read so far.
    pub loaders: Loaders,
    /// The names of the selected fields.
    pub names: Arc<FieldNames>,
}

impl Gateway {
    /// A request of so many points of cost, with empty loaders and the database restricted to the caller's organization.
    pub fn new(
        request: impl Into<Arc<RequestContext>>,
        db: &Database,
        names: Arc<FieldNames>,
        points: u64,
    ) -> Self {
        let request = request.into();
        let db = db.within(&request.caller);
        db.expect_work(points);
        let organization = service::authorize_read(&request);
        let source = Source { db: db.clone(), organization, names: Arc::clone(&names) };
        Self { loaders: Loaders::new(source), request, db, names }
    }
}

/// The guard of payload fields with a record that the mutation did not write: they require contacts:read. Relations
/// need no guard, because the loaders check the scope.
pub(super) struct ReadsContacts;

impl Guard for ReadsContacts {
    async fn check(&self, ctx: &Context<'_>) -> Result<()> {
        Ok(service::viewer(&ctx.gateway().request)?)
    }
}

/// Finds the [`Gateway`] in async-graphql's context.
pub(super) trait ContextExt<'a> {
    /// The current request.
    fn gateway(&self) -> &'a Gateway;

    /// The current request with cleared loaders, so that a mutation does not see records that an earlier one loaded.
    async fn fresh(&self) -> &'a Gateway;
}

impl<'a> ContextExt<'a> for Context<'a> {
    fn gateway(&self) -> &'a Gateway {
        self.data_unchecked::<Gateway>()
    }

    async fn fresh(&self) -> &'a Gateway {
        let gateway = self.gateway();
        gateway.loaders.clear().await;
        gateway
    }
}
