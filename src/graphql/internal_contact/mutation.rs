//! Mutations of internal contacts: inputs, payloads and resolvers.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};

use super::InternalContact;
use crate::{
    graphql::{
        Gateway,
        context::{ContextExt, ReadsContacts},
        error::{UserError, outcome},
        internal_contact_assignment::{InternalContactAssignment, InternalRole},
        patch::patch,
        payload::{payloads, soft_deletion},
        pending::pending_updates,
        scalar::{EmailAddress, PhoneNumber},
    },
    service::internal_contact as service,
};

/// The profile of a person from the fields of an input.
macro_rules! profile {
    ($input:ident) => {
        $crate::service::internal_contact::Profile {
            given_name: $input.given_name,
            family_name: $input.family_name,
            name: $input.name,
            phone: $input.phone.map(Into::into),
            job_title: $input.job_title,
        }
    };
}
pub(in crate::graphql) use profile;

/// The internal contact to create, with the role of its floating assignment.
#[derive(InputObject)]
pub struct CreateInternalContactInput {
    /// The email address. Unique among the active internal contacts of the organization, ignoring case.
    email: EmailAddress,
    /// The role of the floating assignment.
    internal_role: InternalRole,
    /// The given name.
    given_name: Option<String>,
    /// The family name.
    family_name: Option<String>,
    /// The full name, for people without separate given and family names.
    name: Option<String>,
    /// The phone number with country code. Stored in E.164 format.
    phone: Option<PhoneNumber>,
    /// The job title.
    job_title: Option<String>,
    /// Identifier of this record in the external system it was synced from. Unique in the organization.
    remote_id: Option<String>,
    /// A key of 1 to 255 characters, chosen by the client. Repeating the mutation with the same key and input returns
    /// the first result and writes nothing; the same key with another input is an error. Keys are kept for 7 days by
    /// default.
    idempotency_key: Option<String>,
}

/// Result of `createInternalContact`.
#[derive(SimpleObject)]
pub struct CreateInternalContactPayload {
    /// The created floating assignment. Null if the input was rejected.
    assignment: Option<InternalContactAssignment>,
    /// The created internal contact. Null if the input was rejected.
    internal_contact: Option<InternalContact>,
    /// Validation errors. Empty if the mutation succeeded.
    user_errors: Vec<UserError>,
}

