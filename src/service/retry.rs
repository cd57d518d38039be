//! Doing a write again that failed through no fault of its own.

use std::time::Duration;

use super::QueryStats;
use crate::error::{AppError, AppResult, is_session_error};

/// How often a unit of work is tried again.
const RETRIES: u32 = 3;
/// How long the first one waits, and each further one twice as long as the one before.
const PAUSE: Duration = Duration::from_millis(5);

/// Does a unit of work, a public function of a service that writes, and does the whole of it again when nothing of it was
/// written: three times at most when the database rolled it back as the victim of a deadlock or of a serialization
/// failure, once when its connection failed. Every other error is the caller's.
///
/// A unit commits last. A commit whose outcome is unknown is not repeated: it gives another error.
///
/// The future is boxed: those of all units would otherwise be parts of one future, which moves with each.
pub async fn retried<T, F: Future<Output = AppResult<T>>>(mut unit: impl FnMut() -> F) -> AppResult<T> {
    let mut has_reconnected = false;
    for retry in 0..RETRIES {
        match Box::pin(unit()).await {
            Err(AppError::Database(error)) if is_session_error(&error) && !has_reconnected => {
                has_reconnected = true;
            }
            Err(error) if error.is_rolled_back() => {}
            result => return result,
        }
        QueryStats::retry();
        tracing::info!(retry, "retrying a write that was not committed");
        tokio::time::sleep(PAUSE * 2_u32.pow(retry)).await;
    }
    Box::pin(unit()).await
}
