//! The GraphQL types of partners.

use std::collections::HashMap;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Name, Object, Result, SimpleObject, Value};

use super::{
    Gateway,
    bulk::{BulkErrorPolicy, upsert_types},
    context::ContextExt,
    document::FieldNames,
    error::{UserError, outcome},
    filter::{
        InternalContactAssignmentFilter, InternalContactAssignmentOrder, InternalContactFilter,
        InternalContactOrder, PartnerFilter, PartnerOrder, parse_list_arguments,
    },
    internal_contact::{InternalContact, RoleFilter},
    internal_contact_assignment::{InternalContactAssignment, InternalRole},
    loaders::{ById, ByParent, Prime, Primed, Source, prime_lists},
    patch::patch,
    pending::pending_updates,
    relay::{Connection, List, ListItem, list_request, primed},
    scalar::{Id, Timestamp},
    selection::Selection,
};
use crate::{
    entity::{
        Columns,
        id::{InternalContactId, OrganizationId, PartnerId},
        partner::{Entity, Model},
    },
    error::AppResult,
    service::{
        Page, PageWindow,
        bulk::Upserts,
        cursor::{Cursor, Order},
        filter::Filter,
        internal_contact_assignment::AssignmentFilter,
        page::Paged,
        page::Sort,
        partner as service,
    },
};

/// A company that internal contacts manage.
pub struct Partner(pub Model);

/// A company that internal contacts manage.
#[Object]
impl Partner {
    /// Global id with the prefix `ptn_`.
    pub async fn id(&self) -> Id {
        self.0.id.into()
    }

    /// The name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Identifier of this record in the external system it was synced from.
    async fn remote_id(&self) -> Option<&str> {
        self.0.remote_id.as_deref()
    }

    /// The assignments of internal contacts to this partner.
    async fn assignments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
        first: Option<i32>,
        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filters the results. Default: all items.")] filter: Option<
            InternalContactAssignmentFilter,
        >,
        #[graphql(desc = "Sort keys in order of precedence, at most 4. Default: creation order.")]
        order_by: Option<Vec<InternalContactAssignmentOrder>>,
        #[graphql(desc = "Returns only assignments with this role.")] role: Option<InternalRole>,
    ) -> Result<Option<Connection<InternalContactAssignment>>> {
        let own_filter = AssignmentFilter { role: role.map(Into::into), floating: None };
        let window = PageWindow { first, after, last, before };
        let request = list_request(ctx, InternalContactAssignment::ORDER, &window, filter, order_by)?;
        let list = List { own_filter, request };
        Ok(Some(ctx.gateway().loaders.assignments_by_partner.load(self.0.id, list).await?))
    }

    /// The internal contacts assigned to this partner. Each contact is listed once, regardless of the number of
    /// roles.
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
        #[graphql(desc = "Returns only contacts with this role for the partner.")] role: Option<InternalRole>,
    ) -> Result<Option<Connection<InternalContact>>> {
        let own_filter = RoleFilter { role: role.map(Into::into) };
        let window = PageWindow { first, after, last, before };
        let request = list_request(ctx, InternalContact::ORDER, &window, filter, order_by)?;
        let list = List { own_filter, request };
        Ok(Some(ctx.gateway().loaders.internal_contacts_by_partner.load(self.0.id, list).await?))
    }

    /// When the record was created.
    async fn created_at(&self) -> Timestamp {
        Timestamp(self.0.created_at)
    }

    /// When the record was last changed.
    async fn updated_at(&self) -> Timestamp {
        Timestamp(self.0.updated_at)
    }

    /// When the record was soft-deleted. Null if it is active.
    async fn deleted_at(&self) -> Option<Timestamp> {
        self.0.deleted_at.map(Timestamp)
    }

    /// Version number of the record: 1 at creation, incremented by each change. Send it as `expectedVersion` to
    /// detect concurrent changes.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

impl Partner {
    pub(super) const ORDER: Order = <Entity as Paged>::ORDER;

    /// The database columns of the selected fields.
    pub(super) fn columns(names: &FieldNames) -> Columns<Entity> {
        Columns::selected_by(|column| names.has(column))
    }
}

impl ListItem for Partner {
    const CONNECTION: &'static str = "PartnerConnection";
    const EDGE: &'static str = "PartnerEdge";

    fn cursor(&self) -> Cursor {
        Entity::cursor(&self.0)
    }

    fn parse_list_arguments(arguments: &[(Name, Value)]) -> Option<(Option<Filter>, Vec<Sort>)> {
        parse_list_arguments::<PartnerFilter, PartnerOrder>(arguments)
    }
}

