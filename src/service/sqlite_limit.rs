//! An end for what SQLite computes: unlike PostgreSQL, it goes on with a statement whose request was given up, and a few
//! such statements would hold all connections.

use std::time::{Duration, Instant};

use sea_orm::sqlx::{
    Error,
    sqlite::{SqliteConnection, SqlitePoolOptions},
};

/// After how many steps of a statement is looked whether the time has passed: some tenth of a millisecond.
const STEPS: i32 = 10_000;

/// Interrupts what a connection computes when it was taken from the pool longer ago than this.
pub(super) fn limited(pool: SqlitePoolOptions, limit: Duration) -> SqlitePoolOptions {
    // A connection that is new is not acquired again before it is used.
    pool.after_connect(move |connection, _| Box::pin(restart(connection, limit)))
}

/// Lets the time begin anew.
pub(super) async fn restart(connection: &mut SqliteConnection, limit: Duration) -> Result<(), Error> {
    let began = Instant::now();
    let goes_on = move || began.elapsed() < limit;
    connection.lock_handle().await?.set_progress_handler(STEPS, goes_on);
    Ok(())
}
