//! Changing organization contacts: inputs, payloads and mutations.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};

use super::{OrganizationContact, OrganizationContactType};
use crate::{
    graphql::{
        Gateway,
        context::ContextExt,
        error::{UserError, outcome},
        patch::patch,
        scalar::{EmailAddress, PhoneNumber},
    },
    service::{Patch, organization_contact as service},
};

/// A new organization contact.
#[derive(InputObject)]
pub struct CreateOrganizationContactInput {
    /// What the card is for; fixed from now on.
    r#type: OrganizationContactType,
    /// First and last name.
    name: Option<String>,
    /// The honorific, such as Dr or Ing.
    title: Option<String>,
    /// The department.
    department: Option<String>,
    /// Street and number.
    street: Option<String>,
    /// A second line of the address, such as an apartment or building.
    secondary_address: Option<String>,
    /// The postal code.
    zipcode: Option<String>,
    /// The city.
    city: Option<String>,
    /// The state or province.
    state: Option<String>,
    /// The country's numeric code of ISO 3166-1, such as 276.
    country_id: Option<ID>,
    /// The email address; need not be unique.
    email: Option<EmailAddress>,
    /// The phone number, in any form.
    phone: Option<PhoneNumber>,
    /// The mobile phone number, in any form.
    mobile: Option<PhoneNumber>,
    /// The number that invoices show, at most 50 characters; only on cards of type INVOICE_ADDRESS.
    purchase_order_number: Option<String>,
    /// Repeating a call with the same key and input gives the first result and does nothing.
    idempotency_key: Option<String>,
}

/// What createOrganizationContact did.
#[derive(SimpleObject)]
pub struct CreateOrganizationContactPayload {
    /// The new card; null when the input was refused.
    organization_contact: Option<OrganizationContact>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// What is to change of an organization contact: an absent field keeps its value, null clears it. Its type is fixed.
#[derive(InputObject)]
pub struct UpdateOrganizationContactInput {
    /// The card's global id.
    id: ID,
    /// First and last name.
    name: MaybeUndefined<String>,
    /// The honorific, such as Dr or Ing.
    title: MaybeUndefined<String>,
    /// The department.
    department: MaybeUndefined<String>,
    /// Street and number.
    street: MaybeUndefined<String>,
    /// A second line of the address, such as an apartment or building.
    secondary_address: MaybeUndefined<String>,
    /// The postal code.
    zipcode: MaybeUndefined<String>,
    /// The city.
    city: MaybeUndefined<String>,
    /// The state or province.
    state: MaybeUndefined<String>,
    /// The country's numeric code of ISO 3166-1, such as 276.
    country_id: MaybeUndefined<ID>,
    /// The email address; need not be unique.
    email: MaybeUndefined<EmailAddress>,
    /// The phone number, in any form.
    phone: MaybeUndefined<PhoneNumber>,
    /// The mobile phone number, in any form.
    mobile: MaybeUndefined<PhoneNumber>,
    /// The number that invoices show, at most 50 characters; only on cards of type INVOICE_ADDRESS.
    purchase_order_number: MaybeUndefined<String>,
    /// The version that was read; when the card has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What updateOrganizationContact did.
#[derive(SimpleObject)]
pub struct UpdateOrganizationContactPayload {
    /// The card after the change; null when the input was refused.
    organization_contact: Option<OrganizationContact>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// A card to delete.
#[derive(InputObject)]
pub struct DeleteOrganizationContactInput {
    /// The card's global id.
    id: ID,
    /// The version that was read; when the card has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What deleteOrganizationContact did.
#[derive(SimpleObject)]
pub struct DeleteOrganizationContactPayload {
    /// The card with the time of its deletion; null when the input was refused.
    organization_contact: Option<OrganizationContact>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// A deleted card to bring back.
#[derive(InputObject)]
pub struct RestoreOrganizationContactInput {
    /// The card's global id.
    id: ID,
    /// The version that was read; when the card has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What restoreOrganizationContact did.
#[derive(SimpleObject)]
pub struct RestoreOrganizationContactPayload {
    /// The card, living; null when the input was refused.
    organization_contact: Option<OrganizationContact>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// Changing organization contacts.
#[derive(Default)]
pub struct OrganizationContactMutation;

#[Object]
impl OrganizationContactMutation {
    /// Makes an organization contact.
    async fn create_organization_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new contact.")] input: CreateOrganizationContactInput,
    ) -> Result<Option<CreateOrganizationContactPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let key = input.idempotency_key.clone();
        let (kind, card) = (input.r#type.into(), input.into());
        let unit = || service::create(db, request, kind, &card, key.as_deref());
        let (row, user_errors) = outcome(unit).await?;
        let organization_contact = row.map(OrganizationContact);
        Ok(Some(CreateOrganizationContactPayload { organization_contact, user_errors }))
    }

