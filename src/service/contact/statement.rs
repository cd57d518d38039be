//! The statements that read contacts of all kinds.
//!
//! A page is one statement: each kind walks its own index to at most as many rows as the page may need, the three are
//! merged, and only the rows that are left are read whole. Contacts that are equal in everything they are sorted by are in
//! the order of their kinds, and those of one kind in the order of their ids.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, IdenStatic, Iterable, JoinType, Order, QueryResult,
    QuerySelect, QueryTrait, Select,
    sea_query::{
        Asterisk, Expr, ExprTrait, Func, OverStatement, Query, SelectStatement, UnionType, WindowStatement,
    },
};

use super::{Contact, ContactColumns, Kind};
use crate::{
    entity::{
        ColumnSubset, Columns, account_contact, id::PublicId, internal_contact, keys_in, organization_contact,
    },
    error::{AppError, AppResult, Code},
    service::{
        PageRequest, ReadContext,
        cursor::CursorKey,
        filter::{Filter, Scope, searched, with_people},
        page::{Sort, SortBy, SortKey, Term, after_position},
    },
};

/// The name of the rows of all kinds, before they are read whole.
const CONTACT: &str = "contact";
const KIND: &str = "kind";
const EMAIL: &str = "email_key";
/// What shared addresses are called beside the columns of the contacts.
const SHARED: &str = "shared_email";
const RANK: &str = "rank";

/// A contact and its position in the list.
type Placed = (Contact, Vec<CursorKey>);

impl Kind {
    const fn table(self) -> &'static str {
        match self {
            Self::Internal => "internal_contact",
            Self::Account => "account_contact",
            Self::Organization => "organization_contact",
        }
    }

    /// The column that holds the ids of these contacts, and null for those of other kinds, with its type.
    const fn id(self) -> (&'static str, &'static str) {
        match self {
            Self::Internal => ("internal_id", "uuid"),
            Self::Account => ("account_id", "uuid"),
            Self::Organization => ("organization_id", "bigint"),
        }
    }
}

/// The contact that a page begins beyond.
pub(super) struct Position<'a> {
    values: &'a [CursorKey],
    kind: Kind,
    id: CursorKey,
}

impl<'a> Position<'a> {
    /// Where the request begins, unless it begins at an end of the list.
    pub(super) fn of(request: &'a PageRequest) -> AppResult<Option<Self>> {
        let Some((CursorKey::Text(id), values)) = request.cursor().and_then(<[_]>::split_last) else {
            return Ok(None);
        };
        let (kind, id) = match id.parse() {
            Ok(PublicId::InternalContact(id)) => (Kind::Internal, CursorKey::Uuid(id.0)),
            Ok(PublicId::AccountContact(id)) => (Kind::Account, CursorKey::Uuid(id.0)),
            Ok(PublicId::OrganizationContact(id)) => (Kind::Organization, CursorKey::Integer(id.0)),
            _ => {
                let message = "Invalid cursor. Use a cursor that an earlier response returned.";
                return Err(AppError::request(Code::BadRequest, message));
            }
        };
        Ok(Some(Self { values, kind, id }))
    }

    /// The contacts of a kind that are beyond it: of its equals, all those of a later kind are.
    fn after_position(&self, kind: Kind, request: &PageRequest) -> Expr {
        let mut terms = terms(kind, request);
        if kind == self.kind {
            terms.push(Term { expr: Expr::col((kind.table(), "id")), order: request.key_order() });
            let values = [self.values, std::slice::from_ref(&self.id)].concat();
            return after_position(&terms, &values, false);
        }
        let is_later = (kind > self.kind) == (request.key_order() == Order::Asc);
        after_position(&terms, self.values, is_later)
    }
}

/// The contacts of all kinds that meet a filter.
pub(super) struct Union<'a> {
    ctx: ReadContext<'a>,
    backend: DbBackend,
    scope: Scope,
    filter: Filter,
}

impl<'a> Union<'a> {
    pub(super) async fn new(ctx: ReadContext<'a>, filter: Option<&Filter>) -> AppResult<Self> {
        let backend = ctx.db.get_database_backend();
        let scope = Scope::new(ctx.organization, backend);
        let filter = filter.cloned().unwrap_or_else(|| Filter::All(Vec::new()));
        let tables = [searched::<internal_contact::Entity>(), searched::<account_contact::Entity>()];
        let filter = with_people(ctx.db, scope, &tables, Cow::Owned(filter)).await?.into_owned();
        Ok(Self { ctx, backend, scope, filter })
    }

