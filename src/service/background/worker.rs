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
    ColumnTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    prelude::{DateTimeUtc, Uuid},
    sea_query::{Expr, LockBehavior, LockType},
};
use tokio::{
    task::AbortHandle,
    time::{sleep, timeout},
};

use super::Batch;
use crate::{
    auth::{Caller, RequestContext, Scopes},
    entity::{
        Scoped,
        background_task::{Column, Entity, Model, TaskKind},
        id::{AccountId, ContactTypeId, InternalContactId, OrganizationId, PartnerId},
    },
    error::AppResult,
    service::{
        Database, Write, account_contact, internal_contact, internal_contact_assignment as assignments,
    },
};

/// How often tasks are looked for that other processes have made.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long is waited after the database gave an error, with everything or with the task that failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// The longest pause between two batches.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// What tells the time.
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

async fn work(db: Database, clock: Clock, backlog: Arc<Backlog>) {
    let mut failed = HashMap::new();
    loop {
        match round(&db, clock, &backlog, &mut failed).await {
            Ok(true) => {}
            // Whether somebody made a task or the time is up: it is looked either way.
            Ok(false) => drop(timeout(INTERVAL, db.task_made()).await),
            Err(error) => {
                tracing::warn!(code = error.code().as_str(), "background tasks wait for the database");
                sleep(RETRY_AFTER).await;
            }
        }
    }
}

/// One batch of each organization that has tasks. Gives whether any was done.
async fn round(
    db: &Database,
    clock: Clock,
    backlog: &Backlog,
    failed: &mut HashMap<Uuid, Instant>,
) -> AppResult<bool> {
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
    failed.retain(|_, since| since.elapsed() < RETRY_AFTER);
    let mut any = false;
    for Tasks { org_id, .. } in organizations {
        let began = Instant::now();
        if step(db, clock, org_id, failed).await? {
            any = true;
            // Requests come in between.
            sleep((began.elapsed() / 4).min(LONGEST_PAUSE)).await;
        }
    }
    Ok(any)
}

/// One batch of an organization's oldest task that nobody else is at. Gives whether there was one.
async fn step(
    db: &Database,
    clock: Clock,
    organization: OrganizationId,
    failed: &mut HashMap<Uuid, Instant>,
) -> AppResult<bool> {
    let write = db.begin_background().await?;
    let task = Entity::find_in(organization)
        .filter(Column::Id.is_not_in(failed.keys().copied()))
        .order_by_asc(Column::Id)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .one(&write)
        .await?;
    let Some(task) = task else { return Ok(false) };
    if let Err(error) = batch(write, &task, clock()).await
        && !error.is_lost_race()
    {
        tracing::warn!(
            organization = organization.0, task = %task.id, kind = ?task.kind, code = error.code().as_str(), ?error,
            "a background task failed and is tried again later"
        );
        failed.insert(task.id, Instant::now());
    }
    Ok(true)
}

async fn batch(write: Write, task: &Model, now: DateTimeUtc) -> AppResult<()> {
    let batch = update_next(&write, task, now).await?;
    advance(&write, task, batch).await?;
    write.commit().await
}

async fn update_next(db: &Write, task: &Model, now: DateTimeUtc) -> AppResult<Batch> {
    let (organization, subject, position) = (task.org_id, task.subject_id, task.position);
    let ctx = context(task, now);
    match task.kind {
        TaskKind::Account => {
            account_contact::update_next_of_account(db, organization, AccountId(subject), position).await
        }
        TaskKind::Partner => {
            assignments::update_next_of_partner(db, &ctx, organization, PartnerId(subject), position).await
        }
        TaskKind::InternalContact => {
            let person = InternalContactId(subject);
            assignments::update_next_of_person(db, &ctx, organization, person, position).await
        }
        TaskKind::InternalContactMerge => {
            let merged = InternalContactId(subject);
            internal_contact::take_over_next(db, &ctx, organization, merged, position).await
        }
        TaskKind::ContactType => {
            let contact_type = ContactTypeId(subject);
            account_contact::replace_next_of_type(db, &ctx, organization, contact_type, position).await
        }
    }
}

/// The request that made the task, at the time of the batch.
fn context(task: &Model, now: DateTimeUtc) -> RequestContext {
    let organization = task.org_id.0;
    let caller = Caller {
        subject: task.actor.clone(),
        scopes: Scopes::default(),
        organizations: vec![organization],
        organization: Some(organization),
        expires_at: now,
    };
    RequestContext::new(task.request_id.as_str(), now, caller)
}

async fn advance(db: &Write, task: &Model, batch: Batch) -> AppResult<()> {
    if batch.is_last() {
        Entity::delete_in(task.org_id).filter(Column::Id.eq(task.id)).exec(db).await?;
        return Ok(());
    }
    // More may be found than were counted.
    let pending = (task.pending as u64).saturating_sub(batch.count as u64) as i64;
    Entity::update_in(task.org_id)
        .filter(Column::Id.eq(task.id))
        .col_expr(Column::Position, Expr::value(batch.last))
        .col_expr(Column::Pending, Expr::value(pending))
        .exec(db)
        .await?;
    Ok(())
}
