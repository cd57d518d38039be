//! The GraphQL types of organization contacts.

mod mutation;

use std::sync::Arc;

use async_graphql::{Context, Enum, Object, Result};

pub use self::mutation::*;
use super::{
    Gateway,
    contact::{self, ContactKind, ContactLists},
    context::ContextExt,
    country::Country,
    document::FieldNames,
    filter::{OrganizationContactFilter, OrganizationContactOrder},
    loaders::{Prime, Primed, prime_rows},
    organization::Organization,
    record::{SoftDeletableFields, record},
    relay::queries,
    scalar::{BigInt, EmailAddress, Id, PhoneNumber},
    selection::Selection,
};
use crate::{
    entity::{
        Columns,
        id::{OrganizationContactId, PublicId},
        organization_contact::{Entity, Model, OrganizationContactType as Type},
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

/// A business card of the organization, with one fixed purpose.
#[Object]
impl OrganizationContact {
    /// Global id with the prefix `oc_`.
    pub async fn id(&self) -> Id {
        self.0.id.into()
    }

    /// Numeric id, as used by the REST API.
    async fn number(&self) -> BigInt {
        BigInt(self.0.id.0)
    }

    /// Always `ORGANIZATION`.
    pub async fn kind(&self) -> ContactKind {
        ContactKind::Organization
    }

    /// The name to display: the name, else the email address, else the department, else the type.
    pub async fn display_name(&self) -> &str {
        service::display_name(&self.0)
    }

    /// The email address. Not unique.
    pub async fn email(&self) -> Option<EmailAddress> {
        self.0.email.clone().map(EmailAddress)
    }

    /// The phone number as written.
    pub async fn phone(&self) -> Option<PhoneNumber> {
        self.0.phone.clone().map(PhoneNumber)
    }

    /// The purpose of the contact. Immutable after creation.
    async fn r#type(&self) -> OrganizationContactType {
        self.0.r#type.into()
    }

    /// First and last name.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The honorific, for example Dr or Ing.
    async fn title(&self) -> Option<&str> {
        self.0.title.as_deref()
    }

    /// The department.
    async fn department(&self) -> Option<&str> {
        self.0.department.as_deref()
    }

    /// The mobile phone number as written.
    async fn mobile(&self) -> Option<PhoneNumber> {
        self.0.mobile.clone().map(PhoneNumber)
    }

    /// The postal address. Fields without a value are null.
    async fn address(&self) -> Address<'_> {
        Address(&self.0)
    }

    /// The purchase order number to print on invoices. Only for the type `INVOICE_ADDRESS`.
    async fn purchase_order_number(&self) -> Option<&str> {
        self.0.purchase_order_number.as_deref()
    }

    /// The organization that the contact belongs to.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Arc<Organization>>> {
        Ok(ctx.gateway().loaders.organization.load(self.0.org_id).await?)
    }

    /// The common fields.
    #[graphql(flatten)]
    async fn record(&self) -> SoftDeletableFields {
        (&self.0).into()
    }

    /// The lists of all kinds of contacts.
    #[graphql(flatten)]
    async fn contact_lists(&self) -> ContactLists {
        ContactLists(self.relative())
    }
}

record! {
    OrganizationContact(OrganizationContactId) in organization_contact,
    filter OrganizationContactFilter, order OrganizationContactOrder, read columns
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

impl OrganizationContact {
    /// The contact as a key of the loader of related contacts.
    pub(super) fn relative(&self) -> Relative {
        Relative {
            id: PublicId::OrganizationContact(self.0.id),
            email_key: self.0.email_key.clone(),
            is_living: self.0.deleted_at.is_none(),
        }
    }

    /// The database columns of the selected fields.
    pub(super) fn columns(names: &FieldNames) -> Columns<Entity> {
        Columns::selected_by(|column| match column {
            "country_id" => names.has("country"),
            "name" | "email" | "department" => names.has(column) || names.has("display_name"),
            "email_key" => names.has("related_contacts"),
            "deleted_at" => names.has(column) || names.has("related_contacts"),
            _ => names.has(column),
        })
    }
}

impl Prime for OrganizationContact {
    fn prime<'a>(rows: Vec<&'a Self>, selections: Vec<Selection<'a>>, gateway: &'a Gateway) -> Primed<'a> {
        Box::pin(async move {
            let loaders = &gateway.loaders;
            for selection in selections {
                match selection.name() {
                    "organization" => {
                        let ids = rows.iter().map(|row| row.0.org_id);
                        prime_rows(selection, &loaders.organization, ids, gateway).await;
                    }
                    _ => {
                        let contacts = rows.iter().map(|row| row.relative());
                        contact::prime_shared(selection, contacts, gateway).await;
                    }
                }
            }
        })
    }
}

queries! {
    /// Queries of organization contacts.
    OrganizationContactQuery: OrganizationContact,
    by_id {
        /// The organization contact with this id. Null if it does not exist or is not accessible with this token.
        organization_contact = service::get
    }
    "Filters the results. Soft-deleted records are excluded by default." {
        /// The organization contacts of the organization.
        organization_contacts
    }
}
