//! A subscriber: the events of one subscription, as a client reads them.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::Actor;

/// What is selected of an event.
const EVENT: &str =
    "cursor contactId contact { id displayName email deletedAt version } change { seq kind action fields }";
/// How long an event may take, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client that reads the events of one subscription.
pub(crate) struct Subscriber {
    response: Response,
    read: String,
}

impl Subscriber {
    /// Subscribes with these arguments, written as in a document: `(ids: ["…"])`, or nothing.
    pub(crate) async fn with(actor: &Actor, arguments: &str) -> Self {
        let query = format!("subscription {{ contactChanged{arguments} {{ {EVENT} }} }}");
        Self::of(actor, &query).await
    }

    /// Subscribes with this document.
    pub(crate) async fn of(actor: &Actor, query: &str) -> Self {
        Self::to(actor.request(Method::POST, "/graphql"), query).await
    }

    /// Subscribes by this request, with this document.
    pub(crate) async fn to(request: RequestBuilder, query: &str) -> Self {
        Self::try_to(request, query).await.expect("an answer")
    }

    /// The same with a gateway that may be gone.
    pub(crate) async fn try_to(request: RequestBuilder, query: &str) -> Option<Self> {
        let request = request.header("accept", "text/event-stream").json(&json!({ "query": query }));
        let response = request.send().await.ok()?;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Some(Self { response, read: String::new() })
    }

    /// What comes next: the name and the data of it.
    async fn next_message(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((message, rest)) = self.read.split_once("\n\n") {
                let lines = |name: &str| {
                    let lines = message.lines().filter_map(|line| line.strip_prefix(name));
                    lines.collect::<String>()
                };
                let (name, data) = (lines("event: "), lines("data: "));
                self.read = rest.to_owned();
                // Comments keep the connection alive.
                if !name.is_empty() {
                    return Some((name, serde_json::from_str(&data).unwrap_or_default()));
                }
                continue;
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await.expect("an event in time");
            self.read += std::str::from_utf8(&chunk.ok()??).expect("UTF-8");
        }
    }

    /// The next result; `None` when the subscription or its connection has ended.
    pub(super) async fn try_result(&mut self) -> Option<Value> {
        let (name, result) = self.next_message().await?;
        (name == "next").then_some(result)
    }

    /// The next result.
    pub(crate) async fn result(&mut self) -> Value {
        let (name, result) = self.next_message().await.expect("an event");
        assert_eq!(name, "next", "{result}");
        result
    }

    /// The next event.
    pub(crate) async fn event(&mut self) -> Value {
        let result = self.result().await;
        assert_eq!(result.get("errors"), None, "{result}");
        result["data"]["contactChanged"].clone()
    }

    /// The kind and the action of the next events.
    pub(crate) async fn events(&mut self, count: usize) -> Vec<String> {
        let mut events = Vec::new();
        for _ in 0..count {
            let event = self.event().await;
            let (kind, action) = (&event["change"]["kind"], &event["change"]["action"]);
            let (kind, action) = (kind.as_str().expect("a kind"), action.as_str().expect("an action"));
            events.push(format!("{kind} {action}"));
        }
        events
    }
}
