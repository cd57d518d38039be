//! Organizations, the tenants. Every other table refers to this one.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{
    prelude::*,
    schema::{big_pk_auto, text, text_null},
};

use crate::table::{self, created_at, unique_where, updated_at, version, version_check};

const TABLE: &str = "organization";

/// Creates `organization`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(TABLE)
            .col(big_pk_auto("id"))
            .col(text("name"))
            .col(text_null("external_id"))
            .col(created_at())
            .col(updated_at())
            .col(version())
            .check(version_check(TABLE))
            .take();
        manager.create_table(table).await?;
        manager
            .create_index(unique_where(
                TABLE,
                "external_id",
                ["external_id"],
                Expr::col("external_id").is_not_null(),
            ))
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}
