//! Assignments: which internal contact holds which role, for a partner or (floating) for none yet. `upsert` has how they
//! come by the thousand,
//! `visibility` when they are hidden.

mod upsert;
mod visibility;

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
};

use sea_orm::{
    ColumnTrait, ConnectionTrait, IntoActiveModel, QueryFilter, QuerySelect, SelectExt, sea_query::LockType,
};

pub use self::upsert::{UpsertInternalContactAssignment, upsert};
pub(super) use self::visibility::{
    check_remote_ids, defer_of_partners, defer_of_person, hide, settle, show, update_next_of_partner,
    update_next_of_person,
};
use super::{
    Database, ListRequest, Page, Write, authorize_read, authorize_write,
    change::{Action, Diff},
    cursor::{CursorKey, Order},
    filter,
    input::{Checks, check_version, not_found},
    internal_contact as contacts, optimistically,
    page::{self, Paged, ParentRelation},
    reading,
    record::{self, Recorded},
};
use crate::{
    auth::RequestContext,
    entity::{
        Columns, Scoped, ScopedById,
        id::{InternalContactAssignmentId, InternalContactId, OrganizationId, PartnerId},
        internal_contact,
        internal_contact_assignment::{Column, Entity, InternalRole, Model},
        partner,
    },
    error::{AppError, AppResult, InputError, InputErrorCode, REMOTE_ID_TAKEN, ROLE_TAKEN},
};

impl Paged for Entity {
    const ORDER: Order = Order::by_uuid("internal_contact_assignment");

    fn key_column() -> Column {
        Column::Id
    }

    fn key(row: &Model) -> CursorKey {
        CursorKey::Uuid(row.id.0)
    }
}

impl Recorded for Entity {
    const KIND: &'static str = "InternalContactAssignment";
    const VERSION: Column = Column::Version;
    const UPDATED_AT: Column = Column::UpdatedAt;

    fn id(row: &Model) -> InternalContactAssignmentId {
        row.id
    }

    fn version(row: &Model) -> i32 {
        row.version
    }
}

/// An assignment and its person.
#[derive(Clone, Debug)]
pub struct Assigned {
    /// The role.
    pub assignment: Model,
    /// Who holds it.
    pub contact: internal_contact::Model,
}

/// Who holds what for whom.
pub(super) type AssignmentKey = (InternalContactId, Option<PartnerId>, InternalRole);

/// Which assignments of a parent are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AssignmentFilter {
    /// Only those of this role.
    pub role: Option<InternalRole>,
    /// Only floating ones, or only those with a partner.
    pub floating: Option<bool>,
}

impl AssignmentFilter {
    fn apply(self, mut select: sea_orm::Select<Entity>) -> sea_orm::Select<Entity> {
        if let Some(role) = self.role {
            select = select.filter(Column::InternalRole.eq(role));
        }
        match self.floating {
            Some(true) => select.filter(Column::PartnerId.is_null()),
            Some(false) => select.filter(Column::PartnerId.is_not_null()),
            None => select,
        }
    }
}

/// The assignment with this id, if the caller may read it.
pub async fn get(db: &Database, ctx: &RequestContext, id: &str) -> AppResult<Option<Model>> {
    reading::get::<Entity>(db, ctx, id).await
}

/// The assignment with this id and its person, if the caller may read it and it belongs to the named partner.
pub async fn get_of_partner(
    db: &Database,
    ctx: &RequestContext,
    partner_id: &str,
    assignment_id: &str,
) -> AppResult<Option<Assigned>> {
    let assignment = get(db, ctx, assignment_id).await?;
    let partner: Option<PartnerId> = partner_id.parse().ok();
    let Some(assignment) = assignment.filter(|row| row.partner_id.is_some() && row.partner_id == partner)
    else {
        return Ok(None);
    };
    Ok(with_people(db, ctx, vec![assignment]).await?.pop())
}

/// Assignments that the caller may see with their people, in the same order; without those whose person is gone since they
/// were read.
pub async fn with_people(
    db: &Database,
    ctx: &RequestContext,
    assignments: Vec<Model>,
) -> AppResult<Vec<Assigned>> {
    let people: HashSet<InternalContactId> = assignments.iter().map(|row| row.internal_contact_id).collect();
    let people: Vec<InternalContactId> = people.into_iter().collect();
    let people = contacts::by_ids(db, OrganizationId(ctx.organization()?), &people, Columns::all()).await?;
    let with_person = |assignment: Model| {
        let contact = people.get(&assignment.internal_contact_id)?.clone();
        Some(Assigned { assignment, contact })
    };
    Ok(assignments.into_iter().filter_map(with_person).collect())
}

