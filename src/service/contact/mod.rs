//! Contacts of all three kinds as one list, and those that share an email address.
//!
//! The statements are in `statement`: here is what can be asked for, and what becomes of the answers.

mod statement;

use std::collections::{HashMap, HashSet};

use self::statement::{Position, Union};
use super::{
    Database, ListRequest, Page, PageRequest, PageWindow, ReadContext,
    cursor::{KeyKind, Order},
    filter::{Comparison, Field, Filter, Operand, Quantifier, Relation},
    page::{Direction, Sort, SortBy, SortKey},
};
use crate::{
    auth::RequestContext,
    entity::{
        Columns, account_contact,
        id::{AccountId, PartnerId, PublicId},
        internal_contact, organization_contact,
    },
    error::AppResult,
};

/// Names the list in cursors. Its key is the kind of the contact and then its id.
pub const ORDER: Order = Order { name: "contact", keys: &[KeyKind::Text] };

/// What kind of contact it is. Among equals the kinds come in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// One of the organization's own people.
    Internal,
    /// A person of a customer.
    Account,
    /// A card with one fixed purpose at an organization.
    Organization,
}

impl Kind {
    /// All of them, in their order.
    pub const ALL: [Self; 3] = [Self::Internal, Self::Account, Self::Organization];

    /// The kind of a contact's id; none of another id.
    pub fn of(id: &PublicId) -> Option<Self> {
        match id {
            PublicId::InternalContact(_) => Some(Self::Internal),
            PublicId::AccountContact(_) => Some(Self::Account),
            PublicId::OrganizationContact(_) => Some(Self::Organization),
            _ => None,
        }
    }

    /// The id as the table of this kind has it; none for the id of another kind.
    fn operand(self, id: &PublicId) -> Option<Operand> {
        match (self, id) {
            (Self::Internal, PublicId::InternalContact(id)) => Some((*id).into()),
            (Self::Account, PublicId::AccountContact(id)) => Some((*id).into()),
            (Self::Organization, PublicId::OrganizationContact(id)) => Some((*id).into()),
            _ => None,
        }
    }
}

/// What contacts of all kinds can be filtered by, besides what their tables have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ContactCondition {
    /// They have one of these ids.
    Ids(Vec<PublicId>),
    /// They are of one of these kinds.
    Kinds(Vec<Kind>),
    /// They look after this partner, if there is one: internal contacts only.
    Partner(Option<PartnerId>),
    /// They are at this account, if there is one: account contacts only.
    Account(Option<AccountId>),
}

impl ContactCondition {
    /// The same for contacts of one kind.
    fn of_kind(&self, kind: Kind) -> Filter {
        let related = |relation, field, id: Operand| {
            let is_it = Filter::Compare(Field::new(field), Comparison::Equal(id));
            Filter::Related(relation, Quantifier::Some, Box::new(is_it))
        };
        match (self, kind) {
            (Self::Ids(ids), _) => {
                let ids: Vec<_> = ids.iter().filter_map(|id| kind.operand(id)).collect();
                if ids.is_empty() {
                    return Filter::Constant(false);
                }
                Filter::Compare(Field::new("id"), Comparison::In(ids))
            }
            (Self::Kinds(kinds), _) => Filter::Constant(kinds.contains(&kind)),
            (Self::Partner(Some(id)), Kind::Internal) => {
                related(Relation::AssignmentsOfInternalContact, "partner_id", (*id).into())
            }
            (Self::Account(Some(id)), Kind::Account) => {
                related(Relation::AccountsOfContact, "id", (*id).into())
            }
            _ => Filter::Constant(false),
        }
    }
}

impl Filter {
    /// The same for contacts of one kind.
    fn of_kind(&self, kind: Kind) -> Self {
        let all = |filters: &[Self]| filters.iter().map(|filter| filter.of_kind(kind)).collect();
        match self {
            Self::Contact(condition) => condition.of_kind(kind),
            Self::All(filters) => Self::All(all(filters)),
            Self::Any(filters) => Self::Any(all(filters)),
            Self::Not(filter) => Self::Not(Box::new(filter.of_kind(kind))),
            other => other.clone(),
        }
    }
}

