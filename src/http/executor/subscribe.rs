//! Subscriptions: an operation whose responses come as events happen.

use std::{mem, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_graphql::Response;
use futures_util::{
    FutureExt, StreamExt,
    stream::{self, BoxStream, Peekable},
};
use tokio::{sync::mpsc, time::sleep};

use super::{
    Call, ExecutionOutcome,
    execute::PreparedOperation,
    respond::{ExecutedResponse, given_up, stopped, write},
};
use crate::{
    error::AppError,
    fair_share::Principal,
    graphql::{
        error::{refusal, translate},
        null_completion,
        response::was_executed,
        subscription::SubscriptionStart,
    },
    http::{
        meter::timed, request_error::RequestError, state::AppState,
        subscription_memory::SubscriptionMemoryPermit,
    },
    log,
    service::{
        QueryStats,
        response_memory::{ResponseMeter, ResponseStopped},
    },
};

/// Begins a subscription. Returns when no event from now on is missed, or with the response that is there at once: why it
/// cannot be subscribed to.
pub(super) async fn subscribe(
    state: &Arc<AppState>,
    call: &Arc<Call>,
    principal: &Principal,
    mut prepared: PreparedOperation,
) -> Result<ExecutionOutcome, RequestError> {
    let memory = state.subscription_memory.acquire(&principal.subject, &prepared);
    let memory = memory.map_err(|error| call.refused(&error))?;
    let start = Arc::new(SubscriptionStart::default());
    let request = prepared.request(state, call).data(Arc::clone(&state.feed)).data(Arc::clone(&start));
    let mut responses = prepared.schema(state).execute_stream(request).peekable();
    let is_refused = tokio::select! {
        () = start.happened() => false,
        first = Pin::new(&mut responses).peek() => first.is_some_and(|it| !was_executed(it)),
    };
    if is_refused && let Some(response) = responses.next().await {
        let written = async {
            let meter = prepared.meter(state, &call.context.caller.subject).await?;
            respond(state, call, &prepared, response, &meter).await
        };
        let response = written.await.map_err(|why| given_up(state, why, call.id()))?;
        return Ok(ExecutionOutcome::Response(Box::new(response)));
    }
    prepared.note_field(&call.metadata);
    let subscription = Subscription {
        state: Arc::clone(state),
        call: Arc::clone(call),
        responses,
        prepared,
        owed: 0,
        is_over: false,
        _memory: memory,
    };
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(log::for_current_request(subscription.send_to(sender)));
    let events = stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
    Ok(ExecutionOutcome::Events(events.boxed()))
}

/// The response to an event, completed and written.
async fn respond(
    state: &AppState,
    call: &Call,
    prepared: &PreparedOperation,
    mut response: Response,
    meter: &ResponseMeter,
) -> Result<ExecutedResponse, ResponseStopped> {
    let name = prepared.operation_name.as_deref();
    let mut retry_after = None;
    if !response.errors.is_empty() {
        null_completion::complete(state.schema_index, &mut response, &prepared.document.document, name);
        retry_after = translate(&mut response, call.id());
    }
    write(state, response, retry_after, (&prepared.document, name), meter).await
}

/// A subscription under way.
struct Subscription {
    state: Arc<AppState>,
    call: Arc<Call>,
    responses: Peekable<BoxStream<'static, Response>>,
    prepared: PreparedOperation,
    /// The points of the last event.
    owed: u64,
    /// Set when an event could not be sent: those after it would come out of order.
    is_over: bool,
    _memory: SubscriptionMemoryPermit,
}

impl Subscription {
    /// Sends responses until there are no more, or nobody receives them.
    ///
    /// In a task of its own: an event that waits for a client to read must not keep what it needs to be resolved.
    async fn send_to(mut self, sender: mpsc::Sender<ExecutedResponse>) {
        let sending = async {
            while let Some(response) = self.next().await {
                if sender.send(response).await.is_err() {
                    break;
                }
            }
        };
        let panicked = tokio::select! {
            sent = AssertUnwindSafe(sending).catch_unwind() => sent.is_err(),
            () = sender.closed() => false,
        };
        if panicked {
            tracing::error!("subscription panicked");
            let error = refusal(&AppError::Internal("a panic".into()), self.call.id());
            // The receiver may be gone.
            let _ = sender.send(ExecutedResponse::error(error)).await;
        }
    }

    async fn next(&mut self) -> Option<ExecutedResponse> {
        if self.is_over {
            return None;
        }
        self.pay().await;
        let Self { state, call, responses, prepared, .. } = self;
        let caller = &call.context.caller;
        let stats = Arc::<QueryStats>::default();
        let event = async {
            let meter = prepared.meter(state, &caller.subject).await?;
            let (response, here) = timed(stats.count(meter.run(responses.next()))).await;
            let Some(response) = response? else { return Ok(None) };
            state.metrics.count_event();
            if let Some(buckets) = &state.rate_limit {
                buckets.charge(caller, prepared.points, here + stats.database_time());
            }
            respond(state, call, prepared, response, &meter).await.map(Some)
        };
        let event = event.await.unwrap_or_else(|why| {
            self.is_over = true;
            let remedy = "Select fewer fields, or smaller pages below the contact.";
            Some(ExecutedResponse::error(refusal(&stopped(&self.state, why, remedy), self.call.id())))
        });
        self.owed = self.prepared.points;
        event
    }

    /// Pays for the last event, which cost what the subscription did; the time beyond that was charged at once. With too few
    /// points the next event waits in the log of changes.
    async fn pay(&mut self) {
        let points = mem::take(&mut self.owed);
        let Some(buckets) = self.state.rate_limit.as_ref().filter(|_| points > 0) else { return };
        while let Err(seconds) = buckets.take(&self.call.context.caller, points) {
            sleep(Duration::from_secs(seconds)).await;
        }
    }
}
