//! Admission control: so many requests are in flight at most, of which a few are executed at once and the others queue.
//!
//! Permits are granted in turn, within the shares of subjects and organizations (see [`FairQueue`]). A subject has at most half
//! of the requests in flight. When all are taken, the newest request that waits of the subject and organization with the most
//! gives way to one of a principal with fewer; where nobody has more, the new one is rejected, because a longer queue would only
//! make all of them late.
//!
//! Requests that wait long within their execution, for the database or for SQLite's writer, first take a turn of their kind
//! while they hold no permit. There are fewer of those turns than permits, so that other requests always find a permit.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::available_parallelism,
};

use futures_util::FutureExt;
use tokio::sync::Notify;

use crate::{
    error::{AppError, Code},
    fair_share::{FairQueue, Holders, Permit, Principal, Quota, Share, Subject, half},
    service::{Database, is_heavy},
};

/// How many requests are executed at once for each core, where there is no other process to wait for.
///
/// More of them get less done, because they take the caches from each other: with 8 ms of work each, one core answered 118
/// a second with 2 at once, 109 with 4, 104 with 8 and 90 with 64. With fewer, two slow ones would hold up all others.
const PERMITS_PER_CORE: usize = 3;

/// The requests in flight and the permits to be executed.
#[derive(Debug)]
pub struct AdmissionControl {
    capacity: usize,
    subjects: Arc<Quota<Subject>>,
    permits: Arc<FairQueue>,
    /// The turns of requests that read whole tables.
    heavy: Arc<FairQueue>,
    /// The turns of requests that write, where there is one writer.
    writes: Option<Arc<FairQueue>>,
    requests: Mutex<Requests>,
}

#[derive(Debug, Default)]
struct Requests {
    in_flight: usize,
    next_id: u64,
    waiting: Holders<Arc<Eviction>>,
}

/// The signal to a request that waits that it gives way.
#[derive(Debug, Default)]
struct Eviction {
    signal: Notify,
    has_happened: AtomicBool,
}

/// How many requests are executed at once.
#[derive(Clone, Copy, Debug)]
pub struct Permits {
    /// All of them.
    pub all: usize,
    /// Those that read whole tables.
    pub heavy: usize,
    /// Those of one subject that read whole tables.
    pub heavy_of_subject: usize,
    /// Those that write, where there is one writer.
    pub writes: Option<usize>,
}

/// How many requests are executed at once: no fewer than keep the cores busy, and as many as there can be connections
/// where requests wait for a database elsewhere. SQLite works on these cores itself, however many connections it has.
pub fn concurrent_permits(db: &Database) -> Permits {
    let cores = available_parallelism().map_or(1, usize::from);
    let busy = PERMITS_PER_CORE * cores;
    let all = if db.is_sqlite() { busy } else { busy.max(db.pool_size().most) };
    let writes = db.is_sqlite().then_some(third(all));
    Permits { all, heavy: third(all), heavy_of_subject: half(cores), writes }
}

/// Of a few turns an organization has all: the others are next in turn.
fn most_of(turns: usize) -> usize {
    (3 * turns).div_ceil(4)
}

fn third(permits: usize) -> usize {
    (permits / 3).max(1)
}

/// What a request does, by which it needs a turn of its kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    pub(super) writes: bool,
    /// Whether it reads whole tables.
    pub(super) is_heavy: bool,
}

impl Work {
    /// That of a request of so many points, which writes or reads.
    pub(super) fn of(points: u64, writes: bool) -> Self {
        Self { writes, is_heavy: is_heavy(points) }
    }
}

/// The permit of a request, until this is dropped.
#[derive(Debug)]
pub struct AdmissionPermit {
    place: InFlight,
    _share: Share<Subject>,
    permit: Option<Permit>,
    turn: Option<Permit>,
}

impl AdmissionControl {
    /// At most so many requests in flight, and so many permits at once.
    pub fn new(capacity: usize, permits: Permits) -> Self {
        let Permits { all, heavy, heavy_of_subject, writes } = permits;
        Self {
            capacity,
            subjects: Quota::new(half(capacity)),
            permits: FairQueue::new(all),
            heavy: FairQueue::with_shares(heavy, half(heavy).min(heavy_of_subject), most_of(heavy)),
            writes: writes.map(|writes| FairQueue::with_shares(writes, half(writes), most_of(writes))),
            requests: Mutex::default(),
        }
    }

    /// How many requests may be in flight.
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many requests are in flight, with those that queue.
    pub(super) fn in_flight(&self) -> usize {
        self.requests().in_flight
    }

    /// Admits a request and waits for its permit.
    pub(super) async fn acquire(
        self: &Arc<Self>,
        principal: &Principal,
    ) -> Result<AdmissionPermit, AppError> {
        let share = self.subjects.take(&principal.subject, 1).ok_or_else(share_exceeded)?;
        let place = self.enter(principal)?;
        let permit = place.wait_for(&self.permits).await?;
        Ok(AdmissionPermit { place, _share: share, permit: Some(permit), turn: None })
    }

