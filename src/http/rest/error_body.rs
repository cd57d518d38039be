//! The error bodies of the three families.

use std::borrow::Cow;

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{Fault, ProblemKind, RequestPart, Rule};
use crate::error::InputErrorCode;

/// The errors of a request.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ValidationErrors {
    /// One item per error.
    detail: Vec<ValidationError>,
}

/// One error.
#[derive(Debug, Serialize, ToSchema)]
struct ValidationError {
    /// Location of the error: the part of the request (path, query, header or body), then the path of the field.
    loc: Vec<Step>,
    /// Human-readable message.
    msg: Cow<'static, str>,
    /// Machine-readable error type.
    r#type: &'static str,
}

/// A segment of a location.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum Step {
    /// Zero-based index in a list.
    Position(u32),
    /// Name of a part of the request or of a field.
    Name(Cow<'static, str>),
}

impl ValidationErrors {
    pub(super) fn of(kind: ProblemKind, message: &str, faults: &[Fault]) -> Self {
        let mut detail: Vec<_> = faults.iter().map(ValidationError::of_fault).collect();
        if detail.is_empty() {
            let loc = whole(kind).iter().map(|name| Step::Name((*name).into())).collect();
            detail.push(ValidationError { loc, msg: message.to_owned().into(), r#type: kind_type(kind) });
        }
        Self { detail }
    }
}

impl ValidationError {
    fn of_fault(Fault { part, path, rule, message }: &Fault) -> Self {
        let step = |name: &Cow<'static, str>| match name.parse() {
            Ok(position) => Step::Position(position),
            Err(_) => Step::Name(name.clone()),
        };
        let loc = std::iter::once(Step::Name(part_name(*part).into())).chain(path.iter().map(step)).collect();
        Self { loc, msg: message.clone(), r#type: fault_type(*rule) }
    }
}

/// The location of an error of the whole request.
const fn whole(kind: ProblemKind) -> &'static [&'static str] {
    match kind {
        ProblemKind::Unauthenticated | ProblemKind::Expired => &["header", "Authorization"],
        ProblemKind::Unreadable
        | ProblemKind::UnsupportedMediaType
        | ProblemKind::TooLarge
        | ProblemKind::BodyTimeout => &["body"],
        _ => &[],
    }
}

const fn part_name(part: RequestPart) -> &'static str {
    match part {
        RequestPart::Path => "path",
        RequestPart::Query => "query",
        RequestPart::Header => "header",
        RequestPart::Body => "body",
    }
}

const fn fault_type(rule: Rule) -> &'static str {
    match rule {
        Rule::Type => "type_error",
        Rule::Input(InputErrorCode::Required) => "missing",
        Rule::Input(InputErrorCode::Invalid) => "value_error",
        Rule::Input(InputErrorCode::TooLong) => "string_too_long",
        Rule::Input(InputErrorCode::Taken) => "taken",
        Rule::Input(InputErrorCode::NotFound) => "not_found",
        Rule::Input(InputErrorCode::NotAllowed) => "extra_forbidden",
        Rule::Input(InputErrorCode::Immutable) => "frozen_field",
        Rule::Input(InputErrorCode::Conflict) => "conflict",
        Rule::Input(InputErrorCode::InUse) => "in_use",
        Rule::Input(InputErrorCode::TooMany) => "too_long",
    }
}

const fn kind_type(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::Unauthenticated | ProblemKind::BadCredentials => "unauthenticated",
        ProblemKind::Expired => "token_expired",
        ProblemKind::Forbidden => "forbidden",
        ProblemKind::NotFound => "not_found",
        ProblemKind::MethodNotAllowed => "method_not_allowed",
        ProblemKind::BodyTimeout | ProblemKind::Timeout => "timeout",
        ProblemKind::Conflict => "conflict",
        ProblemKind::PreconditionFailed => "precondition_failed",
        ProblemKind::TooLarge => "too_large",
        ProblemKind::ResponseTooLarge => "response_too_large",
        ProblemKind::UnsupportedMediaType => "unsupported_media_type",
        ProblemKind::Unreadable => "json_invalid",
        ProblemKind::Invalid => "value_error",
        ProblemKind::RateLimited => "rate_limited",
        ProblemKind::Unavailable | ProblemKind::Overloaded => "unavailable",
        ProblemKind::Internal => "internal",
    }
}

/// An error response.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct HttpError {
    /// HTTP status code.
    status_code: u16,
    /// Human-readable message.
    message: Messages,
    /// HTTP reason phrase.
    error: &'static str,
}

