//! Organizations and the viewer in the schema.

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
    relay::{Connection, Listed, list_request, page_request, primed},
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

/// A tenant: everything else belongs to exactly one organization and is invisible outside it.
#[Object]
impl Organization {
    /// The global id, `org_…`: what the header x-org-id takes.
    pub async fn id(&self) -> Id {
        self.0.id.into()
    }

    /// The number in the documented APIs: the id's integer.
    async fn number(&self) -> BigInt {
        BigInt(self.0.id.0)
    }

    /// Its name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Its contacts of all kinds. Only of the organization that the request selected.
    async fn contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most this many from the start or after `after`, 1 to 100; 25 when absent.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "At most this many from the end or before `before`, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them; all living ones when absent.")] filter: Option<ContactFilter>,
        #[graphql(desc = "What they are ordered by, the more important first; creation when absent.")]
        order_by: Option<Vec<ContactOrder>>,
    ) -> Result<Option<Connection<Contact>>> {
        self.entered(ctx)?;
        contacts(ctx, &PageWindow { first, after, last, before }, filter, order_by).await
    }

    /// Its own people. Only of the organization that the request selected.
    async fn internal_contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most this many from the start or after `after`, 1 to 100; 25 when absent.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "At most this many from the end or before `before`, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them; all living ones when absent.")] filter: Option<
            InternalContactFilter,
        >,
        #[graphql(desc = "What they are ordered by, the more important first; creation when absent.")]
        order_by: Option<Vec<InternalContactOrder>>,
    ) -> Result<Option<Connection<InternalContact>>> {
        let Gateway { request, db, names, .. } = self.entered(ctx)?;
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, InternalContact::ORDER, &window, filter, order_by)?;
        let page =
            service::internal_contact::list(db, request, InternalContact::columns(names), &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(InternalContact)).await))
    }

    /// Its partners. Only of the organization that the request selected.
    async fn partners(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most this many from the start or after `after`, 1 to 100; 25 when absent.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "At most this many from the end or before `before`, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them; all living ones when absent.")] filter: Option<PartnerFilter>,
        #[graphql(desc = "What they are ordered by, the more important first; creation when absent.")]
        order_by: Option<Vec<PartnerOrder>>,
    ) -> Result<Option<Connection<Partner>>> {
        let Gateway { request, db, names, .. } = self.entered(ctx)?;
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, Partner::ORDER, &window, filter, order_by)?;
        let page = service::partner::list(db, request, Partner::columns(names), &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(Partner)).await))
    }

    /// Its accounts. Only of the organization that the request selected.
    async fn accounts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most this many from the start or after `after`, 1 to 100; 25 when absent.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "At most this many from the end or before `before`, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them; all living ones when absent.")] filter: Option<AccountFilter>,
        #[graphql(desc = "What they are ordered by, the more important first; creation when absent.")]
        order_by: Option<Vec<AccountOrder>>,
    ) -> Result<Option<Connection<Account>>> {
        let Gateway { request, db, names, .. } = self.entered(ctx)?;
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, Account::ORDER, &window, filter, order_by)?;
        let page = service::account::list(db, request, Account::columns(names), &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(Account)).await))
    }

    /// Its contact types. Only of the organization that the request selected.
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
        let Gateway { request, db, .. } = self.entered(ctx)?;
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, contact_type::Entity::ORDER, &window, filter, order_by)?;
        let page = service::contact_type::list(db, request, &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(ContactType)).await))
    }

    /// Its custom fields. Only of the organization that the request selected.
    async fn custom_fields(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most this many from the start or after `after`, 1 to 100; 25 when absent.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "At most this many from the end or before `before`, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them; all when absent.")] filter: Option<CustomFieldFilter>,
        #[graphql(desc = "What they are ordered by, the more important first; creation when absent.")]
        order_by: Option<Vec<CustomFieldOrder>>,
    ) -> Result<Option<Connection<CustomField>>> {
        let Gateway { request, db, .. } = self.entered(ctx)?;
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, custom_field::Entity::ORDER, &window, filter, order_by)?;
        let page = service::custom_field::list(db, request, &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(CustomField)).await))
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

