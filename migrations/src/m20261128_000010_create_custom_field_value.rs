//! The values of custom fields. A value goes with its contact; a field that has values stays.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{prelude::*, schema::big_integer};

use crate::table::{self, created_at, index, json, organization_key, tenant_key, updated_at, uuid};

const TABLE: &str = "custom_field_value";

/// Creates `custom_field_value`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let table = Table::create()
            .table(TABLE)
            .col(big_integer("org_id"))
            .col(uuid(backend, "account_contact_id"))
            .col(uuid(backend, "custom_field_id"))
            .col(json(backend, "value"))
            .col(created_at())
            .col(updated_at())
            .primary_key(Index::create().col("org_id").col("account_contact_id").col("custom_field_id"))
            .foreign_key(&mut organization_key(TABLE))
            .foreign_key(
                tenant_key(TABLE, "account_contact_id", "account_contact")
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .foreign_key(&mut tenant_key(TABLE, "custom_field_id", "custom_field"))
            .take();
        manager.create_table(table).await?;
        manager.create_index(index(TABLE, ["org_id", "custom_field_id"])).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}
