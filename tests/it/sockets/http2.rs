//! Events over HTTP/2, many streams on a connection; sockets there are none.

use axum::{body::Bytes, http::Request};
use h2::{
    RecvStream,
    client::{SendRequest, handshake},
};
use serde_json::json;
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{CHANGES, PATIENCE, SHORT, change, gateway, until_subscriptions};
use crate::support::World;

async fn connect(world: &World, connections: &mut JoinSet<()>) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(world.address()).await.expect("a connection");
    let (requests, connection) = handshake(stream).await.expect("a handshake");
    connections.spawn(async { drop(connection.await) });
    requests
}

/// A stream of events.
async fn listen(world: &World, requests: &SendRequest<Bytes>) -> RecvStream {
    let request = Request::post("http://gateway/graphql")
        .header("authorization", format!("Bearer {}", world.reader().token()))
        .header("content-type", "application/json")
        .header("accept", "text/event-stream")
        .body(())
        .expect("a request");
    let mut requests = requests.clone().ready().await.expect("a place");
    let (answer, mut body) = requests.send_request(request, false).expect("a stream");
    let document = json!({ "query": CHANGES }).to_string();
    body.send_data(document.into(), true).expect("a body");
    let answer = answer.await.expect("an answer");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"text/event-stream".parse().expect("a value"))
    );
    answer.into_body()
}

/// Reads until this text was sent.
async fn read_until(stream: &mut RecvStream, text: &str) {
    let read = async {
        let mut read = String::new();
        while !read.contains(text) {
            let chunk = stream.data().await.expect("more").expect("a chunk");
            stream.flow_control().release_capacity(chunk.len()).expect("capacity");
            read.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    };
    timeout(PATIENCE, read).await.expect("the text, in time");
}

#[tokio::test]
async fn many_streams_share_a_connection() {
    let world = gateway(|config| {
        config.http.write_timeout = SHORT;
        config.http.idle_timeout = SHORT;
    })
    .await;
    let mut connections = JoinSet::new();
    let requests = connect(&world, &mut connections).await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(listen(&world, &requests).await);
    }
    until_subscriptions(&world, 10).await;
    sleep(4 * SHORT).await;
    let id = change(&world, "ada@example.com").await;
    for stream in &mut streams {
        read_until(stream, &id).await;
    }
    streams.truncate(3);
    until_subscriptions(&world, 3).await;
    connections.abort_all();
    until_subscriptions(&world, 0).await;
}

#[tokio::test]
async fn a_stream_that_is_not_read_costs_its_connection_and_no_other() {
    let world = gateway(|config| config.http.write_timeout = SHORT).await;
    let mut connections = JoinSet::new();
    let (rude, polite) = (connect(&world, &mut connections).await, connect(&world, &mut connections).await);
    // What is not read opens no window.
    let unread = listen(&world, &rude).await;
    let mut read = listen(&world, &polite).await;
    until_subscriptions(&world, 2).await;
    for number in 0.. {
        let id = change(&world, &format!("number-{number}@example.com")).await;
        read_until(&mut read, &id).await;
        if world.metrics().await.contains("contact_gateway_subscriptions 1\n") {
            break;
        }
        assert!(number < 2000, "it is still there");
    }
    drop(unread);
}

#[tokio::test]
async fn there_are_no_sockets() {
    let world = gateway(|_| {}).await;
    let mut connections = JoinSet::new();
    let requests = connect(&world, &mut connections).await;
    for request in [
        Request::get("http://gateway/graphql").header("upgrade", "websocket"),
        Request::get("http://gateway/graphql").header("sec-websocket-version", "13"),
        Request::connect("http://gateway/graphql").header("sec-websocket-version", "13"),
    ] {
        let request =
            request.header("sec-websocket-protocol", super::client::PROTOCOL).body(()).expect("a request");
        let mut requests = requests.clone().ready().await.expect("a place");
        let Ok((answer, _)) = requests.send_request(request, true) else { continue };
        if let Ok(answer) = timeout(PATIENCE, answer).await.expect("an answer, in time") {
            assert!((400..500).contains(&answer.status().as_u16()), "{answer:?}");
        }
    }
}
