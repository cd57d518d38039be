//! Contacts of all three kinds as one list.
//!
//! A page is one statement: each kind walks its own index to at most as many rows as the page may need, the three are
//! merged, and only the rows that are left are read whole.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, IdenStatic, Iterable, JoinType, Order as SqlOrder, QueryResult,
    QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, Func, OverStatement, Query, SelectStatement, UnionType, WindowStatement},
};

use super::{
    Database, ListRequest, Page, PageRequest, PageWindow,
    cursor::{CursorKey, KeyKind, Order},
    filter::{self, Comparison, Field, Filter, Filtered, Quantifier, Relation},
    page::{Direction, Paged, Sort, SortBy, SortKey, Term, beyond},
    reader,
};
use crate::{
    auth::RequestContext,
    entity::{
        Columns, account_contact,
        id::{AccountId, OrganizationId, PartnerId, PublicId},
        internal_contact, keys_in, organization_contact,
    },
    error::{AppError, AppResult, Code},
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
    pub(super) fn of(id: &PublicId) -> Option<Self> {
        match id {
            PublicId::InternalContact(_) => Some(Self::Internal),
            PublicId::AccountContact(_) => Some(Self::Account),
            PublicId::OrganizationContact(_) => Some(Self::Organization),
            _ => None,
        }
    }
}

/// What contacts of all kinds can be filtered by, besides what their tables have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ContactCondition {
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
        let related = |relation, field, id: filter::Operand| {
            let is_it = Filter::Compare(Field::new(field), Comparison::Equal(id));
            Filter::Related(relation, Quantifier::Some, Box::new(is_it))
        };
        match (self, kind) {
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
    position(&list.page).map_err(|error| error.on_argument(if is_forward { "after" } else { "before" }))?;
    Ok(list)
}

fn by_creation() -> Vec<Sort> {
    vec![Sort { by: SortBy::Key(SortKey::CREATED_AT), direction: Direction::Ascending }]
}

