//! Emptying SQLite's write-ahead log. A commit appends pages to the log, and older pages stay in the file even after they were
//! copied into the database, so erased data could be read out of it.
//!
//! The log can be emptied only when no connection, of this process or another, reads an older state of the database.

use std::time::{Duration, Instant};

use sea_orm::sqlx::{self, ConnectOptions, Connection};
use tokio::time::sleep;

use super::Database;

/// How long the caller waits. After that, the work goes on in the background.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long one attempt keeps the other writers of this process waiting.
const ATTEMPT: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_millis(10);
/// The pauses between attempts in the background: they double from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(30);

/// Empties the log, if the database has one. Never fails: what it is called after is done already.
pub(crate) async fn empty(db: &Database) {
    if !db.is_sqlite() {
        return;
    }
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if is_emptied(db).await {
            return;
        }
        sleep(PAUSE).await;
    }
    let Some(turn) = db.log_emptying() else { return };
    tracing::warn!(
        "SQLite's write-ahead log cannot be truncated while a connection reads an older state: erased data stays readable \
         in it until then; retrying in the background"
    );
    let db = db.clone();
    tokio::spawn(async move {
        let mut pause = FIRST_PAUSE;
        while !is_emptied(&db).await {
            sleep(pause).await;
            pause = LAST_PAUSE.min(2 * pause);
        }
        drop(turn);
        tracing::info!("SQLite's write-ahead log was truncated");
    });
}

async fn is_emptied(db: &Database) -> bool {
    match attempt(db).await {
        Ok(emptied) => emptied,
        Err(error) => {
            tracing::debug!(%error, "cannot truncate SQLite's write-ahead log");
            false
        }
    }
}

/// Tries for a short time on a connection of its own without a busy timeout: waiting inside SQLite would hold up the writers
/// for as long as a connection reads. Reads that begin after the first try do not need the log, so they do not matter.
async fn attempt(db: &Database) -> Result<bool, sqlx::Error> {
    let _turn = db.writer_turn().await;
    let options = db.pool().get_sqlite_connection_pool().connect_options();
    let options = options.as_ref().clone().create_if_missing(false).busy_timeout(Duration::ZERO);
    let mut connection = options.connect().await?;
    let began = Instant::now();
    let emptied = loop {
        let (busy, _, _): (i64, i64, i64) =
            sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut connection).await?;
        if busy == 0 || began.elapsed() > ATTEMPT {
            break busy == 0;
        }
        sleep(PAUSE).await;
    };
    connection.close().await?;
    Ok(emptied)
}
