//! Assignments of internal contacts in the schema.

mod upsert;

use std::collections::HashMap;

use async_graphql::{Context, Enum, ID, InputObject, Name, Object, Result, SimpleObject, Value};

pub use self::upsert::*;
use super::{
    Gateway,
    context::{ContextExt, ReadsContacts},
    document::FieldNames,
    error::{UserError, outcome},
    filter::{InternalContactAssignmentFilter, InternalContactAssignmentOrder, narrowed},
    internal_contact::InternalContact,
    loaders::{ById, ByParent, Prime, Primed, Source, prime_rows},
    partner::Partner,
    relay::{Connection, List, ListFilter, Listed, argument, list_request, primed},
    scalar::{Id, Timestamp},
    selection::Selection,
};
use crate::{
    entity::{
        Columns,
        id::{InternalContactAssignmentId, InternalContactId, OrganizationId, PartnerId},
        internal_contact_assignment::{Entity, InternalRole as Role, Model},
    },
    error::{AppError, AppResult},
    service::{
        Page, PageWindow,
        cursor::{Cursor, Order},
        filter::Filter,
        internal_contact_assignment::{self as service, AssignmentFilter},
        page::Paged,
        page::Sort,
    },
};

/// What an internal contact does for a partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Role")]
pub enum InternalRole {
    /// Manages the account.
    AccountManager,
    /// Sells to the account.
    AccountExecutive,
    /// Customer success manager.
    Csm,
    /// Leads the work.
    Lead,
    /// Leads the work together with another.
    CoLead,
    /// Leads a practice.
    PracticeLead,
}

/// The role that an internal contact holds.
pub struct InternalContactAssignment(pub Model);

/// The role that an internal contact holds for a partner, or for none yet.
#[Object]
impl InternalContactAssignment {
    /// The global id, `ica_…`.
    pub async fn id(&self) -> Id {
        self.0.id.into()
    }

    /// The role.
    async fn internal_role(&self) -> InternalRole {
        self.0.internal_role.into()
    }

    /// Who holds it.
    async fn internal_contact(&self, ctx: &Context<'_>) -> Result<std::sync::Arc<InternalContact>> {
        let row = ctx.gateway().loaders.internal_contact.load(self.0.internal_contact_id).await?;
        row.ok_or_else(|| AppError::Internal("an assignment without its person".into()).into())
    }

    /// For whom; null while the assignment is floating, not attached to a partner yet.
    async fn partner(&self, ctx: &Context<'_>) -> Result<Option<std::sync::Arc<Partner>>> {
        match self.0.partner_id {
            Some(id) => Ok(ctx.gateway().loaders.partner.load(id).await?),
            None => Ok(None),
        }
    }

    /// Its key in the system it comes from.
    async fn remote_id(&self) -> Option<&str> {
        self.0.remote_id.as_deref()
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

impl InternalContactAssignment {
    pub(super) const ORDER: Order = <Entity as Paged>::ORDER;

    /// The columns that the selected fields show.
    pub(super) fn columns(names: &FieldNames) -> Columns<Entity> {
        Columns::asked(|column| names.has(column))
    }
}

impl Listed for InternalContactAssignment {
    const CONNECTION: &'static str = "InternalContactAssignmentConnection";
    const EDGE: &'static str = "InternalContactAssignmentEdge";

    fn cursor(&self) -> Cursor {
        Entity::cursor(&self.0)
    }

    fn narrowed(arguments: &[(Name, Value)]) -> Option<(Option<Filter>, Vec<Sort>)> {
        narrowed::<InternalContactAssignmentFilter, InternalContactAssignmentOrder>(arguments)
    }
}

impl Prime for InternalContactAssignment {
    fn prime<'a>(rows: Vec<&'a Self>, selections: Vec<Selection<'a>>, gateway: &'a Gateway) -> Primed<'a> {
        Box::pin(async move {
            let loaders = &gateway.loaders;
            for selection in selections {
                match selection.name() {
                    "internalContact" => {
                        let ids = rows.iter().map(|row| row.0.internal_contact_id);
                        prime_rows(selection, &loaders.internal_contact, ids, gateway).await;
                    }
                    "partner" => {
                        let ids = rows.iter().filter_map(|row| row.0.partner_id);
                        prime_rows(selection, &loaders.partner, ids, gateway).await;
                    }
                    _ => {}
                }
            }
        })
    }
}

