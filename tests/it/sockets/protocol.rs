//! graphql-transport-ws: what may be said when, and what the socket is closed with otherwise.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::{
    CHANGES, PATIENCE, READ, SHORT, change,
    client::{Client, Heard, code, complete, message},
    contact_id, gateway, subscribed, until_subscriptions,
};
use crate::support::World;

#[tokio::test]
async fn events_come_until_the_client_has_enough() {
    let world = gateway(|_| {}).await;
    let mut client = subscribed(&world, &world.reader(), "1").await;
    until_subscriptions(&world, 1).await;
    for email in ["ada@example.com", "grace@example.com"] {
        let id = change(&world, email).await;
        let next = client.hear_message().await;
        assert_eq!((&next["id"], &next["type"], contact_id(&next)), (&json!("1"), &json!("next"), &*id));
        // Its assignment is another change of the same person.
        assert_eq!(contact_id(&client.hear_message().await), id);
    }
    client.say(json!({ "id": "1", "type": "complete" })).await;
    until_subscriptions(&world, 0).await;
    change(&world, "edsger@example.com").await;
    assert!(client.hears_nothing(SHORT).await);

    // The id is free again, also for another operation.
    assert!(client.once("1", READ).await["data"].is_object());
    client.subscribe("1", CHANGES).await;
    until_subscriptions(&world, 1).await;
    drop(client);
    until_subscriptions(&world, 0).await;
}

