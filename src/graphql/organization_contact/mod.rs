//! The GraphQL types of organization contacts.

mod mutation;

use std::sync::Arc;

use async_graphql::{Context, Enum, Object, Result};

pub use self::mutation::*;
use super::{
    contact::ContactKind,
    context::ContextExt,
    country::Country,
    filter::{OrganizationContactFilter, OrganizationContactOrder},
    loaders::{prime, prime_lists, prime_rows},
    organization::Organization,
    record::{object, queries, record},
    scalar::{BigInt, EmailAddress, Id, PhoneNumber},
};
use crate::{
    entity::{
        id::OrganizationContactId,
        organization_contact::{Model, OrganizationContactType as Type},
    },
    service::{contact::Relative, country, organization_contact as service},
};

/// The purposes of organization contacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Type")]
pub enum OrganizationContactType {
    /// Commercial questions. Number 1 in the REST API.
    Commercial,
    /// Technical questions. Number 2 in the REST API.
    Technical,
    /// Payments. Number 3 in the REST API.
    Finance,
    /// Shipping address. Number 4 in the REST API.
    ShippingAddress,
    /// Registered address of the company. Number 5 in the REST API.
    CompanyAddress,
    /// Invoice address. Number 6 in the REST API.
    InvoiceAddress,
}

/// A business card of the organization, with one fixed purpose.
pub struct OrganizationContact(pub Model);

object! {
    /// A business card of the organization, with one fixed purpose.
    OrganizationContact |self|
    fields {
        /// Global id with the prefix `oc_`.
        id: Id = self.0.id.into();
        /// Numeric id, as used by the REST API.
        number: BigInt = BigInt(self.0.id.0);
        /// Always `ORGANIZATION`.
        kind: ContactKind = ContactKind::Organization;
        /// The name to display: the name, else the email address, else the department, else the type.
        display_name: &str = service::display_name(&self.0);
        /// The email address. Not unique.
        email: Option<EmailAddress> = self.0.email.clone().map(EmailAddress);
        /// The phone number as written.
        phone: Option<PhoneNumber> = self.0.phone.clone().map(PhoneNumber);
        /// The purpose of the contact. Immutable after creation.
        r#type: OrganizationContactType = self.0.r#type.into();
        /// First and last name.
        name: Option<&str> = self.0.name.as_deref();
        /// The honorific, for example Dr or Ing.
        title: Option<&str> = self.0.title.as_deref();
        /// The department.
        department: Option<&str> = self.0.department.as_deref();
        /// The mobile phone number as written.
        mobile: Option<PhoneNumber> = self.0.mobile.clone().map(PhoneNumber);
        /// The postal address. Fields without a value are null.
        address: Address<'_> = Address(&self.0);
        /// The purchase order number to print on invoices. Only for the type `INVOICE_ADDRESS`.
        purchase_order_number: Option<&str> = self.0.purchase_order_number.as_deref();
    }
    resolvers {
        /// The organization that the contact belongs to.
        async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Arc<Organization>>> {
            Ok(ctx.gateway().loaders.organization.load(self.0.org_id).await?)
        }
    }
    contact { (&self.0).into() }
}

record! {
    OrganizationContact(OrganizationContactId) in organization_contact,
    filter OrganizationContactFilter, order OrganizationContactOrder, read columns
    also |names, column| {
        names.has("related_contacts") && matches!(column, "email_key" | "deleted_at")
            || names.has("display_name") && matches!(column, "name" | "email" | "department")
            || names.has("country") && column == "country_id"
    }
}

/// A postal address.
pub struct Address<'a>(&'a Model);

/// A postal address.
#[Object]
impl Address<'_> {
    /// Street and house number.
    async fn street(&self) -> Option<&str> {
        self.0.street.as_deref()
    }

    /// Second address line, for example an apartment or building.
    async fn secondary_address(&self) -> Option<&str> {
        self.0.secondary_address.as_deref()
    }

    /// The postal code.
    async fn zipcode(&self) -> Option<&str> {
        self.0.zipcode.as_deref()
    }

    /// The city.
    async fn city(&self) -> Option<&str> {
        self.0.city.as_deref()
    }

    /// The state or province.
    async fn state(&self) -> Option<&str> {
        self.0.state.as_deref()
    }

    /// The country.
    async fn country(&self) -> Option<Country> {
        self.0.country_id.and_then(country::by_id).map(Country)
    }
}

prime! {
    OrganizationContact |row|
    "organization" => prime_rows(organization, [row.0.org_id]);
    "relatedContacts" => prime_lists(related_contacts, [Relative::from(&row.0)]);
    "history" => prime_lists(changes_by_entity, [row.0.id.to_string()]);
}

queries! {
    /// Queries of organization contacts.
    OrganizationContactQuery: OrganizationContact,
    by_id {
        /// The organization contact with this id. Null if it does not exist or is not accessible with this token.
        organization_contact
    }
    "Filters the results. Soft-deleted records are excluded by default." {
        /// The organization contacts of the organization.
        organization_contacts
    }
}
