//! The tails of the change logs that have listeners: one for each organization, read once for all its listeners.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use sea_orm::ConnectionTrait;
use tokio::{
    sync::{
        Notify, OwnedSemaphorePermit, Semaphore,
        watch::{Receiver, Sender},
    },
    task::AbortHandle,
    time::{Instant, sleep, timeout},
};

use super::{
    BATCH, STATEMENT_TIMEOUT, limited,
    log::{self, Entry, Read},
};
use crate::{
    entity::{change_counter, id::OrganizationId},
    error::{AppError, AppResult, database_code},
    service::{Database, change::Position},
};

/// How often the counters are read when this process commits nothing: what others commit is delivered this much later.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// The pause between two reads of the counters, however much is committed.
const PAUSE: Duration = Duration::from_millis(5);
/// How long the statement for the counters of all organizations may take. When it fails, each organization is read for itself.
const COUNTERS_TIMEOUT: Duration = Duration::from_secs(1);
/// How many organizations are read at once.
const READERS: usize = 4;
/// How many of those whose last read failed are read at once, beside the others.
const RETRIES: usize = 2;
/// The wait after the first failed read. Each further failure doubles it.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// The longest wait after a failed read.
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);
/// How many changes the process keeps for listeners that are behind, before these read the table.
const KEPT: usize = 1024;

/// The tails of all logs that have listeners.
#[derive(Debug)]
pub(super) struct ChangeFeedTails {
    shared: Arc<Shared>,
    poller: Mutex<Option<AbortHandle>>,
}

#[derive(Debug)]
struct Shared {
    db: Database,
    tails: Mutex<HashMap<OrganizationId, Weak<ChangeFeedTail>>>,
    /// Notified when a log gets its first listener.
    wanted: Notify,
    readers: Semaphore,
    retries: Semaphore,
    /// The logs of the changes that are kept, the oldest first.
    kept: Mutex<VecDeque<Weak<Log>>>,
    errors: AtomicU64,
}

impl ChangeFeedTails {
    pub(super) fn new(db: Database) -> Self {
        let shared = Shared {
            db,
            tails: Mutex::default(),
            wanted: Notify::new(),
            readers: Semaphore::new(READERS),
            retries: Semaphore::new(RETRIES),
            kept: Mutex::default(),
            errors: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared), poller: Mutex::default() }
    }

    /// The tail of an organization's log. Its first listener waits until the end of the log is known.
    pub(super) async fn follow(&self, organization: OrganizationId) -> AppResult<Arc<ChangeFeedTail>> {
        if let Some(tail) = lock(&self.shared.tails).get(&organization).and_then(Weak::upgrade) {
            return Ok(tail);
        }
        let read_at = Instant::now();
        let end = limited(STATEMENT_TIMEOUT, log::end(self.shared.db.connection(), organization)).await?;
        let tail = self.shared.add(organization, end, read_at);
        self.start_poller();
        self.shared.wanted.notify_one();
        Ok(tail)
    }

    fn start_poller(&self) {
        let mut poller = lock(&self.poller);
        if poller.as_ref().is_none_or(AbortHandle::is_finished) {
            *poller = Some(tokio::spawn(poll(Arc::clone(&self.shared))).abort_handle());
        }
    }

    /// The time since the organization that is furthest behind was last read completely.
    pub(super) fn lag(&self) -> Duration {
        let lags = self.shared.active().into_iter().map(|tail| lock(&tail.log.complete_at).elapsed());
        lags.max().unwrap_or_default()
    }

    /// How many reads failed, rows could not be decoded, and gaps were found.
    pub(super) fn errors(&self) -> u64 {
        self.shared.errors.load(Relaxed)
    }
}

impl Drop for ChangeFeedTails {
    fn drop(&mut self) {
        if let Some(poller) = &*lock(&self.poller) {
            poller.abort();
        }
    }
}

