//! Which connections are open, and which of them gives way when all are taken.
//!
//! A connection is its caller's own once a token was verified on it, within the share of connections that a subject may have.
//! Until then, and beyond the share, it gives way to newcomers: first those that had a request answered, so that a client that
//! has just connected can show its token, then those without a request under way, and of each the oldest. So neither idle
//! connections nor requests without a token keep anybody out who has one.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, atomic::Ordering::Relaxed},
};

use tokio::sync::Notify;

use super::activity::Activity;
use crate::fair_share::{Quota, Share, Subject, half};

/// The places for connections of one listener.
#[derive(Debug)]
pub(super) struct Seats {
    most: usize,
    subjects: Arc<Quota<Subject>>,
    open: Mutex<OpenConnections>,
}

#[derive(Debug, Default)]
struct OpenConnections {
    next_id: u64,
    /// Those that give way, in the order in which they came.
    yielding: BTreeMap<u64, Yielding>,
    /// Those that are a caller's own.
    owned: HashSet<u64>,
}

#[derive(Debug)]
struct Yielding {
    activity: Arc<Activity>,
    evicted: Arc<Notify>,
}

/// The place of an open connection, until this is dropped.
#[derive(Debug)]
pub(in crate::http) struct Seat {
    seats: Arc<Seats>,
    id: u64,
    evicted: Arc<Notify>,
    /// Of the subject that the connection belongs to.
    share: OnceLock<Share<Subject>>,
}

impl Seats {
    /// At most so many, and half of them of one subject.
    pub(super) fn new(most: usize) -> Arc<Self> {
        let subjects = Quota::new(half(most));
        Arc::new(Self { most, subjects, open: Mutex::default() })
    }

    /// A seat for a new connection: a free one, or that of one that gives way.
    pub(super) fn take(self: &Arc<Self>, activity: &Arc<Activity>) -> Option<Seat> {
        let mut open = self.lock();
        if open.yielding.len() + open.owned.len() >= self.most {
            open.evict()?.notify_one();
        }
        let (id, evicted) = (open.next_id, Arc::<Notify>::default());
        open.next_id += 1;
        let yielding = Yielding { activity: Arc::clone(activity), evicted: Arc::clone(&evicted) };
        open.yielding.insert(id, yielding);
        Some(Seat { seats: Arc::clone(self), id, evicted, share: OnceLock::new() })
    }

    fn lock(&self) -> MutexGuard<'_, OpenConnections> {
        // Nothing between two steps can panic.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenConnections {
    /// Takes the seat of the connection that gives way.
    fn evict(&mut self) -> Option<Arc<Notify>> {
        let (_, id) = self.yielding.iter().map(|(id, it)| (it.claim(), *id)).min()?;
        self.yielding.remove(&id).map(|it| it.evicted)
    }
}

impl Yielding {
    /// The higher, the later it gives way.
    fn claim(&self) -> u8 {
        if self.activity.working.load(Relaxed) > 0 {
            2
        } else if self.activity.ended.load(Relaxed) == 0 {
            1
        } else {
            0
        }
    }
}

impl Seat {
    /// A token of this subject was verified on the connection. The first one decides.
    pub(super) fn identify(&self, subject: &Subject) {
        if self.share.get().is_some() {
            return;
        }
        let Some(share) = self.seats.subjects.take(subject, 1) else { return };
        let mut open = self.seats.lock();
        // One that had to give way is closed already.
        if self.share.set(share).is_ok() && open.yielding.remove(&self.id).is_some() {
            open.owned.insert(self.id);
        }
    }

    /// Waits until the connection has to give way.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.seats.lock();
        open.yielding.remove(&self.id);
        open.owned.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn subject(name: &str) -> Subject {
        Subject::Token(name.into())
    }

    fn is_evicted(seat: &Seat) -> bool {
        seat.evicted().now_or_never().is_some()
    }

    #[test]
    fn the_oldest_without_a_token_gives_way() {
        let (seats, activity) = (Seats::new(4), Arc::default());
        let all: Vec<Seat> = (0..4).map(|_| seats.take(&activity).expect("a seat")).collect();
        all[0].identify(&subject("ada"));
        let newcomer = seats.take(&activity).expect("the seat of another one");
        let evicted: Vec<bool> = all.iter().map(is_evicted).collect();
        assert_eq!(evicted, [false, true, false, false]);
        // It is counted once, however long it takes to close.
        drop(all);
        let others: Vec<Seat> = (0..3).map(|_| seats.take(&activity).expect("a free seat")).collect();
        assert!(!is_evicted(&newcomer) && !others.iter().any(is_evicted));
    }

    #[test]
    fn one_that_had_an_answer_gives_way_first() {
        let (seats, new, answered) = (Seats::new(2), Arc::default(), Arc::<Activity>::default());
        answered.ended.store(1, Relaxed);
        let held = [seats.take(&new), seats.take(&answered)].map(|it| it.expect("a seat"));
        assert!(seats.take(&new).is_some());
        assert_eq!(held.each_ref().map(is_evicted), [false, true]);
    }

    #[test]
    fn one_with_a_request_under_way_gives_way_last() {
        let (seats, idle, working) = (Seats::new(2), Arc::default(), Arc::<Activity>::default());
        working.working.store(1, Relaxed);
        let held = [seats.take(&working), seats.take(&idle)].map(|it| it.expect("a seat"));
        let third = seats.take(&working).expect("a seat");
        assert_eq!([is_evicted(&held[0]), is_evicted(&held[1])], [false, true]);
        let fourth = seats.take(&working).expect("a seat");
        assert_eq!([is_evicted(&held[0]), is_evicted(&third), is_evicted(&fourth)], [true, false, false]);
    }

    #[test]
    fn connections_beyond_the_share_of_a_subject_give_way() {
        let (seats, activity) = (Seats::new(4), Arc::default());
        let held: Vec<Seat> = (0..4).map(|_| seats.take(&activity).expect("a seat")).collect();
        held.iter().for_each(|it| it.identify(&subject("ada")));
        let others = [seats.take(&activity), seats.take(&activity)].map(|it| it.expect("a seat"));
        others.iter().for_each(|it| it.identify(&subject("grace")));
        assert_eq!(held.iter().map(is_evicted).collect::<Vec<_>>(), [false, false, true, true]);
        assert!(seats.take(&activity).is_none());
        drop(held);
        assert!(seats.take(&activity).is_some());
    }
}
