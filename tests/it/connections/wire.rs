//! A client that does on a socket what well-behaved clients never do.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

/// No answer and no end of a connection is waited for any longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection on which bytes are written as a test wants them.
pub(crate) struct Wire(pub(crate) TcpStream);

/// An answer of HTTP/1.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The head as it came, in small letters.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// A request without a body.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: gateway\r\n\r\n")
}

/// The head of a GraphQL request, and its body.
pub(crate) fn graphql(token: &str, document: &str) -> (String, String) {
    let body = serde_json::json!({ "query": document }).to_string();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    (head, body)
}

impl Wire {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.expect("a connection"))
    }

    /// Sends; that the other side is gone by now is no failure.
    pub(crate) async fn send(&mut self, text: &str) -> bool {
        self.0.write_all(text.as_bytes()).await.is_ok()
    }

    /// A request, whole, and its answer.
    pub(crate) async fn ask(&mut self, request: &str) -> Option<Answer> {
        self.send(request).await;
        self.answer().await
    }

    /// The next answer; `None` when the connection ends without one.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        timeout(PATIENCE, self.read_answer()).await.expect("an answer or an end, in time")
    }

    /// The head of the next answer, in small letters.
    pub(crate) async fn head(&mut self) -> Option<String> {
        timeout(PATIENCE, self.read_head()).await.expect("a head or an end, in time")
    }

    async fn read_head(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            bytes.push(self.0.read_u8().await.ok()?);
        }
        Some(String::from_utf8(bytes).expect("a head in ASCII").to_ascii_lowercase())
    }

    async fn read_answer(&mut self) -> Option<Answer> {
        let head = self.read_head().await?;
        let status = head.split(' ').nth(1)?.parse().expect("a status");
        let mut answer = Answer { status, head, body: String::new() };
        let length = answer.header("content-length").expect("a length").parse().expect("a number");
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.ok()?;
        answer.body = String::from_utf8(body).expect("a body in UTF-8");
        Some(answer)
    }

    /// Waits until the server closes the connection; gives how long that took, and how many bytes came before.
    pub(crate) async fn closed(&mut self) -> (Duration, usize) {
        let (begin, mut bytes, mut buffer) = (Instant::now(), 0, vec![0; 64 * 1024]);
        loop {
            match timeout(PATIENCE, self.0.read(&mut buffer)).await.expect("an end, in time") {
                Ok(0) | Err(_) => return (begin.elapsed(), bytes),
                Ok(count) => bytes += count,
            }
        }
    }

    /// Sends a byte now and then until the server closes the connection; gives how long that took.
    pub(crate) async fn trickle(mut self, byte: &str, pause: Duration) -> Duration {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if !self.send(byte).await {
                return begin.elapsed();
            }
            match timeout(pause, self.0.read_u8()).await {
                Err(_) | Ok(Ok(_)) => {}
                Ok(Err(_)) => return begin.elapsed(),
            }
        }
        panic!("the connection stayed open");
    }
}
