//! GraphQL over WebSocket: the protocol graphql-transport-ws.
//!
//! One task serves a socket: it reads, responds, and polls its operations. If the client does not read, nothing more is
//! sent: its operations pause, and after a while the connection is closed. Each event had its cursor, so the client can
//! resume there.

mod message;
mod operations;

use std::{pin::pin, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{FromRequestParts, WebSocketUpgrade},
    http::{
        HeaderMap, HeaderValue, Request as HttpRequest, Response as HttpResponse, StatusCode, Uri, header,
        uri::Authority,
    },
};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message, Utf8Bytes,
        protocol::{CloseFrame, Role, WebSocketConfig},
    },
};

use self::{
    message::{Incoming, Outgoing},
    operations::Operations,
};
use super::{
    authenticate::{ORGANIZATION, RequestId, authenticate, until_refused},
    request_error::RequestError,
    server::ConnectionHandle,
    state::{AppState, Settings},
};
use crate::{
    auth::Caller,
    error::{AppError, Code},
};

/// The protocol that is spoken.
const PROTOCOL: &str = "graphql-transport-ws";
/// The most bytes of a message.
const MESSAGE_LIMIT: usize = 64 * 1024;
/// What each socket has in memory for messages that come in; it grows when one is longer.
const READ_BUFFER: usize = 4 * 1024;
/// A socket. axum's own cannot send a message in frames, and would keep the longest message in memory as long as it is open.
type WebSocket = WebSocketStream<TokioIo<Upgraded>>;

/// How long a client may take to say who it is.
const INIT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a client is asked whether it is there. Who said nothing at all since the last time is not.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// How long a client may take to close its side.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a socket is closed, as clients read it. Those from 4000 are of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Close(u16, &'static str);

impl Close {
    const GOING_AWAY: Self = Self(1001, "The server is shutting down.");
    const TOO_LONG: Self = Self(1009, "A message cannot be read or is longer than 64 KiB.");
    const TRY_AGAIN: Self = Self(1013, "The token cannot be verified now. Try again later.");
    const INVALID: Self = Self(4400, "A message does not follow the protocol.");
    const NOT_ACKNOWLEDGED: Self = Self(4401, "Unauthorized");
    const FORBIDDEN: Self = Self(4403, "Forbidden");
    const INIT_TIMEOUT: Self = Self(4408, "Connection initialisation timeout");
    const ID_IN_USE: Self = Self(4409, "Subscriber already exists");
    const INIT_TWICE: Self = Self(4429, "Too many initialisation requests");
}

/// Whether a request asks to upgrade to a WebSocket.
pub(super) fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Opens the socket that a request asks for.
pub(super) async fn open(
    state: Arc<AppState>,
    connection: ConnectionHandle,
    request: HttpRequest<Body>,
    id: &str,
) -> Result<HttpResponse<Body>, RequestError> {
    let (mut head, _) = request.into_parts();
    if !is_welcome(&head.headers, &head.uri, &state.settings.allowed_origins) {
        let error = AppError::request(Code::Forbidden, "Connections from this origin are not allowed.");
        return Err(RequestError::new(&error, id));
    }
    let bad = |message| RequestError::bad(StatusCode::BAD_REQUEST, message, id);
    // axum answers the handshake, with nothing to go on with: the socket is ours.
    let upgraded = head.extensions.remove::<OnUpgrade>();
    head.extensions.insert(hyper::upgrade::on(HttpRequest::new(())));
    let upgrade = WebSocketUpgrade::from_request_parts(&mut head, &()).await;
    let upgrade = upgrade.map_err(|_| bad("Not a WebSocket upgrade request of version 13."))?;
    let upgrade = upgrade.protocols([PROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        return Err(bad("Unsupported subprotocol. Use graphql-transport-ws."));
    }
    let upgraded = upgraded.ok_or_else(|| bad("This connection cannot be upgraded to a WebSocket."))?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_LIMIT))
        .max_frame_size(Some(MESSAGE_LIMIT))
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0);
    let session = Session { state, connection: connection.clone(), headers: identity(&head.headers) };
    tokio::spawn(async move {
        // There is nothing to go on with where the connection ended instead.
        let Ok(upgraded) = upgraded.await else { return };
        let socket = WebSocket::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
        connection.spawn_upgraded(session.serve(socket));
    });
    Ok(upgrade.on_upgrade(async |_| {}))
}

