//! Accounts: the customers.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text, text_null},
};

use crate::table::{
    self, created_at, deleted_at, organization_key, unique, unique_where, updated_at, uuid, version,
    version_check,
};

const TABLE: &str = "account";

/// Creates `account`.
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
                    .col(uuid(backend, "id").primary_key())
                    .col(big_integer("org_id"))
                    .col(text("name"))
                    .col(text_null("primary_domain"))
                    .col(text_null("remote_id"))
                    .col(created_at())
                    .col(updated_at())
                    .col(version())
                    .col(deleted_at())
                    .index(&mut unique(TABLE, ["org_id", "id"]))
                    .foreign_key(&mut organization_key(TABLE))
                    .check(version_check(TABLE))
                    .take(),
            )
            .await?;
        manager
            .create_index(unique_where(
                TABLE,
                "org_id_remote_id",
                ["org_id", "remote_id"],
                Expr::col("remote_id").is_not_null().and(Expr::col("deleted_at").is_null()),
            ))
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}
