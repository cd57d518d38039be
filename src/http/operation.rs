//! One operation, however it came: looked at, paid for and executed.

use std::{mem, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_graphql::{
    Name, Request, Response, Value, Variables,
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
    room::Taken,
};
use crate::{
    app::AppState,
    auth::{Caller, RequestContext},
    error::{AppError, Code},
    fair_share::Principal,
    graphql::{
        Gateway,
        document::{
            Found, Parsed, cost, introspection_refused, misfit_subscription, misfit_variable, operation,
            unknown_type, without_absent_variables,
        },
        error::{refusal, translate},
        response,
        subscription::Listening,
    },
    service::Tally,
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
}

/// A request that was executed, or found not to fit the schema.
pub(super) struct Answered {
    pub(super) response: Response,
    parsed: Arc<Parsed>,
    operation_name: Option<String>,
}

impl Answered {
    /// The answer as JSON.
    pub(super) fn json(&self) -> Vec<u8> {
        response::write(&self.response, Some((&self.parsed.document, self.operation_name.as_deref())))
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
    let meter = Meter::begin(app, &context.caller, points, &facts.tally);
    let (mut answered, here) = timed(execute(app, context, prepared, id, facts)).await;
    let left = meter.map(|meter| meter.finish(here, points));
    if manner.tell_cost {
        answered.response.extensions.insert("cost".to_owned(), told(app, points, left));
    }
    Ok(Performed::Once(Box::new(answered)))
}

/// Tells the log and the metrics what became of an operation.
pub(super) fn note(facts: &Facts, performed: Result<&Performed, &Refused>) {
    let error = match performed {
        Ok(Performed::Once(answered)) => answered.response.errors.first(),
        Ok(Performed::Events(_)) => None,
        Err(refused) => Some(&*refused.error),
    };
    facts.set_outcome(error.map(|error| match error.extensions.as_ref().and_then(|it| it.get("code")) {
        Some(Value::String(code)) => code,
        _ => Code::Internal.as_str(),
    }));
    if let Err(Refused { reason: Some(reason), .. }) = performed {
        _ = facts.refused.set(*reason);
    }
}

/// A request that may be executed.
pub(super) struct Prepared {
    pub(super) parsed: Arc<Parsed>,
    operation_name: Option<String>,
    ty: OperationType,
    pub(super) variables: Variables,
    /// What it costs.
    points: u64,
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
    let found = find(app, context, &asked, id)?;
    let name = asked.operation_name.as_deref();
    let selected = operation(&found.parsed.document, name).map_err(|error| Refused::new(&error, id))?;
    facts.set_operation(&found.parsed.document, name);
    if found.untrusted {
        _ = facts.untrusted.set(());
        app.untrusted.tell(&found, asked.query(), facts, id);
    }
    let ty = selected.node.ty;
    check_manner(ty, manner, id)?;
    let Found { parsed, .. } = &found;
    let variables = asked.variables.unwrap_or_default();
    let mut refused = unknown_type(&parsed.document, |name| app.field_types.knows(name))
        .or_else(|| misfit_variable(&selected.node, &variables))
        .or_else(|| misfit_subscription(selected));
    if !app.settings.introspection {
        refused = refused.or_else(|| introspection_refused(&parsed.names, selected));
    }
    if let Some(error) = refused {
        return Err(Refused::misfit(error, Code::ValidationFailed, id));
    }
    let points = cost(app.field_types, &parsed.document, selected, &variables, app.settings.cost_limit)
        .map_err(|refused| Refused::document(refused, id))?;
    Ok(Prepared { parsed: found.parsed, operation_name: asked.operation_name, ty, variables, points })
}

/// Whether an operation of this type may come this way.
fn check_manner(ty: OperationType, manner: Manner, id: &str) -> Result<(), Refused> {
    match ty {
        OperationType::Mutation if !manner.writes => {
            Err(Refused::method("POST", "Send mutations by POST.", id))
        }
        OperationType::Subscription if !manner.events => {
            let message = "Subscribe with the header Accept: text/event-stream, or over WebSocket.";
            Err(Refused::bad(StatusCode::BAD_REQUEST, message, id))
        }
        _ => Ok(()),
    }
}

/// The document that a request brings or names.
fn find(app: &AppState, context: &RequestContext, asked: &Asked, id: &str) -> Result<Found, Refused> {
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
    app: &AppState,
    context: RequestContext,
    mut prepared: Prepared,
    id: &str,
    facts: &Facts,
) -> Answered {
    let request = request(app, context, &mut prepared);
    let Prepared { parsed, operation_name, .. } = prepared;
    let response = app.schema.execute(request).await;
    if response::was_executed(&response) {
        set_field(facts, &parsed.document, operation_name.as_deref());
    }
    finished(app, response, parsed, operation_name, id)
}

/// What async-graphql is asked to do. It gets the variables, which may be long.
fn request(app: &AppState, context: RequestContext, prepared: &mut Prepared) -> Request {
    let Prepared { parsed, operation_name, variables, .. } = prepared;
    let pruned = without_absent_variables(&parsed.document, operation_name.as_deref(), variables);
    let gateway = Gateway::new(context, &app.db, Arc::clone(&parsed.names));
    let mut request = Request::new("").variables(mem::take(variables)).data(gateway);
    request.operation_name = operation_name.clone();
    request.set_parsed_query(pruned);
    request
}

fn set_field(facts: &Facts, document: &ExecutableDocument, name: Option<&str>) {
    if let Ok(selected) = operation(document, name) {
        facts.set_field(document, &selected.node);
    }
}

/// The response with its errors as clients see them.
fn finished(
    app: &AppState,
    mut response: Response,
    parsed: Arc<Parsed>,
    operation_name: Option<String>,
    id: &str,
) -> Answered {
    if !response.errors.is_empty() {
        app.field_types.complete(&mut response, &parsed.document, operation_name.as_deref());
        translate(&mut response, id);
    }
    Answered { response, parsed, operation_name }
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
    let mut responses = app.schema.execute_stream(request).peekable();
    let is_misfit = tokio::select! {
        () = listening.begun() => false,
        first = Pin::new(&mut responses).peek() => first.is_some_and(|it| !response::was_executed(it)),
    };
    if is_misfit && let Some(response) = responses.next().await {
        let Prepared { parsed, operation_name, .. } = prepared;
        return Ok(Performed::Once(Box::new(finished(&app, response, parsed, operation_name, id))));
    }
    set_field(facts, &prepared.parsed.document, prepared.operation_name.as_deref());
    let telling = Telling { app, responses, caller, prepared, id: id.to_owned(), owed: 0, _room: room };
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
            tracing::error!("a subscription panicked");
            let error = refusal(&AppError::Internal("a panic".into()), &self.id);
            // Nobody may be listening any more.
            let _ = sender.send(self.answered(Response::from_errors(vec![error]))).await;
        }
    }

    async fn next(&mut self) -> Option<Answered> {
        self.pay().await;
        let tally = Arc::<Tally>::default();
        let (response, here) = timed(tally.count(self.responses.next())).await;
        let response = response?;
        self.app.metrics.count_event();
        self.owed = self.prepared.points;
        if let Some(buckets) = &self.app.rate_limit {
            buckets.charge(&self.caller, self.owed, here + tally.database_time());
        }
        Some(self.answered(response))
    }

    fn answered(&self, response: Response) -> Answered {
        let Prepared { parsed, operation_name, .. } = &self.prepared;
        finished(&self.app, response, Arc::clone(parsed), operation_name.clone(), &self.id)
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
