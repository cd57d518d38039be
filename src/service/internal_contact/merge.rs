//! What becomes of the assignments of people who are merged: few go to the survivor at once, many in the background.

use std::collections::HashSet;

use sea_orm::{
    ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect,
    prelude::Uuid,
    sea_query::{Expr, ExprTrait},
};

use super::hold_with_deleted;
use crate::{
    auth::RequestContext,
    entity::{
        Scoped,
        background_task::TaskKind,
        contact_merge,
        id::{InternalContactId, OrganizationId, PartnerId},
        internal_contact::Entity,
        internal_contact_assignment::{Column, Entity as Assignment, Model},
        keys_in,
    },
    error::AppResult,
    service::{
        Write,
        background::{self, Batch, DIRECT_LIMIT, Dependants},
        change::{self, Action, Change, Diff},
        contact_merge::Mergeable,
        internal_contact_assignment::{removal, settle},
        record::Recorded,
    },
};

impl Mergeable for Entity {
    /// Assignments go to the survivor; those that the survivor holds already are removed. Hidden ones stay hidden.
    async fn take_over(
        db: &Write,
        ctx: &RequestContext,
        organization: OrganizationId,
        survivor: InternalContactId,
        merged: InternalContactId,
        _: &mut Diff,
    ) -> AppResult<()> {
        let dependants: Option<i64> = Assignment::find_in_with_deleted(organization)
            .filter(Column::InternalContactId.eq(merged))
            .select_only()
            .column_as(Column::Id.count(), "dependants")
            .into_tuple()
            .one(db)
            .await?;
        let subject = Dependants { subject_id: merged.0, dependants: dependants.unwrap_or_default() };
        if subject.dependants > DIRECT_LIMIT as i64 {
            return background::insert(db, ctx, organization, TaskKind::InternalContactMerge, vec![subject])
                .await;
        }
        take_next(db, ctx, organization, (survivor, merged), (None, DIRECT_LIMIT)).await?;
        Ok(())
    }
}

/// Gives the next assignments of a merged person to the survivor, as a batch of a background task.
pub(in crate::service) async fn take_over_next(
    db: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    merged: InternalContactId,
    next: (Option<Uuid>, u64),
) -> AppResult<Batch> {
    // Erased since, with all assignments.
    let Some(survivor) = survivor(db, organization, merged).await? else { return Ok(Batch::of(&[], next.1)) };
    let people = hold_with_deleted(db, organization, [survivor, merged]).await?;
    if self::survivor(db, organization, merged).await? != Some(survivor) {
        return Err(background::overtaken());
    }
    let (batch, given) = take_next(db, ctx, organization, (survivor, merged), next).await?;
    // The survivor may have been deleted or restored since.
    settle(db, ctx, organization, given, &people).await?;
    Ok(batch)
}

async fn survivor(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    merged: InternalContactId,
) -> AppResult<Option<InternalContactId>> {
    let merge = contact_merge::Entity::find_in(organization)
        .filter(contact_merge::Column::MergedId.eq(merged.to_string()));
    Ok(merge.one(db).await?.and_then(|merge| merge.survivor_id.parse().ok()))
}

/// Gives the next assignments of one person to another one, who are both held. Gives those that were given, as they are
/// now.
async fn take_next(
    db: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    (survivor, merged): (InternalContactId, InternalContactId),
    (position, number): (Option<Uuid>, u64),
) -> AppResult<(Batch, Vec<Model>)> {
    let theirs = Assignment::find_in_with_deleted(organization)
        .filter(Column::InternalContactId.eq(merged))
        .filter(background::after(Column::Id, position))
        .order_by_asc(Column::Id)
        .limit(number)
        .all(db)
        .await?;
    let ids: Vec<Uuid> = theirs.iter().map(|row| row.id.0).collect();
    let partners: HashSet<PartnerId> = theirs.iter().filter_map(|row| row.partner_id).collect();
    let backend = db.get_database_backend();
    let is_rival = Column::PartnerId
        .is_null()
        .or(keys_in(backend, Column::PartnerId.into_expr(), partners))
        .and(Column::InternalContactId.eq(survivor));
    let rows = Assignment::find_in_with_deleted(organization)
        .filter(are(db, &theirs).or(is_rival))
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .all(db)
        .await?;
    let (own, others): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| row.internal_contact_id == survivor);
    let held: HashSet<_> = own.iter().map(|row| (row.partner_id, row.internal_role)).collect();
    let (double, moved): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|row| held.contains(&(row.partner_id, row.internal_role)));
    remove(db, ctx, organization, &double).await?;
    give(db, ctx, organization, survivor, &moved).await?;
    let given = moved.into_iter().map(|row| Model { internal_contact_id: survivor, ..row });
    Ok((Batch::of(&ids, number), given.collect()))
}

async fn remove(
    db: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    rows: &[Model],
) -> AppResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    Assignment::delete_in(organization).filter(are(db, rows)).exec(db).await?;
    let records = rows.iter().map(|row| record(row, Action::Deleted, removal(row)));
    change::record_all(db, ctx, organization, records);
    Ok(())
}

async fn give(
    db: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    survivor: InternalContactId,
    rows: &[Model],
) -> AppResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    Assignment::update_in(organization)
        .filter(are(db, rows))
        .col_expr(Column::InternalContactId, Expr::value(survivor))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(ctx.now))
        .exec(db)
        .await?;
    let records = rows.iter().map(|row| {
        let mut diff = Diff::default();
        diff.note("internalContactId", row.internal_contact_id.to_string(), survivor.to_string());
        record(row, Action::Updated, diff)
    });
    change::record_all(db, ctx, organization, records);
    Ok(())
}

fn are(db: &Write, rows: &[Model]) -> Expr {
    keys_in(db.get_database_backend(), Column::Id.into_expr(), rows.iter().map(|row| row.id))
}

fn record(row: &Model, action: Action, diff: Diff) -> Change {
    Change { kind: Assignment::KIND, id: row.id.to_string(), action, diff }
}
