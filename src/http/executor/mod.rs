//! The one door for operations: POST, GET, server-sent events and WebSocket hand it async-graphql's `Request`, whose data holds
//! the [`Call`]: the caller, and what the transport supports.
//!
//! A transport authenticates before it reads a request, so that nobody else's body is read. Permits come before documents,
//! because a document that is not in the cache takes up to some milliseconds to parse and validate.

mod admit;
mod complete;
mod execute;
mod respond;
mod subscribe;
#[cfg(test)]
mod tests;

use std::{
    any::{Any, TypeId},
    sync::{Arc, Mutex},
};

use async_graphql::{Data, Executor, Request, Response, parser::types::OperationType};
use axum::http::StatusCode;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};

pub(super) use self::{
    admit::Admission,
    execute::PreparedOperation,
    respond::{ExecutedResponse, code},
};
use super::{access::RequestMetadata, request_error::RequestError, state::AppState};
use crate::{
    auth::RequestContext,
    error::{AppError, Code},
    fair_share::Principal,
    graphql::document::{
        Cost, DocumentLookup, OwnedDocumentReference, ValidDocument, coerce_variables, cost, operation,
    },
};

/// The most bytes of a document. Bodies may be longer: bulk writes carry their rows in variables, which cost far less to
/// read than a document does.
const DOCUMENT_LIMIT: usize = 128 * 1024;

/// What may be done over a transport.
#[derive(Clone, Copy, Debug)]
pub(super) struct TransportCapabilities {
    /// Whether mutations are executed.
    pub(super) writes: bool,
    /// Whether more than one response can be sent.
    pub(super) events: bool,
    /// Whether `extensions.cost` is wanted.
    pub(super) cost_extension: bool,
    /// What sending the response takes in memory besides its bytes.
    pub(super) overhead: usize,
}

/// What a transport knows of a request besides the request.
pub(super) struct Call {
    /// The caller, who is authenticated.
    pub(super) context: Arc<RequestContext>,
    pub(super) capabilities: TransportCapabilities,
    /// Its data for the log and the metrics.
    pub(super) metadata: Arc<RequestMetadata>,
    /// Whether the document is named by its text, its id or both; the text is the request's.
    pub(super) document: OwnedDocumentReference,
    /// The permit and the memory of the request, where the transport needed them to read it. The executor takes them.
    pub(super) admission: Mutex<Option<Admission>>,
}

impl Call {
    pub(super) fn id(&self) -> &str {
        &self.context.request_id
    }

    fn refused(&self, error: &AppError) -> RequestError {
        RequestError::new(error, self.id())
    }
}

/// What comes of an operation that may be executed.
pub(super) enum ExecutionOutcome {
    /// Its response.
    Response(Box<ExecutedResponse>),
    /// The responses of a subscription.
    Events(EventStream),
}

/// The responses of a subscription, as events happen. It ends when the subscription cannot go on.
pub(super) type EventStream = BoxStream<'static, ExecutedResponse>;

/// Executes operations.
#[derive(Clone)]
pub(super) struct GatewayExecutor {
    state: Arc<AppState>,
}

impl GatewayExecutor {
    pub(super) fn new(state: Arc<AppState>) -> Self {
        Self { state }
    }

    /// Executes an operation: admit, then the stages of [`Self::prepare`], charge, execute, complete, respond.
    pub(super) async fn execute_operation(
        &self,
        mut request: Request,
    ) -> Result<ExecutionOutcome, RequestError> {
        let state = &self.state;
        let call = authenticated(&request.data)?;
        // An empty name is none: some clients always send the member.
        request.operation_name = request.operation_name.filter(|name| !name.is_empty());
        let principal = Principal::of(&call.context.caller);
        let mut admission = admit::acquire(state, &call, &principal).await?;
        let prepared = self.prepare(&call, &mut request);
        admit::charge(state, &call, prepared.as_ref().ok())?;
        let prepared = prepared?;
        if prepared.ty == OperationType::Subscription {
            return subscribe::subscribe(state, &call, &principal, prepared).await;
        }
        admit::admit_operation(&mut admission, &call, &prepared).await?;
        let mut execution = execute::execute(state, &call, prepared).await?;
        complete::complete(state, &call, &mut execution);
        let response = respond::respond(state, &call, execution).await?;
        Ok(ExecutionOutcome::Response(Box::new(response)))
    }

