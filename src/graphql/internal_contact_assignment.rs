//! The GraphQL types of assignments of internal contacts.

mod upsert;

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Name, Object, Result, SimpleObject, Value};

pub use self::upsert::*;
use super::{
    Gateway,
    context::{ContextExt, ReadsContacts},
    error::{UserError, outcome},
    filter::{InternalContactAssignmentFilter, InternalContactAssignmentOrder},
    internal_contact::InternalContact,
    loaders::{list_loaders, prime, prime_rows},
    partner::Partner,
    payload::payloads,
    record::{RecordFields, object, queries, record},
    relay::{ListFilter, argument},
    scalar::Id,
};
use crate::{
    entity::{
        id::{InternalContactAssignmentId, InternalContactId, PartnerId},
        internal_contact_assignment::{InternalRole as Role, Model},
    },
    error::AppError,
    service::internal_contact_assignment::{self as service, AssignmentFilter},
};

/// The roles of internal contacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Role")]
pub enum InternalRole {
    /// Account manager.
    AccountManager,
    /// Account executive.
    AccountExecutive,
    /// Customer success manager.
    Csm,
    /// Lead.
    Lead,
    /// Co-lead.
    CoLead,
    /// Practice lead.
    PracticeLead,
}

/// An assignment of an internal contact.
pub struct InternalContactAssignment(pub Model);

object! {
    /// The role of an internal contact for a partner. A floating assignment has no partner yet.
    InternalContactAssignment |self|
    fields {
        /// Global id with the prefix `ica_`.
        id: Id = self.0.id.into();
        /// The role.
        internal_role: InternalRole = self.0.internal_role.into();
    }
    resolvers {
        /// The internal contact.
        async fn internal_contact(&self, ctx: &Context<'_>) -> Result<Arc<InternalContact>> {
            let row = ctx.gateway().loaders.internal_contact.load(self.0.internal_contact_id).await?;
            row.ok_or_else(|| AppError::Internal("an assignment without its person".into()).into())
        }

        /// The partner. Null if the assignment is floating, that is, not attached to a partner yet.
        async fn partner(&self, ctx: &Context<'_>) -> Result<Option<Arc<Partner>>> {
            match self.0.partner_id {
                Some(id) => Ok(ctx.gateway().loaders.partner.load(id).await?),
                None => Ok(None),
            }
        }
    }
    fields {
        /// Identifier of this record in the external system it was synced from.
        remote_id: Option<&str> = self.0.remote_id.as_deref();
    }
    flattened {
        record: RecordFields = (&self.0).into();
    }
}

record! {
    InternalContactAssignment(InternalContactAssignmentId) in internal_contact_assignment,
    filter InternalContactAssignmentFilter, order InternalContactAssignmentOrder, read columns
}

prime! {
    InternalContactAssignment |row|
    "internalContact" => prime_rows(internal_contact, [row.0.internal_contact_id]);
    "partner" => prime_rows(partner, row.0.partner_id);
}

impl ListFilter for AssignmentFilter {
    fn from_arguments(arguments: &[(Name, Value)]) -> Option<Self> {
        let role: Option<InternalRole> = argument(arguments, "role")?;
        Some(Self { role: role.map(Into::into), floating: argument(arguments, "floating")? })
    }
}

list_loaders! {
    /// Loads the assignments to partners.
    AssignmentsByPartner(AssignmentFilter): PartnerId => InternalContactAssignment = service::of_partners;
    /// Loads the assignments of internal contacts.
    AssignmentsByInternalContact(AssignmentFilter): InternalContactId => InternalContactAssignment =
        service::of_internal_contacts;
}

queries! {
    /// Queries of assignments.
    InternalContactAssignmentQuery: InternalContactAssignment,
    by_id {
        /// The assignment with this id. Null if it does not exist or is not accessible with this token.
        internal_contact_assignment
    }
    "Filters the results. Default: all items." {
        /// The assignments of the organization.
        internal_contact_assignments
    }
}

