//! The statement limit on SQLite, which has none of its own: unlike PostgreSQL, it goes on with a statement whose request
//! was given up, and a few such statements would hold all connections.
//!
//! A connection has a timer that interrupts what it computes. It begins anew when the connection is taken from the pool,
//! which outside of a transaction is once for each statement, and within one before each statement.

use std::{
    cell::RefCell,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sea_orm::sqlx::{
    Error,
    sqlite::{SqliteConnection, SqlitePoolOptions},
};

/// How many steps of a statement pass between two looks at the timer: some tenth of a millisecond.
const STEPS: i32 = 10_000;

tokio::task_local! {
    /// The timer of the connection that this task takes from the pool.
    static TAKEN: RefCell<Option<StatementTimer>>;
    /// There while this task's statements take what they take.
    static UNLIMITED: ();
}

/// When a connection stops computing.
#[derive(Clone, Debug)]
pub(super) struct StatementTimer(Arc<Mutex<Timing>>);

#[derive(Debug)]
struct Timing {
    /// How long a statement may take; `None` lets it take what it takes.
    limit: Option<Duration>,
    began: Instant,
}

impl StatementTimer {
    fn new(limit: Option<Duration>) -> Self {
        Self(Arc::new(Mutex::new(Timing { limit, began: Instant::now() })))
    }

    /// Gives the next statement its whole time.
    pub(super) fn restart(&self) {
        self.timing().began = Instant::now();
    }

    /// Interrupts no more statements of the connection until it is taken from the pool again.
    pub(super) fn lift(&self) {
        self.timing().limit = None;
    }

    fn is_over(&self) -> bool {
        let timing = self.timing();
        timing.limit.is_some_and(|limit| timing.began.elapsed() >= limit)
    }

    fn timing(&self) -> MutexGuard<'_, Timing> {
        // Nothing that could panic happens while it is locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives each new connection of a pool a timer.
pub(super) fn limited(pool: SqlitePoolOptions, limit: Duration) -> SqlitePoolOptions {
    // A connection that is new is not acquired again before it is used.
    pool.after_connect(move |connection, _| Box::pin(restart(connection, limit)))
}

/// Gives a connection that is taken from the pool a new timer.
pub(super) async fn restart(connection: &mut SqliteConnection, limit: Duration) -> Result<(), Error> {
    let is_limited = UNLIMITED.try_with(|()| ()).is_err();
    let timer = StatementTimer::new(is_limited.then_some(limit));
    let of_connection = timer.clone();
    connection.lock_handle().await?.set_progress_handler(STEPS, move || !of_connection.is_over());
    // Outside of `observed` nobody asks for it.
    let _ = TAKEN.try_with(|taken| taken.replace(Some(timer)));
    Ok(())
}

/// Awaits `acquire`, which takes a connection from the pool in this task, and gives its output with the connection's
/// timer; `None` when the database is not SQLite.
pub(super) async fn observed<T>(acquire: impl Future<Output = T>) -> (T, Option<StatementTimer>) {
    let acquire = async {
        let output = acquire.await;
        (output, TAKEN.with(RefCell::take))
    };
    TAKEN.scope(RefCell::default(), acquire).await
}

/// Awaits `work`, whose statements take what they take on SQLite.
pub(super) async fn unlimited<T>(work: impl Future<Output = T>) -> T {
    UNLIMITED.scope((), work).await
}