impl ListFilter for AssignmentFilter {
    fn from_arguments(arguments: &[(Name, Value)]) -> Option<Self> {
        let role: Option<InternalRole> = argument(arguments, "role")?;
        Some(Self { role: role.map(Into::into), floating: argument(arguments, "floating")? })
    }
}

/// Loads assignments by id.
pub struct AssignmentById;

impl ById for AssignmentById {
    type Id = InternalContactAssignmentId;
    type Row = InternalContactAssignment;

    async fn load(
        source: &Source,
        organization: OrganizationId,
        ids: &[InternalContactAssignmentId],
    ) -> AppResult<HashMap<InternalContactAssignmentId, InternalContactAssignment>> {
        let rows =
            service::by_ids(&source.db, organization, ids, InternalContactAssignment::columns(&source.names))
                .await?;
        Ok(rows.into_iter().map(|(id, row)| (id, InternalContactAssignment(row))).collect())
    }
}

/// Loads the assignments to partners.
pub struct AssignmentsByPartner;

impl ByParent for AssignmentsByPartner {
    type Parent = PartnerId;
    type Filter = AssignmentFilter;
    type Row = InternalContactAssignment;
    const ORDER: Order = InternalContactAssignment::ORDER;

    async fn load(
        source: &Source,
        organization: OrganizationId,
        parents: &[PartnerId],
        list: &List<AssignmentFilter>,
    ) -> AppResult<HashMap<PartnerId, Page<InternalContactAssignment>>> {
        let pages = service::of_partners(
            &source.db,
            organization,
            parents,
            list.narrow,
            InternalContactAssignment::columns(&source.names),
            &list.request,
        )
        .await?;
        Ok(pages.into_iter().map(|(parent, page)| (parent, page.map(InternalContactAssignment))).collect())
    }
}

/// Loads the assignments that internal contacts hold.
pub struct AssignmentsByInternalContact;

impl ByParent for AssignmentsByInternalContact {
    type Parent = InternalContactId;
    type Filter = AssignmentFilter;
    type Row = InternalContactAssignment;
    const ORDER: Order = InternalContactAssignment::ORDER;

    async fn load(
        source: &Source,
        organization: OrganizationId,
        parents: &[InternalContactId],
        list: &List<AssignmentFilter>,
    ) -> AppResult<HashMap<InternalContactId, Page<InternalContactAssignment>>> {
        let pages = service::of_internal_contacts(
            &source.db,
            organization,
            parents,
            list.narrow,
            InternalContactAssignment::columns(&source.names),
            &list.request,
        )
        .await?;
        Ok(pages.into_iter().map(|(parent, page)| (parent, page.map(InternalContactAssignment))).collect())
    }
}

/// Reading assignments.
#[derive(Default)]
pub struct InternalContactAssignmentQuery;

#[Object]
impl InternalContactAssignmentQuery {
    /// The assignment with this id; null when there is none in reach.
    async fn internal_contact_assignment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its global id.")] id: ID,
    ) -> Result<Option<InternalContactAssignment>> {
        let Gateway { request, db, .. } = ctx.gateway();
        let row = service::get(db, request, &id).await?;
        Ok(primed(ctx, row.map(InternalContactAssignment)).await)
    }

    /// The assignments of the organization, in the order of creation.
    async fn internal_contact_assignments(
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
    ) -> Result<Option<Connection<InternalContactAssignment>>> {
        let Gateway { request, db, names, .. } = ctx.gateway();
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, InternalContactAssignment::ORDER, &window, filter, order_by)?;
        let page = service::list(db, request, InternalContactAssignment::columns(names), &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(InternalContactAssignment)).await))
    }
}

