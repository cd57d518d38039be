//! async-graphql's WebSocket transport between a socket and the executor, with adapters for what it lacks.
//!
//! The transport keeps the operations and polls them. Its types have no place for document ids, for the memory of a response or for
//! errors before the execution, and its close codes are not those of the protocol. So the adapters check each message first, pass
//! requests and responses beside the transport, and select the close code. See ADR 0020.

use std::{
    collections::HashSet,
    future::{pending, poll_fn},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::Poll,
};

use async_graphql::{
    Data, Executor, Request, Response, Result as GraphqlResult, http::WebSocketProtocols as Subprotocol,
};
use async_graphql_axum::{GraphQLProtocol, GraphQLWebSocket};
use axum::{
    extract::ws::Message as LibraryMessage,
    http::{HeaderMap, HeaderValue, header},
};
use futures_util::{
    FutureExt, SinkExt, StreamExt, sink,
    stream::{self, BoxStream, SplitSink, SplitStream},
};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use tokio::{
    sync::{Mutex as AsyncMutex, watch},
    time::timeout,
};
use tokio_tungstenite::tungstenite::Message;

use super::{
    Close, Read, WebSocket,
    message::{Incoming, Operation, Outgoing, Payload},
    operations::{MOST, messages, too_many},
    read,
};
use crate::{
    auth::Caller,
    http::{
        authenticate::{ORGANIZATION, RequestId, authenticate},
        executor::GatewayExecutor,
        graphql_request::GraphqlRequest,
        server::ConnectionHandle,
        state::AppState,
    },
};

/// The client of a socket, once it is authenticated.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) caller: Caller,
    /// The headers that identify it.
    pub(super) headers: HeaderMap,
}

/// What the adapters of one socket share.
pub(super) struct Shared {
    pub(super) reader: AsyncMutex<SplitStream<WebSocket>>,
    pub(super) writer: AsyncMutex<SplitSink<WebSocket, Message>>,
    state: Arc<AppState>,
    connection: ConnectionHandle,
    subprotocol: Subprotocol,
    /// Set by connection_init.
    pub(super) identity: watch::Sender<Option<Identity>>,
    /// The ids of the operations whose end was not sent yet.
    pub(super) operations: watch::Sender<HashSet<String>>,
    /// Whether the client sent nothing since the last ping.
    pub(super) is_silent: AtomicBool,
    /// The operation that the transport starts next.
    starting: Mutex<Option<(String, GraphqlRequest)>>,
    /// The message that the transport's next one represents.
    outgoing: Mutex<Option<Outgoing>>,
    close: Mutex<Option<Close>>,
    /// Whether a message is being sent.
    is_sending: AtomicBool,
    rounds: Rounds,
}

impl Shared {
    pub(super) fn new(
        socket: WebSocket,
        state: Arc<AppState>,
        connection: ConnectionHandle,
        subprotocol: Subprotocol,
    ) -> Self {
        let (writer, reader) = socket.split();
        Self {
            reader: AsyncMutex::new(reader),
            writer: AsyncMutex::new(writer),
            state,
            connection,
            subprotocol,
            identity: watch::Sender::default(),
            operations: watch::Sender::default(),
            is_silent: AtomicBool::new(false),
            starting: Mutex::default(),
            outgoing: Mutex::default(),
            close: Mutex::default(),
            is_sending: AtomicBool::new(false),
            rounds: Rounds::default(),
        }
    }

    /// Serves the client until the transport ends; returns the reason, unless the client is gone.
    pub(super) async fn serve(
        self: Arc<Self>,
        protocol: GraphQLProtocol,
        headers: HeaderMap,
    ) -> Option<Close> {
        let incoming = stream::unfold(Arc::clone(&self), |shared| async move {
            let message = shared.receive().await?;
            Some((Ok(message), shared))
        });
        let outgoing = sink::unfold(Arc::clone(&self), |shared, message| async move {
            shared.send(message).await.map(|()| shared).ok_or(())
        });
        let executor = SocketExecutor {
            gateway: GatewayExecutor::new(Arc::clone(&self.state)),
            shared: Arc::clone(&self),
        };
        let shared = Arc::clone(&self);
        let transport = GraphQLWebSocket::new_with_pair(outgoing, incoming, executor, protocol)
            .on_connection_init(move |payload| async move { shared.initialize(headers, payload).await });
        let mut transport = transport.serve().boxed();
        poll_fn(|context| {
            let served = transport.poll_unpin(context);
            if !self.is_sending.load(Relaxed) {
                self.rounds.end();
            }
            served
        })
        .await;
        lock(&self.close).take()
    }

