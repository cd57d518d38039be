//! GraphQL over server-sent events: the answers of one operation as a stream (graphql-sse, distinct connections).

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Response as HttpResponse, header},
    response::{
        IntoResponse, Sse,
        sse::{Event, KeepAlive},
    },
};
use chrono::{DateTime, Utc};
use futures_util::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};

use super::{
    context::until_refused,
    operation::{Answered, Performed},
    refused::Refused,
    server::Care,
};
use crate::app::AppState;

/// How often a client is written to that has nothing to be told: it and we learn that the other is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(12);
/// nginx would collect the events.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The answers as events: `next` with each of them, `complete` after the last. Without the latter the client may come
/// again: the server stops.
pub(super) fn respond(
    app: Arc<AppState>,
    care: Care,
    headers: HeaderMap,
    expires_at: DateTime<Utc>,
    performed: Performed,
    id: &str,
) -> HttpResponse<Body> {
    let (answers, endless, retry_after) = match performed {
        Performed::Once(answered) => {
            let retry_after = answered.retry_after;
            (stream::once(async { *answered }).boxed(), false, retry_after)
        }
        Performed::Events(events) => (events, true, None),
    };
    let id = id.to_owned();
    let refused = async move {
        let error = until_refused(&app.verifier, &headers, expires_at).await;
        Box::new(Refused::new(&error, &id))
    };
    let telling = Telling { answers, endless, care, refused: refused.boxed(), state: State::Telling };
    let events = stream::unfold(telling, Telling::next).map(Ok::<_, Infallible>);
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    if let Some(seconds) = retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A stream under way.
struct Telling {
    answers: BoxStream<'static, Answered>,
    /// Whether there may always be one more. An answer that is there is told, whatever has happened since.
    endless: bool,
    care: Care,
    /// Comes when the token is no longer good.
    refused: BoxFuture<'static, Box<Refused>>,
    state: State,
}

enum State {
    Telling,
    /// All was told but that it was all.
    Told,
    Over,
}

impl Telling {
    async fn next(mut self) -> Option<(Event, Self)> {
        if matches!(self.state, State::Over) {
            return None;
        }
        if matches!(self.state, State::Told) {
            return Some(self.complete());
        }
        let json = tokio::select! {
            biased;
            () = self.care.stopped(), if self.endless => return None,
            refused = &mut self.refused, if self.endless => {
                self.state = State::Told;
                refused.json()
            }
            answer = self.answers.next() => match answer {
                Some(answer) => answer.json(),
                None => return Some(self.complete()),
            }
        };
        let event = Event::default().event("next").data(String::from_utf8_lossy(&json));
        Some((event, self))
    }

    fn complete(self) -> (Event, Self) {
        // Of an event without data browsers tell nothing: this has an empty line of it.
        (Event::default().event("complete").data("\n"), Self { state: State::Over, ..self })
    }
}
