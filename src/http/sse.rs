//! GraphQL over server-sent events: the answers of one operation as a stream (graphql-sse, distinct connections).

use std::{convert::Infallible, iter, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Response as HttpResponse, header},
};
use chrono::{DateTime, Utc};
use futures_util::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use tokio::{task::yield_now, time::sleep};

use super::{
    context::until_refused,
    operation::{Answered, Performed},
    refused::Refused,
    response_body::ResponseBody,
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
    let mut response = HttpResponse::new(Body::from_stream(events));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
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
    /// The pieces of an event that are still to be told, and whether it is the last one.
    Event(ResponseBody, bool),
    /// All was told but that it was all.
    Told,
    Over,
}

/// What an event with an answer begins with, and what ends it. JSON has no line breaks of its own.
const NEXT: Bytes = Bytes::from_static(b"event: next\ndata: ");
const END: Bytes = Bytes::from_static(b"\n\n");
/// The most bytes of an answer whose event is sent in one piece.
const WHOLE: usize = 16 * 1024;
/// Browsers ignore an event without data: this has an empty line of it.
const COMPLETE: Bytes = Bytes::from_static(b"event: complete\ndata: \ndata: \n\n");
/// A comment.
const KEEP_ALIVE_COMMENT: Bytes = Bytes::from_static(b":\n\n");

impl Telling {
    /// The next bytes of the stream.
    async fn next(mut self) -> Option<(Bytes, Self)> {
        match &mut self.state {
            State::Over => None,
            State::Told => Some(self.complete()),
            State::Event(body, is_last) => {
                let (piece, is_last) = (body.next_piece(), *is_last);
                if piece.is_none() {
                    self.state = if is_last { State::Told } else { State::Telling };
                }
                Some((piece.unwrap_or(END), self))
            }
            State::Telling => {
                // Between two events there is nothing to give: the time that a client may take is that of one event.
                yield_now().await;
                self.begin_event().await
            }
        }
    }

    /// Waits for an answer, and begins the event that tells it.
    async fn begin_event(mut self) -> Option<(Bytes, Self)> {
        let (mut body, is_last) = tokio::select! {
            biased;
            () = self.care.stopped(), if self.endless => return None,
            refused = &mut self.refused, if self.endless => (ResponseBody::from(refused.json()), true),
            answer = self.answers.next() => match answer {
                Some(answer) => (answer.body, false),
                None => return Some(self.complete()),
            },
            () = sleep(KEEP_ALIVE) => return Some((KEEP_ALIVE_COMMENT, self)),
        };
        if body.length() > WHOLE {
            self.state = State::Event(body, is_last);
            return Some((NEXT, self));
        }
        let event = iter::once(NEXT).chain(iter::from_fn(|| body.next_piece())).chain(iter::once(END));
        let event = event.collect::<Vec<_>>().concat().into();
        self.state = if is_last { State::Told } else { State::Telling };
        Some((event, self))
    }

    fn complete(self) -> (Bytes, Self) {
        (COMPLETE, Self { state: State::Over, ..self })
    }
}
