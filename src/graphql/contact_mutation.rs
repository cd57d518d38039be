//! Mutations of contacts of any kind: inputs, payloads and resolvers.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::{
    Gateway,
    contact::Contact,
    context::ContextExt,
    error::{UserError, outcome},
    payload::payloads,
};
use crate::service::{
    contact_erasure,
    contact_merge::{self, MergeContacts},
};

/// The two contacts to merge.
#[derive(InputObject)]
pub struct MergeContactsInput {
    /// Global id of the contact that is kept.
    survivor_id: ID,
    /// Global id of the contact that is merged into the survivor. Must be of the same kind.
    merged_id: ID,
    /// The survivor's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

payloads! {
    /// Result of `mergeContacts`.
    MergeContactsPayload {
        /// The survivor after the merge. Null if the input was rejected.
        contact: Contact
    }
}

/// The contact to erase.
#[derive(InputObject)]
pub struct EraseContactInput {
    /// Global id of the contact, of any kind. The contact can be active or soft-deleted.
    id: ID,
}

/// Result of `eraseContact`.
#[derive(SimpleObject)]
pub struct EraseContactPayload {
    /// Global id of the erased contact. Null if the input was rejected.
    erased_id: Option<ID>,
    /// Validation errors. Empty if the mutation succeeded.
    user_errors: Vec<UserError>,
}

/// Mutations of contacts of any kind.
#[derive(Default)]
pub struct ContactMutation;

#[Object]
impl ContactMutation {
    /// Merges a contact into another one of the same kind. The survivor keeps its fields and receives the accounts,
    /// assignments and custom field values that it does not have yet. The merged contact is deleted and cannot be
    /// restored; `node` and `nodes` return the survivor for its id.
    async fn merge_contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = r#"The two contacts, for example `{ survivorId: "ac_…", mergedId: "ac_…" }`."#)]
        input: MergeContactsInput,
    ) -> Result<Option<MergeContactsPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let MergeContactsInput { survivor_id, merged_id, expected_version } = input;
        let input = MergeContacts { survivor_id: survivor_id.0, merged_id: merged_id.0, expected_version };
        MergeContactsPayload::of(|| contact_merge::merge(db, request, &input)).await
    }

    /// Permanently removes a contact and the contacts merged into it, with their values, links, assignments and
    /// change history. Cannot be undone. Requires the scope `org:admin`.
    async fn erase_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = r#"The contact, for example `{ id: "ac_…" }`."#)] input: EraseContactInput,
    ) -> Result<Option<EraseContactPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let (id, user_errors) = outcome(|| contact_erasure::erase(db, request, &input.id)).await?;
        Ok(Some(EraseContactPayload { erased_id: id.map(|id| ID(id.to_string())), user_errors }))
    }
}
