//! Clients that leave, take back and break things in the middle.

use reqwest::Method;
use serde_json::json;
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, sleep},
};
use tokio_tungstenite::tungstenite::Message;

use super::{
    CHANGES, PATIENCE, READ, SHORT, change,
    client::{Client, PROTOCOL},
    contact_id, gateway, subscribed, until_gauge, until_subscriptions,
};
use crate::{
    connections::wire::{Wire, get},
    support::World,
};

const CREATE: &str = "mutation { createPartner(input: { name: \"Globex\" }) { partner { id } } }";

/// Waits until this number of requests is executing or queued.
async fn until_executing(world: &World, count: usize) {
    until_gauge(world, "executing", count).await;
}

#[tokio::test]
async fn a_mutation_that_is_taken_back_writes_nothing() {
    let world = gateway(|_| {}).await;
    let other_writer = world.db.begin().await.expect("a transaction");
    let mut client = Client::of(&world.writer(), world.address()).await;
    client.subscribe("1", CREATE).await;
    until_executing(&world, 1).await;
    client.say(json!({ "id": "1", "type": "complete" })).await;
    until_executing(&world, 0).await;
    // Its id is free at once, and no event of the earlier one is sent under it.
    assert!(client.once("1", READ).await["data"]["viewer"].is_object());
    client.subscribe("2", CREATE).await;
    until_executing(&world, 1).await;
    drop(client);
    until_executing(&world, 0).await;
    drop(other_writer);
    assert_eq!(world.writer().query(CREATE).await.status, 200);
    assert_eq!(world.count("partner").await, 1);
}

#[tokio::test]
async fn ids_that_change_hands_quickly_are_not_mixed_up() {
    let world = gateway(|_| {}).await;
    let mut client = Client::of(&world.reader(), world.address()).await;
    for number in 0..200 {
        client.subscribe("1", &format!("{{ viewer {{ before{number}: subject }} }}")).await;
        client.say(json!({ "id": "1", "type": "complete" })).await;
        client.subscribe("1", &format!("{{ viewer {{ after{number}: subject }} }}")).await;
        // What was on its way when it was taken back may still come; once the next was begun, nothing else does.
        let after = format!("after{number}");
        loop {
            let message = client.hear_message().await;
            if message["payload"]["data"]["viewer"].get(&after).is_some() {
                assert_eq!(client.hear().await, super::client::complete("1"));
                break;
            }
        }
    }
}

#[tokio::test]
async fn who_leaves_in_any_way_leaves_nothing_behind() {
    let world = gateway(|_| {}).await;
    let mut polite = subscribed(&world, &world.reader(), "1").await;
    until_subscriptions(&world, 1).await;
    let endings: [&[u8]; 6] = [
        b"",
        // A frame of text that is not masked, one with a reserved bit, and one of an unknown kind.
        b"\x81\x02hi",
        b"\xc1\x80\0\0\0\0",
        b"\x83\x80\0\0\0\0",
        // Text that is not UTF-8, and a control frame in pieces.
        b"\x81\x81\0\0\0\0\xff",
        b"\x09\x80\0\0\0\0",
    ];
    for ending in endings {
        let mut rude = subscribed(&world, &world.reader(), "1").await;
        until_subscriptions(&world, 2).await;
        let stream = rude.0.get_mut();
        stream.write_all(ending).await.expect("a socket");
        if ending.is_empty() {
            drop(rude);
        } else {
            assert!(rude.closed().await != 1000);
        }
        until_subscriptions(&world, 1).await;
    }
    // One that says good-bye is answered.
    let mut leaving = subscribed(&world, &world.reader(), "1").await;
    until_subscriptions(&world, 2).await;
    leaving.send(Message::Close(None)).await;
    leaving.closed().await;
    until_subscriptions(&world, 1).await;
    let id = change(&world, "ada@example.com").await;
    assert_eq!(contact_id(&polite.hear_message().await), id);
}

