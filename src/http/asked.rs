//! What a client asks for, read from the parameters of a GET or from the body of a POST.

use std::collections::HashMap;

use async_graphql::Variables;
use axum::{
    body::{Body, HttpBody},
    http::{HeaderMap, StatusCode, Uri, header},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use tokio::time::timeout;

use super::{graphql::Refused, negotiation::is_json};
use crate::app::Settings;

/// What a client asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    pub(super) query: String,
    #[serde(rename = "operationName", default)]
    pub(super) operation_name: Option<String>,
    #[serde(default)]
    pub(super) variables: Option<Variables>,
    /// Read so that a client that sends it is not refused; no extension is supported yet.
    #[serde(rename = "extensions", default)]
    _extensions: Option<HashMap<String, IgnoredAny>>,
}

/// The request in the parameters of a GET.
pub(super) fn read_query(uri: &Uri, id: &str) -> Result<Asked, Refused> {
    let bad = |message| Refused::bad(StatusCode::BAD_REQUEST, message, id);
    let (mut query, mut operation_name, mut variables, mut extensions) = (None, None, None, None);
    for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        let slot = match &*name {
            "query" => &mut query,
            "operationName" => &mut operation_name,
            "variables" => &mut variables,
            "extensions" => &mut extensions,
            _ => return Err(bad("The parameters are query, operationName, variables and extensions.")),
        };
        if slot.replace(value.into_owned()).is_some() {
            return Err(bad("A parameter came twice."));
        }
    }
    Ok(Asked {
        query: query.ok_or_else(|| bad("The parameter query is missing."))?,
        operation_name: operation_name.filter(|name| !name.is_empty()),
        variables: object(variables).map_err(bad)?,
        _extensions: object(extensions).map_err(bad)?,
    })
}

/// The JSON object that a parameter holds, if it was given.
fn object<T: DeserializeOwned>(text: Option<String>) -> Result<Option<T>, &'static str> {
    let text = text.filter(|text| !text.is_empty());
    text.map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|_| "variables and extensions are JSON objects.")
}

/// The request in the body of a POST.
pub(super) async fn read_body(
    headers: &HeaderMap,
    body: Body,
    settings: &Settings,
    id: &str,
) -> Result<Asked, Refused> {
    if !is_json(headers) {
        let message = "Send the body as application/json in UTF-8.";
        return Err(Refused::bad(StatusCode::UNSUPPORTED_MEDIA_TYPE, message, id));
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        let message = "Send the body as it is, without a Content-Encoding.";
        return Err(Refused::bad(StatusCode::UNSUPPORTED_MEDIA_TYPE, message, id));
    }
    let too_large = || Refused::bad(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large.", id);
    // What a client announces is believed, so that nobody waits for it.
    if body.size_hint().lower() > settings.body_limit as u64 {
        return Err(too_large());
    }
    let whole = Limited::new(body, settings.body_limit).collect();
    let Ok(read) = timeout(settings.body_timeout, whole).await else {
        return Err(Refused::bad(StatusCode::REQUEST_TIMEOUT, "The body took too long to arrive.", id));
    };
    let bytes = match read {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(too_large()),
        Err(_) => {
            return Err(Refused::bad(StatusCode::BAD_REQUEST, "The body could not be read to its end.", id));
        }
    };
    // Serde would take an array of the fields' values too.
    let is_object = bytes.trim_ascii_start().starts_with(b"{");
    let asked = if is_object { serde_json::from_slice(&bytes).ok() } else { None };
    asked.ok_or_else(|| {
        let message =
            "The body is a JSON object with query (a string), operationName, variables and extensions.";
        Refused::bad(StatusCode::BAD_REQUEST, message, id)
    })
}
