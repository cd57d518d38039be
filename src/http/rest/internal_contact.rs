//! Internal contacts: `/v2/internal-contacts`.

use axum::{Extension, extract::Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    call::{CallExtension, ValidatedBody, ValidatedQuery},
    internal_contact_assignment::{InternalContactAssignment, Role},
    openapi::{IDEMPOTENCY_KEY_DESCRIPTION, IF_MATCH_DESCRIPTION, IF_NONE_MATCH_DESCRIPTION},
    paging::SortedPageQuery,
    problem::Problem,
    response::{RestResponse, RestResult, time},
};
use crate::{
    entity::{Columns, internal_contact as entity},
    service::{Patch, internal_contact as contacts, reading, retried},
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, delete))
}

/// An internal contact (CSM, AM, etc.) at the organization level.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InternalContact {
    /// When the record was created.
    #[schema(format = DateTime)]
    created_at: String,
    /// When the record was last changed. Null before the first change.
    #[schema(format = DateTime, required)]
    modified_at: Option<String>,
    /// Id of the record.
    id: String,
    /// The email address.
    email: String,
    /// The given name.
    #[schema(required)]
    given_name: Option<String>,
    /// The family name.
    #[schema(required)]
    family_name: Option<String>,
    /// The full name, if there is no given or family name.
    #[schema(required)]
    name: Option<String>,
    /// The phone number in E.164 format.
    #[schema(format = "phone", required)]
    phone: Option<String>,
    /// The job title.
    #[schema(required)]
    job_title: Option<String>,
    /// Type of the object. Always `internal_contact`.
    object: &'static str,
}

impl From<&entity::Model> for InternalContact {
    fn from(row: &entity::Model) -> Self {
        Self {
            created_at: time(row.created_at),
            modified_at: (row.version > 1).then(|| time(row.updated_at)),
            id: row.id.to_string(),
            email: row.email.clone(),
            given_name: row.given_name.clone(),
            family_name: row.family_name.clone(),
            name: row.name.clone(),
            phone: row.phone.clone(),
            job_title: row.job_title.clone(),
            object: "internal_contact",
        }
    }
}

/// The internal contact to create, and its role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewInternalContact {
    /// The email address.
    #[schema(min_length = 1)]
    pub(super) email: String,
    /// The role.
    pub(super) internal_role: Role,
    /// The given name.
    given_name: Option<String>,
    /// The family name.
    family_name: Option<String>,
    /// The full name, if there is no given or family name.
    name: Option<String>,
    /// The phone number with country code.
    phone: Option<String>,
    /// The job title.
    job_title: Option<String>,
}

impl NewInternalContact {
    /// The profile, without the email address.
    pub(super) fn profile(&self) -> contacts::Profile {
        contacts::Profile {
            given_name: self.given_name.clone(),
            family_name: self.family_name.clone(),
            name: self.name.clone(),
            phone: self.phone.clone(),
            job_title: self.job_title.clone(),
        }
    }
}

/// The fields to update. An omitted field keeps its value, null clears it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateInternalContact {
    /// The email address.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    email: Patch<String>,
    /// The given name.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    given_name: Patch<String>,
    /// The family name.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    family_name: Patch<String>,
    /// The full name, if there is no given or family name.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    name: Patch<String>,
    /// The phone number with country code.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    phone: Patch<String>,
    /// The job title.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    job_title: Patch<String>,
}

/// Internal contacts.
#[derive(Debug, Serialize, ToSchema)]
struct InternalContacts {
    /// The contacts of the page.
    data: Vec<InternalContact>,
}

/// List internal contacts
///
/// Soft-deleted contacts are excluded.
#[utoipa::path(
    get,
    path = "/v2/internal-contacts",
    tag = "Internal contacts",
    operation_id = "listInternalContacts",
    params(SortedPageQuery),
    responses((status = 200, description = "The contacts of the page.", body = InternalContacts))
)]
async fn list(
    Extension(call): CallExtension,
    ValidatedQuery(query): ValidatedQuery<SortedPageQuery>,
) -> RestResult {
    let request = query.to_list_request::<entity::Entity>(&call, None).await?;
    let page = reading::list::<entity::Entity>(&call.db, &call.request, Columns::all(), &request).await?;
    RestResponse::ok(&InternalContacts { data: page.items.iter().map(InternalContact::from).collect() })
}

