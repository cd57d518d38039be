//! Organization contacts in the schema.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{
    Context, Enum, ID, InputObject, MaybeUndefined, Name, Object, Result, SimpleObject, Value,
};

use super::{
    Gateway,
    change::Change,
    contact::{self, Contact, ContactKind},
    context::ContextExt,
    country::Country,
    document::FieldNames,
    error::{UserError, outcome},
    filter::{ChangeFilter, ChangeOrder, OrganizationContactFilter, OrganizationContactOrder, narrowed},
    loaders::{ById, Prime, Primed, Source, prime_lists, prime_rows},
    organization::Organization,
    patch::patch,
    relay::{Connection, Listed, list_request, primed},
    scalar::{EmailAddress, Id, PhoneNumber, Timestamp},
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
        PageWindow, Patch, contact::Relative, country, cursor::Cursor, filter::Filter,
        organization_contact as service, page::Paged, page::Sort,
    },
};

/// What an organization contact is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Type")]
pub enum OrganizationContactType {
    /// Commercial questions; number 1 in the documented API.
    Commercial,
    /// Technical questions; number 2.
    Technical,
    /// Payments; number 3.
    Finance,
    /// Where goods are sent; number 4.
    ShippingAddress,
    /// The seat of the company; number 5.
    CompanyAddress,
    /// Where invoices are sent; number 6.
    InvoiceAddress,
}

/// A card with one fixed purpose at an organization.
pub struct OrganizationContact(pub Model);

/// A card with one fixed purpose at an organization.
#[Object]
impl OrganizationContact {
    /// The global id, `oc_…`.
    pub async fn id(&self) -> Id {
        self.0.id.into()
    }

    /// The number in the documented API: the id's integer.
    async fn number(&self) -> i64 {
        self.0.id.0
    }

    /// Always ORGANIZATION.
    pub async fn kind(&self) -> ContactKind {
        ContactKind::Organization
    }

    /// The name, else the email address, else the department, else the type.
    pub async fn display_name(&self) -> &str {
        service::display_name(&self.0)
    }

    /// The email address; not unique.
    pub async fn email(&self) -> Option<EmailAddress> {
        self.0.email.clone().map(EmailAddress)
    }

    /// The phone number, as written.
    pub async fn phone(&self) -> Option<PhoneNumber> {
        self.0.phone.clone().map(PhoneNumber)
    }

    /// What the card is for; fixed when it is made.
    async fn r#type(&self) -> OrganizationContactType {
        self.0.r#type.into()
    }

    /// First and last name.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The honorific, such as Dr or Ing.
    async fn title(&self) -> Option<&str> {
        self.0.title.as_deref()
    }

    /// The department.
    async fn department(&self) -> Option<&str> {
        self.0.department.as_deref()
    }

    /// The mobile phone number, as written.
    async fn mobile(&self) -> Option<PhoneNumber> {
        self.0.mobile.clone().map(PhoneNumber)
    }

    /// The postal address; its fields are null where the card has none.
    async fn address(&self) -> Address<'_> {
        Address(&self.0)
    }

    /// The number that invoices show; only on cards of type INVOICE_ADDRESS.
    async fn purchase_order_number(&self) -> Option<&str> {
        self.0.purchase_order_number.as_deref()
    }

    /// The organization that the card belongs to.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Arc<Organization>>> {
        Ok(ctx.gateway().loaders.organization.load(self.0.org_id).await?)
    }

    /// When it was made.
    pub async fn created_at(&self) -> Timestamp {
        Timestamp(self.0.created_at)
    }

    /// When it was last changed.
    pub async fn updated_at(&self) -> Timestamp {
        Timestamp(self.0.updated_at)
    }

    /// When it was deleted; null while it lives.
    pub async fn deleted_at(&self) -> Option<Timestamp> {
        self.0.deleted_at.map(Timestamp)
    }

    /// Starts at 1 and grows by 1 with each change.
    pub async fn version(&self) -> i32 {
        self.0.version
    }

    /// The living contacts of the organization, of any kind, that share its email address, without itself.
    pub async fn related_contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most this many from the start or after `after`, 1 to 100; 25 when absent.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "At most this many from the end or before `before`, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<Contact>>> {
        let window = PageWindow { first, after, last, before };
        contact::related_contacts(ctx, self.relative(), &window).await
    }

    /// What was done to it.
    pub async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most this many from the start or after `after`, 1 to 100; 25 when absent.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "At most this many from the end or before `before`, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them; all when absent.")] filter: Option<ChangeFilter>,
        #[graphql(desc = "What they are ordered by; the oldest first when absent.")] order_by: Option<
            Vec<ChangeOrder>,
        >,
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
    /// Street and number.
    async fn street(&self) -> Option<&str> {
        self.0.street.as_deref()
    }

    /// A second line, such as an apartment or building.
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
    /// As one of those that share its email address.
    fn relative(&self) -> Relative {
        Relative {
            id: PublicId::OrganizationContact(self.0.id),
            email_key: self.0.email_key.clone(),
            is_living: self.0.deleted_at.is_none(),
        }
    }

    /// The columns that the selected fields show.
    pub(super) fn columns(names: &FieldNames) -> Columns<Entity> {
        Columns::asked(|column| match column {
            "country_id" => names.has("country"),
            "name" | "email" | "department" => names.has(column) || names.has("display_name"),
            "email_key" => names.has("related_contacts"),
            "deleted_at" => names.has(column) || names.has("related_contacts"),
            _ => names.has(column),
        })
    }
}

