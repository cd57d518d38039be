//! The GraphQL types of internal contacts.

mod mutation;

use std::collections::HashMap;

use async_graphql::{Context, ID, Name, Object, Result, Value};

pub use self::mutation::*;
use super::{
    Gateway,
    change::Change,
    contact::{self, Contact, ContactKind},
    context::ContextExt,
    document::FieldNames,
    filter::{
        ChangeFilter, ChangeOrder, InternalContactAssignmentFilter, InternalContactAssignmentOrder,
        InternalContactFilter, InternalContactOrder, PartnerFilter, PartnerOrder, parse_list_arguments,
    },
    internal_contact_assignment::{InternalContactAssignment, InternalRole},
    loaders::{ById, ByParent, Prime, Primed, Source, prime_lists},
    partner::Partner,
    relay::{Connection, List, ListFilter, ListItem, argument, list_request, primed},
    scalar::{EmailAddress, Id, PhoneNumber, Timestamp},
    selection::Selection,
};
use crate::{
    entity::{
        Columns,
        id::{InternalContactId, OrganizationId, PartnerId, PublicId},
        internal_contact::{Entity, Model},
        internal_contact_assignment::InternalRole as Role,
    },
    error::AppResult,
    service::{
        Page, PageWindow,
        contact::Relative,
        cursor::{Cursor, Order},
        filter::Filter,
        internal_contact as service,
        internal_contact_assignment::AssignmentFilter,
        page::Paged,
        page::Sort,
    },
};

/// An internal contact: an employee of the organization.
pub struct InternalContact(pub Model);

/// An employee of the organization who manages partners.
#[Object]
impl InternalContact {
    /// Global id with the prefix `ic_`.
    pub async fn id(&self) -> Id {
        self.0.id.into()
    }

    /// Always `INTERNAL`.
    pub async fn kind(&self) -> ContactKind {
        ContactKind::Internal
    }

    /// The name to display: given and family name, else the full name, else the email address.
    pub async fn display_name(&self) -> String {
        service::display_name(&self.0).into_owned()
    }

    /// The email address. Unique among the active internal contacts of the organization, ignoring case.
    pub async fn email(&self) -> Option<EmailAddress> {
        Some(EmailAddress(self.0.email.clone()))
    }

    /// The phone number in E.164 format.
    pub async fn phone(&self) -> Option<PhoneNumber> {
        self.0.phone.clone().map(PhoneNumber)
    }

    /// The given name.
    async fn given_name(&self) -> Option<&str> {
        self.0.given_name.as_deref()
    }

    /// The family name.
    async fn family_name(&self) -> Option<&str> {
        self.0.family_name.as_deref()
    }

    /// The full name, for people without separate given and family names.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The job title.
    async fn job_title(&self) -> Option<&str> {
        self.0.job_title.as_deref()
    }

