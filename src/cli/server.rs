//! Listening and serving until the process is told to stop; the same for `dev` and `serve`.

use std::net::SocketAddr;

use axum::{Router, serve::ListenerExt};
use tokio::net::{TcpListener, TcpStream};

use super::CliError;

/// Opens the address, so that a command can say where it listens before it serves.
pub(super) async fn listen(address: SocketAddr) -> Result<TcpListener, CliError> {
    TcpListener::bind(address).await.map_err(|error| CliError::Listen { address, error })
}

/// Serves until SIGINT or SIGTERM; requests in flight are answered.
pub(super) async fn serve(listener: TcpListener, router: Router) -> Result<(), CliError> {
    // Answers are written in one piece; waiting for more would only delay them.
    let no_delay = |stream: &mut TcpStream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
    };
    axum::serve(listener.tap_io(no_delay), router).with_graceful_shutdown(told_to_stop()).await?;
    Ok(())
}

async fn told_to_stop() {
    let interrupt = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "cannot listen for SIGINT");
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = interrupt => {}
        () = terminated() => {}
    }
    tracing::info!("stopping");
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(error) => {
            tracing::warn!(%error, "cannot listen for SIGTERM");
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending::<()>().await;
}
