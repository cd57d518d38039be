//! Which account contact is at which account. A link goes with either side.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{prelude::*, schema::big_integer};

use crate::table::{self, created_at, index, organization_key, tenant_key, uuid};

const TABLE: &str = "account_contact_account";

/// Creates `account_contact_account`.
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
            .col(uuid(backend, "account_id"))
            .col(created_at())
            .primary_key(Index::create().col("org_id").col("account_contact_id").col("account_id"))
            .foreign_key(&mut organization_key(TABLE))
            .foreign_key(
                tenant_key(TABLE, "account_contact_id", "account_contact")
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .foreign_key(tenant_key(TABLE, "account_id", "account").on_delete(ForeignKeyAction::Cascade))
            .take();
        manager.create_table(table).await?;
        // Named by hand, because the rule's name is too long.
        let by_account = index(TABLE, ["org_id", "account_id", "account_contact_id"])
            .name("account_contact_account_org_id_account_id_contact_id_idx")
            .take();
        manager.create_index(by_account).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}
