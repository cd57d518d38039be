//! Hiding assignments while their person or their partner is deleted: at once where they are few, else in the background.

use std::collections::{HashMap, HashSet};

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, SelectExt,
    prelude::{DateTimeUtc, Uuid},
    sea_query::{Expr, Query, SelectStatement},
};

use crate::{
    entity::{
        Scoped,
        background_task::TaskKind,
        id::{InternalContactAssignmentId, InternalContactId, PartnerId},
        internal_contact,
        internal_contact_assignment::{ActiveModel, Column, Entity, Model},
        partner,
    },
    error::{AppError, AppResult, InputError, InputErrorCode},
    service::{
        WriteContext,
        background::{self, Batch},
    },
};

/// What an assignment is called that another one is compared with.
const OTHER: &str = "other";
const REMOTE_ID_IN_THE_WAY: &str =
    "Another assignment has the remote id of an assignment that would be restored.";

/// A row whose assignments are hidden while it is deleted.
#[derive(Clone, Copy)]
pub(in crate::service) enum Owner {
    /// A partner.
    Partner(PartnerId),
    /// A person.
    Person(InternalContactId),
}

impl Owner {
    fn assignments(self) -> Expr {
        match self {
            Self::Partner(id) => Column::PartnerId.eq(id),
            Self::Person(id) => Column::InternalContactId.eq(id),
        }
    }

    /// Whether there are so few assignments that they are to follow at once, and any. Their people are locked then.
    /// Of many assignments a background task is created.
    async fn follow_at_once(self, ctx: &WriteContext<'_>) -> AppResult<bool> {
        let assignments = Entity::find_in_with_deleted(ctx.organization).filter(self.assignments());
        let count = assignments.count(&ctx.txn).await?;
        match self {
            Self::Partner(id) => {
                let is_direct = background::defer(ctx, TaskKind::Partner, id.0, count).await?;
                if is_direct {
                    lock_people_of_partner(ctx, id).await?;
                }
                Ok(is_direct)
            }
            Self::Person(id) => background::defer(ctx, TaskKind::InternalContact, id.0, count).await,
        }
    }
}

/// Hides the assignments of a row that was deleted, at once or in the background.
pub(in crate::service) async fn hide_of(ctx: &WriteContext<'_>, owner: Owner) -> AppResult<()> {
    if owner.follow_at_once(ctx).await? {
        hide(ctx, owner.assignments()).await?;
    }
    Ok(())
}

/// Shows the assignments of a row that was restored whose person and partner are both active, at once or in the background.
pub(in crate::service) async fn show_of(ctx: &WriteContext<'_>, owner: Owner) -> AppResult<()> {
    if owner.follow_at_once(ctx).await? {
        show(ctx, owner.assignments()).await
    } else {
        check_remote_ids(ctx, owner.assignments()).await
    }
}

async fn hide(ctx: &WriteContext<'_>, which: Expr) -> AppResult<()> {
    let hidden = ActiveModel { deleted_at: Set(Some(ctx.request.now)), ..Default::default() };
    let active = Entity::update_in(ctx.organization).filter(which).filter(Column::DeletedAt.is_null());
    active.set(hidden).exec(&ctx.txn).await?;
    Ok(())
}

async fn show(ctx: &WriteContext<'_>, which: Expr) -> AppResult<()> {
    let people = internal_contact::Entity::find_in(ctx.organization)
        .select_only()
        .column(internal_contact::Column::Id)
        .into_query();
    let partners =
        partner::Entity::find_in(ctx.organization).select_only().column(partner::Column::Id).into_query();
    let is_for_one = Column::PartnerId.is_null().or(Column::PartnerId.in_subquery(partners));
    let which = which.and(Column::InternalContactId.in_subquery(people)).and(is_for_one);
    set_shown(ctx, which).await.map_err(blame_row)
}

