//! Slow, numerous and malicious clients on real sockets: each loses its connection in time, and others are not affected.
//!
//! Nothing here depends on the database, so there is one of each test, on SQLite.

mod answers;
mod http2;
mod overload;
pub(crate) mod stop;
pub(crate) mod wire;

use std::time::Duration;

use tokio::{task::JoinSet, time::sleep};

use self::wire::{Wire, get, graphql};
use crate::support::{Actor, World};

/// The deadline that a test is about.
const SHORT: Duration = Duration::from_millis(300);
/// Those that it is not about: a test that met one of them would fail.
pub(crate) const LONG: Duration = Duration::from_secs(60);
/// What may come on top of a deadline on a busy machine.
const SLACK: Duration = Duration::from_secs(5);
/// Between two bytes of a slow client.
const PAUSE: Duration = Duration::from_millis(20);

/// A gateway whose deadlines are all long but for those that are changed.
pub(crate) async fn gateway(change: impl FnOnce(&mut contact_gateway::config::Config)) -> World {
    World::on_sqlite()
        .await
        .restarted(|config| {
            let http = &mut config.http;
            (http.header_timeout, http.body_timeout) = (LONG, LONG);
            (http.idle_timeout, http.write_timeout) = (LONG, LONG);
            change(config);
        })
        .await
}

fn assert_took(taken: Duration, deadline: Duration) {
    assert!((deadline..deadline + SLACK).contains(&(taken + PAUSE)), "{taken:?} instead of {deadline:?}");
}

#[tokio::test]
async fn a_client_that_sends_nothing_is_dropped() {
    let world = gateway(|config| config.http.header_timeout = SHORT).await;
    let (taken, bytes) = Wire::to(world.address()).await.closed().await;
    assert_took(taken, SHORT);
    assert_eq!(bytes, 0);
}

#[tokio::test]
async fn slow_headers_are_dropped() {
    let world = gateway(|config| config.http.header_timeout = SHORT).await;
    for start in ["", "G", "GET / HTTP/1.1\r\nx: "] {
        let mut wire = Wire::to(world.address()).await;
        wire.send(start).await;
        let byte = if start.is_empty() { "\r\n" } else { "a" };
        assert_took(wire.trickle(byte, PAUSE).await, SHORT);
    }
}

#[tokio::test]
async fn slow_headers_of_a_later_request_are_dropped_too() {
    let world = gateway(|config| config.http.header_timeout = SHORT).await;
    let mut wire = Wire::to(world.address()).await;
    assert_eq!(wire.ask(&get("/healthz")).await.expect("an answer").status, 200);
    // Waiting is no slowness: another deadline is for that.
    sleep(2 * SHORT).await;
    assert_eq!(wire.ask(&get("/healthz")).await.expect("an answer").status, 200);
    wire.send("GET /healthz HTTP/1.1\r\nx: ").await;
    assert_took(wire.trickle("a", PAUSE).await, SHORT);
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let world = gateway(|config| config.http.idle_timeout = SHORT).await;
    let mut wire = Wire::to(world.address()).await;
    for _ in 0..3 {
        sleep(SHORT / 2).await;
        assert_eq!(wire.ask(&get("/healthz")).await.expect("an answer").status, 200);
    }
    assert_took(wire.closed().await.0, SHORT);
}

