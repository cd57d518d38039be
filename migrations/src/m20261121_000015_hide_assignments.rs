//! Assignments are hidden while their person or their partner is deleted, and give their remote id free meanwhile.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::prelude::*;

use crate::table::{deleted_at, unique_where, without_column};

const TABLE: &str = "internal_contact_assignment";
const REMOTE_ID: &str = "internal_contact_assignment_org_id_remote_id_key";

/// Adds `internal_contact_assignment.deleted_at`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table(TABLE).add_column(deleted_at()).take()).await?;
        let living = Expr::col("remote_id").is_not_null().and(Expr::col("deleted_at").is_null());
        unique_remote_id(manager, living).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        unique_remote_id(manager, Expr::col("remote_id").is_not_null()).await?;
        without_column(manager, TABLE, "deleted_at").await
    }
}

/// Makes the unique key of remote ids anew, over these rows.
async fn unique_remote_id(manager: &SchemaManager<'_>, rows: Expr) -> Result<(), DbErr> {
    manager.drop_index(Index::drop().name(REMOTE_ID).to_owned()).await?;
    manager.create_index(unique_where(TABLE, "org_id_remote_id", ["org_id", "remote_id"], rows)).await
}
