//! The database as services see it: one handle to read through and one way to begin a write.

use std::{sync::Arc, time::Duration};

use sea_orm::{
    ConnectOptions, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
    sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous},
};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::error::{AppError, AppResult, Code};

/// How long a writer of SQLite waits for another process to finish its transaction.
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection of the pool is believed to be alive without a question.
const IDLE: Duration = Duration::from_secs(1);

/// How to reach the database; see the configuration's `[database]` section.
#[derive(Clone)]
pub struct DatabaseOptions {
    /// `sqlite:path?mode=rwc` or `postgres://…`.
    pub url: String,
    /// Upper bound of the pool.
    pub max_connections: u32,
    /// How long a request waits for a free connection.
    pub acquire_timeout: Duration,
    /// How long PostgreSQL may take for one statement; SQLite has no such bound.
    pub statement_timeout: Duration,
}

/// A pool of connections to the one database. Clones share the pool.
#[derive(Clone, Debug)]
pub struct Database {
    connection: DatabaseConnection,
    /// SQLite has one writer at a time: waiting here is fair and costs nothing, waiting inside SQLite is neither.
    writer: Option<Arc<Mutex<()>>>,
}

impl Database {
    /// Opens the pool; fails when the database does not answer.
    pub async fn connect(options: &DatabaseOptions) -> Result<Self, DbErr> {
        let mut connect = ConnectOptions::new(&options.url);
        connect
            .max_connections(options.max_connections)
            .acquire_timeout(options.acquire_timeout)
            .connect_timeout(options.acquire_timeout)
            // One that was in use a moment ago is believed; others may have lost their server meanwhile.
            .test_before_acquire_if_idle_for(IDLE)
            .sqlx_logging(false)
            .map_sqlx_sqlite_opts(|sqlite| {
                sqlite
                    .foreign_keys(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    // FULL: an acknowledged write survives a power cut, not only a crash of the process.
                    .synchronous(SqliteSynchronous::Full)
                    .busy_timeout(SQLITE_BUSY_TIMEOUT)
                    // What is erased is overwritten, not only unlinked.
                    .pragma("secure_delete", "ON")
            });
        if options.url.starts_with("postgres") {
            connect.statement_timeout(options.statement_timeout);
        }
        Ok(Self::new(sea_orm::Database::connect(connect).await?))
    }

    /// Wraps a pool that is open already.
    pub fn new(connection: DatabaseConnection) -> Self {
        let sqlite = connection.get_database_backend() == DbBackend::Sqlite;
        Self { connection, writer: sqlite.then(Arc::default) }
    }

    /// The handle to read through, outside of a transaction.
    pub fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// Whether the database answers at all.
    pub async fn ping(&self) -> AppResult<()> {
        Ok(self.connection.ping().await?)
    }

    /// Begins a write. Dropped without [`Write::commit`], it leaves nothing behind.
    pub async fn begin(&self) -> AppResult<Write> {
        let writer = match &self.writer {
            Some(writer) => Some(writer.clone().lock_owned().await),
            None => None,
        };
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let connection = self.connection.clone();
        // In a task of its own: sqlx rolls back nothing before BEGIN was answered, so a request that is cut off while
        // it waits would leave a connection of the pool inside a transaction.
        let begin = tokio::spawn(async move { connection.begin_with_options(options).await });
        let transaction =
            begin.await.map_err(|_| AppError::Internal("beginning a write failed".into()))??;
        Ok(Write { transaction, _writer: writer })
    }
}

/// A transaction under way.
pub struct Write {
    transaction: DatabaseTransaction,
    // Declared last: the next writer may go only when the transaction has ended.
    _writer: Option<OwnedMutexGuard<()>>,
}

impl Write {
    /// The connection that statements of this transaction run on.
    pub fn connection(&self) -> &DatabaseTransaction {
        &self.transaction
    }

    /// Makes everything written since [`Database::begin`] lasting, all of it or nothing.
    pub async fn commit(self) -> AppResult<()> {
        self.transaction.commit().await.map_err(|error| match AppError::from(error) {
            // Whether a commit that was cut off took effect is unknown: say so instead of inviting a blind retry.
            lost if lost.code() == Code::Unavailable => AppError::request(
                Code::Unavailable,
                "The connection to the database was lost while committing; read before you write again.",
            ),
            other => other,
        })
    }
}
