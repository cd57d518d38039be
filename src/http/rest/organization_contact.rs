//! The cards of an organization: `/api/v1/organisation/{org_id}/contact`.

use std::sync::Arc;

use axum::{Extension, extract::Path, http::header};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    answer::{Answer, Answered, COUNT_PER_PAGE, CURRENT_PAGE, TOTAL_COUNT, TOTAL_PAGES},
    call::{Asked, Call, Called, Given},
    country::Country,
    problem::{Fault, Part, Problem, Rule},
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
        retried,
    },
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, delete))
}

/// The purpose of a card, by its id: 1 commercial, 2 technical, 3 finance, 4 shipping address, 5 company address, 6 invoice
/// address.
#[derive(Debug, Deserialize, ToSchema)]
struct ContactTypeReference {
    /// The id of the type.
    id: i64,
}

/// A country, by its id.
#[derive(Debug, Deserialize, ToSchema)]
struct CountryReference {
    /// The numeric code of ISO 3166-1.
    id: i64,
}

/// A new contact. Its `id` and its organization are not given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewOrganizationContact {
    /// The type, which cannot be changed later.
    r#type: ContactTypeReference,
    /// First and last name.
    name: Option<String>,
    /// Honorific or professional title, such as Dr or Ing.
    title: Option<String>,
    /// The department that it belongs to.
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
    /// Phone number, as it is to be shown.
    phone: Option<String>,
    /// Mobile phone number, as it is to be shown.
    mobile: Option<String>,
    /// State or province.
    state: Option<String>,
    /// Second line of the address, such as an apartment.
    secondary_address: Option<String>,
    /// Shown on invoices; only on invoice addresses (type 6), at most 50 characters.
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

/// What is to change. What is left out stays; null clears. The type is fixed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateOrganizationContact {
    /// First and last name.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    name: Patch<String>,
    /// Honorific or professional title, such as Dr or Ing.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    title: Patch<String>,
    /// The department that it belongs to.
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
    /// Phone number, as it is to be shown.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    phone: Patch<String>,
    /// Mobile phone number, as it is to be shown.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    mobile: Patch<String>,
    /// State or province.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    state: Patch<String>,
    /// Second line of the address, such as an apartment.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    secondary_address: Patch<String>,
    /// Shown on invoices; only on invoice addresses (type 6), at most 50 characters.
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
    /// Its number.
    id: i64,
    /// Its name.
    name: String,
}

/// The purpose of a card.
#[derive(Debug, Serialize, ToSchema)]
struct OrganizationContactTypeObject {
    /// Its id.
    id: i16,
    /// Its name.
    description: &'static str,
}

/// A contact of an organization. What it does not say is left out, and its organization where the token lacks contacts:read.
#[derive(Debug, Serialize, ToSchema)]
struct OrganizationContact {
    /// Its unique id.
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
    /// Honorific or professional title, such as Dr or Ing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    title: Option<String>,
    /// The department that it belongs to.
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
    /// Second line of the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    secondary_address: Option<String>,
    /// Shown on invoices.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    purchase_order_number: Option<String>,
    /// The id as a text.
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

/// Which page is wanted. A page beyond the last one is the last one.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct CollectionPage {
    /// The number of the page, counted from 1.
    page: i64,
    /// The most contacts of the page; all up to 1000 without it.
    per_page: i64,
}

/// List the contacts of an organization
///
/// All of them, up to 1000 on a page; the headers tell whether there are more.
#[utoipa::path(
    get,
    path = "/api/v1/organisation/{org_id}/contact",
    tag = "Organization contacts",
    operation_id = "listOrganizationContacts",
    params(("org_id" = String, Path, description = "The organization's number."), CollectionPage),
    responses((
        status = 200,
        description = "The contacts.",
        body = Vec<OrganizationContact>,
        headers(
            ("Link" = String, description = "The first, previous, next and last page."),
            ("X-Total-Count" = i64, description = "How many contacts there are."),
            ("X-Total-Pages" = i64, description = "How many pages there are."),
            ("X-Current-Page" = i64, description = "The number of this page."),
            ("X-Count-Per-Page" = i64, description = "The most contacts of a page."),
        )
    ))
)]
async fn list(
    Extension(call): Called,
    Path(organization): Path<String>,
    Asked(asked): Asked<CollectionPage>,
) -> Answered {
    let size = match u32::try_from(asked.per_page) {
        Ok(size @ 1..=MAX_NUMBERED_PAGE_SIZE) => size,
        _ => MAX_NUMBERED_PAGE_SIZE,
    };
    let number = u32::try_from(asked.page.clamp(1, i64::from(u32::MAX))).unwrap_or(1);
    let mut place = Place { number, size, pages: number };
    let mut page = place.read(&call).await?;
    let total = page.total.unwrap_or_default();
    place.pages = u32::try_from(total.div_ceil(size.into())).unwrap_or(u32::MAX).max(1);
    if number > place.pages {
        place.number = place.pages;
        page = place.read(&call).await?;
    }
    let organisation = organisation(&call).await.map_err(Problem::from)?;
    let contacts = page.items.into_iter().map(|row| OrganizationContact::new(organisation.clone(), row));
    let answer = Answer::ok(&contacts.collect::<Vec<_>>())?;
    let path = format!("/api/v1/organisation/{organization}/contact");
    Ok(answer
        .with(header::LINK, &place.links(&path))
        .with(TOTAL_COUNT, &total.to_string())
        .with(TOTAL_PAGES, &place.pages.to_string())
        .with(CURRENT_PAGE, &place.number.to_string())
        .with(COUNT_PER_PAGE, &size.to_string()))
}

