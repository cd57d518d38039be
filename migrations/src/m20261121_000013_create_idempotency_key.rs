//! Idempotency keys: what the first request with a key asked for and got.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, blob, text},
};

use crate::table::{self, created_at, organization_key};

const TABLE: &str = "idempotency_key";

/// Creates `idempotency_key`.
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
                    .col(text("key"))
                    .col(text("operation"))
                    .col(blob("input_hash"))
                    .col(text("result_id"))
                    .col(created_at())
                    .primary_key(Index::create().col("org_id").col("key"))
                    .foreign_key(&mut organization_key(TABLE))
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}