impl Shared {
    fn add(
        self: &Arc<Self>,
        organization: OrganizationId,
        end: Position,
        read_at: Instant,
    ) -> Arc<ChangeFeedTail> {
        let mut tails = lock(&self.tails);
        // Another listener may have come first.
        if let Some(tail) = tails.get(&organization).and_then(Weak::upgrade) {
            return tail;
        }
        let log = Arc::new(Log {
            organization,
            state: Sender::new(State { epoch: 0, end, recent: VecDeque::new() }),
            counter: Sender::new(Counter { seq: end.seq, read_at }),
            complete_at: Mutex::new(read_at),
        });
        let reader = tokio::spawn(follow(Arc::clone(&log), Arc::clone(self))).abort_handle();
        let (failing, retries) = (AtomicUsize::new(0), Arc::new(Semaphore::new(1)));
        let tail = Arc::new(ChangeFeedTail { log, reader, failing, retries });
        tails.insert(organization, Arc::downgrade(&tail));
        tail
    }

    /// The tails that have listeners; forgets the others.
    fn active(&self) -> Vec<Arc<ChangeFeedTail>> {
        let mut tails = lock(&self.tails);
        tails.retain(|_, tail| tail.strong_count() > 0);
        tails.values().filter_map(Weak::upgrade).collect()
    }

    fn count_error(&self) {
        self.errors.fetch_add(1, Relaxed);
    }

    /// Hands changes to the listeners of a log, and forgets the oldest ones of any log when too many are kept.
    fn publish(&self, log: &Arc<Log>, entries: Vec<Entry>) {
        if entries.is_empty() {
            return;
        }
        let count = entries.len();
        for entry in entries.iter().filter(|entry| entry.change.is_none()) {
            let (organization, seq) = (log.organization.0, entry.position.seq);
            tracing::error!(organization, seq, "cannot decode a change");
            self.count_error();
        }
        log.state.send_modify(|state| {
            for entry in entries {
                state.end = entry.position;
                state.recent.push_back(Arc::new(entry));
            }
        });
        let mut kept = lock(&self.kept);
        kept.extend(std::iter::repeat_n(Arc::downgrade(log), count));
        while kept.len() > KEPT {
            if let Some(log) = kept.pop_front().and_then(|log| log.upgrade()) {
                // Listeners need not wake up for this.
                log.state.send_if_modified(|state| {
                    state.recent.pop_front();
                    false
                });
            }
        }
    }
}

/// The end of an organization's log as listeners hold it. It is read until the last of them is gone.
#[derive(Debug)]
pub(super) struct ChangeFeedTail {
    log: Arc<Log>,
    reader: AbortHandle,
    /// How many of its listeners try a statement again that failed.
    failing: AtomicUsize,
    /// One of them does at a time.
    retries: Arc<Semaphore>,
}

impl ChangeFeedTail {
    /// Subscribes to the state of the log.
    pub(super) fn watch(&self) -> Receiver<State> {
        self.log.state.subscribe()
    }

    /// Whether a listener's statement failed and was not repeated with success since.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Relaxed) > 0
    }

    /// Waits until no other listener of the organization tries again.
    pub(super) async fn retry(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.retries).acquire_owned().await.ok()
    }
}

/// Counts a listener among the failing ones of its organization, until it is dropped.
pub(super) struct Failing(Arc<ChangeFeedTail>);

impl Failing {
    pub(super) fn new(tail: &Arc<ChangeFeedTail>) -> Self {
        tail.failing.fetch_add(1, Relaxed);
        Self(Arc::clone(tail))
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        self.0.failing.fetch_sub(1, Relaxed);
    }
}

