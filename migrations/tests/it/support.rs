//! Empty databases for tests, one SQLite file or one database on the PostgreSQL server each, gone when dropped.
//!
//! The environment variable CONTACT_GATEWAY_TEST_POSTGRES names a server where databases can be made, such as
//! `postgres://postgres@127.0.0.1:5432/postgres`; without it [`empty_databases`] gives SQLite alone. Used by the
//! tests of the entities too, so it may import sea_orm, tempfile and tokio only.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr};
use tempfile::TempDir;

/// An empty database that lives as long as this value.
pub(crate) enum TestDatabase {
    /// A file in a directory of its own.
    Sqlite(TempDir),
    /// A database on a server.
    Postgres {
        /// The URL of the server.
        server: String,
        /// The name of the database.
        name: String,
    },
}

impl TestDatabase {
    /// A new pool of connections.
    pub(crate) async fn connect(&self, max_connections: u32) -> Result<DatabaseConnection, DbErr> {
        let mut options = match self {
            Self::Sqlite(directory) => ConnectOptions::new(format!(
                "sqlite://{}?mode=rwc",
                directory.path().join("test.db").display()
            )),
            Self::Postgres { server, name } => {
                let name = name.clone();
                let mut options = ConnectOptions::new(server);
                options.map_sqlx_postgres_opts(move |options| options.database(&name));
                options
            }
        };
        options.max_connections(max_connections).sqlx_logging(false);
        Database::connect(options).await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Self::Postgres { server, name } = self {
            let (server, sql) = (server.clone(), format!("DROP DATABASE {name} WITH (FORCE)"));
            // A runtime cannot be entered from inside another, and `drop` cannot wait for this one.
            let dropped = thread::spawn(move || -> Result<(), DbErr> {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime").block_on(on_server(&server, &sql))
            });
            assert!(
                matches!(dropped.join(), Ok(Ok(()))) || thread::panicking(),
                "cannot drop database {name}"
            );
        }
    }
}

/// One empty database for each kind of database that the tests run on.
pub(crate) async fn empty_databases() -> Result<Vec<TestDatabase>, DbErr> {
    let mut databases = vec![TestDatabase::Sqlite(tempfile::tempdir().expect("a directory"))];
    if let Ok(server) = std::env::var("CONTACT_GATEWAY_TEST_POSTGRES") {
        let name = unused_name();
        on_server(&server, &format!("CREATE DATABASE {name}")).await?;
        databases.push(TestDatabase::Postgres { server, name });
    }
    Ok(databases)
}

fn unused_name() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    format!("test_{}_{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}

async fn on_server(server: &str, sql: &str) -> Result<(), DbErr> {
    let mut options = ConnectOptions::new(server);
    options.max_connections(1).sqlx_logging(false);
    let db = Database::connect(options).await?;
    db.execute_unprepared(sql).await?;
    db.close().await
}
