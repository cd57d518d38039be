//! Hiding assignments while their person or their partner is deleted: at once where they are few, else in the background.

use std::collections::{HashMap, HashSet};

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, SelectExt,
    prelude::{DateTimeUtc, Uuid},
    sea_query::{Expr, Query, SelectStatement},
};

use crate::{
    auth::RequestContext,
    entity::{
        Scoped,
        background_task::TaskKind,
        id::{InternalContactAssignmentId, InternalContactId, OrganizationId, PartnerId},
        internal_contact,
        internal_contact_assignment::{ActiveModel, Column, Entity, Model},
        keys_in, partner,
    },
    error::{AppError, AppResult, InputError, InputErrorCode},
    service::{
        background::{self, Batch},
        internal_contact as contacts,
    },
};

/// What an assignment is called that another one is compared with.
const OTHER: &str = "other";
const REMOTE_ID_IN_THE_WAY: &str =
    "Another assignment has the remote id of an assignment that would be restored.";

/// Hides assignments because their person or their partner was deleted. The people concerned are held.
pub(in crate::service) async fn hide(
    db: &impl ConnectionTrait,
    ctx: &RequestContext,
    organization: OrganizationId,
    which: Expr,
) -> AppResult<()> {
    let hidden = ActiveModel { deleted_at: Set(Some(ctx.now)), ..Default::default() };
    let active = Entity::update_in(organization).filter(which).filter(Column::DeletedAt.is_null());
    active.set(hidden).exec(db).await?;
    Ok(())
}

/// Shows hidden assignments again whose person and partner both live. The people concerned are held.
pub(in crate::service) async fn show(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    which: Expr,
) -> AppResult<()> {
    let people = internal_contact::Entity::find_in(organization)
        .select_only()
        .column(internal_contact::Column::Id)
        .into_query();
    let partners =
        partner::Entity::find_in(organization).select_only().column(partner::Column::Id).into_query();
    let is_for_one = Column::PartnerId.is_null().or(Column::PartnerId.in_subquery(partners));
    let which = which.and(Column::InternalContactId.in_subquery(people)).and(is_for_one);
    set_shown(db, organization, which).await.map_err(blame_row)
}

async fn set_shown(db: &impl ConnectionTrait, organization: OrganizationId, which: Expr) -> AppResult<()> {
    let shown = ActiveModel { deleted_at: Set(None), ..Default::default() };
    let hidden = Entity::update_in(organization).filter(which).filter(Column::DeletedAt.is_not_null());
    hidden.set(shown).exec(db).await?;
    Ok(())
}

/// What is restored takes no `remoteId` that could be blamed for the one of a hidden assignment.
fn blame_row(error: AppError) -> AppError {
    let AppError::Input(_) = error else { return error };
    InputError::on("id", InputErrorCode::Conflict, REMOTE_ID_IN_THE_WAY).into()
}

/// Rejects a restoration in the background whose assignments have lost their remote ids, because nothing could be reported later.
pub(in crate::service) async fn check_remote_ids(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    which: Expr,
) -> AppResult<()> {
    let person = internal_contact::Entity::find_in_with_deleted(organization)
        .filter(internal_contact::Column::Id.into_expr().equals((Entity, Column::InternalContactId)))
        .select_only()
        .column(internal_contact::Column::DeletedAt);
    let partner = partner::Entity::find_in_with_deleted(organization)
        .filter(partner::Column::Id.into_expr().equals((Entity, Column::PartnerId)))
        .select_only()
        .column(partner::Column::DeletedAt);
    let other = |column: Column| Expr::col((OTHER, column));
    let taken = Query::select()
        .expr(other(Column::Id))
        .from_as(Entity, OTHER)
        .and_where(other(Column::OrgId).eq(organization))
        .and_where(other(Column::RemoteId).equals((Entity, Column::RemoteId)))
        .and_where(other(Column::DeletedAt).is_null())
        .take();
    // Scalar subqueries, so that each is a look at an index for each assignment, whatever the planner takes for the number
    // of rows.
    let lost = Entity::find_in_with_deleted(organization)
        .filter(which)
        .filter(Column::DeletedAt.is_not_null())
        .filter(Column::RemoteId.is_not_null())
        .filter(scalar(person.into_query()).is_null())
        .filter(scalar(partner.into_query()).is_null())
        .filter(scalar(taken).is_not_null());
    if lost.exists(db).await? {
        return Err(InputError::on("id", InputErrorCode::Conflict, REMOTE_ID_IN_THE_WAY).into());
    }
    Ok(())
}

fn scalar(select: SelectStatement) -> Expr {
    Expr::SubQuery(None, Box::new(select.into()))
}

/// Which of these partners have so few assignments that these are to follow a change of the partner at once. The others
/// get background tasks.
pub(in crate::service) async fn defer_of_partners(
    db: &impl ConnectionTrait,
    ctx: &RequestContext,
    organization: OrganizationId,
    partners: &[PartnerId],
) -> AppResult<Vec<PartnerId>> {
    let is_one = keys_in(db.get_database_backend(), Column::PartnerId.into_expr(), partners.iter().copied());
    let direct = defer(db, ctx, organization, TaskKind::Partner, (Column::PartnerId, is_one)).await?;
    Ok(direct.into_iter().map(PartnerId).collect())
}

/// Whether a person has so few assignments that these are to follow a change of the person at once. Else there is a
/// background task now.
pub(in crate::service) async fn defer_of_person(
    db: &impl ConnectionTrait,
    ctx: &RequestContext,
    organization: OrganizationId,
    person: InternalContactId,
) -> AppResult<bool> {
    let (column, is_theirs) = (Column::InternalContactId, Column::InternalContactId.eq(person));
    let direct = defer(db, ctx, organization, TaskKind::InternalContact, (column, is_theirs)).await?;
    Ok(!direct.is_empty())
}

