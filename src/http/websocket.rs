//! GraphQL over WebSocket: the subprotocol graphql-transport-ws and the older one graphql-ws, that of subscriptions-transport-ws.
//!
//! One task serves a socket: it reads, responds, and polls its operations. If the client does not read, nothing more is
//! sent: its operations pause, and after a while the connection is closed. Each event had its cursor, so the client can
//! resume there.

mod adapter;
mod message;
mod operations;
mod reason;

use std::{
    borrow::Cow,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use async_graphql::http::WebSocketProtocols as Subprotocol;
use async_graphql_axum::GraphQLProtocol;
use axum::{
    body::{Body, Bytes},
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

use self::adapter::{Identity, Shared};
use super::{
    authenticate::{ORGANIZATION, Opening, until_refused},
    origins::AllowedOrigins,
    request_error::RequestError,
    server::ConnectionHandle,
    state::AppState,
};
use crate::{
    auth::OPERATORS,
    error::{AppError, Code},
    log,
};

/// The subprotocols that are spoken. The library's names for them are those of their reference implementations.
const SUBPROTOCOLS: [Subprotocol; 2] = [Subprotocol::GraphQLWS, Subprotocol::SubscriptionsTransportWS];
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

/// Why a socket is closed, as clients read it: a code, those from 4000 are of the protocol, and a reason with what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Close(u16, Cow<'static, str>);

impl Close {
    const NORMAL: Self = Self::new(1000, "");
    const GOING_AWAY: Self = Self::new(1001, "The server is shutting down. Connect again.");
    const TOO_LONG: Self =
        Self::new(1009, "A message cannot be read or is longer than 64 KiB. Send a shorter one.");
    const NOT_TEXT: Self = Self::new(4400, "A message must be text: a JSON object with the member type.");
    const INVALID_PAYLOAD: Self = Self::new(4400, "The payload of connection_init must be an object.");
    const NOT_ACKNOWLEDGED: Self = Self::new(
        4401,
        r#"Unauthorized. First send {"authorization": "Bearer <token>"} as the payload of connection_init."#,
    );
    const NO_TOKEN: Self = Self::new(
        4403,
        r#"No token. Send {"authorization": "Bearer <token>"} as the payload of connection_init."#,
    );
    const NOT_BEARER: Self = Self::new(
        4403,
        r#"authorization must be "Bearer <token>". Send it so in the payload of connection_init."#,
    );
    const INIT_TIMEOUT: Self =
        Self::new(4408, "Connection initialisation timeout. Send connection_init within 5 seconds.");
    const ID_IN_USE: Self =
        Self::new(4409, "Subscriber already exists. Send another id for each operation under way.");
    const INIT_TWICE: Self = Self::new(4429, "Too many initialisation requests. Send connection_init once.");

    const fn new(code: u16, reason: &'static str) -> Self {
        Self(code, Cow::Borrowed(reason))
    }

    /// A message that is not one of the subprotocol.
    fn invalid(text: &str, subprotocol: Subprotocol) -> Self {
        Self(4400, reason::shortened(reason::of_message(text, subprotocol)))
    }

    /// A client that is not authenticated, or not any more.
    fn unauthenticated(error: &AppError) -> Self {
        let code = if error.code() == Code::Unavailable { 1013 } else { 4403 };
        let message = error.public_message();
        let for_clients = message.split(OPERATORS).next().unwrap_or_default().to_owned();
        Self(code, reason::shortened(for_clients.into()))
    }
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
    let unsupported = || bad("Unsupported subprotocol. Use graphql-transport-ws or graphql-ws.");
    let subprotocol = select_subprotocol(&head.headers).ok_or_else(unsupported)?;
    let name = subprotocol.sec_websocket_protocol();
    head.headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name));
    let protocol = GraphQLProtocol::from_request_parts(&mut head, &()).await.map_err(|_| unsupported())?;
    let upgraded = upgraded.ok_or_else(|| bad("This connection cannot be upgraded to a WebSocket."))?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_LIMIT))
        .max_frame_size(Some(MESSAGE_LIMIT))
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0);
    let headers = identity(&head.headers);
    let session = Session { state, connection: connection.clone(), headers, subprotocol, protocol };
    let session = async move {
        // There is nothing to go on with where the connection ended instead.
        let Ok(upgraded) = upgraded.await else { return };
        let socket = WebSocket::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
        connection.spawn_upgraded(log::for_current_request(session.serve(socket)));
    };
    tokio::spawn(log::for_current_request(session));
    let mut response = upgrade.protocols([name]).on_upgrade(async |_| {});
    // hyper keeps the case of the request's header names there. Some clients, Python's gql for one, find the subprotocol
    // only under the name that they sent.
    *response.extensions_mut() = head.extensions;
    Ok(response)
}

