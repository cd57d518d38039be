//! The change feed: delivers the changes of contacts to subscribers, each organization's in the order of its log, without gaps.
//!
//! While somebody listens to an organization, one task of the process reads the end of its change log and hands the new
//! changes to all listeners; each takes those of interest to it. A listener that begins at an earlier change, or cannot keep
//! up, reads the table, a few changes at a time, until it has caught up: nothing is lost to it. Organizations are read
//! independently of one another. docs/adr/0016 says why it is done this way.

mod interest;
mod log;
mod tail;

use std::{collections::VecDeque, sync::Arc, thread::available_parallelism, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch::Receiver},
    time::{sleep, timeout},
};

pub use self::interest::Interest;
use self::{
    log::{Entry, Loss, Read},
    tail::{ChangeFeedTail, ChangeFeedTails, Failing, State},
};
use super::{
    Database, ReadContext,
    change::{Position, cursor_lost},
    record::Recorded,
};
use crate::{
    entity::{
        account_contact,
        change::Model,
        id::{OrganizationId, PublicId},
        internal_contact, internal_contact_assignment, organization_contact,
    },
    error::{AppError, AppResult, Code},
    fair_share::{FairQueue, Permit, Principal, Quota, Share, Subject, half},
};

/// The kinds of changes that are delivered.
const INTERNAL: &str = internal_contact::Entity::KIND;
/// Delivered as changes of the person.
const ASSIGNMENT: &str = internal_contact_assignment::Entity::KIND;
const ACCOUNT: &str = account_contact::Entity::KIND;
const ORGANIZATION: &str = organization_contact::Entity::KIND;
/// The wait after a statement failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long a statement of the feed may take, whatever the database allows.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);
/// How many changes are read at once for all listeners of an organization.
const BATCH: u64 = 200;
/// How many changes a listener that is behind reads at once. It keeps them while its client does not read, and each may be
/// large, so they are few.
const CATCH_UP_BATCH: u64 = 8;
/// How many listeners that are behind read the table at once, so that others find a connection.
const CATCHING_UP: usize = 2;
/// How many organizations whose last statement failed are tried again at once, beside the others.
const RETRIES: usize = 2;

/// The feed of one process.
#[derive(Debug)]
pub struct Feed {
    places: Arc<Semaphore>,
    count: usize,
    subjects: Arc<Quota<Subject>>,
    organizations: Arc<Quota<OrganizationId>>,
    turns: Arc<Turns>,
    catching_up: Arc<Turns>,
    tails: ChangeFeedTails,
}

/// How many subscriptions may be open at once.
#[derive(Clone, Copy, Debug)]
pub struct SubscriptionLimits {
    /// In the process.
    pub total: usize,
    /// Of a subject, in all its organizations together.
    pub of_subject: usize,
    /// Of an organization.
    pub of_organization: usize,
}

impl Feed {
    /// A feed that so many may listen to at once.
    pub fn new(db: &Database, limits: SubscriptionLimits) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limits.total)),
            count: limits.total,
            subjects: Quota::new(limits.of_subject),
            organizations: Quota::new(limits.of_organization),
            turns: Turns::new(available_parallelism().map_or(1, usize::from)),
            catching_up: Turns::new(CATCHING_UP),
            tails: ChangeFeedTails::new(db.bypass_rls()),
        }
    }

    /// How many listen.
    pub fn listener_count(&self) -> usize {
        self.count - self.places.available_permits()
    }

    /// How many may listen at once.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The time since the organization that is furthest behind, of those that somebody listens to, was last read completely.
    pub fn lag(&self) -> Duration {
        self.tails.lag()
    }

    /// How often reading a log failed, a row could not be decoded, or a log did not go on from where it had been read to.
    pub fn errors(&self) -> u64 {
        self.tails.errors()
    }

    /// Listens to an organization's changes: to those after `after`, else to all that are committed from now on.
    ///
    /// `db` is the database as the caller may see it. Fails when too many listen, or too many of this subject or organization, when
    /// the database does not answer, and when `after` is not in the log any more.
    pub async fn listen(
        &self,
        db: Database,
        (subject, organization): (&str, OrganizationId),
        interest: Interest,
        after: Option<Position>,
    ) -> AppResult<Listener> {
        let principal = Principal::new(subject, Some(organization.0));
        let of_subject = self.subjects.take(&principal.subject, 1);
        let of_subject = of_subject.ok_or_else(|| too_many("You have", self.subjects.most()))?;
        let of_organization = self.organizations.take(&organization, 1);
        let of_organization =
            of_organization.ok_or_else(|| too_many("Your organization has", self.organizations.most()))?;
        let tail = self.tails.follow(organization).await?;
        let state = tail.watch();
        let (epoch, end) = {
            let state = state.borrow();
            (state.epoch, state.end)
        };
        if let Some(after) = after {
            limited(STATEMENT_TIMEOUT, after.verify(db.connection(), organization)).await?;
        }
        let position = after.unwrap_or(end);
        // At the end, so that those who are counted hear all that is committed from then on.
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| full())?;
        Ok(Listener {
            db,
            organization,
            principal,
            interest,
            turns: Arc::clone(&self.turns),
            catching_up: Arc::clone(&self.catching_up),
            batch: CATCH_UP_BATCH,
            state,
            epoch,
            position,
            is_verified: true,
            delivered: position,
            read: VecDeque::new(),
            tail,
            _place: place,
            _shares: (of_subject, of_organization),
        })
    }
}