    // --- From the client ---

    /// The next message for the transport; `None` when there are no more.
    async fn receive(&self) -> Option<LibraryMessage> {
        // The transport reads all messages that have arrived before it sends any.
        self.rounds.after(self.rounds.current()).await;
        let mut reader = self.reader.lock().await;
        loop {
            let message = tokio::select! {
                biased;
                // Running operations are finished, and no new ones are started.
                () = self.connection.stopped() => pending().await,
                message = reader.next() => message,
            };
            self.is_silent.store(false, Relaxed);
            let checked = match read(message)? {
                Read::Text(text) => self.check(&text),
                Read::Nothing => continue,
                Read::Bad(close) => Err(close),
            };
            match checked {
                Ok(Some(message)) => return Some(LibraryMessage::Text(message.to_string().into())),
                Ok(None) => {}
                Err(close) => {
                    self.close_with(close);
                    return None;
                }
            }
        }
    }

    /// Checks a message, and returns what the transport needs of it.
    fn check(&self, text: &str) -> Result<Option<Json>, Close> {
        let message = Incoming::parse(text, self.subprotocol);
        let message = message.ok_or_else(|| Close::invalid(text, self.subprotocol))?;
        let is_acknowledged = self.identity.borrow().is_some();
        Ok(match message {
            Incoming::ConnectionInit { .. } if is_acknowledged => return Err(Close::INIT_TWICE),
            Incoming::ConnectionInit { payload } => {
                Some(json!({ "type": "connection_init", "payload": payload }))
            }
            Incoming::Ping => Some(json!({ "type": "ping" })),
            Incoming::Pong => None,
            Incoming::ConnectionTerminate => return Err(Close::NORMAL),
            _ if !is_acknowledged => return Err(Close::NOT_ACKNOWLEDGED),
            Incoming::Subscribe(operation) => {
                if self.operations.borrow().contains(&operation.id) {
                    return Err(Close::ID_IN_USE);
                }
                Some(self.start(operation))
            }
            Incoming::Start(operation) => Some(self.start(operation)),
            Incoming::Complete { id } => {
                self.end(&id);
                Some(json!({ "type": "stop", "id": id }))
            }
            // The transport answers `complete`, as this subprotocol requires.
            Incoming::Stop { id } => Some(json!({ "type": "stop", "id": id })),
        })
    }

    fn start(&self, Operation { id, payload }: Operation) -> Json {
        self.operations.send_modify(|operations| _ = operations.insert(id.clone()));
        let message = json!({ "type": "start", "id": id, "payload": { "query": "" } });
        *lock(&self.starting) = Some((id, payload.0));
        message
    }

    /// Authenticates the client by the payload of its first message or the headers of its upgrade request.
    async fn initialize(&self, mut headers: HeaderMap, payload: Json) -> GraphqlResult<Data> {
        let recognized = match serde_json::from_value(payload) {
            Ok(payload) => self.recognize(&mut headers, &payload).await,
            Err(_) => Err(Close::INVALID_PAYLOAD),
        };
        let caller = recognized.map_err(|close| {
            let reason = close.1.clone();
            self.close_with(close);
            async_graphql::Error::new(reason)
        })?;
        self.connection.identify(&caller);
        self.identity.send_replace(Some(Identity { caller, headers }));
        Ok(Data::default())
    }

