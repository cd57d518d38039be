//! The database schema of contact-gateway: one list of migrations for SQLite and PostgreSQL.
//!
//! README.md says how to add one and lists every constraint by name. Migrations are frozen in time: they name tables and
//! columns as texts and never import the entities. They are run by [`up`] and [`down`], or by [`Runner`], never by
//! [`Migrator`] itself, which takes no lock.

mod concurrent_index;
mod m20261128_000017_create_search_index;
mod m20261128_000018_create_row_level_security;
mod m20261129_000020_add_account_primary_domain_key;
mod m20261129_000021_add_organization_search_version;
mod runner;
mod table;
mod tables;

use sea_orm_migration::{
    prelude::*,
    sea_orm::{DatabaseConnection, DbBackend},
};

pub use concurrent_index::{create_index_concurrently, drop_index_concurrently};
pub use runner::Runner;
use table::{CreateTable, NewTable};

/// The list of migrations, oldest first.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            create_table("m20261128_000001_create_organization", tables::organization),
            create_table("m20261128_000002_create_partner", tables::partner),
            create_table("m20261128_000003_create_internal_contact", tables::internal_contact),
            create_table(
                "m20261128_000004_create_internal_contact_assignment",
                tables::internal_contact_assignment,
            ),
            create_table("m20261128_000005_create_account", tables::account),
            create_table("m20261128_000006_create_contact_type", tables::contact_type),
            create_table("m20261128_000007_create_account_contact", tables::account_contact),
            create_table("m20261128_000008_create_account_contact_account", tables::account_contact_account),
            create_table("m20261128_000009_create_custom_field", tables::custom_field),
            create_table("m20261128_000010_create_custom_field_value", tables::custom_field_value),
            create_table("m20261128_000011_create_organization_contact", tables::organization_contact),
            create_table("m20261128_000012_create_change", tables::change),
            create_table("m20261128_000013_create_change_counter", tables::change_counter),
            create_table("m20261128_000014_create_idempotency_key", tables::idempotency_key),
            create_table("m20261128_000015_create_contact_merge", tables::contact_merge),
            create_table("m20261128_000016_create_app_token", tables::app_token),
            Box::new(m20261128_000017_create_search_index::Migration),
            Box::new(m20261128_000018_create_row_level_security::Migration),
            create_table("m20261128_000019_create_background_task", tables::background_task),
            Box::new(m20261129_000020_add_account_primary_domain_key::Migration),
            Box::new(m20261129_000021_add_organization_search_version::Migration),
        ]
    }
}

fn create_table(name: &'static str, table: fn(DbBackend) -> NewTable) -> Box<dyn MigrationTrait> {
    Box::new(CreateTable { name, table })
}

/// Applies the pending migrations; see [`Runner::up`].
pub async fn up(db: &DatabaseConnection) -> Result<(), DbErr> {
    Runner::new(db, &Migrator::migrations()).up().await
}

/// Takes back the newest migrations, `steps` of them or all; see [`Runner::down`].
pub async fn down(db: &DatabaseConnection, steps: Option<u32>) -> Result<(), DbErr> {
    Runner::new(db, &Migrator::migrations()).down(steps).await
}

/// The names of the migrations, oldest first, each with whether it is applied. Only reads.
pub async fn status(db: &DatabaseConnection) -> Result<Vec<(String, bool)>, DbErr> {
    Runner::new(db, &Migrator::migrations()).status().await
}
