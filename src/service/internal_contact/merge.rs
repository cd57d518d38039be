//! What becomes of the assignments of people who are merged: few go to the survivor at once, many in the background.

use std::collections::HashSet;

use sea_orm::{
    ColumnTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    prelude::Uuid,
    sea_query::{Expr, ExprTrait},
};

use crate::{
    entity::{
        Scoped,
        background_task::TaskKind,
        contact_merge,
        id::{InternalContactId, PartnerId},
        internal_contact::Entity,
        internal_contact_assignment::{Column, Entity as Assignment, Model},
    },
    error::AppResult,
    service::{
        WriteContext,
        background::{self, Batch, DIRECT_LIMIT},
        change::{self, Action, Change, Diff},
        contact_merge::Mergeable,
        internal_contact_assignment::{lock_people, removal, settle},
    },
};

impl Mergeable for Entity {
    /// Assignments go to the survivor; those that the survivor holds already are removed. Hidden ones stay hidden.
    async fn take_over(
        ctx: &WriteContext<'_>,
        survivor: InternalContactId,
        merged: InternalContactId,
        _: &mut Diff,
    ) -> AppResult<()> {
        let theirs =
            Assignment::find_in_with_deleted(ctx.organization).filter(Column::InternalContactId.eq(merged));
        let dependants = theirs.count(&ctx.txn).await?;
        if dependants > DIRECT_LIMIT {
            return background::insert(ctx, TaskKind::InternalContactMerge, merged.0, dependants).await;
        }
        take_next(ctx, (survivor, merged), (None, DIRECT_LIMIT)).await?;
        Ok(())
    }
}

/// Gives the next assignments of a merged person to the survivor, as a batch of a background task.
pub(in crate::service) async fn take_over_next(
    ctx: &WriteContext<'_>,
    merged: InternalContactId,
    next: (Option<Uuid>, u64),
) -> AppResult<Batch> {
    // Erased since, with all assignments.
    let Some(survivor) = survivor(ctx, merged).await? else { return Ok(Batch::of(&[], next.1)) };
    let people = lock_people(ctx, [survivor, merged]).await?;
    if self::survivor(ctx, merged).await? != Some(survivor) {
        return Err(background::overtaken());
    }
    let (batch, given) = take_next(ctx, (survivor, merged), next).await?;
    // The survivor may have been deleted or restored since.
    settle(ctx, given, &people).await?;
    Ok(batch)
}

async fn survivor(ctx: &WriteContext<'_>, merged: InternalContactId) -> AppResult<Option<InternalContactId>> {
    let merge = contact_merge::Entity::find_in(ctx.organization)
        .filter(contact_merge::Column::MergedId.eq(merged.to_string()));
    Ok(merge.one(&ctx.txn).await?.and_then(|merge| merge.survivor_id.parse().ok()))
}

/// Gives the next assignments of one person to another one, who are both held. Gives those that were given, as they are
/// now.
async fn take_next(
    ctx: &WriteContext<'_>,
    (survivor, merged): (InternalContactId, InternalContactId),
    (position, number): (Option<Uuid>, u64),
) -> AppResult<(Batch, Vec<Model>)> {
    let theirs = Assignment::find_in_with_deleted(ctx.organization)
        .filter(Column::InternalContactId.eq(merged))
        .filter(background::after(Column::Id, position))
        .order_by_asc(Column::Id)
        .limit(number)
        .all(&ctx.txn)
        .await?;
    let ids: Vec<Uuid> = theirs.iter().map(|row| row.id.0).collect();
    let partners: HashSet<PartnerId> = theirs.iter().filter_map(|row| row.partner_id).collect();
    let is_rival = Column::PartnerId
        .is_null()
        .or(ctx.keys_in(Column::PartnerId, partners))
        .and(Column::InternalContactId.eq(survivor));
    let rows = Assignment::find_in_with_deleted(ctx.organization)
        .filter(are(ctx, &theirs).or(is_rival))
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .all(&ctx.txn)
        .await?;
    let (own, others): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| row.internal_contact_id == survivor);
    let held: HashSet<_> = own.iter().map(|row| (row.partner_id, row.internal_role)).collect();
    let (double, moved): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|row| held.contains(&(row.partner_id, row.internal_role)));
    remove(ctx, &double).await?;
    give(ctx, survivor, &moved).await?;
    let given = moved.into_iter().map(|row| Model { internal_contact_id: survivor, ..row });
    Ok((Batch::of(&ids, number), given.collect()))
}

async fn remove(ctx: &WriteContext<'_>, rows: &[Model]) -> AppResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    Assignment::delete_in(ctx.organization).filter(are(ctx, rows)).exec(&ctx.txn).await?;
    let records = rows.iter().map(|row| Change::of::<Assignment>(row.id, Action::Deleted, removal(row)));
    change::record_all(ctx, records);
    Ok(())
}

async fn give(ctx: &WriteContext<'_>, survivor: InternalContactId, rows: &[Model]) -> AppResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    Assignment::update_in(ctx.organization)
        .filter(are(ctx, rows))
        .col_expr(Column::InternalContactId, Expr::value(survivor))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(ctx.request.now))
        .exec(&ctx.txn)
        .await?;
    let records = rows.iter().map(|row| {
        let mut diff = Diff::default();
        diff.note("internalContactId", row.internal_contact_id, survivor);
        Change::of::<Assignment>(row.id, Action::Updated, diff)
    });
    change::record_all(ctx, records);
    Ok(())
}

fn are(ctx: &WriteContext<'_>, rows: &[Model]) -> Expr {
    ctx.keys_in(Column::Id, rows.iter().map(|row| row.id))
}
