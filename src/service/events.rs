//! What is told to subscribers: the changes of contacts, in the order of the record and without gaps.
//!
//! One tail for each process follows the table of changes while anybody listens. It tells a change only when none of a
//! smaller number can still appear, and hands it to all subscribers; each takes what is of its organization and of
//! interest to it. Who begins at an earlier change, or cannot keep up, reads the table until it has caught up: nothing
//! waits in memory for a slow one, and nothing is lost to it. docs/adr/0016 says why it is done this way.

mod interest;
mod shares;
mod tail;

use std::{collections::VecDeque, sync::Arc, thread::available_parallelism, time::Duration};

use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::{
    sync::{
        Mutex, OwnedSemaphorePermit, Semaphore,
        broadcast::{Receiver, error::RecvError},
    },
    time::sleep,
};

pub use self::interest::Interest;
use self::{
    shares::{Share, Shares},
    tail::{Following, Tail},
};
use super::{Database, cursor::Cursor, page::Paged, record::Recorded};
use crate::{
    entity::{
        Scoped, account_contact,
        change::{Column, Entity, Model},
        id::{OrganizationId, PublicId},
        internal_contact, internal_contact_assignment, organization_contact,
    },
    error::{AppError, AppResult, Code},
};

/// The kinds of rows whose changes are told, as the record has them.
const KINDS: [&str; 4] = [INTERNAL, ASSIGNMENT, ACCOUNT, ORGANIZATION];
const INTERNAL: &str = internal_contact::Entity::KIND;
/// The kind of those that are told as changes of the person.
const ASSIGNMENT: &str = internal_contact_assignment::Entity::KIND;
const ACCOUNT: &str = account_contact::Entity::KIND;
const ORGANIZATION: &str = organization_contact::Entity::KIND;
/// How long is waited after the database gave an error.
const TROUBLE: Duration = Duration::from_secs(1);
/// How many changes are read at once.
const BATCH: u64 = 200;

/// The feed of one process.
#[derive(Debug)]
pub struct Feed {
    db: Database,
    places: Arc<Semaphore>,
    count: usize,
    shares: Arc<Shares>,
    turns: Arc<Semaphore>,
    tail: Mutex<Following>,
}

impl Feed {
    /// A feed that so many may listen to at once, and each caller so often.
    pub fn new(db: &Database, count: usize, share: usize) -> Self {
        let places = Arc::new(Semaphore::new(count));
        let turns = Arc::new(Semaphore::new(available_parallelism().map_or(1, usize::from)));
        let shares = Shares::new(share);
        Self { db: db.bypass_rls(), places, count, shares, turns, tail: Mutex::default() }
    }

    /// How many listen.
    pub fn listening(&self) -> usize {
        self.count - self.places.available_permits()
    }

    /// How many may listen at once.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Listens to an organization's changes: to those after `after`, else to all that are committed from now on.
    ///
    /// `db` is the database as the caller may see it. Fails when too many listen, or too many in the name of this subject, or
    /// the database does not answer.
    pub async fn listen(
        &self,
        db: Database,
        (subject, organization): (&str, OrganizationId),
        interest: Interest,
        after: Option<i64>,
    ) -> AppResult<Listener> {
        let share = self.shares.take(subject, organization.0).ok_or_else(|| self.too_many())?;
        let tail = self.tail.lock().await.follow(&self.db).await?;
        // In this order: what is told in between is passed over when it comes, because the position has it already.
        let told = tail.listen();
        let now = tail.position();
        let position = after.unwrap_or(now);
        let catching_up = (position < now).then_some(now);
        let read = VecDeque::new();
        let turns = Arc::clone(&self.turns);
        // At the end, so that those who are counted hear all that is committed from then on.
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| full())?;
        Ok(Listener {
            db,
            organization,
            interest,
            turns,
            tail,
            told,
            position,
            catching_up,
            read,
            _place: place,
            _share: share,
        })
    }

    fn too_many(&self) -> AppError {
        let message = format!("You have {} subscriptions open, which is the most.", self.shares.most());
        AppError::request(Code::RateLimited, message)
    }
}

