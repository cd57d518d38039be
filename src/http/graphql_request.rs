//! The GraphQL request of a client, read from the parameters of a GET or from the body of a POST.
//!
//! Variables stay a text until the request has its permit and memory for their values.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use async_graphql::{Request, Variables};
use axum::http::{StatusCode, Uri};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

use super::{
    body,
    request_error::RequestError,
    request_memory::{JsonError, RequestReservation, check_json},
};
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
    variables: Option<RawVariables>,
    extensions: Option<Object<Extensions>>,
}

/// Variables, as the JSON text of an object.
struct RawVariables(Box<RawValue>);

impl<'de> Deserialize<'de> for RawVariables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if raw.get().starts_with('{') { Ok(Self(raw)) } else { Err(D::Error::custom("not an object")) }
    }
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
    /// The request to the executor, and how it names its document. Memory is reserved for the values of its variables.
    pub(super) fn into_request(
        self,
        memory: &mut RequestReservation,
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
        if let Some(RawVariables(raw)) = self.variables {
            request.variables = read_variables(&raw, memory, request_id)?;
        }
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

fn read_variables(
    raw: &RawValue,
    memory: &mut RequestReservation,
    request_id: &str,
) -> Result<Variables, RequestError> {
    let invalid = |error| {
        let message = body::not_json("value of variables", &error);
        RequestError::new(&AppError::request(Code::BadRequest, message), request_id)
    };
    memory.grow_for_values(raw.get().as_bytes()).map_err(|error| match error {
        JsonError::Invalid(error) => invalid(error),
        JsonError::NoMemory(error) => RequestError::no_memory(error, request_id),
    })?;
    serde_json::from_str(raw.get()).map_err(invalid)
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
    let read = |text: String| {
        let text = json_text(text.as_bytes());
        check_json(&text)?;
        serde_json::from_slice::<Option<T>>(&text)
    };
    let value = text.map(read).transpose();
    value.map(Option::flatten).map_err(|_| format!("The parameter {name} must be a JSON object{members}."))
}

/// The request in the body of a POST.
pub(super) fn read_body(bytes: &[u8], id: &str) -> Result<GraphqlRequest, RequestError> {
    let bad = |message: String| RequestError::bad(StatusCode::BAD_REQUEST, message, id);
    let text = json_text(bytes);
    let unusable =
        || bad(format!("{BODY}{}", wrong_member(&serde_json::from_slice(&text).unwrap_or_default())));
    // Serde would take an array of the fields' values too.
    if !text.trim_ascii_start().starts_with(b"{") {
        return Err(unusable());
    }
    check_json(&text).map_err(|error| match error.is_eof() {
        true => bad("The body ends within its JSON. Send it complete.".to_owned()),
        false => bad(body::not_json("body", &error)),
    })?;
    serde_json::from_slice(&text).map_err(|_| unusable())
}

/// The members of an object, each as JSON text.
pub(super) type Members<'a> = BTreeMap<String, &'a RawValue>;

/// Which member of a body has another type, as the end of a message.
pub(super) fn wrong_member(members: &Members<'_>) -> String {
    let is_wrong = |name: &str, value: &str| match name {
        "query" | "documentId" | "doc_id" | "operationName" => !value.starts_with(['"', 'n']),
        "variables" => !value.starts_with(['{', 'n']),
        "extensions" => serde_json::from_str::<Option<Object<Extensions>>>(value).is_err(),
        _ => false,
    };
    let mut wrong = members.iter().filter(|(name, value)| is_wrong(name, value.get())).map(|(name, _)| name);
    wrong.next().map_or_else(
        || " Send each member once.".to_owned(),
        |name| format!(" The member {name} is of another type."),
    )
}
