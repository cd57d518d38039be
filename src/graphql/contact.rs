//! Contacts of all kinds: the interface and the combined list.

use std::{borrow::Cow, collections::HashMap};

use async_graphql::{
    Context, ContextSelectionSet, Enum, InputObject, Interface, MaybeUndefined, Name, Object, OutputType,
    Positioned, Result, ServerResult, Value, parser::types::Field as AstField, registry::Registry,
};

use super::{
    Gateway,
    account_contact::AccountContact,
    change::Change,
    context::ContextExt,
    document::FieldNames,
    filter::{
        self, ChangeFilter, ChangeOrder, Conditions, DateTimeFilter, DeletedFilter, EnumFilter, FilterInput,
        StringFilter, order_input, parse_list_arguments,
    },
    internal_contact::InternalContact,
    loaders::{ByParent, Prime, Primed, Source, prime_lists},
    organization_contact::OrganizationContact,
    relay::{Connection, List, ListItem},
    scalar::{EmailAddress, Id, PhoneNumber, Timestamp},
    selection::{Selection, selects_total},
};
use crate::{
    entity::{change, id::OrganizationId},
    error::AppResult,
    service::{
        ListRequest, Page, PageWindow, change as changes, contact as service,
        contact::{ContactColumns, Kind, Relative},
        cursor::{Cursor, CursorKey, Order},
        filter::{Field, Filter},
        page::{Paged, Sort, SortKey},
    },
};

/// The kind of contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Kind")]
pub enum ContactKind {
    /// An internal contact: an employee of the organization.
    Internal,
    /// An account contact: a person at a customer.
    Account,
    /// A business card of the organization, with one fixed purpose.
    Organization,
}

/// Fields that all kinds of contacts share.
#[expect(clippy::duplicated_attributes, reason = "clippy takes the settings of two fields for one")]
#[derive(Interface)]
#[graphql(
    name = "Contact",
    field(name = "id", ty = "Id", desc = "Global id."),
    field(name = "kind", ty = "ContactKind", desc = "The kind of contact."),
    field(name = "display_name", ty = "String", desc = "The name to display. Never empty."),
    field(name = "email", ty = "Option<EmailAddress>", desc = "The email address."),
    field(name = "phone", ty = "Option<PhoneNumber>", desc = "The phone number."),
    field(name = "created_at", ty = "Timestamp", desc = "When the record was created."),
    field(name = "updated_at", ty = "Timestamp", desc = "When the record was last changed."),
    field(
        name = "deleted_at",
        ty = "Option<Timestamp>",
        desc = "When the record was soft-deleted. Null if it is active."
    ),
    field(
        name = "version",
        ty = "i32",
        desc = "Version number of the record: 1 at creation, incremented by each change. Send it as `expectedVersion` to detect concurrent changes."
    ),
    field(
        name = "related_contacts",
        ty = "Option<Connection<Contact>>",
        desc = "Other active contacts of the organization, of any kind, with the same email address.",
        arg(
            name = "first",
            ty = "Option<i32>",
            desc = "Returns the first `n` items after the cursor. Default 25, maximum 100."
        ),
        arg(name = "after", ty = "Option<String>", desc = "Returns the items after this cursor."),
        arg(
            name = "last",
            ty = "Option<i32>",
            desc = "Returns the last `n` items before the cursor. Default 25, maximum 100."
        ),
        arg(name = "before", ty = "Option<String>", desc = "Returns the items before this cursor.")
    ),
    field(
        name = "history",
        ty = "Option<Connection<Change>>",
        desc = "The kind of operation.",
        arg(
            name = "first",
            ty = "Option<i32>",
            desc = "Returns the first `n` items after the cursor. Default 25, maximum 100."
        ),
        arg(name = "after", ty = "Option<String>", desc = "Returns the items after this cursor."),
        arg(
            name = "last",
            ty = "Option<i32>",
            desc = "Returns the last `n` items before the cursor. Default 25, maximum 100."
        ),
        arg(name = "before", ty = "Option<String>", desc = "Returns the items before this cursor."),
        arg(name = "filter", ty = "Option<ChangeFilter>", desc = "Filters the results. Default: all items."),
        arg(
            name = "order_by",
            ty = "Option<Vec<ChangeOrder>>",
            desc = "Sort keys in order of precedence, at most 4. Default: oldest change first."
        )
    )
)]
pub enum ContactInterface {
    /// An internal contact: an employee of the organization.
    InternalContact(InternalContact),
    /// An account contact: a person at a customer.
    AccountContact(AccountContact),
    /// An organization contact.
    OrganizationContact(OrganizationContact),
}

