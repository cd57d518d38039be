//! Bulk upsert of assignments: inputs, payload and mutation.

use async_graphql::{ID, InputObject};

use super::{InternalContactAssignment, InternalRole};
use crate::{
    graphql::{
        bulk::upsert,
        internal_contact::profile,
        scalar::{EmailAddress, PhoneNumber},
    },
    service::internal_contact_assignment as service,
};

/// An assignment to create or update. An omitted or null field keeps its value.
///
/// The assignment is matched by remote id. If none matches, or no remote id is given, it is matched by person, role
/// and partner; an assignment without a remote id then receives the given one. The person is looked up by email
/// address and created if there is none; an existing person is not changed.
#[derive(InputObject)]
pub struct UpsertInternalContactAssignmentInput {
    /// Identifier of this record in the external system it was synced from.
    remote_id: Option<String>,
    /// Email address of the person with the role.
    email: EmailAddress,
    /// The role.
    internal_role: InternalRole,
    /// Global id of the partner. If omitted, a new assignment is floating.
    partner_id: Option<ID>,
    /// The given name. Used only if the person is created.
    given_name: Option<String>,
    /// The family name. Used only if the person is created.
    family_name: Option<String>,
    /// The full name, for people without separate given and family names. Used only if the person is created.
    name: Option<String>,
    /// The phone number with country code. Used only if the person is created.
    phone: Option<PhoneNumber>,
    /// The job title. Used only if the person is created.
    job_title: Option<String>,
}

upsert! {
    /// Bulk mutations of assignments.
    InternalContactAssignmentUpsert: assignment "assignment" InternalContactAssignment by service::UpsertInternalContactAssignment;
    /// Assignments to create or update.
    UpsertInternalContactAssignmentsInput;
    /// 1 to 1,000 assignments. Remote ids, and combinations of person, partner and role, must be unique in the list.
    rows: UpsertInternalContactAssignmentInput;
    /// Result of creating or updating one assignment.
    UpsertInternalContactAssignmentResult;
    /// Result of `upsertInternalContactAssignments`.
    UpsertInternalContactAssignmentsPayload;
    /// Creates or updates up to 1,000 assignments, matched by remote id, else by person, role and partner.
    upsert_internal_contact_assignments(r#"The assignments, for example `{ rows: [{ email: "ada@example.com", internalRole: CSM, partnerId: "ptn_…" }] }`."#);
}

impl From<UpsertInternalContactAssignmentInput> for service::UpsertInternalContactAssignment {
    fn from(input: UpsertInternalContactAssignmentInput) -> Self {
        Self {
            remote_id: input.remote_id,
            email: input.email.0,
            internal_role: input.internal_role.into(),
            partner_id: input.partner_id.map(|id| id.0),
            profile: profile!(input),
        }
    }
}
