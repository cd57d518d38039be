//! A client of server-sent events.

use std::time::Duration;

use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use tokio::time::timeout;

use super::PATIENCE;

/// A stream of events, as it is read.
pub(crate) struct Stream {
    pub(crate) answer: Response,
    read: String,
}

/// One event: its name and its data.
#[derive(Debug, PartialEq)]
pub(crate) struct Event(pub(crate) String, pub(crate) Value);

impl Stream {
    /// The stream that answers a request.
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        // Longer than any test, which has deadlines of its own.
        let answer = request.timeout(Duration::from_hours(1)).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let media_type = answer.headers()["content-type"].to_str().expect("a text");
        assert_eq!(media_type.split(';').next(), Some("text/event-stream"));
        Self { answer, read: String::new() }
    }

    /// The next event; `None` when the stream ends. Comments are passed over.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        timeout(PATIENCE, self.read()).await.expect("an event or an end, in time")
    }

    /// Whether nothing comes for so long.
    pub(crate) async fn tells_nothing(&mut self, time: Duration) -> bool {
        timeout(time, self.read()).await.is_err()
    }

    async fn read(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let (event, rest) = (parse(event), rest.to_owned());
                self.read = rest;
                match event {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let chunk = self.answer.chunk().await.ok()??;
            self.read.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }

    /// The payload of the next event, which is a `next`.
    pub(crate) async fn payload(&mut self) -> Value {
        match self.next().await {
            Some(Event(name, payload)) if name == "next" => payload,
            other => panic!("{other:?}"),
        }
    }

    /// Nothing more comes but that it was all.
    pub(crate) async fn completes(&mut self) {
        assert_eq!(self.next().await, Some(Event("complete".to_owned(), Value::Null)));
        assert_eq!(self.next().await, None);
    }
}

/// `None` for a comment.
fn parse(text: &str) -> Option<Event> {
    let fields: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once(':')).collect();
    let values = |name: &str| {
        let named = fields.iter().filter(|(it, _)| *it == name);
        named.map(|(_, value)| value.trim_start()).collect::<Vec<_>>()
    };
    let name = values("event").first().map(|&name| name.to_owned())?;
    let data = values("data").concat();
    Some(Event(name, if data.is_empty() { Value::Null } else { serde_json::from_str(&data).expect("JSON") }))
}
