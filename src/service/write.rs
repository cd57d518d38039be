//! A unit of work: the statements of one write and the changes that it records.
//!
//! The numbers of changes come from a counter of the organization, whose row stays locked until the commit. So changes are
//! collected here, and the last statement before the commit takes their numbers and inserts them all.
//!
//! On PostgreSQL a unit can be optimistic: it reads outside of a transaction and locks nothing. What it has found is
//! verified by guards, in the one statement that writes everything. Where a guard fails, or a unique key is violated, nothing
//! was written, and [`WriteContext::optimistically`](super::WriteContext::optimistically) does the unit again in a transaction with locks, which collects all errors.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, DbBackend, DbErr, EntityTrait, ExecResult, IntoActiveModel, QueryFilter, QueryResult,
    QuerySelect, QueryTrait, Select, Statement, TransactionOptions,
    sea_query::{Expr, LockType, UpdateStatement},
};
use tokio::sync::{Notify, OnceCell};

use super::{
    connection::Connection, input::Checks, pool::Working, reading, sqlite_file::SqliteFile,
    transaction::Transaction,
};
use crate::{
    entity::{
        ScopedById,
        change::{self, Guard, PendingWrite},
        change_counter::{self, Column},
        id::OrganizationId,
        insert_rows, rows_to_insert,
    },
    error::{AppError, AppResult, Code, is_unknown_outcome},
};

/// A unit of work under way. Dropped without [`Write::commit`], it leaves nothing behind.
pub struct Write {
    // Declared first: what is dropped before the commit may leave a statement that is not answered yet.
    working: Working,
    connection: Connection,
    /// An optimistic unit begins one only when it needs to.
    transaction: OnceCell<Transaction>,
    options: TransactionOptions,
    optimistic: bool,
    pending: Mutex<Pending>,
    written: Arc<Notify>,
    /// The file that is written to, where the database is one.
    file: Option<Arc<SqliteFile>>,
}

/// The guards, writes and changes that were not executed yet.
#[derive(Default)]
struct Pending {
    guards: Vec<Guard>,
    writes: Vec<PendingWrite>,
    changes: Vec<(OrganizationId, change::ActiveModel)>,
}

impl Write {
    /// A unit that begins its transaction when it needs one.
    pub(super) fn new(
        connection: Connection,
        options: TransactionOptions,
        optimistic: bool,
        (written, file): (Arc<Notify>, Option<Arc<SqliteFile>>),
    ) -> Self {
        let (transaction, pending) = (OnceCell::new(), Mutex::default());
        let working = connection.generation.working();
        Self { working, connection, transaction, options, optimistic, pending, written, file }
    }

    /// Whether it locks nothing: what it has read needs a guard, and unique values are checked by the constraints alone.
    pub(super) fn is_optimistic(&self) -> bool {
        self.optimistic
    }

    /// Whether unique values have to be looked up. An optimistic unit without errors so far leaves them to the constraints of
    /// the database; where there is an error already, all errors are reported together.
    pub(super) fn needs_lookup(&self, checks: &Checks) -> bool {
        !self.optimistic || !checks.passed()
    }

    /// Rows locked until the transaction ends. An optimistic unit locks nothing: [`Write::guard`] what it finds.
    pub(super) fn locked<E: EntityTrait>(&self, rows: Select<E>, lock: LockType) -> Select<E> {
        if self.optimistic { rows } else { rows.lock(lock) }
    }

    /// Lets an optimistic unit write only if all these active rows are there then, and meet the condition.
    pub(super) fn guard<E: ScopedById>(
        &self,
        organization: OrganizationId,
        ids: impl IntoIterator<Item = E::Id>,
        condition: Option<Expr>,
        lock: LockType,
    ) {
        if !self.optimistic {
            return;
        }
        for id in ids {
            let mut rows = E::find_by_id_in(organization, id);
            if let Some(condition) = condition.clone() {
                rows = rows.filter(condition);
            }
            let rows = rows.select_only().column_as(Expr::cust("1"), "found").lock(lock).into_query();
            self.pending().guards.push(Guard(rows));
        }
    }

