//! Assignments: the roles of internal contacts for partners, or for none yet (floating).
//!
//! A null partner counts in the uniqueness of (contact, partner, role), hence two partial indexes.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text, text_null},
};

use crate::table::{
    self, check, created_at, index, organization_key, tenant_key, unique, unique_where, updated_at, uuid,
    uuid_null, version, version_check,
};

const TABLE: &str = "internal_contact_assignment";

const ROLES: [&str; 6] = ["account_manager", "account_executive", "csm", "lead", "co_lead", "practice_lead"];

/// Creates `internal_contact_assignment`.
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
                    .col(uuid(backend, "internal_contact_id"))
                    .col(uuid_null(backend, "partner_id"))
                    .col(text("internal_role"))
                    .col(text_null("remote_id"))
                    .col(created_at())
                    .col(updated_at())
                    .col(version())
                    .index(&mut unique(TABLE, ["org_id", "id"]))
                    .foreign_key(&mut organization_key(TABLE))
                    .foreign_key(&mut tenant_key(TABLE, "internal_contact_id", "internal_contact"))
                    .foreign_key(&mut tenant_key(TABLE, "partner_id", "partner"))
                    .check(check(TABLE, "internal_role", Expr::col("internal_role").is_in(ROLES)))
                    .check(version_check(TABLE))
                    .take(),
            )
            .await?;
        manager
            .create_index(unique_where(
                TABLE,
                "contact_partner_role",
                ["internal_contact_id", "partner_id", "internal_role"],
                Expr::col("partner_id").is_not_null(),
            ))
            .await?;
        manager
            .create_index(unique_where(
                TABLE,
                "contact_role",
                ["internal_contact_id", "internal_role"],
                Expr::col("partner_id").is_null(),
            ))
            .await?;
        manager
            .create_index(unique_where(
                TABLE,
                "org_id_remote_id",
                ["org_id", "remote_id"],
                Expr::col("remote_id").is_not_null(),
            ))
            .await?;
        manager.create_index(index(TABLE, ["partner_id", "id"])).await?;
        manager.create_index(index(TABLE, ["internal_contact_id", "id"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}