    /// The role assignments of this person, both to partners and floating.
    async fn assignments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
        first: Option<i32>,
        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filters the results. Default: all items.")] filter: Option<
            InternalContactAssignmentFilter,
        >,
        #[graphql(desc = "Sort keys in order of precedence, at most 4. Default: creation order.")]
        order_by: Option<Vec<InternalContactAssignmentOrder>>,
        #[graphql(desc = "Returns only assignments with this role.")] role: Option<InternalRole>,
        #[graphql(desc = "True returns only floating assignments, false only assignments to a partner.")]
        floating: Option<bool>,
    ) -> Result<Option<Connection<InternalContactAssignment>>> {
        let own_filter = AssignmentFilter { role: role.map(Into::into), floating };
        let window = PageWindow { first, after, last, before };
        let request = list_request(ctx, InternalContactAssignment::ORDER, &window, filter, order_by)?;
        let list = List { own_filter, request };
        Ok(Some(ctx.gateway().loaders.assignments_by_internal_contact.load(self.0.id, list).await?))
    }

    /// The partners that this person is assigned to. Each partner is listed once, regardless of the number of roles.
    async fn partners(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
        first: Option<i32>,
        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filters the results. Soft-deleted records are excluded by default.")]
        filter: Option<PartnerFilter>,
        #[graphql(desc = "Sort keys in order of precedence, at most 4. Default: creation order.")]
        order_by: Option<Vec<PartnerOrder>>,
    ) -> Result<Option<Connection<Partner>>> {
        let window = PageWindow { first, after, last, before };
        let request = list_request(ctx, Partner::ORDER, &window, filter, order_by)?;
        let list = List { own_filter: (), request };
        Ok(Some(ctx.gateway().loaders.partners_by_internal_contact.load(self.0.id, list).await?))
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

impl InternalContact {
    /// The contact as a key of the loader of related contacts.
    pub(super) fn relative(&self) -> Relative {
        Relative {
            id: PublicId::InternalContact(self.0.id),
            email_key: Some(self.0.email_key.clone()),
            is_living: self.0.deleted_at.is_none(),
        }
    }

    pub(super) const ORDER: Order = <Entity as Paged>::ORDER;

    /// The database columns of the selected fields.
    pub(super) fn columns(names: &FieldNames) -> Columns<Entity> {
        Columns::selected_by(|column| {
            names.has(column)
                || names.has("related_contacts") && matches!(column, "email_key" | "deleted_at")
                || names.has("display_name")
                    && matches!(column, "given_name" | "family_name" | "name" | "email")
        })
    }
}

impl ListItem for InternalContact {
    const CONNECTION: &'static str = "InternalContactConnection";
    const EDGE: &'static str = "InternalContactEdge";

    fn cursor(&self) -> Cursor {
        Entity::cursor(&self.0)
    }

    fn parse_list_arguments(arguments: &[(Name, Value)]) -> Option<(Option<Filter>, Vec<Sort>)> {
        parse_list_arguments::<InternalContactFilter, InternalContactOrder>(arguments)
    }
}

impl Prime for InternalContact {
    fn prime<'a>(rows: Vec<&'a Self>, selections: Vec<Selection<'a>>, gateway: &'a Gateway) -> Primed<'a> {
        Box::pin(async move {
            let ids = || rows.iter().map(|row| row.0.id);
            let loaders = &gateway.loaders;
            for selection in selections {
                match selection.name() {
                    "assignments" => {
                        prime_lists(selection, &loaders.assignments_by_internal_contact, ids(), gateway)
                            .await;
                    }
                    "partners" => {
                        prime_lists(selection, &loaders.partners_by_internal_contact, ids(), gateway).await;
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

/// Loads internal contacts by id.
pub struct InternalContactById;

impl ById for InternalContactById {
    type Id = InternalContactId;
    type Row = InternalContact;

    async fn load(
        source: &Source,
        organization: OrganizationId,
        ids: &[InternalContactId],
    ) -> AppResult<HashMap<InternalContactId, InternalContact>> {
        let rows =
            service::by_ids(&source.db, organization, ids, InternalContact::columns(&source.names)).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, InternalContact(row))).collect())
    }
}

/// The filter of a partner's internal contacts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RoleFilter {
    /// Only contacts with this role.
    pub role: Option<Role>,
}

impl ListFilter for RoleFilter {
    fn from_arguments(arguments: &[(Name, Value)]) -> Option<Self> {
        let role: Option<InternalRole> = argument(arguments, "role")?;
        Some(Self { role: role.map(Into::into) })
    }
}

/// Loads the internal contacts assigned to partners.
pub struct InternalContactsByPartner;

impl ByParent for InternalContactsByPartner {
    type Parent = PartnerId;
    type Filter = RoleFilter;
    type Row = InternalContact;
    const ORDER: Order = InternalContact::ORDER;

    async fn load(
        source: &Source,
        organization: OrganizationId,
        parents: &[PartnerId],
        list: &List<RoleFilter>,
    ) -> AppResult<HashMap<PartnerId, Page<InternalContact>>> {
        let pages = service::of_partners(
            &source.db,
            organization,
            parents,
            list.own_filter.role,
            InternalContact::columns(&source.names),
            &list.request,
        )
        .await?;
        Ok(pages.into_iter().map(|(parent, page)| (parent, page.map(InternalContact))).collect())
    }
}

/// Queries of internal contacts.
#[derive(Default)]
pub struct InternalContactQuery;

#[Object]
impl InternalContactQuery {
    /// The internal contact with this id. Null if it does not exist or is not accessible with this token.
    async fn internal_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global id of the object.")] id: ID,
    ) -> Result<Option<InternalContact>> {
        let Gateway { request, db, .. } = ctx.gateway();
        let row = service::get(db, request, &id).await?;
        Ok(primed(ctx, row.map(InternalContact)).await)
    }

    /// The internal contacts of the organization.
    async fn internal_contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
        first: Option<i32>,
        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filters the results. Soft-deleted records are excluded by default.")]
        filter: Option<InternalContactFilter>,
        #[graphql(desc = "Sort keys in order of precedence, at most 4. Default: creation order.")]
        order_by: Option<Vec<InternalContactOrder>>,
    ) -> Result<Option<Connection<InternalContact>>> {
        let Gateway { request, db, names, .. } = ctx.gateway();
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, InternalContact::ORDER, &window, filter, order_by)?;
        let page = service::list(db, request, InternalContact::columns(names), &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(InternalContact)).await))
    }
}
