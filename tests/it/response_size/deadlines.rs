//! How long a client may take for a whole response, event or message, however steadily it reads.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use super::{long_text, narrow, pages, request, set_metadata};
use crate::{
    connections::gateway,
    sockets::{
        client::{Client, PROTOCOL},
        stream::Stream,
    },
    support::World,
};

/// How long a response may take.
const DEADLINE: Duration = Duration::from_secs(2);
/// What may come on top of it on a busy machine.
const SLACK: Duration = Duration::from_secs(10);

async fn world() -> World {
    let world = gateway(|config| config.http.response_timeout = DEADLINE).await;
    world.rows().accounts_and_contacts(60, 1).await;
    set_metadata(&world.db, &long_text(), "true").await;
    world
}

/// A response of 8 MB.
fn long_response() -> String {
    pages(60, 8)
}

/// Reads steadily, but not fast enough, until the connection ends; gives how long that took.
async fn read_slowly(stream: &mut TcpStream) -> Duration {
    let (begin, mut buffer) = (Instant::now(), vec![0; 64 * 1024]);
    while let Ok(1..) = timeout(SLACK, stream.read(&mut buffer)).await.expect("bytes or an end, in time") {
        sleep(Duration::from_millis(50)).await;
    }
    begin.elapsed()
}

#[tokio::test]
async fn a_whole_response_has_a_deadline() {
    let world = world().await;
    for accept in ["application/json", "text/event-stream"] {
        let mut stream = narrow(world.address()).await;
        let request = request(&world.reader().token(), &long_response(), accept);
        stream.write_all(request.as_bytes()).await.expect("a connection");
        let taken = read_slowly(&mut stream).await;
        assert!((DEADLINE / 2..DEADLINE + SLACK).contains(&taken), "{accept}: {taken:?}");
    }
    let stream = narrow(world.address()).await;
    let headers = [("sec-websocket-protocol", PROTOCOL)];
    let mut client = Client::ask_with(stream, &headers).await.expect("a socket");
    client.init(&world.reader().token()).await;
    client.subscribe("1", &long_response()).await;
    let taken = read_slowly(client.0.get_mut()).await;
    assert!((DEADLINE / 2..DEADLINE + SLACK).contains(&taken), "{taken:?}");
}

#[tokio::test]
async fn clients_that_read_are_not_cut_off() {
    let world = world().await;
    let reader = world.reader();
    for _ in 0..3 {
        assert_eq!(reader.query(&pages(60, 1)).await.list("/accountContacts/nodes").len(), 60);
    }
    let document = "subscription { contactChanged { contactId } }";
    let body = json!({ "query": document });
    let post = reader.request(reqwest::Method::POST, "/graphql").header("accept", "text/event-stream");
    let mut stream = Stream::of(post.json(&body)).await;
    let mut client = Client::of(&reader, world.address()).await;
    client.subscribe("1", document).await;
    // Longer than the deadline, which is that of one event.
    for number in 0..4 {
        sleep(DEADLINE / 2).await;
        let input = json!({ "email": format!("ada{number}@example.com"), "internalRole": "LEAD" });
        let reply = world.writer().mutate("createInternalContact", input, "internalContact { id }").await;
        let id = reply.data("/createInternalContact/internalContact/id").clone();
        for _ in 0..2 {
            assert_eq!(stream.payload().await["data"]["contactChanged"]["contactId"], id);
            assert_eq!(client.hear_message().await["payload"]["data"]["contactChanged"]["contactId"], id);
        }
    }
}