/// The organization's assignments.
pub async fn list(
    db: &Database,
    ctx: &RequestContext,
    columns: Columns<Entity>,
    list: &ListRequest,
) -> AppResult<Page<Model>> {
    let select = filter::rows::<Entity>(db.connection(), authorize_read(ctx)?, list.filter.as_ref()).await?;
    page::page(db.connection(), select, columns, &list.page).await
}

/// The assignments with these ids, without those that are hidden.
pub async fn by_ids(
    db: &Database,
    organization: OrganizationId,
    ids: &[InternalContactAssignmentId],
    columns: Columns<Entity>,
) -> AppResult<HashMap<InternalContactAssignmentId, Model>> {
    let active = Entity::find_in(organization);
    reading::among::<Entity, _>(db.connection(), active, ids, columns, |row| row.id).await
}

/// For each partner the assignments to it.
pub async fn of_partners(
    db: &Database,
    organization: OrganizationId,
    partners: &[PartnerId],
    narrow: AssignmentFilter,
    columns: Columns<Entity>,
    list: &ListRequest,
) -> AppResult<HashMap<PartnerId, Page<Model>>> {
    let select = filter::rows::<Entity>(db.connection(), organization, list.filter.as_ref()).await?;
    let select = narrow.apply(select);
    page::pages(
        db.connection(),
        (select, columns),
        ParentRelation::column(Column::PartnerId),
        partners,
        &list.page,
    )
    .await
}

/// For each internal contact the assignments that it holds.
pub async fn of_internal_contacts(
    db: &Database,
    organization: OrganizationId,
    contacts: &[InternalContactId],
    narrow: AssignmentFilter,
    columns: Columns<Entity>,
    list: &ListRequest,
) -> AppResult<HashMap<InternalContactId, Page<Model>>> {
    let select = filter::rows::<Entity>(db.connection(), organization, list.filter.as_ref()).await?;
    let select = narrow.apply(select);
    let relation = ParentRelation::column(Column::InternalContactId);
    page::pages(db.connection(), (select, columns), relation, contacts, &list.page).await
}

/// Changes the role of an assignment, which must be the named partner's. The person is not touched.
pub async fn update_role(
    db: &Database,
    ctx: &RequestContext,
    partner_id: &str,
    assignment_id: &str,
    role: InternalRole,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let ids = (partner_id, assignment_id);
    optimistically(db, true, |write| update_role_in(write, ctx, ids, role, expected_version)).await
}

async fn update_role_in(
    write: Write,
    ctx: &RequestContext,
    (partner_id, assignment_id): (&str, &str),
    role: InternalRole,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let organization = authorize_write(ctx)?;
    let mut checks = Checks::default();
    let partner_id = checks.id("partnerId", partner_id);
    let assignment_id = checks.id("assignmentId", assignment_id);
    let txn = &write;
    let partner =
        super::partner::resolve_reference(&mut checks, "partnerId", txn, organization, partner_id).await?;
    let assignment = resolve_reference(&mut checks, txn, organization, assignment_id).await?;
    let (Some(partner), Some(old)) = (partner, assignment) else { return Err(checks.refused()) };
    if old.partner_id != Some(partner.id) {
        return Err(not_found("assignmentId"));
    }
    check_version(expected_version, old.version)?;
    if old.internal_role != role && txn.needs_lookup(&checks) {
        let held = (old.internal_contact_id, old.partner_id, role);
        check_free(&mut checks, txn, organization, held).await?;
    }
    checks.finish()?;
    let mut row = old.clone().into_active_model();
    let mut diff = Diff::default();
    diff.set("internalRole", &mut row.internal_role, Some(role));
    let new = record::update::<Entity>(txn, ctx, organization, old, row, diff).await?;
    write.commit().await?;
    Ok(new)
}

/// Attaches a floating assignment to a partner.
pub async fn attach(
    db: &Database,
    ctx: &RequestContext,
    assignment_id: &str,
    partner_id: &str,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let refusal = "The assignment already has a partner. Only a floating assignment can be attached; use moveInternalContactAssignment.";
    let check = |old: &Model| old.partner_id.is_none().then_some(()).ok_or(refusal);
    give(db, ctx, (assignment_id, partner_id), expected_version, check).await
}

/// Moves an assignment from its partner to another one.
pub async fn move_to(
    db: &Database,
    ctx: &RequestContext,
    assignment_id: &str,
    partner_id: &str,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let refusal = "The assignment is floating and cannot be moved. Use attachInternalContactAssignment.";
    let check = |old: &Model| old.partner_id.is_some().then_some(()).ok_or(refusal);
    give(db, ctx, (assignment_id, partner_id), expected_version, check).await
}

