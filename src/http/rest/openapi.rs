//! The OpenAPI document, generated from the handlers, and the operations that the middleware validates against.
//!
//! The error responses that all routes of a family share are added here.

use std::collections::HashMap;

use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use utoipa::{
    OpenApi, PartialSchema, ToSchema,
    openapi::{RefOr, schema::Schema},
};

use super::{
    error_body::{ApiError, HttpError, ValidationErrors},
    family::Family,
    problem::ProblemKind,
};

/// The description of the header Idempotency-Key.
pub(super) const IDEMPOTENCY_KEY_DESCRIPTION: &str = "A key of 1 to 255 characters, chosen by the client. Repeating the \
     request with the same key and body returns the first result and writes nothing.";
/// The description of the header If-Match.
pub(super) const IF_MATCH_DESCRIPTION: &str = "ETag of the version that the client last read, a list of tags, or `*`. If \
     none of them is the current tag, nothing is written and the status is 412. Weak tags never match.";
/// The description of the header If-None-Match.
pub(super) const IF_NONE_MATCH_DESCRIPTION: &str = "ETag of the version that the client has, a list of tags, or `*`. If one \
     of them is the current tag, the status is 304 and there is no body.";

/// The document without its routes.
#[derive(OpenApi)]
#[openapi(info(
    title = "contact-gateway",
    description = "REST API for contacts, compatible with the contact routes of three products. It uses the same data and rules as the GraphQL API."
))]
struct BaseDocument;

/// The document, and the operations by path and method.
pub(super) struct Document {
    pub(super) json: Value,
    pub(super) operations: HashMap<String, HashMap<Method, Operation>>,
}

/// An operation, as the middleware uses it.
#[derive(Debug)]
pub(super) struct Operation {
    /// Whether the operation needs no token.
    pub(super) is_public: bool,
    /// The method and the path's pattern, for the log and the metrics.
    pub(super) name: String,
    /// The schema of the body, if there is one.
    pub(super) body: Option<Value>,
    /// The schema of the query: an object with the parameters as properties.
    pub(super) query: Value,
}

impl Document {
    /// The document of the families' routes.
    pub(super) fn new(families: impl IntoIterator<Item = (Family, utoipa::openapi::OpenApi)>) -> Self {
        let mut json = value(&BaseDocument::openapi());
        json["components"] = json!({
            "schemas": {},
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
        });
        json["security"] = json!([{ "token": [] }]);
        for (family, routes) in families {
            let mut routes = value(&routes);
            add_error_responses(family, &mut routes["paths"]);
            merge(&mut json["paths"], routes["paths"].take());
            merge(&mut json["components"]["schemas"], routes["components"]["schemas"].take());
            merge(&mut json["components"]["schemas"], error_schemas(family));
        }
        let operations = operations(&json["paths"]);
        Self { json, operations }
    }
}

fn value(document: &utoipa::openapi::OpenApi) -> Value {
    // Strings and numbers always serialize.
    serde_json::to_value(document).unwrap_or_default()
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

fn error_schemas(family: Family) -> Value {
    match family {
        Family::Internal => schemas::<ValidationErrors>(),
        Family::Account => schemas::<HttpError>(),
        Family::Organization => schemas::<ApiError>(),
    }
}

/// The schemas of a type and of the types that it refers to, by name.
fn schemas<T: ToSchema + PartialSchema>() -> Value {
    let mut schemas: Vec<(String, RefOr<Schema>)> = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut schemas);
    let schemas = schemas.into_iter().map(|(name, schema)| (name, json!(schema)));
    Value::Object(schemas.collect())
}

/// The operations of a path, with their methods.
fn methods(path: &mut Value) -> impl Iterator<Item = (Method, &mut Value)> {
    let members = path.as_object_mut().into_iter().flatten();
    members.filter_map(|(name, operation)| Some((method(name)?, operation)))
}

fn method(name: &str) -> Option<Method> {
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE]
        .into_iter()
        .find(|method| method.as_str().eq_ignore_ascii_case(name))
}

/// Adds the error responses to each operation.
fn add_error_responses(family: Family, paths: &mut Value) {
    for (path, item) in paths.as_object_mut().into_iter().flatten() {
        for (method, operation) in methods(item) {
            operation
                .get_mut("parameters")
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
                .for_each(without_null);
            let kinds = problem_kinds(family, path, &method, operation);
            let is_read_of_record = method == Method::GET && is_conditional(operation);
            let Some(responses) = operation["responses"].as_object_mut() else { continue };
            for kind in kinds {
                let status = family.status(kind);
                responses
                    .entry(status.as_u16().to_string())
                    .or_insert_with(|| error_response(family, status));
            }
            if is_read_of_record {
                responses.insert(
                    "304".to_owned(),
                    json!({ "description": "The client has the current version." }),
                );
            }
        }
    }
}

/// An optional parameter can be omitted, but it cannot be null: a query has no null.
fn without_null(parameter: &mut Value) {
    let is_null = |schema: &Value| *schema == "null" || schema["type"] == "null";
    let schema = &mut parameter["schema"];
    for list in ["type", "oneOf"] {
        let Some(kinds) = schema.get_mut(list).and_then(Value::as_array_mut) else { continue };
        kinds.retain(|kind| !is_null(kind));
        let [only] = &kinds[..] else { continue };
        let only = only.clone();
        match list {
            "type" => schema[list] = only,
            _ => *schema = only,
        }
    }
}

