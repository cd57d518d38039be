//! Changes: who did what to which row. `seq` counts within its organization, in the order of commits and without a gap.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text, timestamp_with_time_zone},
};

use crate::table::{self, index, json, organization_key, tenant_primary_key};

const TABLE: &str = "change";

/// Creates `change`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let table = Table::create()
            .table(TABLE)
            .col(big_integer("org_id"))
            .col(big_integer("seq"))
            .col(timestamp_with_time_zone("at"))
            .col(text("actor"))
            .col(text("entity_kind"))
            .col(text("entity_id"))
            .col(text("action"))
            .col(json(backend, "fields"))
            .col(text("request_id"))
            .primary_key(&mut tenant_primary_key("seq"))
            .foreign_key(&mut organization_key(TABLE))
            .take();
        manager.create_table(table).await?;
        manager.create_index(index(TABLE, ["org_id", "entity_id", "seq"])).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}
