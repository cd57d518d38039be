//! The body of a request: JSON, as it is, within its limit of bytes and of time.

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderMap, StatusCode, header},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

use super::{negotiation::is_json, state::Settings};

/// Reads the whole body, or returns the status and the reason of its rejection.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    settings: &Settings,
) -> Result<Bytes, (StatusCode, &'static str)> {
    if !is_json(headers) {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send the body as application/json in UTF-8."));
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        let message = "Send the body without a Content-Encoding.";
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let too_large = (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large.");
    // What a client announces is believed, so that nobody waits for it.
    if body.size_hint().lower() > settings.body_limit as u64 {
        return Err(too_large);
    }
    let whole = Limited::new(body, settings.body_limit).collect();
    let Ok(read) = timeout(settings.body_timeout, whole).await else {
        return Err((StatusCode::REQUEST_TIMEOUT, "Timed out reading the body."));
    };
    match read {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large),
        Err(_) => Err((StatusCode::BAD_REQUEST, "The body is incomplete.")),
    }
}

/// Where a body is no JSON, and what clients do not expect to be refused.
pub(super) fn not_json(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    format!(
        "The body is not valid JSON at line {line}, column {column}. A \\u escape must not be half of a surrogate pair, and \
         arrays and objects can be nested at most 127 levels deep."
    )
}
