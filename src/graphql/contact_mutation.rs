//! Changing contacts of any kind: inputs, payloads and mutations.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::{
    Gateway,
    contact::Contact,
    context::ContextExt,
    error::{UserError, outcome},
};
use crate::service::{
    contact_erasure,
    contact_merge::{self, MergeContacts},
};

/// Two contacts that are one.
#[derive(InputObject)]
pub struct MergeContactsInput {
    /// The global id of the contact that stays.
    survivor_id: ID,
    /// The global id of the contact that goes; of the same kind.
    merged_id: ID,
    /// The version of the survivor that was read; when it has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What mergeContacts did.
#[derive(SimpleObject)]
pub struct MergeContactsPayload {
    /// The survivor after the merge; null when the input was refused.
    contact: Option<Contact>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

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
    /// Merges a contact into another one of its kind. The survivor keeps its fields, and gets the accounts, assignments and
    /// values of custom fields that it does not have yet. The other contact is deleted and cannot be restored; its id stands
    /// for the survivor in `node` and `nodes`.
    async fn merge_contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The two contacts.")] input: MergeContactsInput,
    ) -> Result<Option<MergeContactsPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let MergeContactsInput { survivor_id, merged_id, expected_version } = input;
        let input = MergeContacts { survivor_id: survivor_id.0, merged_id: merged_id.0, expected_version };
        let (survivor, user_errors) = outcome(|| contact_merge::merge(db, request, &input)).await?;
        Ok(Some(MergeContactsPayload { contact: survivor.map(Contact::from), user_errors }))
    }

    /// Removes a contact for good, and the contacts that were merged into it: with their values, links and assignments, and
    /// what their history tells of them. Needs the scope org:admin; cannot be taken back.
    async fn erase_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact.")] input: EraseContactInput,
    ) -> Result<Option<EraseContactPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let (id, user_errors) = outcome(|| contact_erasure::erase(db, request, &input.id)).await?;
        Ok(Some(EraseContactPayload { erased_id: id.map(|id| ID(id.to_string())), user_errors }))
    }
}
