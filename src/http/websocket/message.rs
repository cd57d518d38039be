//! The messages of graphql-transport-ws.

use axum::{extract::ws::Message, http::HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::{
    http::asked::{Asked, Object},
    service::json::keep_numbers,
};

/// The most bytes of an id, which is kept as long as its operation and comes with every answer.
const ID_LIMIT: usize = 256;

/// What a client says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Incoming {
    /// Who it is.
    ConnectionInit {
        #[serde(default)]
        payload: Payload,
    },
    /// That it wants to know whether we are there.
    Ping,
    /// That it is there.
    Pong,
    /// What it wants to be told.
    Subscribe { id: String, payload: Box<Object<Asked>> },
    /// What it wants to be told no more.
    Complete { id: String },
}

impl Incoming {
    /// The message of this text, if it is one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // Serde would take an array of the fields' values too.
        let is_object = text.trim_ascii_start().starts_with('{');
        let text = keep_numbers(text.as_bytes());
        let message = if is_object { serde_json::from_slice(&text).ok()? } else { return None };
        match message {
            Self::Subscribe { ref id, .. } if !(1..=ID_LIMIT).contains(&id.len()) => None,
            message => Some(message),
        }
    }
}

/// What a client tells of itself.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Payload(Option<Map<String, Json>>);

impl Payload {
    /// The values under a name, in whatever case it is written; `None` when one cannot be that of a header.
    pub(super) fn values(&self, name: &str) -> Option<Vec<HeaderValue>> {
        let named = self.0.iter().flatten().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let given = named.filter(|(_, value)| !value.is_null());
        let values = given.map(|(_, value)| match value {
            Json::String(text) => HeaderValue::from_str(text).ok(),
            Json::Number(number) => HeaderValue::from_str(&number.to_string()).ok(),
            _ => None,
        });
        values.collect()
    }
}

/// What a client is told.
pub(super) enum Outgoing {
    /// That it is known.
    Acknowledged,
    /// That we want to know whether it is there; not a message, but a frame that its library answers.
    Ping,
    /// That we are there.
    Pong,
    /// An answer to one of its operations, as JSON.
    Next(String, Vec<u8>),
    /// Why one of its operations was not executed: the errors, as JSON.
    Error(String, Vec<u8>),
    /// That there are no more answers.
    Complete(String),
}

impl From<Outgoing> for Message {
    fn from(outgoing: Outgoing) -> Self {
        match outgoing {
            Outgoing::Acknowledged => Self::text(r#"{"type":"connection_ack"}"#),
            Outgoing::Ping => Self::Ping(Default::default()),
            Outgoing::Pong => Self::text(r#"{"type":"pong"}"#),
            Outgoing::Next(id, payload) => about("next", &id, Some(&payload)),
            Outgoing::Error(id, errors) => about("error", &id, Some(&errors)),
            Outgoing::Complete(id) => about("complete", &id, None),
        }
    }
}

fn about(ty: &str, id: &str, payload: Option<&[u8]>) -> Message {
    let id = Json::from(id);
    let payload = payload.map(|json| format!(r#","payload":{}"#, String::from_utf8_lossy(json)));
    Message::text(format!(r#"{{"id":{id},"type":"{ty}"{}}}"#, payload.unwrap_or_default()))
}
