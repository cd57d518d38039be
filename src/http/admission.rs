//! Admission control: so many requests are in flight at most, of which a few are executed at once and the others queue. One more
//! is refused at once, because a longer queue would only make all of them late.
//!
//! A subject has at most half of both, and permits are granted in turn (see [`FairQueue`]).

use std::{sync::Arc, thread::available_parallelism};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    error::{AppError, Code},
    fair_share::{FairQueue, Permit, Principal, Quota, Share, Subject, half},
    service::Database,
};

/// How many requests are executed at once for each core, where there is no other process to wait for.
///
/// More of them get less done, because they take the caches from each other: with 8 ms of work each, one core answered 118
/// a second with 2 at once, 109 with 4, 104 with 8 and 90 with 64. With fewer, two slow ones would hold up all others.
const PERMITS_PER_CORE: usize = 3;

/// The requests in flight and the permits to be executed.
#[derive(Debug)]
pub struct AdmissionControl {
    free: Arc<Semaphore>,
    capacity: usize,
    subjects: Arc<Quota<Subject>>,
    permits: Arc<FairQueue>,
}

/// The permit of a request, until this is dropped.
#[derive(Debug)]
pub struct AdmissionPermit {
    _in_flight: OwnedSemaphorePermit,
    _share: Share<Subject>,
    _permit: Permit,
}

impl AdmissionControl {
    /// At most so many requests in flight, of which so many have a permit at once.
    pub fn new(capacity: usize, permits: usize) -> Self {
        let (free, subjects) = (Arc::new(Semaphore::new(capacity)), Quota::new(half(capacity)));
        Self { free, capacity, subjects, permits: FairQueue::new(permits) }
    }

    /// How many requests may be in flight.
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many requests are in flight, with those that queue.
    pub(super) fn in_flight(&self) -> usize {
        self.capacity - self.free.available_permits()
    }

    /// Admits a request and waits for its permit.
    pub(super) async fn acquire(&self, principal: &Principal) -> Result<AdmissionPermit, AppError> {
        let share = self.subjects.take(&principal.subject, 1).ok_or_else(share_exceeded)?;
        let in_flight = Arc::clone(&self.free).try_acquire_owned().map_err(|_| full())?;
        let permit = self.permits.acquire(principal).await;
        Ok(AdmissionPermit { _in_flight: in_flight, _share: share, _permit: permit })
    }

    /// Fails when a request that comes now would not be admitted, so that nothing needs to be done for it.
    pub(super) fn check(&self) -> Result<(), AppError> {
        if self.free.available_permits() == 0 { Err(full()) } else { Ok(()) }
    }
}

/// How many requests are executed at once: no fewer than keep the cores busy, and as many as there can be connections
/// where requests wait for a database elsewhere. SQLite works on these cores itself, however many connections it has.
pub fn concurrent_permits(db: &Database) -> usize {
    let cores = available_parallelism().map_or(1, usize::from);
    let busy = PERMITS_PER_CORE * cores;
    if db.is_sqlite() { busy } else { busy.max(db.pool_size().most) }
}

fn full() -> AppError {
    AppError::request(Code::Overloaded, "The service is overloaded. Try again shortly.")
}

fn share_exceeded() -> AppError {
    AppError::request(Code::Overloaded, "Too many concurrent requests. Try again shortly.")
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, pin_mut};

    use super::*;

    #[test]
    fn admitted_requests_are_executed_in_turn() {
        let admission = AdmissionControl::new(2, 1);
        let (ada, bob) = (Principal::new("ada", Some(1)), Principal::new("bob", Some(1)));
        let first = admission.acquire(&ada).now_or_never().expect("a permit").expect("admission");
        let second = admission.acquire(&bob);
        pin_mut!(second);
        assert!(second.as_mut().now_or_never().is_none());
        assert_eq!(admission.in_flight(), 2);

        assert!(admission.check().is_err());
        let eve = Principal::new("eve", Some(2));
        let third = admission.acquire(&eve).now_or_never().expect("an answer at once");
        assert_eq!(third.expect_err("a refusal").code(), Code::Overloaded);

        drop(first);
        assert!(admission.check().is_ok());
        assert!(second.now_or_never().expect("a permit").is_ok());
        assert_eq!(admission.in_flight(), 0);
    }

    #[test]
    fn a_request_that_ends_in_the_queue_frees_its_permit() {
        let admission = AdmissionControl::new(4, 1);
        let ada = Principal::new("ada", Some(1));
        let _first = admission.acquire(&ada).now_or_never();
        assert!(admission.acquire(&ada).now_or_never().is_none());
        assert_eq!(admission.in_flight(), 1);
    }

    #[test]
    fn a_subject_takes_half_of_the_requests_in_flight() {
        let admission = AdmissionControl::new(4, 4);
        let (ada, elsewhere) = (Principal::new("ada", Some(1)), Principal::new("ada", Some(2)));
        let _held = [&ada, &elsewhere]
            .map(|it| admission.acquire(it).now_or_never().expect("a permit").expect("admission"));
        let refused = admission.acquire(&ada).now_or_never().expect("an answer at once");
        assert_eq!(refused.expect_err("a refusal").code(), Code::Overloaded);
        assert!(admission.check().is_ok());
        assert!(admission.acquire(&Principal::new("bob", Some(1))).now_or_never().expect("a permit").is_ok());
    }
}