#[tokio::test]
async fn a_slow_body_is_refused() {
    let world = gateway(|config| config.http.body_timeout = SHORT).await;
    let token = world.reader().token();
    let (head, body) = graphql(&token, "{ viewer { subject } }");
    for head in [head.clone(), head.replace("content-length: ", "content-length: 9")] {
        let mut wire = Wire::to(world.address()).await;
        wire.send(&head).await;
        wire.send(&body[..10]).await;
        let answer = wire.answer().await.expect("an answer");
        assert_eq!(answer.status, 408, "{}", answer.body);
        assert!(answer.body.contains("BAD_REQUEST"), "{}", answer.body);
        assert_took(wire.closed().await.0 + SHORT, SHORT);

        let mut wire = Wire::to(world.address()).await;
        wire.send(&head).await;
        assert_took(wire.trickle(" ", PAUSE).await, SHORT);
    }
    // Without a token nothing is waited for.
    let mut wire = Wire::to(world.address()).await;
    wire.send(&head.replace("Bearer", "Nobody")).await;
    assert_eq!(wire.answer().await.expect("an answer").status, 401);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped() {
    let world = gateway(|config| config.http.write_timeout = SHORT).await;
    // More than all buffers of the system hold.
    let requests = 400;
    let many = get("/schema.graphql").repeat(requests);
    let least = requests * include_str!("../../../schema.graphql").len();

    let mut steady = Wire::to(world.address()).await;
    steady.send(&many.replace("\r\n\r\n", "\r\nconnection: keep-alive\r\n\r\n")).await;
    steady.send(&get("/schema.graphql").replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n")).await;
    assert!(steady.closed().await.1 > least);

    let mut slow = Wire::to(world.address()).await;
    slow.send(&many).await;
    sleep(4 * SHORT).await;
    let (_, bytes) = slow.closed().await;
    assert!(bytes < least / 2, "{bytes} bytes of {least} were written");
}

#[tokio::test]
async fn connections_beyond_the_cap_are_refused_and_places_are_regained() {
    let world = gateway(|config| {
        config.http.max_connections = 2;
        config.http.idle_timeout = 3 * SHORT;
    })
    .await;
    let mut held = Vec::new();
    for actor in [world.reader(), world.writer()] {
        let mut wire = Wire::to(world.address()).await;
        assert_eq!(wire.ask(&authenticated(&actor)).await.expect("an answer").status, 200);
        held.push(wire);
    }
    let mut refused = Wire::to(world.address()).await;
    let answer = refused.ask(&get("/healthz")).await.expect("an answer");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!(answer.header("connection"), Some("close"));
    for mut wire in held {
        wire.closed().await;
    }
    let mut wire = Wire::to(world.address()).await;
    assert_eq!(wire.ask(&get("/healthz")).await.expect("an answer").status, 200);
}

/// A GraphQL request, whole.
fn authenticated(actor: &Actor) -> String {
    let (head, body) = graphql(&actor.token(), "{ viewer { subject } }");
    head + &body
}

#[tokio::test]
async fn connections_without_a_token_give_way() {
    let world = gateway(|config| config.http.max_connections = 4).await;
    let mut own = Wire::to(world.address()).await;
    assert_eq!(own.ask(&authenticated(&world.reader())).await.expect("an answer").status, 200);
    // Silent, in the middle of a head, and between two requests.
    let mut others = Vec::new();
    for start in ["", "GET / HTTP/1.1\r\nx: a", &get("/healthz")] {
        let mut wire = Wire::to(world.address()).await;
        wire.send(start).await;
        others.push(wire);
    }
    assert_eq!(others[2].answer().await.expect("an answer").status, 200);
    // A connection that could have sent a token is closed first, then the oldest.
    let mut newcomers = Vec::new();
    for index in [2, 0, 1] {
        let mut newcomer = Wire::to(world.address()).await;
        let answer = newcomer.ask(&authenticated(&world.writer())).await.expect("an answer");
        assert_eq!(answer.status, 200);
        newcomers.push(newcomer);
        others[index].closed().await;
    }
    assert_eq!(own.ask(&authenticated(&world.reader())).await.expect("an answer").status, 200);
}

#[tokio::test]
async fn two_subjects_of_an_organization_keep_nobody_out() {
    let world = gateway(|config| config.http.max_connections = 32).await;
    let mut held = Vec::new();
    for actor in [world.reader(), world.writer()] {
        for _ in 0..16 {
            let mut wire = Wire::to(world.address()).await;
            assert_eq!(wire.ask(&authenticated(&actor)).await.expect("an answer").status, 200);
            held.push(wire);
        }
    }
    let mut others = Vec::new();
    for _ in 0..8 {
        let mut wire = Wire::to(world.address()).await;
        assert_eq!(wire.ask(&authenticated(&world.other())).await.expect("an answer").status, 200);
        others.push(wire);
        assert_eq!(
            Wire::to(world.address()).await.ask(&get("/healthz")).await.expect("an answer").status,
            200
        );
    }
    // What belongs to the other organization stays open.
    for mut wire in others {
        assert_eq!(wire.ask(&authenticated(&world.other())).await.expect("an answer").status, 200);
    }
}

#[tokio::test]
async fn polling_health_keeps_nobody_out() {
    let world = gateway(|config| config.http.max_connections = 64).await;
    let mut pollers = JoinSet::new();
    for _ in 0..80 {
        let address = world.address();
        pollers.spawn(async move {
            loop {
                let mut wire = Wire::to(address).await;
                while wire.ask(&get("/healthz")).await.is_some_and(|answer| answer.status == 200) {
                    sleep(PAUSE).await;
                }
                // Others take its place; a client that connects without a pause only spends its own time.
                sleep(PAUSE).await;
            }
        });
    }
    // All of them came first.
    sleep(10 * PAUSE).await;
    let request = authenticated(&world.reader());
    for _ in 0..20 {
        let mut wire = Wire::to(world.address()).await;
        for _ in 0..5 {
            assert_eq!(wire.ask(&request).await.expect("an answer").status, 200);
        }
    }
}

#[tokio::test]
async fn heads_and_addresses_have_limits() {
    let world = gateway(|_| {}).await;
    for (request, status) in [
        (get(&format!("/healthz?{}", "a".repeat(16_000))), 200),
        (get(&format!("/healthz?{}", "a".repeat(17_000))), 414),
        (get("/healthz").replace("\r\n\r\n", &format!("\r\nx: {}\r\n\r\n", "a".repeat(30_000))), 200),
        (get("/healthz").replace("\r\n\r\n", &format!("\r\nx: {}\r\n\r\n", "a".repeat(70_000))), 431),
        (get("/healthz").replace("\r\n\r\n", &format!("{}\r\n\r\n", "\r\nx: a".repeat(200))), 431),
        ("GET /\u{1} HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("no request\r\n\r\n".to_owned(), 400),
    ] {
        let answer = Wire::to(world.address()).await.ask(&request).await.expect("an answer");
        assert_eq!(answer.status, status, "{}", &request[..request.len().min(60)]);
    }
}
