//! The time of a request: that of its statements, and that of this process. What exceeds the estimated cost is charged to the
//! caller's bucket.

use std::{
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use super::state::AppState;
use crate::{auth::Caller, service::QueryStats};

/// Measures one request, and charges it when it has ended, one way or another.
pub(super) struct Meter {
    state: Arc<AppState>,
    caller: Caller,
    /// What was taken from the bucket before.
    points: u64,
    query_stats: Arc<QueryStats>,
    begin: Instant,
    /// The time of the database before.
    before: Duration,
    is_charged: bool,
}

impl Meter {
    /// Begins to measure, where there are buckets.
    pub(super) fn begin(
        state: &Arc<AppState>,
        caller: &Caller,
        points: u64,
        query_stats: &Arc<QueryStats>,
    ) -> Option<Self> {
        state.rate_limit.is_some().then(|| Self {
            state: Arc::clone(state),
            caller: caller.clone(),
            points,
            query_stats: Arc::clone(query_stats),
            begin: Instant::now(),
            before: query_stats.database_time(),
            is_charged: false,
        })
    }

    /// Charges work that has come to its end, for which so many points were taken and on which so much time was spent here;
    /// returns how many points are left.
    pub(super) fn finish(mut self, here: Duration, points: u64) -> u32 {
        (self.points, self.is_charged) = (points, true);
        self.charge(here + (self.query_stats.database_time() - self.before))
    }

    fn charge(&self, worked: Duration) -> u32 {
        let left = self.state.rate_limit.as_ref().map(|it| it.charge(&self.caller, self.points, worked));
        left.unwrap_or_default()
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        // Cut off, in the middle of a statement perhaps, whose time nobody has counted: all of the time then.
        if !self.is_charged {
            self.charge(self.begin.elapsed());
        }
    }
}

/// Awaits work; returns the time spent polling it, without the time it waited.
pub(super) async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let (mut work, mut here) = (pin!(work), Duration::ZERO);
    std::future::poll_fn(move |cx| {
        let begin = Instant::now();
        let output = work.as_mut().poll(cx);
        here += begin.elapsed();
        match output {
            Poll::Ready(output) => Poll::Ready((output, here)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
