//! Mutations of organization contacts: inputs, payloads and resolvers.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result};

use super::{OrganizationContact, OrganizationContactType};
use crate::{
    graphql::{
        Gateway,
        context::ContextExt,
        patch::patch,
        payload::{payloads, soft_deletion},
        scalar::{EmailAddress, PhoneNumber},
    },
    service::organization_contact as service,
};

/// The organization contact to create.
#[derive(InputObject)]
pub struct CreateOrganizationContactInput {
    /// The purpose of the contact. Immutable after creation.
    r#type: OrganizationContactType,
    /// First and last name.
    name: Option<String>,
    /// The honorific, for example Dr or Ing.
    title: Option<String>,
    /// The department.
    department: Option<String>,
    /// Street and house number.
    street: Option<String>,
    /// Second address line, for example an apartment or building.
    secondary_address: Option<String>,
    /// The postal code.
    zipcode: Option<String>,
    /// The city.
    city: Option<String>,
    /// The state or province.
    state: Option<String>,
    /// Numeric country code of ISO 3166-1, for example `276`.
    country_id: Option<ID>,
    /// The email address. Does not need to be unique.
    email: Option<EmailAddress>,
    /// The phone number in any format. Stored as written.
    phone: Option<PhoneNumber>,
    /// The mobile phone number in any format. Stored as written.
    mobile: Option<PhoneNumber>,
    /// The purchase order number to print on invoices, at most 50 characters. Only for the type `INVOICE_ADDRESS`.
    purchase_order_number: Option<String>,
    /// A key of 1 to 255 characters, chosen by the client. Repeating the mutation with the same key and input returns
    /// the first result and writes nothing; the same key with another input is an error. Keys are kept for 7 days by
    /// default.
    idempotency_key: Option<String>,
}

/// The fields to update. An omitted field keeps its value, null clears it. The type is immutable.
#[derive(InputObject)]
pub struct UpdateOrganizationContactInput {
    /// Global id of the organization contact.
    id: ID,
    /// First and last name.
    name: MaybeUndefined<String>,
    /// The honorific, for example Dr or Ing.
    title: MaybeUndefined<String>,
    /// The department.
    department: MaybeUndefined<String>,
    /// Street and house number.
    street: MaybeUndefined<String>,
    /// Second address line, for example an apartment or building.
    secondary_address: MaybeUndefined<String>,
    /// The postal code.
    zipcode: MaybeUndefined<String>,
    /// The city.
    city: MaybeUndefined<String>,
    /// The state or province.
    state: MaybeUndefined<String>,
    /// Numeric country code of ISO 3166-1, for example `276`.
    country_id: MaybeUndefined<ID>,
    /// The email address. Does not need to be unique.
    email: MaybeUndefined<EmailAddress>,
    /// The phone number in any format. Stored as written.
    phone: MaybeUndefined<PhoneNumber>,
    /// The mobile phone number in any format. Stored as written.
    mobile: MaybeUndefined<PhoneNumber>,
    /// The purchase order number to print on invoices, at most 50 characters. Only for the type `INVOICE_ADDRESS`.
    purchase_order_number: MaybeUndefined<String>,
    /// The record's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

payloads! {
    /// Result of `createOrganizationContact`.
    CreateOrganizationContactPayload {
        /// The created organization contact. Null if the input was rejected.
        organization_contact: OrganizationContact
    }

    /// Result of `updateOrganizationContact`.
    UpdateOrganizationContactPayload {
        /// The updated organization contact. Null if the input was rejected.
        organization_contact: OrganizationContact
    }
}

/// Mutations of organization contacts.
#[derive(Default)]
pub struct OrganizationContactMutation;

#[Object]
impl OrganizationContactMutation {
    /// Creates an organization contact.
    async fn create_organization_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = r#"The contact to create, for example `{ type: FINANCE, department: "Accounts payable", email: "payables@example.com" }`."#
        )]
        input: CreateOrganizationContactInput,
    ) -> Result<Option<CreateOrganizationContactPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let key = input.idempotency_key.clone();
        let (kind, card) = (input.r#type.into(), input.into());
        let unit = || service::create(db, request, kind, &card, key.as_deref());
        CreateOrganizationContactPayload::of(unit).await
    }

    /// Updates an organization contact.
    async fn update_organization_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = r#"The contact and the fields to update, for example `{ id: "oc_7", city: "Berlin", countryId: "276" }`."#
        )]
        input: UpdateOrganizationContactInput,
    ) -> Result<Option<UpdateOrganizationContactPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let (id, version, changes) = (input.id.clone(), input.expected_version, input.into());
        let unit = || service::update(db, request, &id, &changes, version);
        UpdateOrganizationContactPayload::of(unit).await
    }
}

soft_deletion! {
    /// Soft-deletion of organization contacts.
    OrganizationContactDeletion: organization_contact OrganizationContact,
        "organization contact", r#"The organization contact, for example `{ id: "oc_7" }`."#;
    /// Soft-deletes an organization contact.
    delete_organization_contact "deleteOrganizationContact":
        DeleteOrganizationContactInput => DeleteOrganizationContactPayload;
    /// Restores a soft-deleted organization contact. An active contact is not changed.
    restore_organization_contact "restoreOrganizationContact":
        RestoreOrganizationContactInput => RestoreOrganizationContactPayload;
}

macro_rules! into_card {
    ($($input:ident),+) => {$(
        impl From<$input> for service::Card {
            fn from(input: $input) -> Self {
                Self {
                    name: patch(input.name),
                    title: patch(input.title),
                    department: patch(input.department),
                    street: patch(input.street),
                    secondary_address: patch(input.secondary_address),
                    zipcode: patch(input.zipcode),
                    city: patch(input.city),
                    state: patch(input.state),
                    country_id: patch(input.country_id),
                    email: patch(input.email),
                    phone: patch(input.phone),
                    mobile: patch(input.mobile),
                    purchase_order_number: patch(input.purchase_order_number),
                }
            }
        }
    )+};
}

into_card!(CreateOrganizationContactInput, UpdateOrganizationContactInput);
