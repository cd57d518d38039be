//! Organization contacts: `/api/v1/organisation/{org_id}/contact`.

use std::sync::Arc;

use axum::{Extension, extract::Path, http::header};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    call::{Call, CallExtension, ValidatedBody, ValidatedQuery},
    country::Country,
    openapi::{IDEMPOTENCY_KEY_DESCRIPTION, IF_MATCH_DESCRIPTION, IF_NONE_MATCH_DESCRIPTION},
    problem::{Fault, Problem, RequestPart, Rule},
    response::{COUNT_PER_PAGE, CURRENT_PAGE, RestResponse, RestResult, TOTAL_COUNT, TOTAL_PAGES},
};
use crate::{
    entity::{
        Columns,
        id::OrganizationId,
        organization_contact::{Entity, Model, OrganizationContactType},
    },
    error::{AppError, AppResult, InputErrorCode},
    service::{
        ListRequest, Page, PageRequest, Patch, country,
        organization::selected,
        organization_contact::{self as cards, Card},
        page::{MAX_NUMBERED_PAGE_SIZE, Paged},
        reading, record, retried,
    },
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, delete))
}

/// The purpose of a contact, by id: 1 commercial, 2 technical, 3 finance, 4 shipping address, 5 company address, 6
/// invoice address.
#[derive(Debug, Deserialize, ToSchema)]
struct ContactTypeReference {
    /// Id of the type.
    id: i64,
}

/// A country, by id.
#[derive(Debug, Deserialize, ToSchema)]
struct CountryReference {
    /// The numeric code of ISO 3166-1.
    id: i64,
}

/// The contact to create. The server assigns `id` and the organization.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewOrganizationContact {
    /// The type. Immutable after creation.
    r#type: ContactTypeReference,
    /// First and last name.
    name: Option<String>,
    /// Honorific or professional title, for example Dr or Ing.
    title: Option<String>,
    /// The department.
    department: Option<String>,
    /// Street name and number.
    street: Option<String>,
    /// Postal or ZIP code.
    zipcode: Option<String>,
    /// City.
    city: Option<String>,
    /// The country.
    country: Option<CountryReference>,
    /// Email address.
    email: Option<String>,
    /// Phone number in any format. Stored as written.
    phone: Option<String>,
    /// Mobile phone number in any format. Stored as written.
    mobile: Option<String>,
    /// State or province.
    state: Option<String>,
    /// Second address line, for example an apartment.
    secondary_address: Option<String>,
    /// Purchase order number to print on invoices, at most 50 characters. Only for invoice addresses (type 6).
    purchase_order_number: Option<String>,
}

impl From<NewOrganizationContact> for Card {
    fn from(contact: NewOrganizationContact) -> Self {
        Self {
            name: contact.name.into(),
            title: contact.title.into(),
            department: contact.department.into(),
            street: contact.street.into(),
            secondary_address: contact.secondary_address.into(),
            zipcode: contact.zipcode.into(),
            city: contact.city.into(),
            state: contact.state.into(),
            country_id: contact.country.map(|country| country.id.to_string()).into(),
            email: contact.email.into(),
            phone: contact.phone.into(),
            mobile: contact.mobile.into(),
            purchase_order_number: contact.purchase_order_number.into(),
        }
    }
}

/// The fields to update. An omitted field keeps its value, null clears it. The type is immutable.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateOrganizationContact {
    /// First and last name.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    name: Patch<String>,
    /// Honorific or professional title, for example Dr or Ing.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    title: Patch<String>,
    /// The department.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    department: Patch<String>,
    /// Street name and number.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    street: Patch<String>,
    /// Postal or ZIP code.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    zipcode: Patch<String>,
    /// City.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    city: Patch<String>,
    /// The country.
    #[serde(default)]
    #[schema(value_type = Option<CountryReference>)]
    country: Patch<CountryReference>,
    /// Email address.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    email: Patch<String>,
    /// Phone number in any format. Stored as written.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    phone: Patch<String>,
    /// Mobile phone number in any format. Stored as written.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    mobile: Patch<String>,
    /// State or province.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    state: Patch<String>,
    /// Second address line, for example an apartment.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    secondary_address: Patch<String>,
    /// Purchase order number to print on invoices, at most 50 characters. Only for invoice addresses (type 6).
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    purchase_order_number: Patch<String>,
}

