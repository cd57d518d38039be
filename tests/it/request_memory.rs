//! The memory that requests share: bodies that are still being received, values of bodies, and heads. By GraphQL over HTTP and
//! WebSocket, by GET, and by REST.
//!
//! Nothing here depends on the database, so there is one of each test, on SQLite.

use std::{io::Write, time::Duration};

use contact_gateway::auth::Scope;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};

use crate::{
    connections::wire::{Wire, get},
    process::Development,
    sockets::client::{Client, Heard},
    support::{Actor, HOME, OTHER, Reply, World},
};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
/// The budget of the tests that fill it.
const LITTLE: usize = 8 * MIB;
/// Nothing is waited for any longer.
const PATIENCE: Duration = Duration::from_secs(20);
const READ: &str = "{ viewer { subject } }";

async fn little_memory() -> World {
    let patience = 3 * PATIENCE;
    World::on_sqlite()
        .await
        .restarted(|config| {
            config.limits.request_memory = LITTLE;
            (config.http.body_timeout, config.http.header_timeout) = (patience, patience);
        })
        .await
}

/// How many bytes requests have reserved.
async fn reserved(world: &World) -> usize {
    let text = world.metrics().await;
    let line = text.lines().find_map(|line| line.strip_prefix("contact_gateway_request_memory_bytes "));
    line.expect("a gauge").parse().expect("a number")
}

