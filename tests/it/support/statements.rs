//! Which SQL statements the gateway executes, and how the database plans them.
//!
//! SeaORM calls back for each statement of a pool and of its transactions, executed, fetched or streamed, failed ones
//! included; not for BEGIN, COMMIT, ROLLBACK, pings and what `execute_unprepared` runs.

use std::sync::{Arc, Mutex};

use contact_gateway::service::{Database, QueryStats};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

/// Keeps the statements while a test records them.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Option<Vec<Statement>>>>);

impl Recorder {
    /// The same pool, recorded.
    pub(crate) fn attached_to(&self, db: Database) -> Database {
        let recorder = self.clone();
        db.with_metric_callback(move |info| {
            QueryStats::statement(info);
            recorder.record(info.statement);
        })
    }

    fn record(&self, statement: &Statement) {
        // The worker looks for tasks from time to time, whatever a test is doing.
        if statement.sql.contains("background_task") {
            return;
        }
        if let Some(statements) = self.0.lock().expect("a lock").as_mut() {
            statements.push(statement.clone());
        }
    }

    /// Awaits `action` and gives its output with the statements that were executed meanwhile.
    pub(crate) async fn during<T>(&self, action: impl Future<Output = T>) -> (T, Vec<Statement>) {
        let before = self.0.lock().expect("a lock").replace(Vec::new());
        assert!(before.is_none(), "statements are being recorded already");
        let output = action.await;
        (output, self.0.lock().expect("a lock").take().expect("a recording"))
    }
}

/// What the database would do to execute a statement, in its own words.
pub(crate) async fn plan(db: &impl ConnectionTrait, mut statement: Statement) -> String {
    let (explain, column) = match statement.db_backend {
        DbBackend::Sqlite => ("EXPLAIN QUERY PLAN", 3),
        _ => ("EXPLAIN", 0),
    };
    statement.sql = format!("{explain} {}", statement.sql);
    let rows = db.query_all_raw(statement).await.expect("a plan");
    let lines = rows.iter().map(|row| row.try_get_by_index::<String>(column).expect("a line"));
    lines.collect::<Vec<_>>().join("\n")
}