    /// Inserts rows whose keys and values are all known, with the next statement that is executed or at the commit.
    pub(super) fn insert_later<E>(&self, rows: impl IntoIterator<Item = E::Model>) -> AppResult<()>
    where
        E: EntityTrait<Model: IntoActiveModel<E::ActiveModel>>,
    {
        let rows = rows.into_iter().map(IntoActiveModel::into_active_model);
        let insert = rows_to_insert::<E>(self.get_database_backend(), rows)?;
        self.pending().writes.extend(insert.map(PendingWrite::Insert));
        Ok(())
    }

    /// Updates rows, with the next statement that is executed or at the commit.
    pub(super) fn update_later(&self, update: UpdateStatement) {
        self.pending().writes.push(PendingWrite::Update(update));
    }

    /// Records a change at the commit.
    pub(super) fn record(&self, organization: OrganizationId, change: change::ActiveModel) {
        self.pending().changes.push((organization, change));
    }

    /// Commits everything that was written, or nothing.
    pub async fn commit(self) -> AppResult<()> {
        let Pending { guards, writes, changes } = std::mem::take(&mut *self.pending());
        let mut changes = by_organization(changes);
        if changes.len() == 1 && self.get_database_backend() == DbBackend::Postgres {
            let (organization, changes) = changes.remove(0);
            let count = changes.len() as u64;
            let statement = change::Entity::append(organization, changes, guards, writes)?;
            let outcome = match self.transaction.get() {
                Some(transaction) => self.connection.noted(transaction.execute(&statement).await)?,
                None => self.connection.execute(&statement).await.map_err(unknown_outcome)?,
            };
            if outcome.rows_affected() != count {
                return Err(DbErr::RecordNotUpdated.into());
            }
        } else if !(writes.is_empty() && changes.is_empty()) {
            *self.pending() = Pending { guards, writes, changes: Vec::new() };
            let transaction = self.transaction().await?;
            for (organization, changes) in changes {
                append(transaction, organization, changes).await?;
            }
        }
        if let Some(transaction) = self.transaction.into_inner() {
            self.connection.noted(transaction.commit().await).map_err(unknown_outcome)?;
        }
        self.working.finish();
        // Checked after the commit, so that a write into a deleted file is not acknowledged.
        self.file.map_or(Ok(()), |file| file.check())?;
        self.written.notify_one();
        Ok(())
    }

    /// Undoes the write. One that is only dropped holds its locks until its connection is used again.
    pub(super) async fn rollback(self) -> AppResult<()> {
        if let Some(transaction) = self.transaction.into_inner() {
            self.connection.noted(transaction.rollback().await)?;
        }
        self.working.finish();
        Ok(())
    }

    /// The transaction. Pending guards and writes are executed in it first, because the next statement may depend on them.
    pub(super) async fn transaction(&self) -> Result<&Transaction, DbErr> {
        let transaction = self.transaction.get_or_try_init(|| self.connection.begin(self.options)).await?;
        let (guards, writes) = {
            let mut pending = self.pending();
            (std::mem::take(&mut pending.guards), std::mem::take(&mut pending.writes))
        };
        for Guard(rows) in guards {
            if transaction.query_one(&rows).await?.is_none() {
                return Err(DbErr::RecordNotUpdated);
            }
        }
        for write in writes {
            transaction.execute_raw(write.build(self.get_database_backend())?).await?;
        }
        Ok(transaction)
    }

    /// Lets each statement of the transaction take what it takes.
    pub(super) async fn lift_statement_limit(&self) -> Result<(), DbErr> {
        let transaction = self.transaction().await?;
        if transaction.get_database_backend() == DbBackend::Postgres {
            transaction.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
        }
        transaction.lift_statement_limit();
        Ok(())
    }