/// The kinds of errors that the operation can return.
fn problem_kinds(family: Family, path: &str, method: &Method, operation: &Value) -> Vec<ProblemKind> {
    let mut kinds = vec![
        ProblemKind::Unauthenticated,
        ProblemKind::Invalid,
        ProblemKind::RateLimited,
        ProblemKind::Internal,
        ProblemKind::Unavailable,
        ProblemKind::Timeout,
    ];
    if !is_public(operation) {
        kinds.push(ProblemKind::Forbidden);
    }
    let has_body = operation.get("requestBody").is_some();
    if has_body {
        kinds.extend([
            ProblemKind::BodyTimeout,
            ProblemKind::TooLarge,
            ProblemKind::UnsupportedMediaType,
            ProblemKind::Unreadable,
        ]);
    }
    // Unknown accounts and contact types in the body of this family are 404 too.
    if path.contains('{') || (family == Family::Account && has_body) {
        kinds.push(ProblemKind::NotFound);
    }
    if *method != Method::GET && !is_public(operation) {
        kinds.push(ProblemKind::Conflict);
    }
    if is_conditional(operation) {
        kinds.push(ProblemKind::PreconditionFailed);
    }
    kinds
}

/// Whether the headers If-Match and If-None-Match are compared with the ETag of a record.
fn is_conditional(operation: &Value) -> bool {
    let mut headers = parameters(operation, "header").map(|parameter| &parameter["name"]);
    headers.any(|name| name == "If-Match" || name == "If-None-Match")
}

fn error_response(family: Family, status: StatusCode) -> Value {
    json!({
        "description": status.canonical_reason().unwrap_or_default(),
        "content": { "application/json": {
            "schema": { "$ref": format!("#/components/schemas/{}", family.error_schema()) },
        } },
    })
}

fn parameters<'a>(operation: &'a Value, part: &'a str) -> impl Iterator<Item = &'a Value> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters.filter(move |parameter| parameter["in"] == part)
}

fn operations(paths: &Value) -> HashMap<String, HashMap<Method, Operation>> {
    let paths = paths.as_object().into_iter().flatten();
    paths.map(|(path, item)| (path.clone(), operations_of(path, item))).collect()
}

fn operations_of(path: &str, item: &Value) -> HashMap<Method, Operation> {
    let members = item.as_object().into_iter().flatten();
    members
        .filter_map(|(name, operation)| {
            let method = method(name)?;
            let name = format!("{method} {path}");
            let body = operation.pointer("/requestBody/content/application~1json/schema").cloned();
            let is_public = is_public(operation);
            Some((method, Operation { is_public, name, body, query: query_schema(operation) }))
        })
        .collect()
}

/// Whether the operation declares that it needs no token.
fn is_public(operation: &Value) -> bool {
    operation["security"].as_array().is_some_and(|schemes| schemes.iter().all(|scheme| *scheme == json!({})))
}

/// The query parameters as the schema of one object.
fn query_schema(operation: &Value) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for parameter in parameters(operation, "query") {
        let name = parameter["name"].as_str().unwrap_or_default();
        properties.insert(name.to_owned(), parameter["schema"].clone());
        if parameter["required"] == true {
            required.push(name);
        }
    }
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::PUBLISHED;
    use super::*;

    /// The keywords that `json_schema` checks, and those that need no check.
    const KNOWN: [&str; 20] = [
        "$ref",
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "enum",
        "oneOf",
        "minimum",
        "maximum",
        "minLength",
        "minItems",
        "maxItems",
        "description",
        "format",
        "default",
        "example",
        "examples",
        "propertyNames",
        "title",
    ];

    #[test]
    fn requests_are_described_by_keywords_that_are_checked() {
        let document = &PUBLISHED.document;
        let mut schemas: Vec<&Value> = Vec::new();
        for operation in document.operations.values().flat_map(HashMap::values) {
            schemas.extend(&operation.body);
            schemas.push(&operation.query);
        }
        assert!(schemas.len() > 25, "{}", schemas.len());
        while let Some(schema) = schemas.pop() {
            for (keyword, value) in schema.as_object().into_iter().flatten() {
                assert!(KNOWN.contains(&keyword.as_str()), "{keyword} is not checked: {schema}");
                match keyword.as_str() {
                    "$ref" => schemas.push(resolve_reference(&document.json, value)),
                    "properties" => schemas.extend(value.as_object().into_iter().flat_map(Map::values)),
                    "items" => schemas.push(value),
                    "minLength" | "minItems" => assert_eq!(value, 1, "{schema}"),
                    "oneOf" => {
                        let choices = value.as_array().expect("choices");
                        assert_eq!(
                            choices.iter().filter(|choice| choice["type"] != "null").count(),
                            1,
                            "{schema}"
                        );
                        schemas.extend(choices);
                    }
                    _ => {}
                }
            }
        }
    }

    fn resolve_reference<'a>(document: &'a Value, reference: &Value) -> &'a Value {
        let pointer = reference.as_str().and_then(|name| name.strip_prefix('#')).expect("a local reference");
        document.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
    }
}
