//! The version of the rules by which the search columns of an organization's rows were last filled.
//!
//! May import sea_orm_migration; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{prelude::*, schema::integer};

const TABLE: &str = "organization";
const COLUMN: &str = "search_version";

/// Adds `organization.search_version`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut column = integer(COLUMN).default(0).take();
        manager.alter_table(Table::alter().table(TABLE).add_column(&mut column).take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table(TABLE).drop_column(COLUMN).take()).await
    }
}
