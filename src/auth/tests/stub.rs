//! A key set server of an issuer with responses that a test chooses.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use url::Url;

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// Status 200 and this text.
    Text(String),
    /// The same, after some time.
    Late(Duration, String),
    /// These bytes, whatever they are, and then the connection is closed.
    Raw(String),
    /// Status 200 and the text of the path, or 404.
    ByPath(Vec<(String, String)>),
    /// Nothing, and the connection stays open.
    Silence,
}

/// The server; it ends when it is dropped.
pub(super) struct Stub {
    pub(super) url: Url,
    requests: Arc<AtomicUsize>,
    answer: Arc<Mutex<Answer>>,
    task: AbortHandle,
}

impl Stub {
    pub(super) async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (requests, answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(answer)));
        let (counted, shared_answer) = (Arc::clone(&requests), Arc::clone(&answer));
        let serve = async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(respond(stream, Arc::clone(&counted), Arc::clone(&shared_answer)));
            }
        };
        let url = format!("http://{address}/keys").parse().expect("an address");
        Self { url, requests, answer, task: tokio::spawn(serve).abort_handle() }
    }

    /// How many requests came.
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Answers so from now on.
    pub(super) fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }

    /// Waits until that many more requests came.
    pub(super) async fn wait_for_requests(&self, more: usize) {
        let goal = self.requests() + more;
        while self.requests() < goal {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A whole answer with a status line and headers.
pub(super) fn response(status: &str, headers: &str, body: &str) -> Answer {
    Answer::Raw(format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}",
        body.len()
    ))
}

async fn respond(mut stream: TcpStream, requests: Arc<AtomicUsize>, answer: Arc<Mutex<Answer>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    requests.fetch_add(1, Ordering::SeqCst);
    let answer = answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let answer = match answer {
        Answer::Raw(text) => text,
        Answer::Silence => return std::future::pending().await,
        Answer::Text(body) => whole(&body),
        Answer::ByPath(bodies) => {
            let head = String::from_utf8_lossy(&head);
            let path = head.split(' ').nth(1).unwrap_or_default();
            match bodies.iter().find(|(of, _)| of == path) {
                Some((_, body)) => whole(body),
                None => text(response("404 Not Found", "", "")),
            }
        }
        Answer::Late(delay, body) => {
            tokio::time::sleep(delay).await;
            whole(&body)
        }
    };
    // A client that has seen enough may be gone.
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn whole(body: &str) -> String {
    text(response("200 OK", "", body))
}

fn text(answer: Answer) -> String {
    let Answer::Raw(text) = answer else { return String::new() };
    text
}
