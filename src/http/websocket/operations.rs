//! The operations of sockets: their execution, and the messages that come of it.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use async_graphql::ServerError;
use axum::http::{HeaderMap, Method};
use chrono::Utc;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::{task::JoinSet, time::timeout};
use tracing::Instrument;

use super::message::Outgoing;
use crate::{
    auth::{Caller, RequestContext},
    error::{AppError, Code},
    fair_share::Principal,
    http::{
        access::{Access, RequestMetadata, record_outcome},
        authenticate::RequestId,
        executor::{
            Admission, Call, ExecutedResponse, ExecutionOutcome, GatewayExecutor, TransportCapabilities,
        },
        graphql::too_slow,
        graphql_request::GraphqlRequest,
        request_error::RequestError,
        server::ConnectionHandle,
        state::AppState,
    },
    log::RequestFields,
    telemetry::{self, TraceIdentity},
};

/// The most operations that a socket has under way.
pub(super) const MOST: usize = 50;
/// What comes over a socket, in the log and the metrics, in the place of a route.
const ROUTE: &str = "/graphql websocket";

/// All messages of one operation. When the server stops, its end is not sent: the client may come again.
pub(super) fn messages(
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
    // An operation has an id of its own, and the address of its connection.
    let id = RequestId::new();
    let client = RequestFields::current().and_then(|fields| fields.client_address);
    let span = telemetry::request_span(Method::GET.as_str(), ROUTE, &HeaderMap::new());
    let fields = RequestFields {
        request_id: id.as_str().to_owned(),
        client_address: client,
        trace_id: TraceIdentity::of(&span).map(|trace| trace.trace_id),
    };
    let mut task = JoinSet::new();
    task.spawn(Arc::new(fields).scope(execute(state, caller, request, id).instrument(span)));
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
    id: RequestId,
) -> Result<ExecutionOutcome, RequestError> {
    let client = RequestFields::current().and_then(|fields| fields.client_address);
    let metadata = Arc::new(RequestMetadata::of(client));
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
    let context = RequestContext::new(id.as_str(), Utc::now(), caller);
    let context = Arc::new(context.with_smtputf8(state.settings.smtputf8));
    let capabilities =
        TransportCapabilities { writes: true, events: true, cost_extension: false, overhead: 0 };
    let limit = state.settings.request_timeout;
    let execution = async {
        let principal = Principal::of(&context.caller);
        let permit = state.admission.acquire(&principal).await;
        let permit = permit.map_err(|error| RequestError::new(&error, id.as_str()))?;
        let mut memory = state.request_memory.begin(&principal);
        let (request, document) = request.into_request(&mut memory, id.as_str())?;
        let admission = Mutex::new(Some(Admission { permit, memory }));
        let call = Call { context, capabilities, metadata: Arc::clone(&metadata), document, admission };
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

/// Rejects an operation because the socket has too many.
pub(super) fn too_many(id: String) -> Outgoing {
    let message =
        format!("At most {MOST} concurrent operations are allowed on a WebSocket. Complete one first.");
    let error = AppError::request(Code::Overloaded, message);
    refused(id, RequestError::new(&error, RequestId::new().as_str()))
}

fn errors(errors: &[ServerError]) -> Vec<u8> {
    // Errors of which every part has a JSON form.
    serde_json::to_vec(errors).unwrap_or_default()
}
