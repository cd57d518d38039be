//! The gateway's periodic work: rows that have been kept for as long as the configuration wants are deleted.
//!
//! The work is done in batches. Each is a short transaction with a pause after it, so that no request waits, and so that a
//! process may end at any time. On PostgreSQL the transaction takes a lock that it does not wait for: of many instances one
//! does the work.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set, Value};
use tokio::{sync::Notify, task::JoinSet, time::sleep};

use super::{Database, Write, retry::retried};
use crate::{
    entity::{Scoped, change, change_counter, id::OrganizationId, idempotency_key, organization},
    error::AppResult,
};

/// The key of the advisory lock: "maintain" in ASCII.
const LOCK_KEY: i64 = i64::from_be_bytes(*b"maintain");
/// How many rows are deleted in one transaction.
const BATCH: u64 = 500;
/// How long the pause between two batches is.
const PAUSE: Duration = Duration::from_millis(50);
/// When expired rows are deleted.
const RETENTION: Schedule = Schedule { first: Duration::from_mins(5), interval: Duration::from_hours(1) };

/// How long rows are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Records of changes; `None` keeps them for ever. The newest one of each organization is always kept.
    pub changes: Option<Duration>,
    /// Idempotency keys, from their first use on.
    pub idempotency_keys: Duration,
}

/// What was done since the start, by this process.
#[derive(Debug, Default)]
pub struct Stats {
    /// Deleted records of changes.
    pub changes: AtomicU64,
    /// Deleted idempotency keys.
    pub idempotency_keys: AtomicU64,
    /// Runs of a step that ended with an error.
    pub failures: AtomicU64,
}

/// The periodic work of a gateway. It ends when this is dropped.
#[derive(Debug)]
pub struct Maintenance {
    /// What it did.
    pub stats: Arc<Stats>,
    _tasks: JoinSet<()>,
}

impl Maintenance {
    /// Starts it. `clock` returns the time.
    pub fn start(db: &Database, retention: Retention, clock: fn() -> DateTime<Utc>) -> Self {
        let (stats, mut tasks) = (Arc::<Stats>::default(), JoinSet::new());
        let (db, counts) = (db.clone(), Arc::clone(&stats));
        let delete = move || {
            let (db, counts) = (db.clone(), Arc::clone(&counts));
            async move { delete_expired(&db, retention, clock(), &counts).await.map(drop) }
        };
        tasks.spawn(repeat("retention", RETENTION, Arc::default(), Arc::clone(&stats), delete));
        Self { stats, _tasks: tasks }
    }
}

/// When a step runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    /// How long after the start.
    pub(super) first: Duration,
    /// How long after it ended the last time. Up to a tenth is added at random, so that instances do not go in step.
    pub(super) interval: Duration,
}

/// Runs a step by its schedule, or at once after `wake` was notified, and never ends. After an error it is run again at its
/// next time.
pub(super) async fn repeat<F: Future<Output = AppResult<()>>>(
    name: &'static str,
    schedule: Schedule,
    wake: Arc<Notify>,
    stats: Arc<Stats>,
    step: impl Fn() -> F,
) {
    let mut pause = schedule.first;
    loop {
        let jitter = f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX) / 10.0;
        tokio::select! {
            () = sleep(pause.mul_f64(1.0 + jitter)) => {}
            () = wake.notified() => {}
        }
        if let Err(error) = step().await {
            stats.failures.fetch_add(1, Relaxed);
            tracing::warn!(
                work = name,
                code = error.code().as_str(),
                "background work failed; retrying later"
            );
        }
        pause = schedule.interval;
    }
}

