//! Contact types, as values of an attribute: `/v1/accounts/attributes`.

use axum::{Extension, extract::Path};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    call::{CallExtension, ValidatedBody, ValidatedQuery},
    openapi::{IDEMPOTENCY_KEY_DESCRIPTION, IF_MATCH_DESCRIPTION},
    response::{RestResponse, RestResult, time},
};
use crate::{
    entity::{
        Columns,
        contact_type::{Entity, Model},
    },
    service::{
        ListRequest, PageRequest, Patch, contact_type as types,
        page::{MAX_NUMBERED_PAGE_SIZE, Paged},
        reading, retried,
    },
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(update, delete))
}

/// The attribute of the values. Only contact types are supported.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Attribute {
    ContactType,
}

/// A value of an attribute.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AttributeValue {
    /// Id of the value, for the field `contactType` of contacts.
    id: String,
    /// Name of the attribute.
    attribute: Attribute,
    /// Name of the contact type.
    value: String,
    /// Whether new contacts get this type by default.
    is_default: bool,
    /// Always empty.
    configuration: Map<String, Value>,
    /// When the record was created.
    #[schema(format = DateTime)]
    created_at: String,
    /// When the record was last changed.
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

/// The attribute to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Attributes {
    /// Name of the attribute.
    #[serde(rename = "attribute")]
    #[param(inline)]
    _attribute: Attribute,
}

/// The value to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct NewAttributeValue {
    /// Name of the attribute.
    #[serde(rename = "attribute")]
    _attribute: Attribute,
    /// Name of the contact type.
    #[schema(min_length = 1)]
    value: String,
    /// Whether new contacts get this type by default.
    #[serde(default)]
    is_default: bool,
}

/// The fields to update. An omitted field keeps its value.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct UpdateAttributeValue {
    /// Name of the contact type.
    #[serde(default)]
    #[schema(required = false, value_type = String, min_length = 1)]
    value: Patch<String>,
    /// Whether new contacts get this type by default.
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
async fn list(Extension(call): CallExtension, ValidatedQuery(_): ValidatedQuery<Attributes>) -> RestResult {
    let page = PageRequest::numbered(Entity::ORDER, MAX_NUMBERED_PAGE_SIZE, 0, Vec::new(), false);
    let list = ListRequest { filter: None, page };
    let page = reading::list::<Entity>(&call.db, &call.request, Columns::all(), &list).await?;
    RestResponse::ok(&page.items.iter().map(AttributeValue::from).collect::<Vec<_>>())
}

/// Create a contact type
#[utoipa::path(
    post,
    path = "/v1/accounts/attributes",
    tag = "Contact types",
    operation_id = "createAttributeValue",
    params(("Idempotency-Key" = Option<String>, Header, description = IDEMPOTENCY_KEY_DESCRIPTION)),
    request_body = NewAttributeValue,
    responses((status = 201, description = "The value.", body = AttributeValue))
)]
async fn create(
    Extension(call): CallExtension,
    ValidatedBody(body): ValidatedBody<NewAttributeValue>,
) -> RestResult {
    let input = types::CreateContactType {
        name: body.value,
        is_default: body.is_default,
        idempotency_key: call.idempotency_key.clone(),
    };
    let row = retried(|| types::create(&call.db, &call.request, &input)).await?;
    Ok(RestResponse::created(&AttributeValue::from(&row))?.with_version(row.version))
}

/// Update a contact type
#[utoipa::path(
    put,
    path = "/v1/accounts/attributes/{id}",
    tag = "Contact types",
    operation_id = "updateAttributeValue",
    params(
        ("id" = String, Path, description = "Id of the value."),
        ("If-Match" = Option<String>, Header, description = IF_MATCH_DESCRIPTION),
    ),
    request_body = UpdateAttributeValue,
    responses((status = 200, description = "The value.", body = AttributeValue))
)]
async fn update(
    Extension(call): CallExtension,
    Path(id): Path<String>,
    ValidatedBody(body): ValidatedBody<UpdateAttributeValue>,
) -> RestResult {
    let UpdateAttributeValue { value: name, is_default } = body;
    let expected_version = call.expected_version::<Entity>(&id).await?;
    let changes = types::UpdateContactType { name, is_default, expected_version };
    let row = retried(|| types::update(&call.db, &call.request, &id, &changes)).await?;
    Ok(RestResponse::ok(&AttributeValue::from(&row))?.with_version(row.version))
}

/// Delete a contact type
///
/// The default type, and a type that any contact has, cannot be deleted.
#[utoipa::path(
    delete,
    path = "/v1/accounts/attributes/{id}",
    tag = "Contact types",
    operation_id = "deleteAttributeValue",
    params(
        ("id" = String, Path, description = "Id of the value."),
        ("If-Match" = Option<String>, Header, description = IF_MATCH_DESCRIPTION),
    ),
    responses((status = 204, description = "Deleted."))
)]
async fn delete(Extension(call): CallExtension, Path(id): Path<String>) -> RestResult {
    let expected = call.expected_version::<Entity>(&id).await?;
    retried(|| types::delete(&call.db, &call.request, &id, None, expected)).await?;
    RestResponse::no_content()
}
