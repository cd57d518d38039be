//! The maximum size of responses, their memory until they are sent, and the maximum time of that: by GraphQL over
//! HTTP, as events, as messages of a WebSocket, and by REST.

mod deadlines;
mod limits;
mod memory;
mod process;

use std::net::SocketAddr;

use contact_gateway::service::Database;
use sea_orm::ConnectionTrait;
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};

/// The most bytes of metadata, but for some.
const METADATA: usize = 16 * 1024 - 100;
/// The most bytes of a response, as it is configured by default.
const MOST: usize = 16 * 1024 * 1024;

/// Gives account contacts this metadata.
async fn set_metadata(db: &Database, metadata: &str, condition: &str) {
    let sql = format!("UPDATE account_contact SET metadata = '{metadata}' WHERE {condition}");
    db.pool().execute_unprepared(&sql).await.expect("contacts");
}

/// Metadata that is one long text.
fn long_text() -> String {
    format!("{{\"text\":\"{}\"}}", "x".repeat(METADATA))
}

/// Metadata of as many entries as there can be, which take the most memory.
fn many_entries() -> String {
    let entries: Vec<String> = (1000..).take(METADATA / 9).map(|number| format!("\"{number}\":1")).collect();
    format!("{{{}}}", entries.join(","))
}

/// The metadata of so many contacts, so many times each.
fn pages(contacts: usize, times: usize) -> String {
    let fields: String = (0..times).map(|number| format!("a{number}: metadata ")).collect();
    format!("{{ accountContacts(first: {contacts}) {{ nodes {{ {fields} }} }} }}")
}

/// A connection that the system keeps little for.
async fn narrow(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    SockRef::from(&socket).set_recv_buffer_size(4096).expect("a size");
    socket.connect(address).await.expect("a connection")
}

/// A GraphQL request over HTTP/1.1 that accepts this.
fn request(token: &str, document: &str, accept: &str) -> String {
    let body = serde_json::json!({ "query": document }).to_string();
    format!(
        "POST /graphql HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {token}\r\naccept: {accept}\r\n\
         x-org-id: 1\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