/// The first subprotocol of the request that is spoken: the client's preference comes first.
fn select_subprotocol(headers: &HeaderMap) -> Option<Subprotocol> {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let mut names = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    names.find_map(|name| SUBPROTOCOLS.into_iter().find(|it| it.sec_websocket_protocol() == name.trim()))
}

/// Whether the page that wants to connect may: one of the gateway itself, or of an origin that is configured. Browsers send
/// the origin of a page; a client without an Origin header is no browser.
fn is_welcome(headers: &HeaderMap, uri: &Uri, allowed: &AllowedOrigins) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| uri.authority().map(Authority::as_str));
    let own = origin.split_once("://").map(|(_, authority)| authority);
    allowed.contains(origin) || (own.is_some() && own == host)
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
    subprotocol: Subprotocol,
    /// The same for the library.
    protocol: GraphQLProtocol,
}

impl Session {
    /// Serves the client until one of both ends it.
    async fn serve(self, socket: WebSocket) {
        let Self { state, connection, headers, subprotocol, protocol } = self;
        let shared = Arc::new(Shared::new(socket, Arc::clone(&state), connection.clone(), subprotocol));
        let close = tokio::select! {
            close = Arc::clone(&shared).serve(protocol, headers) => close,
            close = until_unauthenticated(&state, &shared) => Some(close),
            () = until_stopped(&connection, &shared) => Some(Close::GOING_AWAY),
            () = until_gone(&shared, state.settings.write_timeout) => None,
        };
        let closed = async {
            if let Some(Close(code, reason)) = close {
                let frame = CloseFrame { code: code.into(), reason: reason.into_owned().into() };
                shared.writer.lock().await.send(Message::Close(Some(frame))).await.ok()?;
            }
            // The side that closes sends the first frame, the other one the last.
            let mut reader = shared.reader.lock().await;
            while let Some(Ok(_)) = reader.next().await {}
            Some(())
        };
        let _ = timeout(CLOSE_TIMEOUT, closed).await;
    }
}

/// Waits until the client has missed the deadline for authentication, or its token is no longer valid.
async fn until_unauthenticated(state: &AppState, shared: &Shared) -> Close {
    let mut identity = shared.identity.subscribe();
    let identity = timeout(INIT_TIMEOUT, identity.wait_for(Option::is_some)).await;
    let Ok(identity) = identity.map(|identity| identity.ok().and_then(|it| it.clone())) else {
        return Close::INIT_TIMEOUT;
    };
    match identity {
        Some(Identity { caller, headers }) => {
            Close::unauthenticated(&until_refused(state, &headers, Opening::from(&caller)).await)
        }
        None => Close::NO_TOKEN,
    }
}

/// Waits until the server stops and the operations under way have ended.
async fn until_stopped(connection: &ConnectionHandle, shared: &Shared) {
    connection.stopped().await;
    // The sender is in `shared`.
    let _ = shared.operations.subscribe().wait_for(|operations| operations.is_empty()).await;
}

/// Sends pings, and waits until the client sends nothing between two of them.
async fn until_gone(shared: &Shared, write_timeout: Duration) {
    let mut pings = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pings.tick().await;
        // While a message is sent nothing is read, and the message has a deadline of its own.
        let Ok(mut writer) = shared.writer.try_lock() else { continue };
        if shared.is_silent.swap(true, Relaxed) {
            return;
        }
        let ping = timeout(write_timeout, writer.send(Message::Ping(Bytes::new()))).await;
        if !matches!(ping, Ok(Ok(()))) {
            return;
        }
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
        Ok(Message::Binary(_)) => Some(Read::Bad(Close::NOT_TEXT)),
        Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => Some(Read::Nothing),
        Ok(Message::Close(_)) => None,
        Err(_) => Some(Read::Bad(Close::TOO_LONG)),
    }
}
