//! Work that a write leaves for after its commit, because it grows with the number of rows that depend on what was
//! written.
//!
//! Up to `DIRECT_LIMIT` dependants are updated by the write itself. For more, its transaction inserts a task, and a
//! worker updates them in batches, each a transaction of its own (`background_worker`). A batch computes everything from the current
//! state of the subject, so it may be repeated, and batches of several tasks may run in any order.

use sea_orm::{ColumnTrait, QueryFilter, QuerySelect, prelude::Uuid, sea_query::Expr};

use super::{Database, ReadContext, WriteContext, reading};
use crate::{
    auth::RequestContext,
    entity::{
        Scoped,
        background_task::{Column, Entity, Model, TaskKind},
        id::OrganizationId,
    },
    error::{AppError, AppResult, InputError, InputErrorCode},
};

/// The most dependants that a write updates itself.
pub(super) const DIRECT_LIMIT: u64 = 1_000;
/// The most dependants that are updated in one transaction of the worker.
pub(super) const BATCH: u64 = 500;

/// What one transaction of the worker did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    /// The last dependant that was updated, if there was any.
    pub(super) last: Option<Uuid>,
    /// How many were.
    pub(super) count: usize,
    /// How many might have been.
    limit: u64,
}

impl Batch {
    /// The batch of these dependants, in the order of their ids, where so many were looked for.
    pub(super) fn of(dependants: &[Uuid], limit: u64) -> Self {
        Self { last: dependants.last().copied(), count: dependants.len(), limit }
    }

    /// Whether no dependants are left.
    pub(super) fn is_last(&self) -> bool {
        (self.count as u64) < self.limit
    }
}

/// The error of a batch that found rows changed between reading and holding them: it is done again at once.
pub(super) fn overtaken() -> AppError {
    InputError::on("id", InputErrorCode::Taken, "Another request changed the record first.").into()
}

/// Whether a subject has so few dependants that they are to be updated at once, and has any. For more it creates a task.
pub(super) async fn defer(
    ctx: &WriteContext<'_>,
    kind: TaskKind,
    subject_id: Uuid,
    dependants: u64,
) -> AppResult<bool> {
    if dependants > DIRECT_LIMIT {
        insert(ctx, kind, subject_id, dependants).await?;
    }
    Ok((1..=DIRECT_LIMIT).contains(&dependants))
}

/// Creates a task for a subject that has none waiting. One that has begun does not count: its batches may have missed
/// this write.
pub(super) async fn insert(
    ctx: &WriteContext<'_>,
    kind: TaskKind,
    subject_id: Uuid,
    dependants: u64,
) -> AppResult<()> {
    // Locked, so that none of them begins before this write can be seen.
    let waiting: Option<Uuid> = Entity::find_in(ctx.organization)
        .filter(Column::Kind.eq(kind))
        .filter(Column::SubjectId.eq(subject_id))
        .filter(Column::Position.is_null())
        .select_only()
        .column(Column::SubjectId)
        .lock_exclusive()
        .into_tuple()
        .one(&ctx.txn)
        .await?;
    let new = waiting.is_none().then(|| Model {
        org_id: ctx.organization,
        id: ctx.request.new_id(),
        kind,
        subject_id,
        position: None,
        pending: dependants as i64,
        actor: ctx.request.caller.subject.clone(),
        request_id: ctx.request.request_id.clone(),
        created_at: ctx.request.now,
    });
    reading::insert_all::<Entity>(&ctx.txn, new).await
}

/// How many dependants of these rows are still to be updated. For callers that have just written the rows.
pub async fn pending(db: &Database, request: &RequestContext, subjects: &[Uuid]) -> AppResult<u64> {
    let ctx = ReadContext::new(db, OrganizationId(request.organization()?));
    let pending: Vec<i64> = Entity::find_in(ctx.organization)
        .filter(ctx.keys_in(Column::SubjectId, subjects.iter().copied()))
        .select_only()
        .column(Column::Pending)
        .into_tuple()
        .all(ctx.db)
        .await?;
    Ok(pending.into_iter().filter_map(|rows| u64::try_from(rows).ok()).sum())
}

/// The condition that a key comes after a position.
pub(super) fn after(column: impl ColumnTrait, position: Option<Uuid>) -> Expr {
    match position {
        Some(position) => column.gt(position),
        None => Expr::cust("1 = 1"),
    }
}
