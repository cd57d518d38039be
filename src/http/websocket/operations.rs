//! The operations of one socket, all of them moved on by whoever waits for the next message.

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
    app::AppState,
    auth::{Caller, RequestContext},
    error::{AppError, Code},
    http::{
        access::{Access, Facts},
        asked::Asked,
        context::RequestId,
        graphql::too_slow,
        operation::{Answered, Manner, Performed, note, perform},
        refused::Refused,
        server::Care,
    },
};

/// The most operations that a socket has under way.
const MOST: usize = 50;
/// What comes over a socket, in the log and the metrics, in the place of a route.
const ROUTE: &str = "/graphql websocket";

/// The operations of one socket.
pub(super) struct Operations {
    app: Arc<AppState>,
    care: Care,
    caller: Caller,
    streams: SelectAll<Abortable<BoxStream<'static, Outgoing>>>,
    handles: HashMap<String, AbortHandle>,
}

impl Operations {
    /// None yet.
    pub(super) fn new(app: Arc<AppState>, care: Care, caller: Caller) -> Self {
        Self { app, care, caller, streams: SelectAll::new(), handles: HashMap::new() }
    }

    /// Whether an operation of this id is under way.
    pub(super) fn has(&self, id: &str) -> bool {
        self.handles.contains_key(id)
    }

    /// Begins an operation, or says why it cannot be.
    pub(super) fn begin(&mut self, id: String, asked: Asked) -> Result<(), Outgoing> {
        if self.handles.len() >= MOST {
            let message = format!(
                "At most {MOST} concurrent operations are allowed on a WebSocket. Complete one first."
            );
            let error = AppError::request(Code::Overloaded, message);
            return Err(refused(id, Refused::new(&error, RequestId::new().as_str())));
        }
        let (handle, registration) = AbortHandle::new_pair();
        let context = (Arc::clone(&self.app), self.care.clone(), self.caller.clone());
        let messages = messages(context, id.clone(), asked);
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
            self.care.stopped().await;
            return None;
        };
        if let Outgoing::Complete(id) | Outgoing::Error(id, _) = &outgoing {
            self.end(id);
        }
        Some(outgoing)
    }
}

/// All that is told of one operation. When the server stops, its end is not told: the client may come again.
fn messages(
    (app, care, caller): (Arc<AppState>, Care, Caller),
    id: String,
    asked: Asked,
) -> BoxStream<'static, Outgoing> {
    let name = id;
    let performed = stream::once(performed(app, caller, asked));
    let messages = performed.flat_map(move |performed| {
        let id = name.clone();
        match performed {
            Ok(Performed::Once(answered)) => {
                stream::iter([answer(&id, *answered), Outgoing::Complete(id)]).boxed()
            }
            Ok(Performed::Events(events)) => {
                let (care, name) = (care.clone(), id.clone());
                let told = events.map(move |answered| answer(&name, answered));
                let told = told.chain(stream::iter([Outgoing::Complete(id)]));
                told.take_until(async move { care.stopped().await }).boxed()
            }
            Err(error) => stream::iter([refused(id, error)]).boxed(),
        }
    });
    messages.boxed()
}

/// What comes of an operation, which goes on whether or not the client reads: it may hold what others wait for. It ends
/// with whoever waits for it.
async fn performed(app: Arc<AppState>, caller: Caller, asked: Asked) -> Result<Performed, Refused> {
    let mut task = JoinSet::new();
    task.spawn(perform_one(app, caller, asked));
    task.join_next().await.and_then(Result::ok).unwrap_or_else(|| Err(panicked()))
}

fn panicked() -> Refused {
    tracing::error!("operation panicked");
    Refused::new(&AppError::Internal("a panic".into()), RequestId::new().as_str())
}

async fn perform_one(app: Arc<AppState>, caller: Caller, asked: Asked) -> Result<Performed, Refused> {
    let id = RequestId::new();
    let facts = Arc::<Facts>::default();
    if let Some(organization) = caller.organization {
        _ = facts.organization.set(organization);
    }
    let _access = Access {
        id: id.clone(),
        method: Method::GET,
        route: ROUTE.to_owned(),
        begin: Instant::now(),
        facts: Arc::clone(&facts),
        metrics: Arc::clone(&app.metrics),
        status: None,
    };
    let context = RequestContext::new(id.as_str(), Utc::now(), caller);
    let manner = Manner { writes: true, events: true, tell_cost: false, overhead: 0 };
    let limit = app.settings.request_timeout;
    let performed = facts.tally.count(perform(&app, context, asked, manner, id.as_str(), &facts));
    let performed = timeout(limit, performed).await;
    let performed = performed.unwrap_or_else(|_| Err(Refused::new(&too_slow(limit), id.as_str())));
    note(&facts, performed.as_ref());
    performed
}

/// An answer, or the errors of what does not fit the schema.
fn answer(id: &str, answered: Answered) -> Outgoing {
    let id = id.to_owned();
    if answered.was_executed {
        return Outgoing::Next(id, answered.body);
    }
    Outgoing::Error(id, errors(&answered.errors))
}

fn refused(id: String, refused: Refused) -> Outgoing {
    Outgoing::Error(id, errors(&refused.errors))
}

fn errors(errors: &[ServerError]) -> Vec<u8> {
    // Errors of which every part has a JSON form.
    serde_json::to_vec(errors).unwrap_or_default()
}
