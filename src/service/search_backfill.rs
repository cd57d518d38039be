//! Fills the search columns of rows that were written before the columns existed, and renews those that an earlier version
//! of the rules filled.
//!
//! Runs after the migrations. If nothing is left to do, it reads one index per table and organization.

use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, IntoActiveModel, Iterable, QueryFilter, QueryOrder,
    QuerySelect, Set,
    sea_query::{Expr, ExprTrait},
};

use super::{Database, Write, record::Recorded};
use crate::{
    entity::{
        Scoped, account, account_contact, id::OrganizationId, internal_contact, organization,
        organization_contact, partner,
    },
    error::AppResult,
};

/// The version of the rules for search columns. Increment it with every change of what a text becomes there: the rows of
/// organizations with a lower version are renewed.
pub(super) const SEARCH_VERSION: i32 = 1;

/// How many rows one transaction locks and updates.
const BATCH: u64 = 100;

/// Which rows are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    /// All of them.
    All,
    /// Those whose search columns are empty.
    Empty,
}

/// Fills the search columns of all organizations and returns the number of updated rows. Can run at any time and concurrently.
pub async fn backfill_search_columns(db: &Database) -> AppResult<usize> {
    let mut updated = 0;
    for (organization, version) in organization::Entity::search_versions(db.connection()).await? {
        let rows = if version < SEARCH_VERSION { Rows::All } else { Rows::Empty };
        updated += backfill_organization(db, organization, rows).await?;
        if rows == Rows::All {
            set_version(db, organization).await?;
        }
    }
    Ok(updated)
}

async fn set_version(db: &Database, organization: OrganizationId) -> AppResult<()> {
    let write = db.begin_upkeep().await?;
    let version = organization::ActiveModel { search_version: Set(SEARCH_VERSION), ..Default::default() };
    organization::Entity::update_in(organization).set(version).exec(&write).await?;
    write.commit().await
}

async fn backfill_organization(db: &Database, organization: OrganizationId, rows: Rows) -> AppResult<usize> {
    Ok(backfill_table::<organization_contact::Entity>(db, organization, rows).await?
        + backfill_table::<partner::Entity>(db, organization, rows).await?
        + backfill_table::<account::Entity>(db, organization, rows).await?
        + backfill_table::<internal_contact::Entity>(db, organization, rows).await?
        + backfill_table::<account_contact::Entity>(db, organization, rows).await?)
}

/// Fills the columns of one table, batch by batch, in the order of the ids.
async fn backfill_table<E: Recorded>(
    db: &Database,
    organization: OrganizationId,
    which: Rows,
) -> AppResult<usize> {
    let mut updated = 0;
    let mut last = None;
    loop {
        let write = db.begin_upkeep().await?;
        let txn = &write;
        let mut rows = E::find_in_with_deleted(organization).order_by_asc(E::ID);
        if which == Rows::Empty {
            rows = rows.filter(Expr::col("sort_key").eq(""));
        }
        if let Some(last) = last {
            rows = rows.filter(E::ID.gt(last));
        }
        let rows = rows.limit(BATCH).lock_exclusive().all(txn).await?;
        let Some(end) = rows.last().map(E::id) else { return Ok(updated) };
        last = Some(end);
        for row in rows {
            updated += usize::from(backfill_row::<E>(txn, row).await?);
        }
        write.commit().await?;
    }
}

/// Creates neither a version nor a change, because clients see the same row. Returns whether anything changed.
async fn backfill_row<E: Recorded>(txn: &Write, mut row: E::Model) -> AppResult<bool> {
    let mut updated = row.clone().into_active_model();
    E::derive(&mut row);
    let derived = row.into_active_model();
    for column in E::Column::iter() {
        if let ActiveValue::Unchanged(value) | ActiveValue::Set(value) = derived.get(column) {
            updated.set_if_not_equals(column, value);
        }
    }
    let is_changed = updated.is_changed();
    if is_changed {
        updated.update(txn).await?;
    }
    Ok(is_changed)
}
