//! Account contacts: `/v1/accounts/contacts`. `representation` has the response body, `bulk` the bulk creation.

mod bulk;
mod representation;

use axum::{Extension, extract::Path};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::representation::{CustomerContact, represent, represent_one};
use super::{
    call::{CallExtension, ValidatedBody, ValidatedQuery},
    openapi::{IDEMPOTENCY_KEY_DESCRIPTION, IF_MATCH_DESCRIPTION, IF_NONE_MATCH_DESCRIPTION},
    problem::Problem,
    response::{RestResponse, RestResult},
};
use crate::{
    entity::{
        Columns,
        account_contact::Entity,
        id::{AccountContactId, AccountId, ContactTypeId},
    },
    service::{
        ListRequest, PageRequest, Patch,
        account_contact::{self as contacts, CustomFieldPatch},
        custom_field::CustomFieldInput,
        filter::{Comparison, Field, Filter, Quantifier, Relation},
        page::Paged,
        reading, record, retried,
    },
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(search))
        .routes(routes!(filter))
        .routes(routes!(bulk::create))
        .routes(routes!(get, update, delete))
}

/// The values of one custom field. An empty object is ignored.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CustomFieldValues {
    /// Id of the custom field.
    custom_field_id: Option<String>,
    /// The values: one, several for a multiple choice, or none to clear the field.
    #[schema(max_items = 250)]
    data: Option<Vec<CustomFieldDatum>>,
}

/// A value of a custom field.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CustomFieldDatum {
    /// The value as JSON, in the format of the field's type.
    #[serde(default)]
    value: Value,
}

impl CustomFieldValues {
    /// The input of the service. None for an empty object.
    fn into_input(self) -> Option<CustomFieldInput> {
        if self.custom_field_id.is_none() && self.data.is_none() {
            return None;
        }
        let mut values: Vec<Value> =
            self.data.into_iter().flatten().map(|CustomFieldDatum { value }| value).collect();
        let value = match values.len() {
            0 | 1 => values.pop().unwrap_or_default(),
            _ => Value::Array(values),
        };
        Some(CustomFieldInput { custom_field_id: self.custom_field_id.unwrap_or_default(), value })
    }
}

fn inputs(values: Option<Vec<CustomFieldValues>>) -> Vec<CustomFieldInput> {
    values.into_iter().flatten().filter_map(CustomFieldValues::into_input).collect()
}

/// The contact to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct NewCustomerContact {
    /// First name.
    #[schema(min_length = 1)]
    first_name: String,
    /// Email address, unique in the organization.
    #[schema(min_length = 1)]
    email: String,
    /// Last name.
    last_name: Option<String>,
    /// Phone number with country code.
    phone_number: Option<String>,
    /// Id of the contact type. Default: the default type of the organization.
    contact_type: Option<String>,
    /// URL of a picture, http or https.
    avatar_url: Option<String>,
    /// Ids of the accounts that the contact belongs to.
    #[schema(max_items = 100)]
    account_ids: Option<Vec<String>>,
    /// Values of custom fields.
    #[schema(max_items = 100)]
    custom_field_values: Option<Vec<CustomFieldValues>>,
    /// Client-defined data: a JSON object of at most 16 KiB.
    metadata: Option<Map<String, Value>>,
}

/// The fields to update. An omitted field keeps its value, null clears an optional field.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct UpdateCustomerContact {
    /// First name.
    #[serde(default)]
    #[schema(required = false, value_type = String, min_length = 1)]
    first_name: Patch<String>,
    /// Email address, unique in the organization.
    #[serde(default)]
    #[schema(required = false, value_type = String, min_length = 1)]
    email: Patch<String>,
    /// Last name.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    last_name: Patch<String>,
    /// Phone number with country code.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    phone_number: Patch<String>,
    /// Id of the contact type.
    #[serde(default)]
    #[schema(required = false, value_type = String)]
    contact_type: Patch<String>,
    /// URL of a picture, http or https.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    avatar_url: Patch<String>,
    /// Ids of all accounts that the contact belongs to. Replaces the current list.
    #[serde(default)]
    #[schema(required = false, value_type = Vec<String>, max_items = 100)]
    account_ids: Patch<Vec<String>>,
    /// Values of custom fields. Omitted fields keep their value.
    #[serde(default)]
    #[schema(required = false, value_type = Vec<CustomFieldValues>, max_items = 100)]
    custom_field_values: Patch<Vec<CustomFieldValues>>,
    /// Client-defined data: a JSON object of at most 16 KiB that replaces the current one.
    #[serde(default)]
    #[schema(value_type = Option<Map<String, Value>>)]
    metadata: Patch<Map<String, Value>>,
}

