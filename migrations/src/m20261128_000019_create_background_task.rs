//! Background tasks: rows that still have to follow a change of the row that they depend on.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text},
    sea_orm::DbBackend,
};

use crate::table::{self, check, created_at, organization_key, tenant_primary_key, uuid, uuid_null};

const TABLE: &str = "background_task";

const KINDS: [&str; 4] = ["partner", "internal_contact", "internal_contact_merge", "contact_type"];

/// Creates `background_task`.
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
                    .col(big_integer("org_id"))
                    .col(uuid(backend, "id"))
                    .col(text("kind"))
                    .col(uuid(backend, "subject_id"))
                    .col(uuid_null(backend, "position"))
                    .col(big_integer("pending"))
                    .col(text("actor"))
                    .col(text("request_id"))
                    .col(created_at())
                    .primary_key(&mut tenant_primary_key("id"))
                    .foreign_key(&mut organization_key(TABLE))
                    .check(check(TABLE, "kind", Expr::col("kind").is_in(KINDS)))
                    .take(),
            )
            .await?;
        if backend == DbBackend::Postgres {
            manager.get_connection().execute_unprepared(ENABLE_RLS).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}

/// Row level security for the new table, where this role may enable it.
const ENABLE_RLS: &str = "
DO $$ BEGIN
    PERFORM contact_gateway_enable_rls();
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'row level security is off: an administrator enables it by SELECT contact_gateway_enable_rls()';
END $$;";
