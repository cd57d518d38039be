//! What resolvers find in async-graphql's context: the request, the database and the request's loaders.

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

/// One GraphQL request. The HTTP handler makes it and puts it into the request's data.
pub struct Gateway {
    /// Who asks, when, under which id.
    pub request: RequestContext,
    /// The database.
    pub db: Database,
    /// What this request has read so far.
    pub loaders: Loaders,
    /// The names of the fields that it selects.
    pub names: Arc<FieldNames>,
}

impl Gateway {
    /// A request that has read nothing yet, and sees of the database what its caller may.
    pub fn new(request: RequestContext, db: &Database, names: Arc<FieldNames>) -> Self {
        let db = db.within(&request.caller);
        let organization = service::reader(&request);
        let source = Source { db: db.clone(), organization, names: Arc::clone(&names) };
        Self { loaders: Loaders::new(source), request, db, names }
    }
}

/// The guard of payload fields with a record that the mutation did not write: they need contacts:read.
///
/// Relations need no guard, because the loaders check the scope.
pub(super) struct ReadsContacts;

impl Guard for ReadsContacts {
    async fn check(&self, ctx: &Context<'_>) -> Result<()> {
        Ok(service::viewer(&ctx.gateway().request)?)
    }
}

/// Finds the [`Gateway`] in async-graphql's context.
pub(super) trait ContextExt<'a> {
    /// The request under way.
    fn gateway(&self) -> &'a Gateway;

    /// The same at the start of a mutation: what an earlier mutation of the request has loaded is forgotten.
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
