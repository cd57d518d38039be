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
    ColumnTrait, IntoActiveModel, QueryFilter, QuerySelect, Select, SelectExt, sea_query::LockType,
};

pub use self::upsert::UpsertInternalContactAssignment;
pub(super) use self::visibility::{Owner, hide_of, lock_people, settle, show_of, update_next};
use super::{
    Database, ListRequest, Page, ReadContext, WriteContext, authorize_write,
    change::{Action, Diff},
    cursor::Order,
    filter, idempotency,
    input::{Checks, check_version, not_found},
    page::{self, Parent, ParentRelation},
    reading,
    record::{self, Recorded, recorded_columns},
};
use crate::{
    auth::RequestContext,
    entity::{
        Columns, Scoped, ScopedById,
        id::{InternalContactAssignmentId, InternalContactId, OrganizationId, PartnerId},
        internal_contact,
        internal_contact_assignment::{ActiveModel, Column, Entity, InternalRole, Model},
        partner,
    },
    error::{AppError, AppResult, InputError, InputErrorCode, REMOTE_ID_TAKEN, ROLE_TAKEN},
};

impl Recorded for Entity {
    const KIND: &'static str = "InternalContactAssignment";
    const LIST: Order = Order::by_uuid("internal_contact_assignment");

    recorded_columns!();
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
    fn apply(self, mut select: Select<Entity>) -> Select<Entity> {
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

/// The assignment with this id and its person, if the caller may read it and it belongs to the named partner.
pub async fn get_of_partner(
    db: &Database,
    request: &RequestContext,
    partner_id: &str,
    assignment_id: &str,
) -> AppResult<Option<Assigned>> {
    let assignment = reading::get::<Entity>(db, request, assignment_id).await?;
    let partner: Option<PartnerId> = partner_id.parse().ok();
    let Some(assignment) = assignment.filter(|row| row.partner_id.is_some() && row.partner_id == partner)
    else {
        return Ok(None);
    };
    Ok(with_people(db, request, vec![assignment]).await?.pop())
}

/// Assignments that the caller may see with their people, in the same order; without those whose person is gone since they
/// were read.
pub async fn with_people(
    db: &Database,
    request: &RequestContext,
    assignments: Vec<Model>,
) -> AppResult<Vec<Assigned>> {
    let people: HashSet<InternalContactId> = assignments.iter().map(|row| row.internal_contact_id).collect();
    let people: Vec<InternalContactId> = people.into_iter().collect();
    let ctx = ReadContext::new(db, OrganizationId(request.organization()?));
    let people = reading::by_ids::<internal_contact::Entity>(ctx, &people, Columns::all()).await?;
    let with_person = |assignment: Model| {
        let contact = people.get(&assignment.internal_contact_id)?.clone();
        Some(Assigned { assignment, contact })
    };
    Ok(assignments.into_iter().filter_map(with_person).collect())
}

/// The assignments with these ids, without those that are hidden.
pub async fn by_ids(
    ctx: ReadContext<'_>,
    ids: &[InternalContactAssignmentId],
    columns: Columns<Entity>,
) -> AppResult<HashMap<InternalContactAssignmentId, Model>> {
    reading::among::<Entity, _>(ctx.db, Entity::find_in(ctx.organization), ids, columns, |row| row.id).await
}

/// For each partner the assignments to it.
pub async fn of_partners(
    ctx: ReadContext<'_>,
    partners: &[PartnerId],
    narrow: AssignmentFilter,
    columns: Columns<Entity>,
    list: &ListRequest,
) -> AppResult<HashMap<PartnerId, Page<Model>>> {
    let relation = ParentRelation::column(Column::PartnerId);
    of_parents(ctx, relation, partners, narrow, columns, list).await
}

/// For each internal contact the assignments that it holds.
pub async fn of_internal_contacts(
    ctx: ReadContext<'_>,
    contacts: &[InternalContactId],
    narrow: AssignmentFilter,
    columns: Columns<Entity>,
    list: &ListRequest,
) -> AppResult<HashMap<InternalContactId, Page<Model>>> {
    let relation = ParentRelation::column(Column::InternalContactId);
    of_parents(ctx, relation, contacts, narrow, columns, list).await
}

async fn of_parents<P: Parent>(
    ctx: ReadContext<'_>,
    relation: ParentRelation,
    parents: &[P],
    narrow: AssignmentFilter,
    columns: Columns<Entity>,
    list: &ListRequest,
) -> AppResult<HashMap<P, Page<Model>>> {
    let select = narrow.apply(filter::rows::<Entity>(ctx, list.filter.as_ref()).await?);
    page::pages(ctx.db, (select, columns), relation, parents, &list.page).await
}

/// Changes the role of an assignment, which must be the named partner's. The person is not touched.
pub async fn update_role(
    db: &Database,
    request: &RequestContext,
    partner_id: &str,
    assignment_id: &str,
    role: InternalRole,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let ids = (partner_id, assignment_id);
    let unit = |ctx| update_role_in(ctx, ids, role, expected_version);
    WriteContext::optimistically(db, request, true, unit).await
}

async fn update_role_in(
    ctx: WriteContext<'_>,
    (partner_id, assignment_id): (&str, &str),
    role: InternalRole,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let mut checks = Checks::default();
    let partner_id = checks.id("partnerId", partner_id);
    let assignment_id = checks.id("assignmentId", assignment_id);
    let partner =
        reading::resolve_reference::<partner::Entity>(&ctx, &mut checks, "partnerId", partner_id).await?;
    let old = reading::resolve_for_update::<Entity>(&ctx, &mut checks, "assignmentId", assignment_id).await?;
    let (Some(partner), Some(old)) = (partner, old) else { return Err(checks.refused()) };
    if old.partner_id != Some(partner.id) {
        return Err(not_found("assignmentId"));
    }
    check_version(expected_version, old.version)?;
    if old.internal_role != role && ctx.txn.needs_lookup(&checks) {
        check_free(&ctx, &mut checks, (old.internal_contact_id, old.partner_id, role)).await?;
    }
    checks.finish()?;
    let mut row = old.clone().into_active_model();
    let mut diff = Diff::default();
    diff.set("internalRole", &mut row.internal_role, Some(role));
    let new = record::update_row::<Entity>(&ctx, old, row, diff).await?;
    ctx.commit().await?;
    Ok(new)
}

/// Attaches a floating assignment to a partner.
pub async fn attach(
    db: &Database,
    request: &RequestContext,
    assignment_id: &str,
    partner_id: &str,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let refusal = "The assignment already has a partner. Only a floating assignment can be attached; use moveInternalContactAssignment.";
    give(db, request, (assignment_id, partner_id), expected_version, (true, refusal)).await
}

/// Moves an assignment from its partner to another one.
pub async fn move_to(
    db: &Database,
    request: &RequestContext,
    assignment_id: &str,
    partner_id: &str,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let refusal = "The assignment is floating and cannot be moved. Use attachInternalContactAssignment.";
    give(db, request, (assignment_id, partner_id), expected_version, (false, refusal)).await
}

/// Gives an assignment to a partner. Rejects one that is not floating when it should be, or the reverse.
async fn give(
    db: &Database,
    request: &RequestContext,
    (assignment_id, partner_id): (&str, &str),
    expected_version: Option<i32>,
    (is_floating, refusal): (bool, &'static str),
) -> AppResult<Model> {
    let organization = authorize_write(request)?;
    let mut checks = Checks::default();
    let assignment_id = checks.id("assignmentId", assignment_id);
    let partner_id = checks.id("partnerId", partner_id);
    let begin = || WriteContext::begin(db, request, organization);
    let (ctx, assigned, partner) = lock_all(begin, assignment_id, partner_id).await?;
    let assigned = assignment_id.and_then(|_| checks.found("assignmentId", assigned));
    let partner = partner_id.and_then(|_| checks.found("partnerId", partner));
    let (Some(partner), Some(Assigned { assignment: old, .. })) = (partner, assigned) else {
        return Err(checks.refused());
    };
    check_version(expected_version, old.version)?;
    if old.partner_id.is_none() != is_floating {
        return Err(InputError::on("assignmentId", InputErrorCode::NotAllowed, refusal).into());
    }
    if old.partner_id == Some(partner.id) {
        return Ok(old);
    }
    if is_held(&ctx, (old.internal_contact_id, Some(partner.id), old.internal_role)).await? {
        return Err(InputError::on("partnerId", InputErrorCode::Taken, ROLE_TAKEN).into());
    }
    let mut row = old.clone().into_active_model();
    let mut diff = Diff::default();
    diff.set("partnerId", &mut row.partner_id, Some(Some(partner.id)));
    let new = record::update_row::<Entity>(&ctx, old, row, diff).await.map_err(blame_partner)?;
    ctx.commit().await?;
    Ok(new)
}

/// Removes an assignment for good; where a partner is named it must be its own. Gives what was removed, and the person
/// who stays.
pub async fn remove(
    db: &Database,
    request: &RequestContext,
    (partner_id, assignment_id): (Option<&str>, &str),
    expected_version: Option<i32>,
) -> AppResult<Assigned> {
    let organization = authorize_write(request)?;
    let assignment_id = assignment_id.parse().map_err(|_| not_found("assignmentId"))?;
    let partner_id: Option<PartnerId> =
        partner_id.map(str::parse).transpose().map_err(|_| not_found("partnerId"))?;
    let begin = || WriteContext::begin(db, request, organization);
    let (ctx, assigned, _) = lock_all(begin, Some(assignment_id), None).await?;
    let assigned = assigned.ok_or_else(|| not_found("assignmentId"))?;
    let assignment = &assigned.assignment;
    if partner_id.is_some() && partner_id != assignment.partner_id {
        return Err(not_found("assignmentId"));
    }
    check_version(expected_version, assignment.version)?;
    Entity::delete_in(organization).filter(Column::Id.eq(assignment.id)).exec(&ctx.txn).await?;
    record::record::<Entity>(&ctx, assignment.id, Action::Deleted, removal(assignment));
    ctx.commit().await?;
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

/// Begins to write an assignment. Partner, person and assignment are locked in this order, as every writer does, as far as
/// they exist.
async fn lock_all<'a, F: Future<Output = AppResult<WriteContext<'a>>>>(
    begin: impl Fn() -> F,
    id: Option<InternalContactAssignmentId>,
    partner: Option<PartnerId>,
) -> AppResult<(WriteContext<'a>, Option<Assigned>, Option<partner::Model>)> {
    loop {
        let ctx = begin().await?;
        let partner = match partner {
            Some(id) => reading::lock_by_id::<partner::Entity>(&ctx, id, LockType::KeyShare).await?,
            None => None,
        };
        let Some(id) = id else { return Ok((ctx, None, partner)) };
        match lock_with_person(&ctx, id).await? {
            ControlFlow::Break(assigned) => return Ok((ctx, assigned, partner)),
            // Begun anew, because locking the wrong person is out of the order.
            ControlFlow::Continue(()) => {}
        }
    }
}

/// Locks the person of an assignment and then the assignment; nothing to break off with where a merge gave it to another
/// person in between.
async fn lock_with_person(
    ctx: &WriteContext<'_>,
    id: InternalContactAssignmentId,
) -> AppResult<ControlFlow<Option<Assigned>>> {
    let Some(seen) = Entity::find_by_id_in(ctx.organization, id).one(&ctx.txn).await? else {
        return Ok(ControlFlow::Break(None));
    };
    let contact = lock_person(ctx, &seen).await?;
    let locked = Entity::find_by_id_in(ctx.organization, id)
        .filter(Column::InternalContactId.eq(seen.internal_contact_id))
        .lock_exclusive()
        .one(&ctx.txn)
        .await?;
    Ok(match locked.zip(contact) {
        Some((assignment, contact)) => ControlFlow::Break(Some(Assigned { assignment, contact })),
        None => ControlFlow::Continue(()),
    })
}

/// The person of an assignment, locked until the transaction ends.
async fn lock_person(
    ctx: &WriteContext<'_>,
    assignment: &Model,
) -> AppResult<Option<internal_contact::Model>> {
    let person = internal_contact::Entity::find_in_with_deleted(ctx.organization);
    let person = person.filter(internal_contact::Column::Id.eq(assignment.internal_contact_id));
    Ok(person.lock_exclusive().one(&ctx.txn).await?)
}

/// Reports when the person holds the role there already.
pub(super) async fn check_free(
    ctx: &WriteContext<'_>,
    checks: &mut Checks,
    held: AssignmentKey,
) -> AppResult<()> {
    if is_held(ctx, held).await? {
        checks.report("internalRole", InputErrorCode::Taken, ROLE_TAKEN);
    }
    Ok(())
}

async fn is_held(ctx: &WriteContext<'_>, (contact, partner, role): AssignmentKey) -> AppResult<bool> {
    let select = Entity::find_in(ctx.organization)
        .filter(Column::InternalContactId.eq(contact))
        .filter(Column::InternalRole.eq(role));
    let select = match partner {
        Some(partner) => select.filter(Column::PartnerId.eq(partner)),
        None => select.filter(Column::PartnerId.is_null()),
    };
    Ok(select.exists(&ctx.txn).await?)
}

/// Reports when another assignment has this `remoteId`.
pub(super) async fn check_remote_id(
    ctx: &WriteContext<'_>,
    checks: &mut Checks,
    remote_id: Option<&str>,
) -> AppResult<()> {
    if reading::value_exists::<Entity>(ctx, Column::RemoteId, remote_id).await? {
        checks.report("remoteId", InputErrorCode::Taken, REMOTE_ID_TAKEN);
    }
    Ok(())
}

/// Creates an assignment.
pub(super) fn insert(
    ctx: &WriteContext<'_>,
    key: AssignmentKey,
    remote_id: Option<String>,
) -> AppResult<Model> {
    let mut row = ActiveModel::default();
    let diff = write(&mut row, key, Some(remote_id));
    record::insert_row::<Entity>(ctx, row, diff)
}

/// Puts the fields into a row that was read or is new; a `remote_id` of `None` keeps the stored one.
fn write(
    row: &mut ActiveModel,
    (contact, partner, role): AssignmentKey,
    remote_id: Option<Option<String>>,
) -> Diff {
    let mut diff = Diff::default();
    diff.set("internalContactId", &mut row.internal_contact_id, Some(contact));
    diff.set("partnerId", &mut row.partner_id, Some(partner));
    diff.set("internalRole", &mut row.internal_role, Some(role));
    diff.set("remoteId", &mut row.remote_id, remote_id);
    diff
}

/// The history entry of an assignment that is removed.
pub(super) fn removal(row: &Model) -> Diff {
    Diff::default()
        .removed("internalContactId", row.internal_contact_id)
        .removed("partnerId", row.partner_id)
        .removed("internalRole", row.internal_role)
        .removed("remoteId", &row.remote_id)
}

/// The assignment that an earlier call with the same idempotency key created, and its person.
pub(super) async fn replayed(ctx: &WriteContext<'_>, id: InternalContactAssignmentId) -> AppResult<Assigned> {
    let assignment = Entity::find_by_id_in(ctx.organization, id).one(&ctx.txn).await?;
    let assignment = idempotency::replayed(assignment)?;
    let contact = lock_person(ctx, &assignment).await?;
    let contact = contact.ok_or_else(|| AppError::Internal("an assignment without its person".into()))?;
    Ok(Assigned { assignment, contact })
}
