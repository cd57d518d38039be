//! The same over HTTP/2, whose clients begin with its preface: no TLS, no upgrade.

use std::{net::SocketAddr, time::Duration};

use axum::{
    body::Bytes,
    http::{Request, Response},
};
use h2::{
    RecvStream,
    client::{Builder, Connection, ResponseFuture, SendRequest},
};
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::{LONG, SHORT, assert_took, gateway, wire::Wire};
use crate::support::World;

/// A client with one connection.
struct Client {
    requests: SendRequest<Bytes>,
    /// Ends with the connection.
    connection: JoinHandle<Result<(), h2::Error>>,
}

impl Client {
    async fn to(address: SocketAddr) -> Self {
        Self::with(address, &Builder::new()).await
    }

    async fn with(address: SocketAddr, builder: &Builder) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        let (requests, connection): (_, Connection<_, Bytes>) =
            builder.handshake(stream).await.expect("a handshake");
        Self { requests, connection: tokio::spawn(connection) }
    }

    /// Begins a request; with a body, that is still to come.
    async fn send(
        &mut self,
        request: Request<()>,
        bodiless: bool,
    ) -> (ResponseFuture, h2::SendStream<Bytes>) {
        self.requests
            .clone()
            .ready()
            .await
            .expect("a place")
            .send_request(request, bodiless)
            .expect("a stream")
    }

    async fn get(&mut self, path: &str) -> Response<RecvStream> {
        self.send(head("GET", path), true).await.0.await.expect("an answer")
    }

    async fn closed(self) -> Duration {
        let begin = Instant::now();
        let _ = timeout(LONG, self.connection).await.expect("an end, in time");
        begin.elapsed()
    }
}

fn head(method: &str, path: &str) -> Request<()> {
    Request::builder().method(method).uri(format!("http://gateway{path}")).body(()).expect("a request")
}

fn graphql(world: &World) -> Request<()> {
    let mut request = head("POST", "/graphql");
    let headers = request.headers_mut();
    let token = format!("Bearer {}", world.reader().token());
    headers.insert("authorization", token.parse().expect("a value"));
    headers.insert("content-type", "application/json".parse().expect("a value"));
    request
}

const BODY: &[u8] = br#"{"query":"{ viewer { subject } }"}"#;

async fn text(mut body: RecvStream) -> String {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk.expect("a chunk");
        body.flow_control().release_capacity(chunk.len()).expect("capacity");
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).expect("UTF-8")
}

#[tokio::test]
async fn many_requests_share_a_connection() {
    let world = gateway(|_| {}).await;
    let mut client = Client::to(world.address()).await;
    let mut answers = Vec::new();
    for _ in 0..100 {
        let (answer, mut body) = client.send(graphql(&world), false).await;
        body.send_data(Bytes::from_static(BODY), true).expect("a body");
        answers.push(answer);
    }
    for answer in answers {
        let answer = answer.await.expect("an answer");
        assert_eq!(answer.status(), 200);
        assert!(answer.headers().contains_key("x-request-id"));
        assert_eq!(text(answer.into_body()).await, r#"{"data":{"viewer":{"subject":"reader"}}}"#);
    }
    let schema = client.get("/schema.graphql").await;
    assert_eq!(text(schema.into_body()).await, include_str!("../../../schema.graphql"));
}

#[tokio::test]
async fn a_connection_without_requests_is_closed() {
    let world = gateway(|config| {
        config.http.header_timeout = SHORT;
        config.http.idle_timeout = 2 * SHORT;
    })
    .await;
    assert_took(Client::to(world.address()).await.closed().await, SHORT);

    let mut client = Client::to(world.address()).await;
    for _ in 0..3 {
        assert_eq!(client.get("/healthz").await.status(), 200);
        sleep(SHORT).await;
    }
    assert_eq!(client.get("/healthz").await.status(), 200);
    assert_took(client.closed().await, 2 * SHORT);
}

#[tokio::test]
async fn a_slow_body_is_refused() {
    let world = gateway(|config| config.http.body_timeout = SHORT).await;
    let mut client = Client::to(world.address()).await;
    let (answer, mut body) = client.send(graphql(&world), false).await;
    body.send_data(Bytes::from_static(&BODY[..10]), false).expect("a part of a body");
    let answer = answer.await.expect("an answer");
    assert_eq!(answer.status(), 408);
    // The others on the connection do not notice.
    assert_eq!(client.get("/healthz").await.status(), 200);
}

#[tokio::test]
async fn a_client_that_opens_no_window_is_dropped() {
    let world = gateway(|config| config.http.write_timeout = SHORT).await;
    let mut builder = Builder::new();
    let mut client = Client::with(world.address(), builder.initial_window_size(0)).await;
    let answer = client.get("/schema.graphql").await;
    assert_eq!(answer.status(), 200);
    assert_took(client.closed().await, SHORT);
}

#[tokio::test]
async fn heads_have_limits() {
    let world = gateway(|_| {}).await;
    let mut client = Client::to(world.address()).await;
    let mut request = head("GET", "/healthz");
    request.headers_mut().insert("x", "a".repeat(30_000).parse().expect("a value"));
    let (answer, _) = client.send(request, true).await;
    assert_eq!(answer.await.expect("an answer").status(), 200);
    for number in 0..5 {
        let mut request = head("GET", "/healthz");
        for name in ["x", "y", "z"] {
            request.headers_mut().insert(name, "a".repeat(30_000).parse().expect("a value"));
        }
        let (answer, _) = client.send(request, true).await;
        assert_eq!(answer.await.expect("an answer").status(), 431, "{number}");
    }
    assert_eq!(client.get(&format!("/?{}", "a".repeat(17_000))).await.status(), 414);
}

#[tokio::test]
async fn who_takes_back_request_after_request_loses_the_connection() {
    let world = gateway(|_| {}).await;
    let mut wire = Wire::to(world.address()).await;
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let mut bytes = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &settings].concat();
    for stream in (1..1000).step_by(2) {
        // GET, http, / and the host as HPACK; then its end.
        bytes.extend(frame(1, 5, stream, b"\x82\x86\x84\x41\x07gateway"));
        bytes.extend(frame(3, 0, stream, &[0, 0, 0, 8]));
    }
    wire.0.write_all(&bytes).await.expect("a socket");
    assert!(wire.closed().await.0 < LONG / 2);
    assert_eq!(Client::to(world.address()).await.get("/healthz").await.status(), 200);
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}
