//! The contents of the whole database, to see whether anything was written.

use std::collections::BTreeMap;

use contact_gateway::service::Database;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

/// The rows of each table as texts, in an order that depends on the rows alone. The list of migrations is left out, and
/// SQLite's full text index, which follows from the rows.
pub(crate) async fn contents(db: &Database) -> BTreeMap<String, Vec<String>> {
    let mut contents = BTreeMap::new();
    for table in texts(db, tables(db)).await {
        let rows = match backend(db) {
            DbBackend::Sqlite => rows_on_sqlite(db, &table).await,
            _ => texts(db, &format!("SELECT row::text FROM \"{table}\" AS row ORDER BY 1")).await,
        };
        contents.insert(table, rows);
    }
    contents
}

fn tables(db: &Database) -> &'static str {
    match backend(db) {
        DbBackend::Sqlite => {
            "SELECT name FROM sqlite_master \
             WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'search_%' \
             AND name <> 'seaql_migrations'"
        }
        _ => {
            "SELECT tablename::text FROM pg_tables \
             WHERE schemaname = 'public' AND tablename <> 'seaql_migrations'"
        }
    }
}

/// SQLite has no text of a row, only of each value.
async fn rows_on_sqlite(db: &Database, table: &str) -> Vec<String> {
    let values = format!("SELECT 'quote(\"' || name || '\")' FROM pragma_table_info('{table}')");
    let row = texts(db, &values).await.join(" || ', ' || ");
    texts(db, &format!("SELECT {row} FROM \"{table}\" ORDER BY 1")).await
}

async fn texts(db: &Database, sql: &str) -> Vec<String> {
    let rows = db.connection().query_all_raw(Statement::from_string(backend(db), sql)).await.expect(sql);
    rows.iter().map(|row| row.try_get_by_index(0).expect(sql)).collect()
}

fn backend(db: &Database) -> DbBackend {
    db.pool().get_database_backend()
}
