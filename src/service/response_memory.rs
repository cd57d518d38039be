//! The memory of responses: one budget for all of them, and what each request has used of its own part.
//!
//! A request reserves memory before it executes and more as it reads rows and resolves fields. What is left of the
//! reservation when the response is written goes with the response, until its last byte is taken.

use std::{
    collections::HashMap,
    future::pending,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, SetOnce},
    time::{Instant, timeout_at},
};

tokio::task_local! {
    static CURRENT: Arc<ResponseMeter>;
}

/// By how much a reservation grows at least, so that it does not grow with every field.
const STEP: usize = 256 * 1024;

/// The part of the most bytes of a response that a response of usual length has.
const USUAL_PART: usize = 4;

/// How large responses may be.
#[derive(Clone, Copy, Debug)]
pub struct ResponseLimits {
    /// The most bytes of a response.
    pub response: usize,
    /// The most bytes of memory for all responses.
    pub memory: usize,
}

impl ResponseLimits {
    /// The most memory that one subject may hold.
    pub fn share(&self) -> usize {
        self.memory / 2
    }
}

/// The budget of memory for all responses.
#[derive(Debug)]
pub struct ResponseMemory {
    limits: ResponseLimits,
    reserved: Mutex<Reserved>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Reserved {
    total: usize,
    by_subject: HashMap<Arc<str>, usize>,
}

impl ResponseMemory {
    /// A budget without reservations.
    pub fn new(limits: ResponseLimits) -> Self {
        Self { limits, reserved: Mutex::default(), freed: Notify::new() }
    }

    /// Its limits.
    pub fn limits(&self) -> &ResponseLimits {
        &self.limits
    }

    /// How many bytes are reserved.
    pub fn reserved(&self) -> usize {
        lock(&self.reserved).total
    }

    fn try_take(&self, subject: &Arc<str>, bytes: usize) -> bool {
        let mut reserved = lock(&self.reserved);
        let own = reserved.by_subject.get(subject).copied().unwrap_or_default();
        let fits = reserved.total + bytes <= self.limits.memory && own + bytes <= self.limits.share();
        if fits {
            reserved.add(subject, bytes);
        }
        fits
    }

    fn give_back(&self, subject: &Arc<str>, bytes: usize) {
        if bytes > 0 {
            lock(&self.reserved).remove(subject, bytes);
            self.freed.notify_waiters();
        }
    }
}

impl Reserved {
    fn add(&mut self, subject: &Arc<str>, bytes: usize) {
        self.total += bytes;
        *self.by_subject.entry(Arc::clone(subject)).or_default() += bytes;
    }

    fn remove(&mut self, subject: &Arc<str>, bytes: usize) {
        self.total -= bytes;
        if let Some(own) = self.by_subject.get_mut(subject) {
            *own -= bytes;
            if *own == 0 {
                self.by_subject.remove(subject);
            }
        }
    }
}

/// Memory that is held for one response. Dropping it gives the memory back.
#[derive(Debug)]
pub struct Reservation {
    memory: Arc<ResponseMemory>,
    subject: Arc<str>,
    bytes: usize,
}

impl Reservation {
    fn none(memory: &Arc<ResponseMemory>, subject: Arc<str>) -> Self {
        Self { memory: Arc::clone(memory), subject, bytes: 0 }
    }

    fn try_grow(&mut self, bytes: usize) -> bool {
        let is_taken = bytes <= self.bytes || self.memory.try_take(&self.subject, bytes - self.bytes);
        if is_taken {
            self.bytes = self.bytes.max(bytes);
        }
        is_taken
    }

    /// Holds so many bytes, also where the budget has no room for them.
    fn force(&mut self, bytes: usize) {
        if bytes > self.bytes {
            lock(&self.memory.reserved).add(&self.subject, bytes - self.bytes);
            self.bytes = bytes;
        }
    }

    /// A reservation of its own of so many of its bytes.
    pub fn split(&mut self, bytes: usize) -> Self {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Self { memory: Arc::clone(&self.memory), subject: Arc::clone(&self.subject), bytes }
    }

