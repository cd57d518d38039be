//! A key set that is kept fresh: read again every few minutes, and once more when a token names a key that is not there.
//!
//! One task reads; requests look at what it found, and wait for it only with a key that is not known. So a hundred
//! requests with a new key ask the issuer once, and a request with a known key never waits. A set that cannot be read
//! changes nothing for an hour: an issuer's outage is not the end of its tokens. May import what reads key sets.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::algorithm::Algorithms;
use super::key_set::{KeySet, KeySetError, VerificationKey};
use super::key_source::{KeySetText, Source, SourceError};
use super::token_error::TokenError;

/// The most requests that wait for one reading: unknown keys must not hold up everybody else.
const MAX_WAITING: usize = 128;

/// How often and how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// From one reading to the next. With the time that a reading takes, a removed key ends within five minutes.
    pub(super) every: Duration,
    /// From a reading that failed to the next.
    pub(super) retry: Duration,
    /// From any reading to one that an unknown key asks for.
    pub(super) pause: Duration,
    /// The longest time that a reading takes, and that a request waits for it.
    pub(super) patience: Duration,
    /// How long the last good set is used while no new one comes.
    pub(super) keep: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            every: Duration::from_mins(4),
            retry: Duration::from_secs(10),
            pause: Duration::from_secs(30),
            patience: Duration::from_secs(5),
            keep: Duration::from_hours(1),
        }
    }
}

/// A key set that is kept fresh for as long as this lives.
#[derive(Debug)]
pub(super) struct KeyRing {
    state: watch::Receiver<State>,
    wanted: Arc<Notify>,
    waiting: Semaphore,
    pace: Pace,
    task: AbortHandle,
}

/// What is known of the set.
#[derive(Debug, Clone, Default)]
struct State {
    good: Option<Good>,
    /// How often reading it was tried.
    readings: u64,
    /// When that was last, and how it ended.
    last: Option<(Instant, Result<(), ReadError>)>,
}

#[derive(Debug, Clone)]
struct Good {
    set: Arc<KeySet>,
    at: Instant,
    /// Grows with each set that differs from the one before.
    generation: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum ReadError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("{address}: {error}")]
    Set { address: String, error: KeySetError },
}

impl KeyRing {
    /// Keeps the set of `source` fresh; `first` is the set that was read already. Needs tokio's runtime.
    pub(super) fn new(
        issuer: &str,
        algorithms: Algorithms,
        source: Source,
        first: Option<KeySet>,
        pace: Pace,
    ) -> Self {
        let mut state = State::default();
        if let Some(set) = first {
            state.record(Ok(set), Instant::now());
        }
        let (publish, state) = watch::channel(state);
        let wanted = Arc::new(Notify::new());
        let reader = Reader {
            issuer: issuer.to_owned(),
            algorithms,
            source,
            pace,
            publish,
            wanted: Arc::clone(&wanted),
        };
        let task = tokio::spawn(reader.run()).abort_handle();
        Self { state, wanted, waiting: Semaphore::new(MAX_WAITING), pace, task }
    }

    /// Waits until the set was read once, or could not be read.
    pub(super) async fn first_reading(&self) {
        // The task that reads ends only with this.
        let _ = self.state.clone().wait_for(|state| state.readings > 0).await;
    }

    /// Whether there ever was a set.
    pub(super) fn was_read(&self) -> bool {
        self.state.borrow().good.is_some()
    }

    /// Why the set could not be read, if the last reading failed.
    pub(super) fn trouble(&self) -> Option<String> {
        match &self.state.borrow().last {
            Some((_, Err(error))) => Some(error.to_string()),
            _ => None,
        }
    }

    /// The generation of the set in use, if there is one.
    pub(super) fn generation(&self) -> Option<u64> {
        self.state.borrow().current(self.pace.keep).map(|good| good.generation)
    }

