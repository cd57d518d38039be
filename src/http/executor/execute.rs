//! Execution: async-graphql resolves the operation, apollo-compiler what it asks about the schema, both within the memory that
//! its cost makes likely.

use std::{mem, sync::Arc, time::Duration};

use async_graphql::{
    Name, Request, Response, Value, Variables, indexmap::IndexMap, parser::types::OperationType,
};
use tracing::Instrument;

use super::{Call, respond::given_up};
use crate::{
    graphql::{
        Gateway, Schema,
        document::{ValidDocument, operation},
        response::was_executed,
        response_size::{LONG_POINT, POINT, UNCOUNTED, USUAL_POINT, VALUE, size_of_tree},
    },
    http::{
        access::RequestMetadata,
        meter::{Meter, timed},
        request_error::RequestError,
        state::AppState,
    },
    service::response_memory::{Needs, ResponseMeter, ResponseStopped, WhenFull},
    telemetry::stage,
};

/// The fields whose values are JSON or long texts, as columns are written.
const LONG_VALUES: [&str; 5] = ["metadata", "value", "display_value", "fields", "options"];
/// How long a request waits for memory before it gets OVERLOADED.
const MEMORY_WAIT: Duration = Duration::from_secs(1);
/// How long an event waits for memory: a late event is better than none.
const EVENT_MEMORY_WAIT: Duration = Duration::from_secs(10);

/// An operation that may be executed.
pub(in crate::http) struct PreparedOperation {
    pub(in crate::http) document: Arc<ValidDocument>,
    pub(super) operation_name: Option<String>,
    pub(super) ty: OperationType,
    pub(in crate::http) variables: Variables,
    /// What it costs.
    pub(super) points: u64,
    /// How many values the arguments of all its fields have.
    pub(super) argument_values: usize,
    /// What sending its response takes in memory besides its bytes.
    pub(super) overhead: usize,
}

impl PreparedOperation {
    /// What the response takes in memory at most where each point is so many bytes.
    fn bytes(&self, point: usize) -> usize {
        usize::try_from(self.points).unwrap_or(usize::MAX).saturating_mul(point)
    }

    fn has_long_values(&self) -> bool {
        LONG_VALUES.iter().any(|name| self.document.names.has(name))
    }

    /// The most bytes of a point of its cost.
    fn point(&self) -> usize {
        if self.has_long_values() { LONG_POINT } else { POINT }
    }

    /// Whether the response may be so large that its values are counted while they are resolved.
    fn may_be_large(&self) -> bool {
        self.bytes(self.point()) > UNCOUNTED
    }

    /// The meter of the response. What is not counted while it is resolved reserves in advance the most that it may take; a
    /// mutation what it usually takes, because it cannot be taken back when there is no memory for its response.
    pub(super) async fn meter(
        &self,
        state: &AppState,
        subject: &str,
    ) -> Result<Arc<ResponseMeter>, ResponseStopped> {
        let (first, when_full) = match self.ty {
            OperationType::Mutation => (self.bytes(USUAL_POINT + VALUE), WhenFull::GoOn(MEMORY_WAIT)),
            OperationType::Subscription => (0, WhenFull::Wait(EVENT_MEMORY_WAIT)),
            OperationType::Query if self.may_be_large() => (0, WhenFull::Wait(MEMORY_WAIT)),
            OperationType::Query => (self.bytes(self.point() + VALUE), WhenFull::Wait(MEMORY_WAIT)),
        };
        let counts_rows = self.may_be_large() || self.has_long_values();
        let needs = Needs { first, overhead: self.overhead, counts_rows };
        ResponseMeter::begin(&state.response_memory, subject, needs, when_full).await
    }

    /// The schema that executes it. Where a mutation may be given up, that notes which fields of the root were executed.
    pub(super) fn schema<'a>(&self, state: &'a AppState) -> &'a Schema {
        let is_noted = self.ty == OperationType::Mutation && self.has_long_values();
        let counts = self.may_be_large() || is_noted;
        if counts { &state.counting_schema } else { &state.schema }
    }

    /// The request to async-graphql. It takes the variables, which may be long.
    pub(super) fn request(&mut self, state: &AppState, call: &Call) -> Request {
        let document = self.document.for_request(self.operation_name.as_deref(), &self.variables);
        let names = Arc::clone(&self.document.names);
        let gateway = Gateway::new(Arc::clone(&call.context), &state.db, names, self.points);
        let mut request = Request::new("").variables(mem::take(&mut self.variables)).data(gateway);
        request.operation_name.clone_from(&self.operation_name);
        request.set_parsed_query(document);
        request
    }

    pub(super) fn note_field(&self, metadata: &RequestMetadata) {
        if let Ok(selected) = operation(&self.document.document, self.operation_name.as_deref()) {
            metadata.set_field(&self.document.document, &selected.node);
        }
    }
}

/// An operation that was executed, with what its response needs.
pub(super) struct Execution {
    /// What async-graphql answers, unless that takes too much memory.
    pub(super) result: Result<Response, ResponseStopped>,
    /// After how many seconds to try again, if what failed passes by itself.
    pub(super) retry_after: Option<u64>,
    pub(super) document: Arc<ValidDocument>,
    pub(super) operation_name: Option<String>,
    pub(super) ty: OperationType,
    pub(super) points: u64,
    /// The points that are left in the caller's bucket.
    pub(super) left: Option<u32>,
    /// The response keys of the root fields that were executed.
    pub(super) root_fields: Vec<String>,
    pub(super) meter: Arc<ResponseMeter>,
}

/// Executes a query or a mutation and charges the time that it took.
pub(super) async fn execute(
    state: &Arc<AppState>,
    call: &Call,
    mut prepared: PreparedOperation,
) -> Result<Execution, RequestError> {
    let caller = &call.context.caller;
    let meter = prepared.meter(state, &caller.subject).await;
    let meter = meter.map_err(|why| given_up(state, why, call.id()))?;
    let work = Meter::begin(state, caller, prepared.points, &call.metadata.query_stats);
    let introspected = prepared.document.introspect(prepared.operation_name.as_deref(), &prepared.variables);
    let request = prepared.request(state, call);
    let execution = async {
        count_introspection(&introspected).await;
        prepared.schema(state).execute(request).instrument(stage!("execute")).await
    };
    let (mut result, here) = timed(meter.run(execution)).await;
    let left = work.map(|work| work.finish(here, prepared.points));
    if result.as_ref().map_or(true, was_executed) {
        prepared.note_field(&call.metadata);
    }
    let mut root_fields = meter.root_fields();
    if let Ok(Response { data: Value::Object(fields), .. }) = &mut result {
        fields.extend(introspected);
        root_fields = fields.keys().map(ToString::to_string).collect();
    }
    let PreparedOperation { document, operation_name, ty, points, .. } = prepared;
    Ok(Execution {
        result,
        retry_after: None,
        document,
        operation_name,
        ty,
        points,
        left,
        root_fields,
        meter,
    })
}

/// Counts what introspection answers, which nothing counted while it was made.
async fn count_introspection(fields: &IndexMap<Name, Value>) {
    let Some(meter) = ResponseMeter::current() else { return };
    for value in fields.values() {
        let (bytes, values) = size_of_tree(value);
        meter.count_value(bytes, 2 * bytes + VALUE * values).await;
    }
}
