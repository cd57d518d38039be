//! Whether the process lives, and whether it can do its work.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use axum::{extract::State, http::StatusCode};

use crate::app::AppState;

/// Whether the process was told to stop. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Stopping(Arc<AtomicBool>);

impl Stopping {
    /// From now on the process is not ready for new work.
    pub fn begin(&self) {
        self.0.store(true, Relaxed);
    }
}

/// `/healthz`: the process lives.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// `/readyz`: the process goes on, somebody's tokens can be verified, and the database answers.
pub(super) async fn readyz(State(app): State<Arc<AppState>>) -> (StatusCode, &'static str) {
    if app.stopping.0.load(Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    if !app.verifier.is_ready() {
        return (StatusCode::SERVICE_UNAVAILABLE, "no issuer's keys could be read yet\n");
    }
    match app.db.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n"),
    }
}
