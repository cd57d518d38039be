//! Types of account contacts, at most one of them the organization's default. A deleted type with `replaced_by` stays until no
//! contact has it; its name is free.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, boolean, text},
};

use crate::table::{
    self, created_at, organization_key, tenant_key, tenant_primary_key, unique_where, updated_at, uuid,
    uuid_null, version, version_check,
};

const TABLE: &str = "contact_type";

/// Creates `contact_type`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let table = Table::create()
            .table(TABLE)
            .col(big_integer("org_id"))
            .col(uuid(backend, "id"))
            .col(text("name"))
            .col(boolean("is_default"))
            .col(uuid_null(backend, "replaced_by"))
            .col(created_at())
            .col(updated_at())
            .col(version())
            .primary_key(&mut tenant_primary_key("id"))
            .foreign_key(&mut organization_key(TABLE))
            .foreign_key(&mut tenant_key(TABLE, "replaced_by", TABLE))
            .check(version_check(TABLE))
            .take();
        manager.create_table(table).await?;
        let active = Expr::col("replaced_by").is_null();
        manager.create_index(unique_where(TABLE, "org_id_name", ["org_id", "name"], active)).await?;
        manager.create_index(unique_where(TABLE, "org_id", ["org_id"], Expr::col("is_default"))).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}
