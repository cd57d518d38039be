//! Idempotency keys: what the first request with a key asked for and got.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, blob, text},
};

use crate::table::{self, created_at, index, organization_key, tenant_primary_key};

const TABLE: &str = "idempotency_key";

/// Creates `idempotency_key`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(TABLE)
            .col(big_integer("org_id"))
            .col(text("key"))
            .col(text("operation"))
            .col(blob("input_hash"))
            .col(text("result_id"))
            .col(created_at())
            .primary_key(&mut tenant_primary_key("key"))
            .foreign_key(&mut organization_key(TABLE))
            .take();
        manager.create_table(table).await?;
        manager.create_index(index(TABLE, ["org_id", "created_at"])).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}
