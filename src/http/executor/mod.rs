//! One operation, however it came: looked at, paid for and executed.

use std::{mem, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_graphql::{
    Name, PathSegment, Request, Response, ServerError, Value, Variables,
    indexmap::IndexMap,
    parser::types::{ExecutableDocument, OperationType},
};
use axum::http::StatusCode;
use futures_util::{
    FutureExt, StreamExt,
    stream::{self, BoxStream, Peekable},
};
use tokio::{sync::mpsc, time::sleep};

use super::{
    access::Facts,
    asked::Asked,
    meter::{Meter, timed},
    refused::Refused,
    response_body::ResponseBody,
    room::Taken,
};
use crate::{
    app::AppState,
    auth::{Caller, RequestContext},
    error::{AppError, Code},
    fair_share::Principal,
    graphql::{
        Gateway, Schema,
        document::{DocumentLookup, ValidDocument, coerce_variables, cost, operation},
        error::{refusal, translate},
        null_completion::complete,
        response,
        response_size::{LONG_POINT, POINT, UNCOUNTED, USUAL_POINT, VALUE, size_of_tree},
        subscription::Listening,
    },
    service::{
        Tally,
        response_memory::{Needs, ResponseLimits, ResponseMeter, ResponseStopped, WhenFull},
    },
};

/// The most bytes of a document. Bodies may be longer: bulk writes carry their rows in variables, which cost far less to
/// read than a document does.
const DOCUMENT_LIMIT: usize = 128 * 1024;
/// What a request costs that is refused for its document: it was read, too.
const REFUSED_POINTS: u64 = 10;

/// How an operation came, which decides what may be done in that way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// Whether it may change something.
    pub(super) writes: bool,
    /// Whether more than one answer may be given.
    pub(super) events: bool,
    /// Whether it is told what it costs.
    pub(super) tell_cost: bool,
    /// What sending its response takes in memory besides its bytes.
    pub(super) overhead: usize,
}

/// The response to a request that was executed, or found not to fit the schema.
pub(super) struct Answered {
    /// Whether it was executed.
    pub(super) was_executed: bool,
    /// Why it was not.
    pub(super) errors: Vec<ServerError>,
    /// After how many seconds to try again, if what failed passes by itself.
    pub(super) retry_after: Option<u64>,
    /// The code of its first error.
    code: Option<String>,
    /// The response as JSON.
    pub(super) body: ResponseBody,
}

impl Answered {
    /// A response that consists of this error.
    fn error(error: ServerError) -> Self {
        let code = Some(code(&error));
        let response = Response::from_errors(vec![error]);
        let mut json = Vec::new();
        // Nothing fails that is written to memory.
        let _ = response::write(&response, None, &mut json);
        let was_executed = response::was_executed(&response);
        Self { was_executed, errors: response.errors, retry_after: None, code, body: json.into() }
    }
}

/// The code of an error as clients get it.
fn code(error: &ServerError) -> String {
    match error.extensions.as_ref().and_then(|it| it.get("code")) {
        Some(Value::String(code)) => code.clone(),
        _ => Code::Internal.as_str().to_owned(),
    }
}

/// What came of an operation.
pub(super) enum Performed {
    /// Its answer.
    Once(Box<Answered>),
    /// The answers that are given as things happen.
    Events(Events),
}

/// Answers that are given as things happen. They end when the subscription cannot go on.
pub(super) type Events = BoxStream<'static, Answered>;

/// Does what is asked, in its turn.
pub(super) async fn perform(
    app: &Arc<AppState>,
    context: RequestContext,
    asked: Asked,
    manner: Manner,
    id: &str,
    facts: &Facts,
) -> Result<Performed, Refused> {
    let principal = Principal::of(&context.caller);
    let _place = app.places.take(&principal).await.map_err(|error| Refused::new(&error, id))?;
    let prepared = prepare(app, &context, asked, manner, id, facts);
    let points = prepared.as_ref().map_or(REFUSED_POINTS, |prepared| prepared.points);
    spend(app, &context.caller, points, id)?;
    let prepared = prepared?;
    if prepared.ty == OperationType::Subscription {
        return subscribe(Arc::clone(app), context, &principal, prepared, id, facts).await;
    }
    let answered = execute(app, context, prepared, manner.tell_cost, id, facts).await?;
    Ok(Performed::Once(Box::new(answered)))
}

