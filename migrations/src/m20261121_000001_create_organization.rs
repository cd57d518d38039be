//! Organizations, the tenants. Every other table points here.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{
    prelude::*,
    schema::{big_pk_auto, text},
};

use crate::table::{self, created_at, updated_at, version, version_check};

const TABLE: &str = "organization";

/// Creates `organization`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(big_pk_auto("id"))
                    .col(text("name"))
                    .col(created_at())
                    .col(updated_at())
                    .col(version())
                    .check(version_check(TABLE))
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}
