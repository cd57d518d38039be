//! Clients that do not read what they are sent: each is cut off in time, and the others do not notice.

use std::net::SocketAddr;

use serde_json::json;
use socket2::SockRef;
use tokio::{
    net::{TcpSocket, TcpStream},
    time::{Instant, sleep, timeout},
};

use super::{
    LONG, PATIENCE, SHORT, change,
    client::{Client, PROTOCOL},
    contact_id, gateway, subscribed, until_subscriptions,
};
use crate::{
    connections::wire::Wire,
    support::{Actor, World},
};

/// A connection that the system keeps little for.
async fn narrow(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    SockRef::from(&socket).set_recv_buffer_size(4096).expect("a size");
    socket.connect(address).await.expect("a connection")
}

/// A subscription whose events are long: more than 20 KB.
fn long_events() -> String {
    let fields: String =
        (0..28).map(|number| format!("a{number}: contact {{ history {{ nodes {{ fields }} }} }} ")).collect();
    format!("subscription {{ contactChanged {{ {fields} }} }}")
}

/// A query whose answer is long, and takes some statements.
fn long_answer() -> String {
    let fields: String = (0..15)
        .map(|number| format!("a{number}: partners(first: 60) {{ nodes {{ id name createdAt }} }} "))
        .collect();
    format!("{{ {fields} }}")
}

/// A socket that reads nothing any more, with so many operations of this document under way.
async fn unread(world: &World, actor: &Actor, document: &str, count: usize) -> Client {
    let stream = narrow(world.address()).await;
    let mut client =
        Client::ask_with(stream, &[("sec-websocket-protocol", PROTOCOL)]).await.expect("a socket");
    client.init(&actor.token()).await;
    for number in 0..count {
        client.subscribe(&number.to_string(), document).await;
    }
    client
}

/// Changes contacts until only so many subscriptions are left, each of the changes delivered to this client.
async fn change_until_left(world: &World, client: &mut Client, left: usize) {
    let begin = Instant::now();
    let line = format!("contact_gateway_subscriptions {left}\n");
    for number in 0.. {
        let id = change(world, &format!("number-{number}@example.com")).await;
        for _ in 0..2 {
            assert_eq!(contact_id(&client.hear_message().await), id);
        }
        if world.metrics().await.contains(&line) {
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "after {number} contacts it is still there");
    }
}

#[tokio::test]
async fn a_socket_that_does_not_read_is_cut_off() {
    let world = gateway(|config| config.http.write_timeout = SHORT).await;
    let mut polite = subscribed(&world, &world.reader(), "1").await;
    let rude = unread(&world, &world.reader(), &long_events(), 20).await;
    until_subscriptions(&world, 21).await;
    change_until_left(&world, &mut polite, 1).await;
    drop(rude);
    assert!(polite.is_alive().await);
}

#[tokio::test]
async fn a_stream_that_is_not_read_is_cut_off() {
    let world = gateway(|config| config.http.write_timeout = SHORT).await;
    let mut polite = subscribed(&world, &world.reader(), "1").await;
    let body = json!({ "query": long_events() }).to_string();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {}\r\naccept: text/event-stream\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        world.reader().token(),
        body.len(),
    );
    let mut rude = Wire(narrow(world.address()).await);
    rude.send(&request).await;
    until_subscriptions(&world, 2).await;
    change_until_left(&world, &mut polite, 1).await;
    drop(rude);
}

/// Work that waits for a client while it holds a permit would block all others.
#[tokio::test]
async fn what_is_not_read_keeps_nobody_waiting() {
    let world = gateway(|config| config.http.write_timeout = LONG).await;
    let mut polite = subscribed(&world, &world.reader(), "1").await;
    let mut rude = Vec::new();
    for count in 1..=3 {
        rude.push(unread(&world, &world.reader(), &long_events(), 50).await);
        until_subscriptions(&world, 1 + 50 * count).await;
    }
    let begin = Instant::now();
    for number in 0..10 {
        let id = change(&world, &format!("number-{number}@example.com")).await;
        for _ in 0..2 {
            assert_eq!(contact_id(&polite.hear_message().await), id);
        }
    }
    assert!(begin.elapsed() < LONG / 2, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn answers_that_are_not_read_take_no_turns() {
    let world = gateway(|config| config.http.write_timeout = LONG).await;
    for number in 0..60 {
        world.rows().partner(&format!("Partner {number} of a long answer"), None).await;
    }
    let (polite, document) = (world.reader(), long_answer());
    let mut rude = Vec::new();
    for _ in 0..2 {
        rude.push(unread(&world, &polite, &document, 50).await);
    }
    for _ in 0..20 {
        let reply = timeout(LONG / 2, polite.query(super::READ)).await.expect("an answer, in time");
        assert_eq!(reply.data("/viewer/subject"), "reader");
    }
    // A mutation in the middle would keep every other writer waiting.
    change(&world, "ada@example.com").await;
}

#[tokio::test]
async fn a_mutation_of_who_does_not_read_is_finished() {
    let world = gateway(|config| config.http.write_timeout = LONG).await;
    for number in 0..60 {
        world.rows().partner(&format!("Partner {number} of a long answer"), None).await;
    }
    let writer = world.writer();
    let mut rude = unread(&world, &writer, &long_answer(), 30).await;
    let fields: String = (0..20).map(|number| create(number, "rude")).collect();
    rude.subscribe("mutation", &format!("mutation {{ {fields} }}")).await;
    for number in 0..5 {
        let document = format!("mutation {{ {} }}", create(number, "polite"));
        let reply = timeout(LONG / 2, writer.query(&document)).await.expect("an answer, in time");
        assert_eq!(reply.errors(), [""; 0]);
    }
    let begin = Instant::now();
    while world.count("partner").await < 60 + 20 + 5 {
        assert!(begin.elapsed() < PATIENCE, "only {} were made", world.count("partner").await);
        sleep(SHORT / 10).await;
    }
    drop(rude);
}

/// A field that makes a partner.
fn create(number: usize, name: &str) -> String {
    format!("a{number}: createPartner(input: {{ name: \"{name} {number}\" }}) {{ partner {{ id }} }} ")
}
