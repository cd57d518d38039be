//! Assignments by the thousand: inputs, payload and mutation.

use async_graphql::{Context, ID, InputObject, Object, Result};

use super::{InternalContactAssignment, InternalRole};
use crate::{
    entity::internal_contact_assignment::Model,
    error::AppResult,
    graphql::{
        Gateway,
        bulk::{BulkErrorPolicy, upsert_types},
        context::ContextExt,
        error::{UserError, outcome},
        scalar::{EmailAddress, PhoneNumber},
    },
    service::{bulk::Upserts, internal_contact::Profile, internal_contact_assignment as service},
};

/// An assignment to create or update. A field that is absent or null keeps its value.
///
/// It is the assignment with this remote id. Where nothing has it, or none is given, it is the one by which this person
/// holds this role for this partner, or for none; one that has no remote id yet gets it. The person is found by email
/// address, or made; one that is found keeps every field.
#[derive(InputObject)]
pub struct UpsertInternalContactAssignmentInput {
    /// Its key in the system it comes from.
    remote_id: Option<String>,
    /// The email address of who is to hold the role.
    email: EmailAddress,
    /// The role.
    internal_role: InternalRole,
    /// The partner's global id; a new assignment is floating when absent.
    partner_id: Option<ID>,
    /// The person's given name, if they are new.
    given_name: Option<String>,
    /// The person's family name, if they are new.
    family_name: Option<String>,
    /// The whole name of a person without given and family name, if they are new.
    name: Option<String>,
    /// The person's phone number with its country code, if they are new.
    phone: Option<PhoneNumber>,
    /// The person's job title, if they are new.
    job_title: Option<String>,
}

/// Assignments to create or update.
#[derive(InputObject)]
pub struct UpsertInternalContactAssignmentsInput {
    /// The assignments, 1 to 1,000, no two with the same remote id, or with the same person, partner and role.
    rows: Vec<UpsertInternalContactAssignmentInput>,
    /// What happens to the good rows when others are refused.
    #[graphql(default)]
    error_policy: BulkErrorPolicy,
    /// Repeating a call with the same key and input gives the first results and does nothing.
    idempotency_key: Option<String>,
}

upsert_types! {
    /// What became of an assignment.
    UpsertInternalContactAssignmentResult,
    /// What upsertInternalContactAssignments did.
    UpsertInternalContactAssignmentsPayload,
    assignment / "assignment": InternalContactAssignment
}

/// Changing assignments by the thousand.
#[derive(Default)]
pub struct InternalContactAssignmentUpsert;

#[Object]
impl InternalContactAssignmentUpsert {
    /// Creates or updates up to 1,000 assignments by their remote ids, else by person, partner and role.
    async fn upsert_internal_contact_assignments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The assignments.")] input: UpsertInternalContactAssignmentsInput,
    ) -> Result<Option<UpsertInternalContactAssignmentsPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let UpsertInternalContactAssignmentsInput { rows, error_policy, idempotency_key } = input;
        let rows = rows.into_iter().map(Into::into).collect();
        let input = Upserts { rows, error_policy: error_policy.into(), idempotency_key };
        let unit = || service::upsert(db, request, &input);
        Ok(Some(UpsertInternalContactAssignmentsPayload::of(ctx, unit).await?))
    }
}

impl From<UpsertInternalContactAssignmentInput> for service::UpsertInternalContactAssignment {
    fn from(input: UpsertInternalContactAssignmentInput) -> Self {
        Self {
            remote_id: input.remote_id,
            email: input.email.0,
            internal_role: input.internal_role.into(),
            partner_id: input.partner_id.map(|id| id.0),
            profile: Profile {
                given_name: input.given_name,
                family_name: input.family_name,
                name: input.name,
                phone: input.phone.map(|phone| phone.0),
                job_title: input.job_title,
            },
        }
    }
}