/// Deletes the rows of all organizations that have been kept for long enough. Returns `false` when it stopped because another
/// instance does the same work. An error of one organization is returned after the others were done.
pub async fn delete_expired(
    db: &Database,
    retention: Retention,
    now: DateTime<Utc>,
    stats: &Stats,
) -> AppResult<bool> {
    let mut failure = None;
    for organization in organization::Entity::all_ids(db.connection()).await? {
        match delete_expired_of(db, organization, retention, now, stats).await {
            Ok(true) => {}
            Ok(false) => return failure.map_or(Ok(false), Err),
            Err(error) => {
                tracing::warn!(
                    organization = organization.0,
                    code = error.code().as_str(),
                    "cannot delete expired records of an organization"
                );
                failure = failure.or(Some(error));
            }
        }
    }
    failure.map_or(Ok(true), Err)
}

async fn delete_expired_of(
    db: &Database,
    organization: OrganizationId,
    retention: Retention,
    now: DateTime<Utc>,
    stats: &Stats,
) -> AppResult<bool> {
    if let Some(age) = retention.changes
        && !delete_batches::<change::Entity>(db, organization, now - age, &stats.changes).await?
    {
        return Ok(false);
    }
    let before = now - retention.idempotency_keys;
    delete_batches::<idempotency_key::Entity>(db, organization, before, &stats.idempotency_keys).await
}

/// A table whose rows are deleted when they are old.
trait Expiring: Scoped {
    /// The column by which the rows are deleted, and its type. The older a row, the less it is.
    const POSITION: Self::Column;
    type Position: Copy + Into<Value> + Send + Sync;

    /// The last row of the next batch; `None` when no row is left that was made before that time.
    fn next_batch(
        db: &impl ConnectionTrait,
        organization: OrganizationId,
        after: Option<Self::Position>,
        before: DateTime<Utc>,
    ) -> impl Future<Output = AppResult<Option<Self::Position>>> + Send;

    /// Notes that the rows up to this one were deleted, before the commit.
    fn note(
        write: &Write,
        organization: OrganizationId,
        last: Self::Position,
    ) -> impl Future<Output = AppResult<()>> + Send;
}

/// Changes are deleted up to the first one that has not expired, so that the numbers of the others have no gap.
impl Expiring for change::Entity {
    const POSITION: change::Column = change::Column::Seq;
    type Position = i64;

    async fn next_batch(
        db: &impl ConnectionTrait,
        organization: OrganizationId,
        after: Option<i64>,
        before: DateTime<Utc>,
    ) -> AppResult<Option<i64>> {
        let oldest = rows_after::<Self>(organization, after).limit(BATCH + 1);
        let oldest = oldest.select_only().columns([change::Column::Seq, change::Column::At]);
        let mut oldest: Vec<(i64, DateTime<Utc>)> = oldest.into_tuple().all(db).await?;
        // The newest change of the organization, which is kept, or the first one of the next batch.
        oldest.pop();
        let expired = oldest.iter().take_while(|(_, at)| *at < before);
        Ok(expired.last().map(|(seq, _)| *seq))
    }

    /// Locks the counter last, as writers do: they all wait for its row.
    async fn note(write: &Write, organization: OrganizationId, last: i64) -> AppResult<()> {
        change_counter::Entity::update_in(organization)
            .set(change_counter::ActiveModel { deleted_through: Set(last), ..Default::default() })
            .filter(change_counter::Column::DeletedThrough.lt(last))
            .exec(write)
            .await?;
        Ok(())
    }
}

impl Expiring for idempotency_key::Entity {
    const POSITION: idempotency_key::Column = idempotency_key::Column::CreatedAt;
    type Position = DateTime<Utc>;

    async fn next_batch(
        db: &impl ConnectionTrait,
        organization: OrganizationId,
        after: Option<DateTime<Utc>>,
        before: DateTime<Utc>,
    ) -> AppResult<Option<DateTime<Utc>>> {
        let oldest = rows_after::<Self>(organization, after).filter(Self::POSITION.lt(before)).limit(BATCH);
        let oldest: Vec<DateTime<Utc>> =
            oldest.select_only().column(Self::POSITION).into_tuple().all(db).await?;
        Ok(oldest.last().copied())
    }

