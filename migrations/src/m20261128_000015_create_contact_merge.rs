//! Merged contacts: which contact stands for one that was merged into it. Both ids are public ones.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text},
};

use crate::table::{self, created_at, index, organization_key, tenant_primary_key};

const TABLE: &str = "contact_merge";

/// Creates `contact_merge`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(TABLE)
            .col(big_integer("org_id"))
            .col(text("merged_id"))
            .col(text("survivor_id"))
            .col(created_at())
            .primary_key(&mut tenant_primary_key("merged_id"))
            .foreign_key(&mut organization_key(TABLE))
            .take();
        manager.create_table(table).await?;
        manager.create_index(index(TABLE, ["org_id", "survivor_id"])).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}
