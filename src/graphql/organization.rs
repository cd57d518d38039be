//! The GraphQL types of organizations and the viewer.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result};

use super::{
    Gateway,
    account::Account,
    contact::Contact,
    contact_type::ContactType,
    context::ContextExt,
    custom_field::CustomField,
    internal_contact::InternalContact,
    loaders::{ById, Prime, Source},
    partner::Partner,
    patch::patch,
    payload::payloads,
    record::{ListArguments, Listed, RecordFields, object},
    relay::{Connection, ListItem, page_request, primed},
    scalar::{BigInt, Id},
};
use crate::{
    auth::Scope,
    entity::{
        id::OrganizationId,
        organization::{Entity, Model},
    },
    error::{AppError, AppResult, Code},
    service::{self, cursor::Cursor, organization::CreateOrganization, page::Paged},
};

/// A tenant.
pub struct Organization(pub Model);

object! {
    /// A tenant. Every other record belongs to exactly one organization and is not visible to others.
    Organization |self|
    fields {
        /// Global id with the prefix `org_`. The header `x-org-id` takes this value.
        id: Id = self.0.id.into();
        /// Numeric id, as used by the REST API.
        number: BigInt = BigInt(self.0.id.0);
        /// The name.
        name: &str = &self.0.name;
        /// Identifier of the organization at the identity provider, which tokens name it by. The header `x-org-id` takes this
        /// value too.
        external_id: Option<&str> = self.0.external_id.as_deref();
    }
    lists "Filters the results. Soft-deleted records are excluded by default." {
        /// The contacts of all kinds. Only for the selected organization.
        contacts: Contact = |ctx, list| self.page(ctx, list).await?;
        /// The internal contacts. Only for the selected organization.
        internal_contacts: InternalContact = |ctx, list| self.page(ctx, list).await?;
        /// The partners. Only for the selected organization.
        partners: Partner = |ctx, list| self.page(ctx, list).await?;
        /// The accounts. Only for the selected organization.
        accounts: Account = |ctx, list| self.page(ctx, list).await?;
    }
    lists "Filters the results. Default: all items." {
        /// The contact types. Only for the selected organization.
        contact_types: ContactType = |ctx, list| self.page(ctx, list).await?;
        /// The custom fields. Only for the selected organization.
        custom_fields: CustomField = |ctx, list| self.page(ctx, list).await?;
    }
    flattened {
        record: RecordFields = (&self.0).into();
    }
}

impl Organization {
    /// A page of a list. Only the lists of the selected organization are read.
    async fn page<T: Listed>(&self, ctx: &Context<'_>, list: ListArguments<T>) -> AppResult<Connection<T>> {
        if ctx.gateway().request.caller.organization == Some(self.0.id.0) {
            return list.page(ctx).await;
        }
        let message = "The lists of an organization require that the header x-org-id selects it.";
        Err(AppError::request(Code::Forbidden, message))
    }
}

impl From<Model> for Organization {
    fn from(row: Model) -> Self {
        Self(row)
    }
}

impl ListItem for Organization {
    const CONNECTION: &'static str = "OrganizationConnection";
    const EDGE: &'static str = "OrganizationEdge";

    fn cursor(&self) -> Cursor {
        Entity::cursor(&self.0)
    }
}

impl Prime for Organization {}

/// Loads the selected organization.
impl ById for Organization {
    type Id = OrganizationId;
    type Row = Self;

    async fn load(
        source: &Source,
        organization: OrganizationId,
        _: &[OrganizationId],
    ) -> AppResult<HashMap<OrganizationId, Self>> {
        let row = service::organization::selected(&source.db, organization).await?;
        Ok(row.map(|row| (row.id, Self(row))).into_iter().collect())
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

    /// The active internal contact of the selected organization whose email address is the `sub` claim of the token.
    /// Null if there is none.
    async fn internal_contact(&self, ctx: &Context<'_>) -> Result<Option<InternalContact>> {
        let Gateway { request, db, .. } = ctx.gateway();
        if request.caller.organization.is_none() {
            return Ok(None);
        }
        let row = service::internal_contact::by_email(db, request, &request.caller.subject).await?;
        Ok(primed(ctx, row.map(InternalContact)).await)
    }

    /// The organizations that the token names.
    #[graphql(flatten)]
    async fn lists(&self) -> OrganizationList {
        OrganizationList
    }
}

/// The list of organizations.
pub struct OrganizationList;

object! {
    OrganizationList |self|
    fields {}
    pages {
        /// The organizations that the token names.
        organizations: Organization = |ctx, window| {
            let Gateway { request, db, .. } = ctx.gateway();
            let page = service::organization::list(db, request, &page_request(ctx, Entity::ORDER, &window)?).await?;
            Connection::primed(ctx, page.map(Organization)).await
        };
    }
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

    /// The list.
    #[graphql(flatten)]
    async fn lists(&self) -> OrganizationList {
        OrganizationList
    }
}

/// The organization to create.
#[derive(InputObject)]
pub struct CreateOrganizationInput {
    /// The name, at most 255 characters. Must not be blank.
    name: String,
    /// Identifier of the organization at the identity provider, at most 255 characters, unique. Must not be blank or have
    /// the form `org_42`.
    external_id: Option<String>,
}

/// The fields to update in the selected organization. An omitted field keeps its value.
#[derive(InputObject)]
pub struct UpdateOrganizationInput {
    /// The name, at most 255 characters. Must not be blank or null.
    name: MaybeUndefined<String>,
    /// Identifier of the organization at the identity provider, at most 255 characters, unique. Must not be blank or have
    /// the form `org_42`; null removes it. Changing it also requires the scope `gateway:admin`.
    external_id: MaybeUndefined<String>,
    /// The record's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

payloads! {
    /// Result of `createOrganization`.
    CreateOrganizationPayload {
        /// The created organization. Null if the input was rejected.
        organization: Organization
    }

    /// Result of `updateOrganization`.
    UpdateOrganizationPayload {
        /// The updated organization. Null if the input was rejected.
        organization: Organization
    }
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
        #[graphql(desc = r#"The organization to create, for example `{ name: "Example Group" }`."#)]
        input: CreateOrganizationInput,
    ) -> Result<Option<CreateOrganizationPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let CreateOrganizationInput { name, external_id } = input;
        let input = CreateOrganization { name, external_id };
        CreateOrganizationPayload::of(|| service::organization::create(db, request, input.clone())).await
    }

    /// Updates the selected organization. Requires the scope `org:admin`.
    async fn update_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = r#"The fields to update, for example `{ name: "Example Group", expectedVersion: 1 }`."#
        )]
        input: UpdateOrganizationInput,
    ) -> Result<Option<UpdateOrganizationPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let UpdateOrganizationInput { name, external_id, expected_version } = input;
        let (name, external_id) = (patch(name), patch(external_id));
        let changes = service::organization::UpdateOrganization { name, external_id, expected_version };
        UpdateOrganizationPayload::of(|| service::organization::update(db, request, &changes)).await
    }
}
