//! The response of a handler: a status, a JSON body and the headers of a record.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::problem::Problem;
use crate::{
    error::AppError,
    http::response_body::ResponseBody,
    service::response_memory::{ResponseMeter, ResponseStopped},
};

/// Number of items in the whole list.
pub(super) const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
/// Number of pages.
pub(super) const TOTAL_PAGES: HeaderName = HeaderName::from_static("x-total-pages");
/// Number of this page.
pub(super) const CURRENT_PAGE: HeaderName = HeaderName::from_static("x-current-page");
/// Page size.
pub(super) const COUNT_PER_PAGE: HeaderName = HeaderName::from_static("x-count-per-page");

/// What a handler returns.
pub(super) type RestResult = Result<RestResponse, Problem>;

/// A successful response.
#[derive(Debug)]
pub(super) struct RestResponse(Response);

impl RestResponse {
    /// 200 with this body.
    pub(super) fn ok(body: &impl Serialize) -> RestResult {
        Self::json(StatusCode::OK, body)
    }

    /// 201 with this body.
    pub(super) fn created(body: &impl Serialize) -> RestResult {
        Self::json(StatusCode::CREATED, body)
    }

    /// 204 without a body.
    pub(super) fn no_content() -> RestResult {
        Ok(Self(StatusCode::NO_CONTENT.into_response()))
    }

    fn json(status: StatusCode, body: &impl Serialize) -> RestResult {
        let meter = ResponseMeter::current().ok_or_else(|| AppError::Internal("no meter".into()))?;
        let limit = meter.limits().response;
        let body = ResponseBody::written(limit, |json| Ok(serde_json::to_writer(json, body)?));
        let body = body.ok_or_else(|| Problem::stopped(ResponseStopped::TooLarge, limit))?;
        let body =
            body.held_now(&meter).ok_or_else(|| Problem::stopped(ResponseStopped::Overloaded, limit))?;
        let content_type = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
        Ok(Self((status, content_type, Body::new(body)).into_response()))
    }

    /// Sets the ETag to the version of the record, for If-Match.
    pub(super) fn with_version(self, version: i32) -> Self {
        self.with_header(header::ETAG, &format!("\"{version}\""))
    }

    /// Adds a header. An invalid header value is omitted.
    pub(super) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers_mut().insert(name, value);
        }
        self
    }
}

impl IntoResponse for RestResponse {
    fn into_response(self) -> Response {
        self.0
    }
}

/// Formats a time as RFC 3339 in UTC, as all families do.
pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
