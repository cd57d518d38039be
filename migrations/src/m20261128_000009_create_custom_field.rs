//! Custom fields of account contacts.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, boolean, text, timestamp_with_time_zone_null},
};

use crate::table::{
    self, check, created_at, json, json_is, organization_key, tenant_primary_key, unique, updated_at, uuid,
    version, version_check,
};

const TABLE: &str = "custom_field";

const FIELD_TYPES: [&str; 12] = [
    "text",
    "long_text",
    "integer",
    "decimal",
    "boolean",
    "date",
    "date_time",
    "single_choice",
    "multi_choice",
    "url",
    "email",
    "phone",
];

/// Creates `custom_field`.
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
            .col(text("key"))
            .col(text("label"))
            .col(text("field_type"))
            .col(json(backend, "options").default("[]"))
            .col(boolean("is_required"))
            .col(timestamp_with_time_zone_null("archived_at"))
            .col(created_at())
            .col(updated_at())
            .col(version())
            .primary_key(&mut tenant_primary_key("id"))
            .index(&mut unique(TABLE, ["org_id", "key"]))
            .foreign_key(&mut organization_key(TABLE))
            .check(check(TABLE, "field_type", Expr::col("field_type").is_in(FIELD_TYPES)))
            .check(json_is(backend, TABLE, "options", "array"))
            .check(version_check(TABLE))
            .take();
        manager.create_table(table).await?;

        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}
