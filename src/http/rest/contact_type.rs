//! The types that contacts of accounts can have, as values of an attribute: `/v1/accounts/attributes`.

use axum::{Extension, extract::Path};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    answer::{Answer, Answered, time},
    call::{Asked, Called, Given},
};
use crate::{
    entity::contact_type::{Entity, Model},
    service::{
        ListRequest, PageRequest, Patch, contact_type as types,
        page::{MAX_NUMBERED_PAGE_SIZE, Paged},
        retried,
    },
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(update, delete))
}

/// The attribute that values belong to; the gateway keeps those of contact types.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Attribute {
    ContactType,
}

/// A value of an attribute.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AttributeValue {
    /// Its id, which contacts take as `contactType`.
    id: String,
    /// The attribute.
    attribute: Attribute,
    /// The value: the name of the type.
    value: String,
    /// Whether contacts have it that are made without a type.
    is_default: bool,
    /// Always empty.
    configuration: Map<String, Value>,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<&Model> for AttributeValue {
    fn from(row: &Model) -> Self {
        Self {
            id: row.id.to_string(),
            attribute: Attribute::ContactType,
            value: row.name.clone(),
            is_default: row.is_default,
            configuration: Map::new(),
            created_at: time(row.created_at),
            updated_at: time(row.updated_at),
        }
    }
}

/// Which values are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Attributes {
    /// The attribute.
    #[serde(rename = "attribute")]
    #[param(inline)]
    _attribute: Attribute,
}

/// A new value.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct NewAttributeValue {
    /// The attribute.
    #[serde(rename = "attribute")]
    _attribute: Attribute,
    /// The value: the name of the type.
    #[schema(min_length = 1)]
    value: String,
    /// Whether contacts are to have it that are made without a type.
    #[serde(default)]
    is_default: bool,
}

/// What is to change. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct UpdateAttributeValue {
    /// The value: the name of the type.
    #[serde(default)]
    #[schema(required = false, value_type = String, min_length = 1)]
    value: Patch<String>,
    /// Whether contacts are to have it that are made without a type.
    #[serde(default)]
    #[schema(required = false, value_type = bool)]
    is_default: Patch<bool>,
}

/// List the contact types
#[utoipa::path(
    get,
    path = "/v1/accounts/attributes",
    tag = "Contact types",
    operation_id = "listAttributeValues",
    params(Attributes),
    responses((status = 200, description = "The values.", body = Vec<AttributeValue>))
)]
async fn list(Extension(call): Called, Asked(_): Asked<Attributes>) -> Answered {
    let page = PageRequest::numbered(Entity::ORDER, MAX_NUMBERED_PAGE_SIZE, 0, Vec::new(), false);
    let page = types::list(&call.db, &call.request, &ListRequest { filter: None, page }).await?;
    Answer::ok(&page.items.iter().map(AttributeValue::from).collect::<Vec<_>>())
}

/// Create a contact type
#[utoipa::path(
    post,
    path = "/v1/accounts/attributes",
    tag = "Contact types",
    operation_id = "createAttributeValue",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes repeating the call harmless.")),
    request_body = NewAttributeValue,
    responses((status = 201, description = "The value.", body = AttributeValue))
)]
async fn create(Extension(call): Called, Given(body): Given<NewAttributeValue>) -> Answered {
    let input = types::CreateContactType {
        name: body.value,
        is_default: body.is_default,
        idempotency_key: call.idempotency_key.clone(),
    };
    let row = retried(|| types::create(&call.db, &call.request, &input)).await?;
    Ok(Answer::created(&AttributeValue::from(&row))?.version(row.version))
}

/// Update a contact type
#[utoipa::path(
    put,
    path = "/v1/accounts/attributes/{id}",
    tag = "Contact types",
    operation_id = "updateAttributeValue",
    params(
        ("id" = String, Path, description = "The value's id."),
        ("If-Match" = Option<String>, Header, description = "The ETag of the value as it was answered."),
    ),
    request_body = UpdateAttributeValue,
    responses((status = 200, description = "The value.", body = AttributeValue))
)]
async fn update(
    Extension(call): Called,
    Path(id): Path<String>,
    Given(body): Given<UpdateAttributeValue>,
) -> Answered {
    let UpdateAttributeValue { value: name, is_default } = body;
    let changes = types::UpdateContactType { name, is_default, expected_version: call.expected_version };
    let row = retried(|| types::update(&call.db, &call.request, &id, &changes)).await?;
    Ok(Answer::ok(&AttributeValue::from(&row))?.version(row.version))
}

/// Delete a contact type
///
/// Neither the default nor one that contacts have.
#[utoipa::path(
    delete,
    path = "/v1/accounts/attributes/{id}",
    tag = "Contact types",
    operation_id = "deleteAttributeValue",
    params(
        ("id" = String, Path, description = "The value's id."),
        ("If-Match" = Option<String>, Header, description = "The ETag of the value as it was answered."),
    ),
    responses((status = 204, description = "It is deleted."))
)]
async fn delete(Extension(call): Called, Path(id): Path<String>) -> Answered {
    retried(|| types::delete(&call.db, &call.request, &id, None, call.expected_version)).await?;
    Answer::no_content()
}