    /// Gives back all but so many bytes.
    fn shrink(&mut self, bytes: usize) {
        if bytes < self.bytes {
            self.memory.give_back(&self.subject, self.bytes - bytes);
            self.bytes = bytes;
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.memory.give_back(&self.subject, self.bytes);
    }
}

/// Why a response is given up while it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseStopped {
    /// It has more bytes than a response may have, or takes more memory than one subject may.
    TooLarge,
    /// The budget has no room for it.
    Overloaded,
}

/// What happens where the budget has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The request waits this long in all, and is then given up.
    Wait(Duration),
    /// The request waits before it executes. After that it goes on with a response of usual length: it changes data, and its
    /// client is to learn how.
    GoOn(Duration),
}

/// What a request needs of the budget.
#[derive(Clone, Copy, Debug, Default)]
pub struct Needs {
    /// The bytes that it reserves at first.
    pub first: usize,
    /// What sending the response takes besides its bytes, such as the state of a compressor.
    pub overhead: usize,
    /// Whether the rows that it reads count too.
    pub counts_rows: bool,
}

/// What one request has used of the budget, and how long its response is so far.
#[derive(Debug)]
pub struct ResponseMeter {
    memory: Arc<ResponseMemory>,
    when_full: WhenFull,
    counts_rows: bool,
    /// What sending the response takes besides its bytes.
    overhead: usize,
    response: AtomicUsize,
    used: AtomicUsize,
    reserved: AtomicUsize,
    reservation: Mutex<Reservation>,
    deadline: OnceLock<Instant>,
    stopped: SetOnce<ResponseStopped>,
    root_fields: Mutex<Vec<String>>,
}

impl ResponseMeter {
    /// The meter of a request.
    pub async fn begin(
        memory: &Arc<ResponseMemory>,
        subject: &str,
        needs: Needs,
        when_full: WhenFull,
    ) -> Result<Arc<Self>, ResponseStopped> {
        let Needs { first, overhead, counts_rows } = needs;
        let meter = Self {
            memory: Arc::clone(memory),
            when_full,
            counts_rows,
            overhead,
            response: AtomicUsize::new(0),
            used: AtomicUsize::new(0),
            reserved: AtomicUsize::new(0),
            reservation: Mutex::new(Reservation::none(memory, subject.into())),
            deadline: OnceLock::new(),
            stopped: SetOnce::new(),
            root_fields: Mutex::default(),
        };
        let first = first.min(memory.limits.share());
        if meter.wait_for(first).await { Ok(Arc::new(meter)) } else { Err(ResponseStopped::Overloaded) }
    }

    /// The meter of the request that is under way in this task.
    pub fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// The same, where the rows that the request reads count.
    pub(super) fn of_rows() -> Option<Arc<Self>> {
        CURRENT.try_with(|meter| meter.counts_rows.then(|| Arc::clone(meter))).ok().flatten()
    }

    /// Awaits `work`, which is given up where the response cannot be made.
    pub async fn run<T>(self: &Arc<Self>, work: impl Future<Output = T>) -> Result<T, ResponseStopped> {
        tokio::select! {
            biased;
            stopped = self.stopped.wait() => Err(*stopped),
            // Where its rows were too many, the work itself ends with an error, which says less.
            output = CURRENT.scope(Arc::clone(self), work) => self.stopped.get().map_or(Ok(output), |why| Err(*why)),
        }
    }

    /// The limits of responses.
    pub fn limits(&self) -> &ResponseLimits {
        &self.memory.limits
    }

    /// Whether the response was aborted: nothing more needs to be done for it.
    pub fn is_stopped(&self) -> bool {
        self.stopped.initialized()
    }

    /// Counts a value: so many bytes of the response, which take so much memory. Does not return where the response is
    /// given up.
    pub async fn count_value(&self, response: usize, memory: usize) {
        let length = self.response.fetch_add(response, Relaxed) + response;
        if length > self.memory.limits.response {
            return self.stop(ResponseStopped::TooLarge).await;
        }
        let used = self.used.fetch_add(memory, Relaxed) + memory;
        if used > self.reserved.load(Relaxed) {
            self.reserve(used).await;
        }
    }