impl From<UpdateOrganizationContact> for Card {
    fn from(contact: UpdateOrganizationContact) -> Self {
        Self {
            name: contact.name,
            title: contact.title,
            department: contact.department,
            street: contact.street,
            secondary_address: contact.secondary_address,
            zipcode: contact.zipcode,
            city: contact.city,
            state: contact.state,
            country_id: contact.country.map(|country| country.id.to_string()),
            email: contact.email,
            phone: contact.phone,
            mobile: contact.mobile,
            purchase_order_number: contact.purchase_order_number,
        }
    }
}

/// An organization.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Organisation {
    /// Numeric id.
    id: i64,
    /// The name.
    name: String,
    /// Identifier of the organization at the identity provider. Omitted if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    external_id: Option<String>,
}

/// The purpose of a contact.
#[derive(Debug, Serialize, ToSchema)]
struct OrganizationContactTypeObject {
    /// Id of the record.
    id: i16,
    /// The name.
    description: &'static str,
}

/// An organization contact. Fields without a value are omitted; so is the organization if the token lacks the scope
/// `contacts:read`.
#[derive(Debug, Serialize, ToSchema)]
struct OrganizationContact {
    /// Numeric id.
    id: i64,
    /// The organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    organisation: Option<Organisation>,
    /// The type.
    r#type: OrganizationContactTypeObject,
    /// First and last name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
    /// Honorific or professional title, for example Dr or Ing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    title: Option<String>,
    /// The department.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    department: Option<String>,
    /// Street name and number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    street: Option<String>,
    /// Postal or ZIP code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    zipcode: Option<String>,
    /// City.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    city: Option<String>,
    /// The country.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    country: Option<Country>,
    /// Email address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    email: Option<String>,
    /// Phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    phone: Option<String>,
    /// Mobile phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    mobile: Option<String>,
    /// State or province.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    state: Option<String>,
    /// Second address line.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    secondary_address: Option<String>,
    /// Purchase order number to print on invoices.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    purchase_order_number: Option<String>,
    /// The id as a string.
    contact_id: String,
}

impl OrganizationContact {
    fn new(organisation: Option<Organisation>, row: Model) -> Self {
        let country = row.country_id.and_then(country::by_id).map(Country::from);
        let r#type =
            OrganizationContactTypeObject { id: row.r#type.number(), description: cards::label(row.r#type) };
        Self {
            id: row.id.0,
            organisation,
            r#type,
            name: row.name,
            title: row.title,
            department: row.department,
            street: row.street,
            zipcode: row.zipcode,
            city: row.city,
            country,
            email: row.email,
            phone: row.phone,
            mobile: row.mobile,
            state: row.state,
            secondary_address: row.secondary_address,
            purchase_order_number: row.purchase_order_number,
            contact_id: row.id.0.to_string(),
        }
    }
}

/// Page number and page size. For a page number beyond the last page, the last page is returned.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct CollectionPage {
    /// Page number, starting at 1.
    page: i64,
    /// Page size, at most 1000. Default: 1000.
    per_page: i64,
}

