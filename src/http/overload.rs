//! How many requests are under way. Of those a few are executed at once and the others wait for their turn; one more
//! than may be under way is refused, at once: a longer queue would only make everybody late.

use std::thread::available_parallelism;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    error::{AppError, Code},
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
    free: Semaphore,
    count: usize,
    turns: Semaphore,
}

/// A place with its turn, until this is dropped.
#[derive(Debug)]
pub struct Place<'a> {
    _place: SemaphorePermit<'a>,
    _turn: SemaphorePermit<'a>,
}

impl Places {
    /// So many places, and so many turns at once.
    pub fn new(count: usize, turns: usize) -> Self {
        Self { free: Semaphore::new(count), count, turns: Semaphore::new(turns) }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.count - self.free.available_permits()
    }

    /// Takes a place and waits for its turn. Those who came before have theirs before.
    pub(super) async fn take(&self) -> Result<Place<'_>, AppError> {
        let place = self.free.try_acquire().map_err(|_| full())?;
        // Nobody closes it.
        let turn = self.turns.acquire().await.map_err(|_| full())?;
        Ok(Place { _place: place, _turn: turn })
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
    AppError::request(Code::Overloaded, "The service has too much to do. Try again shortly.")
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, pin_mut};

    use super::*;

    #[test]
    fn those_who_find_a_place_take_turns() {
        let places = Places::new(2, 1);
        let first = places.take().now_or_never().expect("a turn").expect("a place");
        let second = places.take();
        pin_mut!(second);
        assert!(second.as_mut().now_or_never().is_none());
        assert_eq!(places.taken(), 2);

        assert!(places.check().is_err());
        let third = places.take().now_or_never().expect("an answer at once");
        assert_eq!(third.expect_err("no place").code(), Code::Overloaded);

        drop(first);
        assert!(places.check().is_ok());
        assert!(second.now_or_never().expect("a turn").is_ok());
        assert_eq!(places.taken(), 0);
    }

    #[test]
    fn who_leaves_while_waiting_gives_the_place_back() {
        let places = Places::new(2, 1);
        let _first = places.take().now_or_never();
        assert!(places.take().now_or_never().is_none());
        assert_eq!(places.taken(), 1);
    }
}