/// Whether the page that wants to connect may: one of the gateway itself, or of an origin that is configured. Browsers send
/// the origin of a page; a client without an Origin header is no browser.
fn is_welcome(headers: &HeaderMap, uri: &Uri, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| uri.authority().map(Authority::as_str));
    let own = origin.split_once("://").map(|(_, authority)| authority);
    allowed.iter().any(|it| it == origin) || (own.is_some() && own == host)
}

/// The headers that identify the caller.
fn identity(headers: &HeaderMap) -> HeaderMap {
    let mut identity = HeaderMap::new();
    for name in [header::AUTHORIZATION, ORGANIZATION] {
        for value in headers.get_all(&name) {
            identity.append(name.clone(), value.clone());
        }
    }
    identity
}

/// What a socket is opened with.
struct Session {
    state: Arc<AppState>,
    connection: ConnectionHandle,
    /// The caller, as far as the upgrade request identified it.
    headers: HeaderMap,
}

impl Session {
    async fn serve(self, mut socket: WebSocket) {
        let close = self.run(&mut socket).await;
        let closed = async {
            if let Some(Close(code, reason)) = close {
                let frame = CloseFrame { code: code.into(), reason: Utf8Bytes::from_static(reason) };
                socket.send(Message::Close(Some(frame))).await.ok()?;
            }
            // The side that closes sends the first frame, the other one the last.
            while let Some(Ok(_)) = socket.next().await {}
            Some(())
        };
        let _ = timeout(CLOSE_TIMEOUT, closed).await;
    }

    /// Serves the client until one of both ends it; returns the reason, unless the client is gone.
    async fn run(mut self, socket: &mut WebSocket) -> Option<Close> {
        let connection = self.connection.clone();
        let init = tokio::select! {
            init = timeout(INIT_TIMEOUT, self.handshake(socket)) => init,
            () = connection.stopped() => return Some(Close::GOING_AWAY),
        };
        let caller = match init {
            Ok(Ok(caller)) => caller,
            Ok(Err(close)) => return close,
            Err(_) => return Some(Close::INIT_TIMEOUT),
        };
        let Self { state, headers, .. } = self;
        let (settings, expires_at) = (&state.settings, caller.expires_at);
        if !send(socket, Outgoing::Acknowledged, settings).await {
            return None;
        }
        let mut stopped = pin!(connection.stopped());
        let mut stopping = false;
        let mut operations = Operations::new(Arc::clone(&state), connection.clone(), caller);
        let mut refused = pin!(until_refused(&state.verifier, &headers, expires_at));
        let mut pings = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut silent = false;
        loop {
            tokio::select! {
                () = &mut stopped, if !stopping => stopping = true,
                // When the server stops, what is under way is finished and nothing new begun.
                message = socket.next(), if !stopping => {
                    silent = false;
                    let text = match read(message)? {
                        Read::Text(text) => text,
                        Read::Nothing => continue,
                        Read::Bad(close) => return Some(close),
                    };
                    let answer = match handle_message(&text, &mut operations) {
                        Ok(answer) => answer,
                        Err(close) => return Some(close),
                    };
                    if let Some(answer) = answer && !send(socket, answer, settings).await {
                        return None;
                    }
                }
                outgoing = operations.next() => {
                    let Some(outgoing) = outgoing else { return Some(Close::GOING_AWAY) };
                    if !send(socket, outgoing, settings).await {
                        return None;
                    }
                }
                _ = &mut refused => return Some(Close::FORBIDDEN),
                _ = pings.tick() => {
                    if silent || !send(socket, Outgoing::Ping, settings).await {
                        return None;
                    }
                    silent = true;
                }
            }
        }
    }