/// Filter and page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
struct ContactsPage {
    /// Returns only contacts that belong to the account with this id.
    account_id: Option<String>,
    /// Returns only contacts with the contact type with this id.
    contact_type: Option<String>,
    /// Page number, starting at 1.
    #[serde(default = "first_page")]
    #[param(minimum = 1, default = 1)]
    page: u32,
    /// Page size.
    #[serde(default = "default_page_size")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    limit: u32,
}

const fn first_page() -> u32 {
    1
}

const fn default_page_size() -> u32 {
    10
}

/// The search condition.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Search {
    /// The complete email address, ignoring case.
    email: String,
}

/// The ids to look up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Ids {
    /// Ids of the contacts. Contacts that do not exist or are not accessible with this token are omitted from the
    /// response.
    #[schema(max_items = 100)]
    ids: Vec<String>,
}

/// The maximum number of ids in one lookup.
const MAX_IDS: u32 = 100;

/// Get all customer contacts
#[utoipa::path(
    get,
    path = "/v1/accounts/contacts",
    tag = "Account contacts",
    operation_id = "listCustomerContacts",
    params(ContactsPage),
    responses((status = 200, description = "The contacts of the page.", body = Vec<CustomerContact>))
)]
async fn list(
    Extension(call): CallExtension,
    ValidatedQuery(query): ValidatedQuery<ContactsPage>,
) -> RestResult {
    let number = query.page - 1;
    let at = |id: &String| match id.parse::<AccountId>() {
        Ok(id) => {
            let account = Filter::Compare(Field::new("id"), Comparison::Equal(id.into()));
            Filter::Related(Relation::AccountsOfContact, Quantifier::Some, Box::new(account))
        }
        Err(_) => Filter::Constant(false),
    };
    let of_type = |id: &String| match id.parse::<ContactTypeId>() {
        Ok(id) => Filter::Compare(Field::new("contact_type_id"), Comparison::Equal(id.into())),
        Err(_) => Filter::Constant(false),
    };
    let filters = query.account_id.iter().map(at).chain(query.contact_type.iter().map(of_type));
    let filter = Filter::All(filters.collect());
    call.charge_page(query.limit, number, Some(&filter)).await?;
    let page = PageRequest::numbered(Entity::ORDER, query.limit, number, Vec::new(), false);
    RestResponse::ok(&fetch(&call, filter, page).await?)
}

/// Search customer contacts by email address
#[utoipa::path(
    get,
    path = "/v1/accounts/contacts/search",
    tag = "Account contacts",
    operation_id = "searchCustomerContacts",
    params(Search),
    responses((status = 200, description = "The contact with this email address, or an empty list.", body = Vec<CustomerContact>))
)]
async fn search(Extension(call): CallExtension, ValidatedQuery(query): ValidatedQuery<Search>) -> RestResult {
    let filter = Filter::Compare(Field::EMAIL, Comparison::Equal(query.email.into()));
    call.charge(filter.work()).await?;
    let page = PageRequest::numbered(Entity::ORDER, 1, 0, Vec::new(), false);
    RestResponse::ok(&fetch(&call, filter, page).await?)
}

/// Look customer contacts up by their ids
#[utoipa::path(
    post,
    path = "/v1/accounts/contacts/filter/ids",
    tag = "Account contacts",
    operation_id = "filterCustomerContactsByIds",
    request_body = Ids,
    responses((status = 201, description = "The contacts that exist and are accessible with this token.", body = Vec<CustomerContact>))
)]
async fn filter(Extension(call): CallExtension, ValidatedBody(body): ValidatedBody<Ids>) -> RestResult {
    call.charge(body.ids.len() as u64).await?;
    let ids = body.ids.iter().filter_map(|id| id.parse::<AccountContactId>().ok());
    let filter = Filter::Compare(Field::new("id"), Comparison::In(ids.map(Into::into).collect()));
    let page = PageRequest::numbered(Entity::ORDER, MAX_IDS, 0, Vec::new(), false);
    RestResponse::created(&fetch(&call, filter, page).await?)
}

async fn fetch(
    call: &super::call::Call,
    filter: Filter,
    page: PageRequest,
) -> Result<Vec<CustomerContact>, Problem> {
    let list = ListRequest { filter: Some(filter), page };
    let page = reading::list::<Entity>(&call.db, &call.request, Columns::all(), &list).await?;
    Ok(represent(call, page.items).await?)
}

