//! The field `pendingUpdates` of payloads.

use async_graphql::{Context, Result};
use uuid::Uuid;

use super::{Gateway, context::ContextExt};
use crate::service::background;

/// The number of dependants of these records that are still to be updated.
pub(super) async fn pending(ctx: &Context<'_>, subjects: impl Iterator<Item = Uuid>) -> Result<i32> {
    let subjects: Vec<Uuid> = subjects.collect();
    if subjects.is_empty() {
        return Ok(0);
    }
    let Gateway { request, db, .. } = ctx.gateway();
    let pending = background::pending(db, request, &subjects).await?;
    Ok(i32::try_from(pending).unwrap_or(i32::MAX))
}

/// Declares the field for payloads, each with an expression for the records of the payload.
macro_rules! pending_updates {
    ($($type:ident: |$payload:ident| $objects:expr),+ $(,)?) => {$(
        #[async_graphql::ComplexObject]
        impl $type {
            /// Number of dependent records that are still being updated in the background. 0 if all are up to date.
            /// The mutation itself updates up to 1,000 dependent records; the rest follow within seconds.
            async fn pending_updates(&self, ctx: &async_graphql::Context<'_>) -> async_graphql::Result<i32> {
                let $payload = self;
                $crate::graphql::pending::pending(ctx, $objects.map(|object| object.0.id.0)).await
            }
        }
    )+};
}
pub(super) use pending_updates;
