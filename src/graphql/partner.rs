//! Partners in the schema.

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
        InternalContactOrder, PartnerFilter, PartnerOrder, narrowed,
    },
    internal_contact::{InternalContact, RoleFilter},
    internal_contact_assignment::{InternalContactAssignment, InternalRole},
    loaders::{ById, ByParent, Prime, Primed, Source, prime_lists},
    patch::patch,
    pending::pending_updates,
    relay::{Connection, List, Listed, list_request, primed},
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

/// A company that internal contacts look after.
pub struct Partner(pub Model);

/// A company that internal contacts look after.
#[Object]
impl Partner {
    /// The global id, `ptn_…`.
    pub async fn id(&self) -> Id {
        self.0.id.into()
    }

    /// Its name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Its key in the system it comes from.
    async fn remote_id(&self) -> Option<&str> {
        self.0.remote_id.as_deref()
    }

    /// The assignments of internal contacts to this partner.
    async fn assignments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most this many from the start or after `after`, 1 to 100; 25 when absent.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "At most this many from the end or before `before`, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them; all living ones when absent.")] filter: Option<
            InternalContactAssignmentFilter,
        >,
        #[graphql(desc = "What they are ordered by, the more important first; creation when absent.")]
        order_by: Option<Vec<InternalContactAssignmentOrder>>,
        #[graphql(desc = "Only assignments of this role.")] role: Option<InternalRole>,
    ) -> Result<Option<Connection<InternalContactAssignment>>> {
        let narrow = AssignmentFilter { role: role.map(Into::into), floating: None };
        let window = PageWindow { first, after, last, before };
        let request = list_request(ctx, InternalContactAssignment::ORDER, &window, filter, order_by)?;
        let list = List { narrow, request };
        Ok(Some(ctx.gateway().loaders.assignments_by_partner.load(self.0.id, list).await?))
    }

    /// The people who look after this partner, each once whatever the number of roles.
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
        #[graphql(desc = "Only people who hold this role for the partner.")] role: Option<InternalRole>,
    ) -> Result<Option<Connection<InternalContact>>> {
        let narrow = RoleFilter { role: role.map(Into::into) };
        let window = PageWindow { first, after, last, before };
        let request = list_request(ctx, InternalContact::ORDER, &window, filter, order_by)?;
        let list = List { narrow, request };
        Ok(Some(ctx.gateway().loaders.internal_contacts_by_partner.load(self.0.id, list).await?))
    }

    /// When it was made.
    async fn created_at(&self) -> Timestamp {
        Timestamp(self.0.created_at)
    }

    /// When it was last changed.
    async fn updated_at(&self) -> Timestamp {
        Timestamp(self.0.updated_at)
    }

    /// When it was deleted; null while it lives.
    async fn deleted_at(&self) -> Option<Timestamp> {
        self.0.deleted_at.map(Timestamp)
    }

    /// Starts at 1 and grows by 1 with each change.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

impl Partner {
    pub(super) const ORDER: Order = <Entity as Paged>::ORDER;

    /// The columns that the selected fields show.
    pub(super) fn columns(names: &FieldNames) -> Columns<Entity> {
        Columns::asked(|column| names.has(column))
    }
}

impl Listed for Partner {
    const CONNECTION: &'static str = "PartnerConnection";
    const EDGE: &'static str = "PartnerEdge";

    fn cursor(&self) -> Cursor {
        Entity::cursor(&self.0)
    }

    fn narrowed(arguments: &[(Name, Value)]) -> Option<(Option<Filter>, Vec<Sort>)> {
        narrowed::<PartnerFilter, PartnerOrder>(arguments)
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

/// Reading partners.
#[derive(Default)]
pub struct PartnerQuery;

#[Object]
impl PartnerQuery {
    /// The partner with this id; null when there is none in reach.
    async fn partner(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its global id.")] id: ID,
    ) -> Result<Option<Partner>> {
        let Gateway { request, db, .. } = ctx.gateway();
        let row = service::get(db, request, &id).await?;
        Ok(primed(ctx, row.map(Partner)).await)
    }

    /// The partners of the organization, in the order of creation.
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
        let Gateway { request, db, names, .. } = ctx.gateway();
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, Partner::ORDER, &window, filter, order_by)?;
        let page = service::list(db, request, Partner::columns(names), &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(Partner)).await))
    }
}