async fn until_reserved(world: &World, expected: impl Fn(usize) -> bool) -> usize {
    for _ in 0..500 {
        let reserved = reserved(world).await;
        if expected(reserved) {
            return reserved;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("{} bytes are reserved", reserved(world).await)
}

/// The head of a request to this path, with a body of so many bytes.
fn head(token: &str, path: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n"
    )
}

/// Clients of an actor, each with a body of 512 KiB of which the last byte is missing.
async fn incomplete(world: &World, actor: &Actor, path: &str, count: usize) -> Vec<Wire> {
    let mut wires = Vec::new();
    for _ in 0..count {
        let mut wire = Wire::to(world.address()).await;
        wire.send(&head(&actor.token(), path, MIB / 2)).await;
        wire.send(&" ".repeat(MIB / 2 - 1)).await;
        wires.push(wire);
    }
    wires
}

const PATHS: [&str; 2] = ["/graphql", "/v1/accounts/contacts/bulk"];

#[tokio::test]
async fn bodies_in_transit_leave_memory_to_others() {
    let world = little_memory().await;
    for path in PATHS {
        let greedy = world.writer();
        let mut held = incomplete(&world, &greedy, path, 30).await;
        let before = until_reserved(&world, |bytes| bytes > LITTLE / 4).await;
        assert!(before <= LITTLE / 2, "{path}: {before}");
        // Those beyond the share were rejected while they were being received.
        let rejected = held.last_mut().expect("a client").answer().await.expect("an answer");
        assert_eq!((rejected.status, rejected.header("retry-after")), (503, Some("1")), "{path}");
        // Other subjects of the organization take more, but leave some to those of other organizations.
        let mut subjects = Vec::new();
        for number in 0..6 {
            let actor = world.actor(&format!("subject {number}"), &[HOME], &Scope::ALL);
            subjects.push(incomplete(&world, &actor, path, 10).await);
        }
        let all = reserved(&world).await;
        assert!(all <= LITTLE * 3 / 4, "{path}: {all}");
        let names: Vec<Value> = (0..1000).map(|number| json!(format!("name {number}"))).collect();
        let reply = world.other().graphql(READ, json!({ "names": names })).await;
        assert_eq!(reply.text("/viewer/subject"), "other", "{path}");
        drop((held, subjects));
        until_reserved(&world, |bytes| bytes == 0).await;
        assert_eq!(greedy.query(READ).await.status, 200);
    }
}

/// A body of one MiB at most, with as many values as fit.
fn many_values(item: &str, open: &str, close: &str) -> String {
    let count = (MIB - 200) / (item.len() + 1);
    format!("{open}{}{close}", vec![item; count].join(","))
}

#[tokio::test]
async fn values_have_memory_before_they_are_read() {
    let world = World::on_sqlite().await;
    let limit = world.config.limits.request_memory;
    let (open, close) = (r#"{"query":"{ viewer { subject } }","variables":{"unused":["#, "]}}");
    let graphql = many_values("{}", open, close);
    let objects = many_values(r#"{"a":0}"#, open, close);
    let rest = many_values("{}", r#"{"contacts":["#, "]}");
    let mut requests = JoinSet::new();
    for number in 0..60_usize {
        let actor = world.actor(&format!("subject {}", number % 5), &[HOME], &Scope::ALL);
        let (path, body) = match number % 3 {
            0 => ("/graphql", &graphql),
            1 => ("/graphql", &objects),
            _ => ("/v1/accounts/contacts/bulk", &rest),
        };
        let request = actor.request(Method::POST, path).header("content-type", "application/json");
        let request = request.body(body.clone());
        requests.spawn(async move { request.send().await.map(|answer| answer.status().as_u16()) });
    }
    while let Some(status) = requests.join_next().await {
        // The connection may end before the rejected body was sent.
        let status = status.expect("no panic").unwrap_or(503);
        assert!([200, 400, 413, 503].contains(&status), "{status}");
        assert!(reserved(&world).await <= limit);
    }
    until_reserved(&world, |bytes| bytes == 0).await;
    assert_eq!(world.reader().query(READ).await.status, 200);
}

#[tokio::test]
async fn what_no_subject_may_have_is_too_large() {
    let world = little_memory().await;
    let actor = world.writer();
    let values = vec![json!({ "a": 0 }); 10_000];
    let reply = actor.graphql(READ, json!({ "values": values })).await;
    assert_eq!((reply.status.as_u16(), reply.errors()), (413, vec!["BAD_REQUEST".to_owned()]));
    let body = json!({ "contacts": values, "accountIds": [] });
    let reply = Reply::of(actor.request(Method::POST, PATHS[1]).json(&body)).await;
    assert_eq!(reply.status, 413, "{}", reply.body);

    // The same values several times: each use takes memory.
    let uses: String = (0..6)
        .map(|number| {
            let condition = "{ customFieldId: \"cfd_1\", eq: $value }";
            let filter = format!("{{ customFieldValues: [{condition}] }}");
            format!("a{number}: accountContacts(first: 1, filter: {filter}) {{ nodes {{ id }} }} ")
        })
        .collect();
    let value = json!({ "items": vec![json!([]); 5000] });
    let reply = actor.graphql(&format!("query($value: JSON!) {{ {uses} }}"), json!({ "value": value })).await;
    assert_eq!((reply.status.as_u16(), reply.errors()), (413, vec!["BAD_REQUEST".to_owned()]));

    // A message of a socket and the address of a GET are too short for that, but count.
    let mut client = Client::of(&actor, world.address()).await;
    let variables = json!({ "values": vec![json!({}); 10_000] });
    let subscribe =
        json!({ "id": "1", "type": "subscribe", "payload": { "query": READ, "variables": variables } });
    client.say(subscribe).await;
    let Heard::Message(answer) = client.hear().await else { panic!("the socket was closed") };
    assert_eq!(answer["payload"]["data"]["viewer"]["subject"], "writer", "{answer}");
    let variables = format!("{{\"values\":[{}]}}", vec!["{}"; 1000].join(","));
    let path =
        format!("/graphql?query=%7Bviewer%7Bsubject%7D%7D&variables={}", variables.replace('"', "%22"));
    assert_eq!(actor.request(Method::GET, &path).send().await.expect("an answer").status(), 200);
    until_reserved(&world, |bytes| bytes == 0).await;
}

#[tokio::test]
async fn compressed_bodies_have_memory_before_they_are_decompressed() {
    let world = little_memory().await;
    let query = json!({ "query": READ }).to_string();
    let compressed = |window| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("an encoder");
        encoder.window_log(window).expect("a window");
        encoder.write_all(query.as_bytes()).expect("memory");
        encoder.finish().expect("memory")
    };
    // A subject may have 4 MiB: enough for a window of 2 MiB.
    for (window, status) in [(20, 200), (21, 200), (22, 413), (23, 413)] {
        let request = world.reader().request(Method::POST, "/graphql").body(compressed(window));
        let request = request.header("content-type", "application/json").header("content-encoding", "zstd");
        let reply = Reply::of(request).await;
        assert_eq!(reply.status, status, "{window}: {}", reply.body);
    }
    until_reserved(&world, |bytes| bytes == 0).await;
}

#[tokio::test]
async fn requests_without_a_token_have_little_memory() {
    let world = little_memory().await;
    let path = "/api/v1/authenticate";
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut wire = Wire::to(world.address()).await;
        wire.send(&head("none", path, MIB)).await;
        wire.send(&" ".repeat(MIB - 1)).await;
        held.push(wire);
    }
    for wire in &mut held {
        let answer = wire.answer().await.expect("an answer");
        assert!([413, 503].contains(&answer.status), "{answer:?}");
    }
    assert!(reserved(&world).await <= LITTLE / 16);
}

/// The most memory that the process may take with all incomplete requests, in KiB.
const MOST_MEMORY: u64 = 300 * 1000;
const CLIENTS: usize = 400;

#[tokio::test]
async fn incomplete_heads_and_bodies_leave_the_process_small() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = Development::start(folder.path(), None).await;
    let before = gateway.memory("VmHWM");
    let heads = format!("GET /healthz HTTP/1.1\r\nhost: gateway\r\nx: {}", "a".repeat(30_000));
    let body = head(&gateway.client.token, "/graphql", MIB) + &" ".repeat(MIB - 1);
    let mut wires = Vec::new();
    for request in [heads, body] {
        for _ in 0..CLIENTS {
            let mut wire = Wire::to(gateway.address()).await;
            wire.send(&request).await;
            wires.push(wire);
        }
        let answer = gateway.client.answer(READ, json!({})).await;
        let most = gateway.memory("VmHWM");
        eprintln!("{before} KiB before, at most {most} KiB");
        assert!(most < MOST_MEMORY, "{most} KiB");
        // The development token's subject has used its own share by now, and may be rejected.
        assert!(answer.is_some() || wires.len() > CLIENTS);
    }
}

#[tokio::test]
async fn long_heads_that_stay_incomplete_share_a_budget() {
    let world = little_memory().await;
    let mut held = Vec::new();
    for _ in 0..450 {
        let mut wire = Wire::to(world.address()).await;
        wire.send(&format!("GET /healthz HTTP/1.1\r\nhost: gateway\r\nx: {}", "a".repeat(31_000))).await;
        held.push(wire);
    }
    // Those beyond it were closed.
    held.last_mut().expect("a client").closed().await;
    // Usual heads take nothing of it, and there is room again when the others are gone.
    let ask = async |head: String| Wire::to(world.address()).await.ask(&head).await.map(|it| it.status);
    assert_eq!(ask(get("/healthz")).await, Some(200));
    drop(held);
    let long = get("/healthz").replace("\r\n\r\n", &format!("\r\nx: {}\r\n\r\n", "a".repeat(31_000)));
    for _ in 0..100 {
        if ask(long.clone()).await == Some(200) {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("long heads are still rejected");
}

#[tokio::test]
async fn subjects_of_two_organizations_do_not_fill_the_budget() {
    let world = little_memory().await;
    let mut held = Vec::new();
    for organization in [HOME, OTHER] {
        for number in 0..4 {
            let actor =
                world.actor(&format!("subject {organization} {number}"), &[organization], &Scope::ALL);
            held.push(incomplete(&world, &actor, "/graphql", 10).await);
        }
    }
    until_reserved(&world, |bytes| bytes > LITTLE / 2).await;
    let newcomer = world.actor("newcomer", &[], &Scope::ALL);
    let reply = newcomer.graphql(READ, json!({ "text": "x".repeat(100 * KIB) })).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}
