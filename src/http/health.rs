//! Whether the process lives, and whether it can do its work.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};

use crate::app::AppState;

/// `/healthz`: the process lives.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// `/readyz`: the database answers.
pub(super) async fn readyz(State(app): State<Arc<AppState>>) -> (StatusCode, &'static str) {
    match app.db.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n"),
    }
}