fn too_many(whose: &str, most: usize) -> AppError {
    AppError::request(
        Code::RateLimited,
        format!("{whose} {most} open subscriptions, the maximum. Close one first."),
    )
}

/// How many listeners of the process do something at once.
#[derive(Debug)]
struct Turns {
    regular: Arc<FairQueue>,
    /// Those whose events read whole tables, before they wait for a regular turn: they leave some of those to others.
    heavy: Arc<FairQueue>,
    /// Those of organizations that fail: each is held for as long as a statement may take.
    retries: Arc<FairQueue>,
}

/// What a listener holds while it does something.
#[derive(Debug)]
struct Turn {
    _of_process: Permit,
    _heavy: Option<Permit>,
    _of_organization: Option<OwnedSemaphorePermit>,
}

impl Turns {
    fn new(count: usize) -> Arc<Self> {
        let (regular, heavy) = (FairQueue::new(count.max(2)), FairQueue::new(half(count)));
        Arc::new(Self { regular, heavy, retries: FairQueue::new(RETRIES) })
    }

    /// Waits for the turn of a listener of this organization. While a statement of one of its listeners fails, they try
    /// one after the other, and keep no others waiting.
    async fn acquire(&self, principal: &Principal, tail: &ChangeFeedTail, is_heavy: bool) -> Turn {
        if !tail.is_failing() {
            let heavy = if is_heavy { Some(self.heavy.acquire(principal).await) } else { None };
            let permit = self.regular.acquire(principal).await;
            // It may have begun to fail while this one waited.
            if !tail.is_failing() {
                return Turn { _of_process: permit, _heavy: heavy, _of_organization: None };
            }
        }
        let of_organization = tail.retry().await;
        let permit = self.retries.acquire(principal).await;
        Turn { _of_process: permit, _heavy: None, _of_organization: of_organization }
    }
}

fn full() -> AppError {
    AppError::request(Code::Overloaded, "The server has too many open subscriptions. Try again later.")
}

/// A change of a contact, being delivered. Only as many as there are cores are at once, and half of them of one
/// subject: a change that thousands listen to must not keep requests from being answered.
#[derive(Debug)]
pub struct Event {
    /// What was done.
    pub change: Arc<Model>,
    /// The contact that was changed.
    pub contact: PublicId,
    _turn: Turn,
}

/// Why there is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// The change with this number cannot be read. Those after it can be.
    Unreadable(i64),
    /// The log does not go on from where the listener is. There are no more events.
    CursorLost,
}

impl From<Interruption> for AppError {
    fn from(interruption: Interruption) -> Self {
        match interruption {
            Interruption::Unreadable(seq) => Self::request(
                Code::Internal,
                format!("The change with the number {seq} cannot be read. Later changes follow."),
            ),
            Interruption::CursorLost => cursor_lost(),
        }
    }
}

/// A listener to one organization's changes.
pub struct Listener {
    db: Database,
    organization: OrganizationId,
    principal: Principal,
    interest: Interest,
    turns: Arc<Turns>,
    catching_up: Arc<Turns>,
    /// How many changes are read of the table at once.
    batch: u64,
    state: Receiver<State>,
    /// The epoch of the log that the position belongs to.
    epoch: u64,
    /// The last change that was looked at.
    position: Position,
    /// Whether the position is known to be in the log of this epoch.
    is_verified: bool,
    /// The last position that the client knows of.
    delivered: Position,
    /// What was read of the table and not looked at.
    read: VecDeque<Arc<Entry>>,
    tail: Arc<ChangeFeedTail>,
    _place: OwnedSemaphorePermit,
    _shares: (Share<Subject>, Share<OrganizationId>),
}