    /// The key that a token names, and its set's generation. For a name that is not known, the set is read once more if it was not just now.
    pub(super) async fn key(&self, kid: Option<&str>) -> Result<(Arc<VerificationKey>, u64), TokenError> {
        let before = {
            let state = self.state.borrow();
            if let Some(key) = state.key(kid, self.pace.keep) {
                return Ok(key);
            }
            if state.rested() < self.pace.pause {
                return Err(state.refusal());
            }
            state.readings
        };
        let _waiting = self.waiting.try_acquire().map_err(|_| TokenError::KeysUnavailable)?;
        let mut state = self.state.clone();
        self.wanted.notify_one();
        let read = timeout(self.pace.patience, state.wait_for(|state| state.readings > before)).await;
        match read {
            Ok(Ok(state)) => state.key(kid, self.pace.keep).ok_or_else(|| state.refusal()),
            _ => Err(TokenError::KeysUnavailable),
        }
    }
}

impl Drop for KeyRing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    /// The last good set, unless it is too old.
    fn current(&self, keep: Duration) -> Option<&Good> {
        self.good.as_ref().filter(|good| good.at.elapsed() < keep)
    }

    fn key(&self, kid: Option<&str>, keep: Duration) -> Option<(Arc<VerificationKey>, u64)> {
        let good = self.current(keep)?;
        Some((Arc::clone(good.set.key(kid)?), good.generation))
    }

    /// How long ago the last reading ended.
    fn rested(&self) -> Duration {
        self.last.as_ref().map_or(Duration::MAX, |(at, _)| at.elapsed())
    }

    /// Why a token is refused whose key is not there. After a reading that failed nobody knows whether the key exists:
    /// the token may be good, so "try again" is the honest answer and "unauthenticated" is not.
    fn refusal(&self) -> TokenError {
        match &self.last {
            Some((_, Ok(()))) => TokenError::UnknownKey,
            _ => TokenError::KeysUnavailable,
        }
    }

    fn record(&mut self, read: Result<KeySet, ReadError>, now: Instant) {
        self.readings += 1;
        self.last = Some((now, read.as_ref().map(drop).map_err(ReadError::clone)));
        if let Ok(set) = read {
            let generation = match &self.good {
                Some(before) if before.set.is_same(&set) => before.generation,
                Some(before) => before.generation + 1,
                None => 1,
            };
            self.good = Some(Good { set: Arc::new(set), at: now, generation });
        }
    }

    fn next_reading(&self, pace: &Pace) -> Instant {
        match &self.last {
            None => Instant::now(),
            Some((at, Ok(()))) => *at + pace.every,
            Some((at, Err(_))) => *at + pace.retry,
        }
    }
}

/// The one that reads.
struct Reader {
    issuer: String,
    algorithms: Algorithms,
    source: Source,
    pace: Pace,
    publish: watch::Sender<State>,
    wanted: Arc<Notify>,
}

impl Reader {
    async fn run(self) {
        loop {
            let next = self.publish.borrow().next_reading(&self.pace);
            tokio::select! {
                () = sleep_until(next) => {}
                () = self.wanted.notified() => {
                    // Asked for while the reading before was under way: that one was the answer.
                    if self.publish.borrow().rested() < self.pace.pause {
                        continue;
                    }
                }
            }
            let read = self.read().await;
            self.tell(&read);
            self.publish.send_modify(|state| state.record(read, Instant::now()));
        }
    }

    async fn read(&self) -> Result<KeySet, ReadError> {
        let KeySetText { json, address, discovered } = self.source.read(self.pace.patience).await?;
        // Configured algorithms come first: a document may name more than the operator wants.
        let algorithms = discovered.filter(|_| self.algorithms.is_empty()).unwrap_or(self.algorithms);
        KeySet::parse(algorithms, &json).map_err(|error| ReadError::Set { address, error })
    }

    fn tell(&self, read: &Result<KeySet, ReadError>) {
        let issuer = &self.issuer;
        match read {
            Ok(set) => tracing::debug!(issuer, keys = set.len(), ignored = set.ignored(), "read the key set"),
            Err(error) => tracing::warn!(issuer, %error, "cannot refresh the key set"),
        }
    }
}
