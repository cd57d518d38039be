//! The memory that responses share until they are sent.

use std::time::Duration;

use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    time::{Instant, sleep},
};

use super::{long_text, narrow, pages, request, set_metadata};
use crate::support::{HOME, Reply, World, on_both};
use contact_gateway::auth::Scope;

on_both!(a_subject_has_half_of_the_memory, what_is_taken_is_given_back);

const PATIENCE: Duration = Duration::from_secs(30);
/// The most bytes of a response, and of the memory of all.
const LIMITS: (usize, usize) = (8 * 1024 * 1024, 32 * 1024 * 1024);
/// How often a response of 3 MB has the metadata of each contact.
const TIMES: usize = 3;
const COUNT: usize = 60;

async fn little_memory(world: World) -> World {
    world.rows().accounts_and_contacts(COUNT, 1).await;
    set_metadata(&world.db, &long_text(), "true").await;
    world.restarted(|config| (config.limits.response, config.limits.response_memory) = LIMITS).await
}

/// How many bytes responses hold.
async fn held(world: &World) -> usize {
    let text = world.metrics().await;
    let line = text.lines().find_map(|line| line.strip_prefix("contact_gateway_response_memory_bytes "));
    line.expect("a gauge").parse().expect("a number")
}

async fn until_held(world: &World, least: usize, most: usize) {
    let begin = Instant::now();
    loop {
        let held = held(world).await;
        if (least..=most).contains(&held) {
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "{held} bytes are held");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Clients of the reader's that take nothing of their responses: by HTTP and as an event.
async fn slow_readers(world: &World) -> Vec<TcpStream> {
    let mut readers = Vec::new();
    for accept in ["application/json", "text/event-stream", "application/json", "text/event-stream"] {
        let mut stream = narrow(world.address()).await;
        let request = request(&world.reader().token(), &pages(COUNT, TIMES), accept);
        stream.write_all(request.as_bytes()).await.expect("a connection");
        readers.push(stream);
        let (count, response) = (readers.len(), COUNT * TIMES * super::METADATA);
        until_held(world, count * (response - 500_000), count * (response + 20_000)).await;
    }
    readers
}

async fn a_subject_has_half_of_the_memory(world: World) {
    let world = little_memory(world).await;
    let readers = slow_readers(&world).await;
    let document = pages(COUNT, 2 * TIMES);
    let reply = world.reader().query(&document).await;
    assert_eq!((reply.status.as_u16(), reply.errors()), (503, vec!["OVERLOADED".to_owned()]));
    assert_eq!(reply.headers["retry-after"], "1");
    let path = format!("/v1/accounts/contacts?limit={COUNT}");
    let other = world.actor("other reader", &[HOME], &[Scope::ContactsRead]);
    assert_eq!(other.query(&document).await.list("/accountContacts/nodes").len(), COUNT);
    assert_eq!(Reply::of(other.request(reqwest::Method::GET, &path)).await.status, 200);
    // What is short still finds room.
    assert_eq!(world.reader().query("{ viewer { subject } }").await.text("/viewer/subject"), "reader");
    drop(readers);
    until_held(&world, 0, 0).await;
    assert_eq!(world.reader().query(&document).await.list("/accountContacts/nodes").len(), COUNT);
}

async fn what_is_taken_is_given_back(world: World) {
    let world = little_memory(world).await;
    let mut stream = narrow(world.address()).await;
    let request = request(&world.reader().token(), &pages(COUNT, TIMES), "application/json");
    stream.write_all(request.as_bytes()).await.expect("a connection");
    let response = COUNT * TIMES * super::METADATA;
    until_held(&world, response - 1024 * 1024, response + 100_000).await;
    let mut half = vec![0; response / 2];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut half).await.expect("half of the response");
    until_held(&world, response / 4, response * 3 / 4).await;
    let mut rest = vec![0; response / 2];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut rest).await.expect("the rest");
    until_held(&world, 0, 0).await;
}
