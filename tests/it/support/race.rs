//! Operations that run at the same time, and their outcomes over many rounds.

use std::{collections::BTreeMap, fmt::Display};

/// Runs both at the same time. Which one starts first alternates with the round.
pub(crate) async fn race<A, B>(
    round: usize,
    one: impl Future<Output = A>,
    two: impl Future<Output = B>,
) -> (A, B) {
    if round.is_multiple_of(2) {
        return tokio::join!(one, two);
    }
    let (two, one) = tokio::join!(two, one);
    (one, two)
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