async fn defer(
    db: &impl ConnectionTrait,
    ctx: &RequestContext,
    organization: OrganizationId,
    kind: TaskKind,
    (subject, which): (Column, Expr),
) -> AppResult<Vec<Uuid>> {
    let counts = Entity::find_in_with_deleted(organization)
        .filter(which)
        .select_only()
        .column_as(subject, "subject_id")
        .column_as(Column::Id.count(), "dependants")
        .group_by(subject)
        .into_model()
        .all(db)
        .await?;
    background::defer(db, ctx, organization, kind, counts).await
}

/// Hides or shows the next assignments to a partner, as the partner and their people are now; a batch of a background task.
pub(in crate::service) async fn update_next_of_partner(
    db: &impl ConnectionTrait,
    ctx: &RequestContext,
    organization: OrganizationId,
    partner: PartnerId,
    next: (Option<Uuid>, u64),
) -> AppResult<Batch> {
    update_next(db, ctx, organization, Column::PartnerId.eq(partner), next).await
}

/// Hides or shows the next assignments of a person, as the person and their partners are now; a batch of a background
/// task.
pub(in crate::service) async fn update_next_of_person(
    db: &impl ConnectionTrait,
    ctx: &RequestContext,
    organization: OrganizationId,
    person: InternalContactId,
    next: (Option<Uuid>, u64),
) -> AppResult<Batch> {
    update_next(db, ctx, organization, Column::InternalContactId.eq(person), next).await
}

/// Hides or shows the next of these assignments, whose people it holds.
async fn update_next(
    db: &impl ConnectionTrait,
    ctx: &RequestContext,
    organization: OrganizationId,
    which: Expr,
    (position, limit): (Option<Uuid>, u64),
) -> AppResult<Batch> {
    let next: Vec<(InternalContactAssignmentId, InternalContactId)> =
        Entity::find_in_with_deleted(organization)
            .filter(which.clone())
            .filter(background::after(Column::Id, position))
            .order_by_asc(Column::Id)
            .limit(limit)
            .select_only()
            .columns([Column::Id, Column::InternalContactId])
            .into_tuple()
            .all(db)
            .await?;
    let people: HashSet<InternalContactId> = next.iter().map(|(_, person)| *person).collect();
    let people = contacts::hold_with_deleted(db, organization, people).await?;
    let ids = next.iter().map(|(id, _)| *id);
    let rows = Entity::find_in_with_deleted(organization)
        .filter(keys_in(db.get_database_backend(), Column::Id.into_expr(), ids))
        .filter(which)
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .all(db)
        .await?;
    if rows.iter().any(|row| !people.contains_key(&row.internal_contact_id)) {
        return Err(background::overtaken());
    }
    settle(db, ctx, organization, rows, &people).await?;
    let ids: Vec<Uuid> = next.iter().map(|(id, _)| id.0).collect();
    Ok(Batch::of(&ids, limit))
}

/// Hides and shows assignments, as their people, who are held, and their partners are now.
pub(in crate::service) async fn settle(
    db: &impl ConnectionTrait,
    ctx: &RequestContext,
    organization: OrganizationId,
    rows: Vec<Model>,
    people: &HashMap<InternalContactId, Option<DateTimeUtc>>,
) -> AppResult<()> {
    let backend = db.get_database_backend();
    // Read only now, because a change of a partner with few assignments locks the people.
    let partners: HashSet<PartnerId> = rows.iter().filter_map(|row| row.partner_id).collect();
    let partners: Vec<PartnerId> = partner::Entity::find_in(organization)
        .filter(keys_in(backend, partner::Column::Id.into_expr(), partners))
        .select_only()
        .column(partner::Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    let partners: HashSet<PartnerId> = partners.into_iter().collect();
    let lives = |row: &Model| {
        people.get(&row.internal_contact_id).is_some_and(Option::is_none)
            && row.partner_id.is_none_or(|partner| partners.contains(&partner))
    };
    let wrong = rows.into_iter().filter(|row| lives(row) != row.deleted_at.is_none());
    let (hidden, shown): (Vec<Model>, Vec<Model>) = wrong.partition(|row| row.deleted_at.is_none());
    let are = |rows: &[Model]| keys_in(backend, Column::Id.into_expr(), rows.iter().map(|row| row.id));
    if !hidden.is_empty() {
        hide(db, ctx, organization, are(&hidden)).await?;
    }
    let shown = without_taken(db, organization, shown).await?;
    if !shown.is_empty() {
        set_shown(db, organization, are(&shown)).await?;
    }
    Ok(())
}

/// Those of these hidden assignments whose remote ids are still free. The others stay hidden: another assignment was
/// given the remote id after the restoration, before this one was shown.
async fn without_taken(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    rows: Vec<Model>,
) -> AppResult<Vec<Model>> {
    let remote_ids: Vec<String> = rows.iter().filter_map(|row| row.remote_id.clone()).collect();
    if remote_ids.is_empty() {
        return Ok(rows);
    }
    let taken: Vec<String> = Entity::find_in(organization)
        .filter(keys_in(db.get_database_backend(), Column::RemoteId.into_expr(), remote_ids))
        .select_only()
        .column(Column::RemoteId)
        .into_tuple()
        .all(db)
        .await?;
    let mut taken: HashSet<String> = taken.into_iter().collect();
    let is_free = |row: &Model| {
        let is_free = row.remote_id.clone().is_none_or(|remote_id| taken.insert(remote_id));
        if !is_free {
            tracing::warn!(id = %row.id, "assignment stays hidden because another one has its remote id");
        }
        is_free
    };
    Ok(rows.into_iter().filter(is_free).collect())
}