    /// Finds or parses and validates the document, selects the operation, coerces the variables and estimates the cost, in
    /// the order of what each takes.
    fn prepare(&self, call: &Call, request: &mut Request) -> Result<PreparedOperation, RequestError> {
        let document = self.find_document(call, request)?;
        let operation_name = request.operation_name.take();
        let selected = operation(&document.document, operation_name.as_deref());
        let selected = selected.map_err(|error| call.refused(&error))?;
        let ty = selected.node.ty;
        check_transport(ty, call)?;
        let refused = |error| RequestError::document(error, call.id());
        let variables = std::mem::take(&mut request.variables);
        let variables = coerce_variables(&document.document, &selected.node, variables).map_err(refused)?;
        let (index, limit) = (self.state.schema_index, self.state.settings.cost_limit);
        let Cost { points, argument_values } =
            cost(index, &document.document, selected, &variables, limit).map_err(refused)?;
        // Events are not compressed.
        let overhead = if ty == OperationType::Subscription { 0 } else { call.capabilities.overhead };
        Ok(PreparedOperation { document, operation_name, ty, variables, points, argument_values, overhead })
    }

    /// The document that a request brings or names, from the cache or parsed and validated now.
    fn find_document(&self, call: &Call, request: &Request) -> Result<Arc<ValidDocument>, RequestError> {
        if request.query.len() > DOCUMENT_LIMIT {
            return Err(RequestError::too_long(call.id()));
        }
        let reference = call.document.with_text(&request.query);
        let found = self.state.documents.find(reference, call.context.caller.organization);
        let DocumentLookup { document, text, untrusted } =
            found.map_err(|error| RequestError::document(error, call.id()))?;
        call.metadata.set_operation(&document.document, request.operation_name.as_deref());
        if untrusted {
            _ = call.metadata.untrusted.set(());
            let text = text.as_deref().unwrap_or(&request.query);
            self.state.untrusted.report(&document, text, &call.metadata, call.id());
        }
        Ok(document)
    }
}

/// The call that a transport has authenticated.
fn authenticated(data: &Data) -> Result<Arc<Call>, RequestError> {
    let call = data.get(&TypeId::of::<Arc<Call>>()).map(|call| &**call as &dyn Any);
    call.and_then(|call| call.downcast_ref::<Arc<Call>>()).cloned().ok_or_else(|| {
        let error = AppError::request(Code::Unauthenticated, "The transport has authenticated nobody.");
        RequestError::new(&error, "")
    })
}

/// Whether an operation of this type may come over this transport.
fn check_transport(ty: OperationType, call: &Call) -> Result<(), RequestError> {
    match ty {
        OperationType::Mutation if !call.capabilities.writes => {
            Err(RequestError::method("POST", "Send mutations by POST.", call.id()))
        }
        OperationType::Subscription if !call.capabilities.events => {
            let message = "Send subscriptions with the header Accept: text/event-stream, or over WebSocket.";
            Err(RequestError::bad(StatusCode::BAD_REQUEST, message, call.id()))
        }
        _ => Ok(()),
    }
}

impl Executor for GatewayExecutor {
    async fn execute(&self, request: Request) -> Response {
        match self.execute_operation(request).await {
            Ok(ExecutionOutcome::Response(response)) => response.into_response(),
            Ok(ExecutionOutcome::Events(mut events)) => {
                events.next().await.map(ExecutedResponse::into_response).unwrap_or_default()
            }
            Err(error) => Response::from_errors(error.errors),
        }
    }

    fn execute_stream(
        &self,
        mut request: Request,
        session: Option<Arc<Data>>,
    ) -> BoxStream<'static, Response> {
        if let Some(call) = session.and_then(|data| authenticated(&data).ok()) {
            request = request.data(call);
        }
        let executor = self.clone();
        let outcome = async move { executor.execute_operation(request).await };
        let responses = stream::once(outcome).flat_map(|outcome| match outcome {
            Ok(ExecutionOutcome::Response(response)) => {
                stream::once(async { response.into_response() }).boxed()
            }
            Ok(ExecutionOutcome::Events(events)) => events.map(ExecutedResponse::into_response).boxed(),
            Err(error) => stream::once(async { Response::from_errors(error.errors) }).boxed(),
        });
        responses.boxed()
    }
}
