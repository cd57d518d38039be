//! Assignments of internal contacts to partners: `/v2/partners/{partner_id}/internal-contacts`.

use axum::{Extension, extract::Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    call::{Call, CallExtension, ValidatedBody, ValidatedQuery},
    internal_contact::{InternalContact, NewInternalContact},
    openapi::{IDEMPOTENCY_KEY_DESCRIPTION, IF_MATCH_DESCRIPTION, IF_NONE_MATCH_DESCRIPTION},
    paging::SortedPageQuery,
    problem::Problem,
    response::{RestResponse, RestResult, time},
};
use crate::{
    entity::{
        Columns,
        internal_contact_assignment::{Entity, InternalRole},
        partner,
    },
    service::{
        filter::{Comparison, Field, Filter},
        internal_contact as contacts,
        internal_contact_assignment::{self as assignments, Assigned},
        reading, retried,
    },
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(get, update, remove))
}

/// Declares the roles and their conversions.
macro_rules! roles {
    ($($role:ident),+) => {
        /// The role of an internal contact for a partner.
        #[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        #[schema(as = InternalRole)]
        pub(super) enum Role {
            $($role,)+
        }

        impl From<Role> for InternalRole {
            fn from(role: Role) -> Self {
                match role {
                    $(Role::$role => Self::$role,)+
                }
            }
        }

        impl From<InternalRole> for Role {
            fn from(role: InternalRole) -> Self {
                match role {
                    $(InternalRole::$role => Self::$role,)+
                }
            }
        }
    };
}

roles!(AccountManager, AccountExecutive, Csm, Lead, CoLead, PracticeLead);

/// An internal contact assigned to a partner with a specific role.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InternalContactAssignment {
    /// When the record was created.
    #[schema(format = DateTime)]
    created_at: String,
    /// When the record was last changed. Null before the first change.
    #[schema(format = DateTime, required)]
    modified_at: Option<String>,
    /// Id of the record.
    id: String,
    /// The role of the contact for the partner.
    internal_role: Role,
    /// Id of the partner. Null for a floating assignment, whose role applies at the organization level.
    #[schema(required)]
    partner_id: Option<String>,
    /// Identifier of this record in the external system it was synced from.
    #[schema(required)]
    remote_id: Option<String>,
    /// The internal contact. Omitted if the token lacks the scope `contacts:read`, unless this request created the
    /// contact.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    internal_contact: Option<InternalContact>,
    /// Type of the object. Always `internal_contact_assignment`.
    object: &'static str,
}

impl From<&Assigned> for InternalContactAssignment {
    fn from(Assigned { assignment: row, contact }: &Assigned) -> Self {
        Self {
            created_at: time(row.created_at),
            modified_at: (row.version > 1).then(|| time(row.updated_at)),
            id: row.id.to_string(),
            internal_role: row.internal_role.into(),
            partner_id: row.partner_id.map(|id| id.to_string()),
            remote_id: row.remote_id.clone(),
            internal_contact: Some(contact.into()),
            object: "internal_contact_assignment",
        }
    }
}

impl InternalContactAssignment {
    /// The response of an assignment that was created together with its contact.
    pub(super) fn response_with_person(assigned: &Assigned) -> RestResult {
        Ok(RestResponse::ok(&Self::from(assigned))?.with_version(assigned.assignment.version))
    }

    /// The response of an assignment. Its contact is a related record, which requires contacts:read.
    fn answer(call: &Call, assigned: &Assigned) -> RestResult {
        let mut answer = Self::from(assigned);
        answer.internal_contact = answer.internal_contact.filter(|_| call.can_read_related());
        Ok(RestResponse::ok(&answer)?.with_version(assigned.assignment.version))
    }
}

/// Assignments.
#[derive(Debug, Serialize, ToSchema)]
struct InternalContactAssignments {
    /// The assignments of the page.
    data: Vec<InternalContactAssignment>,
}

/// The new role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateInternalContactRole {
    /// The new role of the contact for the partner.
    internal_role: Role,
}

/// List the internal contacts of a partner
#[utoipa::path(
    get,
    path = "/v2/partners/{partner_id}/internal-contacts",
    tag = "Partners",
    operation_id = "listPartnerInternalContacts",
    params(("partner_id" = String, Path, description = "Id of the partner."), SortedPageQuery),
    responses((status = 200, description = "The assignments of the page.", body = InternalContactAssignments))
)]
async fn list(
    Extension(call): CallExtension,
    Path(partner_id): Path<String>,
    ValidatedQuery(query): ValidatedQuery<SortedPageQuery>,
) -> RestResult {
    let partner = reading::get::<partner::Entity>(&call.db, &call.request, &partner_id).await?;
    let partner = partner.ok_or_else(|| Problem::not_found("partner_id"))?;
    let own = Filter::Compare(Field::new("partner_id"), Comparison::Equal(partner.id.into()));
    let request = query.to_list_request::<Entity>(&call, Some(own)).await?;
    let page = reading::list::<Entity>(&call.db, &call.request, Columns::all(), &request).await?;
    let assigned = assignments::with_people(&call.db, &call.request, page.items).await?;
    RestResponse::ok(&InternalContactAssignments { data: assigned.iter().map(Into::into).collect() })
}

