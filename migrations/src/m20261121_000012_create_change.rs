//! Changes: who did what to which row, in the order in which it happened.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_pk_auto, text, timestamp_with_time_zone},
};

use crate::table::{self, index, json, organization_key};

const TABLE: &str = "change";

/// Creates `change`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(big_pk_auto("seq"))
                    .col(big_integer("org_id"))
                    .col(timestamp_with_time_zone("at"))
                    .col(text("actor"))
                    .col(text("entity_kind"))
                    .col(text("entity_id"))
                    .col(text("action"))
                    .col(json(backend, "fields"))
                    .col(text("request_id"))
                    .foreign_key(&mut organization_key(TABLE))
                    .take(),
            )
            .await?;
        manager.create_index(index(TABLE, ["org_id", "seq"])).await?;
        manager.create_index(index(TABLE, ["org_id", "entity_id", "seq"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}
