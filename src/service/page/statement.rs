//! The statements that read pages: of one list, and of one list for each of many parents.

use std::{collections::HashMap, hash::Hash};

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, ExprTrait, IdenStatic, Iterable, JoinType,
    PaginatorTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect, QueryTrait, Select, TryGetable,
    sea_query::{Asterisk, Expr, Query, SelectStatement},
};

use super::{
    Page, PageRequest, Paged,
    order::{Term, after_position},
};
use crate::{
    entity::{ColumnSubset, Columns, Key, Scoped, keys_in, keys_table},
    error::AppResult,
    service::cursor::CursorKey,
};

/// One page of the rows that `select` finds.
pub(in crate::service) async fn page<E: Paged>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    columns: Columns<E>,
    request: &PageRequest,
) -> AppResult<Page<E::Model>> {
    let total = if request.total { Some(Box::pin(select.clone().count(db)).await?) } else { None };
    let mut rows = window(E::select(select, columns), request).limit(request.limit());
    if request.skip() > 0 {
        rows = rows.offset(request.skip());
    }
    let statement = rows.into_query();
    // Boxed, like every statement below a root field: the futures above hold one another, and moving them costs.
    let rows = Box::pin(db.query_all(&statement)).await?;
    let mut read = Rows::of(columns, request, 0);
    rows.iter().try_for_each(|row| read.push(row))?;
    Ok(read.page(request).with_total(total))
}

/// The rows that `select` finds, of these columns.
pub(in crate::service) async fn read<E: ColumnSubset>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    columns: Columns<E>,
) -> AppResult<Vec<E::Model>> {
    let rows = db.query_all(&select.into_query()).await?;
    Ok(rows.iter().map(|row| E::read(row, columns, 0)).collect::<Result<_, _>>()?)
}

/// The rows of a page as they are read, with their values in the order when it is not that of the key.
enum Rows<'a, E: Paged> {
    ByKey {
        columns: Columns<E>,
        start: usize,
        rows: Vec<E::Model>,
    },
    Sorted {
        columns: Columns<E>,
        start: usize,
        request: &'a PageRequest,
        rows: Vec<(E::Model, Vec<CursorKey>)>,
    },
}

impl<'a, E: Paged> Rows<'a, E> {
    /// No rows yet; the columns of the rows begin at `start`.
    fn of(columns: Columns<E>, request: &'a PageRequest, start: usize) -> Self {
        if request.sorts.is_empty() {
            Self::ByKey { columns, start, rows: Vec::new() }
        } else {
            Self::Sorted { columns, start, request, rows: Vec::new() }
        }
    }

    fn push(&mut self, row: &QueryResult) -> AppResult<()> {
        match self {
            Self::ByKey { columns, start, rows } => rows.push(E::read(row, *columns, *start)?),
            Self::Sorted { columns, start, request, rows } => {
                let model = E::read(row, *columns, *start)?;
                let first = *start + columns.count();
                let values = request.sorts.iter().enumerate().map(|(at, sort)| sort.read(row, first + at));
                let mut keys = values.collect::<AppResult<Vec<_>>>()?;
                keys.push(E::key(&model));
                rows.push((model, keys));
            }
        }
        Ok(())
    }

    fn page(self, request: &PageRequest) -> Page<E::Model> {
        match self {
            Self::ByKey { rows, .. } => Page::new(rows, request),
            Self::Sorted { rows, .. } => Page::sorted(rows, request),
        }
    }
}

/// The rows beyond the cursor in the order of the request, and behind their columns the values that order them.
fn window<E: Paged>(mut select: Select<E>, request: &PageRequest) -> Select<E> {
    for (position, sort) in request.sorts.iter().enumerate() {
        select = select.expr_as(sort.expr(E::default().table_name()), format!("sort_{position}"));
    }
    positioned(select, request, terms::<E>(request))
}

/// The rows beyond the cursor in the order of these terms.
fn positioned<E: Paged>(mut select: Select<E>, request: &PageRequest, terms: Vec<Term>) -> Select<E> {
    if let Some(values) = request.cursor() {
        select = select.filter(after_position(&terms, values, false));
    }
    for Term { expr, order } in terms {
        select = select.order_by(expr, order);
    }
    select
}

fn terms<E: Paged>(request: &PageRequest) -> Vec<Term> {
    let mut terms = request.terms(E::default().table_name());
    if request.sorts_by(E::key_column().as_str()) {
        return terms;
    }
    terms.push(Term { expr: E::key_column().into_expr(), order: request.key_order() });
    terms
}

const PARENTS: &str = "parents";
const PARENT: &str = "parent_key";
const CHILD: &str = "child";
const LINK: &str = "link";
const TOTAL: &str = "total";

/// A key that rows are grouped by.
pub trait Parent: Key + TryGetable + Clone + Eq + Hash {}

impl<P: Key + TryGetable + Clone + Eq + Hash> Parent for P {}