/// Gives an assignment that passes the check to a partner.
async fn give(
    db: &Database,
    ctx: &RequestContext,
    (assignment_id, partner_id): (&str, &str),
    expected_version: Option<i32>,
    check: impl FnOnce(&Model) -> Result<(), &'static str>,
) -> AppResult<Model> {
    let organization = authorize_write(ctx)?;
    let mut checks = Checks::default();
    let assignment_id = checks.id("assignmentId", assignment_id);
    let partner_id = checks.id("partnerId", partner_id);
    let (write, assigned, partner) = begin(db, organization, assignment_id, partner_id).await?;
    let txn = &write;
    let assigned = assignment_id.and_then(|_| checks.found("assignmentId", assigned));
    let partner = partner_id.and_then(|_| checks.found("partnerId", partner));
    let (Some(partner), Some(Assigned { assignment: old, .. })) = (partner, assigned) else {
        return Err(checks.refused());
    };
    check_version(expected_version, old.version)?;
    check(&old).map_err(|message| InputError::on("assignmentId", InputErrorCode::NotAllowed, message))?;
    if old.partner_id == Some(partner.id) {
        return Ok(old);
    }
    let held = (old.internal_contact_id, Some(partner.id), old.internal_role);
    if is_held(txn, organization, held).await? {
        return Err(InputError::on("partnerId", InputErrorCode::Taken, ROLE_TAKEN).into());
    }
    let mut row = old.clone().into_active_model();
    let mut diff = Diff::default();
    diff.note("partnerId", old.partner_id.map(|id| id.to_string()), partner.id.to_string());
    row.partner_id.set_if_not_equals(Some(partner.id));
    let new =
        record::update::<Entity>(txn, ctx, organization, old, row, diff).await.map_err(blame_partner)?;
    write.commit().await?;
    Ok(new)
}

/// Removes an assignment for good; where a partner is named it must be its own. Gives what was removed, and the person
/// who stays.
pub async fn remove(
    db: &Database,
    ctx: &RequestContext,
    (partner_id, assignment_id): (Option<&str>, &str),
    expected_version: Option<i32>,
) -> AppResult<Assigned> {
    let organization = authorize_write(ctx)?;
    let assignment_id = assignment_id.parse().map_err(|_| not_found("assignmentId"))?;
    let partner_id: Option<PartnerId> = match partner_id {
        Some(partner_id) => Some(partner_id.parse().map_err(|_| not_found("partnerId"))?),
        None => None,
    };
    let (write, assigned, _) = begin(db, organization, Some(assignment_id), None).await?;
    let txn = &write;
    let assigned = assigned.ok_or_else(|| not_found("assignmentId"))?;
    let assignment = &assigned.assignment;
    if partner_id.is_some() && partner_id != assignment.partner_id {
        return Err(not_found("assignmentId"));
    }
    check_version(expected_version, assignment.version)?;
    Entity::delete_in(organization).filter(Column::Id.eq(assignment.id)).exec(txn).await?;
    let (action, diff) = (Action::Deleted, removal(assignment));
    record::record::<Entity>(txn, ctx, organization, assignment.id, action, diff);
    write.commit().await?;
    Ok(assigned)
}

/// A lost race for the role is not an error of `internalRole`, which attaching does not have.
fn blame_partner(error: AppError) -> AppError {
    match error {
        AppError::Input(errors) if errors.iter().any(|error| error.code == InputErrorCode::Taken) => {
            InputError::on("partnerId", InputErrorCode::Taken, ROLE_TAKEN).into()
        }
        other => other,
    }
}

/// The assignment that an input names, held fast until the transaction ends.
async fn resolve_reference(
    checks: &mut Checks,
    db: &Write,
    organization: OrganizationId,
    id: Option<InternalContactAssignmentId>,
) -> AppResult<Option<Model>> {
    let Some(id) = id else { return Ok(None) };
    let row = db.locked(Entity::find_by_id_in(organization, id), LockType::Update).one(db).await?;
    Ok(checks.found("assignmentId", row))
}

