//! What services read and write with: the database or a transaction, the caller's request, and its organization.

use sea_orm::{ColumnTrait, ConnectionTrait, sea_query::Expr};

use super::{Database, QueryStats, Write, authorize_read, authorize_write, connection::Connection};
use crate::{
    auth::RequestContext,
    entity::{Key, id::OrganizationId, keys_in},
    error::AppResult,
};

/// A read: the database as the caller sees it, and the organization whose rows it reads.
#[derive(Clone, Copy)]
pub struct ReadContext<'a> {
    pub(super) db: &'a Connection,
    pub(super) organization: OrganizationId,
}

impl<'a> ReadContext<'a> {
    /// A read in an organization that the caller was authorized to read.
    pub fn new(db: &'a Database, organization: OrganizationId) -> Self {
        Self { db: db.connection(), organization }
    }

    /// A read in the organization that the request selected, if its token allows reading.
    pub fn authorize(db: &'a Database, request: &RequestContext) -> AppResult<Self> {
        Ok(Self::new(db, authorize_read(request)?))
    }

    /// The condition that a column holds one of these keys.
    pub(super) fn keys_in<K: Key>(self, column: impl ColumnTrait, keys: impl IntoIterator<Item = K>) -> Expr {
        keys_in(self.db.get_database_backend(), column.into_expr(), keys)
    }
}

/// A unit of work: its transaction, the request that it belongs to, and the organization in which it writes.
pub struct WriteContext<'a> {
    pub(super) txn: Write,
    pub(super) request: &'a RequestContext,
    pub(super) organization: OrganizationId,
}

impl<'a> WriteContext<'a> {
    /// Begins a unit of work with locks, of a caller that was authorized to write in the organization.
    pub(super) async fn begin(
        db: &Database,
        request: &'a RequestContext,
        organization: OrganizationId,
    ) -> AppResult<Self> {
        Ok(Self { txn: db.begin().await?, request, organization })
    }

    /// Does a unit of work optimistically where the database allows it. Otherwise, or when another writer came first, does
    /// it in a transaction with locks.
    pub(super) async fn optimistically<T, F: Future<Output = AppResult<T>>>(
        db: &Database,
        request: &'a RequestContext,
        allowed: bool,
        unit: impl Fn(Self) -> F,
    ) -> AppResult<T> {
        let organization = authorize_write(request)?;
        let unit = |txn| Box::pin(unit(Self { txn, request, organization }));
        if allowed && let Some(txn) = db.begin_optimistic() {
            match unit(txn).await {
                Err(error) if error.is_lost_race() => QueryStats::retry(),
                outcome => return outcome,
            }
        }
        unit(db.begin().await?).await
    }

    /// Commits everything that was written, or nothing.
    pub(super) async fn commit(self) -> AppResult<()> {
        self.txn.commit().await
    }

    /// The condition that a column holds one of these keys.
    pub(super) fn keys_in<K: Key>(
        &self,
        column: impl ColumnTrait,
        keys: impl IntoIterator<Item = K>,
    ) -> Expr {
        keys_in(self.txn.get_database_backend(), column.into_expr(), keys)
    }
}