impl Prime for Partner {
    fn prime<'a>(rows: Vec<&'a Self>, selections: Vec<Selection<'a>>, gateway: &'a Gateway) -> Primed<'a> {
        Box::pin(async move {
            let ids = || rows.iter().map(|row| row.0.id);
            let loaders = &gateway.loaders;
            for selection in selections {
                match selection.name() {
                    "assignments" => {
                        prime_lists(selection, &loaders.assignments_by_partner, ids(), gateway).await
                    }
                    "internalContacts" => {
                        prime_lists(selection, &loaders.internal_contacts_by_partner, ids(), gateway).await;
                    }
                    _ => {}
                }
            }
        })
    }
}

/// Loads partners by id.
pub struct PartnerById;

impl ById for PartnerById {
    type Id = PartnerId;
    type Row = Partner;

    async fn load(
        source: &Source,
        organization: OrganizationId,
        ids: &[PartnerId],
    ) -> AppResult<HashMap<PartnerId, Partner>> {
        let rows = service::by_ids(&source.db, organization, ids, Partner::columns(&source.names)).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, Partner(row))).collect())
    }
}

/// Loads the partners that internal contacts look after.
pub struct PartnersByInternalContact;

impl ByParent for PartnersByInternalContact {
    type Parent = InternalContactId;
    type Filter = ();
    type Row = Partner;
    const ORDER: Order = Partner::ORDER;

    async fn load(
        source: &Source,
        organization: OrganizationId,
        parents: &[InternalContactId],
        list: &List<()>,
    ) -> AppResult<HashMap<InternalContactId, Page<Partner>>> {
        let pages = service::of_internal_contacts(
            &source.db,
            organization,
            parents,
            Partner::columns(&source.names),
            &list.request,
        )
        .await?;
        Ok(pages.into_iter().map(|(parent, page)| (parent, page.map(Partner))).collect())
    }
}

/// Queries of partners.
#[derive(Default)]
pub struct PartnerQuery;

#[Object]
impl PartnerQuery {
    /// The partner with this id. Null if it does not exist or is not accessible with this token.
    async fn partner(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global id of the object.")] id: ID,
    ) -> Result<Option<Partner>> {
        let Gateway { request, db, .. } = ctx.gateway();
        let row = service::get(db, request, &id).await?;
        Ok(primed(ctx, row.map(Partner)).await)
    }

    /// The partners of the organization.
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
        let Gateway { request, db, names, .. } = ctx.gateway();
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, Partner::ORDER, &window, filter, order_by)?;
        let page = service::list(db, request, Partner::columns(names), &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(Partner)).await))
    }
}

/// The partner to create.
#[derive(InputObject)]
pub struct CreatePartnerInput {
    /// The name, at most 255 characters. Must not be blank.
    name: String,
    /// Identifier of this record in the external system it was synced from. Unique in the organization.
    remote_id: Option<String>,
    /// A key of 1 to 255 characters, chosen by the client. Repeating the mutation with the same key and input returns
    /// the first result and writes nothing; the same key with another input is an error. Keys are kept for 7 days by
    /// default.
    idempotency_key: Option<String>,
}

/// Result of `createPartner`.
#[derive(SimpleObject)]
pub struct CreatePartnerPayload {
    /// The created partner. Null if the input was rejected.
    partner: Option<Partner>,
    /// Validation errors. Empty if the mutation succeeded.
    user_errors: Vec<UserError>,
}

