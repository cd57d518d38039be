//! The worker: one in each process, which does the tasks of all organizations in turn, a batch at a time.
//!
//! Any number of workers may run: a batch holds its task, and others pass it over. What a killed process leaves undone,
//! another one goes on with.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use sea_orm::{
    ColumnTrait, FromQueryResult, Iterable, QueryFilter, QueryOrder, QuerySelect,
    prelude::{DateTimeUtc, Uuid},
    sea_query::{Expr, LockBehavior, LockType},
};
use tokio::{
    task::AbortHandle,
    time::{sleep, timeout},
};

use super::{
    Database, Write, WriteContext,
    background::{BATCH, Batch},
    contact_type,
    database::commit_background,
    internal_contact, internal_contact_assignment as assignments,
};
use crate::{
    auth::{Caller, RequestContext, Scopes},
    entity::{
        Scoped,
        background_task::{Column, Entity, Model, TaskKind},
        id::{ContactTypeId, InternalContactId, OrganizationId, PartnerId},
        internal_contact_assignment::Column as Assignment,
    },
    error::{AppResult, Code},
};

/// How often tasks are looked for that other processes have made.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long is waited after the database gave an error, with everything or with the organization or task that failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long it is remembered that batches of a task have to be small.
const MEMORY: Duration = Duration::from_mins(10);
/// The longest pause between two batches.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// The clock.
type Clock = fn() -> DateTimeUtc;

/// Does background tasks for as long as it is kept.
#[derive(Debug)]
pub struct BackgroundWorker {
    task: AbortHandle,
    backlog: Arc<Backlog>,
}

impl BackgroundWorker {
    /// Starts it.
    pub fn start(db: &Database, clock: Clock) -> Self {
        let backlog = Arc::<Backlog>::default();
        let task = tokio::spawn(work(db.clone(), clock, Arc::clone(&backlog)));
        Self { task: task.abort_handle(), backlog }
    }

    /// What is waiting to be done.
    pub fn backlog(&self) -> Arc<Backlog> {
        Arc::clone(&self.backlog)
    }
}

impl Drop for BackgroundWorker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What was waiting when the worker last looked.
#[derive(Debug, Default)]
pub struct Backlog {
    tasks: AtomicUsize,
    age: AtomicUsize,
}

impl Backlog {
    /// How many tasks.
    pub fn tasks(&self) -> usize {
        self.tasks.load(Relaxed)
    }

    /// How many seconds ago the oldest of them was made; 0 when there is none.
    pub fn age(&self) -> usize {
        self.age.load(Relaxed)
    }
}

impl Backlog {
    fn note(&self, organizations: &[Tasks], now: DateTimeUtc) {
        let tasks: i64 = organizations.iter().map(|tasks| tasks.tasks).sum();
        let oldest = organizations.iter().map(|tasks| tasks.oldest).min();
        let age = oldest.map_or(0, |oldest| (now - oldest).num_seconds());
        self.tasks.store(usize::try_from(tasks).unwrap_or_default(), Relaxed);
        // Another machine's clock may be ahead.
        self.age.store(usize::try_from(age).unwrap_or_default(), Relaxed);
    }
}

/// The tasks of an organization.
#[derive(FromQueryResult)]
struct Tasks {
    org_id: OrganizationId,
    tasks: i64,
    oldest: DateTimeUtc,
}

/// What failed lately.
#[derive(Default)]
struct Failures {
    organizations: HashMap<OrganizationId, Instant>,
    tasks: HashMap<Uuid, Failure>,
}

/// A task whose batch failed.
struct Failure {
    since: Instant,
    /// How many dependants its next batch has at most.
    limit: u64,
}

impl Failures {
    fn forget_old(&mut self) {
        self.organizations.retain(|_, since| since.elapsed() < RETRY_AFTER);
        self.tasks.retain(|_, failure| {
            let keep = if failure.limit < BATCH { MEMORY } else { RETRY_AFTER };
            failure.since.elapsed() < keep
        });
    }

    /// The tasks that failed a moment ago.
    fn waiting(&self) -> impl Iterator<Item = Uuid> {
        self.tasks.iter().filter(|(_, failure)| failure.since.elapsed() < RETRY_AFTER).map(|(id, _)| *id)
    }

    /// How many dependants the next batch of a task has at most.
    fn limit(&self, task: Uuid) -> u64 {
        self.tasks.get(&task).map_or(BATCH, |failure| failure.limit)
    }

    /// A batch of the task was done: the next one may be larger by a tenth.
    fn note_success(&mut self, task: Uuid) {
        if let Some(failure) = self.tasks.get_mut(&task) {
            failure.limit = (failure.limit + failure.limit.div_ceil(10)).min(BATCH);
        }
    }

    /// A batch of the task failed: the next one is half as large if this one took too long.
    fn note_failure(&mut self, task: Uuid, took_too_long: bool) {
        let limit = self.limit(task);
        let limit = if took_too_long { (limit / 2).max(1) } else { limit };
        self.tasks.insert(task, Failure { since: Instant::now(), limit });
    }
}

