//! The operations of one socket. Waiting for the next message polls all of them.

use std::{collections::HashMap, sync::Arc, time::Instant};

use async_graphql::ServerError;
use axum::http::Method;
use chrono::Utc;
use futures_util::{
    StreamExt,
    future::{AbortHandle, Abortable},
    stream::{self, BoxStream, SelectAll},
};
use tokio::{task::JoinSet, time::timeout};

use super::message::Outgoing;
use crate::{
    auth::{Caller, RequestContext},
    error::{AppError, Code},
    http::{
        access::{Access, RequestMetadata, record_outcome},
        authenticate::RequestId,
        executor::{Call, ExecutedResponse, ExecutionOutcome, GatewayExecutor, TransportCapabilities},
        graphql::too_slow,
        graphql_request::GraphqlRequest,
        request_error::RequestError,
        server::ConnectionHandle,
        state::AppState,
    },
};

/// The most operations that a socket has under way.
const MOST: usize = 50;
/// What comes over a socket, in the log and the metrics, in the place of a route.
const ROUTE: &str = "/graphql websocket";

/// The operations of one socket.
pub(super) struct Operations {
    state: Arc<AppState>,
    connection: ConnectionHandle,
    caller: Caller,
    streams: SelectAll<Abortable<BoxStream<'static, Outgoing>>>,
    handles: HashMap<String, AbortHandle>,
}

impl Operations {
    /// None yet.
    pub(super) fn new(state: Arc<AppState>, connection: ConnectionHandle, caller: Caller) -> Self {
        Self { state, connection, caller, streams: SelectAll::new(), handles: HashMap::new() }
    }

    /// Whether an operation of this id is under way.
    pub(super) fn has(&self, id: &str) -> bool {
        self.handles.contains_key(id)
    }

    /// Begins an operation, or says why it cannot be.
    pub(super) fn begin(&mut self, id: String, request: GraphqlRequest) -> Result<(), Outgoing> {
        if self.handles.len() >= MOST {
            let message = format!(
                "At most {MOST} concurrent operations are allowed on a WebSocket. Complete one first."
            );
            let error = AppError::request(Code::Overloaded, message);
            return Err(refused(id, RequestError::new(&error, RequestId::new().as_str())));
        }
        let (handle, registration) = AbortHandle::new_pair();
        let context = (Arc::clone(&self.state), self.connection.clone(), self.caller.clone());
        let messages = messages(context, id.clone(), request);
        self.handles.insert(id, handle);
        self.streams.push(Abortable::new(messages, registration));
        Ok(())
    }

    /// Ends an operation, if it is under way.
    pub(super) fn end(&mut self, id: &str) {
        if let Some(handle) = self.handles.remove(id) {
            handle.abort();
        }
    }

    /// The next message of any operation; `None` when the server stops and nothing is under way. Nothing is lost when this
    /// is given up.
    pub(super) async fn next(&mut self) -> Option<Outgoing> {
        let Some(outgoing) = self.streams.next().await else {
            self.connection.stopped().await;
            return None;
        };
        if let Outgoing::Complete(id) | Outgoing::Error(id, _) = &outgoing {
            self.end(id);
        }
        Some(outgoing)
    }
}

/// All messages of one operation. When the server stops, its end is not sent: the client may come again.
fn messages(
    (state, connection, caller): (Arc<AppState>, ConnectionHandle, Caller),
    id: String,
    request: GraphqlRequest,
) -> BoxStream<'static, Outgoing> {
    let name = id;
    let outcome = stream::once(execute_in_task(state, caller, request));
    let messages = outcome.flat_map(move |outcome| {
        let id = name.clone();
        match outcome {
            Ok(ExecutionOutcome::Response(response)) => {
                stream::iter([message(&id, *response), Outgoing::Complete(id)]).boxed()
            }
            Ok(ExecutionOutcome::Events(events)) => {
                let (connection, name) = (connection.clone(), id.clone());
                let messages = events.map(move |response| message(&name, response));
                let messages = messages.chain(stream::iter([Outgoing::Complete(id)]));
                messages.take_until(async move { connection.stopped().await }).boxed()
            }
            Err(error) => stream::iter([refused(id, error)]).boxed(),
        }
    });
    messages.boxed()
}

/// Executes an operation whether or not the client reads, because it may hold what others wait for. It ends with its receiver.
async fn execute_in_task(
    state: Arc<AppState>,
    caller: Caller,
    request: GraphqlRequest,
) -> Result<ExecutionOutcome, RequestError> {
    let mut task = JoinSet::new();
    task.spawn(execute(state, caller, request));
    task.join_next().await.and_then(Result::ok).unwrap_or_else(|| Err(panicked()))
}

fn panicked() -> RequestError {
    tracing::error!("operation panicked");
    RequestError::new(&AppError::Internal("a panic".into()), RequestId::new().as_str())
}

async fn execute(
    state: Arc<AppState>,
    caller: Caller,
    request: GraphqlRequest,
) -> Result<ExecutionOutcome, RequestError> {
    let id = RequestId::new();
    let metadata = Arc::<RequestMetadata>::default();
    if let Some(organization) = caller.organization {
        _ = metadata.organization.set(organization);
    }
    let _access = Access {
        id: id.clone(),
        method: Method::GET,
        route: ROUTE.to_owned(),
        begin: Instant::now(),
        metadata: Arc::clone(&metadata),
        metrics: Arc::clone(&state.metrics),
        status: None,
    };
    let context = Arc::new(RequestContext::new(id.as_str(), Utc::now(), caller));
    let capabilities =
        TransportCapabilities { writes: true, events: true, cost_extension: false, overhead: 0 };
    let limit = state.settings.request_timeout;
    let execution = async {
        let (request, document) = request.into_request(id.as_str())?;
        let call = Call { context, capabilities, metadata: Arc::clone(&metadata), document };
        GatewayExecutor::new(state).execute_operation(request.data(Arc::new(call))).await
    };
    let outcome = timeout(limit, metadata.query_stats.count(execution)).await;
    let outcome = outcome.unwrap_or_else(|_| Err(RequestError::new(&too_slow(limit), id.as_str())));
    record_outcome(&metadata, outcome.as_ref());
    outcome
}

/// A response, or the errors of what was not executed.
fn message(id: &str, response: ExecutedResponse) -> Outgoing {
    let id = id.to_owned();
    if response.was_executed {
        return Outgoing::Next(id, response.body);
    }
    Outgoing::Error(id, errors(&response.errors))
}

fn refused(id: String, refused: RequestError) -> Outgoing {
    Outgoing::Error(id, errors(&refused.errors))
}

fn errors(errors: &[ServerError]) -> Vec<u8> {
    // Errors of which every part has a JSON form.
    serde_json::to_vec(errors).unwrap_or_default()
}
