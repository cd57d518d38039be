//! Internal contacts: the organization's own people.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text, text_null},
};

use crate::table::{
    self, created_at, deleted_at, index, not_empty, organization_key, remote_id_of_active_rows, search_text,
    tenant_primary_key, unique_where, updated_at, uuid, version, version_check,
};

const TABLE: &str = "internal_contact";

/// Creates `internal_contact`.
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
            .col(text("email"))
            .col(search_text(backend, "email_key"))
            .col(text_null("given_name"))
            .col(text_null("family_name"))
            .col(text_null("name"))
            .col(text_null("phone"))
            .col(text_null("job_title"))
            .col(text_null("remote_id"))
            .col(search_text(backend, "sort_key"))
            .col(search_text(backend, "words"))
            .col(created_at())
            .col(updated_at())
            .col(version())
            .col(deleted_at())
            .primary_key(&mut tenant_primary_key("id"))
            .foreign_key(&mut organization_key(TABLE))
            .check(not_empty(TABLE, "email"))
            .check(version_check(TABLE))
            .take();
        manager.create_table(table).await?;
        manager
            .create_index(unique_where(
                TABLE,
                "org_id_email_key",
                ["org_id", "email_key"],
                Expr::col("deleted_at").is_null(),
            ))
            .await?;
        manager
            .create_index(unique_where(
                TABLE,
                "org_id_remote_id",
                ["org_id", "remote_id"],
                remote_id_of_active_rows(),
            ))
            .await?;
        manager.create_index(index(TABLE, ["org_id", "email_key", "id"])).await?;
        manager.create_index(index(TABLE, ["org_id", "sort_key", "id"])).await?;
        manager.create_index(index(TABLE, ["org_id", "created_at", "id"])).await?;
        manager.create_index(index(TABLE, ["org_id", "updated_at", "id"])).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}
