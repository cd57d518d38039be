//! The end of the record of changes, followed for all who listen in this process.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicI64, Ordering::SeqCst},
    },
    time::Duration,
};

use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, DbErr, QueryFilter, QuerySelect, Statement};
use tokio::{
    sync::broadcast::{self, Receiver},
    task::AbortHandle,
    time::{sleep, timeout},
};

use super::{BATCH, Database, KINDS, patiently};
use crate::{
    entity::change::{Column, Entity, Model},
    error::AppResult,
};

/// How often the table is looked at when this process writes nothing: what others write is told this much later at most.
const LOOK: Duration = Duration::from_millis(250);
/// How long is waited between two looks, however much is written.
const PAUSE: Duration = Duration::from_millis(5);
/// How many changes are kept for listeners that are behind, before these have to read the table.
const KEPT: usize = 1024;

/// The tail that is followed as long as anybody listens.
#[derive(Debug, Default)]
pub(super) struct Following(Weak<Tail>);

impl Following {
    /// The tail. The first listener waits until it is known where the record ends.
    pub(super) async fn follow(&mut self, db: &Database) -> AppResult<Arc<Tail>> {
        if let Some(tail) = self.0.upgrade() {
            return Ok(tail);
        }
        let tail = Arc::new(Tail::at(settled(db, 0).await?, db));
        self.0 = Arc::downgrade(&tail);
        Ok(tail)
    }
}

/// The end of the record.
#[derive(Debug)]
pub(super) struct Tail {
    /// The last change that was told.
    position: Arc<AtomicI64>,
    told: broadcast::Sender<Arc<Model>>,
    task: AbortHandle,
}

impl Tail {
    fn at(position: i64, db: &Database) -> Self {
        let (told, _) = broadcast::channel(KEPT);
        let position = Arc::new(AtomicI64::new(position));
        let task = tokio::spawn(tell(db.clone(), Arc::clone(&position), told.clone()));
        Self { position, told, task: task.abort_handle() }
    }

    /// The last change that was told.
    pub(super) fn position(&self) -> i64 {
        self.position.load(SeqCst)
    }

    /// Everything that is told from now on.
    pub(super) fn listen(&self) -> Receiver<Arc<Model>> {
        self.told.subscribe()
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Tells changes for ever.
async fn tell(db: Database, position: Arc<AtomicI64>, told: broadcast::Sender<Arc<Model>>) {
    loop {
        // Whether somebody wrote or the time is up: it is looked either way.
        let _ = timeout(LOOK, db.written()).await;
        let known = position.load(SeqCst);
        let last = patiently(|| settled(&db, known)).await;
        for change in patiently(|| between(&db, known, last)).await {
            // The position first: who begins to listen in between has the change behind it.
            position.store(change.seq, SeqCst);
            // Nobody may be listening just now.
            let _ = told.send(Arc::new(change));
        }
        position.store(last.max(known), SeqCst);
        sleep(PAUSE).await;
    }
}

/// The changes after one and up to another.
async fn between(db: &Database, after: i64, last: i64) -> Result<Vec<Model>, DbErr> {
    let mut changes: Vec<Model> = Vec::new();
    while changes.last().map_or(after, |change| change.seq) < last {
        let after = changes.last().map_or(after, |change| change.seq);
        let some = Entity::find_between(after, last).filter(Column::EntityKind.is_in(KINDS)).limit(BATCH);
        let some = some.all(db.connection()).await?;
        if some.is_empty() {
            break;
        }
        changes.extend(some);
    }
    Ok(changes)
}

/// The newest change, when all of smaller numbers that will ever appear can be seen.
///
/// PostgreSQL gives numbers as they are asked for, not as transactions commit. But who has a smaller number than one that
/// can be seen holds the table's lock since before it had it, until it can be seen itself.
async fn settled(db: &Database, known: i64) -> Result<i64, DbErr> {
    let newest = Entity::newest(db.connection()).await?;
    if newest <= known || db.is_sqlite() {
        return Ok(newest);
    }
    let mut writing = writers(db).await?;
    while !writing.is_empty() {
        sleep(PAUSE).await;
        let still = writers(db).await?;
        writing.retain(|writer| still.contains(writer));
    }
    Ok(newest)
}

/// The transactions that have written to the table of changes, or are about to, by what the server calls them.
const WRITERS: &str = "
    SELECT virtualtransaction FROM pg_locks
    WHERE locktype = 'relation' AND relation = 'change'::regclass AND mode = 'RowExclusiveLock'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

async fn writers(db: &Database) -> Result<Vec<String>, DbErr> {
    let statement = Statement::from_string(DbBackend::Postgres, WRITERS);
    let rows = db.connection().query_all_raw(statement).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}
