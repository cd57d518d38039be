//! Fills the search columns of rows that were written before the columns existed, or by a release from before them.
//!
//! Runs after the migrations. If nothing is left to do, it reads one index per table and organization.

use sea_orm::{
    ActiveModelTrait, ActiveValue, IntoActiveModel, Iterable, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait},
};

use super::{Database, Write, record::Recorded};
use crate::{
    entity::{
        account, account_contact, id::OrganizationId, internal_contact, organization, organization_contact,
        partner,
    },
    error::AppResult,
};

/// How many rows one transaction locks and updates.
const BATCH: u64 = 100;

/// Fills the search columns of all organizations and returns the number of updated rows. Can run at any time and concurrently.
pub async fn backfill_search_columns(db: &Database) -> AppResult<usize> {
    let mut updated = 0;
    for organization in organization::Entity::all_ids(db.connection()).await? {
        updated += backfill_organization(db, organization).await?;
    }
    Ok(updated)
}

async fn backfill_organization(db: &Database, organization: OrganizationId) -> AppResult<usize> {
    Ok(backfill_table::<organization_contact::Entity>(db, organization).await?
        + backfill_table::<partner::Entity>(db, organization).await?
        + backfill_table::<account::Entity>(db, organization).await?
        + backfill_table::<internal_contact::Entity>(db, organization).await?
        + backfill_table::<account_contact::Entity>(db, organization).await?)
}

/// Fills the columns of one table, batch by batch.
async fn backfill_table<E: Recorded>(db: &Database, organization: OrganizationId) -> AppResult<usize> {
    let mut updated = 0;
    loop {
        let write = db.begin_upkeep().await?;
        let txn = &write;
        let rows = E::find_in_with_deleted(organization).filter(Expr::col("sort_key").eq(""));
        let rows = rows.limit(BATCH).lock_exclusive().all(txn).await?;
        if rows.is_empty() {
            return Ok(updated);
        }
        updated += rows.len();
        for row in rows {
            backfill_row::<E>(txn, row).await?;
        }
        write.commit().await?;
    }
}

/// Creates neither a version nor a change, because clients see the same row.
async fn backfill_row<E: Recorded>(txn: &Write, mut row: E::Model) -> AppResult<()> {
    let mut updated = row.clone().into_active_model();
    E::derive(&mut row);
    let derived = row.into_active_model();
    for column in E::Column::iter() {
        if let ActiveValue::Unchanged(value) | ActiveValue::Set(value) = derived.get(column) {
            updated.set_if_not_equals(column, value);
        }
    }
    updated.update(txn).await?;
    Ok(())
}