/// The fields to update. An omitted field keeps its value, null clears it.
#[derive(InputObject)]
pub struct UpdatePartnerInput {
    /// Global id of the partner.
    id: ID,
    /// The name, at most 255 characters. Must not be blank or null.
    name: MaybeUndefined<String>,
    /// Identifier of this record in the external system it was synced from. Unique in the organization.
    remote_id: MaybeUndefined<String>,
    /// The record's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

/// Result of `updatePartner`.
#[derive(SimpleObject)]
pub struct UpdatePartnerPayload {
    /// The updated partner. Null if the input was rejected.
    partner: Option<Partner>,
    /// Validation errors. Empty if the mutation succeeded.
    user_errors: Vec<UserError>,
}

/// The partner to delete.
#[derive(InputObject)]
pub struct DeletePartnerInput {
    /// Global id of the partner.
    id: ID,
    /// The record's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

/// Result of `deletePartner`.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct DeletePartnerPayload {
    /// The soft-deleted partner. Null if the input was rejected.
    partner: Option<Partner>,
    /// Validation errors. Empty if the mutation succeeded.
    user_errors: Vec<UserError>,
}

/// The soft-deleted partner to restore.
#[derive(InputObject)]
pub struct RestorePartnerInput {
    /// Global id of the partner.
    id: ID,
    /// The record's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

/// Result of `restorePartner`.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct RestorePartnerPayload {
    /// The restored partner. Null if the input was rejected.
    partner: Option<Partner>,
    /// Validation errors. Empty if the mutation succeeded.
    user_errors: Vec<UserError>,
}

/// A partner to create or update. An omitted or null field keeps its value.
#[derive(InputObject)]
pub struct UpsertPartnerInput {
    /// Identifier of this record in the external system it was synced from. Selects the partner to update.
    remote_id: String,
    /// The name, at most 255 characters. Required for a new record.
    name: Option<String>,
}

/// Partners to create or update.
#[derive(InputObject)]
pub struct UpsertPartnersInput {
    /// 1 to 1,000 partners. Remote ids must be unique in the list.
    rows: Vec<UpsertPartnerInput>,
    /// How valid rows are treated if other rows are rejected. Default: `REJECT_ALL`.
    #[graphql(default)]
    error_policy: BulkErrorPolicy,
    /// A key of 1 to 255 characters, chosen by the client. Repeating the mutation with the same key and input returns
    /// the first result and writes nothing; the same key with another input is an error. Keys are kept for 7 days by
    /// default.
    idempotency_key: Option<String>,
}

upsert_types! {
    /// Result of creating or updating one partner.
    UpsertPartnerResult,
    /// Result of `upsertPartners`.
    UpsertPartnersPayload,
    partner / "partner": Partner
}

pending_updates! {
    DeletePartnerPayload: |payload| payload.partner.iter(),
    RestorePartnerPayload: |payload| payload.partner.iter(),
}

/// Mutations of partners.
#[derive(Default)]
pub struct PartnerMutation;

#[Object]
impl PartnerMutation {
    /// Creates a partner.
    async fn create_partner(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The partner to create.")] input: CreatePartnerInput,
    ) -> Result<Option<CreatePartnerPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let CreatePartnerInput { name, remote_id, idempotency_key } = input;
        let input = service::CreatePartner { name, remote_id, idempotency_key };
        let (partner, user_errors) = outcome(|| service::create(db, request, &input)).await?;
        Ok(Some(CreatePartnerPayload { partner: partner.map(Partner), user_errors }))
    }

    /// Updates a partner.
    async fn update_partner(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The partner and the fields to update.")] input: UpdatePartnerInput,
    ) -> Result<Option<UpdatePartnerPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let changes = service::UpdatePartner {
            name: patch(input.name),
            remote_id: patch(input.remote_id),
            expected_version: input.expected_version,
        };
        let (row, user_errors) = outcome(|| service::update(db, request, &input.id, &changes)).await?;
        Ok(Some(UpdatePartnerPayload { partner: row.map(Partner), user_errors }))
    }

    /// Soft-deletes a partner. Its assignments are hidden until it is restored.
    async fn delete_partner(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The partner.")] input: DeletePartnerInput,
    ) -> Result<Option<DeletePartnerPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let unit = || service::delete(db, request, &input.id, input.expected_version);
        let (row, user_errors) = outcome(unit).await?;
        Ok(Some(DeletePartnerPayload { partner: row.map(Partner), user_errors }))
    }

    /// Restores a soft-deleted partner and its assignments. An active partner is not changed.
    async fn restore_partner(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The partner.")] input: RestorePartnerInput,
    ) -> Result<Option<RestorePartnerPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let unit = || service::restore(db, request, &input.id, input.expected_version);
        let (row, user_errors) = outcome(unit).await?;
        Ok(Some(RestorePartnerPayload { partner: row.map(Partner), user_errors }))
    }

    /// Creates or updates up to 1,000 partners, matched by remote id.
    async fn upsert_partners(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The partners.")] input: UpsertPartnersInput,
    ) -> Result<Option<UpsertPartnersPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let UpsertPartnersInput { rows, error_policy, idempotency_key } = input;
        let rows =
            rows.into_iter().map(|row| service::UpsertPartner { remote_id: row.remote_id, name: row.name });
        let input = Upserts { rows: rows.collect(), error_policy: error_policy.into(), idempotency_key };
        Ok(Some(UpsertPartnersPayload::of(ctx, || service::upsert(db, request, &input)).await?))
    }
}