impl Listed for OrganizationContact {
    const CONNECTION: &'static str = "OrganizationContactConnection";
    const EDGE: &'static str = "OrganizationContactEdge";

    fn cursor(&self) -> Cursor {
        Entity::cursor(&self.0)
    }

    fn narrowed(arguments: &[(Name, Value)]) -> Option<(Option<Filter>, Vec<Sort>)> {
        narrowed::<OrganizationContactFilter, OrganizationContactOrder>(arguments)
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
                    "relatedContacts" => {
                        let contacts = rows.iter().map(|row| row.relative());
                        prime_lists(selection, &loaders.related_contacts, contacts, gateway).await;
                    }
                    "history" => {
                        let ids = rows.iter().map(|row| row.0.id.to_string());
                        prime_lists(selection, &loaders.changes_by_entity, ids, gateway).await;
                    }
                    _ => {}
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

/// Reading organization contacts.
#[derive(Default)]
pub struct OrganizationContactQuery;

#[Object]
impl OrganizationContactQuery {
    /// The organization contact with this id; null when there is none in reach.
    async fn organization_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its global id.")] id: ID,
    ) -> Result<Option<OrganizationContact>> {
        let Gateway { request, db, .. } = ctx.gateway();
        let row = service::get(db, request, &id).await?;
        Ok(primed(ctx, row.map(OrganizationContact)).await)
    }

    /// The organization contacts of the organization, in the order of creation.
    async fn organization_contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most this many from the start or after `after`, 1 to 100; 25 when absent.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "At most this many from the end or before `before`, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them; all living ones when absent.")] filter: Option<
            OrganizationContactFilter,
        >,
        #[graphql(desc = "What they are ordered by, the more important first; creation when absent.")]
        order_by: Option<Vec<OrganizationContactOrder>>,
    ) -> Result<Option<Connection<OrganizationContact>>> {
        let Gateway { request, db, names, .. } = ctx.gateway();
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, <Entity as Paged>::ORDER, &window, filter, order_by)?;
        let page = service::list(db, request, OrganizationContact::columns(names), &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(OrganizationContact)).await))
    }
}

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
        let result = service::create(db, request, kind, &card, key.as_deref());
        let (row, user_errors) = outcome(result).await?;
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
        let (id, version) = (input.id.clone(), input.expected_version);
        let (row, user_errors) = outcome(service::update(db, request, &id, &input.into(), version)).await?;
        let organization_contact = row.map(OrganizationContact);
        Ok(Some(UpdateOrganizationContactPayload { organization_contact, user_errors }))
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