/// A contact of any kind. Its fields are resolved on the concrete type, because async-graphql 7.2 reports errors of
/// interface fields without a path.
pub struct Contact(ContactInterface);

impl OutputType for Contact {
    fn type_name() -> Cow<'static, str> {
        ContactInterface::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        ContactInterface::create_type_info(registry)
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        field: &Positioned<AstField>,
    ) -> ServerResult<Value> {
        match &self.0 {
            ContactInterface::InternalContact(contact) => contact.resolve(ctx, field).await,
            ContactInterface::AccountContact(contact) => contact.resolve(ctx, field).await,
            ContactInterface::OrganizationContact(contact) => contact.resolve(ctx, field).await,
        }
    }
}

impl From<service::Contact> for Contact {
    fn from(contact: service::Contact) -> Self {
        Self(match contact {
            service::Contact::Internal(row) => InternalContact(row).into(),
            service::Contact::Account(row) => AccountContact(row).into(),
            service::Contact::Organization(row) => OrganizationContact(row).into(),
        })
    }
}

impl Contact {
    /// The database columns of the selected fields.
    fn columns(names: &FieldNames) -> ContactColumns {
        ContactColumns {
            internal: InternalContact::columns(names),
            account: AccountContact::columns(names),
            organization: OrganizationContact::columns(names),
        }
    }
}

impl ListItem for Contact {
    const CONNECTION: &'static str = "ContactConnection";
    const EDGE: &'static str = "ContactEdge";

    fn cursor(&self) -> Cursor {
        let id = match &self.0 {
            ContactInterface::InternalContact(contact) => contact.0.id.to_string(),
            ContactInterface::AccountContact(contact) => contact.0.id.to_string(),
            ContactInterface::OrganizationContact(contact) => contact.0.id.to_string(),
        };
        Cursor { order: Cow::Borrowed(service::ORDER.name), keys: vec![CursorKey::Text(id)], check: None }
    }

    fn request(
        window: &PageWindow,
        _: Order,
        (filter, sorts): (Option<Filter>, Vec<Sort>),
        total: bool,
    ) -> AppResult<ListRequest> {
        service::list_request(window, filter, sorts, total)
    }

    fn parse_list_arguments(arguments: &[(Name, Value)]) -> Option<(Option<Filter>, Vec<Sort>)> {
        parse_list_arguments::<ContactFilter, ContactOrder>(arguments)
    }
}

impl Prime for Contact {
    fn prime<'a>(rows: Vec<&'a Self>, selections: Vec<Selection<'a>>, gateway: &'a Gateway) -> Primed<'a> {
        let mut contacts = Contacts::default();
        for row in rows {
            match &row.0 {
                ContactInterface::InternalContact(row) => contacts.internal.push(row),
                ContactInterface::AccountContact(row) => contacts.account.push(row),
                ContactInterface::OrganizationContact(row) => contacts.organization.push(row),
            }
        }
        Box::pin(contacts.prime(selections, gateway))
    }
}

/// Contacts grouped by kind.
#[derive(Default)]
pub(super) struct Contacts<'a> {
    pub(super) internal: Vec<&'a InternalContact>,
    pub(super) account: Vec<&'a AccountContact>,
    pub(super) organization: Vec<&'a OrganizationContact>,
}

