//! Stopping: accepted requests are answered, idle connections are closed, and new ones are not accepted.
//!
//! The last tests stop the real binary under load. By hand, twenty times:
//! `STOPS=20 cargo test --test it -- connections::stop::no_request_is_cut --nocapture`

use std::{net::SocketAddr, time::Duration};

use contact_gateway::{
    app::App,
    http::{health::Stopping, playground::Session, server},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep, timeout},
};

use super::{
    LONG, PAUSE, SHORT, SLACK, gateway,
    wire::{Wire, get, graphql},
};
use crate::{process::Development, support::World};

const CREATE: &str = "mutation { createPartner(input: { name: \"Globex\" }) { partner { id } } }";
/// How long idle connections may keep a server from ending.
const SOON: Duration = Duration::from_secs(1);

/// A second server of a world's gateway, which can be stopped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    stopping: Stopping,
    serving: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn of(world: &World) -> Self {
        let app = App::new(&world.config, world.db.clone(), Session::default()).await.expect("an app");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let stopped = async { stopped.await.expect("a word") };
        let serving = tokio::spawn(server::serve(listener, app.router, app.server, app.connections, stopped));
        Self { address, stop, stopping: app.stopping, serving }
    }

    /// Gives what ends with the server.
    pub(crate) fn stop(self) -> JoinHandle<()> {
        self.stopping.begin();
        self.stop.send(()).expect("a server");
        self.serving
    }
}

/// Waits for the end of a server; gives how long it took.
pub(crate) async fn ended(serving: JoinHandle<()>) -> Duration {
    let begin = Instant::now();
    timeout(LONG, serving).await.expect("an end, in time").expect("no panic");
    begin.elapsed()
}

#[tokio::test]
async fn idle_connections_keep_nothing_from_ending() {
    let world = gateway(|_| {}).await;
    assert!(ended(Server::of(&world).await.stop()).await < SOON);

    let server = Server::of(&world).await;
    let mut used = Wire::to(server.address).await;
    assert_eq!(used.ask(&get("/healthz")).await.expect("an answer").status, 200);
    let mut fresh = Wire::to(server.address).await;
    let ended = ended(server.stop()).await;
    assert!(ended < SOON + SOON, "{ended:?}");
    assert_eq!((used.closed().await.1, fresh.closed().await.1), (0, 0));
}

#[tokio::test]
async fn requests_under_way_are_answered() {
    let world = gateway(|_| {}).await;
    let server = Server::of(&world).await;
    let address = server.address;
    let other_writer = world.db.begin().await.expect("a transaction");
    let (head, body) = graphql(&world.writer().token(), CREATE);
    let mut begun = Wire::to(address).await;
    begun.send(&format!("{head}{body}")).await;
    let mut half_a_body = Wire::to(address).await;
    half_a_body.send(&format!("{head}{}", &body[..10])).await;
    let mut half_a_head = Wire::to(address).await;
    half_a_head.send(&head[..10]).await;
    let mut fresh = Wire::to(address).await;
    sleep(SHORT).await;

    let serving = server.stop();
    let ready = fresh.ask(&get("/readyz")).await.expect("an answer");
    assert_eq!((ready.status, ready.body.as_str()), (503, "stopping\n"));
    assert_eq!(ready.header("connection"), Some("close"));
    sleep(SOON).await;
    assert!(TcpStream::connect(address).await.is_err(), "a new connection was taken");
    half_a_body.send(&body[10..]).await;
    half_a_head.send(&format!("{}{body}", &head[10..])).await;
    drop(other_writer);
    for wire in [&mut begun, &mut half_a_body, &mut half_a_head] {
        let answer = wire.answer().await.expect("an answer");
        assert!(answer.status == 200 && answer.body.contains("ptn_"), "{}", answer.body);
        assert_eq!(wire.closed().await.1, 0);
    }
    assert!(ended(serving).await < SLACK);
    assert_eq!(world.count("partner").await, 3);
}

