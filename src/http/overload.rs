//! How many requests are executed at once. One more is refused, at once: a queue would only make everybody late.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::{AppError, Code};

/// The places of the requests that are executed.
#[derive(Debug)]
pub struct Places {
    free: Semaphore,
    count: usize,
}

impl Places {
    /// So many places.
    pub fn new(count: usize) -> Self {
        Self { free: Semaphore::new(count), count }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.count - self.free.available_permits()
    }

    /// Takes a place, until what is returned is dropped.
    pub(super) fn take(&self) -> Result<SemaphorePermit<'_>, AppError> {
        self.free.try_acquire().map_err(|_| full())
    }

    /// Fails when a request that comes now would get no place, so that nothing needs to be done for it.
    pub(super) fn check(&self) -> Result<(), AppError> {
        if self.free.available_permits() == 0 { Err(full()) } else { Ok(()) }
    }
}

fn full() -> AppError {
    AppError::request(Code::Overloaded, "The service has too much to do. Try again shortly.")
}
