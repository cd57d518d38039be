//! The database schema of contact-gateway: one list of migrations for SQLite and PostgreSQL.
//!
//! README.md says how to add one and lists every constraint by name. Migrations are frozen in time: they name tables and
//! columns as texts and never import the entities. Whoever runs them calls [`up`], [`down`] and [`status`], which take the
//! lock, not [`Migrator`] itself.

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
mod table;

use std::collections::HashSet;

use sea_orm_migration::{
    prelude::*,
    sea_orm::{
        DatabaseConnection, DatabaseTransaction, DbBackend, EntityTrait, IsolationLevel,
        SqliteTransactionMode, TransactionOptions, TransactionTrait,
    },
    sea_query::extension::postgres::PgFunc,
    seaql_migrations,
};

/// The key of the advisory lock that migrating processes take on PostgreSQL: "contacts" in ASCII.
const LOCK_KEY: i64 = 0x636f_6e74_6163_7473;

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

/// Applies the migrations that are pending, all of them or, after an error, none.
///
/// Any number of processes may call this at once: one migrates, the others wait for it. Where nothing is pending it
/// only reads, so that an instance can start without the right to change the schema, and beside a newer release.
pub async fn up(db: &DatabaseConnection) -> Result<(), DbErr> {
    if status(db).await?.iter().all(|(_, applied)| *applied) {
        return Ok(());
    }
    let transaction = begin_locked(db).await?;
    Migrator::up(&transaction, None).await?;
    transaction.commit().await
}

/// Takes back the last `steps` migrations, or all; after an error, none.
pub async fn down(db: &DatabaseConnection, steps: Option<u32>) -> Result<(), DbErr> {
    applied(db).await?;
    let transaction = begin_locked(db).await?;
    Migrator::down(&transaction, steps).await?;
    transaction.commit().await
}

/// The names of the migrations, oldest first, each with whether it is applied. Only reads.
pub async fn status(db: &DatabaseConnection) -> Result<Vec<(String, bool)>, DbErr> {
    let applied = applied(db).await?;
    Ok(Migrator::migrations()
        .iter()
        .map(|migration| (migration.name().to_owned(), applied.contains(migration.name())))
        .collect())
}

/// What the names of the migrations begin with that made databases before the tables had their present form.
const RETIRED: &str = "m20261121_";

/// A database that earlier migrations made has other tables, of which nothing here would be true.
const RETIRED_DATABASE: &str = "this database was made before the first release and cannot be migrated: read its data out \
                                with the version that made it, and write it into an empty database";

async fn applied(db: &DatabaseConnection) -> Result<HashSet<String>, DbErr> {
    if !SchemaManager::new(db).has_table(Migrator::migration_table_name().to_string()).await? {
        return Ok(HashSet::new());
    }
    let rows = seaql_migrations::Entity::find().all(db).await?;
    let applied: HashSet<String> = rows.into_iter().map(|row| row.version).collect();
    if applied.iter().any(|name| name.starts_with(RETIRED)) {
        return Err(DbErr::Custom(RETIRED_DATABASE.to_owned()));
    }
    Ok(applied)
}

/// Begins a transaction that holds the migration lock until it ends.
///
/// Lock and migrations share one transaction, hence one connection: a pool of a single connection is enough, and
/// whatever ends the process also frees the lock and takes everything back.
async fn begin_locked(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    match db.get_database_backend() {
        DbBackend::Sqlite => begin_locked_sqlite(db).await,
        _ => begin_locked_postgres(db).await,
    }
}

/// SQLite has one writer at a time; the others wait for as long as the connection's busy timeout allows.
async fn begin_locked_sqlite(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    db.begin_with_options(TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..Default::default()
    })
    .await
}

/// READ COMMITTED, so that what another process committed while this one waited for the lock is seen.
async fn begin_locked_postgres(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let transaction = db
        .begin_with_options(TransactionOptions {
            isolation_level: Some(IsolationLevel::ReadCommitted),
            ..Default::default()
        })
        .await?;
    // The limit of ordinary statements must cut neither the wait nor a long migration.
    transaction.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
    transaction.execute(Query::select().expr(PgFunc::advisory_xact_lock(LOCK_KEY))).await?;
    Ok(transaction)
}
