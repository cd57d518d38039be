//! Whether the process lives, and whether it can do its work.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
};

use super::state::AppState;

/// Whether the process received the signal to stop. Clones share the state.
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

/// The message for a query that the check does not know: it must not pass as the check of something else.
const UNKNOWN_QUERY: &str = "unknown parameter; use ?write, ?write=1 or ?write=true\n";

/// `/readyz`: the process goes on, somebody's tokens can be verified, and the database can be read; with `?write` also
/// that it takes writes.
pub(super) async fn readyz(
    State(app): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
) -> (StatusCode, &'static str) {
    let checks_writes = match query.as_deref() {
        None | Some("") => false,
        Some("write" | "write=1" | "write=true") => true,
        Some(_) => return (StatusCode::BAD_REQUEST, UNKNOWN_QUERY),
    };
    if app.stopping.0.load(Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    if !app.verifier.is_ready() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the keys of no issuer are available yet\n");
    }
    if !app.db.is_readable().await {
        return (StatusCode::SERVICE_UNAVAILABLE, "the database is not readable\n");
    }
    if checks_writes && !app.db.is_writable().await {
        return (StatusCode::SERVICE_UNAVAILABLE, "the database is not writable\n");
    }
    (StatusCode::OK, "ready\n")
}