#[tokio::test]
async fn who_is_not_known_gets_no_work_done() {
    let world = gateway(|_| {}).await;
    let mut clients = Vec::new();
    for _ in 0..100 {
        let mut client = Client::open(world.address()).await;
        client.say(json!({ "type": "ping", "payload": { "text": "a".repeat(60_000) } })).await;
        // Pieces of a message that never ends.
        client.send(Message::Frame(piece())).await;
        clients.push(client);
    }
    let begin = Instant::now();
    assert_eq!(world.reader().query(READ).await.status, 200);
    for client in &mut clients {
        assert_eq!(client.closed().await, 4408);
    }
    assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());
    drop(clients);
    until_gauge(&world, "connections", 0).await;
}

/// The first piece of a message.
fn piece() -> tokio_tungstenite::tungstenite::protocol::frame::Frame {
    use tokio_tungstenite::tungstenite::protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    };
    Frame::message("a".repeat(30_000), OpCode::Data(Data::Text), false)
}

#[tokio::test]
async fn many_sockets_that_come_and_go_leave_nothing_behind() {
    let world = gateway(|_| {}).await;
    for _ in 0..10 {
        let mut clients = Vec::new();
        for _ in 0..10 {
            clients.push(subscribed(&world, &world.reader(), "1").await);
        }
        // Some in the middle of being subscribed, and all without a good-bye.
        drop(clients);
    }
    until_subscriptions(&world, 0).await;
    until_executing(&world, 0).await;
    until_gauge(&world, "connections", 0).await;
}

/// A client that could choose the labels of metrics could fill the memory with them.
#[tokio::test]
async fn what_a_client_makes_up_is_no_label() {
    let world = gateway(|_| {}).await;
    let mut client = Client::of(&world.reader(), world.address()).await;
    let document = "subscription made_up { made_up(made_up: 1) { made_up } }";
    client.subscribe("1", document).await;
    assert_eq!(client.refusal("1").await, "GRAPHQL_VALIDATION_FAILED");
    let request = world.reader().request(Method::POST, "/graphql").header("accept", "text/event-stream");
    let answer = request.json(&json!({ "query": document })).send().await.expect("an answer");
    assert_eq!(answer.status(), 400);
    until_executing(&world, 0).await;
    let metrics = world.metrics().await;
    assert!(metrics.contains("GRAPHQL_VALIDATION_FAILED") && !metrics.contains("made_up"), "{metrics}");
}

#[tokio::test]
async fn fifty_heavy_operations_of_one_socket_leave_turns_for_others() {
    let world = gateway(|_| {}).await;
    world.rows().partner("Globex", None).await;
    let fields: String = (0..15)
        .map(|number| format!("a{number}: countries(first: 100) {{ nodes {{ id isoCode }} }} "))
        .collect();
    let mut client = Client::of(&world.reader(), world.address()).await;
    for number in 0..50 {
        client.subscribe(&number.to_string(), &format!("{{ {fields} }}")).await;
    }
    let reply = world.reader().query("{ partners { nodes { name } } }").await;
    assert_eq!(reply.data("/partners/nodes/0/name"), "Globex");
    let mut complete = 0;
    while complete < 50 {
        let message = client.hear_message().await;
        assert!(message["payload"].get("errors").is_none(), "{message}");
        complete += usize::from(message["type"] == "complete");
    }
}

#[tokio::test]
async fn frames_that_come_with_the_request_are_read() {
    let world = gateway(|_| {}).await;
    let request = get("/graphql").replace(
        "\r\n\r\n",
        &format!(
            "\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: {PROTOCOL}\r\n\r\n"
        ),
    );
    // A ping of the protocol, masked with zeroes.
    let ping = br#"{"type":"ping"}"#;
    let bytes = [request.as_bytes(), &[0x81, 0x80 + 15, 0, 0, 0, 0], ping].concat();
    let mut wire = Wire::to(world.address()).await;
    wire.0.write_all(&bytes).await.expect("a socket");
    assert!(wire.head().await.expect("an answer").starts_with("http/1.1 101"));
    let mut pong = [0; 17];
    tokio::io::AsyncReadExt::read_exact(&mut wire.0, &mut pong).await.expect("a pong");
    assert_eq!(&pong[2..], br#"{"type":"pong"}"#);
    sleep(SHORT / 10).await;
    wire.send("GET /graphql HTTP/1.1\r\nhost: gateway\r\n\r\n").await;
    wire.closed().await;
    assert!(world.reader().query(CHANGES).await.status == 400);
}
