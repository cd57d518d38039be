//! Server-sent events: how they are asked for, what they look like, and when they end.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio::time::sleep;

use super::{CHANGES, READ, SHORT, change, gateway, passing_reader, stream::Stream, until_subscriptions};
use crate::support::{Actor, Reply};

const EVENTS: &str = "text/event-stream";

/// A request by POST that accepts this.
fn post(actor: &Actor, document: &str, accepted: &str) -> RequestBuilder {
    actor.request(Method::POST, "/graphql").header("accept", accepted).json(&json!({ "query": document }))
}

/// The same by GET.
fn get(actor: &Actor, document: &str, accepted: &str) -> RequestBuilder {
    let query: String =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("query", document).finish();
    actor.request(Method::GET, &format!("/graphql?{query}")).header("accept", accepted)
}

#[tokio::test]
async fn events_come_by_post_and_get() {
    let world = gateway(|_| {}).await;
    let reader = world.reader();
    let accepted = "text/event-stream, application/json";
    let mut streams = Vec::new();
    for request in [
        post(&reader, CHANGES, EVENTS),
        post(&reader, CHANGES, "application/graphql-response+json, Text/Event-Stream;q=0.5"),
        get(&reader, CHANGES, EVENTS),
        get(&reader, CHANGES, accepted).header("accept-encoding", "gzip"),
    ] {
        let stream = Stream::of(request).await;
        let headers = stream.answer.headers();
        assert_eq!(headers["cache-control"], "no-store");
        assert!(headers.contains_key("x-request-id") && !headers.contains_key("content-encoding"));
        streams.push(stream);
    }
    until_subscriptions(&world, 4).await;
    let id = change(&world, "ada@example.com").await;
    for stream in &mut streams {
        let expected = json!({ "data": { "contactChanged": { "contactId": id } } });
        assert_eq!(stream.payload().await, expected);
        assert_eq!(stream.payload().await, expected);
        assert!(stream.tells_nothing(SHORT / 4).await);
    }
    while let Some(stream) = streams.pop() {
        drop(stream);
        until_subscriptions(&world, streams.len()).await;
    }
}

#[tokio::test]
async fn the_header_accept_decides() {
    let world = gateway(|_| {}).await;
    let reader = world.reader();
    for accepted in
        ["application/json, text/event-stream", "text/event-stream, application/json;q=0.1", "*/*"]
    {
        let reply = Reply::of(post(&reader, READ, accepted)).await;
        assert_eq!(reply.data("/viewer/subject"), "reader", "{accepted}");
    }
    for request in [post(&reader, READ, EVENTS), get(&reader, READ, EVENTS)] {
        let mut stream = Stream::of(request).await;
        assert_eq!(stream.payload().await, json!({ "data": { "viewer": { "subject": "reader" } } }));
        stream.completes().await;
    }
    let mutation = "mutation { createPartner(input: { name: \"Globex\" }) { partner { name } } }";
    let mut stream = Stream::of(post(&world.writer(), mutation, EVENTS)).await;
    assert_eq!(stream.payload().await["data"]["createPartner"]["partner"]["name"], "Globex");
    stream.completes().await;

    for accepted in
        ["application/json", "application/graphql-response+json", "*/*", "text/event-stream;q=0, */*"]
    {
        for request in [post(&reader, CHANGES, accepted), get(&reader, CHANGES, accepted)] {
            let reply = Reply::of(request).await;
            assert_eq!(
                (reply.status.as_u16(), reply.errors()),
                (400, vec!["BAD_REQUEST".to_owned()]),
                "{accepted}"
            );
        }
    }
    assert_eq!(Reply::of(post(&reader, CHANGES, "text/html")).await.status, 406);
    until_subscriptions(&world, 0).await;
}