/// The fields to update. An omitted field keeps its value, null clears it.
#[derive(InputObject)]
pub struct UpdateInternalContactInput {
    /// Global id of the contact.
    id: ID,
    /// The email address. Must not be null.
    email: MaybeUndefined<EmailAddress>,
    /// The given name.
    given_name: MaybeUndefined<String>,
    /// The family name.
    family_name: MaybeUndefined<String>,
    /// The full name, for people without separate given and family names.
    name: MaybeUndefined<String>,
    /// The phone number with country code. Stored in E.164 format.
    phone: MaybeUndefined<PhoneNumber>,
    /// The job title.
    job_title: MaybeUndefined<String>,
    /// Identifier of this record in the external system it was synced from. Unique in the organization.
    remote_id: MaybeUndefined<String>,
    /// The record's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

/// The person to assign to a partner. The person is looked up by email address and created if there is none.
#[derive(InputObject)]
pub struct AddInternalContactToPartnerInput {
    /// Global id of the partner.
    partner_id: ID,
    /// Email address of the person. An existing internal contact with this address is used.
    email: EmailAddress,
    /// The role of the person for the partner.
    internal_role: InternalRole,
    /// The given name. Used only if the person is created.
    given_name: Option<String>,
    /// The family name. Used only if the person is created.
    family_name: Option<String>,
    /// The full name. Used only if the person is created.
    name: Option<String>,
    /// The phone number with country code. Used only if the person is created.
    phone: Option<PhoneNumber>,
    /// The job title. Used only if the person is created.
    job_title: Option<String>,
    /// Identifier of the assignment in the external system it was synced from. Unique in the organization.
    remote_id: Option<String>,
    /// A key of 1 to 255 characters, chosen by the client. Repeating the mutation with the same key and input returns
    /// the first result and writes nothing; the same key with another input is an error. Keys are kept for 7 days by
    /// default.
    idempotency_key: Option<String>,
}

/// Result of `addInternalContactToPartner`.
#[derive(SimpleObject)]
pub struct AddInternalContactToPartnerPayload {
    /// The created assignment. Null if the input was rejected.
    assignment: Option<InternalContactAssignment>,
    /// The existing or created person. Null if the input was rejected. Requires the scope `contacts:read`.
    #[graphql(guard = "ReadsContacts")]
    internal_contact: Option<InternalContact>,
    /// Validation errors. Empty if the mutation succeeded.
    user_errors: Vec<UserError>,
}

payloads! {
    /// Result of `updateInternalContact`.
    UpdateInternalContactPayload {
        /// The updated contact. Null if the input was rejected.
        internal_contact: InternalContact
    }
}

/// Mutations of internal contacts.
#[derive(Default)]
pub struct InternalContactMutation;

#[Object]
impl InternalContactMutation {
    /// Creates an internal contact and a floating assignment with its role, in one transaction.
    async fn create_internal_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = r#"The contact to create, for example `{ email: "ada@example.com", internalRole: CSM, givenName: "Ada", familyName: "Lovelace" }`."#
        )]
        input: CreateInternalContactInput,
    ) -> Result<Option<CreateInternalContactPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let input = service::CreateInternalContact {
            email: input.email.0,
            internal_role: input.internal_role.into(),
            profile: profile!(input),
            remote_id: input.remote_id,
            idempotency_key: input.idempotency_key,
        };
        let (assigned, user_errors) = outcome(|| service::create(db, request, &input)).await?;
        let (assignment, internal_contact) = assigned.map(|it| (it.assignment, it.contact)).unzip();
        Ok(Some(CreateInternalContactPayload {
            assignment: assignment.map(InternalContactAssignment),
            internal_contact: internal_contact.map(InternalContact),
            user_errors,
        }))
    }

    /// Updates an internal contact. Its assignments do not change.
    async fn update_internal_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = r#"The contact and the fields to update, for example `{ id: "ic_…", jobTitle: "Partner manager", phone: null }`."#
        )]
        input: UpdateInternalContactInput,
    ) -> Result<Option<UpdateInternalContactPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let changes = service::UpdateInternalContact {
            email: patch(input.email),
            given_name: patch(input.given_name),
            family_name: patch(input.family_name),
            name: patch(input.name),
            phone: patch(input.phone),
            job_title: patch(input.job_title),
            remote_id: patch(input.remote_id),
            expected_version: input.expected_version,
        };
        UpdateInternalContactPayload::of(|| service::update(db, request, &input.id, &changes)).await
    }

    /// Assigns a person to a partner. The person is looked up by email address and created if there is none; an
    /// existing person is not changed.
    async fn add_internal_contact_to_partner(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = r#"The partner, the person and the role, for example `{ partnerId: "ptn_…", email: "ada@example.com", internalRole: CSM }`."#
        )]
        input: AddInternalContactToPartnerInput,
    ) -> Result<Option<AddInternalContactToPartnerPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let input = service::AddInternalContactToPartner {
            partner_id: input.partner_id.0,
            email: input.email.0,
            internal_role: input.internal_role.into(),
            profile: profile!(input),
            remote_id: input.remote_id,
            idempotency_key: input.idempotency_key,
        };
        let (assigned, user_errors) = outcome(|| service::add_to_partner(db, request, &input)).await?;
        let (assignment, internal_contact) = assigned.map(|it| (it.assignment, it.contact)).unzip();
        Ok(Some(AddInternalContactToPartnerPayload {
            assignment: assignment.map(InternalContactAssignment),
            internal_contact: internal_contact.map(InternalContact),
            user_errors,
        }))
    }
}

soft_deletion! {
    /// Soft-deletion of internal contacts.
    InternalContactDeletion: internal_contact InternalContact, "contact", r#"The contact, for example `{ id: "ic_…" }`."#, complex;
    /// Soft-deletes an internal contact. Its assignments are hidden until it is restored; its email address can be
    /// used again.
    delete_internal_contact "deleteInternalContact":
        DeleteInternalContactInput => DeleteInternalContactPayload;
    /// Restores a soft-deleted internal contact and its assignments. An active contact is not changed.
    restore_internal_contact "restoreInternalContact":
        RestoreInternalContactInput => RestoreInternalContactPayload;
}

pending_updates! {
    DeleteInternalContactPayload: |payload| payload.internal_contact.iter(),
    RestoreInternalContactPayload: |payload| payload.internal_contact.iter(),
}
