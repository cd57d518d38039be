//! Changing contacts of any kind: inputs, payloads and mutations.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::{
    Gateway,
    context::ContextExt,
    error::{UserError, outcome},
};
use crate::service::contact_erasure;

/// A contact to erase.
#[derive(InputObject)]
pub struct EraseContactInput {
    /// The contact's global id; of any kind, living or deleted.
    id: ID,
}

/// What eraseContact did.
#[derive(SimpleObject)]
pub struct EraseContactPayload {
    /// The id that stands for nobody now; null when the input was refused.
    erased_id: Option<ID>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// Changing contacts of any kind.
#[derive(Default)]
pub struct ContactMutation;

#[Object]
impl ContactMutation {
    /// Removes a contact for good, and the contacts that were merged into it: with their values, links and assignments, and
    /// what their history tells of them. Needs the scope org:admin; cannot be taken back.
    async fn erase_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact.")] input: EraseContactInput,
    ) -> Result<Option<EraseContactPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let (id, user_errors) = outcome(contact_erasure::erase(db, request, &input.id)).await?;
        Ok(Some(EraseContactPayload { erased_id: id.map(|id| ID(id.to_string())), user_errors }))
    }
}
