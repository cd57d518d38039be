//! Application tokens: what programs exchange for tokens of a short life. Only hashes of them are kept.
//!
//! A token is looked up by its hash before its organization is known, so its keys do not begin with `org_id`.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary, text, timestamp_with_time_zone_null},
};

use crate::table::{self, created_at, index, not_empty, organization_key, unique, uuid};

const TABLE: &str = "app_token";

/// Creates `app_token`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let table = Table::create()
            .table(TABLE)
            .col(uuid(backend, "id").primary_key())
            .col(big_integer("org_id"))
            .col(text("description"))
            .col(text("scope"))
            .col(binary("token_hash"))
            .col(created_at())
            .col(timestamp_with_time_zone_null("expires_at"))
            .col(timestamp_with_time_zone_null("revoked_at"))
            .index(&mut unique(TABLE, ["token_hash"]))
            .foreign_key(&mut organization_key(TABLE))
            .check(not_empty(TABLE, "description"))
            .take();
        manager.create_table(table).await?;
        manager.create_index(index(TABLE, ["org_id", "id"])).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}
