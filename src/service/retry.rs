//! Trying again what the database ended so that another could go on.

use std::time::Duration;

use super::Tally;
use crate::error::AppResult;

/// How often a unit of work is tried again.
const RETRIES: u32 = 3;
/// How long the first one waits, and each further one twice as long as the one before.
const PAUSE: Duration = Duration::from_millis(5);

/// Does a unit of work, a public function of a service that writes. When the database rolls it back as the victim of a
/// deadlock or of a serialization failure, nothing of it was written, and the whole of it is done again, three times at
/// most. Every other error is the caller's.
///
/// The future is boxed: those of all units would otherwise be parts of one future, which moves with each.
pub async fn retried<T, F: Future<Output = AppResult<T>>>(mut unit: impl FnMut() -> F) -> AppResult<T> {
    for retry in 0..RETRIES {
        match Box::pin(unit()).await {
            Err(error) if error.is_rolled_back() => {
                Tally::retry();
                tracing::info!(retry, "a write was rolled back in favour of another and is done again");
                tokio::time::sleep(PAUSE * 2_u32.pow(retry)).await;
            }
            answer => return answer,
        }
    }
    Box::pin(unit()).await
}
