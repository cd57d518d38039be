//! The GraphQL types of contact types.

use std::collections::HashMap;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Name, Object, Result, SimpleObject, Value};

use super::{
    Gateway,
    context::ContextExt,
    error::{UserError, outcome},
    filter::{ContactTypeFilter, ContactTypeOrder, parse_list_arguments},
    loaders::{ById, Prime, Primed, Source},
    patch::patch,
    pending::pending_updates,
    relay::{Connection, ListItem, list_request},
    scalar::{Id, Timestamp},
    selection::Selection,
};
use crate::{
    entity::{
        contact_type::{Entity, Model},
        id::{AccountContactId, ContactTypeId, OrganizationId},
    },
    error::AppResult,
    service::{
        PageWindow, Patch, contact_type as service, cursor::Cursor, filter::Filter, page::Paged, page::Sort,
    },
};

/// A type of account contact.
pub struct ContactType(pub Model);

/// A type of account contact, for example Billing or Legal. Each organization defines its own.
#[Object]
impl ContactType {
    /// Global id with the prefix `ct_`.
    pub async fn id(&self) -> Id {
        self.0.id.into()
    }

    /// The name. Unique in the organization.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether new contacts get this type by default. Exactly one type of an organization is the default.
    async fn is_default(&self) -> bool {
        self.0.is_default
    }

    /// When the record was created.
    async fn created_at(&self) -> Timestamp {
        Timestamp(self.0.created_at)
    }

    /// When the record was last changed.
    async fn updated_at(&self) -> Timestamp {
        Timestamp(self.0.updated_at)
    }

    /// Version number of the record: 1 at creation, incremented by each change. Send it as `expectedVersion` to
    /// detect concurrent changes.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

impl ListItem for ContactType {
    const CONNECTION: &'static str = "ContactTypeConnection";
    const EDGE: &'static str = "ContactTypeEdge";

    fn cursor(&self) -> Cursor {
        Entity::cursor(&self.0)
    }

    fn parse_list_arguments(arguments: &[(Name, Value)]) -> Option<(Option<Filter>, Vec<Sort>)> {
        parse_list_arguments::<ContactTypeFilter, ContactTypeOrder>(arguments)
    }
}

impl Prime for ContactType {
    fn prime<'a>(_: Vec<&'a Self>, _: Vec<Selection<'a>>, _: &'a Gateway) -> Primed<'a> {
        Box::pin(async {})
    }
}

/// Loads contact types by id.
pub struct ContactTypeById;

impl ById for ContactTypeById {
    type Id = ContactTypeId;
    type Row = ContactType;

    async fn load(
        source: &Source,
        organization: OrganizationId,
        ids: &[ContactTypeId],
    ) -> AppResult<HashMap<ContactTypeId, ContactType>> {
        let rows = service::by_ids(&source.db, organization, ids).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, ContactType(row))).collect())
    }
}

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
        let rows = service::of_account_contacts(&source.db, organization, ids).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, ContactType(row))).collect())
    }
}

/// Queries of contact types.
#[derive(Default)]
pub struct ContactTypeQuery;

#[Object]
impl ContactTypeQuery {
    /// The contact types of the organization.
    async fn contact_types(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
        first: Option<i32>,
        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filters the results. Default: all items.")] filter: Option<ContactTypeFilter>,
        #[graphql(desc = "Sort keys in order of precedence, at most 4. Default: creation order.")]
        order_by: Option<Vec<ContactTypeOrder>>,
    ) -> Result<Option<Connection<ContactType>>> {
        let Gateway { request, db, .. } = ctx.gateway();
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, <Entity as Paged>::ORDER, &window, filter, order_by)?;
        let page = service::list(db, request, &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(ContactType)).await))
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

/// Result of `createContactType`.
#[derive(SimpleObject)]
pub struct CreateContactTypePayload {
    /// The created contact type. Null if the input was rejected.
    contact_type: Option<ContactType>,
    /// Validation errors. Empty if the mutation succeeded.
    user_errors: Vec<UserError>,
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

/// Result of `updateContactType`.
#[derive(SimpleObject)]
pub struct UpdateContactTypePayload {
    /// The updated contact type. Null if the input was rejected.
    contact_type: Option<ContactType>,
    /// Validation errors. Empty if the mutation succeeded.
    user_errors: Vec<UserError>,
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

/// Result of `setDefaultContactType`.
#[derive(SimpleObject)]
pub struct SetDefaultContactTypePayload {
    /// The new default type. Null if the input was rejected.
    contact_type: Option<ContactType>,
    /// Validation errors. Empty if the mutation succeeded.
    user_errors: Vec<UserError>,
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

/// Result of `deleteContactType`.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct DeleteContactTypePayload {
    /// The deleted contact type. Null if the input was rejected.
    contact_type: Option<ContactType>,
    /// Validation errors. Empty if the mutation succeeded.
    user_errors: Vec<UserError>,
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
        #[graphql(desc = "The contact type to create.")] input: CreateContactTypeInput,
    ) -> Result<Option<CreateContactTypePayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let CreateContactTypeInput { name, idempotency_key } = input;
        let input = service::CreateContactType { name, is_default: false, idempotency_key };
        let (row, user_errors) = outcome(|| service::create(db, request, &input)).await?;
        Ok(Some(CreateContactTypePayload { contact_type: row.map(ContactType), user_errors }))
    }

    /// Renames a contact type. Requires the scope `org:admin`.
    async fn update_contact_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact type and the fields to update.")] input: UpdateContactTypeInput,
    ) -> Result<Option<UpdateContactTypePayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let UpdateContactTypeInput { id, name, expected_version } = input;
        let changes =
            service::UpdateContactType { name: patch(name), is_default: Patch::Keep, expected_version };
        let (row, user_errors) = outcome(|| service::update(db, request, &id, &changes)).await?;
        Ok(Some(UpdateContactTypePayload { contact_type: row.map(ContactType), user_errors }))
    }

    /// Makes a contact type the default for new contacts, instead of the previous default. Requires the scope
    /// `org:admin`.
    async fn set_default_contact_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact type.")] input: SetDefaultContactTypeInput,
    ) -> Result<Option<SetDefaultContactTypePayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let SetDefaultContactTypeInput { id, expected_version } = input;
        let (row, user_errors) = outcome(|| service::set_default(db, request, &id, expected_version)).await?;
        Ok(Some(SetDefaultContactTypePayload { contact_type: row.map(ContactType), user_errors }))
    }

    /// Permanently deletes a contact type. The default type cannot be deleted. A type that any contact has, including
    /// soft-deleted contacts, needs a `replacementId`. Requires the scope `org:admin`.
    async fn delete_contact_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact type and its replacement.")] input: DeleteContactTypeInput,
    ) -> Result<Option<DeleteContactTypePayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let DeleteContactTypeInput { id, replacement_id, expected_version } = input;
        let replacement = replacement_id.as_ref().map(|id| id.as_str());
        let (row, user_errors) =
            outcome(|| service::delete(db, request, &id, replacement, expected_version)).await?;
        Ok(Some(DeleteContactTypePayload { contact_type: row.map(ContactType), user_errors }))
    }
}
