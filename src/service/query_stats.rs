//! Statistics of a request's statements, counted without parameters in the functions that execute them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use sea_orm::{DbErr, Statement, metric::Info};

use crate::telemetry;

tokio::task_local! {
    static CURRENT: Arc<QueryStats>;
    /// Set while rows are streamed: the pool reports how long the stream was polled, which is not what the statement took.
    static STREAMING: ();
}

/// The counts of one request.
#[derive(Debug, Default)]
pub struct QueryStats {
    statements: AtomicU64,
    failed: AtomicU64,
    retries: AtomicU64,
    /// How long the statements took, in microseconds.
    database_time: AtomicU64,
}

impl QueryStats {
    /// Awaits `action`; what it makes of the database is counted here.
    pub async fn count<T>(self: &Arc<Self>, action: impl Future<Output = T>) -> T {
        CURRENT.scope(Arc::clone(self), action).await
    }

    /// The statements.
    pub fn statements(&self) -> u64 {
        self.statements.load(Relaxed)
    }

    /// Those of them that failed.
    pub fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    /// The reads and writes that were repeated.
    pub fn retries(&self) -> u64 {
        self.retries.load(Relaxed)
    }

    /// How long the statements took together, which includes waiting for rows that others hold.
    pub fn database_time(&self) -> Duration {
        Duration::from_micros(self.database_time.load(Relaxed))
    }

    /// A statement came to its end; to be called by the pool for each. It belongs to the request that is under way in
    /// this task, if there is one.
    pub fn statement(info: &Info<'_>) {
        if STREAMING.try_with(|()| ()).is_ok() {
            return;
        }
        let failed = u64::from(info.failed);
        let took = u64::try_from(info.elapsed.as_micros()).unwrap_or(u64::MAX);
        telemetry::record_statement(&info.statement.sql, info.elapsed, info.failed);
        // Outside of requests there are no statistics.
        let _ = CURRENT.try_with(|stats| {
            stats.statements.fetch_add(1, Relaxed);
            stats.failed.fetch_add(failed, Relaxed);
            stats.database_time.fetch_add(took, Relaxed);
        });
    }

    /// Awaits `rows`, the rows of a statement as a stream gives them, and counts the statement with the time it took.
    pub(super) async fn streamed<T>(
        statement: &Statement,
        rows: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        let begin = Instant::now();
        let rows = STREAMING.scope((), rows).await;
        Self::statement(&Info { elapsed: begin.elapsed(), statement, failed: rows.is_err() });
        rows
    }

    /// A read or a write is repeated.
    pub(super) fn retry() {
        let _ = CURRENT.try_with(|stats| stats.retries.fetch_add(1, Relaxed));
    }
}