/// List the contacts of an organization
///
/// At most 1000 contacts per page. The response headers have the number of pages and links to them.
#[utoipa::path(
    get,
    path = "/api/v1/organisation/{org_id}/contact",
    tag = "Organization contacts",
    operation_id = "listOrganizationContacts",
    params(("org_id" = String, Path, description = "Numeric id or external id of the organization."), CollectionPage),
    responses((
        status = 200,
        description = "The contacts.",
        body = Vec<OrganizationContact>,
        headers(
            ("Link" = String, description = "Links to the first, previous, next and last page."),
            ("X-Total-Count" = i64, description = "Number of contacts."),
            ("X-Total-Pages" = i64, description = "Number of pages."),
            ("X-Current-Page" = i64, description = "Number of this page."),
            ("X-Count-Per-Page" = i64, description = "Page size."),
        )
    ))
)]
async fn list(
    Extension(call): CallExtension,
    ValidatedQuery(query): ValidatedQuery<CollectionPage>,
) -> RestResult {
    let size = match u32::try_from(query.per_page) {
        Ok(size @ 1..=MAX_NUMBERED_PAGE_SIZE) => size,
        _ => MAX_NUMBERED_PAGE_SIZE,
    };
    let number = u32::try_from(query.page.clamp(1, i64::from(u32::MAX))).unwrap_or(1);
    let mut position = CollectionPosition { number, size, pages: number };
    let mut page = position.read(&call).await?;
    let total = page.total.unwrap_or_default();
    position.pages = u32::try_from(total.div_ceil(size.into())).unwrap_or(u32::MAX).max(1);
    if number > position.pages {
        position.number = position.pages;
        page = position.read(&call).await?;
    }
    let organisation = organisation(&call).await.map_err(Problem::from)?;
    let contacts = page.items.into_iter().map(|row| OrganizationContact::new(organisation.clone(), row));
    let answer = RestResponse::ok(&contacts.collect::<Vec<_>>())?;
    let path = collection_path(&call)?;
    Ok(answer
        .with_header(header::LINK, &position.links(&path))
        .with_header(TOTAL_COUNT, &total.to_string())
        .with_header(TOTAL_PAGES, &position.pages.to_string())
        .with_header(CURRENT_PAGE, &position.number.to_string())
        .with_header(COUNT_PER_PAGE, &size.to_string()))
}

/// A page of a collection, and the number of pages.
struct CollectionPosition {
    number: u32,
    size: u32,
    pages: u32,
}

impl CollectionPosition {
    async fn read(&self, call: &Arc<Call>) -> Result<Page<Model>, Problem> {
        let number = self.number - 1;
        call.charge_page(self.size, number, None).await?;
        let page = PageRequest::numbered(Entity::ORDER, self.size, number, Vec::new(), true);
        let list = ListRequest { filter: None, page };
        Ok(reading::list::<Entity>(&call.db, &call.request, Columns::all(), &list).await?)
    }

    /// The Link header with the other pages.
    fn links(&self, path: &str) -> String {
        let Self { number, size, pages } = *self;
        let link =
            |relation: &str, page: u32| format!("<{path}?page={page}&per_page={size}>; rel=\"{relation}\"");
        let mut links = vec![link("first", 1)];
        if number > 1 {
            links.push(link("prev", number - 1));
        }
        if number < pages {
            links.push(link("next", number + 1));
        }
        links.push(link("last", pages));
        links.join(", ")
    }
}

/// Create a contact
///
/// Only the type is required. It is immutable after creation.
#[utoipa::path(
    post,
    path = "/api/v1/organisation/{org_id}/contact",
    tag = "Organization contacts",
    operation_id = "createOrganizationContact",
    params(
        ("org_id" = String, Path, description = "Numeric id or external id of the organization."),
        ("Idempotency-Key" = Option<String>, Header, description = IDEMPOTENCY_KEY_DESCRIPTION),
    ),
    request_body = NewOrganizationContact,
    responses((
        status = 201,
        description = "The contact.",
        body = OrganizationContact,
        headers(("Location" = String, description = "Path of the contact."))
    ))
)]
async fn create(
    Extension(call): CallExtension,
    ValidatedBody(body): ValidatedBody<NewOrganizationContact>,
) -> RestResult {
    let kind = OrganizationContactType::of_number(body.r#type.id).ok_or_else(unknown_type)?;
    let (card, key) = (Card::from(body), call.idempotency_key.as_deref());
    let row = retried(|| cards::create(&call.db, &call.request, kind, &card, key)).await?;
    let (id, version) = (row.id.0, row.version);
    let contact = OrganizationContact::new(organisation(&call).await?, row);
    let location = format!("{}/{id}", collection_path(&call)?);
    Ok(RestResponse::created(&contact)?.with_version(version).with_header(header::LOCATION, &location))
}

fn unknown_type() -> Problem {
    let (part, path) = (RequestPart::Body, vec!["type".into(), "id".into()]);
    let rule = Rule::Input(InputErrorCode::NotFound);
    Problem::invalid(vec![Fault {
        part,
        path,
        rule,
        message: "Unknown contact type. Use an id from 1 to 6.".into(),
    }])
}

/// Retrieve a contact
#[utoipa::path(
    get,
    path = "/api/v1/organisation/{org_id}/contact/{contact_id}",
    tag = "Organization contacts",
    operation_id = "getOrganizationContact",
    params(
        ("org_id" = String, Path, description = "Numeric id or external id of the organization."),
        ("contact_id" = String, Path, description = "Id of the contact."),
        ("If-None-Match" = Option<String>, Header, description = IF_NONE_MATCH_DESCRIPTION),
    ),
    responses((status = 200, description = "The contact.", body = OrganizationContact))
)]
async fn get(Extension(call): CallExtension, Path((_, id)): Path<(String, String)>) -> RestResult {
    let row = reading::get::<Entity>(&call.db, &call.request, &global(id)).await?;
    answer(&call, row.ok_or_else(|| Problem::not_found("contact_id"))?).await
}