/// Tells the log and the metrics what became of an operation.
pub(super) fn note(facts: &Facts, performed: Result<&Performed, &Refused>) {
    let code = match performed {
        Ok(Performed::Once(answered)) => answered.code.clone(),
        Ok(Performed::Events(_)) => None,
        Err(refused) => refused.errors.first().map(code),
    };
    facts.set_outcome(code.as_deref());
    if let Err(Refused { reason: Some(reason), .. }) = performed {
        _ = facts.refused.set(*reason);
    }
}

/// A request that may be executed.
pub(super) struct Prepared {
    pub(super) document: Arc<ValidDocument>,
    operation_name: Option<String>,
    ty: OperationType,
    pub(super) variables: Variables,
    /// What it costs.
    points: u64,
    /// What sending its response takes in memory besides its bytes.
    overhead: usize,
}

/// The fields whose values are JSON or long texts, as columns are written.
const LONG_VALUES: [&str; 5] = ["metadata", "value", "display_value", "fields", "options"];
/// How long a request waits for memory before it gets OVERLOADED.
const MEMORY_WAIT: Duration = Duration::from_secs(1);
/// How long an event waits for memory: its subscriber is told late rather than not at all.
const EVENT_MEMORY_WAIT: Duration = Duration::from_secs(10);

impl Prepared {
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
    async fn meter(&self, app: &AppState, caller: &Caller) -> Result<Arc<ResponseMeter>, ResponseStopped> {
        let (first, when_full) = match self.ty {
            OperationType::Mutation => (self.bytes(USUAL_POINT + VALUE), WhenFull::GoOn(MEMORY_WAIT)),
            OperationType::Subscription => (0, WhenFull::Wait(EVENT_MEMORY_WAIT)),
            OperationType::Query if self.may_be_large() => (0, WhenFull::Wait(MEMORY_WAIT)),
            OperationType::Query => (self.bytes(self.point() + VALUE), WhenFull::Wait(MEMORY_WAIT)),
        };
        let counts_rows = self.may_be_large() || self.has_long_values();
        let needs = Needs { first, overhead: self.overhead, counts_rows };
        ResponseMeter::begin(&app.response_memory, &caller.subject, needs, when_full).await
    }

    /// The schema that executes it. Where a mutation may be given up, that notes which fields of the root were executed.
    fn schema<'a>(&self, app: &'a AppState) -> &'a Schema {
        let is_noted = self.ty == OperationType::Mutation && self.has_long_values();
        let counts = self.may_be_large() || is_noted;
        if counts { &app.counting_schema } else { &app.schema }
    }
}

/// Looks at a request in the order of what each look costs, before anything of it is executed.
fn prepare(
    app: &AppState,
    context: &RequestContext,
    asked: Asked,
    manner: Manner,
    id: &str,
    facts: &Facts,
) -> Result<Prepared, Refused> {
    if asked.query().is_some_and(|query| query.len() > DOCUMENT_LIMIT) {
        return Err(Refused::too_long(id));
    }
    let DocumentLookup { document, text, untrusted } = find(app, context, &asked, id)?;
    let name = asked.operation_name.as_deref();
    let selected = operation(&document.document, name).map_err(|error| Refused::new(&error, id))?;
    facts.set_operation(&document.document, name);
    if untrusted {
        _ = facts.untrusted.set(());
        app.untrusted.report(&document, text.as_deref().or(asked.query()), facts, id);
    }
    let ty = selected.node.ty;
    check_manner(ty, manner, id)?;
    let refused = |error| Refused::document(error, id);
    let given = asked.variables.unwrap_or_default();
    let variables = coerce_variables(&document.document, &selected.node, given).map_err(refused)?;
    let points = cost(app.schema_index, &document.document, selected, &variables, app.settings.cost_limit)
        .map_err(refused)?;
    let operation_name = asked.operation_name;
    // Events are not compressed.
    let overhead = if ty == OperationType::Subscription { 0 } else { manner.overhead };
    Ok(Prepared { document, operation_name, ty, variables, points, overhead })
}