/// Add an internal contact to a partner
///
/// Looks up the contact by email address, creates it if there is none, and assigns it to the partner. An existing
/// contact is not changed.
#[utoipa::path(
    post,
    path = "/v2/partners/{partner_id}/internal-contacts",
    tag = "Partners",
    operation_id = "addPartnerInternalContact",
    params(
        ("partner_id" = String, Path, description = "Id of the partner."),
        ("Idempotency-Key" = Option<String>, Header, description = IDEMPOTENCY_KEY_DESCRIPTION),
    ),
    request_body = NewInternalContact,
    responses((status = 200, description = "The assignment and its contact.", body = InternalContactAssignment))
)]
async fn add(
    Extension(call): CallExtension,
    Path(partner_id): Path<String>,
    ValidatedBody(body): ValidatedBody<NewInternalContact>,
) -> RestResult {
    let input = contacts::AddInternalContactToPartner {
        partner_id,
        profile: body.profile(),
        internal_role: body.internal_role.into(),
        email: body.email,
        remote_id: None,
        idempotency_key: call.idempotency_key.clone(),
    };
    let assigned = retried(|| contacts::add_to_partner(&call.db, &call.request, &input)).await?;
    InternalContactAssignment::answer(&call, &assigned)
}

/// Retrieve an assignment of a partner
#[utoipa::path(
    get,
    path = "/v2/partners/{partner_id}/internal-contacts/{assignment_id}",
    tag = "Partners",
    operation_id = "getPartnerInternalContact",
    params(
        ("partner_id" = String, Path, description = "Id of the partner."),
        ("assignment_id" = String, Path, description = "Id of the assignment."),
        ("If-None-Match" = Option<String>, Header, description = IF_NONE_MATCH_DESCRIPTION),
    ),
    responses((status = 200, description = "The assignment and its contact.", body = InternalContactAssignment))
)]
async fn get(Extension(call): CallExtension, Path((partner_id, id)): Path<(String, String)>) -> RestResult {
    let assigned = assignments::get_of_partner(&call.db, &call.request, &partner_id, &id).await?;
    InternalContactAssignment::answer(&call, &assigned.ok_or_else(|| Problem::not_found("assignment_id"))?)
}

/// Update internal contact role
///
/// Changes the role of one assignment. The contact does not change.
#[utoipa::path(
    patch,
    path = "/v2/partners/{partner_id}/internal-contacts/{assignment_id}",
    tag = "Partners",
    operation_id = "updateInternalContactRole",
    params(
        ("partner_id" = String, Path, description = "Id of the partner."),
        ("assignment_id" = String, Path, description = "Id of the assignment."),
        ("If-Match" = Option<String>, Header, description = IF_MATCH_DESCRIPTION),
    ),
    request_body = UpdateInternalContactRole,
    responses((status = 200, description = "The assignment and its contact.", body = InternalContactAssignment))
)]
async fn update(
    Extension(call): CallExtension,
    Path((partner_id, id)): Path<(String, String)>,
    ValidatedBody(body): ValidatedBody<UpdateInternalContactRole>,
) -> RestResult {
    let expected = call.expected_version::<Entity>(&id).await?;
    let role = body.internal_role.into();
    let unit = || assignments::update_role(&call.db, &call.request, &partner_id, &id, role, expected);
    let row = retried(unit).await?;
    let assigned = assignments::with_people(&call.db, &call.request, vec![row]).await?.pop();
    InternalContactAssignment::answer(&call, &assigned.ok_or_else(|| Problem::not_found("assignment_id"))?)
}

/// Remove an internal contact from a partner
///
/// Permanently deletes the assignment. The contact is kept.
#[utoipa::path(
    delete,
    path = "/v2/partners/{partner_id}/internal-contacts/{assignment_id}",
    tag = "Partners",
    operation_id = "removePartnerInternalContact",
    params(
        ("partner_id" = String, Path, description = "Id of the partner."),
        ("assignment_id" = String, Path, description = "Id of the assignment."),
        ("If-Match" = Option<String>, Header, description = IF_MATCH_DESCRIPTION),
    ),
    responses((status = 204, description = "Removed."))
)]
async fn remove(
    Extension(call): CallExtension,
    Path((partner_id, id)): Path<(String, String)>,
) -> RestResult {
    let which = (Some(&*partner_id), &*id);
    let expected = call.expected_version::<Entity>(&id).await?;
    retried(|| assignments::remove(&call.db, &call.request, which, expected)).await?;
    RestResponse::no_content()
}
