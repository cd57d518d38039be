//! Assignments: the roles of internal contacts for partners, or for none yet (floating).
//!
//! A null partner counts in the uniqueness of (contact, partner, role), hence two partial indexes. `deleted_at` is set while
//! the person or the partner is deleted.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text, text_null},
};

use crate::table::{
    self, check, created_at, deleted_at, index, organization_key, remote_id_of_active_rows, tenant_key,
    tenant_primary_key, unique_where, updated_at, uuid, uuid_null, version, version_check,
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
        let table = Table::create()
            .table(TABLE)
            .col(big_integer("org_id"))
            .col(uuid(backend, "id"))
            .col(uuid(backend, "internal_contact_id"))
            .col(uuid_null(backend, "partner_id"))
            .col(text("internal_role"))
            .col(text_null("remote_id"))
            .col(created_at())
            .col(updated_at())
            .col(version())
            .col(deleted_at())
            .primary_key(&mut tenant_primary_key("id"))
            .foreign_key(&mut organization_key(TABLE))
            .foreign_key(&mut tenant_key(TABLE, "internal_contact_id", "internal_contact"))
            .foreign_key(&mut tenant_key(TABLE, "partner_id", "partner"))
            .check(check(TABLE, "internal_role", Expr::col("internal_role").is_in(ROLES)))
            .check(version_check(TABLE))
            .take();
        manager.create_table(table).await?;
        manager
            .create_index(unique_where(
                TABLE,
                "contact_partner_role",
                ["org_id", "internal_contact_id", "partner_id", "internal_role"],
                Expr::col("partner_id").is_not_null(),
            ))
            .await?;
        manager
            .create_index(unique_where(
                TABLE,
                "contact_role",
                ["org_id", "internal_contact_id", "internal_role"],
                Expr::col("partner_id").is_null(),
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
        manager.create_index(index(TABLE, ["org_id", "partner_id", "id"])).await?;
        manager.create_index(index(TABLE, ["org_id", "internal_contact_id", "id"])).await?;
        manager.create_index(index(TABLE, ["org_id", "created_at", "id"])).await?;
        manager.create_index(index(TABLE, ["org_id", "updated_at", "id"])).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}