    /// Changes an organization contact.
    async fn update_organization_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact and what is to change.")] input: UpdateOrganizationContactInput,
    ) -> Result<Option<UpdateOrganizationContactPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let (id, version, changes) = (input.id.clone(), input.expected_version, input.into());
        let unit = || service::update(db, request, &id, &changes, version);
        let (row, user_errors) = outcome(unit).await?;
        let organization_contact = row.map(OrganizationContact);
        Ok(Some(UpdateOrganizationContactPayload { organization_contact, user_errors }))
    }

    /// Deletes an organization contact softly.
    async fn delete_organization_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The card.")] input: DeleteOrganizationContactInput,
    ) -> Result<Option<DeleteOrganizationContactPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let unit = || service::delete(db, request, &input.id, input.expected_version);
        let (row, user_errors) = outcome(unit).await?;
        Ok(Some(DeleteOrganizationContactPayload {
            organization_contact: row.map(OrganizationContact),
            user_errors,
        }))
    }

    /// Brings a deleted organization contact back. One that is not deleted stays as it is.
    async fn restore_organization_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The card.")] input: RestoreOrganizationContactInput,
    ) -> Result<Option<RestoreOrganizationContactPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let unit = || service::restore(db, request, &input.id, input.expected_version);
        let (row, user_errors) = outcome(unit).await?;
        Ok(Some(RestoreOrganizationContactPayload {
            organization_contact: row.map(OrganizationContact),
            user_errors,
        }))
    }
}

impl From<CreateOrganizationContactInput> for service::Card {
    fn from(input: CreateOrganizationContactInput) -> Self {
        Self {
            name: Patch::from(input.name),
            title: Patch::from(input.title),
            department: Patch::from(input.department),
            street: Patch::from(input.street),
            secondary_address: Patch::from(input.secondary_address),
            zipcode: Patch::from(input.zipcode),
            city: Patch::from(input.city),
            state: Patch::from(input.state),
            country_id: Patch::from(input.country_id.map(|it| it.0)),
            email: Patch::from(input.email.map(|it| it.0)),
            phone: Patch::from(input.phone.map(|it| it.0)),
            mobile: Patch::from(input.mobile.map(|it| it.0)),
            purchase_order_number: Patch::from(input.purchase_order_number),
        }
    }
}

impl From<UpdateOrganizationContactInput> for service::Card {
    fn from(input: UpdateOrganizationContactInput) -> Self {
        Self {
            name: patch(input.name),
            title: patch(input.title),
            department: patch(input.department),
            street: patch(input.street),
            secondary_address: patch(input.secondary_address),
            zipcode: patch(input.zipcode),
            city: patch(input.city),
            state: patch(input.state),
            country_id: patch(input.country_id.map_value(|it| it.0)),
            email: patch(input.email.map_value(|it| it.0)),
            phone: patch(input.phone.map_value(|it| it.0)),
            mobile: patch(input.mobile.map_value(|it| it.0)),
            purchase_order_number: patch(input.purchase_order_number),
        }
    }
}
