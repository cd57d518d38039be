//! The gateway behind real sockets.

use std::{future::pending, net::SocketAddr, sync::Arc};

use contact_gateway::{app::App, http::server, service::maintenance::Maintenance};
use tokio::{net::TcpListener, task::JoinSet};

/// A server on free ports of 127.0.0.1; it ends when it is dropped.
pub(crate) struct Server {
    /// The public address.
    pub(crate) address: SocketAddr,
    /// The address for operators.
    pub(crate) operator_address: SocketAddr,
    _tasks: JoinSet<()>,
    _maintenance: Maintenance,
}

impl Server {
    pub(crate) async fn start(app: App) -> Self {
        let (listener, address) = listen().await;
        let (operator, operator_address) = listen().await;
        let mut tasks = JoinSet::new();
        tasks.spawn(server::serve(listener, app.router, app.server, app.connections, pending()));
        tasks.spawn(server::serve(operator, app.operator_router, app.server, Arc::default(), pending()));
        Self { address, operator_address, _tasks: tasks, _maintenance: app.maintenance }
    }
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}