    async fn recognize(&self, headers: &mut HeaderMap, payload: &Payload) -> Result<Caller, Close> {
        for name in [header::AUTHORIZATION, ORGANIZATION] {
            let values: Vec<HeaderValue> = payload.values(name.as_str()).ok_or_else(|| {
                let reason = "in the payload of connection_init must be a string without control characters.";
                Close(4400, format!("{name} {reason}").into())
            })?;
            if !values.is_empty() {
                headers.remove(&name);
            }
            for value in values {
                headers.append(&name, value);
            }
        }
        let token = headers.get(header::AUTHORIZATION).ok_or(Close::NO_TOKEN)?;
        if !token.as_bytes().to_ascii_lowercase().starts_with(b"bearer ") {
            return Err(Close::NOT_BEARER);
        }
        let context = authenticate(&self.state, headers, RequestId::new().as_str().to_owned()).await;
        context.map(|context| context.caller).map_err(|error| Close::unauthenticated(&error))
    }

    // --- To the client ---

    /// Sends a message of the transport, or the one that it represents; `None` when the socket is to be closed.
    async fn send(&self, message: LibraryMessage) -> Option<()> {
        let LibraryMessage::Text(text) = message else {
            // A close frame of the transport has a code of its own; ours is sent instead.
            return None;
        };
        let Some(outgoing) = self.outgoing(&text) else { return Some(()) };
        let ended = match &outgoing {
            Outgoing::Complete(id) => Some(id.clone()),
            Outgoing::Error(id, _) if self.subprotocol == Subprotocol::GraphQLWS => Some(id.clone()),
            _ => None,
        };
        self.is_sending.store(true, Relaxed);
        let is_sent = self.send_in_time(outgoing).await;
        self.is_sending.store(false, Relaxed);
        if let Some(id) = ended {
            self.end(&id);
        }
        is_sent.then_some(())
    }

    /// Sends a message; returns whether the client read each of its frames, and the whole message, in time.
    async fn send_in_time(&self, outgoing: Outgoing) -> bool {
        let settings = &self.state.settings;
        let sending = async {
            let mut writer = self.writer.lock().await;
            for frame in outgoing.into_frames(self.subprotocol) {
                timeout(settings.write_timeout, writer.send(frame)).await.ok()?.ok()?;
            }
            Some(())
        };
        matches!(timeout(settings.response_timeout, sending).await, Ok(Some(())))
    }

    /// The message to send for a message of the transport. The transport also reports the end of operations that the client has
    /// completed itself, or that can be resumed elsewhere: these are not sent.
    fn outgoing(&self, text: &str) -> Option<Outgoing> {
        if let Some(outgoing) = lock(&self.outgoing).take() {
            return Some(outgoing);
        }
        match serde_json::from_str(text) {
            Ok(End { ty: "complete", id: Some(id) }) => {
                self.operations.borrow().contains(&id).then_some(Outgoing::Complete(id))
            }
            _ => Some(Outgoing::Text(text.into())),
        }
    }

    /// The responses of an operation, for the transport: each represents a message.
    fn responses(
        self: Arc<Self>,
        id: String,
        messages: BoxStream<'static, Outgoing>,
    ) -> BoxStream<'static, Response> {
        let responses = stream::unfold((self, Some(messages), None), move |(shared, messages, round)| {
            let id = id.clone();
            async move {
                let mut messages = messages?;
                shared.rounds.after(round).await;
                match messages.next().await {
                    Some(Outgoing::Complete(_)) => None,
                    Some(outgoing) => {
                        let is_last = matches!(outgoing, Outgoing::Error(..));
                        *lock(&shared.outgoing) = Some(outgoing);
                        let round = shared.rounds.current();
                        Some((Response::default(), (shared, (!is_last).then_some(messages), round)))
                    }
                    // The server stops: the client can resume elsewhere, so the end is not sent.
                    None => {
                        shared.end(&id);
                        pending().await
                    }
                }
            }
        });
        responses.boxed()
    }

    fn end(&self, id: &str) {
        self.operations.send_if_modified(|operations| operations.remove(id));
    }

    fn close_with(&self, close: Close) {
        *lock(&self.close) = Some(close);
    }
}

