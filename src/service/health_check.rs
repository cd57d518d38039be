//! Whether the database can be read and written, asked on connections that no request can occupy.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use tokio::{sync::Mutex, time::timeout};

use super::{
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
const WRITE_POSTGRES: &str = "SELECT id FROM organization ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED";
const WRITE_SQLITE: &str =
    "UPDATE organization SET name = name WHERE id = (SELECT min(id) FROM organization)";

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
        Ok(Self::on(Connection { pool, tenant: None, generation }))
    }

    /// On connections that are there already.
    pub(super) fn on(connection: Connection) -> Self {
        Self { connection, read: Mutex::default(), write: Mutex::default() }
    }

    /// Whether a row of a real table can be read.
    pub(super) async fn can_read(&self) -> bool {
        shared(&self.read, self.query(READ)).await
    }

    /// Whether a row can be written.
    pub(super) async fn can_write(&self) -> bool {
        shared(&self.write, async {
            if self.connection.get_database_backend() == DbBackend::Sqlite {
                let written = self.connection.execute_unprepared(WRITE_SQLITE).await;
                written.is_ok() || written.is_err_and(|error| is_busy(&error))
            } else {
                self.query(WRITE_POSTGRES).await
            }
        })
        .await
    }

    async fn query(&self, sql: &str) -> bool {
        let statement = Statement::from_string(self.connection.get_database_backend(), sql);
        self.connection.query_one_raw(statement).await.is_ok()
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
