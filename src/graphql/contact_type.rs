//! Contact types in the schema.

use std::collections::HashMap;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Name, Object, Result, SimpleObject, Value};

use super::{
    Gateway,
    context::ContextExt,
    error::{UserError, outcome},
    filter::{ContactTypeFilter, ContactTypeOrder, narrowed},
    loaders::{ById, Prime, Primed, Source},
    patch::patch,
    pending::pending_updates,
    relay::{Connection, Listed, list_request},
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

/// What an account contact is to its accounts.
pub struct ContactType(pub Model);

/// What an account contact is to its accounts, such as Billing. Each organization has its own.
#[Object]
impl ContactType {
    /// The global id, `ct_…`.
    pub async fn id(&self) -> Id {
        self.0.id.into()
    }

    /// Its name; unique in the organization.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether contacts get this type when none is named. Exactly one type of an organization is.
    async fn is_default(&self) -> bool {
        self.0.is_default
    }

    /// When it was made.
    async fn created_at(&self) -> Timestamp {
        Timestamp(self.0.created_at)
    }

    /// When it was last changed.
    async fn updated_at(&self) -> Timestamp {
        Timestamp(self.0.updated_at)
    }

    /// Starts at 1 and grows by 1 with each change.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

impl Listed for ContactType {
    const CONNECTION: &'static str = "ContactTypeConnection";
    const EDGE: &'static str = "ContactTypeEdge";

    fn cursor(&self) -> Cursor {
        Entity::cursor(&self.0)
    }

    fn narrowed(arguments: &[(Name, Value)]) -> Option<(Option<Filter>, Vec<Sort>)> {
        narrowed::<ContactTypeFilter, ContactTypeOrder>(arguments)
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

/// Loads the types that account contacts have now.
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

/// Reading contact types.
#[derive(Default)]
pub struct ContactTypeQuery;

#[Object]
impl ContactTypeQuery {
    /// The contact types of the organization, in the order of creation.
    async fn contact_types(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most this many from the start or after `after`, 1 to 100; 25 when absent.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "At most this many from the end or before `before`, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them; all when absent.")] filter: Option<ContactTypeFilter>,
        #[graphql(desc = "What they are ordered by, the more important first; creation when absent.")]
        order_by: Option<Vec<ContactTypeOrder>>,
    ) -> Result<Option<Connection<ContactType>>> {
        let Gateway { request, db, .. } = ctx.gateway();
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, <Entity as Paged>::ORDER, &window, filter, order_by)?;
        let page = service::list(db, request, &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(ContactType)).await))
    }
}

/// A new contact type.
#[derive(InputObject)]
pub struct CreateContactTypeInput {
    /// Its name, not blank, at most 255 characters; unique in the organization.
    name: String,
    /// Repeating a call with the same key and input gives the first result and does nothing.
    idempotency_key: Option<String>,
}

/// What createContactType did.
#[derive(SimpleObject)]
pub struct CreateContactTypePayload {
    /// The new type; null when the input was refused.
    contact_type: Option<ContactType>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// What is to change of a contact type: an absent field keeps its value.
#[derive(InputObject)]
pub struct UpdateContactTypeInput {
    /// The type's global id.
    id: ID,
    /// The name, unique in the organization; cannot be null.
    name: MaybeUndefined<String>,
    /// The version that was read; when the type has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What updateContactType did.
#[derive(SimpleObject)]
pub struct UpdateContactTypePayload {
    /// The type after the change; null when the input was refused.
    contact_type: Option<ContactType>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// The contact type that is to be the default.
#[derive(InputObject)]
pub struct SetDefaultContactTypeInput {
    /// The type's global id.
    id: ID,
    /// The version that was read; when the type has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What setDefaultContactType did.
#[derive(SimpleObject)]
pub struct SetDefaultContactTypePayload {
    /// The default type; null when the input was refused.
    contact_type: Option<ContactType>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// The contact type that is to go.
#[derive(InputObject)]
pub struct DeleteContactTypeInput {
    /// The type's global id.
    id: ID,
    /// The global id of the type that its contacts get instead; needed when there are any.
    replacement_id: Option<ID>,
    /// The version that was read; when the type has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What deleteContactType did.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct DeleteContactTypePayload {
    /// The type as it was; null when the input was refused.
    contact_type: Option<ContactType>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

pending_updates! {
    DeleteContactTypePayload: |payload| payload.contact_type.iter(),
}

/// Changing contact types.
#[derive(Default)]
pub struct ContactTypeMutation;

#[Object]
impl ContactTypeMutation {
    /// Makes a contact type, which is not the default. Needs the scope org:admin.
    async fn create_contact_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new type.")] input: CreateContactTypeInput,
    ) -> Result<Option<CreateContactTypePayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let CreateContactTypeInput { name, idempotency_key } = input;
        let input = service::CreateContactType { name, is_default: false, idempotency_key };
        let (row, user_errors) = outcome(|| service::create(db, request, &input)).await?;
        Ok(Some(CreateContactTypePayload { contact_type: row.map(ContactType), user_errors }))
    }

    /// Renames a contact type. Needs the scope org:admin.
    async fn update_contact_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The type and what is to change.")] input: UpdateContactTypeInput,
    ) -> Result<Option<UpdateContactTypePayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let UpdateContactTypeInput { id, name, expected_version } = input;
        let changes =
            service::UpdateContactType { name: patch(name), is_default: Patch::Keep, expected_version };
        let (row, user_errors) = outcome(|| service::update(db, request, &id, &changes)).await?;
        Ok(Some(UpdateContactTypePayload { contact_type: row.map(ContactType), user_errors }))
    }

    /// Makes a contact type the one that contacts get when none is named, in place of the one that was. Needs the scope
    /// org:admin.
    async fn set_default_contact_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The type.")] input: SetDefaultContactTypeInput,
    ) -> Result<Option<SetDefaultContactTypePayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let SetDefaultContactTypeInput { id, expected_version } = input;
        let (row, user_errors) = outcome(|| service::set_default(db, request, &id, expected_version)).await?;
        Ok(Some(SetDefaultContactTypePayload { contact_type: row.map(ContactType), user_errors }))
    }

    /// Removes a contact type for good. The default stays; a type that contacts have, deleted ones included, goes only
    /// when another one is named for them. Needs the scope org:admin.
    async fn delete_contact_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The type and what takes its place.")] input: DeleteContactTypeInput,
    ) -> Result<Option<DeleteContactTypePayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let DeleteContactTypeInput { id, replacement_id, expected_version } = input;
        let replacement = replacement_id.as_ref().map(|id| id.as_str());
        let (row, user_errors) =
            outcome(|| service::delete(db, request, &id, replacement, expected_version)).await?;
        Ok(Some(DeleteContactTypePayload { contact_type: row.map(ContactType), user_errors }))
    }
}
