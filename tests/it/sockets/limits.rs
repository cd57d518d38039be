//! Events cost points, as requests do.

use std::time::Duration;

use contact_gateway::entity::internal_contact_assignment::InternalRole;
use serde_json::json;
use tokio::time::Instant;

use super::{
    CHANGES, READ,
    client::{Client, code},
    contact_id, gateway, until_subscriptions,
};
#[tokio::test]
async fn who_has_no_points_left_is_told_later() {
    // The subscription and each event cost 2.
    let world = gateway(|config| {
        config.rate_limit.points_per_minute = 120;
        config.rate_limit.burst = 4;
        config.rate_limit.points_per_millisecond = 0;
    })
    .await;
    let begin = Instant::now();
    let mut client = Client::of(&world.reader(), world.address()).await;
    client.subscribe("1", CHANGES).await;
    until_subscriptions(&world, 1).await;
    let mut expected = Vec::new();
    for email in ["ada@example.com", "grace@example.com"] {
        let made = world.rows().internal_contact(email, InternalRole::Lead).await;
        let id = made.contact.id.to_string();
        expected.extend([id.clone(), id]);
    }
    let mut heard = Vec::new();
    for _ in 0..4 {
        heard.push(contact_id(&client.hear_message().await).to_owned());
    }
    assert_eq!(heard, expected);
    // 8 points were spent, 4 of them were there at the beginning.
    assert!(begin.elapsed() >= Duration::from_millis(1900), "{:?}", begin.elapsed());
    until_subscriptions(&world, 1).await;
}

#[tokio::test]
async fn operations_of_a_socket_cost_what_requests_do() {
    let world = gateway(|config| {
        config.rate_limit.points_per_minute = 1;
        config.rate_limit.burst = 25;
        config.rate_limit.points_per_millisecond = 0;
    })
    .await;
    let mut client = Client::of(&world.reader(), world.address()).await;
    for _ in 0..2 {
        client.subscribe("bad", "{").await;
        assert_eq!(client.refusal("bad").await, "GRAPHQL_PARSE_FAILED");
    }
    assert_eq!(client.once("1", READ).await, json!({ "data": { "viewer": { "subject": "reader" } } }));
    for document in ["{", "{ countries(first: 100) { nodes { id } } }"] {
        client.subscribe("2", document).await;
        assert_eq!(client.refusal("2").await, "RATE_LIMITED", "{document}");
    }
    assert_eq!(world.reader().query("{").await.errors(), ["RATE_LIMITED"]);
}

#[tokio::test]
async fn what_an_event_may_cost_is_limited() {
    let world = gateway(|config| config.limits.cost = 1000).await;
    let mut client = Client::of(&world.reader(), world.address()).await;
    let dear = "subscription { contactChanged { contact { relatedContacts(first: 100) { nodes { \
                relatedContacts(first: 100) { nodes { id } } } } } } }";
    client.subscribe("1", dear).await;
    assert_eq!(client.refusal("1").await, "QUERY_TOO_COMPLEX");
    until_subscriptions(&world, 0).await;
}

/// A subscription keeps its document and its variables as long as it is open.
#[tokio::test]
async fn what_subscriptions_keep_in_memory_is_limited() {
    let world = gateway(|config| config.limits.subscriptions = 10).await;
    let long = format!("subscription {{ contactChanged {{ contact {{ {} }} }} }}", "id ".repeat(4000));
    let variables = json!({ "kinds": vec!["INTERNAL"; 5000] });
    let of_kinds = "subscription($kinds: [ContactKind!]) { contactChanged(kinds: $kinds) { contactId } }";
    let mut client = Client::of(&world.reader(), world.address()).await;
    // Of each there is room for a few in the half that a subject may take.
    for (payload, room) in
        [(json!({ "query": long }), 2), (json!({ "query": of_kinds, "variables": variables }), 5)]
    {
        let ids: Vec<String> = (0..9).map(|number| number.to_string()).collect();
        for id in &ids {
            client.say(json!({ "id": id, "type": "subscribe", "payload": payload })).await;
        }
        for _ in room..ids.len() {
            let message = client.hear_message().await;
            assert_eq!(code(&message, message["id"].as_str().expect("an id")), "OVERLOADED");
        }
        until_subscriptions(&world, room).await;
        for id in &ids {
            client.say(json!({ "id": id, "type": "complete" })).await;
        }
        until_subscriptions(&world, 0).await;
    }
    for count in 1..=10 {
        client.subscribe(&count.to_string(), CHANGES).await;
        until_subscriptions(&world, count).await;
    }
}

/// Subscribers that get no event leave permits for all others.
#[tokio::test]
async fn a_subscription_takes_no_place_of_a_request() {
    let world = gateway(|config| config.limits.concurrency = 1).await;
    let mut clients = Vec::new();
    for count in 1..=3 {
        clients.push(super::subscribed(&world, &world.reader(), "1").await);
        until_subscriptions(&world, count).await;
        assert_eq!(world.reader().query(READ).await.status, 200);
    }
}