async fn work(db: Database, clock: Clock, backlog: Arc<Backlog>) {
    let mut failures = Failures::default();
    loop {
        match round(&db, clock, &backlog, &mut failures).await {
            Ok(true) => {}
            // Whether somebody made a task or the time is up: it is looked either way.
            Ok(false) => drop(timeout(INTERVAL, db.task_made()).await),
            Err(error) => {
                tracing::warn!(code = error.code().as_str(), "background tasks are waiting for the database");
                sleep(RETRY_AFTER).await;
            }
        }
    }
}

/// One batch of each organization that has tasks. Gives whether any was done.
async fn round(db: &Database, clock: Clock, backlog: &Backlog, failures: &mut Failures) -> AppResult<bool> {
    let organizations: Vec<Tasks> = Entity::find_all()
        .select_only()
        .column(Column::OrgId)
        .column_as(Column::Id.count(), "tasks")
        .column_as(Column::CreatedAt.min(), "oldest")
        .group_by(Column::OrgId)
        .order_by_asc(Column::OrgId)
        .into_model()
        .all(db.connection())
        .await?;
    backlog.note(&organizations, clock());
    failures.forget_old();
    let mut any = false;
    for Tasks { org_id, .. } in organizations {
        if failures.organizations.contains_key(&org_id) {
            continue;
        }
        let began = Instant::now();
        match step(db, clock, org_id, failures).await {
            Ok(false) => {}
            Ok(true) => {
                any = true;
                // Requests come in between.
                sleep((began.elapsed() / 4).min(LONGEST_PAUSE)).await;
            }
            Err(error) => {
                let (organization, code) = (org_id.0, error.code().as_str());
                tracing::warn!(organization, code, ?error, "cannot read background tasks of an organization");
                failures.organizations.insert(org_id, Instant::now());
            }
        }
    }
    Ok(any)
}

/// One batch of an organization's oldest task that nobody else is at. Gives whether there was one. Kinds that only a newer
/// version knows are left to it.
async fn step(
    db: &Database,
    clock: Clock,
    organization: OrganizationId,
    failures: &mut Failures,
) -> AppResult<bool> {
    let write = db.begin_background().await?;
    let task = Entity::find_in(organization)
        .filter(Column::Id.is_not_in(failures.waiting()))
        .filter(Column::Kind.is_in(TaskKind::iter()))
        .order_by_asc(Column::Id)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .one(&write)
        .await?;
    let Some(task) = task else { return Ok(false) };
    match batch(write, &task, failures.limit(task.id), clock()).await {
        Ok(()) => failures.note_success(task.id),
        Err(error) if error.is_lost_race() => {}
        Err(error) => {
            tracing::warn!(
                organization = organization.0, task = %task.id, kind = ?task.kind, code = error.code().as_str(), ?error,
                "background task failed; retrying later"
            );
            failures.note_failure(task.id, error.code() == Code::Timeout);
        }
    }
    Ok(true)
}

async fn batch(txn: Write, task: &Model, limit: u64, now: DateTimeUtc) -> AppResult<()> {
    let request = request(task, now);
    let ctx = WriteContext { txn, request: &request, organization: task.org_id };
    let batch = update_next(&ctx, task, limit).await?;
    advance(&ctx, task, batch).await?;
    commit_background(ctx.txn).await
}

async fn update_next(ctx: &WriteContext<'_>, task: &Model, limit: u64) -> AppResult<Batch> {
    let (subject, next) = (task.subject_id, (task.position, limit));
    match task.kind {
        TaskKind::Partner => {
            assignments::update_next(ctx, Assignment::PartnerId.eq(PartnerId(subject)), next).await
        }
        TaskKind::InternalContact => {
            let is_theirs = Assignment::InternalContactId.eq(InternalContactId(subject));
            assignments::update_next(ctx, is_theirs, next).await
        }
        TaskKind::InternalContactMerge => {
            internal_contact::take_over_next(ctx, InternalContactId(subject), next).await
        }
        TaskKind::ContactType => contact_type::replace_next(ctx, ContactTypeId(subject), next).await,
    }
}

/// The request that made the task, at the time of the batch.
fn request(task: &Model, now: DateTimeUtc) -> RequestContext {
    let organization = task.org_id.0;
    let caller = Caller {
        subject: task.actor.clone(),
        scopes: Scopes::default(),
        organizations: vec![organization],
        organization: Some(organization),
        expires_at: now,
        claims_read: None,
    };
    RequestContext::new(task.request_id.as_str(), now, caller)
}

async fn advance(ctx: &WriteContext<'_>, task: &Model, batch: Batch) -> AppResult<()> {
    if batch.is_last() {
        Entity::delete_in(ctx.organization).filter(Column::Id.eq(task.id)).exec(&ctx.txn).await?;
        return Ok(());
    }
    // More may be found than were counted.
    let pending = (task.pending as u64).saturating_sub(batch.count as u64) as i64;
    Entity::update_in(ctx.organization)
        .filter(Column::Id.eq(task.id))
        .col_expr(Column::Position, Expr::value(batch.last))
        .col_expr(Column::Pending, Expr::value(pending))
        .exec(&ctx.txn)
        .await?;
    Ok(())
}