/// Whether an operation of this type may come this way.
fn check_manner(ty: OperationType, manner: Manner, id: &str) -> Result<(), Refused> {
    match ty {
        OperationType::Mutation if !manner.writes => {
            Err(Refused::method("POST", "Send mutations by POST.", id))
        }
        OperationType::Subscription if !manner.events => {
            let message = "Send subscriptions with the header Accept: text/event-stream, or over WebSocket.";
            Err(Refused::bad(StatusCode::BAD_REQUEST, message, id))
        }
        _ => Ok(()),
    }
}

/// The document that a request brings or names.
fn find(
    app: &AppState,
    context: &RequestContext,
    asked: &Asked,
    id: &str,
) -> Result<DocumentLookup, Refused> {
    let bad = |message| Refused::bad(StatusCode::BAD_REQUEST, message, id);
    let request = asked.document().map_err(bad)?;
    let found = app.documents.find(request, context.caller.organization);
    found.map_err(|refused| Refused::document(refused, id))
}

/// Takes points from the caller's bucket, where there are buckets.
fn spend(app: &AppState, caller: &Caller, points: u64, id: &str) -> Result<(), Refused> {
    let Some(buckets) = &app.rate_limit else { return Ok(()) };
    buckets.take(caller, points).map(drop).map_err(|seconds| Refused::rate_limited(seconds, id))
}

/// What a request cost, as `extensions.cost` tells it, and what is left after it.
fn told(app: &AppState, points: u64, left: Option<u32>) -> Value {
    let mut told = vec![("requested", points.into()), ("limit", app.settings.cost_limit.into())];
    if let (Some(buckets), Some(left)) = (&app.rate_limit, left) {
        told.push(("rateLimit", object([("burst", buckets.burst().into()), ("left", left.into())])));
    }
    object(told)
}

fn object(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Object(fields.into_iter().map(|(name, value)| (Name::new(name), value)).collect())
}

async fn execute(
    app: &Arc<AppState>,
    context: RequestContext,
    mut prepared: Prepared,
    tell_cost: bool,
    id: &str,
    facts: &Facts,
) -> Result<Answered, Refused> {
    let points = prepared.points;
    let meter = prepared.meter(app, &context.caller).await.map_err(|why| given_up(app, why, id))?;
    let work = Meter::begin(app, &context.caller, points, &facts.tally);
    let introspected = prepared.document.introspect(prepared.operation_name.as_deref(), &prepared.variables);
    let request = request(app, context, &mut prepared);
    let execution = async {
        count_introspection(&introspected).await;
        prepared.schema(app).execute(request).await
    };
    let (executed, here) = timed(meter.run(execution)).await;
    let left = work.map(|work| work.finish(here, points));
    let Prepared { document, operation_name, ty, .. } = &prepared;
    let name = operation_name.as_deref();
    let mut root_fields = meter.root_fields();
    let written = match executed {
        Ok(mut response) => {
            if response::was_executed(&response) {
                set_field(facts, &document.document, name);
            }
            if let Value::Object(fields) = &mut response.data {
                fields.extend(introspected);
                root_fields = fields.keys().map(ToString::to_string).collect();
            }
            if tell_cost {
                response.extensions.insert("cost".to_owned(), told(app, points, left));
            }
            written(app, response, (document, name), &meter, id).await
        }
        Err(why) => {
            set_field(facts, &document.document, name);
            Err(why)
        }
    };
    match written {
        Err(why) if *ty == OperationType::Mutation => {
            Ok(executed_without_response(app, why, root_fields, id))
        }
        written => written.map_err(|why| given_up(app, why, id)),
    }
}