/// The contacts of the organization.
pub async fn list(
    db: &Database,
    ctx: &RequestContext,
    columns: ContactColumns,
    list: &ListRequest,
) -> AppResult<Page<Contact>> {
    let organization = reader(ctx)?;
    let union = Union::new(db, organization, list.filter.as_ref());
    let total = if list.page.total() { Some(Box::pin(union.count(db)).await?) } else { None };
    let statement = union.page(&list.page, columns)?;
    let rows = Box::pin(db.connection().query_all(&statement)).await?;
    let rows = rows.iter().map(|row| read(row, columns, list.page.sorts(), 0)).collect::<AppResult<_>>()?;
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

/// For each contact the living contacts of the organization, of any kind, that share its email address, without itself.
pub async fn related(
    db: &Database,
    organization: OrganizationId,
    contacts: &[Relative],
    columns: ContactColumns,
    request: &PageRequest,
) -> AppResult<HashMap<Relative, Page<Contact>>> {
    let emails: Vec<&String> = contacts.iter().filter_map(|contact| contact.email_key.as_ref()).collect();
    let union = Union::new(db, organization, None);
    let totals = if request.total() { union.count_by_email(db, &emails).await? } else { HashMap::new() };
    let mut rows: HashMap<String, Vec<(Contact, Vec<CursorKey>)>> = HashMap::new();
    if !emails.is_empty() {
        let statement = union.page_by_email(&emails, request, columns)?;
        for row in db.connection().query_all(&statement).await? {
            let email: String = row.try_get_by_index(0)?;
            rows.entry(email).or_default().push(read(&row, columns, request.sorts(), 1)?);
        }
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

/// The order of related contacts, which cannot be asked for.
pub fn related_request(window: &PageWindow, total: bool) -> AppResult<PageRequest> {
    Ok(list_request(window, None, Vec::new(), total)?.page)
}

const CONTACT: &str = "contact";
const KIND: &str = "kind";
/// The id of a contact that has a UUID.
const UUID: &str = "uuid";
/// The id of a contact that has a number.
const NUMBER: &str = "number";
const EMAIL: &str = "email_key";
const RANK: &str = "rank";

/// The contacts of all kinds that meet a filter.
struct Union {
    scope: filter::Scope,
    backend: DbBackend,
    filter: Filter,
}

impl Union {
    fn new(db: &Database, organization: OrganizationId, filter: Option<&Filter>) -> Self {
        let backend = db.connection().get_database_backend();
        let filter = filter.cloned().unwrap_or_else(|| Filter::All(Vec::new()));
        Self { scope: filter::Scope::new(organization, backend), backend, filter }
    }

    /// The rows of one kind.
    fn arm<E: Filtered>(&self, kind: Kind) -> SelectStatement {
        let id = || Expr::col((E::default().table_name(), "id"));
        let has_number = kind == Kind::Organization;
        let (uuid, number) =
            if has_number { (self.nothing("uuid"), id()) } else { (id(), self.nothing("bigint")) };
        let rows = self.scope.rows::<E>(&self.filter.of_kind(kind)).select_only();
        let kind = Expr::cust(format!("CAST({} AS bigint)", kind as u8));
        let mut arm = rows.expr_as(kind, KIND).into_query();
        arm.expr_as(uuid, UUID).expr_as(number, NUMBER);
        arm
    }

    /// A null of the type that the other kinds have in its place.
    fn nothing(&self, postgres: &str) -> Expr {
        match self.backend {
            DbBackend::Sqlite => Expr::cust("NULL"),
            _ => Expr::cust(format!("CAST(NULL AS {postgres})")),
        }
    }

    /// The three kinds, each finished by `finish`.
    fn arms(
        &self,
        finish: impl Fn(Kind, &'static str, SelectStatement) -> SelectStatement,
    ) -> SelectStatement {
        let [internal, account, organization] = Kind::ALL.map(|kind| {
            let (table, arm) = match kind {
                Kind::Internal => ("internal_contact", self.arm::<internal_contact::Entity>(kind)),
                Kind::Account => ("account_contact", self.arm::<account_contact::Entity>(kind)),
                Kind::Organization => {
                    ("organization_contact", self.arm::<organization_contact::Entity>(kind))
                }
            };
            // In a statement of its own, because SQLite knows no brackets in a union.
            let arm = finish(kind, table, arm);
            Query::select().expr(Expr::cust("*")).from_subquery(arm, table).take()
        });
        let mut union = internal;
        union.union(UnionType::All, account).union(UnionType::All, organization);
        union
    }

    fn page(&self, request: &PageRequest, columns: ContactColumns) -> AppResult<SelectStatement> {
        let position = position(request)?;
        let arms = self.arms(|kind, table, mut arm| {
            let terms = arm_terms(request, kind, table);
            if let Some((values, id)) = &position {
                arm.and_where(beyond_in_kind(&terms, values, (kind, id), request));
            }
            with_values(&mut arm, request, kind, table);
            for Term { expr, order } in terms {
                arm.order_by_expr(expr, order);
            }
            arm.order_by((table, "id"), request.key_order()).limit(request.limit()).take()
        });
        let mut page = Query::select().expr(Expr::cust("*")).from_subquery(arms, CONTACT).take();
        for (column, order) in merged_order(request) {
            page.order_by((CONTACT, column), order);
        }
        Ok(whole(page.limit(request.limit()).take(), request, columns, None))
    }

    /// For each email address a page of its contacts, and one more, since the contact that asks is among them.
    fn page_by_email(
        &self,
        emails: &[&String],
        request: &PageRequest,
        columns: ContactColumns,
    ) -> AppResult<SelectStatement> {
        let position = position(request)?;
        let arms = self.arms(|kind, table, mut arm| {
            let terms = arm_terms(request, kind, table);
            if let Some((values, id)) = &position {
                arm.and_where(beyond_in_kind(&terms, values, (kind, id), request));
            }
            with_values(&mut arm, request, kind, table);
            arm.expr(Expr::col((table, EMAIL))).and_where(self.has_email(table, emails)).take()
        });
        let mut window = WindowStatement::new();
        window.add_partition_by(Expr::col((CONTACT, EMAIL)));
        for (column, order) in merged_order(request) {
            window.order_by_expr(Expr::col((CONTACT, column)), order);
        }
        let ranked = Query::select()
            .expr(Expr::cust("*"))
            .expr_window_as(Func::cust("row_number"), window, RANK)
            .from_subquery(arms, CONTACT)
            .take();
        let few = Query::select()
            .expr(Expr::cust("*"))
            .from_subquery(ranked, CONTACT)
            .and_where(Expr::col((CONTACT, RANK)).lte(request.limit() + 1))
            .take();
        Ok(whole(few, request, columns, Some(EMAIL)))
    }

    fn has_email(&self, table: &'static str, emails: &[&String]) -> Expr {
        keys_in(self.backend, Expr::col((table, EMAIL)), emails.iter().map(|email| (*email).clone()))
    }

    async fn count(&self, db: &Database) -> AppResult<u64> {
        let arms = self.arms(|_, _, arm| arm);
        let count = Query::select().expr(Expr::cust("count(*)")).from_subquery(arms, CONTACT).take();
        let row = db.connection().query_one(&count).await?;
        let count: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
        Ok(count.unsigned_abs())
    }

    async fn count_by_email(&self, db: &Database, emails: &[&String]) -> AppResult<HashMap<String, u64>> {
        let arms = self.arms(|_, table, mut arm| {
            arm.expr(Expr::col((table, EMAIL))).and_where(self.has_email(table, emails)).take()
        });
        let counts = Query::select()
            .column((CONTACT, EMAIL))
            .expr(Expr::cust("count(*)"))
            .from_subquery(arms, CONTACT)
            .group_by_col((CONTACT, EMAIL))
            .take();
        let mut totals = HashMap::new();
        for row in db.connection().query_all(&counts).await? {
            let total: i64 = row.try_get_by_index(1)?;
            totals.insert(row.try_get_by_index(0)?, total.unsigned_abs());
        }
        Ok(totals)
    }
}

/// The row that a page begins beyond: its values, and its id.
fn position(request: &PageRequest) -> AppResult<Option<(&[CursorKey], PublicId)>> {
    let Some((CursorKey::Text(id), values)) = request.cursor().and_then(<[_]>::split_last) else {
        return Ok(None);
    };
    match id.parse() {
        Ok(id) if Kind::of(&id).is_some() => Ok(Some((values, id))),
        _ => Err(AppError::request(Code::BadRequest, "This is not a cursor that this server made.")),
    }
}

/// What the rows of one kind are sorted by. Only organization contacts may have no email address.
fn arm_terms(request: &PageRequest, kind: Kind, table: &'static str) -> Vec<Term> {
    let terms = sorts(request, kind).into_iter().zip(request.terms(table));
    terms.map(|(sort, term)| Term { expr: sort.expr(table), order: term.order }).collect()
}

fn sorts(request: &PageRequest, kind: Kind) -> Vec<Sort> {
    let of_kind = |sort: &Sort| match sort.by {
        SortBy::Key(SortKey::EMAIL) if kind == Kind::Organization => {
            Sort { by: SortBy::Key(SortKey::OPTIONAL_EMAIL), ..sort.clone() }
        }
        _ => sort.clone(),
    };
    request.sorts().iter().map(of_kind).collect()
}

/// The rows of one kind beyond a row of some kind: of equals, those of a later kind come after it.
fn beyond_in_kind(
    terms: &[Term],
    values: &[CursorKey],
    (kind, id): (Kind, &PublicId),
    request: &PageRequest,
) -> Expr {
    let (table, key) = match id {
        PublicId::InternalContact(id) => ("internal_contact", CursorKey::Uuid(id.0)),
        PublicId::AccountContact(id) => ("account_contact", CursorKey::Uuid(id.0)),
        PublicId::OrganizationContact(id) => ("organization_contact", CursorKey::Integer(id.0)),
        _ => return beyond(terms, values, false),
    };
    if Kind::of(id) == Some(kind) {
        let id = Term { expr: Expr::col((table, "id")), order: request.key_order() };
        let terms: Vec<Term> = terms.iter().cloned().chain([id]).collect();
        let values: Vec<CursorKey> = values.iter().cloned().chain([key]).collect();
        return beyond(&terms, &values, false);
    }
    let is_later = (Some(kind) > Kind::of(id)) == (request.key_order() == SqlOrder::Asc);
    beyond(terms, values, is_later)
}

fn with_values(arm: &mut SelectStatement, request: &PageRequest, kind: Kind, table: &'static str) {
    for (at, sort) in sorts(request, kind).iter().enumerate() {
        arm.expr_as(sort.expr(table), value_column(at));
    }
}

const fn value_column(at: usize) -> &'static str {
    // As many as a list can be sorted by; a search is sorted by two.
    ["sort_0", "sort_1", "sort_2", "sort_3"][at]
}

/// The order of rows of all kinds.
fn merged_order(request: &PageRequest) -> impl Iterator<Item = (&'static str, SqlOrder)> {
    let terms = request.terms(CONTACT).into_iter().enumerate();
    let values = terms.map(|(at, term)| (value_column(at), term.order));
    values.chain([KIND, UUID, NUMBER].map(|column| (column, request.key_order())))
}

/// The rows behind the keys, with all columns that are wanted: first `lead`, then the kind, the values, and the columns of
/// each kind.
fn whole(
    keys: SelectStatement,
    request: &PageRequest,
    columns: ContactColumns,
    lead: Option<&'static str>,
) -> SelectStatement {
    let mut whole = Query::select();
    for column in lead.into_iter().chain([KIND]) {
        whole.column((CONTACT, column));
    }
    for at in 0..request.sorts().len() {
        whole.column((CONTACT, value_column(at)));
    }
    select_columns(&mut whole, columns.internal);
    select_columns(&mut whole, columns.account);
    select_columns(&mut whole, columns.organization);
    whole.from_subquery(keys, CONTACT);
    for (kind, table, key) in [
        (Kind::Internal, "internal_contact", UUID),
        (Kind::Account, "account_contact", UUID),
        (Kind::Organization, "organization_contact", NUMBER),
    ] {
        let is_kind = Expr::col((CONTACT, KIND)).eq(kind as i64);
        let on = is_kind.and(Expr::col((table, "id")).equals((CONTACT, key)));
        whole.join(JoinType::LeftJoin, table, on);
    }
    for (column, order) in merged_order(request) {
        whole.order_by((CONTACT, column), order);
    }
    whole.take()
}

fn select_columns<E: Paged>(whole: &mut SelectStatement, columns: Columns<E>) {
    for column in E::Column::iter().filter(|column| columns.contains(*column)) {
        whole.expr(column.select_as(Expr::col((E::default().table_name(), column.as_str()))));
    }
}

/// Reads a row, whose kind is at `start`, and its position.
fn read(
    row: &QueryResult,
    columns: ContactColumns,
    sorts: &[Sort],
    start: usize,
) -> AppResult<(Contact, Vec<CursorKey>)> {
    use crate::entity::Sparse;
    let kind: i64 = row.try_get_by_index(start)?;
    let values = sorts.iter().enumerate().map(|(at, sort)| sort.read(row, start + 1 + at));
    let mut keys = values.collect::<AppResult<Vec<_>>>()?;
    let internal = start + 1 + sorts.len();
    let account = internal + columns.internal.count();
    let organization = account + columns.account.count();
    let contact = match Kind::ALL.into_iter().find(|known| *known as i64 == kind) {
        Some(Kind::Internal) => {
            Contact::Internal(internal_contact::Entity::read(row, columns.internal, internal)?)
        }
        Some(Kind::Account) => {
            Contact::Account(account_contact::Entity::read(row, columns.account, account)?)
        }
        Some(Kind::Organization) => Contact::Organization(organization_contact::Entity::read(
            row,
            columns.organization,
            organization,
        )?),
        None => return Err(AppError::Internal("a contact of no kind".into())),
    };
    keys.push(CursorKey::Text(contact.id().to_string()));
    Ok((contact, keys))
}