/// Create an internal contact
///
/// Creates the contact and a floating assignment with the role, in one transaction.
#[utoipa::path(
    post,
    path = "/v2/internal-contacts",
    tag = "Internal contacts",
    operation_id = "createInternalContact",
    params(("Idempotency-Key" = Option<String>, Header, description = IDEMPOTENCY_KEY_DESCRIPTION)),
    request_body = NewInternalContact,
    responses((status = 200, description = "The assignment and its contact.", body = InternalContactAssignment))
)]
async fn create(
    Extension(call): CallExtension,
    ValidatedBody(body): ValidatedBody<NewInternalContact>,
) -> RestResult {
    let input = contacts::CreateInternalContact {
        profile: body.profile(),
        internal_role: body.internal_role.into(),
        email: body.email,
        remote_id: None,
        idempotency_key: call.idempotency_key.clone(),
    };
    let assigned = retried(|| contacts::create(&call.db, &call.request, &input)).await?;
    InternalContactAssignment::response_with_person(&assigned)
}

/// Retrieve an internal contact
#[utoipa::path(
    get,
    path = "/v2/internal-contacts/{internal_contact_id}",
    tag = "Internal contacts",
    operation_id = "getInternalContact",
    params(
        ("internal_contact_id" = String, Path, description = "Id of the contact."),
        ("If-None-Match" = Option<String>, Header, description = IF_NONE_MATCH_DESCRIPTION),
    ),
    responses((status = 200, description = "The contact.", body = InternalContact))
)]
async fn get(Extension(call): CallExtension, Path(id): Path<String>) -> RestResult {
    let row = reading::get::<entity::Entity>(&call.db, &call.request, &id).await?;
    answer(&row.ok_or_else(|| Problem::not_found("internal_contact_id"))?)
}

/// Update an internal contact
#[utoipa::path(
    patch,
    path = "/v2/internal-contacts/{internal_contact_id}",
    tag = "Internal contacts",
    operation_id = "updateInternalContact",
    params(
        ("internal_contact_id" = String, Path, description = "Id of the contact."),
        ("If-Match" = Option<String>, Header, description = IF_MATCH_DESCRIPTION),
    ),
    request_body = UpdateInternalContact,
    responses((status = 200, description = "The contact.", body = InternalContact))
)]
async fn update(
    Extension(call): CallExtension,
    Path(id): Path<String>,
    ValidatedBody(body): ValidatedBody<UpdateInternalContact>,
) -> RestResult {
    let UpdateInternalContact { email, given_name, family_name, name, phone, job_title } = body;
    let expected_version = call.expected_version::<entity::Entity>(&id).await?;
    let changes = contacts::UpdateInternalContact {
        email,
        given_name,
        family_name,
        name,
        phone,
        job_title,
        expected_version,
        ..Default::default()
    };
    answer(&retried(|| contacts::update(&call.db, &call.request, &id, &changes)).await?)
}

/// Delete an internal contact
///
/// Soft-deletes the contact. Its assignments are hidden until it is restored.
#[utoipa::path(
    delete,
    path = "/v2/internal-contacts/{internal_contact_id}",
    tag = "Internal contacts",
    operation_id = "deleteInternalContact",
    params(
        ("internal_contact_id" = String, Path, description = "Id of the contact."),
        ("If-Match" = Option<String>, Header, description = IF_MATCH_DESCRIPTION),
    ),
    responses((status = 204, description = "Deleted."))
)]
async fn delete(Extension(call): CallExtension, Path(id): Path<String>) -> RestResult {
    let expected = call.expected_version::<entity::Entity>(&id).await?;
    retried(|| contacts::delete(&call.db, &call.request, &id, expected)).await?;
    RestResponse::no_content()
}

fn answer(row: &entity::Model) -> RestResult {
    Ok(RestResponse::ok(&InternalContact::from(row))?.with_version(row.version))
}
