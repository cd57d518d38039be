//! Orders of lists: what rows are sorted by before their key breaks the tie.

use std::borrow::Cow;

use sea_orm::{
    QueryResult,
    prelude::DateTimeUtc,
    sea_query::{Expr, ExprTrait, Order as SqlOrder},
};

use super::super::{
    cursor::{CursorKey, KeyKind, Order},
    search::SearchQuery,
};
use crate::error::AppResult;

/// Which way a list is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The least value first.
    Ascending,
    /// The greatest value first.
    Descending,
}

impl Direction {
    /// The same, or the other way when a list is read from its end.
    pub(super) fn or_reversed(self, reversed: bool) -> SqlOrder {
        if (self == Self::Ascending) == reversed { SqlOrder::Desc } else { SqlOrder::Asc }
    }
}

/// A column that a list can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SortKey {
    /// What cursors call it.
    name: &'static str,
    column: &'static str,
    kind: KeyKind,
    nullable: bool,
}

impl SortKey {
    /// The normalized name.
    pub const NAME: Self = Self::text("name", "sort_key");
    /// The address in the form that is compared.
    pub const EMAIL: Self = Self::text("email", "email_key");
    /// The same, of rows that may have none: those come first, as if it were empty.
    pub const OPTIONAL_EMAIL: Self = Self { nullable: true, ..Self::EMAIL };
    /// When the row was made.
    pub const CREATED_AT: Self = Self::time("createdAt", "created_at");
    /// When the row last changed.
    pub const UPDATED_AT: Self = Self::time("updatedAt", "updated_at");

    /// A column of texts.
    pub const fn text(name: &'static str, column: &'static str) -> Self {
        Self { name, column, kind: KeyKind::Text, nullable: false }
    }

    /// A column of times.
    pub const fn time(name: &'static str, column: &'static str) -> Self {
        Self { name, column, kind: KeyKind::Time, nullable: false }
    }

    /// A column of integers.
    pub const fn integer(name: &'static str, column: &'static str) -> Self {
        Self { name, column, kind: KeyKind::Integer, nullable: false }
    }

    /// The column.
    pub(super) const fn column(self) -> &'static str {
        self.column
    }

    fn expr(self, table: &'static str) -> Expr {
        if self.nullable {
            // The index is over this very expression.
            return Expr::cust(format!("coalesce({table}.{}, '')", self.column));
        }
        Expr::col((table, self.column))
    }
}

/// What a list is sorted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SortBy {
    /// A column.
    Key(SortKey),
    /// How well a row answers a query, the best first.
    Match(SearchQuery),
}

/// One of the things that a list is sorted by, the more important ones first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sort {
    /// What it is.
    pub by: SortBy,
    /// Which way.
    pub direction: Direction,
}

impl Sort {
    /// The order of the answers to a query.
    pub(in crate::service) fn best_first(query: SearchQuery) -> Vec<Self> {
        [SortBy::Match(query), SortBy::Key(SortKey::NAME)]
            .map(|by| Self { by, direction: Direction::Ascending })
            .into()
    }

    /// Whether the value can be compared, as it is in this table.
    pub(in crate::service) fn expr(&self, table: &'static str) -> Expr {
        match &self.by {
            SortBy::Key(key) => key.expr(table),
            SortBy::Match(query) => query.rank(table),
        }
    }

    pub(super) fn kind(&self) -> KeyKind {
        match &self.by {
            SortBy::Key(key) => key.kind,
            SortBy::Match(_) => KeyKind::Integer,
        }
    }

    /// What cursors call it, with its direction.
    fn name(&self) -> String {
        let name = match &self.by {
            SortBy::Key(key) => Cow::Borrowed(key.name),
            SortBy::Match(query) => Cow::Owned(query.name()),
        };
        let sign = if self.direction == Direction::Ascending { '+' } else { '-' };
        format!("{name}{sign}")
    }

    /// The value in a row that was read, at this position.
    pub(in crate::service) fn read(&self, row: &QueryResult, at: usize) -> AppResult<CursorKey> {
        let read = match self.kind() {
            KeyKind::Text => row.try_get_by(at).map(CursorKey::Text),
            KeyKind::Time => row.try_get_by::<DateTimeUtc, _>(at).map(CursorKey::Time),
            KeyKind::Integer => row.try_get_by(at).map(CursorKey::Integer),
            KeyKind::Uuid => row.try_get_by(at).map(CursorKey::Uuid),
        };
        Ok(read?)
    }
}

/// How cursors name a list in an order.
pub(super) fn name(list: Order, sorts: &[Sort]) -> Cow<'static, str> {
    if sorts.is_empty() {
        return Cow::Borrowed(list.name);
    }
    let sorts: Vec<String> = sorts.iter().map(Sort::name).collect();
    format!("{}/{}", list.name, sorts.join(",")).into()
}

/// A term of an order in a statement.
#[derive(Clone)]
pub(in crate::service) struct Term {
    /// What is compared.
    pub(in crate::service) expr: Expr,
    /// Which way the statement reads.
    pub(in crate::service) order: SqlOrder,
}

/// The rows that come after the one with these values. `inclusive`, also those that are equal to it in all of them.
pub(in crate::service) fn after_position(terms: &[Term], values: &[CursorKey], inclusive: bool) -> Expr {
    let pairs = terms.iter().zip(values);
    match pairs.clone().count() {
        0 => Expr::cust(if inclusive { "1 = 1" } else { "1 = 0" }),
        1 => compare(&terms[0], &values[0], inclusive),
        // Both databases look a tuple up in an index as they do a single column.
        _ if terms.windows(2).all(|pair| pair[0].order == pair[1].order) => {
            let left = Expr::tuple(pairs.clone().map(|(term, _)| term.expr.clone()));
            let right = Expr::tuple(pairs.map(|(_, value)| Expr::val(value.clone())));
            ordered(left, right, &terms[0].order, inclusive)
        }
        _ => {
            let first = compare(&terms[0], &values[0], true);
            let later = compare(&terms[0], &values[0], false);
            first.and(later.or(after_position(&terms[1..], &values[1..], inclusive)))
        }
    }
}

fn compare(term: &Term, value: &CursorKey, inclusive: bool) -> Expr {
    ordered(term.expr.clone(), Expr::val(value.clone()), &term.order, inclusive)
}

fn ordered(left: Expr, right: Expr, order: &SqlOrder, inclusive: bool) -> Expr {
    match (order, inclusive) {
        (SqlOrder::Desc, true) => left.lte(right),
        (SqlOrder::Desc, false) => left.lt(right),
        (_, true) => left.gte(right),
        (_, false) => left.gt(right),
    }
}