/// The assignment and its new role.
#[derive(InputObject)]
pub struct UpdateInternalContactRoleInput {
    /// Global id of the partner of the assignment.
    partner_id: ID,
    /// Global id of the assignment.
    assignment_id: ID,
    /// The new role.
    internal_role: InternalRole,
    /// The record's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

/// The floating assignment, and the partner to attach it to.
#[derive(InputObject)]
pub struct AttachInternalContactAssignmentInput {
    /// Global id of the floating assignment.
    assignment_id: ID,
    /// Global id of the partner.
    partner_id: ID,
    /// The record's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

/// The assignment, and the partner to move it to.
#[derive(InputObject)]
pub struct MoveInternalContactAssignmentInput {
    /// Global id of the assignment.
    assignment_id: ID,
    /// Global id of the new partner.
    partner_id: ID,
    /// The record's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

payloads! {
    /// Result of `updateInternalContactRole`.
    UpdateInternalContactRolePayload {
        /// The updated assignment. Null if the input was rejected.
        assignment: InternalContactAssignment
    }

    /// Result of `attachInternalContactAssignment`.
    AttachInternalContactAssignmentPayload {
        /// The updated assignment. Null if the input was rejected.
        assignment: InternalContactAssignment
    }

    /// Result of `moveInternalContactAssignment`.
    MoveInternalContactAssignmentPayload {
        /// The updated assignment. Null if the input was rejected.
        assignment: InternalContactAssignment
    }
}

/// The assignment to delete.
#[derive(InputObject)]
pub struct RemoveInternalContactAssignmentInput {
    /// Global id of the assignment.
    assignment_id: ID,
    /// The record's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

/// Result of `removeInternalContactAssignment`.
#[derive(SimpleObject)]
pub struct RemoveInternalContactAssignmentPayload {
    /// Global id of the deleted assignment. Null if the input was rejected.
    removed_assignment_id: Option<ID>,
    /// The internal contact of the assignment. Null if the input was rejected. Requires the scope `contacts:read`.
    #[graphql(guard = "ReadsContacts")]
    internal_contact: Option<InternalContact>,
    /// Validation errors. Empty if the mutation succeeded.
    user_errors: Vec<UserError>,
}

/// Mutations of assignments.
#[derive(Default)]
pub struct InternalContactAssignmentMutation;

#[Object]
impl InternalContactAssignmentMutation {
    /// Changes the role of an internal contact for a partner. The contact itself does not change.
    async fn update_internal_contact_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = r#"The assignment and its new role, for example `{ partnerId: "ptn_…", assignmentId: "ica_…", internalRole: LEAD }`."#
        )]
        input: UpdateInternalContactRoleInput,
    ) -> Result<Option<UpdateInternalContactRolePayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let UpdateInternalContactRoleInput { partner_id, assignment_id, internal_role, expected_version } =
            input;
        let role = internal_role.into();
        let unit = || service::update_role(db, request, &partner_id, &assignment_id, role, expected_version);
        UpdateInternalContactRolePayload::of(unit).await
    }

    /// Attaches a floating assignment to a partner.
    async fn attach_internal_contact_assignment(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = r#"The floating assignment and the partner, for example `{ assignmentId: "ica_…", partnerId: "ptn_…" }`."#
        )]
        input: AttachInternalContactAssignmentInput,
    ) -> Result<Option<AttachInternalContactAssignmentPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let AttachInternalContactAssignmentInput { assignment_id, partner_id, expected_version } = input;
        let unit = || service::attach(db, request, &assignment_id, &partner_id, expected_version);
        AttachInternalContactAssignmentPayload::of(unit).await
    }

    /// Moves an assignment from its partner to another one. If it is the same partner, nothing changes.
    async fn move_internal_contact_assignment(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = r#"The assignment and the new partner, for example `{ assignmentId: "ica_…", partnerId: "ptn_…" }`."#
        )]
        input: MoveInternalContactAssignmentInput,
    ) -> Result<Option<MoveInternalContactAssignmentPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let MoveInternalContactAssignmentInput { assignment_id, partner_id, expected_version } = input;
        let unit = || service::move_to(db, request, &assignment_id, &partner_id, expected_version);
        MoveInternalContactAssignmentPayload::of(unit).await
    }

    /// Permanently deletes an assignment. The internal contact is kept.
    async fn remove_internal_contact_assignment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = r#"The assignment, for example `{ assignmentId: "ica_…" }`."#)]
        input: RemoveInternalContactAssignmentInput,
    ) -> Result<Option<RemoveInternalContactAssignmentPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let unit = || service::remove(db, request, (None, &input.assignment_id), input.expected_version);
        let (removed, user_errors) = outcome(unit).await?;
        let (assignment, internal_contact) = removed.map(|it| (it.assignment, it.contact)).unzip();
        Ok(Some(RemoveInternalContactAssignmentPayload {
            removed_assignment_id: assignment.map(|it| ID(it.id.to_string())),
            internal_contact: internal_contact.map(InternalContact),
            user_errors,
        }))
    }
}