/// How rows know their parents.
pub enum ParentRelation {
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

impl ParentRelation {
    /// The parent's key is in this column of the row.
    pub(in crate::service) fn column(column: impl ColumnTrait) -> Self {
        Self::Column(column.into_expr())
    }

    /// The keys of child and parent are in these columns of a link table; `unique` when it holds no pair twice.
    pub(in crate::service) fn links<L: Scoped>(
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

    /// The key of the rows that are restricted, as the relation knows it.
    fn child_key<E: Paged>(&self) -> Expr {
        match self {
            Self::Column(_) => E::key_column().into_expr(),
            Self::Links { .. } => Expr::col((LINK, "child_id")),
        }
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
pub(in crate::service) async fn pages<E, P>(
    db: &impl ConnectionTrait,
    (select, columns): (Select<E>, Columns<E>),
    relation: ParentRelation,
    parents: &[P],
    request: &PageRequest,
) -> AppResult<HashMap<P, Page<E::Model>>>
where
    E: Paged,
    P: Parent,
{
    let totals =
        if request.total { totals(db, select.clone(), &relation, parents).await? } else { HashMap::new() };
    let statement = match db.get_database_backend() {
        DbBackend::Postgres => {
            lateral(window(E::select(select, columns), request), &relation, parents, request)
        }
        _ => correlated(select, columns, &relation, parents, request),
    };
    let mut rows: HashMap<P, Rows<'_, E>> = HashMap::with_capacity(parents.len());
    for row in db.query_all(&statement).await? {
        // The parent's key comes first, the columns of the row behind it.
        let key: P = row.try_get_by_index(0)?;
        rows.entry(key).or_insert_with(|| Rows::of(columns, request, 1)).push(&row)?;
    }
    let page = |parent: &P| {
        let total = request.total.then(|| totals.get(parent).copied().unwrap_or_default());
        let rows = rows.remove(parent).unwrap_or_else(|| Rows::of(columns, request, 1));
        (parent.clone(), rows.page(request).with_total(total))
    };
    Ok(parents.iter().map(page).collect())
}

/// PostgreSQL: each parent walks its own stretch of the index and stops at the limit.
fn lateral<E: Paged, P: Parent>(
    select: Select<E>,
    relation: &ParentRelation,
    parents: &[P],
    request: &PageRequest,
) -> SelectStatement {
    let key = Expr::col((PARENTS, "id"));
    let (children, _) = relation.restrict(select, |parent| parent.eq(key.clone()));
    Query::select()
        .expr_as(key, PARENT)
        .column((CHILD, Asterisk))
        .from_subquery(keys_table(DbBackend::Postgres, parents.iter().cloned()), PARENTS)
        .join_lateral(
            JoinType::InnerJoin,
            children.limit(request.limit()).into_query(),
            CHILD,
            Condition::all(),
        )
        .take()
}

/// SQLite, which has no lateral join: for each parent a subquery finds the rows of its page, and stops at the limit.
fn correlated<E: Paged, P: Parent>(
    select: Select<E>,
    columns: Columns<E>,
    relation: &ParentRelation,
    parents: &[P],
    request: &PageRequest,
) -> SelectStatement {
    const ROW: &str = "rowid";
    let table = E::default().table_name();
    let parent = || Expr::col((PARENTS, "id"));
    let (children, _) = relation.restrict(select, |column| column.eq(parent()));
    let terms = terms::<E>(request);
    let of_parent = if request.sorts.is_empty() {
        // The link's key equals the row's, and its index is in that order.
        vec![Term { expr: relation.child_key::<E>(), order: request.key_order() }]
    } else {
        // The plus keeps SQLite from an index in this order, by which it would look at the rows of all parents.
        let unordered =
            |term: &Term| Term { expr: Expr::cust_with_expr("+?", term.expr.clone()), ..term.clone() };
        terms.iter().map(unordered).collect()
    };
    let children = positioned(children, request, of_parent);
    let children = children.select_only().expr(Expr::col((table, ROW))).limit(request.limit()).into_query();
    let mut rows = Query::select().expr_as(parent(), PARENT).take();
    for column in E::Column::iter().filter(|column| columns.contains(*column)) {
        rows.expr(column.select_as(Expr::col((table, column.as_str()))));
    }
    for (position, sort) in request.sorts.iter().enumerate() {
        rows.expr_as(sort.expr(table), format!("sort_{position}"));
    }
    rows.from_subquery(keys_table(DbBackend::Sqlite, parents.iter().cloned()), PARENTS)
        // CROSS: SQLite would else look at every row of the table for each parent.
        .cross_join(table)
        .and_where(Expr::col((table, ROW)).in_subquery(children));
    for Term { expr, order } in terms {
        rows.order_by_expr(expr, order);
    }
    rows
}

/// How many rows each parent has in all.
async fn totals<E: Paged, P: Parent>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    relation: &ParentRelation,
    parents: &[P],
) -> AppResult<HashMap<P, u64>> {
    let backend = db.get_database_backend();
    let (select, parent) =
        relation.restrict(select, |parent| keys_in(backend, parent, parents.iter().cloned()));
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
