//! Where statements outside of a transaction go: to the pool, and behind the wall in a transaction of their own.
//!
//! The wall is PostgreSQL's row level security: a transaction that has passed through the gate sees the rows of one
//! organization, whatever its statements ask for. What the gate sets ends with the transaction, so that a connection
//! goes back to the pool as it came. May name sea_orm and the caller; docs/adr/0011 says why it is done this way.

use std::{fmt::Write, pin::Pin, sync::Arc};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult,
    Statement, TransactionOptions, TransactionTrait,
};

use crate::auth::Caller;

/// The role that the wall stands before; see the migrations.
pub(super) const TENANT: &str = "contact_gateway_tenant";

/// What puts a transaction behind the wall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gate(Arc<str>);

impl Gate {
    /// To the organization that a request selected, and to the names of those that its token allows.
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

    /// To nothing.
    pub(super) fn closed() -> Self {
        Self(format!("SET LOCAL ROLE {TENANT}").into())
    }
}

/// Begins a transaction, behind the wall where there is a gate to pass.
///
/// In a task of its own: sqlx rolls back nothing before BEGIN was answered, so a request that is cut off while it waits
/// would leave a connection of the pool inside a transaction.
pub(super) async fn begin(
    pool: &DatabaseConnection,
    gate: Option<&Gate>,
    options: TransactionOptions,
) -> Result<DatabaseTransaction, DbErr> {
    let (pool, gate) = (pool.clone(), gate.cloned());
    let begin = tokio::spawn(async move {
        let transaction = pool.begin_with_options(options).await?;
        if let Some(gate) = gate {
            transaction.execute_unprepared(&gate.0).await?;
        }
        Ok(transaction)
    });
    begin.await.map_err(|_| DbErr::Custom("beginning a transaction failed".to_owned()))?
}

/// The handle to read through, outside of a transaction.
#[derive(Clone, Debug)]
pub struct Connection {
    pub(super) pool: DatabaseConnection,
    pub(super) gate: Option<Gate>,
}

impl Connection {
    /// A transaction for one statement. Dropped after a read, it is rolled back when nobody waits for that any more.
    async fn behind_the_wall(&self, gate: &Gate) -> Result<DatabaseTransaction, DbErr> {
        begin(&self.pool, Some(gate), TransactionOptions::default()).await
    }
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, DbErr>> + Send + 'a>>;

/// Written without the macro of async traits, so that a statement of the pool is passed on without a future around its
/// future.
impl ConnectionTrait for Connection {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.get_database_backend()
    }

    fn query_one_raw<'s, 'a>(&'s self, statement: Statement) -> Answer<'a, Option<QueryResult>>
    where
        's: 'a,
        Self: 'a,
    {
        match &self.gate {
            None => self.pool.query_one_raw(statement),
            Some(gate) => {
                Box::pin(async move { self.behind_the_wall(gate).await?.query_one_raw(statement).await })
            }
        }
    }

    fn query_all_raw<'s, 'a>(&'s self, statement: Statement) -> Answer<'a, Vec<QueryResult>>
    where
        's: 'a,
        Self: 'a,
    {
        match &self.gate {
            None => self.pool.query_all_raw(statement),
            Some(gate) => {
                Box::pin(async move { self.behind_the_wall(gate).await?.query_all_raw(statement).await })
            }
        }
    }

    fn execute_raw<'s, 'a>(&'s self, statement: Statement) -> Answer<'a, ExecResult>
    where
        's: 'a,
        Self: 'a,
    {
        match &self.gate {
            None => self.pool.execute_raw(statement),
            Some(gate) => Box::pin(async move {
                let transaction = self.behind_the_wall(gate).await?;
                let result = transaction.execute_raw(statement).await?;
                transaction.commit().await?;
                Ok(result)
            }),
        }
    }

    fn execute_unprepared<'s, 't, 'a>(&'s self, sql: &'t str) -> Answer<'a, ExecResult>
    where
        's: 'a,
        't: 'a,
        Self: 'a,
    {
        match &self.gate {
            None => self.pool.execute_unprepared(sql),
            Some(gate) => Box::pin(async move {
                let transaction = self.behind_the_wall(gate).await?;
                let result = transaction.execute_unprepared(sql).await?;
                transaction.commit().await?;
                Ok(result)
            }),
        }
    }
}
