//! The GraphQL types of organizations and the viewer.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};

use super::{
    Gateway,
    account::Account,
    contact::{Contact, ContactFilter, ContactOrder, contacts},
    contact_type::ContactType,
    context::ContextExt,
    custom_field::CustomField,
    error::{UserError, outcome},
    filter::{
        AccountFilter, AccountOrder, ContactTypeFilter, ContactTypeOrder, CustomFieldFilter,
        CustomFieldOrder, InternalContactFilter, InternalContactOrder, PartnerFilter, PartnerOrder,
    },
    internal_contact::InternalContact,
    loaders::{ById, Prime, Primed, Source},
    partner::Partner,
    patch::patch,
    relay::{Connection, ListItem, list_request, page_request, primed},
    scalar::{BigInt, Id, Timestamp},
    selection::Selection,
};
use crate::{
    auth::Scope,
    entity::{
        contact_type, custom_field,
        id::OrganizationId,
        organization::{Entity, Model},
    },
    error::{AppError, AppResult, Code},
    service::{self, PageWindow, cursor::Cursor, page::Paged},
};

/// A tenant.
pub struct Organization(pub Model);

/// A tenant. Every other record belongs to exactly one organization and is not visible to others.
#[Object]
impl Organization {
    /// Global id with the prefix `org_`. The header `x-org-id` takes this value.
    pub async fn id(&self) -> Id {
        self.0.id.into()
    }

    /// Numeric id, as used by the REST API.
    async fn number(&self) -> BigInt {
        BigInt(self.0.id.0)
    }

    /// The name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The contacts of all kinds. Only for the selected organization.
    async fn contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
        first: Option<i32>,
        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filters the results. Soft-deleted records are excluded by default.")]
        filter: Option<ContactFilter>,
        #[graphql(desc = "Sort keys in order of precedence, at most 4. Default: creation order.")]
        order_by: Option<Vec<ContactOrder>>,
    ) -> Result<Option<Connection<Contact>>> {
        self.selected_gateway(ctx)?;
        contacts(ctx, &PageWindow { first, after, last, before }, filter, order_by).await
    }

    /// The internal contacts. Only for the selected organization.
    async fn internal_contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
        first: Option<i32>,
        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filters the results. Soft-deleted records are excluded by default.")]
        filter: Option<InternalContactFilter>,
        #[graphql(desc = "Sort keys in order of precedence, at most 4. Default: creation order.")]
        order_by: Option<Vec<InternalContactOrder>>,
    ) -> Result<Option<Connection<InternalContact>>> {
        let Gateway { request, db, names, .. } = self.selected_gateway(ctx)?;
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, InternalContact::ORDER, &window, filter, order_by)?;
        let page =
            service::internal_contact::list(db, request, InternalContact::columns(names), &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(InternalContact)).await))
    }

    /// The partners. Only for the selected organization.
    async fn partners(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
        first: Option<i32>,
        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filters the results. Soft-deleted records are excluded by default.")]
        filter: Option<PartnerFilter>,
        #[graphql(desc = "Sort keys in order of precedence, at most 4. Default: creation order.")]
        order_by: Option<Vec<PartnerOrder>>,
    ) -> Result<Option<Connection<Partner>>> {
        let Gateway { request, db, names, .. } = self.selected_gateway(ctx)?;
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, Partner::ORDER, &window, filter, order_by)?;
        let page = service::partner::list(db, request, Partner::columns(names), &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(Partner)).await))
    }

    /// The accounts. Only for the selected organization.
    async fn accounts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
        first: Option<i32>,
        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filters the results. Soft-deleted records are excluded by default.")]
        filter: Option<AccountFilter>,
        #[graphql(desc = "Sort keys in order of precedence, at most 4. Default: creation order.")]
        order_by: Option<Vec<AccountOrder>>,
    ) -> Result<Option<Connection<Account>>> {
        let Gateway { request, db, names, .. } = self.selected_gateway(ctx)?;
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, Account::ORDER, &window, filter, order_by)?;
        let page = service::account::list(db, request, Account::columns(names), &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(Account)).await))
    }

    /// The contact types. Only for the selected organization.
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
        let Gateway { request, db, .. } = self.selected_gateway(ctx)?;
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, contact_type::Entity::ORDER, &window, filter, order_by)?;
        let page = service::contact_type::list(db, request, &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(ContactType)).await))
    }

    /// The custom fields. Only for the selected organization.
    async fn custom_fields(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
        first: Option<i32>,
        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filters the results. Default: all items.")] filter: Option<CustomFieldFilter>,
        #[graphql(desc = "Sort keys in order of precedence, at most 4. Default: creation order.")]
        order_by: Option<Vec<CustomFieldOrder>>,
    ) -> Result<Option<Connection<CustomField>>> {
        let Gateway { request, db, .. } = self.selected_gateway(ctx)?;
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, custom_field::Entity::ORDER, &window, filter, order_by)?;
        let page = service::custom_field::list(db, request, &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(CustomField)).await))
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

impl Organization {
    /// The current request, if this is the selected organization.
    fn selected_gateway<'a>(&self, ctx: &Context<'a>) -> AppResult<&'a Gateway> {
        let gateway = ctx.gateway();
        if gateway.request.caller.organization == Some(self.0.id.0) {
            return Ok(gateway);
        }
        let message = "The lists of an organization require that the header x-org-id selects it.";
        Err(AppError::request(Code::Forbidden, message))
    }
}

