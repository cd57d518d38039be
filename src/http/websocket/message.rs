//! The messages of both subprotocols.

use std::iter;

use async_graphql::http::WebSocketProtocols as Subprotocol;
use axum::{body::Bytes, http::HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use tokio_tungstenite::tungstenite::{
    Message, Utf8Bytes,
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
    service::json::{canonical, json_text},
};

/// The most bytes of an id, which is kept as long as its operation and comes with every answer.
pub(super) const ID_LIMIT: usize = 256;

/// A message from the client. The comments name the messages of the older subprotocol that mean the same.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Incoming {
    /// Authenticates the client.
    ConnectionInit {
        #[serde(default)]
        payload: Payload,
    },
    /// Asks for a pong.
    Ping,
    /// Answers a ping.
    Pong,
    /// Starts an operation.
    Subscribe(Operation),
    /// Stops an operation.
    Complete { id: String },
    /// The older `subscribe`.
    Start(Operation),
    /// The older `complete`.
    Stop { id: String },
    /// Closes the socket, in the older subprotocol.
    ConnectionTerminate,
}

/// An operation to start.
#[derive(Deserialize)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) payload: Box<Object<GraphqlRequest>>,
}

impl Incoming {
    /// The message of this text, if it is one of the subprotocol.
    pub(super) fn parse(text: &str, subprotocol: Subprotocol) -> Option<Self> {
        let text = json_text(text.as_bytes());
        // Serde would take an array of the fields' values too.
        let is_object = text.trim_ascii_start().starts_with(b"{");
        let message: Self = if is_object { serde_json::from_slice(&text).ok()? } else { return None };
        let is_valid = match &message {
            Self::ConnectionInit { .. } => true,
            Self::Ping | Self::Pong | Self::Complete { .. } => subprotocol == Subprotocol::GraphQLWS,
            Self::Subscribe(operation) => subprotocol == Subprotocol::GraphQLWS && operation.has_valid_id(),
            Self::Stop { .. } | Self::ConnectionTerminate => {
                subprotocol == Subprotocol::SubscriptionsTransportWS
            }
            Self::Start(operation) => {
                subprotocol == Subprotocol::SubscriptionsTransportWS && operation.has_valid_id()
            }
        };
        is_valid.then_some(message)
    }
}

impl Operation {
    fn has_valid_id(&self) -> bool {
        (1..=ID_LIMIT).contains(&self.id.len())
    }
}

/// The payload of the client's connection_init.
#[derive(Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(super) struct Payload(Option<Map<String, Json>>);

impl Payload {
    /// The values under a name, in whatever case it is written; `None` when one cannot be that of a header.
    pub(super) fn values(&self, name: &str) -> Option<Vec<HeaderValue>> {
        let named = self.0.iter().flatten().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let given = named.filter(|(_, value)| !value.is_null());
        let values = given.map(|(_, value)| match value {
            Json::String(text) => HeaderValue::from_str(text).ok(),
            Json::Number(_) => HeaderValue::from_str(&canonical(value.clone()).to_string()).ok(),
            _ => None,
        });
        values.collect()
    }
}

/// A message to the client.
pub(super) enum Outgoing {
    /// A message of async-graphql's own: connection_ack, connection_error or pong.
    Text(Utf8Bytes),
    /// A response to one of the client's operations, as JSON.
    Next(String, ResponseBody),
    /// Why one of its operations was not executed: the errors, as JSON.
    Error(String, Vec<u8>),
    /// There are no more responses.
    Complete(String),
}

/// The most bytes of a frame: the library keeps as much memory as the longest frame took.
const FRAME: usize = 16 * 1024;

type Frames = Box<dyn Iterator<Item = Message> + Send>;

impl Outgoing {
    /// The message as the frames that are sent one after the other. The older subprotocol has no `error` for several errors:
    /// there, as in its reference implementation, they are a response.
    pub(super) fn into_frames(self, subprotocol: Subprotocol) -> Frames {
        let is_older = subprotocol == Subprotocol::SubscriptionsTransportWS;
        let message = match self {
            Self::Text(text) => Message::Text(text),
            Self::Next(id, payload) => return frames(if is_older { "data" } else { "next" }, &id, payload),
            Self::Error(id, errors) if is_older => {
                return frames("data", &id, [br#"{"errors":"#, &*errors, b"}"].concat().into());
            }
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
