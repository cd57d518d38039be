//! Where statements outside of a transaction go: to the pool, and with row level security in a transaction of their own.
//!
//! Such a transaction takes on the tenant's role first and then sees the rows of one organization, whatever its
//! statements ask for. The role ends with the transaction, so that a connection goes back to the pool as it came.
//! May name sea_orm and the caller; docs/adr/0011 says why it is done this way.

use std::{
    fmt::Write,
    pin::{Pin, pin},
    sync::Arc,
};

use futures_util::TryStreamExt;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult,
    Statement, StreamTrait, TransactionOptions, TransactionTrait,
    sqlx::{Decode, Row, Sqlite, TypeInfo, ValueRef, sqlite::SqliteValueRef},
};
use tracing::Instrument;

use super::{
    QueryStats,
    admission::Admission,
    pool::Generation,
    response_memory::ResponseMeter,
    sqlite_limit::{self, StatementTimer},
    transaction::{Transaction, to_its_end},
};
use crate::{auth::Caller, error::database_code, telemetry::stage};

/// The role that row level security applies to; see the migrations.
pub(super) const TENANT: &str = "contact_gateway_tenant";

/// The statements that make a transaction a tenant's: its role and its organizations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TenantSession(Arc<str>);

impl TenantSession {
    /// Sees the organization that a request selected, and the names of those that its token allows.
    pub(super) fn of(caller: &Caller) -> Self {
        let mut sql = format!("SET LOCAL ROLE {TENANT}; SET LOCAL contact_gateway.organization = '");
        // Writing to a text cannot fail; numbers need no escapes.
        if let Some(organization) = caller.organization {
            let _ = write!(sql, "{organization}");
        }
        sql.push_str("'; SET LOCAL contact_gateway.organizations = '");
        for (position, organization) in caller.organizations.iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            let _ = write!(sql, "{comma}{organization}");
        }
        sql.push('\'');
        Self(sql.into())
    }

    /// Sees nothing.
    pub(super) fn closed() -> Self {
        Self(format!("SET LOCAL ROLE {TENANT}").into())
    }
}

/// The handle to read through, outside of a transaction.
#[derive(Clone, Debug)]
pub struct Connection {
    pub(super) pool: DatabaseConnection,
    pub(super) tenant: Option<TenantSession>,
    pub(super) generation: Arc<Generation>,
    pub(super) admission: Admission,
}

impl Connection {
    /// Begins a transaction that may write, as the tenant's where there is one.
    pub(super) async fn begin(&self, options: TransactionOptions) -> Result<Transaction, DbErr> {
        let admitted = self.admission.transaction().await?;
        let (transaction, timer) = self.repeated(|| self.watched(self.begin_once(options))).await?;
        Ok(Transaction::new(transaction, timer, admitted, &self.generation))
    }

    /// In a task of its own: sqlx rolls back nothing before BEGIN was answered, so a request that is cut off while it waits
    /// would leave a connection of the pool inside a transaction.
    async fn begin_once(
        &self,
        options: TransactionOptions,
    ) -> Result<(DatabaseTransaction, Option<StatementTimer>), DbErr> {
        let Self { pool, tenant, generation, .. } = self.clone();
        let begin = tokio::spawn(async move {
            let begin = generation.in_time(pool.begin_with_options(options));
            let (transaction, timer) = sqlite_limit::observed(begin).await;
            let transaction = transaction?;
            if let Some(tenant) = tenant {
                transaction.execute_unprepared(&tenant.0).await?;
            }
            Ok((transaction, timer))
        });
        begin.await.map_err(|_| DbErr::Custom("cannot begin a transaction".to_owned()))?
    }

    /// The transaction of one statement, where a tenant makes it one. Dropped after a read, it is rolled back after the
    /// answer.
    async fn tenant_transaction(&self) -> Result<Option<DatabaseTransaction>, DbErr> {
        match self.tenant {
            None => Ok(None),
            Some(_) => Ok(Some(self.begin_once(TransactionOptions::default()).await?.0)),
        }
    }

    /// Executes what may be executed twice: reads and BEGIN. Repeats it on another connection when the error belongs to the
    /// connection or its session.
    async fn repeated<T, F>(&self, unit: impl Fn() -> F + Send + Sync) -> Result<T, DbErr>
    where
        F: Future<Output = Result<T, DbErr>> + Send,
        T: Send,
    {
        let mut result = unit().await;
        if let Err(error) = &result
            && self.generation.ends_on(error)
        {
            QueryStats::retry();
            tracing::info!(error = database_code(error), "retrying a statement on another connection");
            result = self.noted(unit().await);
        }
        result
    }

    /// Notes when work is cut off, before its connection goes back to the pool: what is declared last is dropped first.
    async fn watched<T>(&self, work: impl Future<Output = T>) -> T {
        let work = pin!(work);
        let working = self.generation.working();
        let output = work.await;
        working.finish();
        output
    }

    /// Ends the use of the connections that the error of a session belongs to, and repeats nothing.
    pub(super) fn noted<T>(&self, result: Result<T, DbErr>) -> Result<T, DbErr> {
        result.inspect_err(|error| {
            self.generation.ends_on(error);
        })
    }

    /// Does the work of a statement on a connection, once it may be used.
    async fn admitted<T, F>(&self, work: impl FnOnce(Self) -> F) -> Result<T, DbErr>
    where
        F: Future<Output = Result<T, DbErr>> + Send + 'static,
        T: Send + 'static,
    {
        let admitted = self.admission.connection().await?;
        let (connection, work) = (self.clone(), work(self.clone()));
        let work = async move {
            let result = connection.watched(work).await;
            drop(admitted);
            result
        };
        to_its_end(&self.generation, work).await
    }