/// Begins to write an assignment. What is there of partner, person and assignment is held, in the order in which everybody
/// does.
async fn begin(
    db: &Database,
    organization: OrganizationId,
    id: Option<InternalContactAssignmentId>,
    partner: Option<PartnerId>,
) -> AppResult<(Write, Option<Assigned>, Option<partner::Model>)> {
    loop {
        let write = db.begin().await?;
        let txn = &write;
        let partner = match partner {
            Some(partner) => super::partner::lock_by_id(txn, organization, partner).await?,
            None => None,
        };
        let Some(id) = id else { return Ok((write, None, partner)) };
        match held_with_person(txn, organization, id).await? {
            ControlFlow::Break(assigned) => return Ok((write, assigned, partner)),
            // Begun anew, because holding the wrong person is out of the order.
            ControlFlow::Continue(()) => {}
        }
    }
}

/// The person of an assignment and then the assignment, both held; nothing to break off with where a merge gave it to
/// another person in between.
async fn held_with_person(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    id: InternalContactAssignmentId,
) -> AppResult<ControlFlow<Option<Assigned>>> {
    let Some(seen) = Entity::find_by_id_in(organization, id).one(db).await? else {
        return Ok(ControlFlow::Break(None));
    };
    let contact = contacts::of_assignment(db, organization, &seen).await?;
    let held = Entity::find_by_id_in(organization, id)
        .filter(Column::InternalContactId.eq(seen.internal_contact_id))
        .lock_exclusive()
        .one(db)
        .await?;
    Ok(match held.zip(contact) {
        Some((assignment, contact)) => ControlFlow::Break(Some(Assigned { assignment, contact })),
        None => ControlFlow::Continue(()),
    })
}

/// Reports when the person holds the role there already.
pub(super) async fn check_free(
    checks: &mut Checks,
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    held: AssignmentKey,
) -> AppResult<()> {
    if is_held(db, organization, held).await? {
        checks.report("internalRole", InputErrorCode::Taken, ROLE_TAKEN);
    }
    Ok(())
}

async fn is_held(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    held: AssignmentKey,
) -> AppResult<bool> {
    let (contact, partner, role) = held;
    let select = Entity::find_in(organization)
        .filter(Column::InternalContactId.eq(contact))
        .filter(Column::InternalRole.eq(role));
    let select = match partner {
        Some(partner) => select.filter(Column::PartnerId.eq(partner)),
        None => select.filter(Column::PartnerId.is_null()),
    };
    Ok(select.exists(db).await?)
}

/// Reports when another assignment has this `remoteId`.
pub(super) async fn check_remote_id(
    checks: &mut Checks,
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    remote_id: Option<&str>,
) -> AppResult<()> {
    if reading::value_exists::<Entity>(db, organization, Column::RemoteId, remote_id).await? {
        checks.report("remoteId", InputErrorCode::Taken, REMOTE_ID_TAKEN);
    }
    Ok(())
}

/// Makes an assignment.
pub(super) async fn insert(
    db: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    held: AssignmentKey,
    remote_id: Option<String>,
) -> AppResult<Model> {
    let (row, diff) = new_row(ctx, organization, held, remote_id);
    record::create::<Entity>(db, ctx, organization, row, diff).await
}

/// A new assignment, and what its record says.
fn new_row(
    ctx: &RequestContext,
    organization: OrganizationId,
    (internal_contact_id, partner_id, internal_role): AssignmentKey,
    remote_id: Option<String>,
) -> (Model, Diff) {
    let row = Model {
        id: InternalContactAssignmentId(ctx.new_id()),
        org_id: organization,
        internal_contact_id,
        partner_id,
        internal_role,
        remote_id,
        created_at: ctx.now,
        updated_at: ctx.now,
        version: 1,
        deleted_at: None,
    };
    let diff = Diff::default()
        .created("internalContactId", internal_contact_id.to_string())
        .created("partnerId", partner_id.map(|id| id.to_string()))
        .created("internalRole", internal_role)
        .created("remoteId", &row.remote_id);
    (row, diff)
}

/// What the record says of an assignment that is no more.
pub(super) fn removal(row: &Model) -> Diff {
    Diff::default()
        .removed("internalContactId", row.internal_contact_id.to_string())
        .removed("partnerId", row.partner_id.map(|id| id.to_string()))
        .removed("internalRole", row.internal_role)
        .removed("remoteId", &row.remote_id)
}

/// The assignment that an earlier call with the same idempotency key made, and its person.
pub(super) async fn replayed(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    id: InternalContactAssignmentId,
) -> AppResult<Assigned> {
    let assignment = reading::replayed(Entity::find_by_id_in(organization, id).one(db).await?)?;
    let contact = contacts::of_assignment(db, organization, &assignment).await?;
    let contact = contact.ok_or_else(|| AppError::Internal("an assignment without its person".into()))?;
    Ok(Assigned { assignment, contact })
}
