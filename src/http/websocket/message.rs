//! The messages of both subprotocols.

use std::{borrow::Cow, collections::BTreeMap, iter};

use async_graphql::http::WebSocketProtocols as Subprotocol;
use axum::{
    body::Bytes,
    http::{HeaderValue, header::AUTHORIZATION},
};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value as Json, value::RawValue};
use tokio_tungstenite::tungstenite::{
    Message, Utf8Bytes,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use crate::{
    http::{
        authenticate::ORGANIZATION,
        graphql_request::{GraphqlRequest, Object},
        request_memory::check_json,
        response_body::ResponseBody,
    },
    service::json::{canonical, json_text},
};

/// The most bytes of an id, which is kept as long as its operation and comes with every answer.
pub(super) const ID_LIMIT: usize = 256;

/// The members of a message as they are written. A buffered enum would read the values of the payload.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    ty: Cow<'a, str>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

impl Envelope<'_> {
    fn id(&self) -> Option<String> {
        serde_json::from_str(self.id?.get()).ok()
    }

    fn operation(&self) -> Option<Operation> {
        let id = self.id().filter(|id| (1..=ID_LIMIT).contains(&id.len()))?;
        Some(Operation { id, payload: serde_json::from_str(self.payload?.get()).ok()? })
    }
}

/// A message from the client. The comments name the messages of the older subprotocol that mean the same.
pub(super) enum Incoming {
    /// Authenticates the client.
    ConnectionInit { payload: Payload },
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
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) payload: Box<Object<GraphqlRequest>>,
}

impl Incoming {
    /// The message of this text, if it is one of the subprotocol.
    pub(super) fn parse(text: &str, subprotocol: Subprotocol) -> Option<Self> {
        let text = json_text(text.as_bytes());
        // Serde would take an array of the fields' values too.
        if !text.trim_ascii_start().starts_with(b"{") {
            return None;
        }
        check_json(&text).ok()?;
        let message: Envelope<'_> = serde_json::from_slice(&text).ok()?;
        let is_older = subprotocol == Subprotocol::SubscriptionsTransportWS;
        Some(match (&*message.ty, is_older) {
            ("connection_init", _) => Self::ConnectionInit {
                payload: message.payload.map_or(Some(Payload::default()), Payload::read)?,
            },
            ("ping", false) => Self::Ping,
            ("pong", false) => Self::Pong,
            ("subscribe", false) => Self::Subscribe(message.operation()?),
            ("complete", false) => Self::Complete { id: message.id()? },
            ("start", true) => Self::Start(message.operation()?),
            ("stop", true) => Self::Stop { id: message.id()? },
            ("connection_terminate", true) => Self::ConnectionTerminate,
            _ => return None,
        })
    }
}

/// The payload of the client's connection_init: the members that identify the client, each as JSON text.
#[derive(Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(super) struct Payload(BTreeMap<String, Box<RawValue>>);

impl Payload {
    /// The payload in an object, without the other members.
    fn read(object: &RawValue) -> Option<Self> {
        let mut members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(object.get()).ok()?;
        let names = [AUTHORIZATION, ORGANIZATION];
        members.retain(|name, _| names.iter().any(|it| name.eq_ignore_ascii_case(it.as_str())));
        Some(Self(members))
    }

    /// The values under a name, in whatever case it is written; `None` when one cannot be that of a header.
    pub(super) fn values(&self, name: &str) -> Option<Vec<HeaderValue>> {
        let named = self.0.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let given = named.filter(|(_, value)| value.get() != "null");
        let values = given.map(|(_, value)| match serde_json::from_str(value.get()).ok()? {
            Scalar::Text(text) => HeaderValue::from_str(&text).ok(),
            Scalar::Number(number) => {
                HeaderValue::from_str(&canonical(Json::Number(number)).to_string()).ok()
            }
        });
        values.collect()
    }
}

/// A value that a header can have.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(Number),
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
