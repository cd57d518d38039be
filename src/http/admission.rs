//! How many requests are under way. Of those a few are executed at once and the others wait for their turn; one more
//! than may be under way is refused, at once: a longer queue would only make everybody late.
//!
//! A subject has at most half of the places and half of the turns, and turns go round (see [`FairQueue`]).

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
const TURNS_OF_A_CORE: usize = 3;

/// The places of the requests that are under way.
#[derive(Debug)]
pub struct Places {
    free: Arc<Semaphore>,
    count: usize,
    subjects: Arc<Quota<Subject>>,
    turns: Arc<FairQueue>,
}

/// A place with its turn, until this is dropped.
#[derive(Debug)]
pub struct Place {
    _place: OwnedSemaphorePermit,
    _share: Share<Subject>,
    _turn: Permit,
}

impl Places {
    /// So many places, and so many turns at once.
    pub fn new(count: usize, turns: usize) -> Self {
        let (free, subjects) = (Arc::new(Semaphore::new(count)), Quota::new(half(count)));
        Self { free, count, subjects, turns: FairQueue::new(turns) }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.count - self.free.available_permits()
    }

    /// Takes a place and waits for its turn.
    pub(super) async fn take(&self, principal: &Principal) -> Result<Place, AppError> {
        let share = self.subjects.take(&principal.subject, 1).ok_or_else(share_taken)?;
        let place = Arc::clone(&self.free).try_acquire_owned().map_err(|_| full())?;
        let turn = self.turns.acquire(principal).await;
        Ok(Place { _place: place, _share: share, _turn: turn })
    }

    /// Fails when a request that comes now would get no place, so that nothing needs to be done for it.
    pub(super) fn check(&self) -> Result<(), AppError> {
        if self.free.available_permits() == 0 { Err(full()) } else { Ok(()) }
    }
}

/// How many requests are executed at once: no fewer than keep the cores busy, and as many as there can be connections
/// where requests wait for a database elsewhere. SQLite works on these cores itself, however many connections it has.
pub fn turns(db: &Database) -> usize {
    let cores = available_parallelism().map_or(1, usize::from);
    let busy = TURNS_OF_A_CORE * cores;
    if db.is_sqlite() { busy } else { busy.max(db.pool_size().most) }
}

fn full() -> AppError {
    AppError::request(Code::Overloaded, "The service is overloaded. Try again shortly.")
}

fn share_taken() -> AppError {
    AppError::request(Code::Overloaded, "Too many concurrent requests. Try again shortly.")
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, pin_mut};

    use super::*;

    #[test]
    fn those_who_find_a_place_take_turns() {
        let places = Places::new(2, 1);
        let (ada, bob) = (Principal::new("ada", Some(1)), Principal::new("bob", Some(1)));
        let first = places.take(&ada).now_or_never().expect("a turn").expect("a place");
        let second = places.take(&bob);
        pin_mut!(second);
        assert!(second.as_mut().now_or_never().is_none());
        assert_eq!(places.taken(), 2);

        assert!(places.check().is_err());
        let eve = Principal::new("eve", Some(2));
        let third = places.take(&eve).now_or_never().expect("an answer at once");
        assert_eq!(third.expect_err("no place").code(), Code::Overloaded);

        drop(first);
        assert!(places.check().is_ok());
        assert!(second.now_or_never().expect("a turn").is_ok());
        assert_eq!(places.taken(), 0);
    }

    #[test]
    fn who_leaves_while_waiting_gives_the_place_back() {
        let places = Places::new(4, 1);
        let ada = Principal::new("ada", Some(1));
        let _first = places.take(&ada).now_or_never();
        assert!(places.take(&ada).now_or_never().is_none());
        assert_eq!(places.taken(), 1);
    }

    #[test]
    fn a_subject_takes_half_of_the_places() {
        let places = Places::new(4, 4);
        let (ada, elsewhere) = (Principal::new("ada", Some(1)), Principal::new("ada", Some(2)));
        let _held =
            [&ada, &elsewhere].map(|it| places.take(it).now_or_never().expect("a turn").expect("a place"));
        let refused = places.take(&ada).now_or_never().expect("an answer at once");
        assert_eq!(refused.expect_err("no place").code(), Code::Overloaded);
        assert!(places.check().is_ok());
        assert!(places.take(&Principal::new("bob", Some(1))).now_or_never().expect("a turn").is_ok());
    }
}
