//! Contacts of all kinds: the interface and the combined list.

use std::{borrow::Cow, collections::HashMap};

use async_graphql::{
    Context, ContextSelectionSet, Enum, ID, Interface, OutputType, Positioned, Result, ServerResult, Value,
    parser::types::Field as AstField, registry::Registry,
};

use super::{
    Gateway,
    account_contact::AccountContact,
    change::Change,
    context::ContextExt,
    document::FieldNames,
    filter::{
        ChangeFilter, ChangeOrder, DateTimeFilter, DeletedFilter, EnumFilter, IdFilter, StringFilter,
        filter_input, order_input,
    },
    internal_contact::InternalContact,
    loaders::{ByParent, Prime, Primed, Source, prime_lists},
    organization_contact::OrganizationContact,
    record::{ListArguments, Listed, queries},
    relay::{Connection, List, ListItem},
    scalar::{EmailAddress, Id, PhoneNumber, Timestamp},
    selection::Selection,
};
use crate::{
    entity::{
        self,
        id::{OrganizationId, PublicId},
    },
    error::AppResult,
    service::{
        ListRequest, Page, PageWindow, change as changes, contact as service,
        contact::{ContactColumns, ContactCondition, Kind, Relative},
        cursor::{Cursor, CursorKey, Order},
        filter::{Field, Filter},
        page::{Sort, SortKey},
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
        desc = "Change history of the contact.",
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
}

impl Listed for Contact {
    const ORDER: Order = service::ORDER;
    type Filter = ContactFilter;
    type OrderBy = ContactOrder;

    fn request(
        window: &PageWindow,
        filter: Option<Filter>,
        sorts: Vec<Sort>,
        total: bool,
    ) -> AppResult<ListRequest> {
        service::list_request(window, filter, sorts, total)
    }

    async fn page(gateway: &Gateway, list: &ListRequest) -> AppResult<Page<Self>> {
        let Gateway { request, db, names, .. } = gateway;
        Ok(service::list(db, request, Self::columns(names), list).await?.map(Self::from))
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

/// Implements the conversion of a contact to a key of the loader of related contacts.
macro_rules! relatives {
    ($($entity:ident: $kind:ident),+) => {$(
        impl From<&entity::$entity::Model> for Relative {
            fn from(row: &entity::$entity::Model) -> Self {
                Self {
                    id: PublicId::$kind(row.id),
                    email_key: row.email_key.clone().into(),
                    is_living: row.deleted_at.is_none(),
                }
            }
        }
    )+};
}

relatives!(
    internal_contact: InternalContact,
    account_contact: AccountContact,
    organization_contact: OrganizationContact
);

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
        let internal = self.internal.iter().map(|row| (&row.0).into());
        let account = self.account.iter().map(|row| (&row.0).into());
        internal.chain(account).chain(self.organization.iter().map(|row| (&row.0).into()))
    }
}

const RELATED: &str = "relatedContacts";
const HISTORY: &str = "history";

/// Loads a selected list of the interface.
async fn prime_shared(selection: Selection<'_>, contacts: impl Iterator<Item = Relative>, gateway: &Gateway) {
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

/// The page of the field `relatedContacts`.
pub(super) async fn related_contacts(
    ctx: &Context<'_>,
    contact: Relative,
    window: PageWindow,
) -> Result<Option<Connection<Contact>>> {
    let list = ListArguments::<Contact> { window, filter: None, order_by: None };
    Ok(Some(ctx.gateway().loaders.related_contacts.load(contact, (), list.request(ctx)?).await?))
}

/// The page of the field `history`.
pub(super) async fn history(
    ctx: &Context<'_>,
    id: String,
    list: ListArguments<Change>,
) -> Result<Option<Connection<Change>>> {
    Ok(Some(ctx.gateway().loaders.changes_by_entity.load(id, (), list.request(ctx)?).await?))
}

filter_input! {
    /// Filters contacts. All given conditions must match; an empty filter matches every record.
    ContactFilter {
        /// Searches name, email address, phone number and company name. Each word must be the prefix of a word there,
        /// ignoring case and accents. Only the first 6 words count. Results are ordered by relevance unless `orderBy` is
        /// given.
        search: String => search();
        /// Records changed at or after this time. Includes soft-deletions if `deleted` is `INCLUDE` or `ONLY`.
        updated_since: Timestamp => updated_since();
        /// Whether soft-deleted records are returned. Default: `EXCLUDE`.
        deleted: DeletedFilter => deleted();
        /// The global id.
        id: IdFilter => contact_ids("id");
        /// The kind of contact.
        kind: EnumFilter<ContactKind> => kinds("kind");
        /// The email address.
        email: StringFilter => string("email", Field::EMAIL);
        /// The phone number as stored.
        phone: StringFilter => string("phone", Field::PHONE);
        /// Global id of a partner. Matches internal contacts with an assignment to it.
        partner_id: ID => contact("partnerId", |id| ContactCondition::Partner(id.parse().ok()));
        /// Global id of an account. Matches account contacts that belong to it.
        account_id: ID => contact("accountId", |id| ContactCondition::Account(id.parse().ok()));
        /// When the record was created.
        created_at: DateTimeFilter => time("createdAt", Field::new("created_at"));
        /// When the record was last changed.
        updated_at: DateTimeFilter => time("updatedAt", Field::new("updated_at"));
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

    async fn load(
        source: &Source,
        organization: OrganizationId,
        parents: &[Relative],
        list: &List<()>,
    ) -> AppResult<HashMap<Relative, Page<Contact>>> {
        let columns = Contact::columns(&source.names);
        let pages = service::related(source.read(organization), parents, columns, &list.request.page).await?;
        Ok(pages.into_iter().map(|(parent, page)| (parent, page.map(Contact::from))).collect())
    }
}

/// Loads the change history of records by global id.
pub struct ChangesByEntity;

impl ByParent for ChangesByEntity {
    type Parent = String;
    type Filter = ();
    type Row = Change;

    async fn load(
        source: &Source,
        organization: OrganizationId,
        parents: &[String],
        list: &List<()>,
    ) -> AppResult<HashMap<String, Page<Change>>> {
        let pages = changes::of_entities(source.read(organization), parents, &list.request).await?;
        Ok(pages.into_iter().map(|(parent, page)| (parent, page.map(Change))).collect())
    }
}

queries! {
    /// Queries of contacts of all kinds.
    ContactQuery: Contact,
    "Filters the results. Soft-deleted records are excluded by default." {
        /// The contacts of the organization, of all kinds.
        contacts
    }
}
