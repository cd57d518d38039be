//! Operations that run at the same time, and their outcomes over many rounds.

use std::{collections::BTreeMap, fmt::Display, time::Duration};

use tokio::time::sleep;

/// Runs both at the same time. Which one starts first alternates with the round, and its head start grows from 0 to 16 ms
/// again and again, so that over many rounds each comes first and both overlap.
pub(crate) async fn race<A, B>(
    round: usize,
    one: impl Future<Output = A>,
    two: impl Future<Output = B>,
) -> (A, B) {
    let head_start = Duration::from_millis(round as u64 / 2 % 5 * 4);
    if round.is_multiple_of(2) {
        return tokio::join!(one, after(head_start, two));
    }
    let (two, one) = tokio::join!(two, after(head_start, one));
    (one, two)
}

async fn after<T>(head_start: Duration, work: impl Future<Output = T>) -> T {
    if !head_start.is_zero() {
        sleep(head_start).await;
    }
    work.await
}

/// How often each outcome of a race occurred.
#[derive(Debug, Default)]
pub(crate) struct Outcomes(BTreeMap<String, usize>);

impl Outcomes {
    pub(crate) fn record(&mut self, outcome: impl Display) {
        *self.0.entry(outcome.to_string()).or_default() += 1;
    }

    /// Fails unless exactly these outcomes occurred, each at least once.
    #[track_caller]
    pub(crate) fn assert(&self, expected: &[&str]) {
        let occurred: Vec<&str> = self.0.keys().map(String::as_str).collect();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(occurred, expected, "{self:?}");
    }
}