async fn set_shown(ctx: &WriteContext<'_>, which: Expr) -> AppResult<()> {
    let shown = ActiveModel { deleted_at: Set(None), ..Default::default() };
    let hidden = Entity::update_in(ctx.organization).filter(which).filter(Column::DeletedAt.is_not_null());
    hidden.set(shown).exec(&ctx.txn).await?;
    Ok(())
}

/// What is restored takes no `remoteId` that could be blamed for the one of a hidden assignment.
fn blame_row(error: AppError) -> AppError {
    let AppError::Input(_) = error else { return error };
    InputError::on("id", InputErrorCode::Conflict, REMOTE_ID_IN_THE_WAY).into()
}

/// Rejects a restoration in the background whose assignments have lost their remote ids, because nothing could be reported later.
async fn check_remote_ids(ctx: &WriteContext<'_>, which: Expr) -> AppResult<()> {
    let person = internal_contact::Entity::find_in_with_deleted(ctx.organization)
        .filter(internal_contact::Column::Id.into_expr().equals((Entity, Column::InternalContactId)))
        .select_only()
        .column(internal_contact::Column::DeletedAt);
    let partner = partner::Entity::find_in_with_deleted(ctx.organization)
        .filter(partner::Column::Id.into_expr().equals((Entity, Column::PartnerId)))
        .select_only()
        .column(partner::Column::DeletedAt);
    let other = |column: Column| Expr::col((OTHER, column));
    let taken = Query::select()
        .expr(other(Column::Id))
        .from_as(Entity, OTHER)
        .and_where(other(Column::OrgId).eq(ctx.organization))
        .and_where(other(Column::RemoteId).equals((Entity, Column::RemoteId)))
        .and_where(other(Column::DeletedAt).is_null())
        .take();
    // Scalar subqueries, so that each is a look at an index for each assignment, whatever the planner takes for the number
    // of rows.
    let lost = Entity::find_in_with_deleted(ctx.organization)
        .filter(which)
        .filter(Column::DeletedAt.is_not_null())
        .filter(Column::RemoteId.is_not_null())
        .filter(scalar(person.into_query()).is_null())
        .filter(scalar(partner.into_query()).is_null())
        .filter(scalar(taken).is_not_null());
    if lost.exists(&ctx.txn).await? {
        return Err(InputError::on("id", InputErrorCode::Conflict, REMOTE_ID_IN_THE_WAY).into());
    }
    Ok(())
}

fn scalar(select: SelectStatement) -> Expr {
    Expr::SubQuery(None, Box::new(select.into()))
}

/// Hides or shows the next of these assignments, as their people and partners are now; a batch of a background task.
pub(in crate::service) async fn update_next(
    ctx: &WriteContext<'_>,
    which: Expr,
    (position, limit): (Option<Uuid>, u64),
) -> AppResult<Batch> {
    let next: Vec<(InternalContactAssignmentId, InternalContactId)> =
        Entity::find_in_with_deleted(ctx.organization)
            .filter(which.clone())
            .filter(background::after(Column::Id, position))
            .order_by_asc(Column::Id)
            .limit(limit)
            .select_only()
            .columns([Column::Id, Column::InternalContactId])
            .into_tuple()
            .all(&ctx.txn)
            .await?;
    let people: HashSet<InternalContactId> = next.iter().map(|(_, person)| *person).collect();
    let people = lock_people(ctx, people).await?;
    let ids = next.iter().map(|(id, _)| *id);
    let rows = Entity::find_in_with_deleted(ctx.organization)
        .filter(ctx.keys_in(Column::Id, ids))
        .filter(which)
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .all(&ctx.txn)
        .await?;
    if rows.iter().any(|row| !people.contains_key(&row.internal_contact_id)) {
        return Err(background::overtaken());
    }
    settle(ctx, rows, &people).await?;
    let ids: Vec<Uuid> = next.iter().map(|(id, _)| id.0).collect();
    Ok(Batch::of(&ids, limit))
}