impl Drop for ChangeFeedTail {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

#[derive(Debug)]
struct Log {
    organization: OrganizationId,
    state: Sender<State>,
    counter: Sender<Counter>,
    /// When the log was last known to be read to its end.
    complete_at: Mutex<Instant>,
}

/// The organization's counter, and when it was read.
#[derive(Clone, Copy, Debug)]
struct Counter {
    seq: i64,
    read_at: Instant,
}

/// The part of a log that was read last.
#[derive(Debug)]
pub(super) struct State {
    /// Grows when the log did not go on from where it had been read to. Listeners check their positions then.
    pub(super) epoch: u64,
    /// The last change that was read.
    pub(super) end: Position,
    /// The last changes, without a gap.
    recent: VecDeque<Arc<Entry>>,
}

impl State {
    /// The change with this number, if it is kept.
    pub(super) fn recent(&self, seq: i64) -> Option<&Arc<Entry>> {
        let first = self.recent.front()?.position.seq;
        self.recent.get(usize::try_from(seq - first).ok()?)
    }
}

/// Reads the counters of all organizations that have listeners, until it is aborted.
async fn poll(shared: Arc<Shared>) {
    let mut is_failing = false;
    loop {
        let tails = shared.active();
        if tails.is_empty() {
            shared.wanted.notified().await;
            continue;
        }
        let read_at = Instant::now();
        let counters = limited(COUNTERS_TIMEOUT, counters(&shared.db, &tails)).await;
        if let Err(error) = &counters {
            shared.count_error();
            if !is_failing {
                tracing::warn!(error = reason(error), "cannot read the counters of the change logs");
            }
        }
        is_failing = counters.is_err();
        for tail in &tails {
            let log = &tail.log;
            let seq = counters.as_ref().ok().map(|counters| counters.get(&log.organization).copied());
            log.announce(seq.map(Option::unwrap_or_default), read_at);
        }
        drop(tails);
        sleep(PAUSE).await;
        // The counters are read either way: after a commit of this process, or when the time is up.
        let _ = timeout(POLL_INTERVAL, shared.db.written()).await;
    }
}

/// The last numbers of these organizations.
async fn counters(db: &Database, tails: &[Arc<ChangeFeedTail>]) -> AppResult<HashMap<OrganizationId, i64>> {
    let db = db.connection();
    let organizations = tails.iter().map(|tail| tail.log.organization);
    let rows = change_counter::Entity::find_among(db.get_database_backend(), organizations).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.org_id, row.seq)).collect())
}

impl Log {
    /// Takes in the counter that was read. Without one, because it could not be read, the log itself is read.
    fn announce(&self, seq: Option<i64>, read_at: Instant) {
        let end = self.state.borrow().end.seq;
        self.counter.send_if_modified(|counter| {
            *counter = Counter { seq: seq.unwrap_or(counter.seq), read_at };
            seq != Some(end)
        });
        if seq == Some(end) {
            *lock(&self.complete_at) = read_at;
        }
    }

    /// Reads the changes behind the last one that was read; whether the log was read to its end.
    async fn read(self: &Arc<Self>, shared: &Shared, through: i64, limit: u64) -> AppResult<bool> {
        let db = shared.db.connection();
        let end = self.state.borrow().end;
        let read = log::read_after(db, self.organization, end, through, limit);
        match limited(STATEMENT_TIMEOUT, read).await? {
            Read::Changes(entries) => {
                let is_complete = (entries.len() as u64) < limit;
                shared.publish(self, entries);
                Ok(is_complete)
            }
            Read::Lost(loss) => {
                let next = limited(STATEMENT_TIMEOUT, log::end(db, self.organization)).await?;
                let (organization, after, next_seq) = (self.organization.0, end.seq, next.seq);
                tracing::error!(organization, after, next_seq, ?loss, "gap in the change log");
                shared.count_error();
                self.state.send_modify(|state| {
                    state.epoch += 1;
                    state.end = next;
                    state.recent.clear();
                });
                Ok(true)
            }
        }
    }
}

/// Reads a log whenever its counter has changed, and again until that succeeds.
async fn follow(log: Arc<Log>, shared: Arc<Shared>) {
    let mut counter = log.counter.subscribe();
    let (mut failures, mut limit) = (0, BATCH);
    while counter.changed().await.is_ok() {
        loop {
            let Counter { seq, read_at } = *counter.borrow_and_update();
            let permits = if failures == 0 { &shared.readers } else { &shared.retries };
            // Nobody closes them.
            let permit = permits.acquire().await.ok();
            let read = log.read(&shared, seq, limit).await;
            drop(permit);
            match read {
                Ok(is_complete) => {
                    (failures, limit) = (0, (limit * 2).min(BATCH));
                    if is_complete {
                        *lock(&log.complete_at) = read_at;
                        break;
                    }
                }
                Err(error) => {
                    shared.count_error();
                    let (organization, error) = (log.organization.0, reason(&error));
                    tracing::warn!(organization, error, failures, "cannot read a change log");
                    // One row at a time: the rows together may be more than can be read in time.
                    limit = 1;
                    sleep(FIRST_BACKOFF.saturating_mul(1 << failures.min(10)).min(LONGEST_BACKOFF)).await;
                    failures += 1;
                }
            }
        }
    }
}

/// What may be logged of an error.
fn reason(error: &AppError) -> String {
    match error {
        AppError::Database(error) => database_code(error),
        other => other.code().as_str().to_owned(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing between two steps can panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
