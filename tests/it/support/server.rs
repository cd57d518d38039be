//! The gateway behind a real socket.

use std::net::SocketAddr;

use contact_gateway::{app::App, http::server};
use tokio::{net::TcpListener, task::JoinHandle};

/// A server on a free port of 127.0.0.1; it ends when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(app: App) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let task = tokio::spawn(server::serve(listener, app.router, app.server, std::future::pending()));
        Self { address, task }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}
