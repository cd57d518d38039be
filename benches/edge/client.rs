//! A client that costs little, so that the figures are the gateway's.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A GraphQL request as bytes.
pub(crate) fn graphql(token: &str, document: &str) -> Vec<u8> {
    json_request(&head(token), &serde_json::json!({ "query": document }))
}

/// A request with this head and a body of JSON.
pub(crate) fn json_request(head: &str, body: &serde_json::Value) -> Vec<u8> {
    let body = body.to_string();
    format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// The head of a GraphQL request up to where it tells how long its body is.
pub(crate) fn head(token: &str) -> String {
    format!(
        "POST /graphql HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {token}\r\nx-org-id: org_1\r\n\
         accept: application/graphql-response+json\r\ncontent-type: application/json\r\n"
    )
}

/// A connection that asks one thing after another.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer's status, and whether the connection stays open after it.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) last: bool,
}

impl Connection {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        Self::try_to(address).await.expect("a connection")
    }

    pub(crate) async fn try_to(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(64 * 1024) })
    }

    /// Sends a request and waits for its answer; `None` when the connection ends without one.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Option<Answer> {
        // A gateway that refuses early answers although it did not read all of it.
        _ = self.stream.write_all(request).await;
        self.answer().await
    }

    /// Sends a request and reads what is answered.
    pub(crate) async fn ask_json(&mut self, request: &[u8]) -> serde_json::Value {
        self.stream.write_all(request).await.expect("a connection");
        let (_, body, end) = self.read_answer().await.expect("an answer");
        let json = serde_json::from_slice(&self.buffer[body..end]).expect("JSON");
        self.buffer.drain(..end);
        json
    }

    /// The next answer.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        let (answer, _, end) = self.read_answer().await?;
        self.buffer.drain(..end);
        Some(answer)
    }

    /// The next answer, and where in the buffer its body begins and ends.
    async fn read_answer(&mut self) -> Option<(Answer, usize, usize)> {
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|it| it == b"\r\n\r\n") {
                break end + 4;
            }
            self.read().await?;
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let length: usize = header("content-length: ")?.trim().parse().ok()?;
        let last = header("connection: ").is_some_and(|it| it.contains("close"));
        while self.buffer.len() < end + length {
            self.read().await?;
        }
        Some((Answer { status, last }, end, end + length))
    }

    async fn read(&mut self) -> Option<()> {
        let count = self.stream.read_buf(&mut self.buffer).await.ok()?;
        (count > 0).then_some(())
    }
}
