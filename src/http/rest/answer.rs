//! An answer of a route: JSON with a status, and the headers that go with a row.

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

/// How many rows a list has.
pub(super) const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
/// How many pages a list has.
pub(super) const TOTAL_PAGES: HeaderName = HeaderName::from_static("x-total-pages");
/// The number of a page.
pub(super) const CURRENT_PAGE: HeaderName = HeaderName::from_static("x-current-page");
/// The most rows of a page.
pub(super) const COUNT_PER_PAGE: HeaderName = HeaderName::from_static("x-count-per-page");

/// What a handler gives.
pub(super) type Answered = Result<Answer, Problem>;

/// An answer that is not a refusal.
#[derive(Debug)]
pub(super) struct Answer(Response);

impl Answer {
    /// 200 with this body.
    pub(super) fn ok(body: &impl Serialize) -> Answered {
        Self::json(StatusCode::OK, body)
    }

    /// 201 with this body.
    pub(super) fn created(body: &impl Serialize) -> Answered {
        Self::json(StatusCode::CREATED, body)
    }

    /// 204.
    pub(super) fn no_content() -> Answered {
        Ok(Self(StatusCode::NO_CONTENT.into_response()))
    }

    fn json(status: StatusCode, body: &impl Serialize) -> Answered {
        let meter = ResponseMeter::current().ok_or_else(|| AppError::Internal("no meter".into()))?;
        let limit = meter.limits().response;
        let body = ResponseBody::written(limit, |json| Ok(serde_json::to_writer(json, body)?));
        let body = body.ok_or_else(|| Problem::stopped(ResponseStopped::TooLarge, limit))?;
        let body =
            body.held_now(&meter).ok_or_else(|| Problem::stopped(ResponseStopped::Overloaded, limit))?;
        let content_type = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
        Ok(Self((status, content_type, Body::new(body)).into_response()))
    }

    /// Tells the version of the row, for If-Match.
    pub(super) fn version(self, version: i32) -> Self {
        self.with(header::ETAG, &format!("\"{version}\""))
    }

    /// With a header; one whose value cannot stand in a header is left out.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers_mut().insert(name, value);
        }
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        self.0
    }
}

/// A time as all families write it: RFC 3339 in UTC.
pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