/// A new partner.
#[derive(InputObject)]
pub struct CreatePartnerInput {
    /// Its name, not blank, at most 255 characters.
    name: String,
    /// Its key in the system it comes from; unique in the organization.
    remote_id: Option<String>,
    /// Repeating a call with the same key and input gives the first result and does nothing.
    idempotency_key: Option<String>,
}

/// What createPartner did.
#[derive(SimpleObject)]
pub struct CreatePartnerPayload {
    /// The new partner; null when the input was refused.
    partner: Option<Partner>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// What is to change of a partner: an absent field keeps its value, null clears it.
#[derive(InputObject)]
pub struct UpdatePartnerInput {
    /// The partner's global id.
    id: ID,
    /// Its name, not blank, at most 255 characters; cannot be null.
    name: MaybeUndefined<String>,
    /// Its key in the system it comes from; unique in the organization.
    remote_id: MaybeUndefined<String>,
    /// The version that was read; when the partner has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What updatePartner did.
#[derive(SimpleObject)]
pub struct UpdatePartnerPayload {
    /// The partner after the change; null when the input was refused.
    partner: Option<Partner>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// A partner to delete.
#[derive(InputObject)]
pub struct DeletePartnerInput {
    /// The partner's global id.
    id: ID,
    /// The version that was read; when the partner has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What deletePartner did.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct DeletePartnerPayload {
    /// The partner with the time of its deletion; null when the input was refused.
    partner: Option<Partner>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// A deleted partner to bring back.
#[derive(InputObject)]
pub struct RestorePartnerInput {
    /// The partner's global id.
    id: ID,
    /// The version that was read; when the partner has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What restorePartner did.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct RestorePartnerPayload {
    /// The partner, living; null when the input was refused.
    partner: Option<Partner>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// A partner to create or update. A field that is absent or null keeps its value.
#[derive(InputObject)]
pub struct UpsertPartnerInput {
    /// Its key in the system it comes from, which says which partner it is.
    remote_id: String,
    /// Its name, at most 255 characters; required when it is new.
    name: Option<String>,
}

/// Partners to create or update.
#[derive(InputObject)]
pub struct UpsertPartnersInput {
    /// The partners, 1 to 1,000, no two with the same remote id.
    rows: Vec<UpsertPartnerInput>,
    /// What happens to the good rows when others are refused.
    #[graphql(default)]
    error_policy: BulkErrorPolicy,
    /// Repeating a call with the same key and input gives the first results and does nothing.
    idempotency_key: Option<String>,
}

upsert_types! {
    /// What became of a partner.
    UpsertPartnerResult,
    /// What upsertPartners did.
    UpsertPartnersPayload,
    partner / "partner": Partner
}

pending_updates! {
    DeletePartnerPayload: |payload| payload.partner.iter(),
    RestorePartnerPayload: |payload| payload.partner.iter(),
}

/// Changing partners.
#[derive(Default)]
pub struct PartnerMutation;

#[Object]
impl PartnerMutation {
    /// Makes a partner.
    async fn create_partner(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new partner.")] input: CreatePartnerInput,
    ) -> Result<Option<CreatePartnerPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let CreatePartnerInput { name, remote_id, idempotency_key } = input;
        let input = service::CreatePartner { name, remote_id, idempotency_key };
        let (partner, user_errors) = outcome(|| service::create(db, request, &input)).await?;
        Ok(Some(CreatePartnerPayload { partner: partner.map(Partner), user_errors }))
    }

    /// Changes a partner.
    async fn update_partner(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The partner and what is to change.")] input: UpdatePartnerInput,
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

    /// Deletes a partner softly. The assignments to it are hidden until it is restored.
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

    /// Brings a deleted partner back, and the assignments to it. One that is not deleted stays as it is.
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

    /// Creates or updates up to 1,000 partners by their remote ids.
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
