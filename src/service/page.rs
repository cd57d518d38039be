//! Keyset paging, of one list and of one list per parent.
//!
//! A page is found by comparing with the cursor's values, never by counting rows, so paging costs the same at any depth
//! and neither repeats nor skips a row that stood still. One row more than asked tells whether another page follows.

use std::{collections::HashMap, hash::Hash};

use super::cursor::{Cursor, CursorKey, Order};
use crate::{
    entity::{Columns, Key, Scoped, Sparse, keys_in, keys_table},
    error::{AppError, AppResult, Code},
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, ExprTrait, JoinType, Order as Direction,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select, TryGetable,
    sea_query::{Asterisk, Expr, Func, OverStatement, Query, SelectStatement, SimpleExpr, WindowStatement},
};

/// The most rows a page may have.
pub const MAX_PAGE_SIZE: u32 = 100;
/// The rows of a page when the caller names no number.
pub const DEFAULT_PAGE_SIZE: u32 = 25;

/// An entity that is listed in pages, in the order of its key: the order of creation.
pub trait Paged: Scoped<Model: Send + Sync> + Sparse {
    /// Names the list and its order in cursors.
    const ORDER: Order;

    /// The unique column that orders the list.
    fn key_column() -> Self::Column;

    /// The row's value in that column.
    fn key(row: &Self::Model) -> CursorKey;

    /// The position of a row.
    fn cursor(row: &Self::Model) -> Cursor {
        Cursor { order: Self::ORDER.name.to_owned(), keys: vec![Self::key(row)] }
    }
}

/// Which part of a list is wanted, as a client says it.
#[derive(Clone, Debug, Default)]
pub struct PageWindow {
    /// This many from the start, or after `after`.
    pub first: Option<i32>,
    /// Only what comes after this cursor.
    pub after: Option<String>,
    /// This many from the end, or before `before`.
    pub last: Option<i32>,
    /// Only what comes before this cursor.
    pub before: Option<String>,
}

/// Which part of a list is wanted, checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageRequest {
    size: u32,
    backward: bool,
    cursor: Option<Cursor>,
    /// Whether the whole list is to be counted as well.
    total: bool,
}

impl PageRequest {
    /// Checks a window on a list.
    pub fn new(window: &PageWindow, order: Order, total: bool) -> AppResult<Self> {
        let backward = window.last.is_some() || window.before.is_some();
        if backward && (window.first.is_some() || window.after.is_some()) {
            return Err(bad(
                "Page forward with first and after, or backward with last and before, not both.",
            ));
        }
        let (name, size, cursor) = if backward {
            ("last", window.last, &window.before)
        } else {
            ("first", window.first, &window.after)
        };
        Ok(Self {
            size: page_size(name, size)?,
            backward,
            cursor: cursor.as_deref().map(|text| Cursor::decode(text, order)).transpose()?,
            total,
        })
    }

    fn direction(&self) -> Direction {
        if self.backward { Direction::Desc } else { Direction::Asc }
    }

    /// One more than asked for, to see whether there is more.
    fn limit(&self) -> u64 {
        u64::from(self.size) + 1
    }

    fn beyond_cursor<E: Paged>(&self) -> Option<SimpleExpr> {
        let key = self.cursor.as_ref()?.keys.first()?.clone();
        let column = E::key_column();
        Some(if self.backward { column.lt(key) } else { column.gt(key) })
    }
}

fn page_size(name: &str, size: Option<i32>) -> AppResult<u32> {
    match size.map(u32::try_from) {
        None => Ok(DEFAULT_PAGE_SIZE),
        Some(Ok(size @ 1..=MAX_PAGE_SIZE)) => Ok(size),
        Some(_) => Err(bad(format!("The argument {name} must be from 1 to {MAX_PAGE_SIZE}."))),
    }
}

fn bad(message: impl Into<std::borrow::Cow<'static, str>>) -> AppError {
    AppError::request(Code::BadRequest, message)
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The rows, in the list's order also when paging backward.
    pub items: Vec<T>,
    /// Whether rows follow the last one.
    pub has_next: bool,
    /// Whether rows precede the first one.
    pub has_previous: bool,
    /// The number of rows in the whole list, when the request asked for it.
    pub total: Option<u64>,
}

