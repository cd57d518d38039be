//! GraphQL over server-sent events: the responses of one operation as a stream (graphql-sse, distinct connections).

use std::{convert::Infallible, iter, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Response as HttpResponse, header},
};
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream};
use tokio::{task::yield_now, time::sleep};

use super::{
    authenticate::{Opening, until_refused},
    executor::{EventStream, ExecutedResponse, ExecutionOutcome},
    request_error::RequestError,
    response_body::ResponseBody,
    server::ConnectionHandle,
    state::AppState,
};

/// How often an idle client gets a comment, so that both sides notice when the other is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(12);
/// nginx would collect the events.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The responses as events: `next` with each of them, `complete` after the last. Without the latter the client may come
/// again: the server stops.
pub(super) fn respond(
    state: Arc<AppState>,
    connection: ConnectionHandle,
    headers: HeaderMap,
    opening: Opening,
    outcome: ExecutionOutcome,
    id: &str,
) -> HttpResponse<Body> {
    let (responses, endless, retry_after) = match outcome {
        ExecutionOutcome::Response(response) => {
            let retry_after = response.retry_after;
            (stream::once(async { *response }).boxed(), false, retry_after)
        }
        ExecutionOutcome::Events(events) => (events, true, None),
    };
    let id = id.to_owned();
    let refused = async move {
        let error = until_refused(&state, &headers, opening).await;
        Box::new(RequestError::new(&error, &id))
    };
    let stream =
        SseStream { responses, endless, connection, refused: refused.boxed(), state: State::Waiting };
    let events = stream::unfold(stream, SseStream::next).map(Ok::<_, Infallible>);
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
struct SseStream {
    responses: EventStream,
    /// Whether there may always be one more. A response that is there is sent, whatever has happened since.
    endless: bool,
    connection: ConnectionHandle,
    /// Comes when the token is no longer good.
    refused: BoxFuture<'static, Box<RequestError>>,
    state: State,
}

enum State {
    Waiting,
    /// The pieces of an event that are still to be sent, and whether it is the last one.
    Event(ResponseBody, bool),
    /// All was sent but the end.
    Sent,
    Over,
}

/// What an event with a response begins with, and what ends it. JSON has no line breaks of its own.
const NEXT: Bytes = Bytes::from_static(b"event: next\ndata: ");
const END: Bytes = Bytes::from_static(b"\n\n");
/// The most bytes of a response whose event is sent in one piece.
const WHOLE: usize = 16 * 1024;
/// Browsers ignore an event without data: this has an empty line of it.
const COMPLETE: Bytes = Bytes::from_static(b"event: complete\ndata: \ndata: \n\n");
/// A comment.
const KEEP_ALIVE_COMMENT: Bytes = Bytes::from_static(b":\n\n");

impl SseStream {
    /// The next bytes of the stream.
    async fn next(mut self) -> Option<(Bytes, Self)> {
        match &mut self.state {
            State::Over => None,
            State::Sent => Some(self.complete()),
            State::Event(body, is_last) => {
                let (piece, is_last) = (body.next_piece(), *is_last);
                if piece.is_none() {
                    self.state = if is_last { State::Sent } else { State::Waiting };
                }
                Some((piece.unwrap_or(END), self))
            }
            State::Waiting => {
                // Between two events there is nothing to give: the time that a client may take is that of one event.
                yield_now().await;
                self.begin_event().await
            }
        }
    }

    /// Waits for a response, and begins its event.
    async fn begin_event(mut self) -> Option<(Bytes, Self)> {
        let (mut body, is_last) = tokio::select! {
            biased;
            () = self.connection.stopped(), if self.endless => return None,
            refused = &mut self.refused, if self.endless => (ResponseBody::from(refused.json()), true),
            response = self.responses.next() => match response {
                Some(ExecutedResponse { body, .. }) => (body, false),
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
        self.state = if is_last { State::Sent } else { State::Waiting };
        Some((event, self))
    }

    fn complete(self) -> (Bytes, Self) {
        (COMPLETE, Self { state: State::Over, ..self })
    }
}
