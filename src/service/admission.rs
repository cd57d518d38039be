//! How a handle comes to a connection of the pool, and to SQLite's one writer: callers queue for them in turn, the gateway's
//! own work has connections that are kept for it.
//!
//! Nobody who holds a connection waits for another one, so nobody waits in a circle: a write reads in its transaction, and
//! on SQLite the connection of the writer is one of those that are kept.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::available_parallelism,
    time::Duration,
};

use sea_orm::{ConnAcquireErr, DbErr};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::database::DatabaseOptions;
use crate::{
    auth::Caller,
    fair_share::{FairQueue, Permit, Principal, half},
};

/// The most connections that a request uses at once; its other statements wait.
const CONNECTIONS_OF_A_REQUEST: usize = 2;

/// From how many points of cost on a request is heavy: it reads a whole table. Even a few such statements of one subject keep
/// all cores of the database busy.
const HEAVY: u64 = super::work::SCAN;

/// Whether a request of so many points of cost is heavy.
pub fn is_heavy(points: u64) -> bool {
    points >= HEAVY
}

/// The queues in which statements wait.
#[derive(Debug)]
struct Queues {
    /// For the connections that callers use.
    connections: Arc<FairQueue>,
    /// For statements of heavy requests, before they wait for a connection. A subject runs few of them at once, and all of them
    /// leave connections to others.
    heavy: Arc<FairQueue>,
    /// For SQLite's one writer. Waiting here is fair and costs nothing, waiting inside SQLite is neither.
    writer: Option<Arc<FairQueue>>,
    /// How long a connection is waited for.
    limit: Duration,
}

/// In whose name a handle uses the database.
#[derive(Clone, Debug)]
pub(super) struct Admission {
    queues: Arc<Queues>,
    principal: Principal,
    /// What a request of a caller may use at once; the gateway's own work does not queue for connections.
    request: Option<Arc<RequestUse>>,
}

/// What one request uses.
#[derive(Debug)]
struct RequestUse {
    connections: Arc<Semaphore>,
    /// The points of cost that it is expected to take.
    points: AtomicU64,
}

/// The right to use a connection, or to write, until this is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    _permit: Option<Permit>,
    _of_request: Option<OwnedSemaphorePermit>,
    _heavy: Option<Permit>,
}

impl Admission {
    /// For the gateway's own work.
    pub(super) fn new(options: &DatabaseOptions) -> Self {
        let most = options.max_connections as usize;
        let is_sqlite = options.url.starts_with("sqlite");
        // One for the gateway's own work, one for SQLite's writer.
        let kept = if is_sqlite { 2 } else { 1 };
        let shared = most.saturating_sub(kept).max(1);
        let half_of_cores = half(available_parallelism().map_or(1, usize::from));
        // SQLite computes on the cores of the gateway.
        let share = if is_sqlite { half(shared).min(half_of_cores) } else { half(shared) };
        let queues = Queues {
            connections: FairQueue::with_share(shared, share),
            heavy: FairQueue::with_share(half(shared), half(shared).min(half_of_cores)),
            writer: is_sqlite.then(|| FairQueue::new(1)),
            limit: options.acquire_timeout,
        };
        Self { queues: Arc::new(queues), principal: Principal::GATEWAY, request: None }
    }

    /// For one request of a caller.
    pub(super) fn of_request(&self, caller: &Caller) -> Self {
        Self {
            queues: Arc::clone(&self.queues),
            principal: Principal::of(caller),
            request: Some(Arc::new(RequestUse {
                connections: Arc::new(Semaphore::new(CONNECTIONS_OF_A_REQUEST)),
                points: AtomicU64::new(0),
            })),
        }
    }

    /// Adds points to what the request is expected to take.
    pub(super) fn expect(&self, points: u64) {
        if let Some(request) = &self.request {
            request.points.fetch_add(points, Relaxed);
        }
    }

    /// Whether the request is expected to read whole tables.
    pub(super) fn is_heavy(&self) -> bool {
        self.request.as_ref().is_some_and(|request| is_heavy(request.points.load(Relaxed)))
    }

    /// Waits until a connection may be used.
    pub(super) async fn connection(&self) -> Result<Admitted, DbErr> {
        let Some(request) = &self.request else {
            return Ok(Admitted { _permit: None, _of_request: None, _heavy: None });
        };
        // Nobody closes it. A request waits here for its own statements only, until its deadline.
        let of_request = Arc::clone(&request.connections).acquire_owned().await.ok();
        let waiting = async {
            let heavy = match self.is_heavy() {
                true => Some(self.queues.heavy.acquire(&self.principal).await),
                false => None,
            };
            let permit = self.queues.connections.acquire(&self.principal).await;
            Admitted { _permit: Some(permit), _of_request: of_request, _heavy: heavy }
        };
        let admitted = timeout(self.queues.limit, waiting).await;
        admitted.map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))
    }

    /// Waits until a transaction may begin that writes.
    pub(super) async fn transaction(&self) -> Result<Admitted, DbErr> {
        match self.writer().await {
            Some(permit) => Ok(Admitted { _permit: Some(permit), _of_request: None, _heavy: None }),
            None => self.connection().await,
        }
    }

    /// Waits until no other writer of this process uses SQLite, and keeps the others waiting meanwhile.
    pub(super) async fn writer(&self) -> Option<Permit> {
        match &self.queues.writer {
            Some(writer) => Some(writer.acquire(&self.principal).await),
            None => None,
        }
    }
}
