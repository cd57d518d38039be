//! The database as services see it: one handle to read through and one way to begin a write.

use std::{sync::Arc, time::Duration};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, SqliteTransactionMode, Statement,
    TransactionOptions,
    metric::Info,
    sea_query::{Query, extension::postgres::PgFunc},
};
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};

use super::{
    QueryStats, Write,
    admission::Admission,
    connection::{Connection, TENANT, TenantSession},
    external_ids::ExternalIds,
    health_check::HealthCheck,
    pool::{self, Generation},
    sqlite_file::SqliteFile,
    sqlite_limit,
};
use crate::{auth::Caller, error::AppResult, fair_share::Permit};

/// How to reach the database; see the configuration's `[database]` section.
#[derive(Clone)]
pub struct DatabaseOptions {
    /// `sqlite:path?mode=rwc` or `postgres://…`.
    pub url: String,
    /// Upper bound of the pool.
    pub max_connections: u32,
    /// How long a request waits for a free connection.
    pub acquire_timeout: Duration,
    /// How long a statement of a request may take.
    pub statement_timeout: Duration,
    /// Whether requests run under PostgreSQL's row level security.
    pub row_level_security: bool,
    /// How long a writer of SQLite waits for another process to finish its transaction.
    pub sqlite_busy_timeout: Duration,
}

/// The connections of a pool.
#[derive(Clone, Copy, Debug)]
pub struct PoolSize {
    /// Those that are open.
    pub open: usize,
    /// Those of them that nobody uses.
    pub idle: usize,
    /// How many may be open.
    pub most: usize,
}

/// A pool of connections to the one database. Clones share the pool.
#[derive(Clone, Debug)]
pub struct Database {
    connection: Connection,
    /// Whether requests run under row level security.
    rls_enabled: bool,
    /// How long PostgreSQL was asked to let a statement run.
    pub(super) statement_timeout: Duration,
    /// Notified after every commit of this process.
    written: Arc<Notify>,
    /// Notified when this process may have made background tasks.
    task_made: Arc<Notify>,
    /// Locked while a task empties SQLite's write-ahead log in the background.
    log_emptying: Arc<Mutex<()>>,
    /// The file, where the database is one.
    file: Option<Arc<SqliteFile>>,
    /// The organizations of external ids that were looked up lately.
    pub(super) external_ids: Arc<ExternalIds>,
    health: Arc<HealthCheck>,
}

impl Database {
    /// Opens the pool; fails when the database does not answer.
    pub async fn connect(options: &DatabaseOptions) -> Result<Self, DbErr> {
        let file = SqliteFile::open(&options.url)?;
        let generation = Generation::new(options);
        let mut pool = sea_orm::Database::connect(pool::connect_options(options, &generation)).await?;
        pool.set_metric_callback(QueryStats::statement);
        let is_sqlite = pool.get_database_backend() == DbBackend::Sqlite;
        let connection = Connection { pool, tenant: None, generation, admission: Admission::new(options) };
        let health = match &file {
            // In memory only this pool has it.
            None if is_sqlite => HealthCheck::on(connection.clone()),
            _ => HealthCheck::new(options).await?,
        };
        Ok(Self {
            connection,
            rls_enabled: options.row_level_security,
            statement_timeout: options.statement_timeout,
            written: Arc::default(),
            task_made: Arc::default(),
            log_emptying: Arc::default(),
            file: file.map(Arc::new),
            external_ids: Arc::default(),
            health: Arc::new(health),
        })
    }

