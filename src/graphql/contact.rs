//! Contacts of all kinds: what they have in common, and the one list of all of them.

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
        StringFilter, narrowed, order_input,
    },
    internal_contact::InternalContact,
    loaders::{ByParent, Prime, Primed, Source, prime_lists},
    organization_contact::OrganizationContact,
    relay::{Connection, List, Listed},
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

/// What kind of contact it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Kind")]
pub enum ContactKind {
    /// One of the organization's own people.
    Internal,
    /// A person of a customer.
    Account,
    /// A card with one fixed purpose at an organization.
    Organization,
}

/// The interface of all kinds of contacts.
#[expect(clippy::duplicated_attributes, reason = "clippy takes the settings of two fields for one")]
#[derive(Interface)]
#[graphql(
    name = "Contact",
    field(name = "id", ty = "Id", desc = "The global id."),
    field(name = "kind", ty = "ContactKind", desc = "What kind of contact it is."),
    field(
        name = "display_name",
        ty = "String",
        desc = "What to call it: the best of its names, never empty."
    ),
    field(name = "email", ty = "Option<EmailAddress>", desc = "The email address."),
    field(name = "phone", ty = "Option<PhoneNumber>", desc = "The phone number."),
    field(name = "created_at", ty = "Timestamp", desc = "When it was made."),
    field(name = "updated_at", ty = "Timestamp", desc = "When it was last changed."),
    field(name = "deleted_at", ty = "Option<Timestamp>", desc = "When it was deleted; null while it lives."),
    field(name = "version", ty = "i32", desc = "Starts at 1 and grows by 1 with each change."),
    field(
        name = "related_contacts",
        ty = "Option<Connection<Contact>>",
        desc = "The living contacts of the organization, of any kind, that share its email address, without itself.",
        arg(
            name = "first",
            ty = "Option<i32>",
            desc = "At most this many from the start or after `after`, 1 to 100; 25 when absent."
        ),
        arg(name = "after", ty = "Option<String>", desc = "Only what comes after this cursor."),
        arg(
            name = "last",
            ty = "Option<i32>",
            desc = "At most this many from the end or before `before`, 1 to 100."
        ),
        arg(name = "before", ty = "Option<String>", desc = "Only what comes before this cursor.")
    ),
    field(
        name = "history",
        ty = "Option<Connection<Change>>",
        desc = "What was done to it.",
        arg(
            name = "first",
            ty = "Option<i32>",
            desc = "At most this many from the start or after `after`, 1 to 100; 25 when absent."
        ),
        arg(name = "after", ty = "Option<String>", desc = "Only what comes after this cursor."),
        arg(
            name = "last",
            ty = "Option<i32>",
            desc = "At most this many from the end or before `before`, 1 to 100."
        ),
        arg(name = "before", ty = "Option<String>", desc = "Only what comes before this cursor."),
        arg(name = "filter", ty = "Option<ChangeFilter>", desc = "Which of them; all when absent."),
        arg(
            name = "order_by",
            ty = "Option<Vec<ChangeOrder>>",
            desc = "What they are ordered by; the oldest first when absent."
        )
    )
)]
pub enum ContactInterface {
    /// One of the organization's own people.
    InternalContact(InternalContact),
    /// A person of a customer.
    AccountContact(AccountContact),
    /// A card with one fixed purpose.
    OrganizationContact(OrganizationContact),
}

/// A contact of any kind. Its fields are resolved as those of its own type: async-graphql 7.2 gives an error of an
/// interface's field no path.
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
    /// The columns that the selected fields show.
    fn columns(names: &FieldNames) -> ContactColumns {
        ContactColumns {
            internal: InternalContact::columns(names),
            account: AccountContact::columns(names),
            organization: OrganizationContact::columns(names),
        }
    }
}

impl Listed for Contact {
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