impl<'a> Contacts<'a> {
    /// Loads the selected children: fields of the interface for all contacts at once, other fields per kind.
    pub(super) async fn prime(self, selections: Vec<Selection<'a>>, gateway: &'a Gateway) {
        let is_shared = |selection: &Selection<'_>| matches!(selection.name(), RELATED | HISTORY);
        let (shared, own): (Vec<_>, Vec<_>) = selections.into_iter().partition(is_shared);
        for selection in shared {
            prime_shared(selection, self.relatives(), gateway).await;
        }
        InternalContact::prime(self.internal, own.clone(), gateway).await;
        AccountContact::prime(self.account, own.clone(), gateway).await;
        OrganizationContact::prime(self.organization, own, gateway).await;
    }

    fn relatives(&self) -> impl Iterator<Item = Relative> {
        let internal = self.internal.iter().map(|row| row.relative());
        let account = self.account.iter().map(|row| row.relative());
        internal.chain(account).chain(self.organization.iter().map(|row| row.relative()))
    }
}

const RELATED: &str = "relatedContacts";
const HISTORY: &str = "history";

/// Loads a selected field of the interface. Returns whether it was one.
pub(super) async fn prime_shared(
    selection: Selection<'_>,
    contacts: impl Iterator<Item = Relative>,
    gateway: &Gateway,
) {
    let loaders = &gateway.loaders;
    match selection.name() {
        RELATED => prime_lists(selection, &loaders.related_contacts, contacts, gateway).await,
        HISTORY => {
            let ids = contacts.map(|contact| contact.id.to_string());
            prime_lists(selection, &loaders.changes_by_entity, ids, gateway).await;
        }
        _ => {}
    }
}

/// Filters contacts. All given conditions must match; an empty filter matches every record.
#[derive(Clone, Default, InputObject)]
pub struct ContactFilter {
    /// All of these conditions must match.
    and: MaybeUndefined<Vec<ContactFilter>>,
    /// At least one of these conditions must match.
    or: MaybeUndefined<Vec<ContactFilter>>,
    /// This condition must not match.
    not: MaybeUndefined<Box<ContactFilter>>,
    /// Searches name, email address, phone number and company name. Each word must be the prefix of a word there,
    /// ignoring case and accents. Only the first 6 words count. Results are ordered by relevance unless `orderBy` is
    /// given.
    search: MaybeUndefined<String>,
    /// Records changed at or after this time. Includes soft-deletions if `deleted` is `INCLUDE` or `ONLY`.
    updated_since: MaybeUndefined<Timestamp>,
    /// Whether soft-deleted records are returned. Default: `EXCLUDE`.
    deleted: MaybeUndefined<DeletedFilter>,
    /// The kind of contact.
    kind: MaybeUndefined<EnumFilter<ContactKind>>,
    /// The email address.
    email: MaybeUndefined<StringFilter>,
    /// The phone number as stored.
    phone: MaybeUndefined<StringFilter>,
    /// Global id of a partner. Matches internal contacts with an assignment to it.
    partner_id: MaybeUndefined<async_graphql::ID>,
    /// Global id of an account. Matches account contacts that belong to it.
    account_id: MaybeUndefined<async_graphql::ID>,
    /// When the record was created.
    created_at: MaybeUndefined<DateTimeFilter>,
    /// When the record was last changed.
    updated_at: MaybeUndefined<DateTimeFilter>,
}

impl FilterInput for ContactFilter {
    fn read(self, c: &mut Conditions<'_>) -> AppResult<()> {
        c.logic(self.and, self.or, self.not)?;
        c.search(self.search)?;
        c.updated_since(self.updated_since)?;
        c.deleted(self.deleted)?;
        c.kinds("kind", self.kind)?;
        c.string("email", Field::EMAIL, self.email)?;
        c.string("phone", Field::new("phone"), self.phone)?;
        c.contact("partnerId", self.partner_id, |id| service::ContactCondition::Partner(id.parse().ok()))?;
        c.contact("accountId", self.account_id, |id| service::ContactCondition::Account(id.parse().ok()))?;
        c.times(self.created_at, self.updated_at)
    }
}

