//! Internal contacts: the organization's own people.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text, text_null},
};

use crate::table::{
    self, created_at, deleted_at, not_empty, organization_key, unique, unique_where, updated_at, uuid,
    version, version_check,
};

const TABLE: &str = "internal_contact";

/// Creates `internal_contact`.
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
                    .col(text("email"))
                    .col(text("email_key"))
                    .col(text_null("given_name"))
                    .col(text_null("family_name"))
                    .col(text_null("name"))
                    .col(text_null("phone"))
                    .col(text_null("job_title"))
                    .col(created_at())
                    .col(updated_at())
                    .col(version())
                    .col(deleted_at())
                    .index(&mut unique(TABLE, ["org_id", "id"]))
                    .foreign_key(&mut organization_key(TABLE))
                    .check(not_empty(TABLE, "email"))
                    .check(version_check(TABLE))
                    .take(),
            )
            .await?;
        manager
            .create_index(unique_where(
                TABLE,
                "org_id_email_key",
                ["org_id", "email_key"],
                Expr::col("deleted_at").is_null(),
            ))
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}
