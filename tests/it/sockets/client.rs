//! A client of graphql-transport-ws, which also does what well-behaved ones never do.

use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderName},
};

use super::PATIENCE;
use crate::support::Actor;

/// The protocol that is spoken.
pub(crate) const PROTOCOL: &str = "graphql-transport-ws";

/// One end of an open socket.
pub(crate) struct Client(pub(crate) WebSocketStream<TcpStream>);

/// What the gateway says.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    Message(Value),
    /// The code of a close frame; 0 where the connection ended without one.
    Close(u16),
}

/// An answer to a request for a socket that is none.
#[derive(Debug)]
pub(crate) struct NoSocket {
    pub(crate) status: u16,
    pub(crate) request_id: bool,
}

impl Client {
    /// A socket on a connection of its own, asked for with these headers besides the subprotocol.
    pub(crate) async fn ask(address: SocketAddr, headers: &[(&str, &str)]) -> Result<Self, NoSocket> {
        let headers = [&[("sec-websocket-protocol", PROTOCOL)], headers].concat();
        Self::ask_with(TcpStream::connect(address).await.expect("a connection"), &headers).await
    }

    /// A socket on this connection, asked for with these headers.
    pub(crate) async fn ask_with(stream: TcpStream, headers: &[(&str, &str)]) -> Result<Self, NoSocket> {
        let address = stream.peer_addr().expect("an address");
        let mut request = format!("ws://{address}/graphql").into_client_request().expect("a request");
        for (name, value) in headers {
            let name: HeaderName = name.parse().expect("a name");
            request.headers_mut().append(name, value.parse().expect("a value"));
        }
        match timeout(PATIENCE, client_async(request, stream)).await.expect("an answer, in time") {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(answer)) => Err(NoSocket {
                status: answer.status().as_u16(),
                request_id: answer.headers().contains_key("x-request-id"),
            }),
            Err(error) => panic!("{error}"),
        }
    }

    /// A socket that is open, and nothing said.
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self::ask(address, &[]).await.expect("a socket")
    }

    /// A socket on which this actor is known.
    pub(crate) async fn of(actor: &Actor, address: SocketAddr) -> Self {
        let mut client = Self::open(address).await;
        client.init(&actor.token()).await;
        client
    }

    /// Says who it is, and is believed.
    pub(crate) async fn init(&mut self, token: &str) {
        self.say(
            json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } }),
        )
        .await;
        assert_eq!(self.hear().await, message(json!({ "type": "connection_ack" })));
    }

    /// Says something; that the other side is gone by now is no failure.
    pub(crate) async fn say(&mut self, message: Value) -> bool {
        self.send(Message::text(message.to_string())).await
    }

    pub(crate) async fn send(&mut self, message: Message) -> bool {
        timeout(PATIENCE, self.0.send(message)).await.expect("a place to write, in time").is_ok()
    }

    /// Asks for something under an id.
    pub(crate) async fn subscribe(&mut self, id: &str, document: &str) {
        self.say(json!({ "id": id, "type": "subscribe", "payload": { "query": document } })).await;
    }

    /// What comes next, but for pings.
    pub(crate) async fn hear(&mut self) -> Heard {
        timeout(PATIENCE, self.read()).await.expect("a message or an end, in time")
    }

    /// Whether nothing comes for so long.
    pub(crate) async fn hears_nothing(&mut self, time: Duration) -> bool {
        timeout(time, self.read()).await.is_err()
    }

    async fn read(&mut self) -> Heard {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => {
                    return Heard::Message(serde_json::from_str(&text).expect("JSON"));
                }
                Some(Ok(Message::Close(frame))) => return Heard::Close(frame.map_or(0, |it| it.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Heard::Close(0),
            }
        }
    }

    /// The next message, of which the test wants to know more.
    pub(crate) async fn hear_message(&mut self) -> Value {
        match self.hear().await {
            Heard::Message(message) => message,
            closed @ Heard::Close(_) => panic!("{closed:?}"),
        }
    }

    /// The code that the socket is closed with, whatever is said before.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Heard::Close(code) = self.hear().await {
                return code;
            }
        }
    }

    /// What an operation comes to: its answer, and that it was all.
    pub(crate) async fn once(&mut self, id: &str, document: &str) -> Value {
        self.subscribe(id, document).await;
        let next = self.hear_message().await;
        assert_eq!((&next["id"], &next["type"]), (&json!(id), &json!("next")), "{next}");
        assert_eq!(self.hear().await, complete(id));
        next["payload"].clone()
    }

    /// The code of the error that an operation of this id comes to at once.
    pub(crate) async fn refusal(&mut self, id: &str) -> String {
        code(&self.hear_message().await, id)
    }

    /// Whether the socket answers.
    pub(crate) async fn is_alive(&mut self) -> bool {
        self.once("alive", "{ viewer { subject } }").await["data"]["viewer"].is_object()
    }
}

/// The code of an `error` of this id.
#[track_caller]
pub(crate) fn code(message: &Value, id: &str) -> String {
    assert_eq!((&message["id"], &message["type"]), (&json!(id), &json!("error")), "{message}");
    let error = &message["payload"][0];
    assert!(error["message"].is_string() && error["extensions"]["requestId"].is_string(), "{message}");
    error["extensions"]["code"].as_str().expect("a code").to_owned()
}

pub(crate) fn message(message: Value) -> Heard {
    Heard::Message(message)
}

pub(crate) fn complete(id: &str) -> Heard {
    message(json!({ "id": id, "type": "complete" }))
}
