//! Where statements outside of a transaction go: to the pool, and with row level security in a transaction of their own.
//!
//! Such a transaction takes on the tenant's role first and then sees the rows of one organization, whatever its
//! statements ask for. The role ends with the transaction, so that a connection goes back to the pool as it came.
//! May name sea_orm and the caller; docs/adr/0011 says why it is done this way.

use std::{fmt::Write, pin::Pin, sync::Arc};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult,
    Statement, TransactionOptions, TransactionTrait,
};

use crate::auth::Caller;

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

/// Begins a transaction, as the tenant's where there is one.
///
/// In a task of its own: sqlx rolls back nothing before BEGIN was answered, so a request that is cut off while it waits
/// would leave a connection of the pool inside a transaction.
pub(super) async fn begin(
    pool: &DatabaseConnection,
    tenant: Option<&TenantSession>,
    options: TransactionOptions,
) -> Result<DatabaseTransaction, DbErr> {
    let (pool, tenant) = (pool.clone(), tenant.cloned());
    let begin = tokio::spawn(async move {
        let transaction = pool.begin_with_options(options).await?;
        if let Some(tenant) = tenant {
            transaction.execute_unprepared(&tenant.0).await?;
        }
        Ok(transaction)
    });
    begin.await.map_err(|_| DbErr::Custom("beginning a transaction failed".to_owned()))?
}

/// The handle to read through, outside of a transaction.
#[derive(Clone, Debug)]
pub struct Connection {
    pub(super) pool: DatabaseConnection,
    pub(super) tenant: Option<TenantSession>,
}

impl Connection {
    /// A tenant's transaction for one statement. Dropped after a read, it is rolled back after the answer.
    async fn begin_tenant(&self, tenant: &TenantSession) -> Result<DatabaseTransaction, DbErr> {
        begin(&self.pool, Some(tenant), TransactionOptions::default()).await
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
        match &self.tenant {
            None => self.pool.query_one_raw(statement),
            Some(tenant) => {
                Box::pin(async move { self.begin_tenant(tenant).await?.query_one_raw(statement).await })
            }
        }
    }

    fn query_all_raw<'s, 'a>(&'s self, statement: Statement) -> Answer<'a, Vec<QueryResult>>
    where
        's: 'a,
        Self: 'a,
    {
        match &self.tenant {
            None => self.pool.query_all_raw(statement),
            Some(tenant) => {
                Box::pin(async move { self.begin_tenant(tenant).await?.query_all_raw(statement).await })
            }
        }
    }

    fn execute_raw<'s, 'a>(&'s self, statement: Statement) -> Answer<'a, ExecResult>
    where
        's: 'a,
        Self: 'a,
    {
        match &self.tenant {
            None => self.pool.execute_raw(statement),
            Some(tenant) => Box::pin(async move {
                let transaction = self.begin_tenant(tenant).await?;
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
        match &self.tenant {
            None => self.pool.execute_unprepared(sql),
            Some(tenant) => Box::pin(async move {
                let transaction = self.begin_tenant(tenant).await?;
                let result = transaction.execute_unprepared(sql).await?;
                transaction.commit().await?;
                Ok(result)
            }),
        }
    }
}