    /// A page of them, and one more if there is one.
    pub(super) async fn page(
        &self,
        request: &PageRequest,
        columns: ContactColumns,
    ) -> AppResult<Vec<Placed>> {
        let position = Position::of(request)?;
        let arms = self.arms(|kind, rows| {
            let mut arm = sorted(rows, kind, request, position.as_ref());
            for Term { expr, order } in terms(kind, request) {
                arm.order_by_expr(expr, order);
            }
            arm.order_by((kind.table(), "id"), request.key_order()).limit(request.limit()).take()
        });
        let mut page = Query::select().column(Asterisk).from_subquery(arms, CONTACT).take();
        for (column, order) in merged_order(request) {
            page.order_by((CONTACT, column), order);
        }
        let whole = self.whole(page.limit(request.limit()).take(), request, columns);
        let rows = self.ctx.db.query_all(&whole).await?;
        rows.iter().map(|row| read(row, request, columns)).collect()
    }

    /// For each email address a page of its contacts, and two more, since the contact that asks may be among them.
    pub(super) async fn pages_by_email(
        &self,
        emails: &HashSet<&String>,
        request: &PageRequest,
        columns: ContactColumns,
    ) -> AppResult<HashMap<String, Vec<Placed>>> {
        let position = Position::of(request)?;
        let arms = self.arms(|kind, rows| {
            let arm = sorted(rows, kind, request, position.as_ref());
            self.of_emails(arm, kind, emails)
        });
        let mut window = WindowStatement::new();
        window.add_partition_by(Expr::col((CONTACT, EMAIL)));
        for (column, order) in merged_order(request) {
            window.order_by_expr(Expr::col((CONTACT, column)), order);
        }
        let ranked = Query::select()
            .column(Asterisk)
            .expr_window_as(Func::cust("row_number"), window, RANK)
            .from_subquery(arms, CONTACT)
            .take();
        let pages = Query::select()
            .column(Asterisk)
            .from_subquery(ranked, CONTACT)
            .and_where(Expr::col((CONTACT, RANK)).lte(request.limit() + 1))
            .take();
        let whole = self.whole(pages, request, columns).expr_as(Expr::col((CONTACT, EMAIL)), SHARED).take();
        let mut pages: HashMap<String, Vec<Placed>> = HashMap::new();
        for row in self.ctx.db.query_all(&whole).await? {
            pages.entry(row.try_get("", SHARED)?).or_default().push(read(&row, request, columns)?);
        }
        Ok(pages)
    }

    /// How many they are.
    pub(super) async fn count(&self) -> AppResult<u64> {
        let arms = self.arms(|_, arm| arm);
        let count = Query::select().expr(Expr::cust("count(*)")).from_subquery(arms, CONTACT).take();
        let row = self.ctx.db.query_one(&count).await?;
        let count: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
        Ok(count.unsigned_abs())
    }

    /// How many of them have each of these email addresses.
    pub(super) async fn counts_by_email(&self, emails: &HashSet<&String>) -> AppResult<HashMap<String, u64>> {
        let arms = self.arms(|kind, arm| self.of_emails(arm, kind, emails));
        let counts = Query::select()
            .column((CONTACT, EMAIL))
            .expr(Expr::cust("count(*)"))
            .from_subquery(arms, CONTACT)
            .group_by_col((CONTACT, EMAIL))
            .take();
        let mut totals = HashMap::new();
        for row in self.ctx.db.query_all(&counts).await? {
            let total: i64 = row.try_get_by_index(1)?;
            totals.insert(row.try_get_by_index(0)?, total.unsigned_abs());
        }
        Ok(totals)
    }

    /// The three kinds, each finished by `finish`.
    fn arms(&self, finish: impl Fn(Kind, SelectStatement) -> SelectStatement) -> SelectStatement {
        let [internal, account, organization] = Kind::ALL.map(|kind| {
            let filter = self.filter.of_kind(kind);
            let arm = match kind {
                Kind::Internal => keys(self.scope.rows::<internal_contact::Entity>(&filter), kind),
                Kind::Account => keys(self.scope.rows::<account_contact::Entity>(&filter), kind),
                Kind::Organization => keys(self.scope.rows::<organization_contact::Entity>(&filter), kind),
            };
            // In a statement of its own, because SQLite knows no brackets in a union.
            Query::select().column(Asterisk).from_subquery(finish(kind, arm), kind.table()).take()
        });
        let mut union = internal;
        union.union(UnionType::All, account).union(UnionType::All, organization);
        union
    }

    /// Those rows of an arm that have one of these email addresses, and their address.
    fn of_emails(&self, mut arm: SelectStatement, kind: Kind, emails: &HashSet<&String>) -> SelectStatement {
        let email = || Expr::col((kind.table(), EMAIL));
        let is_one = keys_in(self.backend, email(), emails.iter().map(|email| (*email).clone()));
        arm.expr(email()).and_where(is_one).take()
    }

