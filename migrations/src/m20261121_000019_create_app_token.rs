//! Application tokens: what programs exchange for tokens of a short life. Only hashes of them are kept.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary, text, timestamp_with_time_zone_null},
    sea_orm::DbBackend,
};

use crate::table::{self, created_at, not_empty, organization_key, unique, uuid};

const TABLE: &str = "app_token";

/// Creates `app_token`.
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
                    .col(text("description"))
                    .col(text("scope"))
                    .col(binary("token_hash"))
                    .col(created_at())
                    .col(timestamp_with_time_zone_null("expires_at"))
                    .col(timestamp_with_time_zone_null("revoked_at"))
                    .index(&mut unique(TABLE, ["org_id", "id"]))
                    .index(&mut unique(TABLE, ["token_hash"]))
                    .foreign_key(&mut organization_key(TABLE))
                    .check(not_empty(TABLE, "description"))
                    .take(),
            )
            .await?;
        if backend == DbBackend::Postgres {
            manager.get_connection().execute_unprepared(RAISE_AGAIN).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}

/// The new table behind the wall, where the wall may be raised by this role.
const RAISE_AGAIN: &str = "
DO $$ BEGIN
    PERFORM contact_gateway_raise_wall();
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'no row level security: an administrator has to raise it by SELECT contact_gateway_raise_wall()';
END $$;";
