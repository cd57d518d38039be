//! Permits that those who wait get in turn.
//!
//! A permit goes to the organization whose turn it is, there to the subject whose turn it is, there to who came first: neither
//! many requests of a subject nor many subjects of an organization delay those of another one by more than a turn. A subject
//! and an organization hold no more than their shares of the permits, also while nobody else wants them: a newcomer then finds
//! a free one instead of waiting until slow work has ended.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use super::{Principal, Subject, half, organization_share};

/// Permits, and those who wait for one.
pub struct FairQueue {
    /// The most permits that a subject holds, in all organizations together.
    share: usize,
    /// The most permits that the subjects of an organization hold together.
    organization_share: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    free: usize,
    /// How many permits each subject holds.
    by_subject: HashMap<Subject, usize>,
    /// How many permits the subjects of each organization hold.
    by_organization: HashMap<Option<i64>, usize>,
    /// The organizations of those who wait, in the order of their turns. None of them is empty.
    organizations: VecDeque<WaitingOrganization>,
    /// The number of the next waiter.
    next_ticket: u64,
}

struct WaitingOrganization {
    organization: Option<i64>,
    /// In the order of their turns. None of them is without a waiter.
    subjects: VecDeque<WaitingSubject>,
}

struct WaitingSubject {
    subject: Subject,
    /// In the order in which they came.
    waiters: VecDeque<Waiter>,
}

struct Waiter {
    ticket: u64,
    sender: oneshot::Sender<Permit>,
}

/// A permit, until this is dropped.
#[must_use = "a permit is given back when it is dropped"]
pub struct Permit {
    queue: Arc<FairQueue>,
    principal: Principal,
}

impl FairQueue {
    /// So many permits, of which a subject holds at most half, and an organization at most three quarters.
    pub fn new(permits: usize) -> Arc<Self> {
        Self::with_share(permits, half(permits))
    }

    /// So many permits, of which a subject holds at most `share`, and an organization at most three quarters.
    pub fn with_share(permits: usize, share: usize) -> Arc<Self> {
        Self::with_shares(permits, share, organization_share(permits).max(share))
    }

    /// So many permits, of which a subject holds at most `share` and an organization at most `organization_share`.
    pub fn with_shares(permits: usize, share: usize, organization_share: usize) -> Arc<Self> {
        let state = State { free: permits, ..State::default() };
        Arc::new(Self { share, organization_share, state: Mutex::new(state) })
    }

    /// Waits for a permit. Who stops waiting leaves no trace.
    pub async fn acquire(self: &Arc<Self>, principal: &Principal) -> Permit {
        let (sender, receiver) = oneshot::channel();
        let ticket = {
            let mut state = self.state();
            // Whoever waits while a permit is free has its whole share, so nobody is overtaken here.
            let in_share = self.has_share_left(&state, principal.organization, &principal.subject);
            if state.free > 0 && in_share {
                return self.issue(&mut state, principal.clone());
            }
            state.enqueue(principal, sender)
        };
        let mut place = Place { queue: self, principal, ticket, receiver };
        match (&mut place.receiver).await {
            Ok(permit) => permit,
            // The other end is in the queue, and is dropped with an answer or by `place` only.
            Err(_) => std::future::pending().await,
        }
    }

    /// Whether the subject may hold one permit more in this organization.
    fn has_share_left(&self, state: &State, organization: Option<i64>, subject: &Subject) -> bool {
        let of_subject = state.by_subject.get(subject).copied().unwrap_or_default();
        let of_organization = state.by_organization.get(&organization).copied().unwrap_or_default();
        of_subject < self.share && of_organization < self.organization_share
    }

    fn issue(self: &Arc<Self>, state: &mut State, principal: Principal) -> Permit {
        state.free -= 1;
        *state.by_subject.entry(principal.subject.clone()).or_default() += 1;
        *state.by_organization.entry(principal.organization).or_default() += 1;
        Permit { queue: Arc::clone(self), principal }
    }

