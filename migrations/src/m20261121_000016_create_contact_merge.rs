//! Merged contacts: which contact an id stands for since its own contact was merged into another.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text},
};

use crate::table::{self, created_at, index, organization_key};

const TABLE: &str = "contact_merge";

/// Creates `contact_merge`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(big_integer("org_id"))
                    .col(text("merged_id"))
                    .col(text("survivor_id"))
                    .col(created_at())
                    .primary_key(Index::create().col("org_id").col("merged_id"))
                    .foreign_key(&mut organization_key(TABLE))
                    .take(),
            )
            .await?;
        manager.create_index(index(TABLE, ["org_id", "survivor_id"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}