#[tokio::test]
async fn who_does_not_keep_to_the_protocol_is_closed_with_its_code() {
    let world = gateway(|_| {}).await;
    let init = init(&world);
    let subscribe = json!({ "id": "1", "type": "subscribe", "payload": { "query": CHANGES } });
    let ping = json!({ "type": "ping" });
    let long = |bytes: usize| format!("\"{}\"", "a".repeat(bytes - 2));
    let text = |value: &Value| Message::text(value.to_string());
    let bad = |value: &str| Message::text(value);
    for (messages, code) in [
        (vec![text(&subscribe)], 4401),
        (vec![text(&json!({ "id": "1", "type": "complete" }))], 4401),
        (vec![text(&init), text(&init)], 4429),
        (vec![text(&init), text(&subscribe), text(&subscribe)], 4409),
        (vec![bad("")], 4400),
        (vec![bad("hello")], 4400),
        (vec![bad("[]")], 4400),
        (vec![bad(r#"["ping"]"#)], 4400),
        (vec![bad(r#"["connection_init",{}]"#)], 4400),
        (vec![bad("{}")], 4400),
        (vec![bad(r#"{"type":"hello"}"#)], 4400),
        (vec![bad(r#"{"type":"connection_ack"}"#)], 4400),
        (vec![bad(r#"{"type":"connection_init","payload":"token"}"#)], 4400),
        (vec![bad(r#"{"type":"connection_init","payload":{"authorization":["Bearer"]}}"#)], 4400),
        (vec![Message::binary(init.to_string())], 4400),
        (
            vec![text(&init), text(&json!({ "id": "", "type": "subscribe", "payload": { "query": READ } }))],
            4400,
        ),
        (
            vec![text(&init), text(&json!({ "id": 1, "type": "subscribe", "payload": { "query": READ } }))],
            4400,
        ),
        (vec![text(&init), text(&json!({ "type": "subscribe", "payload": { "query": READ } }))], 4400),
        (vec![text(&init), text(&json!({ "id": "1", "type": "subscribe" }))], 4400),
        (vec![text(&init), text(&json!({ "id": "1", "type": "subscribe", "payload": READ }))], 4400),
        (vec![text(&init), text(&json!({ "id": "1", "type": "subscribe", "payload": [READ] }))], 4400),
        (
            vec![text(&init), text(&json!({ "id": "1", "type": "subscribe", "payload": { "query": 1 } }))],
            4400,
        ),
        (vec![text(&init), text(&json!(["subscribe", "1", { "query": READ }]))], 4400),
        (
            vec![
                text(&init),
                text(&json!({ "id": "a".repeat(300), "type": "subscribe", "payload": { "query": READ } })),
            ],
            4400,
        ),
        (vec![text(&init), bad(&format!("{}1{}", "[".repeat(30_000), "]".repeat(30_000)))], 4400),
        (
            vec![
                text(&init),
                bad(&format!(
                    r#"{{"id":"1","type":"subscribe","payload":{{"query":"{{ a }}","variables":{{"a":{}1{}}}}}}}"#,
                    "[".repeat(30_000),
                    "]".repeat(30_000)
                )),
            ],
            4400,
        ),
        (vec![text(&ping), text(&init), bad(&long(64 * 1024))], 4400),
        (vec![text(&ping), text(&init), bad(&long(64 * 1024 + 1))], 1009),
        (vec![bad(&long(64 * 1024 + 1))], 1009),
    ] {
        let shown =
            messages.iter().map(|it| it.to_string().chars().take(120).collect()).collect::<Vec<String>>();
        let mut client = Client::open(world.address()).await;
        for message in messages {
            client.send(message).await;
        }
        assert_eq!(client.closed().await, code, "{shown:?}");
    }
    until_subscriptions(&world, 0).await;
}

/// What a reader says first.
fn init(world: &World) -> Value {
    let token = format!("Bearer {}", world.reader().token());
    json!({ "type": "connection_init", "payload": { "authorization": token } })
}

#[tokio::test]
async fn who_does_not_say_who_it_is_is_closed() {
    let world = gateway(|_| {}).await;
    let begin = Instant::now();
    let mut silent = Client::open(world.address()).await;
    let mut chatty = Client::open(world.address()).await;
    let talk = async {
        while chatty.say(json!({ "type": "ping" })).await {
            match chatty.hear().await {
                Heard::Close(code) => return code,
                pong => assert_eq!(pong, message(json!({ "type": "pong" }))),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        chatty.closed().await
    };
    assert_eq!(tokio::join!(silent.closed(), talk), (4408, 4408));
    assert!((Duration::from_secs(4)..PATIENCE).contains(&begin.elapsed()), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn pings_are_answered_before_and_after_the_acknowledgement() {
    let world = gateway(|_| {}).await;
    let mut client = Client::open(world.address()).await;
    let pong = message(json!({ "type": "pong" }));
    for ping in [json!({ "type": "ping" }), json!({ "type": "ping", "payload": { "a": [1, null] } })] {
        client.say(ping).await;
        assert_eq!(client.hear().await, pong);
    }
    client.say(json!({ "type": "pong" })).await;
    client.init(&world.reader().token()).await;
    client.say(json!({ "type": "pong", "payload": null })).await;
    client.say(json!({ "type": "ping" })).await;
    assert_eq!(client.hear().await, pong);
    client.send(Message::Ping("a frame".into())).await;
    assert!(client.is_alive().await);
}

#[tokio::test]
async fn queries_and_mutations_are_taken_too() {
    let world = gateway(|_| {}).await;
    let mut client = Client::of(&world.writer(), world.address()).await;
    assert_eq!(client.once("query", READ).await, json!({ "data": { "viewer": { "subject": "writer" } } }));
    let payload = json!({
        "query": "mutation Make($input: CreatePartnerInput!) { createPartner(input: $input) { partner { name } } }",
        "operationName": "Make",
        "variables": { "input": { "name": "Globex" } },
        "extensions": { "unknown": [1] },
    });
    client.say(json!({ "id": "mutation", "type": "subscribe", "payload": payload })).await;
    let answer = json!({ "data": { "createPartner": { "partner": { "name": "Globex" } } } });
    assert_eq!(client.hear().await, message(json!({ "id": "mutation", "type": "next", "payload": answer })));
    assert_eq!(client.hear().await, complete("mutation"));
    assert_eq!(world.count("partner").await, 1);

    // An operation that was executed has an answer, with its errors.
    let mut reader = Client::of(&world.reader(), world.address()).await;
    let answer =
        reader.once("1", "mutation { createPartner(input: { name: \"a\" }) { partner { id } } }").await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
    assert_eq!(world.count("partner").await, 1);
}

#[tokio::test]
async fn what_is_refused_is_told_and_the_socket_goes_on() {
    let world = gateway(|config| config.limits.cost = 1000).await;
    let mut client = subscribed(&world, &world.reader(), "first").await;
    until_subscriptions(&world, 1).await;
    let dear = "{ partners(first: 100) { nodes { assignments(first: 100) { nodes { id } } } } }";
    for (document, expected) in [
        ("", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ viewer { subject }", "GRAPHQL_PARSE_FAILED"),
        (dear, "QUERY_TOO_COMPLEX"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { contactChanged(first: 1) { contactId } }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "subscription { contactChanged { contactId } contactChanged { cursor } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "subscription { a: contactChanged { contactId } b: contactChanged { contactId } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "subscription { contactChanged { contactId } ...F } fragment F on Subscription { contactChanged { cursor } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("subscription { __typename }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { __schema { types { name } } }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { contactChanged @skip(if: true) { contactId } }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { contactChanged @include(if: false) { contactId } }", "GRAPHQL_VALIDATION_FAILED"),
    ] {
        client.subscribe("bad", document).await;
        assert_eq!(client.refusal("bad").await, expected, "{document}");
    }
    // Members that are not understood are ignored, so that nothing is left of the second.
    for payload in [json!({}), json!({ "quer": READ })] {
        client.say(json!({ "id": "bad", "type": "subscribe", "payload": payload })).await;
        assert_eq!(client.refusal("bad").await, "BAD_REQUEST");
    }
    let payload = json!({ "query": "query($a: ID!) { node(id: $a) { id } }" });
    client.say(json!({ "id": "bad", "type": "subscribe", "payload": payload })).await;
    assert_eq!(client.refusal("bad").await, "GRAPHQL_VALIDATION_FAILED");
    // Whose arguments are not good: that is found out by executing it.
    client.subscribe("bad", "subscription { contactChanged(kinds: []) { contactId } }").await;
    let message = client.hear_message().await;
    assert_eq!(
        (&message["id"], &message["payload"]["errors"][0]["extensions"]["code"]),
        (&json!("bad"), &json!("BAD_REQUEST")),
        "{message}"
    );
    assert_eq!(client.hear().await, complete("bad"));

    assert!(client.is_alive().await);
    let id = change(&world, "ada@example.com").await;
    let next = client.hear_message().await;
    assert_eq!((&next["id"], contact_id(&next)), (&json!("first"), &*id));
}

#[tokio::test]
async fn the_fifty_first_operation_is_refused_and_the_others_go_on() {
    let world = gateway(|_| {}).await;
    let mut client = Client::of(&world.reader(), world.address()).await;
    for number in 0..50 {
        client.subscribe(&format!("id {number}"), CHANGES).await;
    }
    for document in [CHANGES, READ] {
        client.subscribe("one more", document).await;
        assert_eq!(code(&client.hear_message().await, "one more"), "OVERLOADED");
    }
    until_subscriptions(&world, 50).await;
    client.say(json!({ "id": "id 7", "type": "complete" })).await;
    client.subscribe("one more", CHANGES).await;
    until_subscriptions(&world, 50).await;
    change(&world, "ada@example.com").await;
    let mut heard = std::collections::BTreeSet::new();
    while heard.len() < 50 {
        let next = client.hear_message().await;
        assert_eq!(next["type"], "next", "{next}");
        heard.insert(next["id"].as_str().expect("an id").to_owned());
    }
    assert!(heard.contains("one more") && !heard.contains("id 7"));
    drop(client);
    until_subscriptions(&world, 0).await;
}