/// Why the response to a query is given up. Nothing of it is sent.
fn given_up(app: &AppState, why: ResponseStopped, id: &str) -> Refused {
    Refused::new(&stopped(app, why, "Request smaller pages or fewer fields."), id)
}

fn stopped(app: &AppState, why: ResponseStopped, remedy: &str) -> AppError {
    let ResponseLimits { response, .. } = app.response_memory.limits();
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
    app: &AppState,
    why: ResponseStopped,
    fields: Vec<String>,
    id: &str,
) -> Answered {
    let remedy = "The fields in extensions.executed were executed and their changes are kept. Do not repeat them \
                  without an idempotency key. Read the changed records in smaller pages.";
    let error = stopped(app, why, remedy);
    let mut error = refusal(&error, id);
    error.path = fields.last().map(|name| PathSegment::Field(name.clone())).into_iter().collect();
    if let Some(extensions) = &mut error.extensions {
        extensions.set("executed", Value::List(fields.into_iter().map(Value::String).collect()));
    }
    Answered::error(error)
}

/// What async-graphql is asked to do. It gets the variables, which may be long.
fn request(app: &AppState, context: RequestContext, prepared: &mut Prepared) -> Request {
    let Prepared { document, operation_name, variables, .. } = prepared;
    let for_request = document.for_request(operation_name.as_deref(), variables);
    let gateway = Gateway::new(context, &app.db, Arc::clone(&document.names));
    let mut request = Request::new("").variables(mem::take(variables)).data(gateway);
    request.operation_name = operation_name.clone();
    request.set_parsed_query(for_request);
    request
}

/// Counts what introspection answers, which nothing counted while it was made.
async fn count_introspection(fields: &IndexMap<Name, Value>) {
    let Some(meter) = ResponseMeter::current() else { return };
    for value in fields.values() {
        let (bytes, values) = size_of_tree(value);
        meter.count_value(bytes, 2 * bytes + VALUE * values).await;
    }
}

fn set_field(facts: &Facts, document: &ExecutableDocument, name: Option<&str>) {
    if let Ok(selected) = operation(document, name) {
        facts.set_field(document, &selected.node);
    }
}

/// The response as clients get it, with its memory.
async fn written(
    app: &AppState,
    mut response: Response,
    (document, name): (&ValidDocument, Option<&str>),
    meter: &ResponseMeter,
    id: &str,
) -> Result<Answered, ResponseStopped> {
    let mut retry_after = None;
    if !response.errors.is_empty() {
        complete(app.schema_index, &mut response, &document.document, name);
        retry_after = translate(&mut response, id);
    }
    let document = Some((&document.document, name));
    let limit = app.response_memory.limits().response;
    let body = ResponseBody::written(limit, |json| response::write(&response, document, json));
    let code = response.errors.first().map(code);
    let was_executed = response::was_executed(&response);
    let errors = if was_executed { Vec::new() } else { mem::take(&mut response.errors) };
    // The tree of its values takes several times as much memory.
    drop(response);
    let body = body.ok_or(ResponseStopped::TooLarge)?.held(meter).await?;
    Ok(Answered { was_executed, errors, retry_after, code, body })
}