#[tokio::test]
async fn what_is_refused_is_answered_in_json() {
    let world = gateway(|_| {}).await;
    let reader = world.reader();
    let mutation = "mutation { createPartner(input: { name: \"Globex\" }) { partner { name } } }";
    for (request, status, code) in [
        (post(&world.anonymous(), CHANGES, EVENTS), 401, "UNAUTHENTICATED"),
        (get(&world.anonymous(), CHANGES, EVENTS), 401, "UNAUTHENTICATED"),
        (post(&reader.clone().in_organization("org_2"), CHANGES, EVENTS), 403, "FORBIDDEN"),
        (post(&reader, "subscription {", EVENTS), 400, "GRAPHQL_PARSE_FAILED"),
        (post(&reader, "subscription { nothing }", EVENTS), 400, "GRAPHQL_VALIDATION_FAILED"),
        (post(&reader, "subscription { __typename }", EVENTS), 400, "GRAPHQL_VALIDATION_FAILED"),
        (post(&reader, "{ nothing }", EVENTS), 400, "GRAPHQL_VALIDATION_FAILED"),
        (get(&world.writer(), mutation, EVENTS), 405, "BAD_REQUEST"),
        (reader.request(Method::POST, "/graphql").header("accept", EVENTS).body("{}"), 415, "BAD_REQUEST"),
    ] {
        let reply = Reply::of(request).await;
        assert_eq!(
            (reply.status.as_u16(), reply.errors()),
            (status, vec![code.to_owned()]),
            "{}",
            reply.body
        );
        assert!(reply.headers.contains_key("x-request-id"));
        let media_type = reply.headers["content-type"].to_str().expect("a text");
        assert!(media_type.contains("json"), "{media_type}");
    }
    assert_eq!(world.count("partner").await, 0);
    // For those who take JSON too, as ever.
    let reply = Reply::of(post(&reader, "{ nothing }", "application/json, text/event-stream")).await;
    assert_eq!((reply.status.as_u16(), reply.errors()), (200, vec!["GRAPHQL_VALIDATION_FAILED".to_owned()]));
}

#[tokio::test]
async fn a_stream_that_waits_is_not_cut_off() {
    let world = gateway(|config| {
        config.http.write_timeout = SHORT;
        config.http.idle_timeout = SHORT;
        config.http.header_timeout = SHORT;
        config.limits.request_timeout = 10 * SHORT;
    })
    .await;
    let mut stream = Stream::of(post(&world.reader(), CHANGES, EVENTS)).await;
    until_subscriptions(&world, 1).await;
    for email in ["ada@example.com", "grace@example.com"] {
        sleep(4 * SHORT).await;
        let id = change(&world, email).await;
        assert_eq!(stream.payload().await["data"]["contactChanged"]["contactId"], id);
        assert_eq!(stream.payload().await["data"]["contactChanged"]["contactId"], id);
    }
}

#[tokio::test]
async fn when_the_token_ends_the_stream_tells_so() {
    let world = gateway(|_| {}).await;
    let mut stream = Stream::of(post(&passing_reader(&world, Duration::from_secs(3)), CHANGES, EVENTS)).await;
    until_subscriptions(&world, 1).await;
    let id = change(&world, "ada@example.com").await;
    for _ in 0..2 {
        assert_eq!(stream.payload().await["data"]["contactChanged"]["contactId"], id);
    }
    let end = stream.payload().await;
    assert_eq!(end["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{end}");
    assert!(end.get("data").is_none(), "{end}");
    stream.completes().await;
    until_subscriptions(&world, 0).await;
}

#[tokio::test]
async fn the_subscriptions_of_a_gateway_are_counted() {
    let world = gateway(|config| config.limits.subscriptions = 1).await;
    let first = Stream::of(post(&world.reader(), CHANGES, EVENTS)).await;
    until_subscriptions(&world, 1).await;
    let mut second = Stream::of(post(&world.reader(), CHANGES, EVENTS)).await;
    let answer = second.payload().await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "OVERLOADED", "{answer}");
    second.completes().await;
    drop(first);
    until_subscriptions(&world, 0).await;
    let mut third = Stream::of(post(&world.reader(), CHANGES, EVENTS)).await;
    until_subscriptions(&world, 1).await;
    let id = change(&world, "ada@example.com").await;
    assert_eq!(third.payload().await["data"]["contactChanged"]["contactId"], id);
}