fn full() -> AppError {
    AppError::request(Code::Overloaded, "Too many subscriptions are open. Try again later.")
}

/// The place of a cursor in the record.
pub fn position(cursor: &str) -> AppResult<i64> {
    let order = Entity::ORDER;
    let cursor = Cursor::decode(cursor, order.name, order.keys.iter().copied())?;
    match cursor.keys[..] {
        [super::cursor::CursorKey::Integer(seq)] => Ok(seq),
        _ => Err(AppError::Internal("a cursor of changes without a number".into())),
    }
}

/// A change of a contact, being told. Only as many as there are cores are at once: a change that thousands listen to must
/// not keep requests from being answered.
#[derive(Debug)]
pub struct Event {
    /// What was done.
    pub change: Arc<Model>,
    /// To whom.
    pub contact: PublicId,
    _turn: Option<OwnedSemaphorePermit>,
}

/// Somebody who listens.
pub struct Listener {
    db: Database,
    organization: OrganizationId,
    interest: Interest,
    turns: Arc<Semaphore>,
    tail: Arc<Tail>,
    told: Receiver<Arc<Model>>,
    /// The last change that was looked at.
    position: i64,
    /// The change up to which the table is to be read.
    catching_up: Option<i64>,
    /// What was read of the table and not looked at.
    read: VecDeque<Arc<Model>>,
    _place: OwnedSemaphorePermit,
    _share: Share,
}

impl Listener {
    /// Waits for the next change of interest. Nothing is lost when this is given up.
    pub async fn next(&mut self) -> Event {
        loop {
            let change = self.next_change().await;
            let Self { interest, db, organization, .. } = &*self;
            // Nobody closes it.
            let turn = Arc::clone(&self.turns).acquire_owned().await.ok();
            let contact = patiently(|| interest.contact_of(db.connection(), *organization, &change)).await;
            self.take(&change);
            if let Some(contact) = contact {
                return Event { change, contact, _turn: turn };
            }
        }
    }

    /// The change was looked at.
    fn take(&mut self, change: &Model) {
        self.position = change.seq;
        if self.read.front().is_some_and(|first| first.seq == change.seq) {
            self.read.pop_front();
        }
    }

    async fn next_change(&mut self) -> Arc<Model> {
        loop {
            if let Some(change) = self.read.front() {
                return Arc::clone(change);
            }
            if let Some(last) = self.catching_up {
                self.read_up_to(last).await;
                continue;
            }
            match self.told.recv().await {
                Ok(change) if change.org_id == self.organization && change.seq > self.position => {
                    // Kept until it was looked at.
                    self.read.push_back(change);
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => self.catching_up = Some(self.tail.position()),
                // The tail holds the other end as long as this holds the tail.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    async fn read_up_to(&mut self, last: i64) {
        let changes = Entity::find_in(self.organization)
            .filter(Column::Seq.gt(self.position))
            .filter(Column::Seq.lte(last))
            .filter(Column::EntityKind.is_in(KINDS))
            .order_by_asc(Column::Seq)
            .limit(BATCH);
        let changes = patiently(|| changes.clone().all(self.db.connection())).await;
        if changes.is_empty() {
            self.position = self.position.max(last);
            self.catching_up = None;
        }
        self.read.extend(changes.into_iter().map(Arc::new));
    }
}

/// Does it until the database gives no error: a subscriber waits for a database that is gone, as it waits for changes.
async fn patiently<T, E: Into<AppError>, F: Future<Output = Result<T, E>>>(work: impl Fn() -> F) -> T {
    loop {
        match work().await {
            Ok(done) => return done,
            Err(error) => {
                let error: AppError = error.into();
                tracing::warn!(code = error.code().as_str(), "the feed waits for the database");
                sleep(TROUBLE).await;
            }
        }
    }
}