    /// The rows that the keys are of: first the kind, then the values that they are sorted by, then the columns of each kind.
    fn whole(
        &self,
        keys: SelectStatement,
        request: &PageRequest,
        columns: ContactColumns,
    ) -> SelectStatement {
        let mut whole = Query::select().column((CONTACT, KIND)).from_subquery(keys, CONTACT).take();
        for at in 0..request.sorts().len() {
            whole.column((CONTACT, value_column(at)));
        }
        select(&mut whole, columns.internal);
        select(&mut whole, columns.account);
        select(&mut whole, columns.organization);
        for kind in Kind::ALL {
            let is_theirs = Expr::col((kind.table(), "org_id")).eq(self.ctx.organization);
            let is_it = Expr::col((kind.table(), "id")).equals((CONTACT, kind.id().0));
            whole.join(JoinType::LeftJoin, kind.table(), is_theirs.and(is_it));
        }
        for (column, order) in merged_order(request) {
            whole.order_by((CONTACT, column), order);
        }
        whole
    }
}

/// The kinds and ids of rows of a kind.
fn keys<E: EntityTrait>(rows: Select<E>, kind: Kind) -> SelectStatement {
    let mut arm = rows.select_only().into_query();
    arm.expr_as(Expr::cust(format!("CAST({} AS bigint)", kind as u8)), KIND);
    for other in Kind::ALL {
        let (column, sql_type) = other.id();
        let nothing = || Expr::cust(format!("CAST(NULL AS {sql_type})"));
        let id = if other == kind { Expr::col((kind.table(), "id")) } else { nothing() };
        arm.expr_as(id, column);
    }
    arm
}

/// The rows of an arm beyond a position, with the values that they are sorted by.
fn sorted(
    mut arm: SelectStatement,
    kind: Kind,
    request: &PageRequest,
    position: Option<&Position<'_>>,
) -> SelectStatement {
    if let Some(position) = position {
        arm.and_where(position.after_position(kind, request));
    }
    for (at, term) in terms(kind, request).into_iter().enumerate() {
        arm.expr_as(term.expr, value_column(at));
    }
    arm
}

/// What the rows of a kind are sorted by before their ids.
fn terms(kind: Kind, request: &PageRequest) -> Vec<Term> {
    let mut terms = request.terms(kind.table());
    for (term, sort) in terms.iter_mut().zip(request.sorts()) {
        // Only organization contacts may have no email address.
        if kind == Kind::Organization && sort.by == SortBy::Key(SortKey::EMAIL) {
            let by = SortBy::Key(SortKey::OPTIONAL_EMAIL);
            term.expr = Sort { by, direction: sort.direction }.expr(kind.table());
        }
    }
    terms
}

fn value_column(at: usize) -> String {
    format!("sort_{at}")
}

/// The order of rows of all kinds.
fn merged_order(request: &PageRequest) -> impl Iterator<Item = (String, Order)> {
    let values = request.terms(CONTACT).into_iter().enumerate();
    let values = values.map(|(at, term)| (value_column(at), term.order));
    let keys = [KIND].into_iter().chain(Kind::ALL.map(|kind| kind.id().0));
    values.chain(keys.map(|column| (column.to_owned(), request.key_order())))
}

fn select<E: ColumnSubset>(whole: &mut SelectStatement, columns: Columns<E>) {
    for column in E::Column::iter().filter(|column| columns.contains(*column)) {
        whole.expr(column.select_as(Expr::col((E::default().table_name(), column.as_str()))));
    }
}

/// Reads a row of [`Union::whole`].
fn read(row: &QueryResult, request: &PageRequest, columns: ContactColumns) -> AppResult<Placed> {
    let kind: i64 = row.try_get_by_index(0)?;
    let values = request.sorts().iter().enumerate().map(|(at, sort)| sort.read(row, 1 + at));
    let mut position = values.collect::<AppResult<Vec<_>>>()?;
    let internal = 1 + position.len();
    let account = internal + columns.internal.count();
    let organization = account + columns.account.count();
    let contact = match Kind::ALL.into_iter().find(|known| *known as i64 == kind) {
        Some(Kind::Internal) => {
            Contact::Internal(internal_contact::Entity::read(row, columns.internal, internal)?)
        }
        Some(Kind::Account) => {
            Contact::Account(account_contact::Entity::read(row, columns.account, account)?)
        }
        Some(Kind::Organization) => {
            let row = organization_contact::Entity::read(row, columns.organization, organization)?;
            Contact::Organization(row)
        }
        None => return Err(AppError::Internal("a contact of no kind".into())),
    };
    position.push(CursorKey::Text(contact.id().to_string()));
    Ok((contact, position))
}
