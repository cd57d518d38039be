//! What is wrong with a request, before a family of routes puts it into its own words and numbers.

use std::borrow::Cow;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::{
    error::{AppError, Code, InputError, InputErrorCode, database_code},
    service::response_memory::ResponseStopped,
};

/// What the refusal of a request comes down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// No token, or one that is not accepted.
    Unauthenticated,
    /// A token whose time is over.
    Expired,
    /// An application token that cannot be exchanged.
    BadCredentials,
    /// The token does not allow it.
    Forbidden,
    /// What the path names is not there.
    NotFound,
    /// The route does not know the method.
    MethodNotAllowed,
    /// The body did not arrive in time.
    BodyTimeout,
    /// It is in the way of what is there.
    Conflict,
    /// The row is not of the version that the caller expects.
    PreconditionFailed,
    /// The body is too long.
    TooLarge,
    /// The response would be too long.
    ResponseTooLarge,
    /// The body is not JSON.
    UnsupportedMediaType,
    /// The body is JSON, but ended early or is none.
    Unreadable,
    /// It breaks rules.
    Invalid,
    /// The caller has asked for too much lately.
    RateLimited,
    /// A dependency does not answer.
    Unavailable,
    /// All places are taken.
    Overloaded,
    /// It took too long.
    Timeout,
    /// A defect of the gateway.
    Internal,
}

impl Kind {
    /// The code that GraphQL has for it, as far as it has one: what the log and the metrics call it.
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

/// The part of a request that is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A segment of the path.
    Path,
    /// A parameter of the query.
    Query,
    /// A header.
    Header,
    /// The body, or a field in it.
    Body,
}

/// Which rule is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// The value is not of the type that this field takes.
    Type,
    /// A rule of the gateway's.
    Input(InputErrorCode),
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Where.
    pub(super) part: Part,
    /// The name of the parameter or header, or the way to the field; empty for the whole of the part.
    pub(super) path: Vec<Cow<'static, str>>,
    /// What.
    pub(super) rule: Rule,
    /// For people; never holds the value that was refused.
    pub(super) message: Cow<'static, str>,
}

/// Why a request is refused. The routes' middleware makes it an answer of their family.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) kind: Kind,
    /// For people, where no fault says more.
    pub(super) message: Cow<'static, str>,
    pub(super) faults: Faults,
    /// What is wrong with the input, as the service names its fields; to be named as the family does.
    pub(super) input: Vec<InputError>,
    pub(super) besides: Besides,
}

/// What else is told of a refusal.
#[derive(Clone, Debug)]
pub(super) enum Besides {
    Nothing,
    /// After how many seconds it may be tried again.
    RetryAfter(u64),
    /// The methods that the route knows.
    Allow(Cow<'static, str>),
    /// What only the log tells: nothing that a database or a person wrote.
    Cause(String),
}

/// All that is wrong with a request.
pub(super) type Faults = Vec<Fault>;

impl Problem {
    pub(super) fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            faults: Vec::new(),
            input: Vec::new(),
            besides: Besides::Nothing,
        }
    }

    /// What is wrong with a request that cannot be understood.
    pub(super) fn invalid(faults: Faults) -> Self {
        Self { faults, ..Self::new(Kind::Invalid, "The request is not valid.") }
    }

    /// One thing that is wrong with it.
    pub(super) fn at(
        part: Part,
        name: &'static str,
        rule: Rule,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::invalid(vec![Fault { part, path: vec![name.into()], rule, message: message.into() }])
    }

    /// What this segment of the path names is not there.
    pub(super) fn not_found(name: &'static str) -> Self {
        let message = "Nothing with this id is in reach.";
        let rule = Rule::Input(InputErrorCode::NotFound);
        Self { kind: Kind::NotFound, ..Self::at(Part::Path, name, rule, message) }
    }

    /// The route does not know the method.
    pub(super) fn method(allow: impl Into<Cow<'static, str>>) -> Self {
        let message = "The route does not know this method.";
        Self { besides: Besides::Allow(allow.into()), ..Self::new(Kind::MethodNotAllowed, message) }
    }

    /// The caller's bucket has too few points, for so many seconds.
    pub(super) fn rate_limited(seconds: u64) -> Self {
        let message = format!("Too much was asked for lately. Try again in {seconds} s.");
        Self { besides: Besides::RetryAfter(seconds), ..Self::new(Kind::RateLimited, message) }
    }

    /// A response that is given up, of which `limit` bytes are allowed.
    pub(super) fn stopped(why: ResponseStopped, limit: usize) -> Self {
        match why {
            ResponseStopped::TooLarge => {
                let message = format!(
                    "The response has more than {limit} bytes, or needs too much memory. Ask for smaller pages. A write \
                     was executed; its changes are kept."
                );
                Self::new(Kind::ResponseTooLarge, message)
            }
            ResponseStopped::Overloaded => {
                Self::new(Kind::Overloaded, "There is no memory for the response. Try again shortly.")
            }
        }
    }

    /// A body that could not be read.
    pub(super) fn of_body(status: StatusCode, message: &'static str) -> Self {
        let kind = match status {
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Kind::UnsupportedMediaType,
            StatusCode::PAYLOAD_TOO_LARGE => Kind::TooLarge,
            StatusCode::REQUEST_TIMEOUT => Kind::BodyTimeout,
            _ => Kind::Unreadable,
        };
        Self::new(kind, message)
    }
}

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        let kind = Kind::of(error.code());
        let besides = match kind {
            Kind::Internal | Kind::Unavailable => Besides::Cause(cause(&error)),
            _ => Besides::Nothing,
        };
        let message = error.public_message();
        match error {
            AppError::Input(input) => Self { input, ..Self::new(Kind::Invalid, message) },
            AppError::Argument { path, message } => {
                let rule = Rule::Input(InputErrorCode::Invalid);
                Self::invalid(vec![Fault { part: Part::Query, path, rule, message }])
            }
            _ => Self { besides, ..Self::new(kind, message) },
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

/// The problem goes with the answer, to be told by the middleware.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
