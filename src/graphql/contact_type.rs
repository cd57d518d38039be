//! The GraphQL types of contact types.

use std::collections::HashMap;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result};

use super::{
    Gateway,
    context::ContextExt,
    filter::{ContactTypeFilter, ContactTypeOrder},
    loaders::{ById, Prime, Source},
    patch::patch,
    payload::payloads,
    pending::pending_updates,
    record::{RecordFields, object, queries, record},
    scalar::Id,
};
use crate::{
    entity::{
        contact_type::Model,
        id::{AccountContactId, ContactTypeId, OrganizationId},
    },
    error::AppResult,
    service::{Patch, contact_type as service},
};

/// A type of account contact.
pub struct ContactType(pub Model);

object! {
    /// A type of account contact, for example Billing or Legal. Each organization defines its own.
    ContactType |self|
    fields {
        /// Global id with the prefix `ct_`.
        id: Id = self.0.id.into();
        /// The name. Unique in the organization.
        name: &str = &self.0.name;
        /// Whether new contacts get this type by default. Exactly one type of an organization is the default.
        is_default: bool = self.0.is_default;
    }
    flattened {
        record: RecordFields = (&self.0).into();
    }
}

record! { ContactType(ContactTypeId) in contact_type, filter ContactTypeFilter, order ContactTypeOrder }

impl Prime for ContactType {}

/// Loads the current types of account contacts.
pub struct ContactTypeByAccountContact;

impl ById for ContactTypeByAccountContact {
    type Id = AccountContactId;
    type Row = ContactType;

    async fn load(
        source: &Source,
        organization: OrganizationId,
        ids: &[AccountContactId],
    ) -> AppResult<HashMap<AccountContactId, ContactType>> {
        let rows = service::of_account_contacts(source.read(organization), ids).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, ContactType(row))).collect())
    }
}

queries! {
    /// Queries of contact types.
    ContactTypeQuery: ContactType,
    "Filters the results. Default: all items." {
        /// The contact types of the organization.
        contact_types
    }
}

/// The contact type to create.
#[derive(InputObject)]
pub struct CreateContactTypeInput {
    /// The name, at most 255 characters. Must not be blank; unique in the organization.
    name: String,
    /// A key of 1 to 255 characters, chosen by the client. Repeating the mutation with the same key and input returns
    /// the first result and writes nothing; the same key with another input is an error. Keys are kept for 7 days by
    /// default.
    idempotency_key: Option<String>,
}

/// The fields to update. An omitted field keeps its value.
#[derive(InputObject)]
pub struct UpdateContactTypeInput {
    /// Global id of the contact type.
    id: ID,
    /// The name, at most 255 characters. Unique in the organization; must not be blank or null.
    name: MaybeUndefined<String>,
    /// The record's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

/// The contact type to make the default.
#[derive(InputObject)]
pub struct SetDefaultContactTypeInput {
    /// Global id of the contact type.
    id: ID,
    /// The record's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

/// The contact type to delete.
#[derive(InputObject)]
pub struct DeleteContactTypeInput {
    /// Global id of the contact type.
    id: ID,
    /// Global id of the type that replaces the deleted one on contacts. Required if any contact has the type.
    replacement_id: Option<ID>,
    /// The record's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

payloads! {
    /// Result of `createContactType`.
    CreateContactTypePayload {
        /// The created contact type. Null if the input was rejected.
        contact_type: ContactType
    }

    /// Result of `updateContactType`.
    UpdateContactTypePayload {
        /// The updated contact type. Null if the input was rejected.
        contact_type: ContactType
    }

    /// Result of `setDefaultContactType`.
    SetDefaultContactTypePayload {
        /// The new default type. Null if the input was rejected.
        contact_type: ContactType
    }

    /// Result of `deleteContactType`.
    #[graphql(complex)]
    DeleteContactTypePayload {
        /// The deleted contact type. Null if the input was rejected.
        contact_type: ContactType
    }
}

pending_updates! {
    DeleteContactTypePayload: |payload| payload.contact_type.iter(),
}

/// Mutations of contact types.
#[derive(Default)]
pub struct ContactTypeMutation;

#[Object]
impl ContactTypeMutation {
    /// Creates a contact type. It is not the default. Requires the scope `org:admin`.
    async fn create_contact_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = r#"The contact type to create, for example `{ name: "Purchasing" }`."#)]
        input: CreateContactTypeInput,
    ) -> Result<Option<CreateContactTypePayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let CreateContactTypeInput { name, idempotency_key } = input;
        let input = service::CreateContactType { name, is_default: false, idempotency_key };
        CreateContactTypePayload::of(|| service::create(db, request, &input)).await
    }

    /// Renames a contact type. Requires the scope `org:admin`.
    async fn update_contact_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = r#"The contact type and the fields to update, for example `{ id: "ct_…", name: "Procurement" }`."#
        )]
        input: UpdateContactTypeInput,
    ) -> Result<Option<UpdateContactTypePayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let UpdateContactTypeInput { id, name, expected_version } = input;
        let changes =
            service::UpdateContactType { name: patch(name), is_default: Patch::Keep, expected_version };
        UpdateContactTypePayload::of(|| service::update(db, request, &id, &changes)).await
    }

    /// Makes a contact type the default for new contacts, instead of the previous default. Requires the scope
    /// `org:admin`.
    async fn set_default_contact_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = r#"The contact type, for example `{ id: "ct_…" }`."#)]
        input: SetDefaultContactTypeInput,
    ) -> Result<Option<SetDefaultContactTypePayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let SetDefaultContactTypeInput { id, expected_version } = input;
        SetDefaultContactTypePayload::of(|| service::set_default(db, request, &id, expected_version)).await
    }

    /// Permanently deletes a contact type. The default type cannot be deleted. A type that any contact has, including
    /// soft-deleted contacts, needs a `replacementId`. Requires the scope `org:admin`.
    async fn delete_contact_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = r#"The contact type and its replacement, for example `{ id: "ct_…", replacementId: "ct_…" }`."#
        )]
        input: DeleteContactTypeInput,
    ) -> Result<Option<DeleteContactTypePayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let DeleteContactTypeInput { id, replacement_id, expected_version } = input;
        let replacement = replacement_id.as_ref().map(|id| id.as_str());
        DeleteContactTypePayload::of(|| service::delete(db, request, &id, replacement, expected_version))
            .await
    }
}