/// Locks everybody who has or had an assignment to a partner until the transaction ends, in the order of their ids.
async fn lock_people_of_partner(ctx: &WriteContext<'_>, partner: PartnerId) -> AppResult<()> {
    let theirs = Entity::find_in_with_deleted(ctx.organization)
        .filter(Column::PartnerId.eq(partner))
        .select_only()
        .column(Column::InternalContactId);
    let is_theirs = internal_contact::Column::Id.in_subquery(theirs.into_query());
    lock_people_where(ctx, is_theirs).await?;
    Ok(())
}

/// Locks these people until the transaction ends, in the order of their ids. Gives when they were deleted, if they were.
pub(in crate::service) async fn lock_people(
    ctx: &WriteContext<'_>,
    ids: impl IntoIterator<Item = InternalContactId>,
) -> AppResult<HashMap<InternalContactId, Option<DateTimeUtc>>> {
    lock_people_where(ctx, ctx.keys_in(internal_contact::Column::Id, ids)).await
}

async fn lock_people_where(
    ctx: &WriteContext<'_>,
    which: Expr,
) -> AppResult<HashMap<InternalContactId, Option<DateTimeUtc>>> {
    let people: Vec<(InternalContactId, Option<DateTimeUtc>)> =
        internal_contact::Entity::find_in_with_deleted(ctx.organization)
            .filter(which)
            .select_only()
            .columns([internal_contact::Column::Id, internal_contact::Column::DeletedAt])
            .order_by_asc(internal_contact::Column::Id)
            .lock_exclusive()
            .into_tuple()
            .all(&ctx.txn)
            .await?;
    Ok(people.into_iter().collect())
}

/// Hides and shows assignments, as their people, who are held, and their partners are now.
pub(in crate::service) async fn settle(
    ctx: &WriteContext<'_>,
    rows: Vec<Model>,
    people: &HashMap<InternalContactId, Option<DateTimeUtc>>,
) -> AppResult<()> {
    // Read only now, because a change of a partner with few assignments locks the people.
    let partners: HashSet<PartnerId> = rows.iter().filter_map(|row| row.partner_id).collect();
    let partners: Vec<PartnerId> = partner::Entity::find_in(ctx.organization)
        .filter(ctx.keys_in(partner::Column::Id, partners))
        .select_only()
        .column(partner::Column::Id)
        .into_tuple()
        .all(&ctx.txn)
        .await?;
    let partners: HashSet<PartnerId> = partners.into_iter().collect();
    let lives = |row: &Model| {
        people.get(&row.internal_contact_id).is_some_and(Option::is_none)
            && row.partner_id.is_none_or(|partner| partners.contains(&partner))
    };
    let wrong = rows.into_iter().filter(|row| lives(row) != row.deleted_at.is_none());
    let (hidden, shown): (Vec<Model>, Vec<Model>) = wrong.partition(|row| row.deleted_at.is_none());
    let are = |rows: &[Model]| ctx.keys_in(Column::Id, rows.iter().map(|row| row.id));
    if !hidden.is_empty() {
        hide(ctx, are(&hidden)).await?;
    }
    let shown = without_taken(ctx, shown).await?;
    if !shown.is_empty() {
        set_shown(ctx, are(&shown)).await?;
    }
    Ok(())
}

/// Those of these hidden assignments whose remote ids are still free. The others stay hidden: another assignment was
/// given the remote id after the restoration, before this one was shown.
async fn without_taken(ctx: &WriteContext<'_>, rows: Vec<Model>) -> AppResult<Vec<Model>> {
    let remote_ids: Vec<String> = rows.iter().filter_map(|row| row.remote_id.clone()).collect();
    if remote_ids.is_empty() {
        return Ok(rows);
    }
    let taken: Vec<String> = Entity::find_in(ctx.organization)
        .filter(ctx.keys_in(Column::RemoteId, remote_ids))
        .select_only()
        .column(Column::RemoteId)
        .into_tuple()
        .all(&ctx.txn)
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
