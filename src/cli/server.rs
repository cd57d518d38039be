//! Listens and serves until a stop signal, for `dev` and `serve`.

use std::{net::SocketAddr, pin::pin, sync::Arc};

use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};

use super::{CliError, reload::Reload};
use crate::{
    app::App,
    config::{Database, Http},
    http::server,
};

/// Open files other than connections: standard streams, listeners, files of SQLite.
const OTHER_FILES: u64 = 64;

/// Binds the address, so that a command can print it before it serves.
pub(super) async fn listen(address: SocketAddr) -> Result<TcpListener, CliError> {
    TcpListener::bind(address).await.map_err(|error| CliError::Listen { address, error })
}

/// Lets the process open as many files as it has connections at most: many systems start it with 1024, of which it may
/// ask for more.
#[cfg(unix)]
pub(super) fn allow_connections(http: &Http, database: &Database) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let connections = http.max_connections as u64 + u64::from(database.max_connections);
    let needed = connections + OTHER_FILES;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // None means no limit.
    if current.is_none_or(|current| current >= needed) {
        return;
    }
    let granted = maximum.map_or(needed, |maximum| maximum.min(needed));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(granted), maximum });
    if raised.is_err() || granted < needed {
        tracing::warn!(
            needed,
            granted,
            "the limit of open files is too low for http.max_connections; raise it (ulimit -n, LimitNOFILE)"
        );
    }
}

/// Other systems have no such limit.
#[cfg(not(unix))]
pub(super) fn allow_connections(_: &Http, _: &Database) {}

/// Serves until a stop signal, then completes the requests in flight. A second signal stops immediately.
///
/// The optional operator listener stays open until the end. With `reload`, the configuration can be read again.
pub(super) async fn serve(
    listener: TcpListener,
    operator: Option<TcpListener>,
    app: App,
    mut signals: Signals,
    reload: Option<Reload>,
) -> Result<(), CliError> {
    // Ended with this function.
    let mut tasks = JoinSet::new();
    if let Some(listener) = operator {
        let never = std::future::pending();
        tasks.spawn(server::serve(listener, app.operator_router, app.server, Arc::default(), never));
    }
    if let Some(reload) = reload {
        tasks.spawn(reload.run(app.reloader));
    }
    let (stop, stopped) = oneshot::channel();
    let stopped = async { _ = stopped.await };
    let mut serving = pin!(server::serve(listener, app.router, app.server, app.connections, stopped));
    tokio::select! {
        () = &mut serving => return Ok(()),
        () = signals.next() => tracing::info!("stopping"),
    }
    app.stopping.begin();
    drop(app.maintenance);
    // The receiver exists, because the server is awaited here.
    let _ = stop.send(());
    tokio::select! {
        () = serving => tracing::info!("stopped"),
        () = signals.next() => tracing::warn!("stopped immediately by a second signal"),
    }
    Ok(())
}

/// The stop signals of the process.
#[cfg(unix)]
pub(super) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Installs the handlers. From now on a signal does not end the process by itself.
    pub(super) fn new() -> Result<Self, CliError> {
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

/// The stop signals of the process.
#[cfg(not(unix))]
pub(super) struct Signals;

#[cfg(not(unix))]
impl Signals {
    /// Installs the handlers. From now on a signal does not end the process by itself.
    pub(super) fn new() -> Result<Self, CliError> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "cannot listen for the stop signal");
            std::future::pending::<()>().await;
        }
    }
}