    /// Waits until the client has said who it is. `None` in the error when it is gone.
    async fn handshake(&mut self, socket: &mut WebSocket) -> Result<Caller, Option<Close>> {
        loop {
            let text = match read(socket.next().await).ok_or(None)? {
                Read::Text(text) => text,
                Read::Nothing => continue,
                Read::Bad(close) => return Err(Some(close)),
            };
            match Incoming::parse(&text).ok_or(Some(Close::INVALID))? {
                Incoming::ConnectionInit { payload } => return self.recognize(payload).await.map_err(Some),
                Incoming::Ping => {
                    if !send(socket, Outgoing::Pong, &self.state.settings).await {
                        return Err(None);
                    }
                }
                Incoming::Pong => {}
                Incoming::Subscribe { .. } | Incoming::Complete { .. } => {
                    return Err(Some(Close::NOT_ACKNOWLEDGED));
                }
            }
        }
    }

    /// Finds out who the client is, by the payload of its first message or the headers of its request.
    async fn recognize(&mut self, payload: message::Payload) -> Result<Caller, Close> {
        for name in [header::AUTHORIZATION, ORGANIZATION] {
            let values: Vec<HeaderValue> = payload.values(name.as_str()).ok_or(Close::INVALID)?;
            if !values.is_empty() {
                self.headers.remove(&name);
            }
            for value in values {
                self.headers.append(&name, value);
            }
        }
        let context =
            authenticate(&self.state.verifier, &self.headers, RequestId::new().as_str().to_owned()).await;
        let caller = context.map(|context| context.caller);
        caller.inspect(|caller| self.connection.identify(caller)).map_err(|error| match error.code() {
            Code::Unavailable => Close::TRY_AGAIN,
            _ => Close::FORBIDDEN,
        })
    }
}

/// What came in.
enum Read {
    Text(Utf8Bytes),
    /// What the library answers itself.
    Nothing,
    Bad(Close),
}

/// `None` when the client has closed the socket, or is gone.
fn read(message: Option<Result<Message, Error>>) -> Option<Read> {
    match message? {
        Ok(Message::Text(text)) => Some(Read::Text(text)),
        Ok(Message::Binary(_)) => Some(Read::Bad(Close::INVALID)),
        Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => Some(Read::Nothing),
        Ok(Message::Close(_)) => None,
        Err(_) => Some(Read::Bad(Close::TOO_LONG)),
    }
}

/// Does what a client that is known wants.
fn handle_message(text: &str, operations: &mut Operations) -> Result<Option<Outgoing>, Close> {
    match Incoming::parse(text).ok_or(Close::INVALID)? {
        Incoming::ConnectionInit { .. } => Err(Close::INIT_TWICE),
        Incoming::Ping => Ok(Some(Outgoing::Pong)),
        Incoming::Pong => Ok(None),
        Incoming::Complete { id } => {
            operations.end(&id);
            Ok(None)
        }
        Incoming::Subscribe { id, payload } => {
            if operations.has(&id) {
                return Err(Close::ID_IN_USE);
            }
            Ok(operations.begin(id, payload.0).err())
        }
    }
}

/// Sends a message; returns whether the client read each of its frames, and the whole message, in time.
async fn send(socket: &mut WebSocket, outgoing: Outgoing, settings: &Settings) -> bool {
    let sending = async {
        for frame in outgoing.into_frames() {
            timeout(settings.write_timeout, socket.send(frame)).await.ok()?.ok()?;
        }
        Some(())
    };
    matches!(timeout(settings.response_timeout, sending).await, Ok(Some(())))
}