    /// Counts a row that was read, and returns whether more may be read. Does not wait, because a connection of the database is
    /// held meanwhile.
    pub(super) fn count_row(&self, memory: usize) -> bool {
        let used = self.used.fetch_add(memory, Relaxed) + memory;
        let stopped = if used > self.memory.limits.share() {
            ResponseStopped::TooLarge
        } else if !self.try_reserve(used) {
            ResponseStopped::Overloaded
        } else {
            return !self.is_stopped();
        };
        // The first reason counts.
        let _ = self.stopped.set(stopped);
        false
    }

    /// Notes that a field of the root begins.
    pub fn begin_root_field(&self, response_key: &str) {
        lock(&self.root_fields).push(response_key.to_owned());
    }

    /// The fields of the root that were begun, as far as they were noted.
    pub fn root_fields(&self) -> Vec<String> {
        lock(&self.root_fields).clone()
    }

    /// Ends the count: a response of so many bytes is written, and holds them and the overhead until it is taken.
    pub async fn finish(&self, bytes: usize) -> Result<Reservation, ResponseStopped> {
        let bytes = bytes + self.overhead;
        let has_room = match self.when_full {
            WhenFull::Wait(_) => self.wait_for(bytes).await,
            WhenFull::GoOn(_) => self.try_reserve(bytes),
        };
        if !has_room {
            return Err(ResponseStopped::Overloaded);
        }
        Ok(self.take_reservation(bytes))
    }

    /// The same where nobody can wait.
    pub fn finish_now(&self, bytes: usize) -> Option<Reservation> {
        let bytes = bytes + self.overhead;
        self.try_reserve(bytes).then(|| self.take_reservation(bytes))
    }

    fn take_reservation(&self, bytes: usize) -> Reservation {
        let mut reservation = lock(&self.reservation);
        let rest = Reservation::none(&self.memory, Arc::clone(&reservation.subject));
        let mut taken = std::mem::replace(&mut *reservation, rest);
        self.reserved.store(0, Relaxed);
        taken.shrink(bytes);
        taken
    }

    async fn reserve(&self, used: usize) {
        if used > self.memory.limits.share() {
            self.stop(ResponseStopped::TooLarge).await;
        } else if !self.try_reserve(used) && !self.wait_for(used).await {
            self.stop(ResponseStopped::Overloaded).await;
        }
    }

    /// Reserves what is used in all, unless the budget has no room.
    fn try_reserve(&self, used: usize) -> bool {
        let mut reservation = lock(&self.reservation);
        let in_advance = (used + STEP).min(self.memory.limits.share());
        let mut is_taken = used <= reservation.bytes
            || reservation.try_grow(in_advance.max(used))
            || reservation.try_grow(used);
        let goes_on = matches!(self.when_full, WhenFull::GoOn(_)) && self.reserved.load(Relaxed) > 0;
        if !is_taken && goes_on && used <= self.memory.limits.response / USUAL_PART {
            reservation.force(used);
            is_taken = true;
        }
        if is_taken {
            self.reserved.store(reservation.bytes, Relaxed);
        }
        is_taken
    }

    /// Waits until the budget has room, as long as the request may wait in all.
    async fn wait_for(&self, used: usize) -> bool {
        let (WhenFull::Wait(limit) | WhenFull::GoOn(limit)) = self.when_full;
        loop {
            let mut freed = pin!(self.memory.freed.notified());
            // From here on nothing that is given back is missed.
            freed.as_mut().enable();
            if self.try_reserve(used) {
                return true;
            }
            let deadline = *self.deadline.get_or_init(|| Instant::now() + limit);
            if timeout_at(deadline, freed).await.is_err() {
                return false;
            }
        }
    }

