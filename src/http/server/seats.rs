//! Which connections are open, and which of them gives way when all are taken.
//!
//! A connection is its caller's own once a token was verified on it, within the share of connections that a subject may have.
//! Until then, and beyond the share, it gives way to newcomers: first those that had a request answered, so that a client that
//! has just connected can show its token, then those without a request under way, and of each the oldest. So neither idle
//! connections nor requests without a token keep anybody out who has one.
//!
//! Callers own seven eighths at most, so that newcomers find a connection on which to show their token. When these are owned,
//! the subject with the most in the organization with the most cedes one, an idle one if it has any, to a caller with fewer: it
//! gives way from then on.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, atomic::Ordering::Relaxed},
};

use tokio::sync::Notify;

use super::activity::Activity;
use crate::fair_share::{Holders, Principal, Quota, Share, Subject, half};

/// The part of all connections that callers do not own.
const UNOWNED_PART: usize = 8;

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
    yielding: BTreeMap<u64, Connection>,
    /// Those that are a caller's own.
    owned: Holders<Connection>,
}

#[derive(Debug)]
struct Connection {
    activity: Arc<Activity>,
    evicted: Arc<Notify>,
}

/// The place of an open connection, until this is dropped.
#[derive(Debug)]
pub(in crate::http) struct Seat {
    seats: Arc<Seats>,
    id: u64,
    evicted: Arc<Notify>,
    /// The principal that the connection belongs to, with its share.
    owner: OnceLock<(Principal, Share<Subject>)>,
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
        if open.yielding.len() + open.owned.count() >= self.most {
            open.evict()?.notify_one();
        }
        let (id, evicted) = (open.next_id, Arc::<Notify>::default());
        open.next_id += 1;
        let connection = Connection { activity: Arc::clone(activity), evicted: Arc::clone(&evicted) };
        open.yielding.insert(id, connection);
        Some(Seat { seats: Arc::clone(self), id, evicted, owner: OnceLock::new() })
    }

    /// The most connections that callers own.
    fn most_owned(&self) -> usize {
        self.most - self.most / UNOWNED_PART
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

    /// Lets a connection of the principal with the most give way from now on, in favor of one of this principal.
    fn cede_to(&mut self, principal: &Principal) -> Option<()> {
        let largest = self.owned.largest(principal)?.clone();
        let (_, id) = self.owned.of(&largest).map(|(id, it)| (it.is_busy(), id)).min()?;
        let connection = self.owned.remove(&largest, id)?;
        self.yielding.insert(id, connection);
        Some(())
    }
}

impl Connection {
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

    /// Whether a request is under way, a response is being sent, or a session serves it.
    fn is_busy(&self) -> bool {
        self.activity.working.load(Relaxed) + self.activity.sending.load(Relaxed) > 0
    }
}

impl Seat {
    /// A token of this principal was verified on the connection. The first one decides.
    pub(super) fn identify(&self, principal: &Principal) {
        if self.owner.get().is_some() {
            return;
        }
        let Some(share) = self.seats.subjects.take(&principal.subject, 1) else { return };
        let mut open = self.seats.lock();
        if self.owner.set((principal.clone(), share)).is_err() {
            return;
        }
        let is_full = open.owned.count() >= self.seats.most_owned();
        if is_full && open.cede_to(principal).is_none() {
            return;
        }
        // One that had to give way is closed already.
        if let Some(connection) = open.yielding.remove(&self.id) {
            open.owned.insert(principal, self.id, connection);
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
        if let Some((principal, _)) = self.owner.get() {
            open.owned.remove(principal, self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn principal(subject: &str, organization: i64) -> Principal {
        Principal::new(subject, Some(organization))
    }

    fn is_evicted(seat: &Seat) -> bool {
        seat.evicted().now_or_never().is_some()
    }

    #[test]
    fn the_oldest_without_a_token_gives_way() {
        let (seats, activity) = (Seats::new(4), Arc::default());
        let all: Vec<Seat> = (0..4).map(|_| seats.take(&activity).expect("a seat")).collect();
        all[0].identify(&principal("ada", 1));
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
        held.iter().for_each(|it| it.identify(&principal("ada", 1)));
        let others = [seats.take(&activity), seats.take(&activity)].map(|it| it.expect("a seat"));
        others.iter().for_each(|it| it.identify(&principal("grace", 2)));
        assert_eq!(held.iter().map(is_evicted).collect::<Vec<_>>(), [false, false, true, true]);
        assert!(seats.take(&activity).is_none());
        drop(held);
        assert!(seats.take(&activity).is_some());
    }

    #[test]
    fn two_subjects_of_an_organization_leave_connections_to_another_one() {
        let (seats, idle, busy) = (Seats::new(16), Arc::<Activity>::default(), Arc::<Activity>::default());
        idle.ended.store(1, Relaxed);
        busy.ended.store(1, Relaxed);
        busy.sending.store(1, Relaxed);
        let held: Vec<Seat> = (0..16)
            .map(|number| {
                let seat = seats.take(if number == 3 { &idle } else { &busy }).expect("a seat");
                seat.identify(&principal(if number < 8 { "ada" } else { "bob" }, 1));
                seat
            })
            .collect();
        let newcomers: Vec<Seat> = (0..4)
            .map(|_| {
                let seat = seats.take(&Arc::default()).expect("a seat");
                seat.identify(&principal("eve", 2));
                seat
            })
            .collect();
        // The idle one first, then busy ones of both.
        let evicted: Vec<usize> = (0..16).filter(|it| is_evicted(&held[*it])).collect();
        assert!(evicted.len() == 4 && evicted.contains(&3), "{evicted:?}");
        assert!(evicted.iter().any(|it| *it >= 8) && evicted.iter().filter(|it| **it < 8).count() >= 2);
        assert!(!newcomers.iter().any(is_evicted));
        assert!(held.iter().chain(&newcomers).all(|it| it.owner.get().is_some()));
    }
}