    fn narrowed(arguments: &[(Name, Value)]) -> Option<(Option<Filter>, Vec<Sort>)> {
        narrowed::<ContactFilter, ContactOrder>(arguments)
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

/// Contacts by their kinds.
#[derive(Default)]
pub(super) struct Contacts<'a> {
    pub(super) internal: Vec<&'a InternalContact>,
    pub(super) account: Vec<&'a AccountContact>,
    pub(super) organization: Vec<&'a OrganizationContact>,
}

impl<'a> Contacts<'a> {
    /// Loads what the selections will ask for: what all kinds have for all of them at once, the rest for each kind.
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

/// Loads what contacts of all kinds have, if the selection is of that.
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

/// Which contacts. Everything that is given must hold; an empty filter holds always.
#[derive(Clone, Default, InputObject)]
pub struct ContactFilter {
    /// All of these hold.
    and: MaybeUndefined<Vec<ContactFilter>>,
    /// At least one of these holds.
    or: MaybeUndefined<Vec<ContactFilter>>,
    /// This does not hold.
    not: MaybeUndefined<Box<ContactFilter>>,
    /// Each word of this text begins a word of the name, email address, phone number or company, without regard
    /// to case and accents; of more than 6 words the first 6. The better match comes first, unless another
    /// order is asked for.
    search: MaybeUndefined<String>,
    /// Changed at this time or later, deletions included where deleted ones are wanted.
    updated_since: MaybeUndefined<Timestamp>,
    /// Whether deleted ones are wanted: EXCLUDE when nothing is said.
    deleted: MaybeUndefined<DeletedFilter>,
    /// What kind of contact it is.
    kind: MaybeUndefined<EnumFilter<ContactKind>>,
    /// The email address.
    email: MaybeUndefined<StringFilter>,
    /// The phone number, as it is kept.
    phone: MaybeUndefined<StringFilter>,
    /// Internal contacts that look after this partner.
    partner_id: MaybeUndefined<async_graphql::ID>,
    /// Account contacts at this account.
    account_id: MaybeUndefined<async_graphql::ID>,
    /// When it was made.
    created_at: MaybeUndefined<DateTimeFilter>,
    /// When it was last changed.
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
    /// An order of contacts.
    ContactOrder,
    /// What they can be ordered by.
    ContactOrderField {
        /// What it is called, without regard to case and accents.
        DisplayName => SortKey::NAME,
        /// The email address, without regard to case; contacts without one come first.
        Email => SortKey::EMAIL,
        /// When it was made.
        CreatedAt => SortKey::CREATED_AT,
        /// When it was last changed.
        UpdatedAt => SortKey::UPDATED_AT,
    }
}

/// Loads the contacts that share an email address with others.
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

/// Loads what was done to things, by their global ids.
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

/// The contacts that share an email address with this one.
pub(super) async fn related_contacts(
    ctx: &Context<'_>,
    contact: Relative,
    window: &PageWindow,
) -> Result<Option<Connection<Contact>>> {
    let request = service::list_request(window, None, Vec::new(), selects_total(&ctx.field()))?;
    let list = List { narrow: (), request };
    Ok(Some(ctx.gateway().loaders.related_contacts.load(contact, list).await?))
}

/// What was done to the thing with this id.
pub(super) async fn history(
    ctx: &Context<'_>,
    id: String,
    request: ListRequest,
) -> Result<Option<Connection<Change>>> {
    let list = List { narrow: (), request };
    Ok(Some(ctx.gateway().loaders.changes_by_entity.load(id, list).await?))
}

/// The contacts of the organization that the request selected.
pub(super) async fn contacts(
    ctx: &Context<'_>,
    window: &PageWindow,
    wanted: Option<ContactFilter>,
    order: Option<Vec<ContactOrder>>,
) -> Result<Option<Connection<Contact>>> {
    let Gateway { request, db, names, .. } = ctx.gateway();
    let (filter, sorts) = (filter::filter(wanted)?, filter::sorts(order)?);
    let list = service::list_request(window, filter, sorts, selects_total(&ctx.field()))?;
    let page = service::list(db, request, Contact::columns(names), &list).await?;
    Ok(Some(Connection::primed(ctx, page.map(Contact::from)).await))
}

/// Reading contacts of all kinds.
#[derive(Default)]
pub struct ContactQuery;

#[Object]
impl ContactQuery {
    /// The contacts of the organization, of all kinds, in the order of creation.
    async fn contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most this many from the start or after `after`, 1 to 100; 25 when absent.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "At most this many from the end or before `before`, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them; all living ones when absent.")] filter: Option<ContactFilter>,
        #[graphql(desc = "What they are ordered by, the more important first; creation when absent.")]
        order_by: Option<Vec<ContactOrder>>,
    ) -> Result<Option<Connection<Contact>>> {
        contacts(ctx, &PageWindow { first, after, last, before }, filter, order_by).await
    }
}