/// Update a contact
#[utoipa::path(
    patch,
    path = "/api/v1/organisation/{org_id}/contact/{contact_id}",
    tag = "Organization contacts",
    operation_id = "updateOrganizationContact",
    params(
        ("org_id" = String, Path, description = "Numeric id or external id of the organization."),
        ("contact_id" = String, Path, description = "Id of the contact."),
        ("If-Match" = Option<String>, Header, description = IF_MATCH_DESCRIPTION),
    ),
    request_body = UpdateOrganizationContact,
    responses((status = 200, description = "The contact.", body = OrganizationContact))
)]
async fn update(
    Extension(call): CallExtension,
    Path((_, id)): Path<(String, String)>,
    ValidatedBody(body): ValidatedBody<UpdateOrganizationContact>,
) -> RestResult {
    let (id, card) = (global(id), Card::from(body));
    let expected = call.expected_version::<Entity>(&id).await?;
    let unit = || cards::update(&call.db, &call.request, &id, &card, expected);
    let row = retried(unit).await?;
    answer(&call, row).await
}

/// Delete a contact
#[utoipa::path(
    delete,
    path = "/api/v1/organisation/{org_id}/contact/{contact_id}",
    tag = "Organization contacts",
    operation_id = "deleteOrganizationContact",
    params(
        ("org_id" = String, Path, description = "Numeric id or external id of the organization."),
        ("contact_id" = String, Path, description = "Id of the contact."),
        ("If-Match" = Option<String>, Header, description = IF_MATCH_DESCRIPTION),
    ),
    responses((status = 204, description = "Deleted."))
)]
async fn delete(Extension(call): CallExtension, Path((_, id)): Path<(String, String)>) -> RestResult {
    let id = global(id);
    let expected = call.expected_version::<Entity>(&id).await?;
    retried(|| record::delete::<Entity>(&call.db, &call.request, &id, expected)).await?;
    RestResponse::no_content()
}

async fn answer(call: &Call, row: Model) -> RestResult {
    let version = row.version;
    let contact = OrganizationContact::new(organisation(call).await?, row);
    Ok(RestResponse::ok(&contact)?.with_version(version))
}

/// The path of the contacts, with the organization's number.
fn collection_path(call: &Call) -> AppResult<String> {
    let number = call.request.organization()?;
    Ok(format!("/api/v1/organisation/{number}/contact"))
}

/// The selected organization, if the caller can read it.
async fn organisation(call: &Call) -> AppResult<Option<Organisation>> {
    if !call.can_read_related() {
        return Ok(None);
    }
    let number = call.request.organization()?;
    let row = selected(&call.db, OrganizationId(number)).await?;
    let row = row.ok_or_else(|| AppError::Internal("no organization".into()))?;
    Ok(Some(Organisation { id: number, name: row.name, external_id: row.external_id }))
}

/// The global id for a numeric id.
fn global(id: String) -> String {
    if id.bytes().all(|byte| byte.is_ascii_digit()) { format!("oc_{id}") } else { id }
}
