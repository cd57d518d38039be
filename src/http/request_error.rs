//! Requests that are refused before anything of them is executed.

use std::borrow::Cow;

use async_graphql::{Response, ServerError};
use axum::http::{HeaderValue, StatusCode, header};

use super::{
    body::{ACCEPTED_ENCODINGS, BodyError},
    request_memory::NoMemory,
};
use crate::{
    error::{AppError, Code},
    graphql::{
        document::{DocumentError, Reason},
        error::refusal,
        response,
    },
};

/// A request that is refused before anything of it is executed.
pub(super) struct RequestError {
    pub(super) status: StatusCode,
    pub(super) errors: Vec<ServerError>,
    /// Whether only the document is to blame, and not the request that brings or names it.
    pub(super) well_formed: bool,
    /// What its document is refused for.
    pub(super) reason: Option<Reason>,
    /// A header that such a status calls for.
    pub(super) header: Option<(header::HeaderName, HeaderValue)>,
}

impl RequestError {
    pub(super) fn new(error: &AppError, request_id: &str) -> Self {
        let status = StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let header = match error.code() {
            Code::Unauthenticated => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            code => code.retry_after().map(|seconds| (header::RETRY_AFTER, HeaderValue::from(seconds))),
        };
        let well_formed = error.code().is_of_document();
        Self { status, errors: vec![refusal(error, request_id)], well_formed, reason: None, header }
    }

    pub(super) fn bad(status: StatusCode, message: impl Into<Cow<'static, str>>, request_id: &str) -> Self {
        Self { status, ..Self::new(&AppError::request(Code::BadRequest, message), request_id) }
    }

    /// A body that cannot be read.
    pub(super) fn body(error: BodyError, request_id: &str) -> Self {
        if error.status == StatusCode::SERVICE_UNAVAILABLE {
            return Self::new(&AppError::request(Code::Overloaded, error.message), request_id);
        }
        let header = error
            .is_encoding
            .then_some((header::ACCEPT_ENCODING, HeaderValue::from_static(ACCEPTED_ENCODINGS)));
        Self { header, ..Self::bad(error.status, error.message, request_id) }
    }

    /// A request for which there is no memory.
    pub(super) fn no_memory(error: NoMemory, request_id: &str) -> Self {
        Self::body(error.into(), request_id)
    }

    pub(super) fn method(allowed: &'static str, message: &'static str, request_id: &str) -> Self {
        let header = Some((header::ALLOW, HeaderValue::from_static(allowed)));
        Self { header, ..Self::bad(StatusCode::METHOD_NOT_ALLOWED, message, request_id) }
    }

    /// The caller's bucket has too few points, for so many seconds.
    pub(super) fn rate_limited(seconds: u64, request_id: &str) -> Self {
        let message = format!("Rate limit exceeded. Try again in {seconds} s.");
        let header = Some((header::RETRY_AFTER, HeaderValue::from(seconds)));
        let error = AppError::request(Code::RateLimited, message);
        Self { header, reason: Some(Reason::Rate), ..Self::new(&error, request_id) }
    }

    /// A document, or the values of its variables, that are refused.
    pub(super) fn document(error: DocumentError, request_id: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            well_formed: error.code.is_of_document(),
            reason: error.reason,
            errors: error.into_errors(request_id),
            header: None,
        }
    }

    pub(super) fn too_long(request_id: &str) -> Self {
        let message = "The document is longer than 128 KiB.";
        let error = Self::bad(StatusCode::PAYLOAD_TOO_LARGE, message, request_id);
        Self { reason: Some(Reason::Length), ..error }
    }

    /// The answer as JSON.
    pub(super) fn json(self) -> Vec<u8> {
        let mut json = Vec::new();
        // Nothing fails that is written to memory.
        let _ = response::write(&Response::from_errors(self.errors), None, &mut json);
        json
    }
}