/// Begins to tell what is subscribed to. Comes back when nothing that happens from now on is missed, or with the answer that
/// is there at once: why it cannot be subscribed to.
async fn subscribe(
    app: Arc<AppState>,
    context: RequestContext,
    principal: &Principal,
    mut prepared: Prepared,
    id: &str,
    facts: &Facts,
) -> Result<Performed, Refused> {
    let room = app.room.take(&principal.subject, &prepared).map_err(|error| Refused::new(&error, id))?;
    let caller = context.caller.clone();
    let listening = Arc::new(Listening::default());
    let request =
        request(&app, context, &mut prepared).data(Arc::clone(&app.feed)).data(Arc::clone(&listening));
    let mut responses = prepared.schema(&app).execute_stream(request).peekable();
    let is_misfit = tokio::select! {
        () = listening.begun() => false,
        first = Pin::new(&mut responses).peek() => first.is_some_and(|it| !response::was_executed(it)),
    };
    let name = prepared.operation_name.as_deref();
    if is_misfit && let Some(response) = responses.next().await {
        let written = async {
            let meter = prepared.meter(&app, &caller).await?;
            written(&app, response, (&prepared.document, name), &meter, id).await
        };
        let answered = written.await.map_err(|why| given_up(&app, why, id))?;
        return Ok(Performed::Once(Box::new(answered)));
    }
    set_field(facts, &prepared.document.document, name);
    let telling =
        Telling { app, responses, caller, prepared, id: id.to_owned(), owed: 0, is_over: false, _room: room };
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(telling.to(sender));
    let answers = stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
    Ok(Performed::Events(answers.boxed()))
}

/// A subscription under way.
struct Telling {
    app: Arc<AppState>,
    responses: Peekable<BoxStream<'static, Response>>,
    caller: Caller,
    prepared: Prepared,
    id: String,
    /// The points of the last event.
    owed: u64,
    /// Set when an event could not be told: those after it would be told out of order.
    is_over: bool,
    _room: Taken,
}

impl Telling {
    /// Tells until there is nothing more, or nobody who listens.
    ///
    /// In a task of its own: an event that waits for a client to read must not keep what it needs to be resolved.
    async fn to(mut self, sender: mpsc::Sender<Answered>) {
        let telling = async {
            while let Some(answered) = self.next().await {
                if sender.send(answered).await.is_err() {
                    break;
                }
            }
        };
        let panicked = tokio::select! {
            told = AssertUnwindSafe(telling).catch_unwind() => told.is_err(),
            () = sender.closed() => false,
        };
        if panicked {
            tracing::error!("subscription panicked");
            let error = refusal(&AppError::Internal("a panic".into()), &self.id);
            // Nobody may be listening any more.
            let _ = sender.send(Answered::error(error)).await;
        }
    }

    async fn next(&mut self) -> Option<Answered> {
        if self.is_over {
            return None;
        }
        self.pay().await;
        let Self { app, responses, caller, prepared, id, .. } = self;
        let document = (&*prepared.document, prepared.operation_name.as_deref());
        let tally = Arc::<Tally>::default();
        let event = async {
            let meter = prepared.meter(app, caller).await?;
            let (response, here) = timed(tally.count(meter.run(responses.next()))).await;
            let Some(response) = response? else { return Ok(None) };
            app.metrics.count_event();
            if let Some(buckets) = &app.rate_limit {
                buckets.charge(caller, prepared.points, here + tally.database_time());
            }
            written(app, response, document, &meter, id).await.map(Some)
        };
        let event = event.await.unwrap_or_else(|why| {
            self.is_over = true;
            let remedy = "Select fewer fields, or smaller pages below the contact.";
            Some(Answered::error(refusal(&stopped(&self.app, why, remedy), &self.id)))
        });
        self.owed = self.prepared.points;
        event
    }

    /// Each event costs what the subscription did, and what it took beyond that was charged at once. Who has nothing left is told the next one later: it waits in the
    /// record.
    async fn pay(&mut self) {
        let points = mem::take(&mut self.owed);
        let Some(buckets) = self.app.rate_limit.as_ref().filter(|_| points > 0) else { return };
        while let Err(seconds) = buckets.take(&self.caller, points) {
            sleep(Duration::from_secs(seconds)).await;
        }
    }
}
