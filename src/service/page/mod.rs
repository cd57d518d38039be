//! Keyset paging, of one list and of one list per parent.
//!
//! A page is found by comparing with the cursor's values, never by counting rows, so paging costs the same at any depth
//! and neither repeats nor skips a row that stood still. One row more than requested shows whether another page follows.

mod order;
mod statement;

use std::borrow::Cow;

pub use self::{
    order::{Direction, Sort, SortBy, SortKey},
    statement::{Parent, ParentRelation},
};
pub(super) use self::{
    order::{Term, after_position},
    statement::{page, pages, read},
};
use super::{
    cursor::{Cursor, CursorKey, Order},
    filter::Filter,
};
use crate::{
    entity::{ColumnSubset, Scoped},
    error::{AppResult, argument},
};

/// The most rows a page may have.
pub const MAX_PAGE_SIZE: u32 = 100;
/// The most rows that a page may have in a list whose pages are numbered.
pub const MAX_NUMBERED_PAGE_SIZE: u32 = 1000;
/// The rows of a page when the caller names no number.
pub const DEFAULT_PAGE_SIZE: u32 = 25;

/// An entity that is listed in pages, in the order of its key, which is the order of creation, unless asked otherwise.
pub trait Paged: Scoped<Model: Send + Sync> + ColumnSubset {
    /// Names the list and its order in cursors.
    const ORDER: Order;

    /// The unique column that orders the list.
    fn key_column() -> Self::Column;

    /// The row's value in that column.
    fn key(row: &Self::Model) -> CursorKey;

    /// A check of the row, where its key may be given to another row.
    fn check(_: &Self::Model) -> Option<u32> {
        None
    }

    /// The position of a row in the order of its key.
    fn cursor(row: &Self::Model) -> Cursor {
        let keys = vec![Self::key(row)];
        Cursor { order: Cow::Borrowed(Self::ORDER.name), keys, check: Self::check(row) }
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

/// Which part of a list is wanted, and in which order; checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageRequest {
    size: u32,
    backward: bool,
    /// This many rows before the page are passed over.
    skip: u64,
    sorts: Vec<Sort>,
    /// Names the list and its order in cursors.
    order: Cow<'static, str>,
    cursor: Option<Cursor>,
    /// Whether the whole list is to be counted as well.
    total: bool,
}

impl PageRequest {
    /// Checks a window on a list that is sorted so.
    pub fn new(window: &PageWindow, list: Order, sorts: Vec<Sort>, total: bool) -> AppResult<Self> {
        let backward = window.last.is_some() || window.before.is_some();
        if backward && (window.first.is_some() || window.after.is_some()) {
            let both = "Use first and after, or last and before, not both.";
            return Err(argument(if window.last.is_some() { "last" } else { "before" }, both));
        }
        let (name, size, cursor_name, cursor) = if backward {
            ("last", window.last, "before", &window.before)
        } else {
            ("first", window.first, "after", &window.after)
        };
        let size = page_size(name, size)?;
        let order = order::name(list, &sorts);
        let kinds = || sorts.iter().map(Sort::kind).chain(list.keys.iter().copied());
        let cursor = cursor.as_deref().map(|text| Cursor::decode(text, &order, kinds())).transpose();
        let cursor = cursor.map_err(|error| error.on_argument(cursor_name))?;
        Ok(Self { size, backward, skip: 0, sorts, order, cursor, total })
    }

    /// The page with this number, counted from 0, of a list that is cut into pages of `size` rows, 1 to
    /// [`MAX_NUMBERED_PAGE_SIZE`]. What it passes over is read, too: who can, pages by cursor.
    pub fn numbered(list: Order, size: u32, number: u32, sorts: Vec<Sort>, total: bool) -> Self {
        let size = size.clamp(1, MAX_NUMBERED_PAGE_SIZE);
        let skip = u64::from(size) * u64::from(number);
        let order = order::name(list, &sorts);
        Self { size, backward: false, skip, sorts, order, cursor: None, total }
    }

    /// One more than asked for, to see whether there is more.
    pub(super) fn limit(&self) -> u64 {
        u64::from(self.size) + 1
    }

    /// How many rows before the page are passed over.
    pub(super) fn skip(&self) -> u64 {
        self.skip
    }

    /// What the list is sorted by before its key.
    pub(super) fn sorts(&self) -> &[Sort] {
        &self.sorts
    }

