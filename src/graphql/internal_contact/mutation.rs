//! Changing internal contacts: inputs, payloads and mutations.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};

use super::InternalContact;
use crate::{
    graphql::{
        Gateway,
        context::{ContextExt, ReadsContacts},
        error::{UserError, outcome},
        internal_contact_assignment::{InternalContactAssignment, InternalRole},
        patch::patch,
        pending::pending_updates,
        scalar::{EmailAddress, PhoneNumber},
    },
    service::internal_contact as service,
};

/// A new internal contact and the role that it holds for no partner yet.
#[derive(InputObject)]
pub struct CreateInternalContactInput {
    /// The email address; unique among the organization's internal contacts, without regard to case.
    email: EmailAddress,
    /// The role of the floating assignment.
    internal_role: InternalRole,
    /// The given name.
    given_name: Option<String>,
    /// The family name.
    family_name: Option<String>,
    /// The whole name, of people without given and family name.
    name: Option<String>,
    /// The phone number with its country code; kept as E.164.
    phone: Option<PhoneNumber>,
    /// The job title.
    job_title: Option<String>,
    /// Repeating a call with the same key and input gives the first result and does nothing.
    idempotency_key: Option<String>,
}

/// What createInternalContact did.
#[derive(SimpleObject)]
pub struct CreateInternalContactPayload {
    /// The new floating assignment, which holds the role; null when the input was refused.
    assignment: Option<InternalContactAssignment>,
    /// The new person; null when the input was refused.
    internal_contact: Option<InternalContact>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// What is to change of an internal contact: an absent field keeps its value, null clears it.
#[derive(InputObject)]
pub struct UpdateInternalContactInput {
    /// The contact's global id.
    id: ID,
    /// The email address; cannot be null.
    email: MaybeUndefined<EmailAddress>,
    /// The given name.
    given_name: MaybeUndefined<String>,
    /// The family name.
    family_name: MaybeUndefined<String>,
    /// The whole name, of people without given and family name.
    name: MaybeUndefined<String>,
    /// The phone number with its country code; kept as E.164.
    phone: MaybeUndefined<PhoneNumber>,
    /// The job title.
    job_title: MaybeUndefined<String>,
    /// The version that was read; when the contact has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What updateInternalContact did.
#[derive(SimpleObject)]
pub struct UpdateInternalContactPayload {
    /// The contact after the change; null when the input was refused.
    internal_contact: Option<InternalContact>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// A person to add to a partner: found by the email address, or made.
#[derive(InputObject)]
pub struct AddInternalContactToPartnerInput {
    /// The partner's global id.
    partner_id: ID,
    /// The email address, which finds the person.
    email: EmailAddress,
    /// The role for the partner.
    internal_role: InternalRole,
    /// The given name, used only when the person is new.
    given_name: Option<String>,
    /// The family name, used only when the person is new.
    family_name: Option<String>,
    /// The whole name, used only when the person is new.
    name: Option<String>,
    /// The phone number with its country code, used only when the person is new.
    phone: Option<PhoneNumber>,
    /// The job title, used only when the person is new.
    job_title: Option<String>,
    /// The assignment's key in the system it comes from; unique in the organization.
    remote_id: Option<String>,
    /// Repeating the call with the same key and input gives the first result and makes nothing.
    idempotency_key: Option<String>,
}

/// What addInternalContactToPartner did.
#[derive(SimpleObject)]
pub struct AddInternalContactToPartnerPayload {
    /// The new assignment; null when the input was refused.
    assignment: Option<InternalContactAssignment>,
    /// The person, found or made; null when the input was refused. Needs the scope contacts:read.
    #[graphql(guard = "ReadsContacts")]
    internal_contact: Option<InternalContact>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// A contact to delete.
#[derive(InputObject)]
pub struct DeleteInternalContactInput {
    /// The contact's global id.
    id: ID,
    /// The version that was read; when the contact has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What deleteInternalContact did.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct DeleteInternalContactPayload {
    /// The contact with the time of its deletion; null when the input was refused.
    internal_contact: Option<InternalContact>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// A deleted contact to bring back.
#[derive(InputObject)]
pub struct RestoreInternalContactInput {
    /// The contact's global id.
    id: ID,
    /// The version that was read; when the contact has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What restoreInternalContact did.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct RestoreInternalContactPayload {
    /// The contact, living; null when the input was refused.
    internal_contact: Option<InternalContact>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

pending_updates! {
    DeleteInternalContactPayload: |payload| payload.internal_contact.iter(),
    RestoreInternalContactPayload: |payload| payload.internal_contact.iter(),
}

/// Changing internal contacts.
#[derive(Default)]
pub struct InternalContactMutation;

#[Object]
impl InternalContactMutation {
    /// Makes an internal contact and a floating assignment that holds its role, both or neither.
    async fn create_internal_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new contact.")] input: CreateInternalContactInput,
    ) -> Result<Option<CreateInternalContactPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let input = service::CreateInternalContact {
            email: input.email.0,
            internal_role: input.internal_role.into(),
            profile: service::Profile {
                given_name: input.given_name,
                family_name: input.family_name,
                name: input.name,
                phone: input.phone.map(|phone| phone.0),
                job_title: input.job_title,
            },
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

    /// Changes an internal contact. Its assignments are not touched.
    async fn update_internal_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact and what is to change.")] input: UpdateInternalContactInput,
    ) -> Result<Option<UpdateInternalContactPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let changes = service::UpdateInternalContact {
            email: patch(input.email.map_value(|email| email.0)),
            given_name: patch(input.given_name),
            family_name: patch(input.family_name),
            name: patch(input.name),
            phone: patch(input.phone.map_value(|phone| phone.0)),
            job_title: patch(input.job_title),
            expected_version: input.expected_version,
        };
        let (row, user_errors) = outcome(|| service::update(db, request, &input.id, &changes)).await?;
        Ok(Some(UpdateInternalContactPayload { internal_contact: row.map(InternalContact), user_errors }))
    }

    /// Assigns a person to a partner. The person is found by the email address, and then keeps every field, or is made.
    async fn add_internal_contact_to_partner(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The partner, the person and the role.")] input: AddInternalContactToPartnerInput,
    ) -> Result<Option<AddInternalContactToPartnerPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let input = service::AddInternalContactToPartner {
            partner_id: input.partner_id.0,
            email: input.email.0,
            internal_role: input.internal_role.into(),
            profile: service::Profile {
                given_name: input.given_name,
                family_name: input.family_name,
                name: input.name,
                phone: input.phone.map(|phone| phone.0),
                job_title: input.job_title,
            },
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

    /// Deletes an internal contact softly. Its assignments are hidden until it is restored, its email address is free.
    async fn delete_internal_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact.")] input: DeleteInternalContactInput,
    ) -> Result<Option<DeleteInternalContactPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let unit = || service::delete(db, request, &input.id, input.expected_version);
        let (row, user_errors) = outcome(unit).await?;
        Ok(Some(DeleteInternalContactPayload { internal_contact: row.map(InternalContact), user_errors }))
    }

    /// Brings a deleted internal contact back, and its assignments. One that is not deleted stays as it is.
    async fn restore_internal_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact.")] input: RestoreInternalContactInput,
    ) -> Result<Option<RestoreInternalContactPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let unit = || service::restore(db, request, &input.id, input.expected_version);
        let (row, user_errors) = outcome(unit).await?;
        Ok(Some(RestoreInternalContactPayload { internal_contact: row.map(InternalContact), user_errors }))
    }
}
