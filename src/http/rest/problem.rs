//! The errors of a request, before a family of routes formats them.

use std::borrow::Cow;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::{
    error::{AppError, Code, InputError, InputErrorCode, database_code},
    http::body::BodyError,
    service::{input::NOT_FOUND, response_memory::ResponseStopped},
};

/// The kinds of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProblemKind {
    /// No token, or one that is not accepted.
    Unauthenticated,
    /// An expired token.
    Expired,
    /// An application token that cannot be exchanged.
    BadCredentials,
    /// The token does not allow it.
    Forbidden,
    /// The record in the path does not exist or is not accessible.
    NotFound,
    /// The route does not support the method.
    MethodNotAllowed,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The request conflicts with an existing record.
    Conflict,
    /// The record does not have the version in If-Match.
    PreconditionFailed,
    /// The body is too long.
    TooLarge,
    /// The response is too long.
    ResponseTooLarge,
    /// The media type of the body is not JSON.
    UnsupportedMediaType,
    /// The body is not valid JSON.
    Unreadable,
    /// The input is invalid.
    Invalid,
    /// The rate limit is exceeded.
    RateLimited,
    /// A dependency is unavailable.
    Unavailable,
    /// The server is at capacity.
    Overloaded,
    /// The request exceeded its time limit.
    Timeout,
    /// A defect of the gateway.
    Internal,
}

impl ProblemKind {
    /// The GraphQL error code of this kind, which logs and metrics use.
    pub(super) fn code(self) -> Code {
        match self {
            Self::Unauthenticated | Self::Expired | Self::BadCredentials => Code::Unauthenticated,
            Self::Forbidden => Code::Forbidden,
            Self::ResponseTooLarge => Code::ResponseTooLarge,
            Self::RateLimited => Code::RateLimited,
            Self::Unavailable => Code::Unavailable,
            Self::Overloaded => Code::Overloaded,
            Self::Timeout => Code::Timeout,
            Self::Internal => Code::Internal,
            Self::NotFound
            | Self::MethodNotAllowed
            | Self::BodyTimeout
            | Self::Conflict
            | Self::PreconditionFailed
            | Self::TooLarge
            | Self::UnsupportedMediaType
            | Self::Unreadable
            | Self::Invalid => Code::BadRequest,
        }
    }

    fn of(code: Code) -> Self {
        match code {
            Code::Unauthenticated => Self::Unauthenticated,
            Code::Forbidden => Self::Forbidden,
            Code::ResponseTooLarge => Self::ResponseTooLarge,
            Code::RateLimited => Self::RateLimited,
            Code::Unavailable => Self::Unavailable,
            Code::Overloaded => Self::Overloaded,
            Code::Timeout => Self::Timeout,
            Code::Internal => Self::Internal,
            // All but the first are about documents and cursors, which only GraphQL has.
            Code::BadRequest
            | Code::CursorLost
            | Code::ParseFailed
            | Code::ValidationFailed
            | Code::QueryTooComplex
            | Code::PersistedQueryNotFound
            | Code::PersistedQueryNotSupported
            | Code::DocumentNotTrusted => Self::Invalid,
        }
    }
}

/// The part of the request that an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestPart {
    /// A segment of the path.
    Path,
    /// A parameter of the query.
    Query,
    /// A header.
    Header,
    /// The body, or a field in it.
    Body,
}

/// The violated rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// The value has the wrong type.
    Type,
    /// A validation rule of the service.
    Input(InputErrorCode),
}

/// One error in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The part of the request.
    pub(super) part: RequestPart,
    /// The name of the parameter or header, or the path of the field; empty for the whole part.
    pub(super) path: Vec<Cow<'static, str>>,
    /// The violated rule.
    pub(super) rule: Rule,
    /// Human-readable message; never contains the rejected value.
    pub(super) message: Cow<'static, str>,
}

/// Why a request failed. The middleware formats it as the family documents it.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) kind: ProblemKind,
    /// Human-readable message if there are no faults.
    pub(super) message: Cow<'static, str>,
    pub(super) faults: Faults,
    /// Errors of the service, with the service's field names; the family translates them.
    pub(super) input: Vec<InputError>,
    pub(super) headers: ResponseHeaders,
    /// Details for the log only. Contains no data of the database or of clients.
    pub(super) cause: Option<Box<str>>,
}