    async fn stop(&self, why: ResponseStopped) {
        // The first reason counts.
        let _ = self.stopped.set(why);
        pending().await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const LIMITS: ResponseLimits = ResponseLimits { response: 4 * 1024 * 1024, memory: 8 * 1024 * 1024 };
    const NEEDS: Needs = Needs { first: 1024, overhead: 0, counts_rows: true };
    const WAIT: WhenFull = WhenFull::Wait(Duration::from_millis(50));

    async fn begun(memory: &Arc<ResponseMemory>, subject: &str, when_full: WhenFull) -> Arc<ResponseMeter> {
        ResponseMeter::begin(memory, subject, NEEDS, when_full).await.expect("room")
    }

    #[tokio::test]
    async fn a_subject_holds_half_at_most() {
        let memory = Arc::new(ResponseMemory::new(LIMITS));
        let meter = begun(&memory, "ada", WAIT).await;
        let more_than_half = meter.run(meter.count_value(0, LIMITS.share() + 1)).await;
        assert_eq!(more_than_half, Err(ResponseStopped::TooLarge));
        drop(meter);
        assert_eq!(memory.reserved(), 0);

        let mut held = Vec::new();
        for _ in 0..4 {
            let meter = begun(&memory, "ada", WAIT).await;
            held.push(meter.finish(1024 * 1024).await.expect("room"));
        }
        assert_eq!(memory.reserved(), LIMITS.share());
        let refused = ResponseMeter::begin(&memory, "ada", NEEDS, WAIT).await;
        assert_eq!(refused.err(), Some(ResponseStopped::Overloaded));
        drop(begun(&memory, "grace", WAIT).await);

        drop(held[0].split(1024 * 1024 - 10));
        drop(begun(&memory, "ada", WAIT).await);
        held.clear();
        assert_eq!((memory.reserved(), lock(&memory.reserved).by_subject.len()), (0, 0));
    }

    #[tokio::test]
    async fn what_is_given_back_is_taken_by_those_who_wait() {
        let memory = Arc::new(ResponseMemory::new(LIMITS));
        let meter = begun(&memory, "ada", WAIT).await;
        let held = meter.finish(LIMITS.share()).await.expect("room");
        let patient = WhenFull::Wait(Duration::from_secs(60));
        let mut waiting = pin!(ResponseMeter::begin(&memory, "ada", NEEDS, patient));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(held);
        assert!(waiting.await.is_ok());
    }

    #[tokio::test]
    async fn too_long_and_no_room_give_a_response_up() {
        let memory = Arc::new(ResponseMemory::new(LIMITS));
        let meter = begun(&memory, "ada", WAIT).await;
        let counted = meter.run(meter.count_value(LIMITS.response, 1)).await;
        assert_eq!(counted, Ok(()));
        let counted = meter.run(meter.count_value(1, 1)).await;
        assert_eq!((counted, meter.is_stopped()), (Err(ResponseStopped::TooLarge), true));

        drop(meter);
        let _held = begun(&memory, "ada", WAIT).await.finish(LIMITS.share() - STEP).await.expect("room");
        let nothing = Needs { first: 0, ..NEEDS };
        let meter = ResponseMeter::begin(&memory, "ada", nothing, WAIT).await.expect("nothing is needed");
        let counted = meter.run(async { meter.count_row(2 * STEP) }).await;
        assert_eq!(counted, Err(ResponseStopped::Overloaded));
    }

    #[tokio::test]
    async fn what_has_changed_data_goes_on_with_a_usual_response() {
        let memory = Arc::new(ResponseMemory::new(LIMITS));
        let meter = begun(&memory, "ada", WhenFull::GoOn(Duration::from_millis(50))).await;
        let _held = begun(&memory, "ada", WAIT).await.finish(LIMITS.share() - 2 * STEP).await.expect("room");
        assert!(meter.count_row(2 * STEP));
        assert_eq!(meter.run(meter.count_value(1, STEP)).await, Ok(()));
        assert_eq!(meter.run(meter.count_value(1, 2 * STEP)).await, Err(ResponseStopped::Overloaded));
        assert!(meter.finish(STEP).await.is_ok());
    }
}
