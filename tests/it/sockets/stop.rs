//! Stopping with sockets and streams open, and how these are counted.

use reqwest::Method;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{
    CHANGES, READ, SHORT, SLACK, change,
    client::{Client, complete},
    gateway,
    stream::Stream,
    subscribed, until_gauge, until_subscriptions,
};
use crate::{
    connections::{
        stop::{Server, ended},
        wire::{Wire, get},
    },
    support::Actor,
};

const CREATE: &str = "mutation { createPartner(input: { name: \"Globex\" }) { partner { name } } }";

fn streaming(actor: &Actor, document: &str) -> reqwest::RequestBuilder {
    let request = actor.request(Method::POST, "/graphql").json(&json!({ "query": document }));
    request.header("accept", "text/event-stream")
}

#[tokio::test]
async fn sockets_and_streams_that_wait_keep_nothing_from_ending() {
    let world = gateway(|_| {}).await;
    let server = Server::of(&world).await;
    let reader = world.reader();
    let mut unknown = Client::open(server.address).await;
    let mut idle = Client::of(&reader, server.address).await;
    let mut listening = Client::of(&reader, server.address).await;
    for id in ["1", "2", "3"] {
        listening.subscribe(id, CHANGES).await;
    }
    assert!(listening.is_alive().await);
    let mut stream = Stream::of(streaming(&reader.clone().at(server.address), CHANGES)).await;
    let serving = server.stop();
    let (ended, unknown, idle, listening, streamed) =
        tokio::join!(ended(serving), unknown.closed(), idle.closed(), listening.closed(), stream.next());
    assert!(ended < SLACK, "{ended:?}");
    assert_eq!((unknown, idle, listening), (1001, 1001, 1001));
    // The end is not a completion: the client can reconnect elsewhere.
    assert_eq!(streamed, None);
}

#[tokio::test]
async fn mutations_under_way_are_answered() {
    let world = gateway(|_| {}).await;
    let server = Server::of(&world).await;
    let writer = world.writer();
    let other_writer = world.db.begin().await.expect("a transaction");
    let mut client = Client::of(&writer, server.address).await;
    client.subscribe("events", CHANGES).await;
    client.subscribe("mutation", CREATE).await;
    assert!(client.is_alive().await);
    let streaming = tokio::spawn(streaming(&writer.clone().at(server.address), CREATE).send());
    sleep(SHORT).await;

    let serving = server.stop();
    sleep(SHORT).await;
    // Nothing new is begun.
    client.subscribe("late", CREATE).await;
    drop(other_writer);
    let answer = json!({ "data": { "createPartner": { "partner": { "name": "Globex" } } } });
    let next = json!({ "id": "mutation", "type": "next", "payload": answer });
    assert_eq!(client.hear_message().await, next);
    assert_eq!(client.hear().await, complete("mutation"));
    assert_eq!(client.closed().await, 1001);
    let text = streaming.await.expect("no panic").expect("an answer").text().await.expect("a text");
    assert!(text.contains("Globex") && text.contains("event: complete"), "{text}");
    assert!(ended(serving).await < SLACK);
    assert_eq!(world.count("partner").await, 2);
}

#[tokio::test]
async fn a_socket_is_a_connection() {
    let world = gateway(|config| config.http.max_connections = 2).await;
    let mut first = subscribed(&world, &world.reader(), "1").await;
    let second = Client::of(&world.writer(), world.address()).await;
    until_gauge(&world, "connections", 2).await;
    let mut refused = Wire::to(world.address()).await;
    assert_eq!(refused.ask(&get("/healthz")).await.expect("an answer").status, 503);
    drop(second);
    until_gauge(&world, "connections", 1).await;
    let id = change(&world, "ada@example.com").await;
    assert_eq!(super::contact_id(&first.hear_message().await), id);
    drop(first);
    until_subscriptions(&world, 0).await;
}

#[tokio::test]
async fn a_socket_that_never_pauses_is_told_to_go_too() {
    let world = gateway(|_| {}).await;
    let server = Server::of(&world).await;
    let mut client = Client::of(&world.reader(), server.address).await;
    client.subscribe("first", READ).await;
    client.hear_message().await;
    let serving = server.stop();
    let begin = Instant::now();
    let mut number = 0;
    // Two under way at any time.
    while client.0.get_ref().peer_addr().is_ok() && begin.elapsed() < SLACK {
        number += 1;
        client.subscribe(&number.to_string(), READ).await;
        match client.hear().await {
            super::client::Heard::Close(_) => break,
            super::client::Heard::Message(_) => {}
        }
    }
    assert!(ended(serving).await < SLACK);
}