    fn release(self: &Arc<Self>, principal: &Principal) {
        let mut issued = Vec::new();
        {
            let mut state = self.state();
            state.free += 1;
            decrement(&mut state.by_subject, &principal.subject);
            decrement(&mut state.by_organization, &principal.organization);
            while let Some((principal, waiter)) = self.next_waiter(&mut state) {
                let permit = self.issue(&mut state, principal);
                issued.push((waiter, permit));
            }
        }
        for (waiter, permit) in issued {
            // One that is not taken any more is dropped here, which releases it: not while the state is locked.
            drop(waiter.sender.send(permit));
        }
    }

    /// Takes the waiter out whose turn it is, if a permit is free and one waits that may have it. Its organization, and in
    /// it its subject, go to the end of their lines.
    fn next_waiter(&self, state: &mut State) -> Option<(Principal, Waiter)> {
        if state.free == 0 {
            return None;
        }
        let (organization, subject) = state.organizations.iter().enumerate().find_map(|(index, it)| {
            let has_share_left =
                |subject: &WaitingSubject| self.has_share_left(state, it.organization, &subject.subject);
            Some((index, it.subjects.iter().position(has_share_left)?))
        })?;
        state.take_waiter(organization, subject)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing between two steps can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn decrement<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

impl State {
    fn enqueue(&mut self, principal: &Principal, sender: oneshot::Sender<Permit>) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let waiter = Waiter { ticket, sender };
        let organization = principal.organization;
        let known = self.organizations.iter_mut().find(|it| it.organization == organization);
        let Some(known) = known else {
            let subjects = VecDeque::from([WaitingSubject::new(principal.subject.clone(), waiter)]);
            self.organizations.push_back(WaitingOrganization { organization, subjects });
            return ticket;
        };
        match known.subjects.iter_mut().find(|it| it.subject == principal.subject) {
            Some(subject) => subject.waiters.push_back(waiter),
            None => known.subjects.push_back(WaitingSubject::new(principal.subject.clone(), waiter)),
        }
        ticket
    }

    /// Takes the first waiter of a subject out, by the positions of its organization and of the subject.
    fn take_waiter(&mut self, organization: usize, subject: usize) -> Option<(Principal, Waiter)> {
        let mut organization = self.organizations.remove(organization)?;
        let mut subject = organization.subjects.remove(subject)?;
        let waiter = subject.waiters.pop_front()?;
        let principal =
            Principal { organization: organization.organization, subject: subject.subject.clone() };
        if !subject.waiters.is_empty() {
            organization.subjects.push_back(subject);
        }
        if !organization.subjects.is_empty() {
            self.organizations.push_back(organization);
        }
        Some((principal, waiter))
    }

    /// Takes a waiter out that gave up, if it has no permit yet.
    fn remove(&mut self, principal: &Principal, ticket: u64) {
        let organization = |it: &WaitingOrganization| it.organization == principal.organization;
        let Some(organization) = self.organizations.iter().position(organization) else { return };
        let subjects = &mut self.organizations[organization].subjects;
        let Some(subject) = subjects.iter().position(|it| it.subject == principal.subject) else { return };
        let waiters = &mut subjects[subject].waiters;
        if let Ok(waiter) = waiters.binary_search_by_key(&ticket, |it| it.ticket) {
            waiters.remove(waiter);
        }
        if waiters.is_empty() {
            subjects.remove(subject);
        }
        if subjects.is_empty() {
            self.organizations.remove(organization);
        }
    }
}

impl WaitingSubject {
    fn new(subject: Subject, waiter: Waiter) -> Self {
        Self { subject, waiters: VecDeque::from([waiter]) }
    }
}

/// A place in the queue, which is given up when this is dropped.
struct Place<'a> {
    queue: &'a Arc<FairQueue>,
    principal: &'a Principal,
    ticket: u64,
    receiver: oneshot::Receiver<Permit>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // A permit that is there already is dropped with the receiver.
        self.queue.state().remove(self.principal, self.ticket);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.queue.release(&self.principal);
    }
}

