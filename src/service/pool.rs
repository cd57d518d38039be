//! How a pool of connections is opened, and which of its connections are handed out.
//!
//! sqlx drops a connection whose socket is closed. It keeps one whose session can no longer do its work: one that was
//! opened while the server took no writes, or whose prepared statements are lost or out of date. It does not tell which
//! connection an error came from either. So an error of a session ends the [`Generation`]: every connection that was
//! opened before is closed instead of handed out. And it waits without end for a server that fell silent, when a request
//! was cut off and its connection comes back: here the server has to answer in time.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use sea_orm::{
    ConnAcquireErr, ConnectOptions, DbErr,
    sqlx::{
        Connection as _, Error,
        pool::PoolConnectionMetadata,
        postgres::PgConnection,
        sqlite::{SqliteJournalMode, SqliteSynchronous},
    },
};
use tokio::time::timeout;

use super::{
    custom_field::{DECIMAL_COLLATION, compare_decimals},
    database::DatabaseOptions,
    sqlite_limit,
};
use crate::error::{is_read_only, is_session_error};

/// How long a connection of the pool is believed to be alive without a question.
const IDLE: Duration = Duration::from_secs(1);
/// How long the server may take to answer that question.
const PING: Duration = Duration::from_secs(1);
/// When a connection is replaced though nothing is wrong, so that instances follow a server that moved.
const MAX_LIFETIME: Duration = Duration::from_mins(5);
/// How often errors of a server that takes no writes end a generation: new connections do not help until it takes them.
const READ_ONLY_PAUSE: Duration = Duration::from_millis(250);

