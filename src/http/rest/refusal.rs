//! The bodies of refusals, one for each family, as the families' documents describe them.

use std::borrow::Cow;

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{Fault, Kind, Part, Rule};
use crate::error::InputErrorCode;

/// Why a request is refused, one item for each thing that is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ValidationErrors {
    /// All that is wrong; one item for a request that is refused as a whole.
    detail: Vec<ValidationError>,
}

/// One thing that is wrong.
#[derive(Debug, Serialize, ToSchema)]
struct ValidationError {
    /// The part of the request (path, query, header or body), and the way to the field in it.
    loc: Vec<Step>,
    /// What is wrong, for people.
    msg: Cow<'static, str>,
    /// What is wrong, for programs.
    r#type: &'static str,
}

/// A step on the way to a field.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum Step {
    /// A position in a list.
    Position(u32),
    /// The name of a part or a field.
    Name(Cow<'static, str>),
}

impl ValidationErrors {
    pub(super) fn of(kind: Kind, message: &str, faults: &[Fault]) -> Self {
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

/// What is to blame for a refusal without a fault.
const fn whole(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Unauthenticated | Kind::Expired => &["header", "Authorization"],
        Kind::Unreadable | Kind::UnsupportedMediaType | Kind::TooLarge | Kind::BodyTimeout => &["body"],
        _ => &[],
    }
}

const fn part_name(part: Part) -> &'static str {
    match part {
        Part::Path => "path",
        Part::Query => "query",
        Part::Header => "header",
        Part::Body => "body",
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

const fn kind_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Unauthenticated | Kind::BadCredentials => "unauthenticated",
        Kind::Expired => "token_expired",
        Kind::Forbidden => "forbidden",
        Kind::NotFound => "not_found",
        Kind::MethodNotAllowed => "method_not_allowed",
        Kind::BodyTimeout | Kind::Timeout => "timeout",
        Kind::Conflict => "conflict",
        Kind::PreconditionFailed => "precondition_failed",
        Kind::TooLarge => "too_large",
        Kind::ResponseTooLarge => "response_too_large",
        Kind::UnsupportedMediaType => "unsupported_media_type",
        Kind::Unreadable => "json_invalid",
        Kind::Invalid => "value_error",
        Kind::RateLimited => "rate_limited",
        Kind::Unavailable | Kind::Overloaded => "unavailable",
        Kind::Internal => "internal",
    }
}

/// Why a request is refused.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct HttpError {
    /// The status of the answer.
    status_code: u16,
    /// What is wrong, for people.
    message: Messages,
    /// The status in words.
    error: &'static str,
}

/// What is wrong: all of it with an input, else one text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum Messages {
    /// One text.
    One(String),
    /// One for each thing that is wrong with the input, each with its field.
    All(Vec<String>),
}

impl HttpError {
    pub(super) fn of(status: StatusCode, kind: Kind, message: &str, faults: &[Fault]) -> Self {
        let mut messages: Vec<String> = faults.iter().map(with_field).collect();
        let message = match messages.len() {
            0 => Messages::One(message.to_owned()),
            1 if kind != Kind::Invalid => Messages::One(messages.remove(0)),
            _ => Messages::All(messages),
        };
        Self { status_code: status.as_u16(), message, error: status.canonical_reason().unwrap_or_default() }
    }
}

/// The message of a fault with the field that it is about.
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

/// Why a request is refused.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ApiError {
    /// The documented code; of what the documents have none for, the status of the answer.
    error_code: u16,
    /// The code in words.
    error_token: Cow<'static, str>,
    /// What is wrong, for people.
    message: String,
    /// All that is wrong with an input.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    errors: Option<Vec<FieldError>>,
}

/// One thing that is wrong with an input.
#[derive(Debug, Serialize, ToSchema)]
struct FieldError {
    /// The documented code.
    error_code: u16,
    /// The code in words.
    error_token: &'static str,
    /// What is wrong, for people, with the field.
    message: String,
}

impl ApiError {
    pub(super) fn of(status: StatusCode, kind: Kind, message: &str, faults: &[Fault]) -> Self {
        let (error_code, error_token) = kind_code(status, kind);
        let message = match faults {
            [fault] => with_object(fault),
            _ => message.to_owned(),
        };
        let errors = (kind == Kind::Invalid).then(|| faults.iter().map(FieldError::of).collect());
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

fn kind_code(status: StatusCode, kind: Kind) -> (u16, Cow<'static, str>) {
    match kind {
        Kind::Unauthenticated => (1102, "InvalidToken".into()),
        Kind::BadCredentials => (1101, "InvalidCredentials".into()),
        Kind::Expired => (1103, "TokenExpired".into()),
        Kind::Forbidden => (1104, "Forbidden".into()),
        Kind::RateLimited => (1105, "TooManyRequests".into()),
        Kind::NotFound => (1201, "NotFound".into()),
        Kind::Invalid => (1400, "InputValidationFailed".into()),
        Kind::Unreadable => (1403, "InvalidFormat".into()),
        Kind::MethodNotAllowed => (1406, "NotAllowed".into()),
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