order_input! {
    /// A sort key for contacts.
    ContactOrder,
    /// The fields that a list can be sorted by.
    ContactOrderField {
        /// The display name, ignoring case and accents.
        DisplayName => SortKey::NAME,
        /// The email address, ignoring case. Contacts without one sort first.
        Email => SortKey::EMAIL,
        /// When the record was created.
        CreatedAt => SortKey::CREATED_AT,
        /// When the record was last changed.
        UpdatedAt => SortKey::UPDATED_AT,
    }
}

/// Loads the contacts with the same email address.
pub struct RelatedContacts;

impl ByParent for RelatedContacts {
    type Parent = Relative;
    type Filter = ();
    type Row = Contact;
    const ORDER: Order = service::ORDER;

    async fn load(
        source: &Source,
        organization: OrganizationId,
        parents: &[Relative],
        list: &List<()>,
    ) -> AppResult<HashMap<Relative, Page<Contact>>> {
        let columns = Contact::columns(&source.names);
        let pages = service::related(&source.db, organization, parents, columns, &list.request.page).await?;
        Ok(pages.into_iter().map(|(parent, page)| (parent, page.map(Contact::from))).collect())
    }
}

/// Loads the change history of records by global id.
pub struct ChangesByEntity;

impl ByParent for ChangesByEntity {
    type Parent = String;
    type Filter = ();
    type Row = Change;
    const ORDER: Order = <change::Entity as Paged>::ORDER;

    async fn load(
        source: &Source,
        organization: OrganizationId,
        parents: &[String],
        list: &List<()>,
    ) -> AppResult<HashMap<String, Page<Change>>> {
        let pages = changes::of_entities(&source.db, organization, parents, &list.request).await?;
        Ok(pages.into_iter().map(|(parent, page)| (parent, page.map(Change))).collect())
    }
}

/// The other contacts with the same email address.
pub(super) async fn related_contacts(
    ctx: &Context<'_>,
    contact: Relative,
    window: &PageWindow,
) -> Result<Option<Connection<Contact>>> {
    let request = service::list_request(window, None, Vec::new(), selects_total(&ctx.field()))?;
    let list = List { own_filter: (), request };
    Ok(Some(ctx.gateway().loaders.related_contacts.load(contact, list).await?))
}

/// The change history of the record with this id.
pub(super) async fn history(
    ctx: &Context<'_>,
    id: String,
    request: ListRequest,
) -> Result<Option<Connection<Change>>> {
    let list = List { own_filter: (), request };
    Ok(Some(ctx.gateway().loaders.changes_by_entity.load(id, list).await?))
}

/// The contacts of the selected organization.
pub(super) async fn contacts(
    ctx: &Context<'_>,
    window: &PageWindow,
    filter: Option<ContactFilter>,
    order: Option<Vec<ContactOrder>>,
) -> Result<Option<Connection<Contact>>> {
    let Gateway { request, db, names, .. } = ctx.gateway();
    let (filter, sorts) = (filter::filter(filter)?, filter::sorts(order)?);
    let list = service::list_request(window, filter, sorts, selects_total(&ctx.field()))?;
    let page = service::list(db, request, Contact::columns(names), &list).await?;
    Ok(Some(Connection::primed(ctx, page.map(Contact::from)).await))
}

/// Queries of contacts of all kinds.
#[derive(Default)]
pub struct ContactQuery;

#[Object]
impl ContactQuery {
    /// The contacts of the organization, of all kinds.
    async fn contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
        first: Option<i32>,
        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filters the results. Soft-deleted records are excluded by default.")]
        filter: Option<ContactFilter>,
        #[graphql(desc = "Sort keys in order of precedence, at most 4. Default: creation order.")]
        order_by: Option<Vec<ContactOrder>>,
    ) -> Result<Option<Connection<Contact>>> {
        contacts(ctx, &PageWindow { first, after, last, before }, filter, order_by).await
    }
}
