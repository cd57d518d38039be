//! More requests than are executed at once, and clients that do not wait for their answers.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{
    SLACK, gateway,
    wire::{Wire, graphql},
};
use crate::support::{Reply, World};

const CREATE: &str = "mutation { createPartner(input: { name: \"Globex\" }) { partner { id } } }";
const READ: &str = "{ viewer { subject } }";

/// A gateway that executes one request at a time, and that request: a mutation which waits for another writer.
async fn busy() -> (World, contact_gateway::service::Write, Wire) {
    let world = gateway(|config| config.limits.concurrency = 1).await;
    let other_writer = world.db.begin().await.expect("a transaction");
    let (head, body) = graphql(&world.writer().token(), CREATE);
    let mut wire = Wire::to(world.address()).await;
    wire.send(&(head + &body)).await;
    until_read_is(&world, 503).await;
    (world, other_writer, wire)
}

/// Reads until that is answered with this status.
async fn until_read_is(world: &World, status: u16) -> Reply {
    let begin = Instant::now();
    loop {
        let reply = world.reader().query(READ).await;
        if reply.status == status {
            return reply;
        }
        assert!(begin.elapsed() < SLACK, "still {}: {}", reply.status, reply.body);
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn what_is_too_much_is_refused_at_once() {
    let (world, other_writer, mut first) = busy().await;
    let begin = Instant::now();
    for _ in 0..20 {
        let reply = world.reader().query(READ).await;
        assert_eq!(reply.status, 503);
        assert_eq!(reply.errors(), ["OVERLOADED"]);
        assert_eq!(reply.headers["retry-after"], "1");
        assert!(reply.headers.contains_key("x-request-id"));
    }
    assert!(begin.elapsed() < SLACK, "{:?}", begin.elapsed());
    for path in ["/healthz", "/readyz"] {
        let answer = world.anonymous().request(Method::GET, path).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
    }
    drop(other_writer);
    let answer = first.answer().await.expect("an answer");
    assert!(answer.status == 200 && answer.body.contains("ptn_"), "{}", answer.body);
    let reply = world.reader().query(READ).await;
    assert_eq!(reply.data(""), &json!({ "viewer": { "subject": "reader" } }));
}

#[tokio::test]
async fn a_slow_body_takes_no_place() {
    let world = gateway(|config| config.limits.concurrency = 1).await;
    let (head, body) = graphql(&world.reader().token(), READ);
    let mut slow = Wire::to(world.address()).await;
    slow.send(&head).await;
    slow.send(&body[..10]).await;
    for _ in 0..5 {
        assert_eq!(world.reader().query(READ).await.status, 200);
    }
    assert_eq!(slow.ask(&body[10..]).await.expect("an answer").status, 200);
}

#[tokio::test]
async fn the_work_of_a_client_that_left_stops() {
    let (world, other_writer, first) = busy().await;
    drop(first);
    until_read_is(&world, 200).await;
    other_writer.commit().await.expect("a commit");
    // It is no longer there to be written.
    assert_eq!(world.writer().query(CREATE).await.status, 200);
    assert_eq!(world.count("partner").await, 1);
}
