//! Work that a write leaves for after its commit, because it grows with the number of rows that depend on what was
//! written.
//!
//! Up to `DIRECT_LIMIT` dependants are updated by the write itself. For more, its transaction inserts a task, and a
//! worker updates them in batches, each a transaction of its own (`worker`). A batch computes everything from the current
//! state of the subject, so it may be repeated, and batches of several tasks may run in any order.

mod worker;

use sea_orm::{
    ColumnTrait, ConnectionTrait, FromQueryResult, QueryFilter, QuerySelect, prelude::Uuid, sea_query::Expr,
};

pub use self::worker::{BackgroundWorker, Backlog};
use super::{Database, reading};
use crate::{
    auth::RequestContext,
    entity::{
        Scoped,
        background_task::{Column, Entity, Model, TaskKind},
        id::OrganizationId,
        keys_in,
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

/// How many dependants a subject has, as a statement counts them.
#[derive(Debug, FromQueryResult)]
pub(super) struct Dependants {
    pub(super) subject_id: Uuid,
    pub(super) dependants: i64,
}

/// Divides the subjects of a write: gives those with so few dependants, all together, that they are to be updated at
/// once, and makes tasks for the others.
pub(super) async fn defer(
    db: &impl ConnectionTrait,
    ctx: &RequestContext,
    organization: OrganizationId,
    kind: TaskKind,
    mut counts: Vec<Dependants>,
) -> AppResult<Vec<Uuid>> {
    counts.sort_unstable_by_key(|subject| (subject.dependants, subject.subject_id));
    let mut total = 0;
    let is_direct = |subject: &Dependants| {
        total += subject.dependants;
        total <= DIRECT_LIMIT as i64
    };
    let (direct, deferred): (Vec<_>, Vec<_>) = counts.into_iter().partition(is_direct);
    if !deferred.is_empty() {
        insert(db, ctx, organization, kind, deferred).await?;
    }
    Ok(direct.into_iter().map(|subject| subject.subject_id).collect())
}

/// Makes a task for each subject that has none waiting. One that has begun does not count: its batches may have missed
/// this write.
pub(super) async fn insert(
    db: &impl ConnectionTrait,
    ctx: &RequestContext,
    organization: OrganizationId,
    kind: TaskKind,
    subjects: Vec<Dependants>,
) -> AppResult<()> {
    let is_one = keys_in(
        db.get_database_backend(),
        Column::SubjectId.into_expr(),
        subjects.iter().map(|subject| subject.subject_id),
    );
    // Locked, so that none of them begins before this write can be seen.
    let waiting: Vec<Uuid> = Entity::find_in(organization)
        .filter(Column::Kind.eq(kind))
        .filter(is_one)
        .filter(Column::Position.is_null())
        .select_only()
        .column(Column::SubjectId)
        .lock_exclusive()
        .into_tuple()
        .all(db)
        .await?;
    let new = subjects.into_iter().filter(|subject| !waiting.contains(&subject.subject_id));
    let rows = new.map(|subject| Model {
        org_id: organization,
        id: ctx.new_id(),
        kind,
        subject_id: subject.subject_id,
        position: None,
        pending: subject.dependants,
        actor: ctx.caller.subject.clone(),
        request_id: ctx.request_id.clone(),
        created_at: ctx.now,
    });
    reading::insert_all::<Entity>(db, rows).await
}

/// How many dependants of these rows are still to be updated. For callers that have just written the rows.
pub async fn pending(db: &Database, ctx: &RequestContext, subjects: &[Uuid]) -> AppResult<u64> {
    let organization = OrganizationId(ctx.organization()?);
    let db = db.connection();
    let is_one = keys_in(db.get_database_backend(), Column::SubjectId.into_expr(), subjects.iter().copied());
    let pending: Vec<i64> = Entity::find_in(organization)
        .filter(is_one)
        .select_only()
        .column(Column::Pending)
        .into_tuple()
        .all(db)
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
