//! Folding rows that are not folded yet: those from before sort keys and words, and what a release from before them still
//! writes.
//!
//! Run after the migrations. Where nothing is left to do it is one look at an index for each table and organization.

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

/// How many rows are folded in one transaction, and held meanwhile.
const BATCH: u64 = 100;

/// Folds the rows of all organizations that are not folded yet; answers how many there were. May be run at any time and
/// by many at once.
pub async fn fold_rows(db: &Database) -> AppResult<usize> {
    let mut folded = 0;
    for organization in organization::Entity::all_ids(db.connection()).await? {
        folded += fold_organization(db, organization).await?;
    }
    Ok(folded)
}

async fn fold_organization(db: &Database, organization: OrganizationId) -> AppResult<usize> {
    Ok(fold_table::<organization_contact::Entity>(db, organization).await?
        + fold_table::<partner::Entity>(db, organization).await?
        + fold_table::<account::Entity>(db, organization).await?
        + fold_table::<internal_contact::Entity>(db, organization).await?
        + fold_table::<account_contact::Entity>(db, organization).await?)
}

/// Folds the rows of one table, batch by batch.
async fn fold_table<E: Recorded>(db: &Database, organization: OrganizationId) -> AppResult<usize> {
    let mut folded = 0;
    loop {
        let write = db.begin_upkeep().await?;
        let txn = &write;
        let rows = E::find_in_with_deleted(organization).filter(Expr::col("sort_key").eq(""));
        let rows = rows.limit(BATCH).lock_exclusive().all(txn).await?;
        if rows.is_empty() {
            return Ok(folded);
        }
        folded += rows.len();
        for row in rows {
            fold::<E>(txn, row).await?;
        }
        write.commit().await?;
    }
}

/// Neither a version nor a change: clients see the row as it was.
async fn fold<E: Recorded>(txn: &Write, mut row: E::Model) -> AppResult<()> {
    let mut folded = row.clone().into_active_model();
    E::derive(&mut row);
    let derived = row.into_active_model();
    for column in E::Column::iter() {
        if let ActiveValue::Unchanged(value) | ActiveValue::Set(value) = derived.get(column) {
            folded.set_if_not_equals(column, value);
        }
    }
    folded.update(txn).await?;
    Ok(())
}