    /// Fails when a request of this principal that comes now would not be admitted, so that nothing needs to be done for it.
    pub(super) fn check(&self, principal: &Principal) -> Result<(), AppError> {
        let requests = self.requests();
        let is_full = requests.in_flight >= self.capacity && requests.waiting.largest(principal).is_none();
        if is_full { Err(full()) } else { Ok(()) }
    }

    /// Counts a request, in the place of one that waits if there are as many as may be.
    fn enter(self: &Arc<Self>, principal: &Principal) -> Result<InFlight, AppError> {
        let mut requests = self.requests();
        if requests.in_flight >= self.capacity {
            requests.evict_for(principal).ok_or_else(full)?;
        }
        requests.in_flight += 1;
        let id = requests.next_id;
        requests.next_id += 1;
        let control = Arc::clone(self);
        Ok(InFlight { control, principal: principal.clone(), id, eviction: Arc::default() })
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        // Nothing between two steps can panic.
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Requests {
    /// Evicts the newest of those that wait of the principal with the most of them.
    fn evict_for(&mut self, newcomer: &Principal) -> Option<()> {
        let largest = self.waiting.largest(newcomer)?.clone();
        let (newest, _) = self.waiting.of(&largest).next_back()?;
        let eviction = self.waiting.remove(&largest, newest)?;
        eviction.has_happened.store(true, Relaxed);
        eviction.signal.notify_one();
        self.in_flight -= 1;
        Some(())
    }
}

/// A request in flight, until this is dropped.
#[derive(Debug)]
struct InFlight {
    control: Arc<AdmissionControl>,
    principal: Principal,
    id: u64,
    eviction: Arc<Eviction>,
}

impl InFlight {
    /// Waits for a turn, unless the request is evicted meanwhile.
    async fn wait_for(&self, queue: &Arc<FairQueue>) -> Result<Permit, AppError> {
        let mut turn = pin!(queue.acquire(&self.principal));
        if let Some(permit) = turn.as_mut().now_or_never() {
            return Ok(permit);
        }
        self.control.requests().waiting.insert(&self.principal, self.id, Arc::clone(&self.eviction));
        let permit = tokio::select! {
            biased;
            () = self.eviction.signal.notified() => return Err(full()),
            permit = turn => permit,
        };
        let mut requests = self.control.requests();
        requests.waiting.remove(&self.principal, self.id);
        // Another one was counted in its place just now.
        if self.eviction.has_happened.load(Relaxed) { Err(full()) } else { Ok(permit) }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut requests = self.control.requests();
        requests.waiting.remove(&self.principal, self.id);
        if !self.eviction.has_happened.load(Relaxed) {
            requests.in_flight -= 1;
        }
    }
}

impl AdmissionPermit {
    /// Waits for the turn that such work needs, without a permit while others are before it.
    pub(super) async fn wait_for_turn(&mut self, work: Work) -> Result<(), AppError> {
        let control = &self.place.control;
        let queue = match &control.writes {
            Some(writes) if work.writes => Some(writes),
            _ => work.is_heavy.then_some(&control.heavy),
        };
        let Some(queue) = queue.filter(|_| self.turn.is_none()) else { return Ok(()) };
        self.turn = queue.acquire(&self.place.principal).now_or_never();
        if self.turn.is_none() {
            // Others are executed while this one waits.
            self.permit = None;
            self.turn = Some(self.place.wait_for(queue).await?);
            self.permit = Some(self.place.wait_for(&control.permits).await?);
        }
        Ok(())
    }
}

fn full() -> AppError {
    AppError::request(Code::Overloaded, "The service is overloaded. Try again shortly.")
}

fn share_exceeded() -> AppError {
    AppError::request(Code::Overloaded, "Too many concurrent requests. Try again shortly.")
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use super::*;

    type Waiting<'a> = Pin<Box<dyn Future<Output = Result<AdmissionPermit, AppError>> + 'a>>;

    /// A gateway for so many requests, of which so many are executed at once.
    fn gateway(capacity: usize, permits: usize) -> Arc<AdmissionControl> {
        let (heavy, heavy_of_subject) = (third(permits), half(third(permits)));
        let permits = Permits { all: permits, heavy, heavy_of_subject, writes: None };
        Arc::new(AdmissionControl::new(capacity, permits))
    }

    fn principal(subject: &str, organization: i64) -> Principal {
        Principal::new(subject, Some(organization))
    }

    fn at_once(admission: &Arc<AdmissionControl>, principal: &Principal) -> Result<AdmissionPermit, Code> {
        let admitted = admission.acquire(principal).now_or_never().expect("an answer at once");
        admitted.map_err(|error| error.code())
    }

    fn waiting<'a>(admission: &'a Arc<AdmissionControl>, principal: &'a Principal) -> Waiting<'a> {
        let mut waiting: Waiting<'a> = Box::pin(admission.acquire(principal));
        assert!(waiting.as_mut().now_or_never().is_none(), "{principal:?} got a permit");
        waiting
    }

    #[test]
    fn admitted_requests_are_executed_in_turn() {
        let admission = gateway(2, 1);
        let (ada, bob, eve) = (principal("ada", 1), principal("bob", 1), principal("eve", 2));
        let first = at_once(&admission, &ada).expect("a permit");
        let second = waiting(&admission, &bob);
        assert_eq!(admission.in_flight(), 2);
        assert!(admission.check(&eve).is_err());
        assert_eq!(at_once(&admission, &eve).err(), Some(Code::Overloaded));

        drop(first);
        assert!(admission.check(&eve).is_ok());
        assert!(second.now_or_never().expect("a permit").is_ok());
        assert_eq!(admission.in_flight(), 0);
    }

    #[test]
    fn a_request_that_ends_in_the_queue_frees_its_permit() {
        let admission = gateway(4, 1);
        let ada = principal("ada", 1);
        let _first = at_once(&admission, &ada);
        assert!(admission.acquire(&ada).now_or_never().is_none());
        assert_eq!(admission.in_flight(), 1);
    }

    #[test]
    fn a_subject_takes_half_of_the_requests_in_flight() {
        let admission = gateway(4, 4);
        let (ada, elsewhere) = (principal("ada", 1), principal("ada", 2));
        let _held = [&ada, &elsewhere].map(|it| at_once(&admission, it).expect("a permit"));
        assert_eq!(at_once(&admission, &ada).err(), Some(Code::Overloaded));
        assert!(at_once(&admission, &principal("bob", 1)).is_ok());
    }

    #[test]
    fn the_newest_of_those_with_the_most_gives_way() {
        let admission = gateway(8, 1);
        let (ada, bob, eve) = (principal("ada", 1), principal("bob", 1), principal("eve", 2));
        let permit = at_once(&admission, &ada).expect("a permit");
        let mut of_ada = [waiting(&admission, &ada), waiting(&admission, &ada), waiting(&admission, &ada)];
        let mut of_bob: Vec<_> = (0..4).map(|_| waiting(&admission, &bob)).collect();
        assert_eq!(admission.in_flight(), 8);
        assert!(admission.check(&eve).is_ok() && admission.check(&bob).is_err());
        let of_eve = [waiting(&admission, &eve), waiting(&admission, &eve)];
        assert_eq!(admission.in_flight(), 8);
        // The last one of bob's, and then of ada's and bob's with as many the last of one of them.
        let answers = of_bob.iter_mut().chain(&mut of_ada).map(|it| it.as_mut().now_or_never());
        let evicted: Vec<bool> = answers.map(|it| it.is_some_and(|it| it.is_err())).collect();
        assert_eq!(evicted.iter().filter(|it| **it).count(), 2);
        assert!(evicted[3] && (evicted[2] || evicted[6]), "{evicted:?}");
        assert_eq!(admission.in_flight(), 8);
        drop((permit, of_ada, of_bob, of_eve));
        assert_eq!(admission.in_flight(), 0);
    }

    #[test]
    fn heavy_requests_leave_permits_to_others() {
        let admission = gateway(100, 6);
        let heavy = |permit: &mut AdmissionPermit| {
            permit.wait_for_turn(Work::of(u64::MAX, false)).now_or_never().is_some_and(|it| it.is_ok())
        };
        // Of each of many organizations a subject: two have the turns, and the others hold no permit.
        let principals: Vec<Principal> = (0..20).map(|number| principal("ada", number)).collect();
        let mut held = Vec::new();
        let mut parked: Vec<Pin<Box<dyn Future<Output = AdmissionPermit>>>> = Vec::new();
        for (number, principal) in principals.iter().enumerate() {
            let who = Principal::new(&format!("subject {number}"), principal.organization);
            let mut permit = at_once(&admission, &who).expect("a permit");
            if heavy(&mut permit) {
                held.push(permit);
                continue;
            }
            let mut waiting: Pin<Box<dyn Future<Output = AdmissionPermit>>> = Box::pin(async move {
                permit.wait_for_turn(Work::of(u64::MAX, false)).await.expect("a turn");
                permit
            });
            assert!(waiting.as_mut().now_or_never().is_none());
            parked.push(waiting);
        }
        assert_eq!((held.len(), parked.len()), (2, 18));
        let light: Vec<AdmissionPermit> = (0..4)
            .map(|number| {
                at_once(&admission, &principal(&format!("bob {number}"), number)).expect("a permit")
            })
            .collect();
        drop((held, light));
        let turns = parked.iter_mut().filter_map(|it| it.as_mut().now_or_never()).count();
        assert_eq!(turns, 18);
        assert_eq!(admission.in_flight(), 0);
    }
}
