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

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult,
    Statement, TransactionOptions, TransactionTrait,
};

use super::{
    Tally,
    pool::Generation,
    sqlite_limit::{self, StatementTimer},
};
use crate::{auth::Caller, error::database_code};

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

/// A transaction that has begun.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) transaction: DatabaseTransaction,
    /// Limits each of its statements, on SQLite.
    pub(super) timer: Option<StatementTimer>,
}

/// The handle to read through, outside of a transaction.
#[derive(Clone, Debug)]
pub struct Connection {
    pub(super) pool: DatabaseConnection,
    pub(super) tenant: Option<TenantSession>,
    pub(super) generation: Arc<Generation>,
}

impl Connection {
    /// Begins a transaction, as the tenant's where there is one.
    pub(super) async fn begin(&self, options: TransactionOptions) -> Result<Begun, DbErr> {
        self.repeated(|| self.begin_once(options)).await
    }

    /// In a task of its own: sqlx rolls back nothing before BEGIN was answered, so a request that is cut off while it waits
    /// would leave a connection of the pool inside a transaction.
    async fn begin_once(&self, options: TransactionOptions) -> Result<Begun, DbErr> {
        let Self { pool, tenant, generation } = self.clone();
        let begin = tokio::spawn(async move {
            let begin = generation.in_time(pool.begin_with_options(options));
            let (transaction, timer) = sqlite_limit::observed(begin).await;
            let transaction = transaction?;
            if let Some(tenant) = tenant {
                transaction.execute_unprepared(&tenant.0).await?;
            }
            Ok(Begun { transaction, timer })
        });
        begin.await.map_err(|_| DbErr::Custom("beginning a transaction failed".to_owned()))?
    }

    /// The transaction of one statement, where a tenant makes it one. Dropped after a read, it is rolled back after the
    /// answer.
    async fn tenant_transaction(&self) -> Result<Option<DatabaseTransaction>, DbErr> {
        match self.tenant {
            None => Ok(None),
            Some(_) => Ok(Some(self.begin_once(TransactionOptions::default()).await?.transaction)),
        }
    }

    /// Does what may be done twice, and does it again on another connection when the error was the connection's.
    async fn repeated<T, F>(&self, unit: impl Fn() -> F + Send + Sync) -> Result<T, DbErr>
    where
        F: Future<Output = Result<T, DbErr>> + Send,
        T: Send,
    {
        let mut result = self.watched(unit()).await;
        if let Err(error) = &result
            && self.generation.ends_on(error)
        {
            Tally::retry();
            tracing::info!(error = database_code(error), "a read is done again on another connection");
            result = self.noted(self.watched(unit()).await);
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

    /// What cannot be done twice is not, but its connection is not used again either.
    pub(super) fn noted<T>(&self, result: Result<T, DbErr>) -> Result<T, DbErr> {
        result.inspect_err(|error| {
            self.generation.ends_on(error);
        })
    }

    async fn query_one_once(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self.tenant_transaction().await? {
            None => self.pool.query_one_raw(statement).await,
            Some(transaction) => transaction.query_one_raw(statement).await,
        }
    }

    async fn query_all_once(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self.tenant_transaction().await? {
            None => self.pool.query_all_raw(statement).await,
            Some(transaction) => transaction.query_all_raw(statement).await,
        }
    }

    async fn execute_once(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let Some(transaction) = self.tenant_transaction().await? else {
            return self.pool.execute_raw(statement).await;
        };
        let result = transaction.execute_raw(statement).await?;
        transaction.commit().await?;
        Ok(result)
    }

    async fn execute_unprepared_once(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let Some(transaction) = self.tenant_transaction().await? else {
            return self.pool.execute_unprepared(sql).await;
        };
        let result = transaction.execute_unprepared(sql).await?;
        transaction.commit().await?;
        Ok(result)
    }
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, DbErr>> + Send + 'a>>;

/// Queries are reads here: they are done again where their connection failed. What is executed may write, and is not.
impl ConnectionTrait for Connection {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.get_database_backend()
    }

    fn query_one_raw<'s, 'a>(&'s self, statement: Statement) -> Answer<'a, Option<QueryResult>>
    where
        's: 'a,
        Self: 'a,
    {
        Box::pin(async move { self.repeated(|| self.query_one_once(statement.clone())).await })
    }

    fn query_all_raw<'s, 'a>(&'s self, statement: Statement) -> Answer<'a, Vec<QueryResult>>
    where
        's: 'a,
        Self: 'a,
    {
        Box::pin(async move { self.repeated(|| self.query_all_once(statement.clone())).await })
    }

    fn execute_raw<'s, 'a>(&'s self, statement: Statement) -> Answer<'a, ExecResult>
    where
        's: 'a,
        Self: 'a,
    {
        Box::pin(async move { self.noted(self.watched(self.execute_once(statement)).await) })
    }

    fn execute_unprepared<'s, 't, 'a>(&'s self, sql: &'t str) -> Answer<'a, ExecResult>
    where
        's: 'a,
        't: 'a,
        Self: 'a,
    {
        Box::pin(async move { self.noted(self.watched(self.execute_unprepared_once(sql)).await) })
    }
}