    /// The values of the row that the page begins beyond.
    pub(super) fn cursor(&self) -> Option<&[CursorKey]> {
        self.cursor.as_ref().map(|cursor| &*cursor.keys)
    }

    /// The cursor that the page begins beyond, as the client sent it.
    pub(super) fn whole_cursor(&self) -> Option<&Cursor> {
        self.cursor.as_ref()
    }

    /// Whether the whole list is to be counted as well.
    pub(super) fn total(&self) -> bool {
        self.total
    }

    /// Whether the list is sorted by this column.
    fn sorts_by(&self, column: &str) -> bool {
        self.sorts.iter().any(|sort| matches!(sort.by, SortBy::Key(key) if key.column() == column))
    }

    /// What the list is sorted by in this table, the way that the statement reads.
    pub(super) fn terms(&self, table: &'static str) -> Vec<Term> {
        let term =
            |sort: &Sort| Term { expr: sort.expr(table), order: sort.direction.or_reversed(self.backward) };
        self.sorts.iter().map(term).collect()
    }

    /// The way that the statement reads the key, which breaks the tie: as it reads the last term.
    pub(super) fn key_order(&self) -> sea_orm::Order {
        let direction = self.sorts.last().map_or(Direction::Ascending, |sort| sort.direction);
        direction.or_reversed(self.backward)
    }
}

fn page_size(name: &'static str, size: Option<i32>) -> AppResult<u32> {
    match size.map(u32::try_from) {
        None => Ok(DEFAULT_PAGE_SIZE),
        Some(Ok(size @ 1..=MAX_PAGE_SIZE)) => Ok(size),
        Some(_) => Err(argument(name, format!("The argument {name} must be between 1 and {MAX_PAGE_SIZE}."))),
    }
}

/// Which rows of a list are wanted, in which order, and which part of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListRequest {
    /// Which rows; all active ones without it.
    pub filter: Option<Filter>,
    /// Which part of them.
    pub page: PageRequest,
}

impl ListRequest {
    /// Checks what a client asks of a list. The answers to a search come best first, unless it asks for another order.
    pub fn new(
        list: Order,
        window: &PageWindow,
        filter: Option<Filter>,
        sorts: Vec<Sort>,
        total: bool,
    ) -> AppResult<Self> {
        let query = filter.as_ref().and_then(Filter::query).filter(|_| sorts.is_empty());
        let sorts = query.map_or(sorts, |query| Sort::best_first(query.clone()));
        Ok(Self { filter, page: PageRequest::new(window, list, sorts, total)? })
    }
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
    /// Where the rows stand, when the list is not in the order of its key: that order, and the values of each row.
    positions: Option<(Cow<'static, str>, Vec<Vec<CursorKey>>)>,
}

impl<T> Page<T> {
    /// The page that `rows`, read in the request's direction with one more than asked, make up.
    fn new(mut rows: Vec<T>, request: &PageRequest) -> Self {
        let more = rows.len() > request.size as usize;
        rows.truncate(request.size as usize);
        let is_after_start = request.cursor.is_some() || request.skip > 0;
        let (has_next, has_previous) = if request.backward {
            rows.reverse();
            (is_after_start, more)
        } else {
            (more, is_after_start)
        };
        Self { items: rows, has_next, has_previous, total: None, positions: None }
    }

    /// The same of rows in an order of their own, each with its values in that order.
    pub(super) fn sorted(rows: Vec<(T, Vec<CursorKey>)>, request: &PageRequest) -> Self {
        let page = Page::new(rows, request);
        let (items, positions) = page.items.into_iter().unzip();
        Self {
            items,
            has_next: page.has_next,
            has_previous: page.has_previous,
            total: None,
            positions: Some((request.order.clone(), positions)),
        }
    }

    /// The same, with the number of rows in the whole list when it was asked for.
    pub(super) fn with_total(self, total: Option<u64>) -> Self {
        Self { total, ..self }
    }

    /// The cursor of a row, when the list is not in the order of its key.
    pub fn cursor(&self, position: usize) -> Option<Cursor> {
        let (order, positions) = self.positions.as_ref()?;
        Some(Cursor { order: order.clone(), keys: positions.get(position)?.clone(), check: None })
    }

    /// The same page of something made from the rows.
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(make).collect(),
            has_next: self.has_next,
            has_previous: self.has_previous,
            total: self.total,
            positions: self.positions,
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
