//! The domain of an account in the form that is compared: in ASCII and lower case.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::prelude::*;

use crate::table::search_text_null;

const TABLE: &str = "account";
const COLUMN: &str = "primary_domain_key";

/// Adds `account.primary_domain_key`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut column = search_text_null(manager.get_database_backend(), COLUMN);
        manager.alter_table(Table::alter().table(TABLE).add_column(&mut column).take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table(TABLE).drop_column(COLUMN).take()).await
    }
}