    async fn query_one_once(self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self.tenant_transaction().await? {
            None => self.pool.query_one_raw(statement).await,
            Some(transaction) => transaction.query_one_raw(statement).await,
        }
    }

    async fn query_all_once(self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match (self.tenant_transaction().await?, ResponseMeter::of_rows()) {
            (None, None) => self.pool.query_all_raw(statement).await,
            (Some(transaction), None) => transaction.query_all_raw(statement).await,
            (None, Some(meter)) => counted(&self.pool, statement, &meter).await,
            (Some(transaction), Some(meter)) => counted(&transaction, statement, &meter).await,
        }
    }

    async fn execute_once(self, statement: Statement) -> Result<ExecResult, DbErr> {
        let Some(transaction) = self.tenant_transaction().await? else {
            return self.pool.execute_raw(statement).await;
        };
        let result = transaction.execute_raw(statement).await?;
        transaction.commit().instrument(stage!("commit")).await?;
        Ok(result)
    }

    async fn execute_unprepared_once(self, sql: String) -> Result<ExecResult, DbErr> {
        let Some(transaction) = self.tenant_transaction().await? else {
            return self.pool.execute_unprepared(&sql).await;
        };
        let result = transaction.execute_unprepared(&sql).await?;
        transaction.commit().instrument(stage!("commit")).await?;
        Ok(result)
    }
}

/// The rows of a statement, each counted before the next one is read.
async fn counted(
    db: &impl StreamTrait,
    statement: Statement,
    meter: &ResponseMeter,
) -> Result<Vec<QueryResult>, DbErr> {
    let rows = async {
        let mut stream = pin!(db.stream_raw(statement.clone()).await?);
        let mut rows = Vec::new();
        while let Some(row) = stream.try_next().await? {
            if !meter.count_row(row_memory(&row)) {
                // Nobody sees it: the request has ended with the reason.
                return Err(DbErr::Custom("the response was aborted".to_owned()));
            }
            rows.push(row);
        }
        Ok(rows)
    };
    QueryStats::streamed(&statement, rows).await
}

/// What a row takes besides its values: the row of the driver, and what is made of it.
const ROW: usize = 512;
/// What each value of a row takes besides its bytes: SQLite copies each into an object of its own.
const POSTGRES_VALUE: usize = 32;
const SQLITE_VALUE: usize = 160;
/// What an entry of a JSON object or list takes in memory, besides its text.
const JSON_ENTRY: usize = 130;

/// How much memory a row takes, as the driver has it and as it is shown.
fn row_memory(row: &QueryResult) -> usize {
    let values: usize = match (row.try_as_pg_row(), row.try_as_sqlite_row()) {
        (Some(row), _) => (0..row.len())
            .filter_map(|at| row.try_get_raw(at).ok())
            .map(|value| POSTGRES_VALUE + value.as_bytes().map_or(0, value_memory))
            .sum(),
        (_, Some(row)) => (0..row.len())
            .filter_map(|at| row.try_get_raw(at).ok())
            .map(|value| SQLITE_VALUE + sqlite_bytes(value).map_or(0, value_memory))
            .sum(),
        _ => 0,
    };
    ROW + values
}

/// The bytes of a text or a blob. Asking SQLite for those of a number would make a text of it.
fn sqlite_bytes(value: SqliteValueRef<'_>) -> Option<&[u8]> {
    let has_bytes = matches!(value.type_info().name(), "TEXT" | "BLOB");
    if has_bytes { <&[u8] as Decode<Sqlite>>::decode(value).ok() } else { None }
}

/// A value is there as the driver has it and as it is shown; JSON is parsed besides.
fn value_memory(value: &[u8]) -> usize {
    // PostgreSQL's jsonb begins with its version.
    let text = value.strip_prefix(&[1]).unwrap_or(value);
    let is_json = matches!(text.first(), Some(b'{' | b'['));
    let entries = if is_json { text.iter().filter(|byte| **byte == b',').count() } else { 0 };
    2 * value.len() + JSON_ENTRY * entries
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, DbErr>> + Send + 'a>>;

/// Queries are reads here: they are done again where their connection failed. What is executed may write, and is not.
impl ConnectionTrait for Connection {
    fn get_database_backend(&self) -> DbBackend {
        ConnectionTrait::get_database_backend(&self.pool)
    }

    fn query_one_raw<'s, 'a>(&'s self, statement: Statement) -> Answer<'a, Option<QueryResult>>
    where
        's: 'a,
        Self: 'a,
    {
        Box::pin(
            async move { self.repeated(|| self.admitted(|it| it.query_one_once(statement.clone()))).await },
        )
    }

    fn query_all_raw<'s, 'a>(&'s self, statement: Statement) -> Answer<'a, Vec<QueryResult>>
    where
        's: 'a,
        Self: 'a,
    {
        Box::pin(
            async move { self.repeated(|| self.admitted(|it| it.query_all_once(statement.clone()))).await },
        )
    }

    fn execute_raw<'s, 'a>(&'s self, statement: Statement) -> Answer<'a, ExecResult>
    where
        's: 'a,
        Self: 'a,
    {
        Box::pin(async move { self.noted(self.admitted(|it| it.execute_once(statement)).await) })
    }

    fn execute_unprepared<'s, 't, 'a>(&'s self, sql: &'t str) -> Answer<'a, ExecResult>
    where
        's: 'a,
        't: 'a,
        Self: 'a,
    {
        Box::pin(
            async move { self.noted(self.admitted(|it| it.execute_unprepared_once(sql.to_owned())).await) },
        )
    }
}
