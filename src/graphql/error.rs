//! User errors of payloads, and the translation of the errors of a response.

use std::borrow::Cow;

use async_graphql::{Enum, ErrorExtensionValues, Response, ServerError, SimpleObject, Value};

use crate::{
    error::{AppError, AppResult, Code, InputError, InputErrorCode},
    service::retried,
};

/// The maximum number of errors in a response.
const MAX_ERRORS: usize = 10;

/// Codes of validation errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "InputErrorCode")]
pub enum UserErrorCode {
    /// A value is required.
    Required,
    /// The value does not have the format of this field.
    Invalid,
    /// The value is longer than the field allows.
    TooLong,
    /// Another record already has this value.
    Taken,
    /// Not found, or not accessible with this token.
    NotFound,
    /// The value is not allowed in combination with the other values.
    NotAllowed,
    /// The field cannot be changed after creation.
    Immutable,
    /// The record is not in the state that the client expected.
    Conflict,
    /// The record cannot be deleted while other records refer to it.
    InUse,
    /// The list has more items than the field allows.
    TooMany,
}

/// A validation error of an input. The input, or the row of a bulk input, was not written.
#[derive(SimpleObject)]
pub struct UserError {
    /// Machine-readable error code.
    code: UserErrorCode,
    /// Human-readable description of the error.
    message: Cow<'static, str>,
    /// Path of the field in the input, with list indexes as decimal strings. Null if the error is not about a single
    /// field.
    field: Option<Vec<Cow<'static, str>>>,
    /// Zero-based index of the row in a bulk input. Null for other inputs.
    index: Option<i32>,
}

impl From<InputError> for UserError {
    fn from(error: InputError) -> Self {
        Self {
            code: error.code.into(),
            message: error.message,
            field: (!error.path.is_empty()).then_some(error.path),
            index: error.index.and_then(|index| i32::try_from(index).ok()),
        }
    }
}

/// Runs a unit of work of a service and splits its result into the record and the user errors. Other errors are
/// returned.
pub(super) async fn outcome<T, F: Future<Output = AppResult<T>>>(
    unit: impl FnMut() -> F,
) -> AppResult<(Option<T>, Vec<UserError>)> {
    match retried(unit).await {
        Ok(value) => Ok((Some(value), Vec::new())),
        Err(AppError::Input(errors)) => Ok((None, errors.into_iter().map(UserError::from).collect())),
        Err(error) => Err(error),
    }
}

/// Sets the code and the public message of every error, and logs internal causes. Returns the seconds for
/// Retry-After, if an error is temporary.
pub fn translate(response: &mut Response, request_id: &str) -> Option<u64> {
    let mut retry_after = None;
    response.errors.truncate(MAX_ERRORS);
    for error in &mut response.errors {
        let code = translate_one(error, request_id);
        set_code(error, code, request_id);
        retry_after = retry_after.max(code.retry_after());
        if let Some(path) = error_argument(error)
            && let Some(extensions) = &mut error.extensions
        {
            extensions.set("argument", Value::List(path));
        }
    }
    retry_after
}

/// The path of the argument that caused an error.
fn error_argument(error: &ServerError) -> Option<Vec<Value>> {
    match error.source::<AppError>() {
        Some(AppError::Argument { path, .. }) => {
            Some(path.iter().map(|name| Value::String(name.to_string())).collect())
        }
        _ => None,
    }
}

fn translate_one(error: &mut ServerError, request_id: &str) -> Code {
    if let Some(app_error) = error.source::<AppError>() {
        let code = app_error.code();
        if matches!(code, Code::Internal | Code::Unavailable) {
            tracing::error!(request_id, code = code.as_str(), error = ?RedactedError(app_error), "field failed");
        }
        error.message = app_error.public_message().into_owned();
        return code;
    }
    if error.source.is_some() {
        tracing::error!(request_id, "resolver failed with an error without a code");
        error.message = "Internal error.".to_owned();
        return Code::Internal;
    }
    // async-graphql's own: a value that fits its type and not what a resolver takes.
    error.message = without_value(&error.message).to_owned();
    Code::ValidationFailed
}

/// Removes the quoted value from a message of async-graphql, so that logs and traces contain no personal data.
fn without_value(message: &str) -> &str {
    // The start of the message, the text to keep, and the text before the value.
    const QUOTING: [(&str, &str, &str); 4] = [
        ("Invalid ", " does not contain the value", " \""),
        ("Expected input type ", "", ", found "),
        ("Failed to parse ", "", ", found "),
        ("Failed to parse ", "", " (occurred while parsing "),
    ];
    let mut shortest = message;
    for (start, kept, value) in QUOTING {
        let end = message.find(&format!("{kept}{value}")).filter(|_| message.starts_with(start));
        if let Some(end) = end.map(|end| end + kept.len()).filter(|end| *end < shortest.len()) {
            shortest = &message[..end];
        }
    }
    shortest
}

/// An error for the log: its kind, without the text of the database, which can contain values.
struct RedactedError<'a>(&'a AppError);

impl std::fmt::Debug for RedactedError<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            AppError::Database(error) => f.write_str(&crate::error::database_code(error)),
            other => write!(f, "{other}"),
        }
    }
}

/// Adds `extensions.code` and `extensions.requestId`.
pub fn set_code(error: &mut ServerError, code: Code, request_id: &str) {
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", code.as_str());
    extensions.set("requestId", request_id);
    error.extensions = Some(extensions);
}

/// The error of a rejected request.
pub fn refusal(error: &AppError, request_id: &str) -> ServerError {
    let mut refusal = ServerError::new(error.public_message(), None);
    set_code(&mut refusal, error.code(), request_id);
    refusal
}

#[cfg(test)]
mod tests {
    use super::without_value;

    #[test]
    fn values_are_not_quoted() {
        for (message, expected) in [
            (r#"Expected input type "A", found "secret"."#, r#"Expected input type "A""#),
            (
                r#"Failed to parse "Int": too large (occurred while parsing "A")"#,
                r#"Failed to parse "Int": too large"#,
            ),
            (
                r#"Invalid value for argument "a.b", enumeration type "E" does not contain the value "secret""#,
                r#"Invalid value for argument "a.b", enumeration type "E" does not contain the value"#,
            ),
            (
                r#"Invalid value for argument "a", expected type "Int""#,
                r#"Invalid value for argument "a", expected type "Int""#,
            ),
            (r#"Unknown field "found""#, r#"Unknown field "found""#),
        ] {
            assert_eq!(without_value(message), expected);
        }
    }
}