impl fmt::Debug for FairQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FairQueue").field("share", &self.share).finish_non_exhaustive()
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("principal", &self.principal).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::Pin};

    use futures_util::FutureExt;
    use proptest::prelude::*;

    use super::*;

    type Waiting<'a> = Pin<Box<dyn Future<Output = Permit> + 'a>>;

    fn principal(subject: &str, organization: i64) -> Principal {
        Principal::new(subject, Some(organization))
    }

    impl State {
        fn counts(&self) -> (usize, usize, usize, usize) {
            (self.free, self.by_subject.len(), self.by_organization.len(), self.organizations.len())
        }
    }

    fn at_once(queue: &Arc<FairQueue>, principal: &Principal) -> Option<Permit> {
        queue.acquire(principal).now_or_never()
    }

    /// Somebody who waits, in the line by now.
    fn waiting<'a>(queue: &'a Arc<FairQueue>, principal: &'a Principal) -> Waiting<'a> {
        let mut waiting: Waiting<'a> = Box::pin(queue.acquire(principal));
        assert!(waiting.as_mut().now_or_never().is_none(), "{principal:?} got a permit");
        waiting
    }

    #[test]
    fn a_subject_holds_half_also_when_it_is_alone() {
        let queue = FairQueue::new(4);
        let (ada, elsewhere, grace) = (principal("ada", 1), principal("ada", 2), principal("grace", 1));
        let held = [at_once(&queue, &ada), at_once(&queue, &elsewhere)];
        assert!(held.iter().all(Option::is_some));
        assert!(at_once(&queue, &ada).is_none() && at_once(&queue, &elsewhere).is_none());
        assert!(at_once(&queue, &grace).is_some());
        let mut third = waiting(&queue, &ada);
        drop(held);
        assert!(third.as_mut().now_or_never().is_some());
    }

    #[test]
    fn the_subjects_of_an_organization_hold_three_quarters() {
        let queue = FairQueue::new(8);
        let (ada, bob, eve) = (principal("ada", 1), principal("bob", 1), principal("eve", 2));
        let held: Vec<Permit> =
            (0..3).flat_map(|_| [&ada, &bob]).filter_map(|it| at_once(&queue, it)).collect();
        assert_eq!(held.len(), 6);
        let mut waiting = [waiting(&queue, &ada), waiting(&queue, &bob)];
        let others = [at_once(&queue, &eve), at_once(&queue, &eve)];
        assert!(others.iter().all(Option::is_some));
        drop(others);
        assert!(waiting.iter_mut().all(|it| it.as_mut().now_or_never().is_none()));
        drop(held);
        assert!(waiting.iter_mut().all(|it| it.as_mut().now_or_never().is_some()));
    }

    #[test]
    fn one_permit_is_a_share() {
        let queue = FairQueue::new(1);
        let ada = principal("ada", 1);
        let permit = at_once(&queue, &ada).expect("a permit");
        let mut second = waiting(&queue, &ada);
        drop(permit);
        assert!(second.as_mut().now_or_never().is_some());
    }

    #[test]
    fn permits_go_round_organizations_then_subjects_then_by_arrival() {
        let queue = FairQueue::new(1);
        let holder = principal("holder", 0);
        let mut permit = at_once(&queue, &holder);
        let (ada, bob, eve) = (principal("ada", 1), principal("bob", 1), principal("eve", 2));
        let mut waiters: Vec<(usize, Waiting<'_>)> = [&ada, &ada, &ada, &bob, &bob, &eve, &eve]
            .into_iter()
            .enumerate()
            .map(|(number, who)| (number, waiting(&queue, who)))
            .collect();
        let mut order = Vec::new();
        while !waiters.is_empty() {
            drop(permit.take());
            for index in 0..waiters.len() {
                if let Some(issued) = waiters[index].1.as_mut().now_or_never() {
                    order.push(waiters.remove(index).0);
                    permit = Some(issued);
                    break;
                }
            }
        }
        // ada, eve, bob, eve, then ada and bob in turn.
        assert_eq!(order, [0, 5, 3, 6, 1, 4, 2]);
    }

    #[test]
    fn who_gives_up_leaves_no_trace() {
        let queue = FairQueue::new(1);
        let (ada, bob) = (principal("ada", 1), principal("bob", 2));
        let permit = at_once(&queue, &ada);
        let given_up = waiting(&queue, &bob);
        let mut last = waiting(&queue, &ada);
        let issued_unseen = waiting(&queue, &bob);
        drop(given_up);
        // Issued to the other of bob's, which leaves without having looked.
        drop(permit);
        drop(issued_unseen);
        let permit = last.as_mut().now_or_never();
        assert!(permit.is_some());
        drop(permit);
        let state = queue.state();
        assert_eq!(state.counts(), (1, 0, 0, 0));
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Ask(usize),
        GiveUp(usize),
        Release(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..6_usize).prop_map(Step::Ask),
            1 => any::<usize>().prop_map(Step::GiveUp),
            2 => any::<usize>().prop_map(Step::Release),
        ]
    }

    proptest! {
        /// Against what the queue promises: nobody has more than a share, no permit lies idle that somebody may have, and
        /// nothing is lost.
        #[test]
        fn quotas_hold_and_nothing_leaks(
            permits in 1..6_usize,
            steps in prop::collection::vec(step(), 1..200),
        ) {
            let queue = FairQueue::new(permits);
            let (share, organization_share) = (half(permits), organization_share(permits).max(half(permits)));
            // Two organizations, three subjects in each, one of them the same in both.
            let who: Vec<Principal> =
                [("a", 1), ("b", 1), ("c", 1), ("a", 2), ("d", 2), ("e", 2)].map(|(s, o)| principal(s, o)).into();
            let mut held: Vec<(usize, Permit)> = Vec::new();
            let mut waiters: Vec<(usize, Waiting<'_>)> = Vec::new();
            for step in steps {
                match step {
                    Step::Ask(index) => waiters.push((index, Box::pin(queue.acquire(&who[index])))),
                    Step::GiveUp(index) if !waiters.is_empty() => drop(waiters.remove(index % waiters.len())),
                    Step::Release(index) if !held.is_empty() => drop(held.remove(index % held.len())),
                    Step::GiveUp(_) | Step::Release(_) => {}
                }
                let mut still = Vec::new();
                for (index, mut waiter) in waiters {
                    match waiter.as_mut().now_or_never() {
                        Some(permit) => held.push((index, permit)),
                        None => still.push((index, waiter)),
                    }
                }
                waiters = still;
                let held_by = |subject: &Subject| held.iter().filter(|(it, _)| who[*it].subject == *subject).count();
                let held_in = |organization| held.iter().filter(|(it, _)| who[*it].organization == organization).count();
                prop_assert!(held.len() <= permits);
                prop_assert!(who.iter().all(|it| held_by(&it.subject) <= share));
                prop_assert!(who.iter().all(|it| held_in(it.organization) <= organization_share));
                let has_share_left = |it: &Principal| {
                    held_by(&it.subject) < share && held_in(it.organization) < organization_share
                };
                let idle = held.len() < permits;
                prop_assert!(!idle || !waiters.iter().any(|(it, _)| has_share_left(&who[*it])));
            }
            drop(waiters);
            drop(held);
            let state = queue.state();
            prop_assert_eq!(state.counts(), (permits, 0, 0, 0));
        }
    }

    /// Many tasks that ask, give up and release at any moment, on several threads.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn nobody_starves_and_nothing_leaks_under_contention() {
        use std::{
            sync::atomic::{AtomicUsize, Ordering::SeqCst},
            time::Duration,
        };
        let queue = FairQueue::new(4);
        let under_way = Arc::new(AtomicUsize::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..64_u64 {
            let (queue, under_way) = (Arc::clone(&queue), Arc::clone(&under_way));
            tasks.spawn(async move {
                let principal = principal(&format!("subject {}", number % 5), (number % 3) as i64);
                for round in 0..200 {
                    let asked = queue.acquire(&principal);
                    let Ok(permit) =
                        tokio::time::timeout(Duration::from_micros((number * round) % 300), asked).await
                    else {
                        continue;
                    };
                    assert!(under_way.fetch_add(1, SeqCst) < 4);
                    tokio::task::yield_now().await;
                    under_way.fetch_sub(1, SeqCst);
                    drop(permit);
                }
                // Without giving up: it comes, whatever the others do.
                drop(queue.acquire(&principal).await);
            });
        }
        let all = async {
            while let Some(task) = tasks.join_next().await {
                task.expect("a task")
            }
        };
        tokio::time::timeout(Duration::from_secs(60), all).await.expect("nobody waits for ever");
        let state = queue.state();
        assert_eq!(state.counts(), (4, 0, 0, 0));
    }
}
