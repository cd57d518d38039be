//! Slow clients, and one that sends too much.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::{JoinHandle, JoinSet},
    time::{Instant, timeout},
};

use crate::client::{Connection, head};

/// Clients of each kind.
const EACH: usize = 250;
/// Between two bytes.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest wait for a client.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
enum Kind {
    Silent,
    Head,
    Body,
    Reader,
}

const KINDS: [(Kind, &str); 4] = [
    (Kind::Silent, "that sent nothing"),
    (Kind::Head, "whose head came slowly"),
    (Kind::Body, "whose body came slowly"),
    (Kind::Reader, "that did not read"),
];

/// Clients of one kind, and when the last of them was dropped.
pub(crate) type Slow = (&'static str, JoinHandle<Duration>);

/// Connects all of them.
pub(crate) async fn thousand(address: SocketAddr, token: &str) -> Vec<Slow> {
    let mut all = Vec::new();
    for (kind, name) in KINDS {
        let mut streams = Vec::new();
        for _ in 0..EACH {
            let mut stream = connect(address).await;
            begin(kind, &mut stream, token).await;
            streams.push((Instant::now(), stream));
        }
        all.push((name, tokio::spawn(last_dropped(kind, streams))));
    }
    all
}

/// Connects with a window that a few answers fill, as an attacker that does not read them would.
async fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    socket.connect(address).await.expect("a connection")
}

async fn begin(kind: Kind, stream: &mut TcpStream, token: &str) {
    let start = match kind {
        Kind::Silent => Vec::new(),
        Kind::Head => head(token).into_bytes(),
        Kind::Body => format!("{}content-length: 1000\r\n\r\n{{", head(token)).into_bytes(),
        // More than the buffers of the system hold.
        Kind::Reader => "GET /schema.graphql HTTP/1.1\r\nhost: gateway\r\n\r\n".repeat(50).into_bytes(),
    };
    stream.write_all(&start).await.expect("a connection");
}

async fn last_dropped(kind: Kind, streams: Vec<(Instant, TcpStream)>) -> Duration {
    let mut clients = JoinSet::new();
    for (begin, stream) in streams {
        clients.spawn(async move {
            timeout(PATIENCE, dropped(kind, stream)).await.expect("an end");
            begin.elapsed()
        });
    }
    clients.join_all().await.into_iter().max().unwrap_or_default()
}

/// Reads slowly until the connection ends.
async fn dropped(kind: Kind, mut stream: TcpStream) {
    let mut buffer = [0; 1024];
    loop {
        // Only reading shows that the other side has closed, but reading also takes what it sends.
        if matches!(kind, Kind::Reader) {
            tokio::time::sleep(PAUSE).await;
            if stream.write_all(b"\r\n").await.is_err() {
                return;
            }
            continue;
        }
        match timeout(PAUSE, stream.read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) => return,
            Ok(Ok(_)) => continue,
            Err(_) => {}
        }
        if !matches!(kind, Kind::Silent) && stream.write_all(b"a").await.is_err() {
            return;
        }
    }
}

/// How long the last of each kind stayed.
pub(crate) async fn all_dropped(slow: Vec<Slow>) -> Vec<(&'static str, Duration)> {
    let mut last = Vec::new();
    for (kind, clients) in slow {
        last.push((kind, clients.await.expect("clients")));
    }
    last
}

/// Clients that ask and then read nothing.
pub(crate) async fn readers(address: SocketAddr, request: &[u8], count: usize) -> Vec<TcpStream> {
    let mut readers = Vec::new();
    for _ in 0..count {
        let mut stream = connect(address).await;
        // A gateway that rejects early answers although it did not read all of it.
        _ = stream.write_all(request).await;
        readers.push(stream);
    }
    readers
}

/// Sends a body of a GiB, as far as it is taken; gives how much that was, and the status of the answer.
pub(crate) async fn huge_body(address: SocketAddr, token: &str, chunked: bool) -> (usize, Option<u16>) {
    const GIB: usize = 1 << 30;
    let mut connection = Connection::to(address).await;
    let length =
        if chunked { "transfer-encoding: chunked".to_owned() } else { format!("content-length: {GIB}") };
    let start = format!("{}{length}\r\n\r\n", head(token));
    connection.stream.write_all(start.as_bytes()).await.expect("a connection");
    let piece = [b' '; 0xf000];
    let piece = if chunked { [b"f000\r\n", &piece[..], b"\r\n"].concat() } else { piece.to_vec() };
    let mut sent = 0;
    while sent < GIB && connection.stream.write_all(&piece).await.is_ok() {
        sent += piece.len();
    }
    (sent, connection.answer().await.map(|answer| answer.status))
}
