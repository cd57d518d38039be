//! Changes: who did what to which row. `seq` counts within its organization, in the order of commits and without a gap.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text, timestamp_with_time_zone},
    sea_orm::DbBackend,
};

use crate::table::{self, index, json, organization_key, tenant_primary_key};

const TABLE: &str = "change";

/// Creates `change`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let table = Table::create()
            .table(TABLE)
            .col(big_integer("org_id"))
            .col(big_integer("seq"))
            .col(timestamp_with_time_zone("at"))
            .col(text("actor"))
            .col(text("entity_kind"))
            .col(text("entity_id"))
            .col(text("action"))
            .col(json(backend, "fields"))
            .col(text("request_id"))
            .primary_key(&mut tenant_primary_key("seq"))
            .foreign_key(&mut organization_key(TABLE))
            .take();
        manager.create_table(table).await?;
        manager.create_index(index(TABLE, ["org_id", "entity_id", "seq"])).await?;
        for side in ["old", "new"] {
            manager.get_connection().execute_unprepared(&assignments_of_people(backend, side)).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}

/// An index of the records of assignments that name a person, by whom the assignment had or has since: erasing the person
/// finds them, also those of assignments that are no more. The builder knows no index of an expression.
fn assignments_of_people(backend: DbBackend, side: &str) -> String {
    let person = match backend {
        DbBackend::Sqlite => format!("fields ->> '$.internalContactId.{side}'"),
        _ => format!("fields #>> '{{internalContactId,{side}}}'"),
    };
    format!(
        "CREATE INDEX {TABLE}_{side}_internal_contact_idx ON {TABLE} (org_id, ({person}))
            WHERE entity_kind = 'InternalContactAssignment' AND ({person}) IS NOT NULL"
    )
}