/// A page of a collection, and how many there are.
struct Place {
    number: u32,
    size: u32,
    pages: u32,
}

impl Place {
    async fn read(&self, call: &Arc<Call>) -> Result<Page<Model>, Problem> {
        let number = self.number - 1;
        call.spend_page(self.size, number, None)?;
        let page = PageRequest::numbered(Entity::ORDER, self.size, number, Vec::new(), true);
        let list = ListRequest { filter: None, page };
        Ok(cards::list(&call.db, &call.request, Columns::all(), &list).await?)
    }

    /// Where the other pages are.
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
/// Only the type is required. It cannot be changed later.
#[utoipa::path(
    post,
    path = "/api/v1/organisation/{org_id}/contact",
    tag = "Organization contacts",
    operation_id = "createOrganizationContact",
    params(
        ("org_id" = String, Path, description = "The organization's number."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating the call harmless."),
    ),
    request_body = NewOrganizationContact,
    responses((
        status = 201,
        description = "The contact.",
        body = OrganizationContact,
        headers(("Location" = String, description = "Where the contact is."))
    ))
)]
async fn create(
    Extension(call): Called,
    Path(organization): Path<String>,
    Given(body): Given<NewOrganizationContact>,
) -> Answered {
    let kind = OrganizationContactType::of_number(body.r#type.id).ok_or_else(unknown_type)?;
    let (card, key) = (Card::from(body), call.idempotency_key.as_deref());
    let row = retried(|| cards::create(&call.db, &call.request, kind, &card, key)).await?;
    let (id, version) = (row.id.0, row.version);
    let contact = OrganizationContact::new(organisation(&call).await?, row);
    let location = format!("/api/v1/organisation/{organization}/contact/{id}");
    Ok(Answer::created(&contact)?.version(version).with(header::LOCATION, &location))
}

fn unknown_type() -> Problem {
    let (part, path) = (Part::Body, vec!["type".into(), "id".into()]);
    let rule = Rule::Input(InputErrorCode::NotFound);
    Problem::invalid(vec![Fault { part, path, rule, message: "There is no such type.".into() }])
}

/// Retrieve a contact
#[utoipa::path(
    get,
    path = "/api/v1/organisation/{org_id}/contact/{contact_id}",
    tag = "Organization contacts",
    operation_id = "getOrganizationContact",
    params(
        ("org_id" = String, Path, description = "The organization's number."),
        ("contact_id" = String, Path, description = "The contact's id."),
    ),
    responses((status = 200, description = "The contact.", body = OrganizationContact))
)]
async fn get(Extension(call): Called, Path((_, id)): Path<(String, String)>) -> Answered {
    let row = cards::get(&call.db, &call.request, &global(id)).await?;
    answer(&call, row.ok_or_else(|| Problem::not_found("contact_id"))?).await
}

/// Update a contact
#[utoipa::path(
    patch,
    path = "/api/v1/organisation/{org_id}/contact/{contact_id}",
    tag = "Organization contacts",
    operation_id = "updateOrganizationContact",
    params(
        ("org_id" = String, Path, description = "The organization's number."),
        ("contact_id" = String, Path, description = "The contact's id."),
        ("If-Match" = Option<String>, Header, description = "The ETag of the contact as it was read."),
    ),
    request_body = UpdateOrganizationContact,
    responses((status = 200, description = "The contact.", body = OrganizationContact))
)]
async fn update(
    Extension(call): Called,
    Path((_, id)): Path<(String, String)>,
    Given(body): Given<UpdateOrganizationContact>,
) -> Answered {
    let (id, card) = (global(id), Card::from(body));
    let unit = || cards::update(&call.db, &call.request, &id, &card, call.expected_version);
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
        ("org_id" = String, Path, description = "The organization's number."),
        ("contact_id" = String, Path, description = "The contact's id."),
        ("If-Match" = Option<String>, Header, description = "The ETag of the contact as it was read."),
    ),
    responses((status = 204, description = "It is deleted."))
)]
async fn delete(Extension(call): Called, Path((_, id)): Path<(String, String)>) -> Answered {
    let id = global(id);
    retried(|| cards::delete(&call.db, &call.request, &id, call.expected_version)).await?;
    Answer::no_content()
}

async fn answer(call: &Call, row: Model) -> Answered {
    let version = row.version;
    let contact = OrganizationContact::new(organisation(call).await?, row);
    Ok(Answer::ok(&contact)?.version(version))
}

/// The organization that the request acts in, where the caller may read it.
async fn organisation(call: &Call) -> AppResult<Option<Organisation>> {
    if !call.shows_related() {
        return Ok(None);
    }
    let number = call.request.organization()?;
    let row = selected(&call.db, OrganizationId(number)).await?;
    let row = row.ok_or_else(|| AppError::Internal("no organization".into()))?;
    Ok(Some(Organisation { id: number, name: row.name }))
}

/// The id as the services know it, of its number.
fn global(id: String) -> String {
    if id.bytes().all(|byte| byte.is_ascii_digit()) { format!("oc_{id}") } else { id }
}
