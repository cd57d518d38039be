//! README.md lists exactly the constraints and indexes that the database has.
//!
//! Errors are mapped by these names, so the list must not drift. May import the migrations and `support`.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};

use crate::support::empty_databases;

const README: &str = include_str!("../../README.md");
const KINDS: [&str; 5] = ["_pkey", "_key", "_idx", "_check", "_fkey"];

/// The names that README.md gives in backticks.
pub(crate) fn documented() -> BTreeSet<String> {
    README
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| KINDS.iter().any(|kind| name.ends_with(kind)) && !name.contains('<'))
        .map(str::to_owned)
        .collect()
}

async fn texts(db: &DatabaseConnection, sql: &str) -> Result<Vec<String>, DbErr> {
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

async fn names_on_postgres(db: &DatabaseConnection) -> Result<BTreeSet<String>, DbErr> {
    let sql = "SELECT conname::text FROM pg_constraint \
               WHERE connamespace = 'public'::regnamespace AND conrelid <> 'seaql_migrations'::regclass \
               UNION SELECT indexname::text FROM pg_indexes \
               WHERE schemaname = 'public' AND tablename <> 'seaql_migrations'";
    Ok(texts(db, sql).await?.into_iter().collect())
}

/// SQLite keeps no list of constraints, only the statements that made the tables.
async fn names_on_sqlite(db: &DatabaseConnection) -> Result<BTreeSet<String>, DbErr> {
    let indexes =
        texts(db, "SELECT name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite_%'");
    let mut names: BTreeSet<String> = indexes.await?.into_iter().collect();
    for table in texts(db, "SELECT sql FROM sqlite_master WHERE type = 'table'").await? {
        let constraints = table.split("CONSTRAINT \"").skip(1);
        names.extend(constraints.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
    }
    Ok(names)
}

#[tokio::test]
async fn readme_lists_them_all() -> Result<(), DbErr> {
    for database in empty_databases().await? {
        let db = database.connect(1).await?;
        migrations::up(&db).await?;
        let mut documented = documented();
        let names = match db.get_database_backend() {
            DbBackend::Sqlite => {
                // Primary and foreign keys have no names there, and words are indexed by other means.
                let elsewhere = ["_pkey", "_fkey", "_words_idx"];
                documented.retain(|name| !elsewhere.iter().any(|kind| name.ends_with(kind)));
                names_on_sqlite(&db).await?
            }
            _ => names_on_postgres(&db).await?,
        };
        assert_eq!(names, documented);
    }
    Ok(())
}

#[test]
fn every_name_fits_into_postgres() {
    let too_long: Vec<String> = documented().into_iter().filter(|name| name.len() > 63).collect();
    assert_eq!(too_long, [""; 0]);
}