/// Counts how often the transport has polled all its operations. It polls them in one order and sends the first message that is
/// ready, so a busy operation would keep those after it waiting: here each sends one message in a round.
#[derive(Default)]
struct Rounds(AtomicU64);

impl Rounds {
    fn current(&self) -> Option<u64> {
        Some(self.0.load(Relaxed))
    }

    fn end(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// Waits for a round after this one.
    async fn after(&self, round: Option<u64>) {
        poll_fn(|context| {
            if self.current() > round {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

/// The end of an operation as the transport reports it.
#[derive(Deserialize)]
struct End<'a> {
    #[serde(rename = "type")]
    ty: &'a str,
    id: Option<String>,
}

/// Executes the operations of one socket.
#[derive(Clone)]
struct SocketExecutor {
    gateway: GatewayExecutor,
    shared: Arc<Shared>,
}

impl Executor for SocketExecutor {
    async fn execute(&self, request: Request) -> Response {
        self.gateway.execute(request).await
    }

    fn execute_stream(&self, request: Request, session: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        let shared = &self.shared;
        let caller = shared.identity.borrow().as_ref().map(|identity| identity.caller.clone());
        let (Some((id, request)), Some(caller)) = (lock(&shared.starting).take(), caller) else {
            return self.gateway.execute_stream(request, session);
        };
        let messages = if shared.operations.borrow().len() > MOST {
            stream::iter([too_many(id.clone())]).boxed()
        } else {
            let context = (Arc::clone(&shared.state), shared.connection.clone(), caller);
            messages(context, id.clone(), request)
        };
        Arc::clone(shared).responses(id, messages)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, pin::pin};

    use super::*;
    use async_graphql::http::{ClientMessage, WebSocket, WsMessage};

    /// Executes operations that always have one more response.
    #[derive(Clone)]
    struct Busy(Option<Arc<Rounds>>);

    impl Executor for Busy {
        async fn execute(&self, _: Request) -> Response {
            Response::default()
        }

        fn execute_stream(&self, _: Request, _: Option<Arc<Data>>) -> BoxStream<'static, Response> {
            let responses = stream::unfold((self.0.clone(), None), |(rounds, round)| async move {
                let Some(rounds) = rounds else { return Some((Response::default(), (None, None))) };
                rounds.after(round).await;
                let round = rounds.current();
                Some((Response::default(), (Some(rounds), round)))
            });
            responses.boxed()
        }
    }

    /// How many of a thousand messages of the transport each of ten operations sends.
    async fn shares(rounds: Option<Arc<Rounds>>) -> BTreeMap<String, usize> {
        let start =
            |number| json!({ "type": "start", "id": format!("{number}"), "payload": { "query": "" } });
        let messages = [json!({ "type": "connection_init" })].into_iter().chain((0..10).map(start));
        let messages = messages.map(serde_json::from_value::<ClientMessage>);
        let messages = stream::iter(messages.collect::<Vec<_>>()).chain(stream::pending());
        let executor = Busy(rounds.clone());
        let transport = WebSocket::from_message_stream(executor, messages, Subprotocol::GraphQLWS);
        let mut transport = pin!(transport.take(1000));
        let mut shares = BTreeMap::new();
        let messages = poll_fn(|context| {
            while let Poll::Ready(message) = transport.as_mut().poll_next_unpin(context) {
                let Some(WsMessage::Text(text)) = message else { return Poll::Ready(()) };
                let message: Json = serde_json::from_str(&text).expect("JSON");
                if let Some(id) = message["id"].as_str() {
                    *shares.entry(id.to_owned()).or_default() += 1;
                }
            }
            rounds.iter().for_each(|rounds| rounds.end());
            Poll::Pending
        });
        messages.await;
        shares
    }

    #[tokio::test]
    async fn each_operation_sends_one_message_in_a_round() {
        // This is what the transport does by itself.
        assert_eq!(shares(None).await.len(), 1);
        let shares = shares(Some(Arc::default())).await;
        assert!(shares.len() == 10 && shares.values().all(|count| (99..=100).contains(count)), "{shares:?}");
    }
}
