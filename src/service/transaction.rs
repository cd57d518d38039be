//! A transaction, and statements that are not left in the middle.
//!
//! A statement that was sent keeps its connection busy until the database has answered, whether or not somebody waits for
//! it. So its future goes on when it is dropped, and what admitted it to the connection is given back at its end: who sends
//! slow requests and leaves again and again uses no more connections than who waits.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use tokio::{runtime::Handle, time::timeout};
use tracing::Instrument;

use super::{admission::Admitted, pool::Generation, sqlite_limit::StatementTimer};
use crate::telemetry::stage;

/// A transaction. Dropped without [`Transaction::commit`], it is rolled back once the statement under way has ended.
#[derive(Debug)]
pub(super) struct Transaction {
    open: Arc<Open>,
    /// Limits each of its statements, on SQLite.
    timer: Option<StatementTimer>,
    generation: Arc<Generation>,
}

#[derive(Debug)]
struct Open {
    // Declared first: the next one may begin only when this has ended.
    transaction: DatabaseTransaction,
    admitted: Admitted,
}

impl Transaction {
    /// One that has begun.
    pub(super) fn new(
        transaction: DatabaseTransaction,
        timer: Option<StatementTimer>,
        admitted: Admitted,
        generation: &Arc<Generation>,
    ) -> Self {
        Self { open: Arc::new(Open { transaction, admitted }), timer, generation: Arc::clone(generation) }
    }

    /// Lets each statement take what it takes, on SQLite.
    pub(super) fn lift_statement_limit(&self) {
        self.timer.iter().for_each(StatementTimer::lift);
    }

    /// Makes everything written lasting.
    pub(super) async fn commit(self) -> Result<(), DbErr> {
        let generation = Arc::clone(&self.generation);
        let Open { transaction, admitted } = self.into_open()?;
        let commit = async move {
            let result = transaction.commit().await;
            drop(admitted);
            result
        };
        to_its_end(&generation, commit.instrument(stage!("commit"))).await
    }

    /// Undoes everything written, before anything else is done.
    pub(super) async fn rollback(self) -> Result<(), DbErr> {
        let generation = Arc::clone(&self.generation);
        let Open { transaction, admitted } = self.into_open()?;
        let rollback = async move {
            let result = transaction.rollback().await;
            drop(admitted);
            result
        };
        to_its_end(&generation, rollback).await
    }

    fn into_open(self) -> Result<Open, DbErr> {
        Arc::into_inner(self.open)
            .ok_or_else(|| DbErr::Custom("a statement of the transaction is still under way".to_owned()))
    }

    fn run<'a, T, F>(&self, statement: impl FnOnce(Arc<Open>) -> F) -> Answer<'a, T>
    where
        F: Future<Output = Result<T, DbErr>> + Send + 'static,
        T: Send + 'static,
    {
        self.timer.iter().for_each(StatementTimer::restart);
        Box::pin(to_its_end(&self.generation, statement(Arc::clone(&self.open))))
    }
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, DbErr>> + Send + 'a>>;

impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.open.transaction.get_database_backend()
    }

    fn query_one_raw<'s, 'a>(&'s self, statement: Statement) -> Answer<'a, Option<QueryResult>>
    where
        's: 'a,
        Self: 'a,
    {
        self.run(|open| async move { open.transaction.query_one_raw(statement).await })
    }

    fn query_all_raw<'s, 'a>(&'s self, statement: Statement) -> Answer<'a, Vec<QueryResult>>
    where
        's: 'a,
        Self: 'a,
    {
        self.run(|open| async move { open.transaction.query_all_raw(statement).await })
    }

    fn execute_raw<'s, 'a>(&'s self, statement: Statement) -> Answer<'a, ExecResult>
    where
        's: 'a,
        Self: 'a,
    {
        self.run(|open| async move { open.transaction.execute_raw(statement).await })
    }

    fn execute_unprepared<'s, 't, 'a>(&'s self, sql: &'t str) -> Answer<'a, ExecResult>
    where
        's: 'a,
        't: 'a,
        Self: 'a,
    {
        let sql = sql.to_owned();
        self.run(|open| async move { open.transaction.execute_unprepared(&sql).await })
    }
}

/// Work of a connection that goes on when it is dropped, for as long as the server may take for an answer.
pub(super) fn to_its_end<T: Send + 'static>(
    generation: &Arc<Generation>,
    work: impl Future<Output = T> + Send + 'static,
) -> ToItsEnd<T> {
    ToItsEnd { work: Some(Box::pin(work)), has_begun: false, generation: Arc::clone(generation) }
}

/// See [`to_its_end`].
pub(super) struct ToItsEnd<T: Send + 'static> {
    /// Until it has ended.
    work: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    has_begun: bool,
    generation: Arc<Generation>,
}

impl<T: Send + 'static> Future for ToItsEnd<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        self.has_begun = true;
        let Some(work) = &mut self.work else { return Poll::Pending };
        let output = work.as_mut().poll(cx);
        if output.is_ready() {
            self.work = None;
        }
        output
    }
}

impl<T: Send + 'static> Drop for ToItsEnd<T> {
    fn drop(&mut self) {
        let Some(work) = self.work.take().filter(|_| self.has_begun) else { return };
        // Without a runtime the process ends.
        let Ok(runtime) = Handle::try_current() else { return };
        let generation = Arc::clone(&self.generation);
        runtime.spawn(async move {
            if timeout(generation.answer_limit, work).await.is_err() {
                // The server has fallen silent.
                generation.end();
            }
        });
    }
}
