//! The GraphQL request of a client, read from the parameters of a GET or from the body of a POST.

use std::{fmt, marker::PhantomData};

use async_graphql::{Request, Variables};
use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, Uri},
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{Map, Value as Json, json};

use super::{body, request_error::RequestError, state::Settings};
use crate::{
    error::{AppError, Code},
    graphql::document::{OwnedDocumentReference, plain_id},
    service::json::json_text,
};

/// A request. It brings its document, names it by an id, or does both. Other members are ignored: libraries send their own.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct GraphqlRequest {
    query: Option<String>,
    /// As the specification of persisted documents has it.
    #[serde(rename = "documentId")]
    document_id: Option<String>,
    /// As Relay's clients do.
    doc_id: Option<String>,
    #[serde(rename = "operationName")]
    operation_name: Option<String>,
    variables: Option<Variables>,
    extensions: Option<Object<Extensions>>,
}

/// The extensions that are known; others are ignored.
#[derive(Deserialize)]
struct Extensions {
    #[serde(rename = "persistedQuery", default)]
    persisted_query: Option<Object<PersistedQuery>>,
}

/// An id as Apollo's clients send it.
#[derive(Deserialize)]
struct PersistedQuery {
    /// A whole number, which some clients write as `1.0`.
    version: f64,
    #[serde(rename = "sha256Hash")]
    sha256_hash: String,
}

/// What is read from a JSON object and from nothing else: serde would take an array of the fields' values too.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfMap<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OfMap<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(OfMap(PhantomData))
    }
}

impl GraphqlRequest {
    /// The request to the executor, and how it names its document.
    pub(super) fn into_request(
        self,
        request_id: &str,
    ) -> Result<(Request, OwnedDocumentReference), RequestError> {
        let bad = |message| RequestError::bad(StatusCode::BAD_REQUEST, message, request_id);
        let id = self.id().map_err(bad)?.map(str::to_owned);
        let reference = match (self.query.as_deref(), id) {
            (Some(_), None) => OwnedDocumentReference::Text,
            // Clients of graphql-transport-ws cannot leave the text out.
            (None | Some(""), Some(id)) => OwnedDocumentReference::Id(id),
            (Some(_), Some(id)) => OwnedDocumentReference::Both(id),
            (None, None) => return Err(bad("Send query, documentId, doc_id or extensions.persistedQuery.")),
        };
        let mut request = Request::new(self.query.unwrap_or_default());
        request.operation_name = self.operation_name;
        request.variables = self.variables.unwrap_or_default();
        Ok((request, reference))
    }

    fn id(&self) -> Result<Option<&str>, &'static str> {
        let persisted = self.extensions.as_ref().and_then(|it| it.0.persisted_query.as_ref());
        if persisted.is_some_and(|persisted| persisted.0.version != 1.0) {
            return Err("The version of extensions.persistedQuery must be 1.");
        }
        let persisted = persisted.map(|persisted| &persisted.0.sha256_hash);
        // Beside a document, an empty id is none: some clients always send the member.
        let own = [self.document_id.as_ref(), self.doc_id.as_ref()].into_iter().flatten();
        let own = own.filter(|id| !id.is_empty() || self.query.is_none());
        let mut ids = own.chain(persisted).map(|id| plain_id(id));
        let id = ids.next();
        if ids.any(|other| id != Some(other)) {
            return Err(
                "The ids in documentId, doc_id and extensions.persistedQuery differ. Send one of them.",
            );
        }
        Ok(id)
    }
}

/// The request in the parameters of a GET.
pub(super) fn read_query(uri: &Uri, id: &str) -> Result<GraphqlRequest, RequestError> {
    let bad = |message: String| RequestError::bad(StatusCode::BAD_REQUEST, message, id);
    let mut request = GraphqlRequest::default();
    let (mut variables, mut extensions) = (None, None);
    for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        let slot = match &*name {
            "query" => &mut request.query,
            "documentId" => &mut request.document_id,
            "doc_id" => &mut request.doc_id,
            "operationName" => &mut request.operation_name,
            "variables" => &mut variables,
            "extensions" => &mut extensions,
            // Such as those that proxies route by.
            _ => continue,
        };
        if slot.replace(value.into_owned()).is_some() {
            return Err(bad(format!("The parameter {name} was sent twice. Send it once.")));
        }
    }
    request.variables = object("variables", "", variables).map_err(bad)?;
    let members = ", and its persistedQuery an object with version (1) and sha256Hash (a string)";
    request.extensions = object("extensions", members, extensions).map_err(bad)?;
    Ok(request)
}

const BODY: &str = "The body must be a JSON object with query, documentId, doc_id and operationName (strings), variables and \
                    extensions (objects); extensions.persistedQuery has version (1) and sha256Hash (a string).";

/// The JSON object that a parameter holds, if it was given.
fn object<T: DeserializeOwned>(name: &str, members: &str, text: Option<String>) -> Result<Option<T>, String> {
    let text = text.filter(|text| !text.is_empty());
    let value = text.map(|text| serde_json::from_slice::<Option<T>>(&json_text(text.as_bytes()))).transpose();
    value.map(Option::flatten).map_err(|_| format!("The parameter {name} must be a JSON object{members}."))
}

/// The request in the body of a POST.
pub(super) async fn read_body(
    headers: &HeaderMap,
    body: Body,
    settings: &Settings,
    id: &str,
) -> Result<GraphqlRequest, RequestError> {
    let bytes = body::read(headers, body, settings).await.map_err(|error| RequestError::body(error, id))?;
    let text = json_text(&bytes);
    // Serde would take an array of the fields' values too.
    let is_object = text.trim_ascii_start().starts_with(b"{");
    let request = is_object.then(|| serde_json::from_slice(&text));
    match request {
        Some(Ok(request)) => Ok(request),
        Some(Err(error)) if error.is_eof() => {
            let message = "The body ends within its JSON. Send it complete.";
            Err(RequestError::bad(StatusCode::BAD_REQUEST, message, id))
        }
        Some(Err(error)) if error.is_syntax() => {
            Err(RequestError::new(&AppError::request(Code::BadRequest, body::not_json(&error)), id))
        }
        _ => Err(RequestError::bad(
            StatusCode::BAD_REQUEST,
            format!("{BODY}{}", wrong_member(&serde_json::from_slice(&text).unwrap_or_default())),
            id,
        )),
    }
}

/// Which member of a body has another type, as the end of a message.
pub(super) fn wrong_member(members: &Map<String, Json>) -> String {
    let is_wrong = |(name, value): (&String, &Json)| match name.as_str() {
        "query" | "documentId" | "doc_id" | "operationName" => !(value.is_string() || value.is_null()),
        "variables" => !(value.is_object() || value.is_null()),
        "extensions" => GraphqlRequest::deserialize(json!({ "extensions": value })).is_err(),
        _ => false,
    };
    let mut wrong = members.iter().filter(|member| is_wrong(*member)).map(|(name, _)| name);
    wrong.next().map_or_else(
        || " Send each member once.".to_owned(),
        |name| format!(" The member {name} is of another type."),
    )
}
