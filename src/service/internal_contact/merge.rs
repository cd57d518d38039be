//! What becomes of the assignments of people who are merged.

use std::collections::HashSet;

use sea_orm::{
    ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};

use super::refresh_company_words;
use crate::{
    auth::RequestContext,
    entity::{
        Scoped,
        id::{InternalContactId, OrganizationId},
        internal_contact::Entity,
        internal_contact_assignment::{Column, Entity as Assignment, Model},
        keys_in,
    },
    error::AppResult,
    service::{
        Write,
        change::{self, Action, Change, Diff},
        contact_merge::Mergeable,
        internal_contact_assignment::removal,
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
        let rows = Assignment::find_in_with_deleted(organization)
            .filter(Column::InternalContactId.is_in([survivor, merged]))
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
        refresh_company_words(db, organization, &[survivor, merged]).await
    }
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