impl Listener {
    /// Waits for the next change of interest. Nothing is lost when this is given up.
    pub async fn next(&mut self) -> Result<Event, Interruption> {
        loop {
            let entry = self.next_entry().await?;
            let Some(change) = &entry.change else { return Err(self.pass_unreadable(&entry)) };
            let Ok((contact, turn)) = self.contact_of(change).await else {
                return Err(self.pass_unreadable(&entry));
            };
            self.pass(&entry);
            if let Some(contact) = contact {
                self.delivered = entry.position;
                return Ok(Event { change: Arc::clone(change), contact, _turn: turn });
            }
        }
    }

    /// The contact that was changed, if the change is of interest, and the turn to deliver it. Fails when the change cannot be
    /// understood. The turn is taken anew for each attempt: others go on while this one waits for the database.
    async fn contact_of(&self, change: &Model) -> AppResult<(Option<PublicId>, Turn)> {
        let mut failing = None;
        loop {
            let turn = self.turns.acquire(&self.principal, &self.tail, self.db.is_heavy()).await;
            let contact = self.interest.contact_of(ReadContext::new(&self.db, self.organization), change);
            match limited(STATEMENT_TIMEOUT, contact).await {
                Err(error) if matches!(error.code(), Code::Unavailable | Code::Timeout) => {
                    failing.get_or_insert_with(|| Failing::new(&self.tail));
                    drop(turn);
                    wait_after(&error).await;
                }
                other => return Ok((other?, turn)),
            }
        }
    }

    /// The change was looked at.
    fn pass(&mut self, entry: &Entry) {
        self.position = entry.position;
        if self.read.front().is_some_and(|first| first.position.seq == entry.position.seq) {
            self.read.pop_front();
        }
    }

    fn pass_unreadable(&mut self, entry: &Entry) -> Interruption {
        self.pass(entry);
        self.delivered = entry.position;
        Interruption::Unreadable(entry.position.seq)
    }

    async fn next_entry(&mut self) -> Result<Arc<Entry>, Interruption> {
        loop {
            let end = {
                let state = self.state.borrow_and_update();
                if state.epoch != self.epoch {
                    self.epoch = state.epoch;
                    self.is_verified = false;
                    self.read.clear();
                }
                let next = self.read.front().or_else(|| state.recent(self.position.seq + 1));
                if let Some(entry) = next.filter(|_| self.is_verified) {
                    return Ok(Arc::clone(entry));
                }
                state.end.seq
            };
            if !self.is_verified || self.position.seq < end {
                self.read_table(end).await?;
                if !self.read.is_empty() || self.position.seq >= end {
                    continue;
                }
                // The log is shorter than the tail knows: it was cut short, which the tail finds out next.
            }
            if self.state.changed().await.is_err() {
                // The tail holds the other end as long as this holds the tail.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Reads the table behind the position, until the database answers.
    async fn read_table(&mut self, through: i64) -> Result<(), Interruption> {
        let mut failing = None;
        loop {
            let permit = self.catching_up.acquire(&self.principal, &self.tail, false).await;
            let db = self.db.connection();
            let read = log::read_after(db, self.organization, self.position, through, self.batch);
            match limited(STATEMENT_TIMEOUT, read).await {
                Ok(Read::Changes(entries)) => {
                    self.is_verified = true;
                    self.batch = (self.batch * 2).min(CATCH_UP_BATCH);
                    self.read.extend(entries.into_iter().map(Arc::new));
                    return Ok(());
                }
                // What was passed over was lost, but all that the client knows of may still be in the log.
                Ok(Read::Lost(Loss::Replaced)) if self.position != self.delivered => {
                    self.position = self.delivered;
                }
                Ok(Read::Lost(_)) => return Err(Interruption::CursorLost),
                Err(error) => {
                    // The rows together may be more than can be read in time.
                    self.batch = 1;
                    failing.get_or_insert_with(|| Failing::new(&self.tail));
                    drop(permit);
                    wait_after(&error).await;
                }
            }
        }
    }
}

/// Waits before the next attempt, while the database cannot be read.
async fn wait_after(error: &AppError) {
    tracing::warn!(code = error.code().as_str(), "subscription is waiting for the database");
    sleep(RETRY_AFTER).await;
}

/// Gives a statement its time limit.
async fn limited<T, E: Into<AppError>>(
    limit: Duration,
    statement: impl Future<Output = Result<T, E>>,
) -> AppResult<T> {
    match timeout(limit, statement).await {
        Ok(result) => result.map_err(Into::into),
        Err(_) => Err(AppError::request(Code::Timeout, "The database statement timed out. Try again.")),
    }
}
