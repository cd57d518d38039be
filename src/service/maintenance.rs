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
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use tokio::{sync::Notify, task::JoinSet, time::sleep};

use super::Database;
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
    /// Starts it. `clock` tells the time.
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
                "background work failed; it is tried again later"
            );
        }
        pause = schedule.interval;
    }
}

/// Deletes the rows of all organizations that have been kept for long enough. Returns `false` when it stopped because another
/// instance does the same work.
pub async fn delete_expired(
    db: &Database,
    retention: Retention,
    now: DateTime<Utc>,
    stats: &Stats,
) -> AppResult<bool> {
    let before = |age: Duration| now - age;
    for organization in organization::Entity::all_ids(db.connection()).await? {
        if let Some(age) = retention.changes
            && !delete_changes(db, organization, before(age), &stats.changes).await?
        {
            return Ok(false);
        }
        let keys = &stats.idempotency_keys;
        if !delete_idempotency_keys(db, organization, before(retention.idempotency_keys), keys).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Deletes the oldest changes of an organization, up to the first one that has not expired, so that the numbers of the
/// others have no gap.
async fn delete_changes(
    db: &Database,
    organization: OrganizationId,
    before: DateTime<Utc>,
    count: &AtomicU64,
) -> AppResult<bool> {
    use change::Column;

    let mut position = 0;
    loop {
        let oldest = change::Entity::find_in(organization)
            .filter(Column::Seq.gt(position))
            .order_by_asc(Column::Seq)
            .limit(BATCH + 1)
            .select_only()
            .columns([Column::Seq, Column::At]);
        let mut oldest: Vec<(i64, DateTime<Utc>)> = oldest.into_tuple().all(db.connection()).await?;
        // The newest change of the organization, which is kept, or the first one of the next batch.
        oldest.pop();
        let expired = oldest.iter().take_while(|(_, at)| *at < before);
        let Some((last, _)) = expired.last().copied() else { return Ok(true) };
        let Some(write) = db.try_begin_upkeep(LOCK_KEY).await? else { return Ok(false) };
        let deleted = change::Entity::delete_in(organization)
            .filter(Column::Seq.gt(position))
            .filter(Column::Seq.lte(last))
            .exec(&write)
            .await?;
        // Last, as writers do: they all wait for this row.
        change_counter::Entity::update_in(organization)
            .set(change_counter::ActiveModel { deleted_through: Set(last), ..Default::default() })
            .filter(change_counter::Column::DeletedThrough.lt(last))
            .exec(&write)
            .await?;
        write.commit().await?;
        count.fetch_add(deleted.rows_affected, Relaxed);
        position = last;
        sleep(PAUSE).await;
    }
}

/// Deletes the idempotency keys of an organization that are too old to be repeated.
async fn delete_idempotency_keys(
    db: &Database,
    organization: OrganizationId,
    before: DateTime<Utc>,
    count: &AtomicU64,
) -> AppResult<bool> {
    use idempotency_key::Column;

    let mut position = DateTime::UNIX_EPOCH;
    loop {
        let oldest = idempotency_key::Entity::find_in(organization)
            .filter(Column::CreatedAt.gt(position))
            .filter(Column::CreatedAt.lt(before))
            .order_by_asc(Column::CreatedAt)
            .limit(BATCH)
            .select_only()
            .column(Column::CreatedAt);
        let oldest: Vec<DateTime<Utc>> = oldest.into_tuple().all(db.connection()).await?;
        let Some(last) = oldest.last().copied() else { return Ok(true) };
        let Some(write) = db.try_begin_upkeep(LOCK_KEY).await? else { return Ok(false) };
        let deleted = idempotency_key::Entity::delete_in(organization)
            .filter(Column::CreatedAt.gt(position))
            .filter(Column::CreatedAt.lte(last))
            .exec(&write)
            .await?;
        write.commit().await?;
        count.fetch_add(deleted.rows_affected, Relaxed);
        position = last;
        sleep(PAUSE).await;
    }
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
