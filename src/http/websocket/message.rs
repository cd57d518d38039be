//! The messages of graphql-transport-ws.

use std::iter;

use axum::{body::Bytes, http::HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use crate::{
    http::{
        graphql_request::{GraphqlRequest, Object},
        response_body::ResponseBody,
    },
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
    /// The operation to start.
    Subscribe { id: String, payload: Box<Object<GraphqlRequest>> },
    /// The operation to stop.
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

/// The payload of the client's connection_init.
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

/// A message to the client.
pub(super) enum Outgoing {
    /// That it is known.
    Acknowledged,
    /// That we want to know whether it is there; not a message, but a frame that its library answers.
    Ping,
    /// That we are there.
    Pong,
    /// An answer to one of its operations, as JSON.
    Next(String, ResponseBody),
    /// Why one of its operations was not executed: the errors, as JSON.
    Error(String, Vec<u8>),
    /// That there are no more answers.
    Complete(String),
}

/// The most bytes of a frame: the library keeps as much memory as the longest frame took.
const FRAME: usize = 16 * 1024;

type Frames = Box<dyn Iterator<Item = Message> + Send>;

impl Outgoing {
    /// The message as the frames that are sent one after the other.
    pub(super) fn into_frames(self) -> Frames {
        let message = match self {
            Self::Acknowledged => Message::text(r#"{"type":"connection_ack"}"#),
            Self::Ping => Message::Ping(Bytes::new()),
            Self::Pong => Message::text(r#"{"type":"pong"}"#),
            Self::Next(id, payload) => return frames("next", &id, payload),
            Self::Error(id, errors) => return frames("error", &id, errors.into()),
            Self::Complete(id) => Message::text(format!(r#"{{"id":{},"type":"complete"}}"#, Json::from(id))),
        };
        Box::new(iter::once(message))
    }
}

/// The frames of a message about an operation. The memory of what was sent is given back before more is sent.
fn frames(ty: &str, id: &str, mut payload: ResponseBody) -> Frames {
    let opening = format!(r#"{{"id":{},"type":"{ty}","payload":"#, Json::from(id));
    if payload.length() <= FRAME {
        let mut text = opening.into_bytes();
        iter::from_fn(|| payload.next_piece()).for_each(|piece| text.extend_from_slice(&piece));
        text.push(b'}');
        return Box::new(iter::once(Message::Frame(Frame::message(text, OpCode::Data(Data::Text), true))));
    }
    let pieces = iter::from_fn(move || payload.next_piece()).flat_map(|piece| {
        (0..piece.len()).step_by(FRAME).map(move |start| piece.slice(start..piece.len().min(start + FRAME)))
    });
    let first = frame(Data::Text, opening.into(), false);
    let rest = pieces.map(|piece| frame(Data::Continue, piece, false));
    Box::new(iter::once(first).chain(rest).chain(iter::once(frame(Data::Continue, "}".into(), true))))
}

fn frame(data: Data, payload: Bytes, is_final: bool) -> Message {
    Message::Frame(Frame::message(payload, OpCode::Data(data), is_final))
}
