//! Contacts of accounts: `/v1/accounts/contacts`. `shown` has what they look like, `bulk` how they come by the thousand.

mod bulk;
mod shown;

use axum::{Extension, extract::Path};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::shown::{CustomerContact, show, show_one};
use super::{
    answer::{Answer, Answered},
    call::{Asked, Called, Given},
    problem::Problem,
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
        retried,
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

/// The values of one custom field. An empty object says nothing.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CustomFieldValues {
    /// The field's id.
    custom_field_id: Option<String>,
    /// The values: one, several of a choice, or none to clear the field.
    #[schema(max_items = 250)]
    data: Option<Vec<CustomFieldDatum>>,
}

/// A value of a custom field.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CustomFieldDatum {
    /// The value, in JSON's form of the field's type.
    #[serde(default)]
    value: Value,
}

impl CustomFieldValues {
    /// The field and what it is to have; nothing of an empty object.
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

/// A new contact.
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
    /// Phone number, with country code.
    phone_number: Option<String>,
    /// The id of the contact type; the default type without it.
    contact_type: Option<String>,
    /// Address of a picture.
    avatar_url: Option<String>,
    /// The ids of the accounts that the contact is at.
    #[schema(max_items = 100)]
    account_ids: Option<Vec<String>>,
    /// Values of custom fields.
    #[schema(max_items = 100)]
    custom_field_values: Option<Vec<CustomFieldValues>>,
    /// Anything else that is known.
    metadata: Option<Map<String, Value>>,
}

/// What is to change. What is left out stays; null clears what may be empty.
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
    /// Phone number, with country code.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    phone_number: Patch<String>,
    /// The id of the contact type.
    #[serde(default)]
    #[schema(required = false, value_type = String)]
    contact_type: Patch<String>,
    /// Address of a picture.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    avatar_url: Patch<String>,
    /// The ids of all accounts that the contact is at from now on.
    #[serde(default)]
    #[schema(required = false, value_type = Vec<String>, max_items = 100)]
    account_ids: Patch<Vec<String>>,
    /// Values of custom fields; fields that are not named keep theirs.
    #[serde(default)]
    #[schema(required = false, value_type = Vec<CustomFieldValues>, max_items = 100)]
    custom_field_values: Patch<Vec<CustomFieldValues>>,
    /// Anything else that is known, in the place of what was.
    #[serde(default)]
    #[schema(value_type = Option<Map<String, Value>>)]
    metadata: Patch<Map<String, Value>>,
}

/// Which contacts are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
struct ContactsPage {
    /// Only those at the account with this id.
    account_id: Option<String>,
    /// Only those of the contact type with this id.
    contact_type: Option<String>,
    /// The number of the page, counted from 1.
    #[serde(default = "first_page")]
    #[param(minimum = 1, default = 1)]
    page: u32,
    /// The most contacts of the page.
    #[serde(default = "usual_size")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    limit: u32,
}

const fn first_page() -> u32 {
    1
}

const fn usual_size() -> u32 {
    10
}

/// Whom to search for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Search {
    /// The whole email address, in any case.
    email: String,
}

/// Whom to look up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Ids {
    /// The ids; those that are out of reach are left out of the answer.
    #[schema(max_items = 100)]
    ids: Vec<String>,
}

/// The most contacts that are looked up at once.
const MOST_IDS: u32 = 100;

/// Get all customer contacts
#[utoipa::path(
    get,
    path = "/v1/accounts/contacts",
    tag = "Account contacts",
    operation_id = "listCustomerContacts",
    params(ContactsPage),
    responses((status = 200, description = "The contacts of the page.", body = Vec<CustomerContact>))
)]
async fn list(Extension(call): Called, Asked(asked): Asked<ContactsPage>) -> Answered {
    let number = asked.page - 1;
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
    let filters = asked.account_id.iter().map(at).chain(asked.contact_type.iter().map(of_type));
    let filter = Filter::All(filters.collect());
    call.spend_page(asked.limit, number, Some(&filter))?;
    let page = PageRequest::numbered(Entity::ORDER, asked.limit, number, Vec::new(), false);
    Answer::ok(&found(&call, filter, page).await?)
}