impl ListItem for Organization {
    const CONNECTION: &'static str = "OrganizationConnection";
    const EDGE: &'static str = "OrganizationEdge";

    fn cursor(&self) -> Cursor {
        Entity::cursor(&self.0)
    }
}

impl Prime for Organization {
    fn prime<'a>(_: Vec<&'a Self>, _: Vec<Selection<'a>>, _: &'a Gateway) -> Primed<'a> {
        Box::pin(async {})
    }
}

/// Loads the selected organization.
pub struct OrganizationById;

impl ById for OrganizationById {
    type Id = OrganizationId;
    type Row = Organization;

    async fn load(
        source: &Source,
        organization: OrganizationId,
        _: &[OrganizationId],
    ) -> AppResult<HashMap<OrganizationId, Organization>> {
        let row = service::organization::selected(&source.db, organization).await?;
        Ok(row.map(|row| (row.id, Organization(row))).into_iter().collect())
    }
}

/// The authenticated client and its permissions.
pub struct Viewer;

/// The authenticated client and its permissions.
#[Object]
impl Viewer {
    /// The `sub` claim of the token.
    async fn subject<'a>(&self, ctx: &Context<'a>) -> &'a str {
        &ctx.gateway().request.caller.subject
    }

    /// The scopes of the token. Possible values: `contacts:read`, `contacts:write`, `org:admin`, `gateway:admin`.
    async fn scopes(&self, ctx: &Context<'_>) -> Vec<&'static str> {
        ctx.gateway().request.caller.scopes.iter().map(Scope::name).collect()
    }

    /// The selected organization. Null if the request selects none.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Arc<Organization>>> {
        let Gateway { request, loaders, .. } = ctx.gateway();
        match request.caller.organization {
            Some(number) => Ok(loaders.organization.load(OrganizationId(number)).await?),
            None => Ok(None),
        }
    }

    /// The organizations that the token names.
    async fn organizations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
        first: Option<i32>,
        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<Organization>>> {
        organizations(ctx, &PageWindow { first, after, last, before }).await
    }
}

async fn organizations(ctx: &Context<'_>, window: &PageWindow) -> Result<Option<Connection<Organization>>> {
    let Gateway { request, db, .. } = ctx.gateway();
    let page = page_request(ctx, Entity::ORDER, window)?;
    let page = service::organization::list(db, request, &page).await?;
    Ok(Some(Connection::primed(ctx, page.map(Organization)).await))
}

/// Queries of organizations.
#[derive(Default)]
pub struct OrganizationQuery;

#[Object]
impl OrganizationQuery {
    /// The authenticated client and its permissions.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<Viewer>> {
        service::viewer(&ctx.gateway().request)?;
        Ok(Some(Viewer))
    }

    /// The organization with this id, or the selected organization. Null if the token does not name it.
    async fn organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Global id of the organization. Default: the organization selected by the header `x-org-id`."
        )]
        id: Option<ID>,
    ) -> Result<Option<Organization>> {
        let Gateway { request, db, .. } = ctx.gateway();
        let row = service::organization::get(db, request, id.as_ref().map(|id| id.as_str())).await?;
        Ok(primed(ctx, row.map(Organization)).await)
    }

    /// The organizations that the token names.
    async fn organizations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
        first: Option<i32>,
        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<Organization>>> {
        organizations(ctx, &PageWindow { first, after, last, before }).await
    }
}

/// The organization to create.
#[derive(InputObject)]
pub struct CreateOrganizationInput {
    /// The name, at most 255 characters. Must not be blank.
    name: String,
}

/// Result of `createOrganization`.
#[derive(SimpleObject)]
pub struct CreateOrganizationPayload {
    /// The created organization. Null if the input was rejected.
    organization: Option<Organization>,
    /// Validation errors. Empty if the mutation succeeded.
    user_errors: Vec<UserError>,
}

/// The fields to update in the selected organization. An omitted field keeps its value.
#[derive(InputObject)]
pub struct UpdateOrganizationInput {
    /// The name, at most 255 characters. Must not be blank or null.
    name: MaybeUndefined<String>,
    /// The record's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

/// Result of `updateOrganization`.
#[derive(SimpleObject)]
pub struct UpdateOrganizationPayload {
    /// The updated organization. Null if the input was rejected.
    organization: Option<Organization>,
    /// Validation errors. Empty if the mutation succeeded.
    user_errors: Vec<UserError>,
}

/// Mutations of organizations.
#[derive(Default)]
pub struct OrganizationMutation;

#[Object]
impl OrganizationMutation {
    /// Creates an organization with the initial contact types. Requires the scope `gateway:admin` and no selected
    /// organization. To use the new organization, request a token that names it.
    async fn create_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization to create.")] input: CreateOrganizationInput,
    ) -> Result<Option<CreateOrganizationPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let (row, user_errors) = outcome(|| service::organization::create(db, request, &input.name)).await?;
        Ok(Some(CreateOrganizationPayload { organization: row.map(Organization), user_errors }))
    }

    /// Updates the selected organization. Requires the scope `org:admin`.
    async fn update_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The fields to update.")] input: UpdateOrganizationInput,
    ) -> Result<Option<UpdateOrganizationPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let UpdateOrganizationInput { name, expected_version } = input;
        let changes = service::organization::UpdateOrganization { name: patch(name), expected_version };
        let (row, user_errors) = outcome(|| service::organization::update(db, request, &changes)).await?;
        Ok(Some(UpdateOrganizationPayload { organization: row.map(Organization), user_errors }))
    }
}
