//! Listening and serving until the process is told to stop; the same for `dev` and `serve`.

use std::{net::SocketAddr, pin::pin};

use tokio::{net::TcpListener, sync::oneshot};

use super::CliError;
use crate::{app::App, http::server};

/// Opens the address, so that a command can say where it listens before it serves.
pub(super) async fn listen(address: SocketAddr) -> Result<TcpListener, CliError> {
    TcpListener::bind(address).await.map_err(|error| CliError::Listen { address, error })
}

/// Serves until SIGINT or SIGTERM; requests in flight are answered. A second signal ends it at once.
pub(super) async fn serve(listener: TcpListener, app: App) -> Result<(), CliError> {
    let mut signals = Signals::new()?;
    let (stop, stopped) = oneshot::channel();
    let stopped = async { _ = stopped.await };
    let mut serving = pin!(server::serve(listener, app.router, app.server, stopped));
    tokio::select! {
        () = &mut serving => return Ok(()),
        () = signals.next() => tracing::info!("stopping"),
    }
    app.stopping.begin();
    // The server cannot have gone: it is awaited here.
    let _ = stop.send(());
    tokio::select! {
        () = serving => tracing::info!("stopped"),
        () = signals.next() => tracing::warn!("stopped at once, by a second signal"),
    }
    Ok(())
}

/// What tells the process to stop.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Result<Self, CliError> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// What tells the process to stop.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Result<Self, CliError> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "cannot listen for the signal to stop");
            std::future::pending::<()>().await;
        }
    }
}