impl Organization {
    /// The request, when this is the organization that it acts in.
    fn entered<'a>(&self, ctx: &Context<'a>) -> AppResult<&'a Gateway> {
        let gateway = ctx.gateway();
        if gateway.request.caller.organization == Some(self.0.id.0) {
            return Ok(gateway);
        }
        let message = "What an organization holds can be read when the header x-org-id selects it.";
        Err(AppError::request(Code::Forbidden, message))
    }
}

impl Listed for Organization {
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

/// Who asks, and what the token allows.
pub struct Viewer;

/// Who asks, and what the token allows.
#[Object]
impl Viewer {
    /// The token's subject.
    async fn subject<'a>(&self, ctx: &Context<'a>) -> &'a str {
        &ctx.gateway().request.caller.subject
    }

    /// The scopes that the token carries: contacts:read, contacts:write, org:admin, gateway:admin.
    async fn scopes(&self, ctx: &Context<'_>) -> Vec<&'static str> {
        ctx.gateway().request.caller.scopes.iter().map(Scope::name).collect()
    }

    /// The organization that the request acts in; null when none is selected.
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
        #[graphql(desc = "At most this many from the start or after `after`, 1 to 100; 25 when absent.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "At most this many from the end or before `before`, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
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

/// Reading organizations.
#[derive(Default)]
pub struct OrganizationQuery;

#[Object]
impl OrganizationQuery {
    /// Who asks, and what the token allows.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<Viewer>> {
        service::viewer(&ctx.gateway().request)?;
        Ok(Some(Viewer))
    }

    /// The organization with this id, or the selected one; null when the token does not name it.
    async fn organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its global id; the selected organization when absent.")] id: Option<ID>,
    ) -> Result<Option<Organization>> {
        let Gateway { request, db, .. } = ctx.gateway();
        let row = service::organization::get(db, request, id.as_ref().map(|id| id.as_str())).await?;
        Ok(primed(ctx, row.map(Organization)).await)
    }

    /// The organizations that the token names.
    async fn organizations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most this many from the start or after `after`, 1 to 100; 25 when absent.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "At most this many from the end or before `before`, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<Organization>>> {
        organizations(ctx, &PageWindow { first, after, last, before }).await
    }
}

/// A new organization.
#[derive(InputObject)]
pub struct CreateOrganizationInput {
    /// Its name, not blank, at most 255 characters.
    name: String,
}

/// What createOrganization did.
#[derive(SimpleObject)]
pub struct CreateOrganizationPayload {
    /// The new organization; null when the input was refused.
    organization: Option<Organization>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// What is to change of the selected organization: an absent field keeps its value.
#[derive(InputObject)]
pub struct UpdateOrganizationInput {
    /// The name, not blank, at most 255 characters; cannot be null.
    name: MaybeUndefined<String>,
    /// The version that was read; when the organization has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What updateOrganization did.
#[derive(SimpleObject)]
pub struct UpdateOrganizationPayload {
    /// The organization after the change; null when the input was refused.
    organization: Option<Organization>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// Changing organizations.
#[derive(Default)]
pub struct OrganizationMutation;

#[Object]
impl OrganizationMutation {
    /// Makes an organization with the contact types that every one begins with. Needs the scope gateway:admin, and no
    /// selected organization. To act in the new one, a token must name it.
    async fn create_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new organization.")] input: CreateOrganizationInput,
    ) -> Result<Option<CreateOrganizationPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let (row, user_errors) = outcome(|| service::organization::create(db, request, &input.name)).await?;
        Ok(Some(CreateOrganizationPayload { organization: row.map(Organization), user_errors }))
    }

    /// Changes the organization that the request selected. Needs the scope org:admin.
    async fn update_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to change.")] input: UpdateOrganizationInput,
    ) -> Result<Option<UpdateOrganizationPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let UpdateOrganizationInput { name, expected_version } = input;
        let changes = service::organization::UpdateOrganization { name: patch(name), expected_version };
        let (row, user_errors) = outcome(|| service::organization::update(db, request, &changes)).await?;
        Ok(Some(UpdateOrganizationPayload { organization: row.map(Organization), user_errors }))
    }
}