/// Create a customer contact
#[utoipa::path(
    post,
    path = "/v1/accounts/contacts",
    tag = "Account contacts",
    operation_id = "createCustomerContact",
    params(
        ("x-org-id" = Option<String>, Header, description = "Id of the organization. Required if the token allows several."),
        ("Idempotency-Key" = Option<String>, Header, description = IDEMPOTENCY_KEY_DESCRIPTION),
    ),
    request_body = NewCustomerContact,
    responses((status = 201, description = "The contact.", body = CustomerContact))
)]
async fn create(
    Extension(call): CallExtension,
    ValidatedBody(body): ValidatedBody<NewCustomerContact>,
) -> RestResult {
    let input = contacts::CreateAccountContact {
        first_name: body.first_name,
        email: body.email,
        last_name: body.last_name,
        phone: body.phone_number,
        contact_type_id: body.contact_type,
        avatar_url: body.avatar_url,
        account_ids: body.account_ids.unwrap_or_default(),
        custom_field_values: inputs(body.custom_field_values),
        metadata: body.metadata.map(Value::Object),
        remote_id: None,
        idempotency_key: call.idempotency_key.clone(),
    };
    let row = retried(|| contacts::create(&call.db, &call.request, &input)).await?;
    let version = row.version;
    Ok(RestResponse::created(&represent_one(&call, row).await?)?.with_version(version))
}

/// Get a customer contact
#[utoipa::path(
    get,
    path = "/v1/accounts/contacts/{id}",
    tag = "Account contacts",
    operation_id = "getCustomerContact",
    params(
        ("id" = String, Path, description = "Id of the contact."),
        ("If-None-Match" = Option<String>, Header, description = IF_NONE_MATCH_DESCRIPTION),
    ),
    responses((status = 200, description = "The contact.", body = CustomerContact))
)]
async fn get(Extension(call): CallExtension, Path(id): Path<String>) -> RestResult {
    let row = reading::get::<Entity>(&call.db, &call.request, &id).await?;
    let row = row.ok_or_else(|| Problem::not_found("id"))?;
    let version = row.version;
    Ok(RestResponse::ok(&represent_one(&call, row).await?)?.with_version(version))
}

/// Update a customer contact
#[utoipa::path(
    put,
    path = "/v1/accounts/contacts/{id}",
    tag = "Account contacts",
    operation_id = "updateCustomerContact",
    params(
        ("id" = String, Path, description = "Id of the contact."),
        ("If-Match" = Option<String>, Header, description = IF_MATCH_DESCRIPTION),
    ),
    request_body = UpdateCustomerContact,
    responses((status = 200, description = "The contact.", body = CustomerContact))
)]
async fn update(
    Extension(call): CallExtension,
    Path(id): Path<String>,
    ValidatedBody(body): ValidatedBody<UpdateCustomerContact>,
) -> RestResult {
    let changed = |CustomFieldInput { custom_field_id, value }: CustomFieldInput| {
        let value = if value.is_null() { Patch::Clear } else { Patch::Set(value) };
        CustomFieldPatch { custom_field_id, value }
    };
    let values = body.custom_field_values;
    let changes = contacts::UpdateAccountContact {
        first_name: body.first_name,
        last_name: body.last_name,
        email: body.email,
        phone: body.phone_number,
        contact_type_id: body.contact_type,
        avatar_url: body.avatar_url,
        account_ids: body.account_ids,
        custom_field_values: values.map(|values| inputs(Some(values)).into_iter().map(changed).collect()),
        metadata: body.metadata.map(Value::Object),
        remote_id: Patch::Keep,
        expected_version: call.expected_version::<Entity>(&id).await?,
    };
    let row = retried(|| contacts::update(&call.db, &call.request, &id, &changes)).await?;
    let version = row.version;
    Ok(RestResponse::ok(&represent_one(&call, row).await?)?.with_version(version))
}

/// Delete a customer contact
#[utoipa::path(
    delete,
    path = "/v1/accounts/contacts/{id}",
    tag = "Account contacts",
    operation_id = "deleteCustomerContact",
    params(
        ("id" = String, Path, description = "Id of the contact."),
        ("If-Match" = Option<String>, Header, description = IF_MATCH_DESCRIPTION),
    ),
    responses((status = 204, description = "Deleted."))
)]
async fn delete(Extension(call): CallExtension, Path(id): Path<String>) -> RestResult {
    let expected = call.expected_version::<Entity>(&id).await?;
    retried(|| record::delete::<Entity>(&call.db, &call.request, &id, expected)).await?;
    RestResponse::no_content()
}