/// The headers of an error response.
#[derive(Clone, Debug, Default)]
pub(super) enum ResponseHeaders {
    #[default]
    None,
    /// Seconds until the request can be repeated.
    RetryAfter(u64),
    /// The methods that the route supports.
    Allow(Cow<'static, str>),
    /// The content codings of a body that are supported.
    AcceptEncoding,
}

/// All errors of a request.
pub(super) type Faults = Vec<Fault>;

impl Problem {
    pub(super) fn new(kind: ProblemKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            faults: Vec::new(),
            input: Vec::new(),
            headers: ResponseHeaders::None,
            cause: None,
        }
    }

    /// An invalid request.
    pub(super) fn invalid(faults: Faults) -> Self {
        Self { faults, ..Self::new(ProblemKind::Invalid, "The request is invalid.") }
    }

    /// An invalid request with a single error.
    pub(super) fn at(
        part: RequestPart,
        name: &'static str,
        rule: Rule,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::invalid(vec![Fault { part, path: vec![name.into()], rule, message: message.into() }])
    }

    /// The record in this segment of the path does not exist or is not accessible.
    pub(super) fn not_found(name: &'static str) -> Self {
        let rule = Rule::Input(InputErrorCode::NotFound);
        Self { kind: ProblemKind::NotFound, ..Self::at(RequestPart::Path, name, rule, NOT_FOUND) }
    }

    /// The route does not support the method.
    pub(super) fn method(allow: impl Into<Cow<'static, str>>) -> Self {
        let message = "This route does not support the method. The header Allow lists the supported ones.";
        Self {
            headers: ResponseHeaders::Allow(allow.into()),
            ..Self::new(ProblemKind::MethodNotAllowed, message)
        }
    }

    /// The rate limit is exceeded for this many seconds.
    pub(super) fn rate_limited(seconds: u64) -> Self {
        let message = format!("Rate limit exceeded. Try again in {seconds} s.");
        Self { headers: ResponseHeaders::RetryAfter(seconds), ..Self::new(ProblemKind::RateLimited, message) }
    }

    /// The response exceeds `limit` bytes, or there is no memory for it.
    pub(super) fn stopped(why: ResponseStopped, limit: usize) -> Self {
        match why {
            ResponseStopped::TooLarge => {
                let message = format!(
                    "The response exceeds {limit} bytes or needs too much memory. Request smaller pages. If this was a \
                     write, it was executed and its changes are kept."
                );
                Self::new(ProblemKind::ResponseTooLarge, message)
            }
            ResponseStopped::Overloaded => {
                Self::new(ProblemKind::Overloaded, "Not enough memory for the response. Try again shortly.")
            }
        }
    }

    /// A body that could not be read.
    pub(super) fn of_body(error: BodyError) -> Self {
        let kind = match error.status {
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ProblemKind::UnsupportedMediaType,
            StatusCode::PAYLOAD_TOO_LARGE => ProblemKind::TooLarge,
            StatusCode::REQUEST_TIMEOUT => ProblemKind::BodyTimeout,
            StatusCode::SERVICE_UNAVAILABLE => ProblemKind::Overloaded,
            _ => ProblemKind::Unreadable,
        };
        let headers = if error.is_encoding { ResponseHeaders::AcceptEncoding } else { ResponseHeaders::None };
        Self { headers, ..Self::new(kind, error.message) }
    }
}

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        let kind = ProblemKind::of(error.code());
        let is_logged = matches!(kind, ProblemKind::Internal | ProblemKind::Unavailable);
        let cause = is_logged.then(|| cause(&error).into_boxed_str());
        let message = error.public_message();
        match error {
            AppError::Input(input) => Self { input, ..Self::new(ProblemKind::Invalid, message) },
            AppError::Argument { path, message } => {
                let rule = Rule::Input(InputErrorCode::Invalid);
                Self::invalid(vec![Fault { part: RequestPart::Query, path, rule, message }])
            }
            _ => Self { cause, ..Self::new(kind, message) },
        }
    }
}

fn cause(error: &AppError) -> String {
    match error {
        AppError::Database(error) => database_code(error),
        AppError::Internal(what) => what.to_string(),
        other => other.to_string(),
    }
}

/// Attaches the problem to the response for the middleware to format.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