impl<T> Page<T> {
    /// The page that `rows`, read in the request's direction with one more than asked, make up.
    fn new(mut rows: Vec<T>, request: &PageRequest) -> Self {
        let more = rows.len() > request.size as usize;
        rows.truncate(request.size as usize);
        let beyond = request.cursor.is_some();
        let (has_next, has_previous) = if request.backward {
            rows.reverse();
            (beyond, more)
        } else {
            (more, beyond)
        };
        Self { items: rows, has_next, has_previous, total: None }
    }

    /// The same page of something made from the rows.
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(make).collect(),
            has_next: self.has_next,
            has_previous: self.has_previous,
            total: self.total,
        }
    }
}

impl<T> Page<&'static T> {
    /// The page of a list that is in memory, sorted by a unique key.
    pub(crate) fn of_sorted(
        list: &'static [T],
        key: impl Fn(&T) -> CursorKey,
        request: &PageRequest,
    ) -> Self {
        let cursor = request.cursor.as_ref().and_then(|cursor| cursor.keys.first());
        let limit = request.size as usize + 1;
        let rows = if request.backward {
            let end = cursor.map_or(list.len(), |cursor| list.partition_point(|row| key(row) < *cursor));
            list[..end].iter().rev().take(limit).collect()
        } else {
            let start = cursor.map_or(0, |cursor| list.partition_point(|row| key(row) <= *cursor));
            list[start..].iter().take(limit).collect()
        };
        Self { total: Some(list.len() as u64), ..Self::new(rows, request) }
    }
}

/// One page of the rows that `select` finds.
pub(crate) async fn page<E: Paged>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    columns: Columns<E>,
    request: &PageRequest,
) -> AppResult<Page<E::Model>> {
    let total = if request.total { Some(Box::pin(select.clone().count(db)).await?) } else { None };
    let select = window(E::select(select, columns), request).limit(request.limit());
    // Boxed, like every statement below a root field: the futures above hold one another, and moving them costs.
    let rows = Box::pin(read(db, select, columns)).await?;
    Ok(Page { total, ..Page::new(rows, request) })
}

/// The rows that `select` finds, of these columns.
pub(crate) async fn read<E: Sparse>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    columns: Columns<E>,
) -> AppResult<Vec<E::Model>> {
    let rows = db.query_all(&select.into_query()).await?;
    Ok(rows.iter().map(|row| E::read(row, columns, 0)).collect::<Result<_, _>>()?)
}

fn window<E: Paged>(select: Select<E>, request: &PageRequest) -> Select<E> {
    let select = match request.beyond_cursor::<E>() {
        Some(beyond) => select.filter(beyond),
        None => select,
    };
    select.order_by(E::key_column(), request.direction())
}

const PARENTS: &str = "parents";
const PARENT: &str = "parent_key";
const CHILD: &str = "child";
const LINK: &str = "link";
const RANK: &str = "rank";
const TOTAL: &str = "total";

/// A key that rows are grouped by.
pub(crate) trait Parent: Key + TryGetable + Copy + Eq + Hash {}

impl<P: Key + TryGetable + Copy + Eq + Hash> Parent for P {}

/// How rows know their parents.
pub(crate) enum Parentage {
    /// A column of the row itself holds the parent's key.
    Column(Expr),
    /// Rows of a link table hold both keys.
    Links {
        /// Selects `child_id` and `parent_key` of the links.
        links: Box<SelectStatement>,
        /// The parent's key in the link table, to restrict it by.
        parent: Expr,
    },
}

impl Parentage {
    /// The parent's key is in this column of the row.
    pub(crate) fn column(column: impl ColumnTrait) -> Self {
        Self::Column(column.into_expr())
    }

    /// The keys of child and parent are in these columns of a link table; `unique` when it holds no pair twice.
    pub(crate) fn links<L: Scoped>(
        links: Select<L>,
        child: L::Column,
        parent: L::Column,
        unique: bool,
    ) -> Self {
        let mut links =
            links.select_only().column_as(child, "child_id").column_as(parent, PARENT).into_query();
        if !unique {
            links.distinct();
        }
        Self::Links { links: Box::new(links), parent: parent.into_expr() }
    }

    /// The rows whose parent's key meets the condition, and that key.
    fn restrict<E: Paged>(
        &self,
        select: Select<E>,
        condition: impl FnOnce(Expr) -> Expr,
    ) -> (Select<E>, Expr) {
        match self {
            Self::Column(parent) => (select.filter(condition(parent.clone())), parent.clone()),
            Self::Links { links, parent } => {
                let mut select = select;
                let links = SelectStatement::clone(links).and_where(condition(parent.clone())).take();
                let on = Expr::col((LINK, "child_id")).eq(E::key_column().into_expr());
                QuerySelect::query(&mut select).join_subquery(JoinType::InnerJoin, links, LINK, on);
                (select, Expr::col((LINK, PARENT)))
            }
        }
    }
}