    /// The same pool, with a function that is called with each of its statements.
    pub fn with_metric_callback(mut self, callback: impl Fn(&Info<'_>) + Send + Sync + 'static) -> Self {
        self.connection.pool.set_metric_callback(callback);
        self
    }

    /// The same database for one request of a caller, which queues for connections with the others: only the request's
    /// organization is seen where row level security is on.
    pub fn within(&self, caller: &Caller) -> Self {
        let tenant = self.rls_enabled.then(|| TenantSession::of(caller));
        let admission = self.connection.admission.of_request(caller);
        Self { connection: Connection { tenant, admission, ..self.connection.clone() }, ..self.clone() }
    }

    /// Adds points of cost to what the request is expected to take. A subject executes few statements of heavy requests at once.
    pub fn expect_work(&self, points: u64) {
        self.connection.admission.expect(points);
    }

    /// Whether the request is expected to read whole tables.
    pub fn is_heavy(&self) -> bool {
        self.connection.admission.is_heavy()
    }

    /// The same database without row level security: for what is done to all organizations, or makes one.
    pub(super) fn bypass_rls(&self) -> Self {
        Self { connection: Connection { tenant: None, ..self.connection.clone() }, ..self.clone() }
    }

    /// The pool itself, without row level security: for migrations, upkeep and tests.
    pub fn pool(&self) -> &DatabaseConnection {
        &self.connection.pool
    }

    /// Awaits work on the pool itself whose statements take what they take on SQLite, such as migrations; on PostgreSQL
    /// they lift the server's limit themselves.
    pub async fn unlimited<T>(&self, work: impl Future<Output = T>) -> T {
        sqlite_limit::unlimited(work).await
    }

    /// The handle to read through, outside of a transaction.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Waits until this process has committed something since the last call.
    pub(super) async fn written(&self) {
        self.written.notified().await;
    }

    /// Waits until this process has made background tasks since the last call.
    pub(super) async fn task_made(&self) {
        self.task_made.notified().await;
    }

    /// Wakes this process's background worker, after the commit of a write that may have made tasks.
    pub(super) fn wake_worker(&self) {
        self.task_made.notify_one();
    }

    /// Whether it is a file that this process reads and writes itself.
    pub fn is_sqlite(&self) -> bool {
        self.pool().get_database_backend() == DbBackend::Sqlite
    }

    /// How many connections the pool has.
    pub fn pool_size(&self) -> PoolSize {
        let size = |open: u32, idle, most| PoolSize { open: open as usize, idle, most: most as usize };
        if self.is_sqlite() {
            let pool = self.pool().get_sqlite_connection_pool();
            size(pool.size(), pool.num_idle(), pool.options().get_max_connections())
        } else {
            let pool = self.pool().get_postgres_connection_pool();
            size(pool.size(), pool.num_idle(), pool.options().get_max_connections())
        }
    }

    /// Whether the database can be read, as a connection of its own sees it.
    pub async fn is_readable(&self) -> bool {
        self.check_file().is_ok() && self.health.can_read().await
    }

    /// Whether the database takes writes, as a connection of its own sees it.
    pub async fn is_writable(&self) -> bool {
        let has_space = self.file.as_ref().is_none_or(|file| file.has_space());
        self.check_file().is_ok() && has_space && self.health.can_write().await
    }

    /// Fails when the database is a file that was deleted or replaced: what would be written to it would be lost.
    fn check_file(&self) -> AppResult<()> {
        self.file.as_ref().map_or(Ok(()), |file| file.check())
    }

    /// Checks row level security where the configuration turns it on: every table of an organization's rows has its
    /// policy, and the tenant's role, which the gateway may take on, does not bypass it.
    pub async fn verify_rls(&self) -> Result<(), RlsError> {
        if !self.rls_enabled {
            return Ok(());
        }
        let closed = Connection { tenant: Some(TenantSession::closed()), ..self.connection.clone() };
        let transaction = closed.begin(TransactionOptions::default()).await.map_err(RlsError::Role)?;
        let statement = Statement::from_string(DbBackend::Postgres, OPEN_TABLES);
        let open = transaction.query_all_raw(statement).await.map_err(RlsError::Role)?;
        let open: Result<Vec<String>, DbErr> = open.iter().map(|row| row.try_get_by_index(0)).collect();
        let open = open.map_err(RlsError::Role)?;
        if !open.is_empty() {
            return Err(RlsError::Open(open.join(", ")));
        }
        drop(transaction);
        let statement = Statement::from_string(DbBackend::Postgres, INHERITED);
        let inside = self.pool().query_one_raw(statement).await.map_err(RlsError::Role)?;
        let inside = inside.map(|row| row.try_get_by_index(0)).transpose().map_err(RlsError::Role)?;
        if inside == Some(true) { Err(RlsError::Inherited) } else { Ok(()) }
    }

    /// Waits until no other writer of this process uses SQLite, and keeps them waiting meanwhile.
    pub(super) async fn writer_turn(&self) -> Option<Permit> {
        self.connection.admission.writer().await
    }

    /// The right to empty SQLite's write-ahead log in the background; `None` while another task has it.
    pub(super) fn log_emptying(&self) -> Option<OwnedMutexGuard<()>> {
        Arc::clone(&self.log_emptying).try_lock_owned().ok()
    }

    /// Begins a unit of work with locks. Dropped without [`Write::commit`], it leaves nothing behind.
    pub async fn begin(&self) -> AppResult<Write> {
        self.check_file()?;
        let write = self.write(false);
        write.transaction().await?;
        Ok(write)
    }

    /// An optimistic unit of work, where the database allows it: on PostgreSQL without row level security, which needs a
    /// transaction for each statement anyway.
    pub(super) fn begin_optimistic(&self) -> Option<Write> {
        (!self.is_sqlite() && self.connection.tenant.is_none()).then(|| self.write(true))
    }

    fn write(&self, optimistic: bool) -> Write {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let of_commit = (Arc::clone(&self.written), self.file.clone());
        Write::new(self.connection.clone(), options, optimistic, of_commit)
    }

    /// Begins a unit of work for upkeep, which no request waits for: on PostgreSQL its statements have no time limit.
    pub(super) async fn begin_upkeep(&self) -> AppResult<Write> {
        let write = self.begin().await?;
        write.lift_statement_limit().await?;
        if !self.is_sqlite() {
            let limit = "SET LOCAL idle_in_transaction_session_timeout = '1min'";
            write.execute_unprepared(limit).await?;
        }
        Ok(write)
    }

    /// Begins upkeep that one instance does at a time: `None` while another one has the lock of this key.
    pub(super) async fn try_begin_upkeep(&self, lock_key: i64) -> AppResult<Option<Write>> {
        let write = self.begin_upkeep().await?;
        if self.is_sqlite() {
            return Ok(Some(write));
        }
        let try_lock = Query::select().expr(PgFunc::try_advisory_xact_lock(lock_key)).take();
        let row = write.query_one(&try_lock).await?;
        let is_locked = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(false);
        Ok(is_locked.then_some(write))
    }

    /// Begins a batch of a background task. On PostgreSQL it waits for a lock at most half a second, because it holds rows
    /// that requests wait for.
    pub(super) async fn begin_background(&self) -> AppResult<Write> {
        let write = self.begin().await?;
        if !self.is_sqlite() {
            write.execute_unprepared("SET LOCAL lock_timeout = '500ms'").await?;
        }
        Ok(write)
    }
}

/// Commits a batch of a background task. Like every write it then waits for the counter of its organization's changes: giving up
/// here would lose the work of the batch.
pub(super) async fn commit_background(write: Write) -> AppResult<()> {
    if write.get_database_backend() == DbBackend::Postgres {
        write.execute_unprepared("SET LOCAL lock_timeout TO DEFAULT").await?;
    }
    write.commit().await
}

/// The tables with rows of organizations whose policies the current role bypasses.
const OPEN_TABLES: &str = "
    SELECT class.relname::text FROM pg_class AS class
    WHERE class.relnamespace = current_schema()::regnamespace AND class.relkind = 'r'
        AND (class.relname = 'organization' OR EXISTS (
            SELECT FROM pg_attribute WHERE attrelid = class.oid AND attname = 'org_id' AND NOT attisdropped
        ))
        AND NOT (row_security_active(class.oid) AND EXISTS (
            SELECT FROM pg_policy WHERE polrelid = class.oid AND polname = 'tenant' AND NOT polpermissive
        ))
    ORDER BY 1";

/// Whether policies apply to the role that the gateway logs in with. They do not to owners of tables and superusers.
const INHERITED: &str = "SELECT pg_has_role(current_user, 'contact_gateway_tenant', 'USAGE') AND row_security_active('organization')";

/// Why row level security cannot be relied on.
#[derive(Debug, thiserror::Error)]
pub enum RlsError {
    /// The tenant's role is not there, or not for us.
    #[error("cannot use the role {TENANT}: {0}")]
    Role(#[source] DbErr),
    /// Some tables have no policy, or it does not hold for the role.
    #[error("tables without row level security: {0}")]
    Open(String),
    /// Policies would apply where organizations are made and rows are kept up, too.
    #[error("the gateway's login role inherits the privileges of {TENANT}; run `ALTER ROLE … NOINHERIT`")]
    Inherited,
}

#[cfg(test)]
impl Database {
    /// An SQLite database with all tables, in a file of this folder.
    pub(crate) async fn migrated(folder: &std::path::Path) -> Self {
        let patience = Duration::from_secs(30);
        let options = DatabaseOptions {
            url: format!("sqlite://{}?mode=rwc", folder.join("test.db").display()),
            max_connections: 4,
            acquire_timeout: patience,
            statement_timeout: patience,
            row_level_security: false,
            sqlite_busy_timeout: patience,
        };
        let db = Self::connect(&options).await.expect("a database");
        migrations::up(db.pool()).await.expect("migrations");
        db
    }
}
