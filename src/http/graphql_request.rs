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

use super::{body, request_error::RequestError, state::Settings};
use crate::{
    error::{AppError, Code},
    graphql::document::{OwnedDocumentReference, plain_id},
    service::json::keep_numbers,
};

/// A request. It brings its document, names it by an id, or does both.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
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

/// The extensions that are known; others are passed over.
#[derive(Deserialize)]
struct Extensions {
    #[serde(rename = "persistedQuery", default)]
    persisted_query: Option<Object<PersistedQuery>>,
}

/// An id as Apollo's clients send it.
#[derive(Deserialize)]
struct PersistedQuery {
    version: u64,
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
        if persisted.is_some_and(|persisted| persisted.0.version != 1) {
            return Err("The version of extensions.persistedQuery must be 1.");
        }
        let persisted = persisted.map(|persisted| &persisted.0.sha256_hash);
        let ids = [self.document_id.as_ref(), self.doc_id.as_ref(), persisted];
        let mut ids = ids.into_iter().flatten().map(|id| plain_id(id));
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
    let bad = |message| RequestError::bad(StatusCode::BAD_REQUEST, message, id);
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
            _ => return Err(bad(PARAMETERS)),
        };
        if slot.replace(value.into_owned()).is_some() {
            return Err(bad("Duplicate parameter. Send each parameter once."));
        }
    }
    request.variables = object(variables).map_err(bad)?;
    request.extensions = object(extensions).map_err(bad)?;
    Ok(request)
}

const PARAMETERS: &str = "Unknown parameter. The parameters are query, documentId, doc_id, operationName, variables and extensions.";
const BODY: &str = "The body must be a JSON object with query, documentId, doc_id and operationName (strings), variables and \
                    extensions (objects); extensions.persistedQuery has version (1) and sha256Hash (a string).";

/// The JSON object that a parameter holds, if it was given.
fn object<T: DeserializeOwned>(text: Option<String>) -> Result<Option<T>, &'static str> {
    let text = text.filter(|text| !text.is_empty());
    text.map(|text| serde_json::from_slice(&keep_numbers(text.as_bytes())))
        .transpose()
        .map_err(|_| "variables and extensions must be JSON objects, and extensions.persistedQuery must have version and sha256Hash.")
}

/// The request in the body of a POST.
pub(super) async fn read_body(
    headers: &HeaderMap,
    body: Body,
    settings: &Settings,
    id: &str,
) -> Result<GraphqlRequest, RequestError> {
    let bytes = body::read(headers, body, settings)
        .await
        .map_err(|(status, message)| RequestError::bad(status, message, id))?;
    // Serde would take an array of the fields' values too.
    let is_object = bytes.trim_ascii_start().starts_with(b"{");
    let request = is_object.then(|| serde_json::from_slice(&keep_numbers(&bytes)));
    match request {
        Some(Ok(request)) => Ok(request),
        Some(Err(error)) if error.is_syntax() => {
            Err(RequestError::new(&AppError::request(Code::BadRequest, body::not_json(&error)), id))
        }
        _ => Err(RequestError::bad(StatusCode::BAD_REQUEST, BODY, id)),
    }
}