/// For each of `parents` one page of its own of the rows that `select` finds, in one statement (two when counted).
/// Every parent has an entry, also when it has no rows.
pub(crate) async fn pages<E, P>(
    db: &impl ConnectionTrait,
    (select, columns): (Select<E>, Columns<E>),
    parentage: Parentage,
    parents: &[P],
    request: &PageRequest,
) -> AppResult<HashMap<P, Page<E::Model>>>
where
    E: Paged,
    P: Parent,
{
    let totals =
        if request.total { totals(db, select.clone(), &parentage, parents).await? } else { HashMap::new() };
    let select = E::select(select, columns);
    let statement = match db.get_database_backend() {
        DbBackend::Postgres => lateral(window(select, request), &parentage, parents, request),
        _ => ranked(window(select, request), &parentage, parents, request),
    };
    let mut rows: HashMap<P, Vec<E::Model>> = HashMap::with_capacity(parents.len());
    for row in db.query_all(&statement).await? {
        // The parent's key comes first, the columns of the row behind it.
        let key: P = row.try_get_by_index(0)?;
        rows.entry(key).or_default().push(E::read(&row, columns, 1)?);
    }
    Ok(parents
        .iter()
        .map(|parent| {
            let total = request.total.then(|| totals.get(parent).copied().unwrap_or_default());
            let rows = rows.remove(parent).unwrap_or_default();
            (*parent, Page { total, ..Page::new(rows, request) })
        })
        .collect())
}

/// PostgreSQL: each parent walks its own stretch of the index and stops at the limit.
fn lateral<E: Paged, P: Parent>(
    select: Select<E>,
    parentage: &Parentage,
    parents: &[P],
    request: &PageRequest,
) -> SelectStatement {
    let key = Expr::col((PARENTS, "id"));
    let (children, _) = parentage.restrict(select, |parent| parent.eq(key.clone()));
    Query::select()
        .expr_as(key, PARENT)
        .column((CHILD, Asterisk))
        .from_subquery(keys_table(DbBackend::Postgres, parents.iter().copied()), PARENTS)
        .join_lateral(
            JoinType::InnerJoin,
            children.limit(request.limit()).into_query(),
            CHILD,
            Condition::all(),
        )
        .take()
}

/// SQLite, which has no lateral join: rank each parent's rows and keep the first ones.
fn ranked<E: Paged, P: Parent>(
    select: Select<E>,
    parentage: &Parentage,
    parents: &[P],
    request: &PageRequest,
) -> SelectStatement {
    let (children, parent) =
        parentage.restrict(select, |parent| keys_in(DbBackend::Sqlite, parent, parents.iter().copied()));
    let mut window = WindowStatement::new();
    window.add_partition_by(parent.clone()).order_by_expr(E::key_column().into_expr(), request.direction());
    let children = children
        .into_query()
        .clear_order_by()
        .expr_as(parent, PARENT)
        .expr_window_as(Func::cust("row_number"), window, RANK)
        .take();
    Query::select()
        .column((CHILD, PARENT))
        .column((CHILD, Asterisk))
        .from_subquery(children, CHILD)
        .and_where(Expr::col((CHILD, RANK)).lte(request.limit()))
        .order_by((CHILD, RANK), Direction::Asc)
        .take()
}

/// How many rows each parent has in all.
async fn totals<E: Paged, P: Parent>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    parentage: &Parentage,
    parents: &[P],
) -> AppResult<HashMap<P, u64>> {
    let backend = db.get_database_backend();
    let (select, parent) =
        parentage.restrict(select, |parent| keys_in(backend, parent, parents.iter().copied()));
    let statement = select
        .select_only()
        .expr_as(parent.clone(), PARENT)
        .expr_as(Expr::cust("count(*)"), TOTAL)
        .group_by(parent)
        .into_query();
    let mut totals = HashMap::with_capacity(parents.len());
    for row in db.query_all(&statement).await? {
        let total: i64 = row.try_get("", TOTAL)?;
        totals.insert(row.try_get("", PARENT)?, total.unsigned_abs());
    }
    Ok(totals)
}
