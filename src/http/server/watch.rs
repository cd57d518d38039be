//! The deadlines of one connection: how long each phase of its life may last.
//!
//! Knows counts and moments, so that it can be tested without either a socket or a clock.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use tokio::time::Instant;

use super::{Options, activity::Activity};

/// How much a client has to take of an answer in each period of `write_timeout`: 26 kbit/s with the default of 10 s.
const LEAST_WRITTEN: u64 = 32 * 1024;

/// What a connection is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// For the head of the first request.
    New,
    /// For the next request.
    Idle,
    /// For the rest of the head of the next request.
    Head,
    /// For ourselves.
    Working,
    /// For the client to take its answer.
    Writing,
}

/// The phase of a connection, and since when.
#[derive(Debug)]
pub(super) struct Watch {
    phase: Phase,
    since: Instant,
    /// The requests that had ended when the phase began.
    ended: u64,
    /// Idle: the bytes that had been read when it began. Writing: those that had been written.
    mark: u64,
}

impl Watch {
    /// A connection that was accepted just now.
    pub(super) fn new(now: Instant) -> Self {
        Self { phase: Phase::New, since: now, ended: 0, mark: 0 }
    }

    /// What the connection is waiting for.
    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// Looks what has happened.
    pub(super) fn look(&mut self, activity: &Activity, now: Instant) {
        let ended = activity.ended.load(Relaxed);
        let phase = self.phase_by(activity, ended);
        if (phase, ended) == (self.phase, self.ended) {
            return;
        }
        let mark = match phase {
            Phase::Idle => activity.read.load(Relaxed),
            Phase::Head => self.mark,
            Phase::New | Phase::Working | Phase::Writing => activity.written.load(Relaxed),
        };
        *self = Self { phase, since: now, ended, mark };
    }

    fn phase_by(&self, activity: &Activity, ended: u64) -> Phase {
        let waiting = activity.waiting.load(Relaxed);
        if activity.sending.load(Relaxed) > waiting || activity.blocked.load(Relaxed) {
            Phase::Writing
        } else if activity.working.load(Relaxed) + waiting > 0 {
            Phase::Working
        } else if ended == 0 {
            Phase::New
        } else if self.waited_for_bytes(ended)
            && activity.read.load(Relaxed) > self.mark
            // Its bytes prove nothing: they may be pings.
            && !activity.multiplexed.load(Relaxed)
        {
            Phase::Head
        } else {
            Phase::Idle
        }
    }

    fn waited_for_bytes(&self, ended: u64) -> bool {
        matches!(self.phase, Phase::Idle | Phase::Head) && self.ended == ended
    }

    /// Until when the phase may last.
    pub(super) fn deadline(&self, options: &Options) -> Option<Instant> {
        let limit: Option<Duration> = match self.phase {
            Phase::New | Phase::Head => Some(options.header_timeout),
            Phase::Idle => Some(options.idle_timeout),
            Phase::Writing => Some(options.write_timeout),
            Phase::Working => None,
        };
        limit.map(|limit| self.since + limit)
    }

    /// Whether the deadline that has come ends the connection. A client that takes its answer gets another period.
    pub(super) fn is_over(&mut self, activity: &Activity, now: Instant) -> bool {
        let written = activity.written.load(Relaxed);
        if self.phase == Phase::Writing && written - self.mark >= LEAST_WRITTEN {
            (self.since, self.mark) = (now, written);
            return false;
        }
        true
    }
}
