//! A database for each test, cloned from one that this process migrated once and gave its two organizations.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use chrono::Utc;
use contact_gateway::{
    app,
    auth::{Caller, RequestContext, Scopes},
    service::{Database, organization},
};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, Statement};
use tokio::sync::OnceCell;
use url::Url;
use uuid::Uuid;

use super::empty::TestDatabase;
use super::{HOME, OTHER, development, empty};

/// The file that a [`TestDatabase`] opens in its folder.
const SQLITE_FILE: &str = "test.db";

/// What all databases that this makes on a server are called at first.
const PREFIX: &str = "contact_gateway_test_";

/// A kind of database.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl TestDatabase {
    /// A clone of the template.
    pub(crate) async fn of_template(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => sqlite_clone().await,
            Kind::Postgres => postgres_clone().await,
        }
    }

    /// Its address, as the configuration takes it.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => sqlite_url(&folder.path().join(SQLITE_FILE)),
            Self::Postgres { server, name } => postgres_url(server, name),
        }
    }
}

/// An empty database of each kind.
pub(crate) async fn empty_databases() -> Vec<TestDatabase> {
    postgres_server();
    empty::empty_databases().await.expect("databases")
}

async fn sqlite_clone() -> TestDatabase {
    static TEMPLATE: OnceCell<Vec<u8>> = OnceCell::const_new();
    let folder = tempfile::tempdir().expect("a folder");
    let template = TEMPLATE.get_or_init(sqlite_template).await;
    fs::write(folder.path().join(SQLITE_FILE), template).expect("a file");
    TestDatabase::Sqlite(folder)
}

async fn postgres_clone() -> TestDatabase {
    static TEMPLATE: OnceCell<PostgresTemplate> = OnceCell::const_new();
    TEMPLATE.get_or_init(PostgresTemplate::make).await.cloned().await
}

/// Migrates an empty database and makes the organizations.
async fn fill(url: String) -> Database {
    let db = app::connect(&development(url)).await.expect("a database");
    migrations::up(db.pool()).await.expect("migrations");
    let now = Utc::now();
    let caller = Caller {
        subject: "template".to_owned(),
        scopes: Scopes::all(),
        organizations: Vec::new(),
        organization: None,
        expires_at: now,
        claims_read: None,
    };
    let ctx = RequestContext::new("template", now, caller);
    for (number, name) in [(HOME, "Home"), (OTHER, "Other")] {
        let row = organization::create(&db, &ctx, name).await.expect("an organization");
        assert_eq!(row.id.0, number);
    }
    db
}

fn sqlite_url(file: &Path) -> String {
    format!("sqlite://{}?mode=rwc", file.display())
}

/// The bytes of the file.
async fn sqlite_template() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(SQLITE_FILE);
    let db = fill(sqlite_url(&file)).await;
    // Everything is in the file itself then, nothing in the log beside it.
    db.connection().execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await.expect("a checkpoint");
    db.pool().clone().close().await.expect("a closed database");
    fs::read(file).expect("the file")
}

pub(crate) fn postgres_server() -> String {
    let variable = std::env::var("CONTACT_GATEWAY_TEST_POSTGRES");
    variable.expect(
        "CONTACT_GATEWAY_TEST_POSTGRES is not set: run scripts/test, which starts a PostgreSQL server",
    )
}

fn postgres_url(server: &str, name: &str) -> String {
    let mut url: Url = server.parse().expect("CONTACT_GATEWAY_TEST_POSTGRES is not a URL");
    url.set_path(name);
    url.into()
}

/// One connection, beside those of the gateway.
pub(crate) async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    sea_orm::Database::connect(options).await.expect("a connection")
}

/// A database on the server that others are cloned from.
struct PostgresTemplate {
    server: String,
    /// What the names of this process's databases begin with.
    prefix: String,
    /// Holds the lock by which other processes know that these databases are in use. Not usable for anything else: the
    /// runtime it belongs to ends with the test that came first.
    _lock: DatabaseConnection,
}

impl PostgresTemplate {
    async fn make() -> Self {
        let server = postgres_server();
        let lock = connect(&server).await;
        remove_leftovers(&lock).await;
        let run = Uuid::now_v7().as_u128() as u32;
        execute(&lock, &format!("SELECT pg_advisory_lock({run})")).await;
        let prefix = format!("{PREFIX}{run}_");
        let name = format!("{prefix}template");
        execute(&lock, &format!("CREATE DATABASE {name}")).await;
        let db = fill(postgres_url(&server, &name)).await;
        // A database with a connection cannot be cloned.
        db.pool().clone().close().await.expect("a closed database");
        Self { server, prefix, _lock: lock }
    }

    async fn cloned(&self) -> TestDatabase {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let Self { server, prefix, .. } = self;
        let name = format!("{prefix}{}", COUNTER.fetch_add(1, Ordering::Relaxed));
        let connection = connect(server).await;
        execute(&connection, &format!("CREATE DATABASE {name} TEMPLATE {prefix}template")).await;
        connection.close().await.expect("a closed connection");
        TestDatabase::Postgres { server: server.clone(), name }
    }
}

/// Drops the databases of processes that are gone: each leaves its template, and all it had when it was killed.
async fn remove_leftovers(server: &DatabaseConnection) {
    let sql = format!("SELECT datname::text FROM pg_database WHERE datname LIKE '{PREFIX}%'");
    let rows = server.query_all_raw(Statement::from_string(server.get_database_backend(), sql)).await;
    for row in rows.expect("the databases") {
        let name: String = row.try_get_by_index(0).expect("a name");
        let run = name[PREFIX.len()..].split('_').next().unwrap_or_default();
        if holds(server, &format!("SELECT pg_try_advisory_lock({run})")).await {
            execute(server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
            execute(server, &format!("SELECT pg_advisory_unlock({run})")).await;
        }
    }
}

async fn holds(server: &DatabaseConnection, sql: &str) -> bool {
    let row = server.query_one_raw(Statement::from_string(server.get_database_backend(), sql)).await;
    row.expect(sql).expect("a row").try_get_by_index(0).expect("a truth value")
}

pub(crate) async fn execute(db: &impl ConnectionTrait, sql: &str) {
    db.execute_unprepared(sql).await.expect(sql);
}
