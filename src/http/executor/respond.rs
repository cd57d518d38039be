//! The response of an executed operation: JSON with its memory, or why there is none.

use std::mem;

use async_graphql::{Name, PathSegment, Response, ServerError, Value, parser::types::OperationType};

use super::{Call, execute::Execution};
use crate::{
    error::{AppError, Code},
    graphql::{
        document::ValidDocument,
        error::refusal,
        response::{self, was_executed},
    },
    http::{request_error::RequestError, response_body::ResponseBody, state::AppState},
    service::response_memory::{ResponseLimits, ResponseMeter, ResponseStopped},
};

/// The response to an operation.
pub(in crate::http) struct ExecutedResponse {
    /// Whether it was executed.
    pub(in crate::http) was_executed: bool,
    /// Why it was not.
    pub(in crate::http) errors: Vec<ServerError>,
    /// After how many seconds to try again, if what failed passes by itself.
    pub(in crate::http) retry_after: Option<u64>,
    /// The code of its first error.
    pub(in crate::http) code: Option<String>,
    /// The response as JSON.
    pub(in crate::http) body: ResponseBody,
}

impl ExecutedResponse {
    /// A response that consists of this error.
    pub(super) fn error(error: ServerError) -> Self {
        let code = Some(code(&error));
        let response = Response::from_errors(vec![error]);
        let mut json = Vec::new();
        // Nothing fails that is written to memory.
        let _ = response::write(&response, None, &mut json);
        let was_executed = was_executed(&response);
        Self { was_executed, errors: response.errors, retry_after: None, code, body: json.into() }
    }

    /// The same for async-graphql's own transports, which write responses themselves.
    pub(super) fn into_response(mut self) -> Response {
        let mut json = Vec::with_capacity(self.body.length());
        while let Some(piece) = self.body.next_piece() {
            json.extend_from_slice(&piece);
        }
        // What was written here can be read.
        serde_json::from_slice(&json).unwrap_or_default()
    }
}

/// The code of an error as clients get it.
pub(in crate::http) fn code(error: &ServerError) -> String {
    match error.extensions.as_ref().and_then(|it| it.get("code")) {
        Some(Value::String(code)) => code.clone(),
        _ => Code::Internal.as_str().to_owned(),
    }
}

/// The response as it is sent. That to a query can be given up; the changes of a mutation are kept without it.
pub(super) async fn respond(
    state: &AppState,
    call: &Call,
    execution: Execution,
) -> Result<ExecutedResponse, RequestError> {
    let Execution { result, retry_after, document, operation_name, ty, points, left, root_fields, meter } =
        execution;
    let written = match result {
        Ok(mut response) => {
            if call.capabilities.cost_extension {
                response.extensions.insert("cost".to_owned(), cost_extension(state, points, left));
            }
            write(state, response, retry_after, (&document, operation_name.as_deref()), &meter).await
        }
        Err(why) => Err(why),
    };
    match written {
        Err(why) if ty == OperationType::Mutation => {
            Ok(executed_without_response(state, why, root_fields, call.id()))
        }
        written => written.map_err(|why| given_up(state, why, call.id())),
    }
}

/// Writes a response that is complete.
pub(super) async fn write(
    state: &AppState,
    mut response: Response,
    retry_after: Option<u64>,
    (document, name): (&ValidDocument, Option<&str>),
    meter: &ResponseMeter,
) -> Result<ExecutedResponse, ResponseStopped> {
    let document = Some((&document.document, name));
    let limit = state.response_memory.limits().response;
    let body = ResponseBody::written(limit, |json| response::write(&response, document, json));
    let code = response.errors.first().map(code);
    let was_executed = was_executed(&response);
    let errors = if was_executed { Vec::new() } else { mem::take(&mut response.errors) };
    // The tree of its values takes several times as much memory.
    drop(response);
    let body = body.ok_or(ResponseStopped::TooLarge)?.with_reservation(meter).await?;
    Ok(ExecutedResponse { was_executed, errors, retry_after, code, body })
}

/// `extensions.cost`: what a request cost, and what is left after it.
fn cost_extension(state: &AppState, points: u64, left: Option<u32>) -> Value {
    let mut fields = vec![("requested", points.into()), ("limit", state.settings.cost_limit.into())];
    if let (Some(buckets), Some(left)) = (&state.rate_limit, left) {
        fields.push(("rateLimit", object([("burst", buckets.burst().into()), ("left", left.into())])));
    }
    object(fields)
}

fn object(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Object(fields.into_iter().map(|(name, value)| (Name::new(name), value)).collect())
}

/// Why the response to a query is given up. Nothing of it is sent.
pub(super) fn given_up(state: &AppState, why: ResponseStopped, id: &str) -> RequestError {
    RequestError::new(&stopped(state, why, "Request smaller pages or fewer fields."), id)
}

pub(super) fn stopped(state: &AppState, why: ResponseStopped, remedy: &str) -> AppError {
    let ResponseLimits { response, .. } = state.response_memory.limits();
    match why {
        ResponseStopped::TooLarge => {
            let message = format!("The response exceeds {response} bytes or needs too much memory. {remedy}");
            AppError::request(Code::ResponseTooLarge, message)
        }
        ResponseStopped::Overloaded => {
            AppError::request(Code::Overloaded, "Not enough memory for the response. Try again shortly.")
        }
    }
}

/// The response to a mutation whose response cannot be sent: its changes are kept, and the error names the fields that
/// were executed.
fn executed_without_response(
    state: &AppState,
    why: ResponseStopped,
    fields: Vec<String>,
    id: &str,
) -> ExecutedResponse {
    let remedy = "The fields in extensions.executed were executed and their changes are kept. Do not repeat them \
                  without an idempotency key. Read the changed records in smaller pages.";
    let mut error = refusal(&stopped(state, why, remedy), id);
    error.path = fields.last().map(|name| PathSegment::Field(name.clone())).into_iter().collect();
    if let Some(extensions) = &mut error.extensions {
        extensions.set("executed", Value::List(fields.into_iter().map(Value::String).collect()));
    }
    ExecutedResponse::error(error)
}
