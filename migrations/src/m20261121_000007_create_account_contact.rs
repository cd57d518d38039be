//! Account contacts: the customers' people.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text, text_null},
};

use crate::table::{
    self, created_at, deleted_at, index, json, json_is, not_empty, organization_key, tenant_key, unique,
    unique_where, updated_at, uuid, version, version_check,
};

const TABLE: &str = "account_contact";

/// Creates `account_contact`.
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
                    .col(text("first_name"))
                    .col(text_null("last_name"))
                    .col(text("email"))
                    .col(text("email_key"))
                    .col(text_null("phone"))
                    .col(text_null("avatar_url"))
                    .col(uuid(backend, "contact_type_id"))
                    .col(json(backend, "metadata"))
                    .col(text_null("remote_id"))
                    .col(created_at())
                    .col(updated_at())
                    .col(version())
                    .col(deleted_at())
                    .index(&mut unique(TABLE, ["org_id", "id"]))
                    .foreign_key(&mut organization_key(TABLE))
                    .foreign_key(&mut tenant_key(TABLE, "contact_type_id", "contact_type"))
                    .check(not_empty(TABLE, "first_name"))
                    .check(not_empty(TABLE, "email"))
                    .check(json_is(backend, TABLE, "metadata", "object"))
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
            .await?;
        manager
            .create_index(unique_where(
                TABLE,
                "org_id_remote_id",
                ["org_id", "remote_id"],
                Expr::col("remote_id").is_not_null().and(Expr::col("deleted_at").is_null()),
            ))
            .await?;
        manager.create_index(index(TABLE, ["contact_type_id"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}
