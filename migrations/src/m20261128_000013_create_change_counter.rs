//! The number of each organization's newest change: a writer of changes takes their numbers here, so that the row's lock makes
//! the order of the numbers that of the commits. `deleted_through` is the last number that retention deleted.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{prelude::*, schema::big_integer};

use crate::table::{self, organization_key};

const TABLE: &str = "change_counter";

/// Creates `change_counter`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(TABLE)
            .col(big_integer("org_id").primary_key())
            .col(big_integer("seq").default(0))
            .col(big_integer("deleted_through").default(0))
            .foreign_key(&mut organization_key(TABLE))
            .take();
        manager.create_table(table).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}