    /// Whether a statement needs no transaction: it reads for an optimistic unit that has written nothing so far.
    fn reads_outside(&self, statement: &Statement) -> bool {
        self.optimistic
            && self.transaction.get().is_none()
            && self.pending().writes.is_empty()
            && statement.sql.starts_with("SELECT")
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        // Nothing that could panic happens while it is locked.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, DbErr>> + Send + 'a>>;

impl ConnectionTrait for Write {
    fn get_database_backend(&self) -> DbBackend {
        self.connection.get_database_backend()
    }

    fn query_one_raw<'s, 'a>(&'s self, statement: Statement) -> Answer<'a, Option<QueryResult>>
    where
        's: 'a,
        Self: 'a,
    {
        if self.reads_outside(&statement) {
            return self.connection.query_one_raw(statement);
        }
        Box::pin(async move {
            self.connection.noted(async { self.transaction().await?.query_one_raw(statement).await }.await)
        })
    }

    fn query_all_raw<'s, 'a>(&'s self, statement: Statement) -> Answer<'a, Vec<QueryResult>>
    where
        's: 'a,
        Self: 'a,
    {
        if self.reads_outside(&statement) {
            return self.connection.query_all_raw(statement);
        }
        Box::pin(async move {
            self.connection.noted(async { self.transaction().await?.query_all_raw(statement).await }.await)
        })
    }

    fn execute_raw<'s, 'a>(&'s self, statement: Statement) -> Answer<'a, ExecResult>
    where
        's: 'a,
        Self: 'a,
    {
        Box::pin(async move {
            self.connection.noted(async { self.transaction().await?.execute_raw(statement).await }.await)
        })
    }

    fn execute_unprepared<'s, 't, 'a>(&'s self, sql: &'t str) -> Answer<'a, ExecResult>
    where
        's: 'a,
        't: 'a,
        Self: 'a,
    {
        Box::pin(async move {
            self.connection.noted(async { self.transaction().await?.execute_unprepared(sql).await }.await)
        })
    }
}

/// The changes of each organization in their order, numbered from 1.
fn by_organization(
    changes: Vec<(OrganizationId, change::ActiveModel)>,
) -> Vec<(OrganizationId, Vec<change::ActiveModel>)> {
    let mut grouped: Vec<(OrganizationId, Vec<change::ActiveModel>)> = Vec::new();
    for (organization, mut change) in changes {
        let position = grouped.iter().position(|(id, _)| *id == organization).unwrap_or(grouped.len());
        if position == grouped.len() {
            grouped.push((organization, Vec::new()));
        }
        let changes = &mut grouped[position].1;
        change.seq = Set(changes.len() as i64 + 1);
        changes.push(change);
    }
    grouped
}

/// Appends changes to the organization's log in a transaction.
async fn append(
    transaction: &Transaction,
    organization: OrganizationId,
    changes: Vec<change::ActiveModel>,
) -> AppResult<()> {
    if transaction.get_database_backend() == DbBackend::Postgres {
        let statement = change::Entity::append(organization, changes, Vec::new(), Vec::new())?;
        transaction.execute(&statement).await?;
        return Ok(());
    }
    let count = changes.len() as i64;
    let counter = change_counter::Entity::raise(organization, count).returning_col(Column::Seq).take();
    let newest = transaction.query_one(&counter).await?.ok_or(DbErr::RecordNotUpdated)?;
    let before = newest.try_get_by_index::<i64>(0)? - count;
    let numbered =
        (before + 1..).zip(changes).map(|(seq, change)| change::ActiveModel { seq: Set(seq), ..change });
    reading::execute(transaction, insert_rows::<change::Entity>(DbBackend::Sqlite, numbered)?).await
}

/// The error of a commit. When the connection broke before the answer, the commit may have taken effect: the message says so,
/// and the error is one that nothing retries.
fn unknown_outcome(error: DbErr) -> AppError {
    if is_unknown_outcome(&error) {
        let message = "The connection to the database was lost during the commit. The change may have been saved: read the record before you write again.";
        return AppError::request(Code::Unavailable, message);
    }
    error.into()
}
