//! The GraphQL types of organization contacts.

mod mutation;

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, Enum, ID, Name, Object, Result, Value};

pub use self::mutation::*;
use super::{
    Gateway,
    change::Change,
    contact::{self, Contact, ContactKind},
    context::ContextExt,
    country::Country,
    document::FieldNames,
    filter::{
        ChangeFilter, ChangeOrder, OrganizationContactFilter, OrganizationContactOrder, parse_list_arguments,
    },
    loaders::{ById, Prime, Primed, Source, prime_rows},
    organization::Organization,
    relay::{Connection, ListItem, list_request, primed},
    scalar::{BigInt, EmailAddress, Id, PhoneNumber, Timestamp},
    selection::Selection,
};
use crate::{
    entity::{
        Columns,
        id::{OrganizationContactId, OrganizationId, PublicId},
        organization_contact::{Entity, Model, OrganizationContactType as Type},
    },
    error::AppResult,
    service::{
        PageWindow, contact::Relative, country, cursor::Cursor, filter::Filter,
        organization_contact as service, page::Paged, page::Sort,
    },
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

    /// When the record was created.
    pub async fn created_at(&self) -> Timestamp {
        Timestamp(self.0.created_at)
    }

    /// When the record was last changed.
    pub async fn updated_at(&self) -> Timestamp {
        Timestamp(self.0.updated_at)
    }

    /// When the record was soft-deleted. Null if it is active.
    pub async fn deleted_at(&self) -> Option<Timestamp> {
        self.0.deleted_at.map(Timestamp)
    }

    /// Version number of the record: 1 at creation, incremented by each change. Send it as `expectedVersion` to
    /// detect concurrent changes.
    pub async fn version(&self) -> i32 {
        self.0.version
    }

    /// Other active contacts of the organization, of any kind, with the same email address.
    pub async fn related_contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
        first: Option<i32>,
        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<Contact>>> {
        let window = PageWindow { first, after, last, before };
        contact::related_contacts(ctx, self.relative(), &window).await
    }

    /// Change history of the contact.
    pub async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
        first: Option<i32>,
        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filters the results. Default: all items.")] filter: Option<ChangeFilter>,
        #[graphql(desc = "Sort keys in order of precedence, at most 4. Default: oldest change first.")]
        order_by: Option<Vec<ChangeOrder>>,
    ) -> Result<Option<Connection<Change>>> {
        let window = PageWindow { first, after, last, before };
        let request = list_request(ctx, Change::ORDER, &window, filter, order_by)?;
        contact::history(ctx, self.0.id.to_string(), request).await
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

impl ListItem for OrganizationContact {
    const CONNECTION: &'static str = "OrganizationContactConnection";
    const EDGE: &'static str = "OrganizationContactEdge";

    fn cursor(&self) -> Cursor {
        Entity::cursor(&self.0)
    }

    fn parse_list_arguments(arguments: &[(Name, Value)]) -> Option<(Option<Filter>, Vec<Sort>)> {
        parse_list_arguments::<OrganizationContactFilter, OrganizationContactOrder>(arguments)
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

/// Loads organization contacts by id.
pub struct OrganizationContactById;

impl ById for OrganizationContactById {
    type Id = OrganizationContactId;
    type Row = OrganizationContact;

    async fn load(
        source: &Source,
        organization: OrganizationId,
        ids: &[OrganizationContactId],
    ) -> AppResult<HashMap<OrganizationContactId, OrganizationContact>> {
        let rows =
            service::by_ids(&source.db, organization, ids, OrganizationContact::columns(&source.names))
                .await?;
        Ok(rows.into_iter().map(|(id, row)| (id, OrganizationContact(row))).collect())
    }
}

/// Queries of organization contacts.
#[derive(Default)]
pub struct OrganizationContactQuery;

#[Object]
impl OrganizationContactQuery {
    /// The organization contact with this id. Null if it does not exist or is not accessible with this token.
    async fn organization_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global id of the object.")] id: ID,
    ) -> Result<Option<OrganizationContact>> {
        let Gateway { request, db, .. } = ctx.gateway();
        let row = service::get(db, request, &id).await?;
        Ok(primed(ctx, row.map(OrganizationContact)).await)
    }

    /// The organization contacts of the organization.
    async fn organization_contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
        first: Option<i32>,
        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filters the results. Soft-deleted records are excluded by default.")]
        filter: Option<OrganizationContactFilter>,
        #[graphql(desc = "Sort keys in order of precedence, at most 4. Default: creation order.")]
        order_by: Option<Vec<OrganizationContactOrder>>,
    ) -> Result<Option<Connection<OrganizationContact>>> {
        let Gateway { request, db, names, .. } = ctx.gateway();
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, <Entity as Paged>::ORDER, &window, filter, order_by)?;
        let page = service::list(db, request, OrganizationContact::columns(names), &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(OrganizationContact)).await))
    }
}
