//! Whether the database can be read and written, asked on connections that no request can occupy.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, TransactionTrait};
use tokio::{sync::Mutex, time::timeout};

use super::{
    admission::Admission,
    connection::Connection,
    database::DatabaseOptions,
    pool::{self, Generation},
};
use crate::error::is_busy;

/// How long the database may take to answer.
const TIME_LIMIT: Duration = Duration::from_secs(2);
/// How long the check waits for a writer of SQLite; a writer that takes that long shows that writing is possible.
const BUSY: Duration = Duration::from_millis(500);
/// One for reads and one for writes, which may have to wait for another server.
const CONNECTIONS: u32 = 2;

const READ: &str = "SELECT id FROM organization ORDER BY id LIMIT 1";
/// A lock is written to the table and to the log of the server, and changes nothing. No writer of contacts waits for it.
const LOCK_POSTGRES: &str = "SELECT id FROM organization ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED";
/// The number is of no organization. The row is rolled back, so nobody sees it.
const INSERT_POSTGRES: &str = "INSERT INTO organization (id, name, created_at, updated_at, version)
    VALUES (-(random() * 9e15)::bigint - 1, '', now(), now(), 1)";
/// The list of migrations has rows in every database. Nobody else writes to it while the gateway runs.
const WRITE_SQLITE: &str = "UPDATE seaql_migrations SET applied_at = applied_at
    WHERE version = (SELECT min(version) FROM seaql_migrations)";

/// The checks. Callers that ask at the same time share one.
#[derive(Debug)]
pub(super) struct HealthCheck {
    connection: Connection,
    read: Mutex<Option<Outcome>>,
    write: Mutex<Option<Outcome>>,
}

/// When a check began, and whether the database passed it.
type Outcome = (Instant, bool);

impl HealthCheck {
    /// Opens nothing before the first check.
    pub(super) async fn new(options: &DatabaseOptions) -> Result<Self, DbErr> {
        let options = DatabaseOptions {
            max_connections: CONNECTIONS,
            acquire_timeout: TIME_LIMIT,
            statement_timeout: options.statement_timeout.min(TIME_LIMIT),
            sqlite_busy_timeout: BUSY,
            ..options.clone()
        };
        let generation = Generation::new(&options);
        let mut connect = pool::connect_options(&options, &generation);
        let pool = sea_orm::Database::connect(connect.connect_lazy(true).to_owned()).await?;
        Ok(Self::on(Connection { pool, tenant: None, generation, admission: Admission::new(&options) }))
    }

    /// On connections that are there already.
    pub(super) fn on(connection: Connection) -> Self {
        Self { connection, read: Mutex::default(), write: Mutex::default() }
    }

    /// Whether a row of a real table can be read.
    pub(super) async fn can_read(&self) -> bool {
        shared(&self.read, async { self.query(READ).await.is_ok() }).await
    }

    /// Whether a row can be written.
    pub(super) async fn can_write(&self) -> bool {
        shared(&self.write, async {
            if self.connection.get_database_backend() == DbBackend::Sqlite {
                let written = self.connection.execute_unprepared(WRITE_SQLITE).await;
                written.is_ok() || written.is_err_and(|error| is_busy(&error))
            } else {
                self.write_postgres().await.is_ok()
            }
        })
        .await
    }

    /// Locks a row or, where every organization is locked or there is none, inserts one and takes it back. Both end with a
    /// commit, which is on the disk, and on the standbys that it has to reach, when it is answered.
    async fn write_postgres(&self) -> Result<(), DbErr> {
        if self.query(LOCK_POSTGRES).await?.is_some() {
            return Ok(());
        }
        let transaction = self.connection.pool.begin().await?;
        let insert = transaction.begin().await?;
        insert.execute_unprepared(INSERT_POSTGRES).await?;
        insert.rollback().await?;
        transaction.commit().await
    }

    async fn query(&self, sql: &str) -> Result<Option<QueryResult>, DbErr> {
        let statement = Statement::from_string(self.connection.get_database_backend(), sql);
        self.connection.query_one_raw(statement).await
    }
}

/// Gives the outcome of a check that began after the caller asked, so that any number of callers costs one check at a time.
async fn shared(last: &Mutex<Option<Outcome>>, check: impl Future<Output = bool>) -> bool {
    let asked = Instant::now();
    let mut last = last.lock().await;
    match *last {
        Some((began, passed)) if began >= asked => passed,
        _ => {
            let began = Instant::now();
            let passed = timeout(TIME_LIMIT, check).await.unwrap_or(false);
            *last = Some((began, passed));
            passed
        }
    }
}