/// Search customer contacts by email address
#[utoipa::path(
    get,
    path = "/v1/accounts/contacts/search",
    tag = "Account contacts",
    operation_id = "searchCustomerContacts",
    params(Search),
    responses((status = 200, description = "The contact with the address, if there is one.", body = Vec<CustomerContact>))
)]
async fn search(Extension(call): Called, Asked(asked): Asked<Search>) -> Answered {
    let filter = Filter::Compare(Field::EMAIL, Comparison::Equal(asked.email.into()));
    call.spend(filter.work())?;
    let page = PageRequest::numbered(Entity::ORDER, 1, 0, Vec::new(), false);
    Answer::ok(&found(&call, filter, page).await?)
}

/// Look customer contacts up by their ids
#[utoipa::path(
    post,
    path = "/v1/accounts/contacts/filter/ids",
    tag = "Account contacts",
    operation_id = "filterCustomerContactsByIds",
    request_body = Ids,
    responses((status = 201, description = "The contacts that are in reach.", body = Vec<CustomerContact>))
)]
async fn filter(Extension(call): Called, Given(body): Given<Ids>) -> Answered {
    call.spend(body.ids.len() as u64)?;
    let ids = body.ids.iter().filter_map(|id| id.parse::<AccountContactId>().ok());
    let filter = Filter::Compare(Field::new("id"), Comparison::In(ids.map(Into::into).collect()));
    let page = PageRequest::numbered(Entity::ORDER, MOST_IDS, 0, Vec::new(), false);
    Answer::created(&found(&call, filter, page).await?)
}

async fn found(
    call: &super::call::Call,
    filter: Filter,
    page: PageRequest,
) -> Result<Vec<CustomerContact>, Problem> {
    let list = ListRequest { filter: Some(filter), page };
    let page = contacts::list(&call.db, &call.request, Columns::all(), &list).await?;
    Ok(show(call, page.items).await?)
}

/// Create a customer contact
#[utoipa::path(
    post,
    path = "/v1/accounts/contacts",
    tag = "Account contacts",
    operation_id = "createCustomerContact",
    params(
        ("x-org-id" = Option<String>, Header, description = "The organization; needed when the token allows several."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating the call harmless."),
    ),
    request_body = NewCustomerContact,
    responses((status = 201, description = "The contact.", body = CustomerContact))
)]
async fn create(Extension(call): Called, Given(body): Given<NewCustomerContact>) -> Answered {
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
    Ok(Answer::created(&show_one(&call, row).await?)?.version(version))
}

/// Get a customer contact
#[utoipa::path(
    get,
    path = "/v1/accounts/contacts/{id}",
    tag = "Account contacts",
    operation_id = "getCustomerContact",
    params(("id" = String, Path, description = "The contact's id.")),
    responses((status = 200, description = "The contact.", body = CustomerContact))
)]
async fn get(Extension(call): Called, Path(id): Path<String>) -> Answered {
    let row = contacts::get(&call.db, &call.request, &id).await?;
    let row = row.ok_or_else(|| Problem::not_found("id"))?;
    let version = row.version;
    Ok(Answer::ok(&show_one(&call, row).await?)?.version(version))
}

/// Update a customer contact
#[utoipa::path(
    put,
    path = "/v1/accounts/contacts/{id}",
    tag = "Account contacts",
    operation_id = "updateCustomerContact",
    params(
        ("id" = String, Path, description = "The contact's id."),
        ("If-Match" = Option<String>, Header, description = "The ETag of the contact as it was read."),
    ),
    request_body = UpdateCustomerContact,
    responses((status = 200, description = "The contact.", body = CustomerContact))
)]
async fn update(
    Extension(call): Called,
    Path(id): Path<String>,
    Given(body): Given<UpdateCustomerContact>,
) -> Answered {
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
        expected_version: call.expected_version,
    };
    let row = retried(|| contacts::update(&call.db, &call.request, &id, &changes)).await?;
    let version = row.version;
    Ok(Answer::ok(&show_one(&call, row).await?)?.version(version))
}

/// Delete a customer contact
#[utoipa::path(
    delete,
    path = "/v1/accounts/contacts/{id}",
    tag = "Account contacts",
    operation_id = "deleteCustomerContact",
    params(
        ("id" = String, Path, description = "The contact's id."),
        ("If-Match" = Option<String>, Header, description = "The ETag of the contact as it was read."),
    ),
    responses((status = 204, description = "It is deleted."))
)]
async fn delete(Extension(call): Called, Path(id): Path<String>) -> Answered {
    retried(|| contacts::delete(&call.db, &call.request, &id, call.expected_version)).await?;
    Answer::no_content()
}