/// A contact of any kind.
#[derive(Clone, Debug)]
pub enum Contact {
    /// One of the organization's own people.
    Internal(internal_contact::Model),
    /// A person of a customer.
    Account(account_contact::Model),
    /// A card with one fixed purpose.
    Organization(organization_contact::Model),
}

impl Contact {
    /// Its id, unique over all kinds.
    pub fn id(&self) -> PublicId {
        match self {
            Self::Internal(row) => PublicId::InternalContact(row.id),
            Self::Account(row) => PublicId::AccountContact(row.id),
            Self::Organization(row) => PublicId::OrganizationContact(row.id),
        }
    }
}

/// Which columns are read of each kind.
#[derive(Clone, Copy)]
pub struct ContactColumns {
    /// Of internal contacts.
    pub internal: Columns<internal_contact::Entity>,
    /// Of account contacts.
    pub account: Columns<account_contact::Entity>,
    /// Of organization contacts.
    pub organization: Columns<organization_contact::Entity>,
}

/// Checks what a client asks of the list. Without an order it is that of creation.
pub fn list_request(
    window: &PageWindow,
    filter: Option<Filter>,
    sorts: Vec<Sort>,
    total: bool,
) -> AppResult<ListRequest> {
    let is_search = filter.as_ref().is_some_and(|filter| filter.query().is_some());
    let sorts = if sorts.is_empty() && !is_search { by_creation() } else { sorts };
    let list = ListRequest::new(ORDER, window, filter, sorts, total)?;
    let is_forward = window.after.is_some();
    Position::of(&list.page)
        .map_err(|error| error.on_argument(if is_forward { "after" } else { "before" }))?;
    Ok(list)
}

fn by_creation() -> Vec<Sort> {
    vec![Sort { by: SortBy::Key(SortKey::CREATED_AT), direction: Direction::Ascending }]
}

/// The contacts of the organization.
pub async fn list(
    db: &Database,
    request: &RequestContext,
    columns: ContactColumns,
    list: &ListRequest,
) -> AppResult<Page<Contact>> {
    let union = Union::new(ReadContext::authorize(db, request)?, list.filter.as_ref()).await?;
    let total = if list.page.total() { Some(Box::pin(union.count()).await?) } else { None };
    let rows = Box::pin(union.page(&list.page, columns)).await?;
    Ok(Page::sorted(rows, &list.page).with_total(total))
}

/// A contact whose relatives are wanted: those of its email address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Relative {
    /// Its id; it is not a relative of its own.
    pub id: PublicId,
    /// Its email address in the form that is compared.
    pub email_key: Option<String>,
    /// Whether it lives, and so would be found among its relatives.
    pub is_living: bool,
}

/// For each contact the active contacts of the organization, of any kind, that share its email address, without itself.
pub async fn related(
    ctx: ReadContext<'_>,
    contacts: &[Relative],
    columns: ContactColumns,
    request: &PageRequest,
) -> AppResult<HashMap<Relative, Page<Contact>>> {
    let emails: HashSet<&String> = contacts.iter().filter_map(|contact| contact.email_key.as_ref()).collect();
    let (mut totals, mut rows) = (HashMap::new(), HashMap::new());
    if !emails.is_empty() {
        let union = Union::new(ctx, None).await?;
        if request.total() {
            totals = union.counts_by_email(&emails).await?;
        }
        rows = union.pages_by_email(&emails, request, columns).await?;
    }
    let page = |contact: &Relative| {
        let email = contact.email_key.as_ref();
        let found = email.and_then(|email| rows.get(email)).map(Vec::as_slice).unwrap_or_default();
        let others = found.iter().filter(|(other, _)| other.id() != contact.id).cloned().collect();
        let all = email.and_then(|email| totals.get(email)).copied().unwrap_or_default();
        let total = request.total().then(|| all.saturating_sub(u64::from(contact.is_living)));
        (contact.clone(), Page::sorted(others, request).with_total(total))
    };
    Ok(contacts.iter().map(page).collect())
}
