//! The database schema of contact-gateway: one list of migrations for SQLite and PostgreSQL.
//!
//! README.md says how to add one and lists every constraint by name. Migrations are frozen in time: they name tables and
//! columns as texts and never import the entities. They are run by [`up`] and [`down`], or by [`Runner`], never by
//! [`Migrator`] itself, which takes no lock.

mod concurrent_index;
mod m20261128_000001_create_organization;
mod m20261128_000002_create_partner;
mod m20261128_000003_create_internal_contact;
mod m20261128_000004_create_internal_contact_assignment;
mod m20261128_000005_create_account;
mod m20261128_000006_create_contact_type;
mod m20261128_000007_create_account_contact;
mod m20261128_000008_create_account_contact_account;
mod m20261128_000009_create_custom_field;
mod m20261128_000010_create_custom_field_value;
mod m20261128_000011_create_organization_contact;
mod m20261128_000012_create_change;
mod m20261128_000013_create_change_counter;
mod m20261128_000014_create_idempotency_key;
mod m20261128_000015_create_contact_merge;
mod m20261128_000016_create_app_token;
mod m20261128_000017_create_search_index;
mod m20261128_000018_create_row_level_security;
mod m20261128_000019_create_background_task;
mod runner;
mod table;

use sea_orm_migration::{prelude::*, sea_orm::DatabaseConnection};

pub use concurrent_index::{create_index_concurrently, drop_index_concurrently};
pub use runner::Runner;

/// The list of migrations, oldest first.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261128_000001_create_organization::Migration),
            Box::new(m20261128_000002_create_partner::Migration),
            Box::new(m20261128_000003_create_internal_contact::Migration),
            Box::new(m20261128_000004_create_internal_contact_assignment::Migration),
            Box::new(m20261128_000005_create_account::Migration),
            Box::new(m20261128_000006_create_contact_type::Migration),
            Box::new(m20261128_000007_create_account_contact::Migration),
            Box::new(m20261128_000008_create_account_contact_account::Migration),
            Box::new(m20261128_000009_create_custom_field::Migration),
            Box::new(m20261128_000010_create_custom_field_value::Migration),
            Box::new(m20261128_000011_create_organization_contact::Migration),
            Box::new(m20261128_000012_create_change::Migration),
            Box::new(m20261128_000013_create_change_counter::Migration),
            Box::new(m20261128_000014_create_idempotency_key::Migration),
            Box::new(m20261128_000015_create_contact_merge::Migration),
            Box::new(m20261128_000016_create_app_token::Migration),
            Box::new(m20261128_000017_create_search_index::Migration),
            Box::new(m20261128_000018_create_row_level_security::Migration),
            Box::new(m20261128_000019_create_background_task::Migration),
        ]
    }
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