/// One message, or a list of messages for an invalid input.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum Messages {
    /// One message.
    One(String),
    /// One message per invalid field.
    All(Vec<String>),
}

impl HttpError {
    pub(super) fn of(status: StatusCode, kind: ProblemKind, message: &str, faults: &[Fault]) -> Self {
        let mut messages: Vec<String> = faults.iter().map(with_field).collect();
        let message = match messages.len() {
            0 => Messages::One(message.to_owned()),
            1 if kind != ProblemKind::Invalid => Messages::One(messages.remove(0)),
            _ => Messages::All(messages),
        };
        Self { status_code: status.as_u16(), message, error: status.canonical_reason().unwrap_or_default() }
    }
}

/// The message of a fault, with its field.
fn with_field(fault: &Fault) -> String {
    let names = |name| fault.path.iter().any(|it| it == name);
    if fault.rule == Rule::Input(InputErrorCode::NotFound) {
        if names("accountIds") {
            return "Account not found".to_owned();
        }
        if names("contactType") {
            return "Contact type not found".to_owned();
        }
    }
    match &fault.path[..] {
        [] => fault.message.to_string(),
        path => format!("{}: {}", path.join("."), fault.message),
    }
}

/// An error response.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ApiError {
    /// Error code. The HTTP status if there is no specific code.
    error_code: u16,
    /// Name of the error code.
    error_token: Cow<'static, str>,
    /// Human-readable message.
    message: String,
    /// All errors of an invalid input.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    errors: Option<Vec<FieldError>>,
}

/// One error of an invalid input.
#[derive(Debug, Serialize, ToSchema)]
struct FieldError {
    /// Error code.
    error_code: u16,
    /// Name of the error code.
    error_token: &'static str,
    /// Human-readable message, with the name of the field.
    message: String,
}

impl ApiError {
    pub(super) fn of(status: StatusCode, kind: ProblemKind, message: &str, faults: &[Fault]) -> Self {
        let (error_code, error_token) = kind_code(status, kind);
        let message = match faults {
            [fault] => with_object(fault),
            _ => message.to_owned(),
        };
        let errors = (kind == ProblemKind::Invalid).then(|| faults.iter().map(FieldError::of).collect());
        Self { error_code, error_token, message, errors }
    }
}

impl FieldError {
    fn of(fault: &Fault) -> Self {
        let (error_code, error_token) = fault_code(fault.rule);
        Self { error_code, error_token, message: with_object(fault) }
    }
}

fn with_object(fault: &Fault) -> String {
    match &fault.path[..] {
        [] => fault.message.to_string(),
        path => format!("Contact - {}: {}", path.join("."), fault.message),
    }
}

fn kind_code(status: StatusCode, kind: ProblemKind) -> (u16, Cow<'static, str>) {
    match kind {
        ProblemKind::Unauthenticated => (1102, "InvalidToken".into()),
        ProblemKind::BadCredentials => (1101, "InvalidCredentials".into()),
        ProblemKind::Expired => (1103, "TokenExpired".into()),
        ProblemKind::Forbidden => (1104, "Forbidden".into()),
        ProblemKind::RateLimited => (1105, "TooManyRequests".into()),
        ProblemKind::NotFound => (1201, "NotFound".into()),
        ProblemKind::Invalid => (1400, "InputValidationFailed".into()),
        ProblemKind::Unreadable => (1403, "InvalidFormat".into()),
        ProblemKind::MethodNotAllowed => (1406, "NotAllowed".into()),
        _ => {
            let token = status.canonical_reason().unwrap_or_default().replace(' ', "");
            (status.as_u16(), token.into())
        }
    }
}

const fn fault_code(rule: Rule) -> (u16, &'static str) {
    match rule {
        Rule::Input(InputErrorCode::NotFound) => (1401, "InvalidReference"),
        Rule::Input(InputErrorCode::Required) => (1402, "Required"),
        Rule::Type
        | Rule::Input(InputErrorCode::Invalid | InputErrorCode::TooLong | InputErrorCode::TooMany) => {
            (1403, "InvalidFormat")
        }
        Rule::Input(
            InputErrorCode::NotAllowed
            | InputErrorCode::Immutable
            | InputErrorCode::Taken
            | InputErrorCode::Conflict
            | InputErrorCode::InUse,
        ) => (1406, "NotAllowed"),
    }
}
