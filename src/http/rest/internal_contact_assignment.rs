//! Who looks after a partner, in which role: `/v2/partners/{partner_id}/internal-contacts`.

use axum::{Extension, extract::Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    answer::{Answer, Answered, time},
    call::{Asked, Call, Called, Given},
    internal_contact::{InternalContact, NewInternalContact},
    paging::Sorted,
    problem::Problem,
};
use crate::{
    entity::{
        Columns,
        internal_contact_assignment::{Entity, InternalRole},
    },
    service::{
        filter::{Comparison, Field, Filter},
        internal_contact as contacts,
        internal_contact_assignment::{self as assignments, Assigned},
        partner as partners, retried,
    },
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(get, update, remove))
}

/// What an internal contact does for a partner.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = InternalRole)]
pub(super) enum Role {
    AccountManager,
    AccountExecutive,
    Csm,
    Lead,
    CoLead,
    PracticeLead,
}

impl From<Role> for InternalRole {
    fn from(role: Role) -> Self {
        match role {
            Role::AccountManager => Self::AccountManager,
            Role::AccountExecutive => Self::AccountExecutive,
            Role::Csm => Self::Csm,
            Role::Lead => Self::Lead,
            Role::CoLead => Self::CoLead,
            Role::PracticeLead => Self::PracticeLead,
        }
    }
}

impl From<InternalRole> for Role {
    fn from(role: InternalRole) -> Self {
        match role {
            InternalRole::AccountManager => Self::AccountManager,
            InternalRole::AccountExecutive => Self::AccountExecutive,
            InternalRole::Csm => Self::Csm,
            InternalRole::Lead => Self::Lead,
            InternalRole::CoLead => Self::CoLead,
            InternalRole::PracticeLead => Self::PracticeLead,
        }
    }
}

/// An internal contact assigned to a partner with a specific role.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InternalContactAssignment {
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it last changed; null until its first change.
    #[schema(format = DateTime, required)]
    modified_at: Option<String>,
    /// Its id.
    id: String,
    /// The role that the contact holds for the partner.
    internal_role: Role,
    /// The partner; null for a floating assignment, whose role is declared at the organization level.
    #[schema(required)]
    partner_id: Option<String>,
    /// Its key in the system it comes from.
    #[schema(required)]
    remote_id: Option<String>,
    /// Who holds the role. Left out where the token lacks contacts:read, unless the request made the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    internal_contact: Option<InternalContact>,
    /// Says which type of object this is: always `internal_contact_assignment`.
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
    /// An assignment that was made together with its person.
    pub(super) fn answer_with_person(assigned: &Assigned) -> Answered {
        Ok(Answer::ok(&Self::from(assigned))?.version(assigned.assignment.version))
    }

    /// An assignment with its version. Its person is another record, which only readers see.
    fn answer(call: &Call, assigned: &Assigned) -> Answered {
        let mut answer = Self::from(assigned);
        answer.internal_contact = answer.internal_contact.filter(|_| call.shows_related());
        Ok(Answer::ok(&answer)?.version(assigned.assignment.version))
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
    /// The role that the contact is to hold for the partner.
    internal_role: Role,
}

/// List the internal contacts of a partner
#[utoipa::path(
    get,
    path = "/v2/partners/{partner_id}/internal-contacts",
    tag = "Partners",
    operation_id = "listPartnerInternalContacts",
    params(("partner_id" = String, Path, description = "The partner's id."), Sorted),
    responses((status = 200, description = "The assignments of the page.", body = InternalContactAssignments))
)]
async fn list(
    Extension(call): Called,
    Path(partner_id): Path<String>,
    Asked(asked): Asked<Sorted>,
) -> Answered {
    let partner = partners::get(&call.db, &call.request, &partner_id).await?;
    let partner = partner.ok_or_else(|| Problem::not_found("partner_id"))?;
    let own = Filter::Compare(Field::new("partner_id"), Comparison::Equal(partner.id.into()));
    let request = asked.list::<Entity>(&call, Some(own))?;
    let page = assignments::list(&call.db, &call.request, Columns::all(), &request).await?;
    let assigned = assignments::with_people(&call.db, &call.request, page.items).await?;
    Answer::ok(&InternalContactAssignments { data: assigned.iter().map(Into::into).collect() })
}

/// Add an internal contact to a partner
///
/// Finds the person by the email address, and leaves them as they are, or makes them; then assigns them.
#[utoipa::path(
    post,
    path = "/v2/partners/{partner_id}/internal-contacts",
    tag = "Partners",
    operation_id = "addPartnerInternalContact",
    params(
        ("partner_id" = String, Path, description = "The partner's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating the call harmless."),
    ),
    request_body = NewInternalContact,
    responses((status = 200, description = "The assignment, with the contact in it.", body = InternalContactAssignment))
)]
async fn add(
    Extension(call): Called,
    Path(partner_id): Path<String>,
    Given(body): Given<NewInternalContact>,
) -> Answered {
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
        ("partner_id" = String, Path, description = "The partner's id."),
        ("assignment_id" = String, Path, description = "The assignment's id."),
    ),
    responses((status = 200, description = "The assignment, with the contact in it.", body = InternalContactAssignment))
)]
async fn get(Extension(call): Called, Path((partner_id, id)): Path<(String, String)>) -> Answered {
    let assigned = assignments::get_of_partner(&call.db, &call.request, &partner_id, &id).await?;
    InternalContactAssignment::answer(&call, &assigned.ok_or_else(|| Problem::not_found("assignment_id"))?)
}

/// Update internal contact role
///
/// Changes the role of one assignment. The person is not touched.
#[utoipa::path(
    patch,
    path = "/v2/partners/{partner_id}/internal-contacts/{assignment_id}",
    tag = "Partners",
    operation_id = "updateInternalContactRole",
    params(
        ("partner_id" = String, Path, description = "The partner's id."),
        ("assignment_id" = String, Path, description = "The assignment's id."),
        ("If-Match" = Option<String>, Header, description = "The ETag of the assignment as it was read."),
    ),
    request_body = UpdateInternalContactRole,
    responses((status = 200, description = "The assignment, with the contact in it.", body = InternalContactAssignment))
)]
async fn update(
    Extension(call): Called,
    Path((partner_id, id)): Path<(String, String)>,
    Given(body): Given<UpdateInternalContactRole>,
) -> Answered {
    let (role, expected) = (body.internal_role.into(), call.expected_version);
    let unit = || assignments::update_role(&call.db, &call.request, &partner_id, &id, role, expected);
    let row = retried(unit).await?;
    let assigned = assignments::with_people(&call.db, &call.request, vec![row]).await?.pop();
    InternalContactAssignment::answer(&call, &assigned.ok_or_else(|| Problem::not_found("assignment_id"))?)
}

/// Remove an internal contact from a partner
///
/// Removes the assignment for good. The person stays.
#[utoipa::path(
    delete,
    path = "/v2/partners/{partner_id}/internal-contacts/{assignment_id}",
    tag = "Partners",
    operation_id = "removePartnerInternalContact",
    params(
        ("partner_id" = String, Path, description = "The partner's id."),
        ("assignment_id" = String, Path, description = "The assignment's id."),
        ("If-Match" = Option<String>, Header, description = "The ETag of the assignment as it was read."),
    ),
    responses((status = 204, description = "It is removed."))
)]
async fn remove(Extension(call): Called, Path((partner_id, id)): Path<(String, String)>) -> Answered {
    let which = (Some(&*partner_id), &*id);
    retried(|| assignments::remove(&call.db, &call.request, which, call.expected_version)).await?;
    Answer::no_content()
}