    async fn note(_: &Write, _: OrganizationId, _: DateTime<Utc>) -> AppResult<()> {
        Ok(())
    }
}

/// The rows of an organization after a position, the oldest first.
fn rows_after<E: Expiring>(organization: OrganizationId, after: Option<E::Position>) -> Select<E> {
    let rows = E::find_in(organization).order_by_asc(E::POSITION);
    match after {
        Some(after) => rows.filter(E::POSITION.gt(after)),
        None => rows,
    }
}

/// Deletes the expired rows of an organization in batches. Returns `false` when another instance does.
async fn delete_batches<E: Expiring>(
    db: &Database,
    organization: OrganizationId,
    before: DateTime<Utc>,
    count: &AtomicU64,
) -> AppResult<bool> {
    let mut position = None;
    while let Some(last) = E::next_batch(db.connection(), organization, position, before).await? {
        // Erasing a contact locks changes in another order, so one of the two may have to begin again.
        let batch = retried(|| delete_batch::<E>(db, organization, (position, last)));
        let Some(deleted) = batch.await? else { return Ok(false) };
        count.fetch_add(deleted, Relaxed);
        position = Some(last);
        sleep(PAUSE).await;
    }
    Ok(true)
}

/// Deletes the rows after a position, up to the last one; gives how many there were, or `None` when another instance deletes
/// rows.
async fn delete_batch<E: Expiring>(
    db: &Database,
    organization: OrganizationId,
    (after, last): (Option<E::Position>, E::Position),
) -> AppResult<Option<u64>> {
    let Some(write) = db.try_begin_upkeep(LOCK_KEY).await? else { return Ok(None) };
    match delete_rows::<E>(&write, organization, (after, last)).await {
        Ok(deleted) => write.commit().await.map(|()| Some(deleted)),
        Err(error) => {
            // The lock must be free for the next organization. What undoing says is no news after the error.
            let _ = write.rollback().await;
            Err(error)
        }
    }
}

async fn delete_rows<E: Expiring>(
    write: &Write,
    organization: OrganizationId,
    (after, last): (Option<E::Position>, E::Position),
) -> AppResult<u64> {
    let mut rows = E::delete_in(organization).filter(E::POSITION.lte(last));
    if let Some(after) = after {
        rows = rows.filter(E::POSITION.gt(after));
    }
    let deleted = rows.exec(write).await?;
    E::note(write, organization, last).await?;
    Ok(deleted.rows_affected)
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;
    use crate::error::AppError;

    const LONG: Schedule = Schedule { first: Duration::from_hours(1), interval: Duration::from_hours(1) };

    /// Waits until a step that always fails has run so often.
    async fn failed(stats: &Stats, count: u64) {
        let waiting = async {
            while stats.failures.load(Relaxed) < count {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(20), waiting).await.expect("another run");
    }

    fn start(schedule: Schedule, wake: &Arc<Notify>) -> (Arc<Stats>, JoinSet<()>) {
        let (stats, mut tasks) = (Arc::<Stats>::default(), JoinSet::new());
        let fail = || async { Err(AppError::Internal("a failure".into())) };
        tasks.spawn(repeat("test", schedule, Arc::clone(wake), Arc::clone(&stats), fail));
        (stats, tasks)
    }

    #[tokio::test]
    async fn a_step_that_failed_is_run_again() {
        let schedule = Schedule { first: Duration::ZERO, interval: Duration::from_millis(1) };
        let (stats, tasks) = start(schedule, &Arc::default());
        failed(&stats, 3).await;
        drop(tasks);
    }

    #[tokio::test]
    async fn a_step_is_woken() {
        let wake = Arc::<Notify>::default();
        let (stats, _tasks) = start(LONG, &wake);
        for count in 1..3 {
            wake.notify_one();
            failed(&stats, count).await;
        }
        assert_eq!(stats.failures.load(Relaxed), 2);
    }
}
