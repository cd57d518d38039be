//! Responses, and functions to read them.

use reqwest::{RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::Value;

/// The answer to a request whose body is JSON.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    /// Sends a request and reads the whole answer; a body that is not JSON is kept as a string.
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("a response");
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.expect("a body");
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Self { status, headers, body }
    }

    /// The value at a JSON pointer into `data`, such as `/partners/nodes/0`, of an answer without errors.
    #[track_caller]
    pub(crate) fn data(&self, pointer: &str) -> &Value {
        assert!(self.body.get("errors").is_none(), "there are errors: {}", self.shown());
        let value = self.body.get("data").and_then(|data| data.pointer(pointer));
        value.unwrap_or_else(|| panic!("no {pointer} in data: {}", self.shown()))
    }

    /// The text at a JSON pointer into `data`.
    #[track_caller]
    pub(crate) fn text(&self, pointer: &str) -> &str {
        let value = self.data(pointer);
        value.as_str().unwrap_or_else(|| panic!("{pointer} is no text: {}", self.shown()))
    }

    /// The items of the list at a JSON pointer into `data`.
    #[track_caller]
    pub(crate) fn list(&self, pointer: &str) -> &[Value] {
        let value = self.data(pointer);
        value.as_array().unwrap_or_else(|| panic!("{pointer} is no list: {}", self.shown()))
    }

    /// The top-level errors, each as its code and, where it has one, its path: `FORBIDDEN partners`.
    #[track_caller]
    pub(crate) fn errors(&self) -> Vec<String> {
        let errors = self.body.get("errors").and_then(Value::as_array);
        errors
            .into_iter()
            .flatten()
            .map(|error| self.line(&error["extensions"]["code"], &error["path"]))
            .collect()
    }

    /// The user errors of a mutation, each as its code and its path in the input: `NOT_FOUND accountIds.0`.
    #[track_caller]
    pub(crate) fn user_errors(&self, mutation: &str) -> Vec<String> {
        let errors = self.list(&format!("/{mutation}/userErrors"));
        errors.iter().map(|error| self.line(&error["code"], &error["field"])).collect()
    }

    #[track_caller]
    fn line(&self, code: &Value, path: &Value) -> String {
        let code = code.as_str().unwrap_or_else(|| panic!("an error without a code: {}", self.shown()));
        let path = path.as_array().map(|path| path.iter().map(segment).collect::<Vec<_>>().join("."));
        path.map_or_else(|| code.to_owned(), |path| format!("{code} {path}"))
    }

    fn shown(&self) -> String {
        format!("{} {:#}", self.status, self.body)
    }
}

/// The number that a `BigInt` says.
#[track_caller]
pub(crate) fn big_int(value: &Value) -> i64 {
    let text = value.as_str().unwrap_or_else(|| panic!("no BigInt: {value}"));
    text.parse().unwrap_or_else(|_| panic!("no number: {value}"))
}

fn segment(segment: &Value) -> String {
    segment.as_str().map_or_else(|| segment.to_string(), str::to_owned)
}