/// The time limits that the server keeps for a session, in milliseconds. The first is the configuration's.
pub(super) fn session_limits(statement_timeout: Duration) -> [(&'static str, u128); 2] {
    let idle_in_transaction = Duration::from_secs(5);
    [
        ("statement_timeout", statement_timeout.as_millis()),
        // A process that freezes inside a transaction would otherwise hold its locks as long as it is frozen.
        ("idle_in_transaction_session_timeout", idle_in_transaction.as_millis()),
    ]
}

/// When the server gives up a client whose machine is gone. sqlx has no such settings for the client's side.
const KEEPALIVE: [(&str, u128); 4] = [
    ("tcp_keepalives_idle", 10),
    ("tcp_keepalives_interval", 5),
    ("tcp_keepalives_count", 3),
    ("tcp_user_timeout", 20_000),
];

/// The options of a pool whose connections belong to `generation`.
pub(super) fn connect_options(options: &DatabaseOptions, generation: &Arc<Generation>) -> ConnectOptions {
    let mut connect = ConnectOptions::new(&options.url);
    connect
        .max_connections(options.max_connections)
        .acquire_timeout(options.acquire_timeout)
        .connect_timeout(options.acquire_timeout)
        // The hooks test it.
        .test_before_acquire(false)
        .sqlx_logging(false);
    if options.url.starts_with("sqlite") {
        sqlite(&mut connect, options);
    } else {
        postgres(&mut connect, options, generation);
    }
    connect
}

fn sqlite(connect: &mut ConnectOptions, options: &DatabaseOptions) {
    let (limit, busy_timeout) = (options.statement_timeout, options.sqlite_busy_timeout);
    connect
        .map_sqlx_sqlite_opts(move |sqlite| {
            sqlite
                // It is made before: a connection that is opened later must not make a new one where it was deleted.
                .create_if_missing(false)
                .foreign_keys(true)
                .journal_mode(SqliteJournalMode::Wal)
                // FULL: an acknowledged write survives a power cut, not only a crash of the process.
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(busy_timeout)
                // What is erased is overwritten, not only unlinked.
                .pragma("secure_delete", "ON")
                .collation(DECIMAL_COLLATION, compare_decimals)
        })
        .map_sqlx_sqlite_pool_opts(move |pool| sqlite_limit::limited(pool, limit))
        .map_sqlx_sqlite_before_acquire(move |connection, _| {
            Box::pin(async move { sqlite_limit::restart(connection, limit).await.map(|()| true) })
        });
}

fn postgres(connect: &mut ConnectOptions, options: &DatabaseOptions, generation: &Arc<Generation>) {
    let settings = session_limits(options.statement_timeout).into_iter().chain(KEEPALIVE);
    let settings: Vec<_> = settings.map(|(name, value)| (name, value.to_string())).collect();
    let (acquired, released) = (Arc::clone(generation), Arc::clone(generation));
    connect
        .max_lifetime(MAX_LIFETIME)
        .map_sqlx_postgres_opts(move |postgres| postgres.options(settings.clone()))
        .map_sqlx_postgres_before_acquire(move |connection, metadata| {
            let generation = Arc::clone(&acquired);
            Box::pin(async move { generation.test(connection, metadata).await })
        })
        .map_sqlx_postgres_pool_opts(move |pool| {
            let generation = Arc::clone(&released);
            pool.after_release(move |connection, metadata| {
                let generation = Arc::clone(&generation);
                Box::pin(async move { Ok(generation.takes_back(connection, metadata).await) })
            })
        });
}

/// The connections of a pool that were opened since the last error of a session.
#[derive(Debug)]
pub(super) struct Generation {
    epoch: Instant,
    /// When it began, in microseconds since the epoch.
    began: AtomicU64,
    /// When work was last cut off, likewise.
    cut_off: AtomicU64,
    /// How long the server may take for a statement and its answer.
    pub(super) answer_limit: Duration,
    /// How long a transaction may take to begin, on a server.
    begin_limit: Option<Duration>,
}

impl Generation {
    /// Of connections that are opened with these options.
    pub(super) fn new(options: &DatabaseOptions) -> Arc<Self> {
        let answer_limit = options.statement_timeout + PING;
        let begin_limit = options.acquire_timeout + answer_limit;
        Arc::new(Self {
            epoch: Instant::now(),
            began: AtomicU64::new(0),
            cut_off: AtomicU64::new(0),
            answer_limit,
            begin_limit: options.url.starts_with("postgres").then_some(begin_limit),
        })
    }

    /// Gives the begin of a transaction its time limit: sqlx waits for the answer to BEGIN without one.
    pub(super) async fn in_time<T>(&self, begin: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        let Some(limit) = self.begin_limit else { return begin.await };
        let mut begin = pin!(begin);
        let result = timeout(limit, &mut begin).await;
        result.unwrap_or_else(|_| {
            // Before its connection goes back: it may be inside a transaction.
            self.end();
            Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))
        })
    }

    /// A guard to hold while a connection works.
    pub(super) fn working(self: &Arc<Self>) -> Working {
        Working(Some(Arc::clone(self)))
    }

    /// Ends it when the error belongs to the session and not to the statement. Says whether it does: the same may then
    /// succeed on a new connection.
    pub(super) fn ends_on(&self, error: &DbErr) -> bool {
        if !is_session_error(error) {
            return false;
        }
        if !is_read_only(error) || self.began().elapsed() > READ_ONLY_PAUSE {
            self.end();
        }
        true
    }

    pub(super) fn end(&self) {
        self.began.fetch_max(self.now(), SeqCst);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn began(&self) -> Instant {
        self.epoch + Duration::from_micros(self.began.load(SeqCst))
    }

    /// Whether work was cut off lately, so that connections may come back in the middle of a statement.
    fn is_suspect(&self) -> bool {
        let cut_off = self.cut_off.load(SeqCst);
        cut_off > 0 && (self.epoch + Duration::from_micros(cut_off)).elapsed() < self.answer_limit
    }

    /// Whether a connection of this age belongs to it.
    fn is_current(&self, age: Duration) -> bool {
        age < self.began().elapsed()
    }

    /// Whether a connection may be handed out.
    async fn test(
        &self,
        connection: &mut PgConnection,
        metadata: PoolConnectionMetadata,
    ) -> Result<bool, Error> {
        if !self.is_current(metadata.age) {
            return Ok(false);
        }
        if metadata.idle_for < IDLE || matches!(timeout(PING, connection.ping()).await, Ok(Ok(()))) {
            return Ok(true);
        }
        // What ended this one may have ended the others, and each would be waited for.
        self.end();
        Ok(false)
    }

    /// Whether a connection that was used may be used again.
    async fn takes_back(&self, connection: &mut PgConnection, metadata: PoolConnectionMetadata) -> bool {
        if !self.is_current(metadata.age) {
            return false;
        }
        if !self.is_suspect() || timeout(self.answer_limit, connection.ping()).await.is_ok() {
            return true;
        }
        self.end();
        false
    }
}

/// Work of a connection; dropped before it is [finished](Self::finish), it was cut off.
#[derive(Debug)]
pub(super) struct Working(Option<Arc<Generation>>);

impl Working {
    pub(super) fn finish(mut self) {
        self.0 = None;
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        if let Some(generation) = &self.0 {
            generation.cut_off.fetch_max(generation.now(), SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation() -> Arc<Generation> {
        let minute = Duration::from_mins(1);
        Generation::new(&DatabaseOptions {
            url: "postgres://127.0.0.1/none".to_owned(),
            max_connections: 1,
            acquire_timeout: minute,
            statement_timeout: minute,
            row_level_security: false,
            sqlite_busy_timeout: minute,
        })
    }

    #[test]
    fn connections_of_before_the_end_are_not_current() {
        let generation = generation();
        std::thread::sleep(Duration::from_millis(10));
        assert!(generation.is_current(Duration::ZERO) && generation.is_current(Duration::from_millis(5)));
        generation.end();
        assert!(!generation.is_current(Duration::from_millis(5)));
        std::thread::sleep(Duration::from_millis(10));
        assert!(generation.is_current(Duration::from_millis(5)));
        assert!(!generation.is_current(Duration::from_mins(1)));
    }

    #[test]
    fn work_that_is_cut_off_makes_connections_suspect() {
        let generation = generation();
        generation.working().finish();
        assert!(!generation.is_suspect());
        drop(generation.working());
        assert!(generation.is_suspect());
    }
}