/// Another role for an assignment.
#[derive(InputObject)]
pub struct UpdateInternalContactRoleInput {
    /// The global id of the partner that the assignment is to.
    partner_id: ID,
    /// The assignment's global id.
    assignment_id: ID,
    /// The new role.
    internal_role: InternalRole,
    /// The version that was read; when the assignment has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What updateInternalContactRole did.
#[derive(SimpleObject)]
pub struct UpdateInternalContactRolePayload {
    /// The assignment after the change; null when the input was refused.
    assignment: Option<InternalContactAssignment>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// A partner for a floating assignment.
#[derive(InputObject)]
pub struct AttachInternalContactAssignmentInput {
    /// The global id of the floating assignment.
    assignment_id: ID,
    /// The partner's global id.
    partner_id: ID,
    /// The version that was read; when the assignment has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What attachInternalContactAssignment did.
#[derive(SimpleObject)]
pub struct AttachInternalContactAssignmentPayload {
    /// The assignment after the change; null when the input was refused.
    assignment: Option<InternalContactAssignment>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// Another partner for an assignment.
#[derive(InputObject)]
pub struct MoveInternalContactAssignmentInput {
    /// The assignment's global id.
    assignment_id: ID,
    /// The global id of the partner that it is to from now on.
    partner_id: ID,
    /// The version that was read; when the assignment has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What moveInternalContactAssignment did.
#[derive(SimpleObject)]
pub struct MoveInternalContactAssignmentPayload {
    /// The assignment after the change; null when the input was refused.
    assignment: Option<InternalContactAssignment>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// An assignment to remove.
#[derive(InputObject)]
pub struct RemoveInternalContactAssignmentInput {
    /// The assignment's global id.
    assignment_id: ID,
    /// The version that was read; when the assignment has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What removeInternalContactAssignment did.
#[derive(SimpleObject)]
pub struct RemoveInternalContactAssignmentPayload {
    /// The global id that the assignment had; null when the input was refused.
    removed_assignment_id: Option<ID>,
    /// Who held it; null when the input was refused. Needs the scope contacts:read.
    #[graphql(guard = "ReadsContacts")]
    internal_contact: Option<InternalContact>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// Changing assignments.
#[derive(Default)]
pub struct InternalContactAssignmentMutation;

#[Object]
impl InternalContactAssignmentMutation {
    /// Changes the role that an internal contact holds for a partner. The person is not touched.
    async fn update_internal_contact_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The assignment and its new role.")] input: UpdateInternalContactRoleInput,
    ) -> Result<Option<UpdateInternalContactRolePayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let UpdateInternalContactRoleInput { partner_id, assignment_id, internal_role, expected_version } =
            input;
        let role = internal_role.into();
        let unit = || service::update_role(db, request, &partner_id, &assignment_id, role, expected_version);
        let (assignment, user_errors) = outcome(unit).await?;
        let assignment = assignment.map(InternalContactAssignment);
        Ok(Some(UpdateInternalContactRolePayload { assignment, user_errors }))
    }

    /// Attaches a floating assignment to a partner.
    async fn attach_internal_contact_assignment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The floating assignment and the partner.")]
        input: AttachInternalContactAssignmentInput,
    ) -> Result<Option<AttachInternalContactAssignmentPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let AttachInternalContactAssignmentInput { assignment_id, partner_id, expected_version } = input;
        let unit = || service::attach(db, request, &assignment_id, &partner_id, expected_version);
        let (assignment, user_errors) = outcome(unit).await?;
        let assignment = assignment.map(InternalContactAssignment);
        Ok(Some(AttachInternalContactAssignmentPayload { assignment, user_errors }))
    }

    /// Moves an assignment from its partner to another one. With its own partner, nothing changes.
    async fn move_internal_contact_assignment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The assignment and the other partner.")] input: MoveInternalContactAssignmentInput,
    ) -> Result<Option<MoveInternalContactAssignmentPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let MoveInternalContactAssignmentInput { assignment_id, partner_id, expected_version } = input;
        let unit = || service::move_to(db, request, &assignment_id, &partner_id, expected_version);
        let (assignment, user_errors) = outcome(unit).await?;
        let assignment = assignment.map(InternalContactAssignment);
        Ok(Some(MoveInternalContactAssignmentPayload { assignment, user_errors }))
    }

    /// Removes an assignment for good. The person stays.
    async fn remove_internal_contact_assignment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The assignment.")] input: RemoveInternalContactAssignmentInput,
    ) -> Result<Option<RemoveInternalContactAssignmentPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let unit = || service::remove(db, request, (None, &input.assignment_id), input.expected_version);
        let (removed, user_errors) = outcome(unit).await?;
        let (assignment, internal_contact) = removed.map(|it| (it.assignment, it.contact)).unzip();
        Ok(Some(RemoveInternalContactAssignmentPayload {
            removed_assignment_id: assignment.map(|it| ID(it.id.to_string())),
            internal_contact: internal_contact.map(InternalContact),
            user_errors,
        }))
    }
}
