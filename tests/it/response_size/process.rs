//! The memory of the real process while many clients read the largest responses slowly.

use std::{net::SocketAddr, path::Path, time::Duration};

use chrono::Utc;
use contact_gateway::{
    auth::{Scopes, Signer},
    config::{development_key, development_signer},
};
use serde_json::json;
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    time::{Instant, sleep},
};

use super::{long_text, many_entries, narrow, pages, request, set_metadata};
use crate::{
    process::Development,
    sockets::client::{Client, PROTOCOL},
    support::{HOME, World, on_both},
};

on_both!(fifty_slow_readers);

/// How many clients take their responses slowly.
const READERS: usize = 50;
/// The most memory that the process may take, in KiB.
const MOST_MEMORY: u64 = 300 * 1000;
/// Nothing is waited for any longer.
const PATIENCE: Duration = Duration::from_secs(60);
const COUNT: usize = 100;

/// How a client asks.
#[derive(Clone, Copy, Debug)]
enum Way {
    Http,
    Events,
    WebSocket,
}

async fn fifty_slow_readers(world: World) {
    let folder = tempfile::tempdir().expect("a folder");
    world.rows().accounts_and_contacts(COUNT, COUNT).await;
    set_metadata(&world.db, &long_text(), "true").await;
    set_metadata(&world.db, &many_entries(), "email > 'contact5'").await;
    let database = world.config.database_url().expect("a database").expose();
    let gateway = Development::start(folder.path(), Some(database)).await;
    let before = gateway.memory("VmHWM");
    // The largest response that there can be, the most values, and what is refused because it would be larger.
    let large = pages(COUNT, 9);
    let many = "{ accounts(first: 100) { nodes { contacts(first: 100) { nodes { id version createdAt email } } } } }";
    let refused = "{ accounts(first: 100) { nodes { contacts(first: 100) { nodes { metadata } } } } }";
    let tokens: Vec<String> = (0..10).map(|number| token(folder.path(), number)).collect();
    for way in [Way::Http, Way::Events, Way::WebSocket] {
        let mut readers = Vec::new();
        for number in 0..READERS {
            let document = match number % 5 {
                0 => many,
                1 => refused,
                _ => &large,
            };
            readers.push(slow_reader(gateway.address(), way, &tokens[number % 10], document).await);
        }
        let begin = Instant::now();
        // Long enough for all of them to have been executed or rejected; then another client gets a response.
        sleep(Duration::from_secs(2)).await;
        loop {
            let answer = gateway.client.answer("{ viewer { subject } }", json!({})).await.expect("an answer");
            if answer["data"]["viewer"]["subject"].is_string() {
                break;
            }
            assert!(begin.elapsed() < PATIENCE, "nothing beside the slow readers but {answer}");
        }
        let most = gateway.memory("VmHWM");
        eprintln!("{way:?}: {before} KiB before, at most {most} KiB");
        assert!(most < MOST_MEMORY, "{way:?}: {most} KiB");
    }
}

/// A client that asks and then reads nothing.
async fn slow_reader(address: SocketAddr, way: Way, token: &str, document: &str) -> TcpStream {
    let mut stream = narrow(address).await;
    let accept = match way {
        Way::Http => "application/json",
        Way::Events => "text/event-stream",
        Way::WebSocket => {
            let headers = [("sec-websocket-protocol", PROTOCOL), ("x-org-id", "1")];
            let mut client = Client::ask_with(stream, &headers).await.expect("a socket");
            client.init(token).await;
            client.subscribe("1", document).await;
            return client.0.into_inner();
        }
    };
    stream.write_all(request(token, document, accept).as_bytes()).await.expect("a connection");
    stream
}

/// A token of one of several subjects.
fn token(folder: &Path, number: usize) -> String {
    let signer: Signer = development_signer(&development_key(folder).expect("a key")).expect("a signer");
    let lifetime = Duration::from_secs(3600);
    signer.mint(&format!("reader {number}"), &[HOME], Scopes::all(), lifetime, Utc::now()).expect("a token")
}