#[tokio::test]
async fn connections_that_were_not_looked_at_yet_are_served() {
    let world = gateway(|_| {}).await;
    for _ in 0..20 {
        let server = Server::of(&world).await;
        // As the system does it: without a word to the server, which has not been polled since.
        let connect = || std::net::TcpStream::connect(server.address).expect("a connection");
        let wires: Vec<_> = (0..10).map(|_| connect()).collect();
        let serving = server.stop();
        for wire in wires {
            wire.set_nonblocking(true).expect("a socket");
            let mut wire = Wire(TcpStream::from_std(wire).expect("a socket"));
            assert_eq!(wire.ask(&get("/healthz")).await.expect("an answer").status, 200);
        }
        ended(serving).await;
    }
}

#[tokio::test]
async fn what_takes_too_long_is_cut_off() {
    let world = gateway(|config| config.http.shutdown_timeout = SHORT).await;
    let server = Server::of(&world).await;
    let (head, _) = graphql(&world.writer().token(), CREATE);
    let mut slow = Wire::to(server.address).await;
    slow.send(&head).await;
    sleep(PAUSE).await;
    let ended = ended(server.stop()).await;
    assert!((SHORT..SLACK).contains(&ended), "{ended:?}");
    assert!(slow.answer().await.is_none());
}

#[tokio::test]
async fn the_binary_ends_soon_without_requests_and_at_once_when_told_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = Development::start(folder.path(), None).await;
    let _idle = Wire::to(gateway.address()).await;
    let begin = Instant::now();
    assert_eq!(gateway.stop().await, Some(0));
    assert!(begin.elapsed() < SLACK, "{:?}", begin.elapsed());

    let gateway = Development::start(folder.path(), None).await;
    let (head, _) = graphql(&gateway.client.token, CREATE);
    let mut slow = Wire::to(gateway.address()).await;
    slow.send(&head.replace("host:", "x-org-id: 1\r\nhost:")).await;
    sleep(SHORT).await;
    gateway.ask_to_stop();
    assert!(timeout(SHORT, slow.answer()).await.is_err(), "it waits for the request");
    let begin = Instant::now();
    assert_eq!(gateway.stop().await, Some(0));
    assert!(begin.elapsed() < SLACK, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn no_request_is_cut() {
    let stops = std::env::var("STOPS").map_or(2, |stops| stops.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a folder");
    for stop in 0..stops {
        let gateway = Development::start(folder.path(), None).await;
        let mut clients = JoinSet::new();
        for client in 0..16 {
            let (address, token) = (gateway.address(), gateway.client.token.clone());
            clients.spawn(async move { load(address, &token, client).await });
        }
        sleep(SHORT + PAUSE * stop).await;
        gateway.ask_to_stop();
        let begin = Instant::now();
        assert_eq!(gateway.ended().await, Some(0));
        let taken = begin.elapsed();
        let answered: usize = clients.join_all().await.into_iter().sum();
        eprintln!("stop {stop}: {answered} answers, {taken:?} to the end");
        assert!(answered > 16 && taken < SLACK, "{answered} answers, {taken:?}");
    }
}

/// Sends one request after the other until the gateway takes no more; fails when one is not answered. Gives how many
/// were.
async fn load(address: SocketAddr, token: &str, client: usize) -> usize {
    let document = if client.is_multiple_of(4) { CREATE } else { "{ partners(first: 5) { nodes { id } } }" };
    let (head, body) = graphql(token, document);
    let request = format!("{}{body}", head.replace("host:", "x-org-id: 1\r\nhost:"));
    let mut answered = 0;
    while let Ok(stream) = TcpStream::connect(address).await {
        let mut wire = Wire(stream);
        loop {
            let answer = wire.ask(&request).await;
            let answer = answer.unwrap_or_else(|| panic!("request {answered} of client {client} was cut"));
            assert!(answer.status == 200 && !answer.body.contains("errors\":"), "{}", answer.body);
            answered += 1;
            if answer.header("connection") == Some("close") {
                break;
            }
        }
    }
    answered
}
