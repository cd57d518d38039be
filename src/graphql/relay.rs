//! Relay's connections and their arguments. `node` and `nodes` are in `node.rs`.

use std::{borrow::Cow, fmt::Debug, hash::Hash, sync::Arc};

use async_graphql::{Context, InputType, Name, Object, OutputType, SimpleObject, TypeName, Value};

use super::{
    Gateway,
    context::ContextExt,
    filter,
    loaders::Prime,
    record::Listed,
    selection::{Selection, selects_total},
};
use crate::{
    error::AppResult,
    service::{
        ListRequest, Page, PageRequest, PageWindow,
        cursor::{Cursor, Order},
    },
};

/// A type that is listed in connections.
pub trait ListItem: OutputType + Send + Sync + 'static {
    /// The name of its connection type.
    const CONNECTION: &'static str;
    /// The name of its edge type.
    const EDGE: &'static str;

    /// The cursor of the row in the order of its key.
    fn cursor(&self) -> Cursor;
}

/// One page of a list. Page forward with `first` and `after`, or backward with `last` and `before`.
pub struct Connection<T> {
    page: Arc<Page<T>>,
}

impl<T> Connection<T> {
    /// The connection of a page.
    pub fn new(page: Arc<Page<T>>) -> Self {
        Self { page }
    }
}

impl<T: Prime> Connection<T> {
    /// The connection of a page of a root field, with the selected children loaded.
    pub(super) async fn primed(ctx: &Context<'_>, page: Page<T>) -> Self {
        T::prime(page.items.iter().collect(), Selection::of(ctx.field()).row_selections(), ctx.gateway())
            .await;
        Self::new(Arc::new(page))
    }
}

impl<T: ListItem> Page<T> {
    /// The cursor of the row at this position.
    fn cursor_text(&self, position: usize) -> Option<String> {
        let by_key = self.items.get(position)?.cursor();
        let cursor = match self.cursor(position) {
            Some(sorted) => Cursor { check: by_key.check, ..sorted },
            None => by_key,
        };
        Some(cursor.encode())
    }
}

impl<T: ListItem> TypeName for Connection<T> {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed(T::CONNECTION)
    }
}

/// One page of a list. Page forward with `first` and `after`, or backward with `last` and `before`.
#[Object(name_type)]
impl<T: ListItem> Connection<T> {
    /// The items of the page with their cursors.
    async fn edges(&self) -> Vec<Edge<T>> {
        (0..self.page.items.len()).map(|position| Edge { page: Arc::clone(&self.page), position }).collect()
    }

    /// The items of the page.
    async fn nodes(&self) -> &[T] {
        &self.page.items
    }

    /// Cursors of the page, and whether other pages precede or follow it.
    async fn page_info(&self) -> PageInfo {
        let last = self.page.items.len().checked_sub(1);
        PageInfo {
            has_next_page: self.page.has_next,
            has_previous_page: self.page.has_previous,
            start_cursor: self.page.cursor_text(0),
            end_cursor: last.and_then(|last| self.page.cursor_text(last)),
        }
    }

    /// Number of items in the whole list, over all pages. Counted only if selected.
    async fn total_count(&self) -> u64 {
        self.page.total.unwrap_or_default()
    }
}

/// An item of a page with its cursor.
pub struct Edge<T> {
    page: Arc<Page<T>>,
    position: usize,
}

impl<T: ListItem> TypeName for Edge<T> {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed(T::EDGE)
    }
}

/// An item of a page with its cursor.
#[Object(name_type)]
impl<T: ListItem> Edge<T> {
    /// Opaque cursor of the item, for the arguments `after` and `before`.
    async fn cursor(&self) -> String {
        self.page.cursor_text(self.position).unwrap_or_default()
    }

    /// The item.
    async fn node(&self) -> &T {
        &self.page.items[self.position]
    }
}

/// Cursors of a page, and whether other pages precede or follow it.
#[derive(SimpleObject)]
pub struct PageInfo {
    /// Whether more items follow this page.
    has_next_page: bool,
    /// Whether more items precede this page.
    has_previous_page: bool,
    /// Cursor of the first item. Null if the page is empty.
    start_cursor: Option<String>,
    /// Cursor of the last item. Null if the page is empty.
    end_cursor: Option<String>,
}

/// The filter of a nested list from the field's own arguments.
pub trait ListFilter: Clone + Eq + Hash + Debug + Default + Send + Sync + 'static {
    /// Parses the arguments of a field. `None` if they are invalid.
    fn from_arguments(arguments: &[(Name, Value)]) -> Option<Self>;
}

/// The type of the filter of a field's own arguments: none if it has no such arguments.
pub type OwnFilter<F = ()> = F;

impl ListFilter for () {
    fn from_arguments(_: &[(Name, Value)]) -> Option<Self> {
        Some(())
    }
}

/// The arguments of a list field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct List<F> {
    /// The filter of the field's own arguments.
    pub own_filter: F,
    /// Filter, sort order and page.
    pub request: ListRequest,
}

impl<F: ListFilter> List<F> {
    /// Parses the arguments of a list field during look-ahead. `None` if they are invalid; the field itself reports
    /// the error.
    pub(super) fn of_selection<T: Listed>(selection: &Selection<'_>) -> Option<Self> {
        let arguments = selection.arguments();
        let window = PageWindow {
            first: argument(arguments, "first")?,
            after: argument(arguments, "after")?,
            last: argument(arguments, "last")?,
            before: argument(arguments, "before")?,
        };
        let filter = filter::filter::<T::Filter>(argument(arguments, "filter")?).ok()?;
        let sorts = filter::sorts::<T::OrderBy>(argument(arguments, "orderBy")?).ok()?;
        let request = T::request(&window, filter, sorts, selection.total()).ok()?;
        Some(Self { own_filter: F::from_arguments(arguments)?, request })
    }
}

/// The value of an argument; an omitted argument is null. `None` if it has another type.
pub(super) fn argument<T: InputType>(arguments: &[(Name, Value)], name: &str) -> Option<T> {
    let value = arguments.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone());
    T::parse(Some(value.unwrap_or_default())).ok()
}

/// Validates the page arguments of a list without filter and sort order.
pub(super) fn page_request(ctx: &Context<'_>, order: Order, window: &PageWindow) -> AppResult<PageRequest> {
    PageRequest::new(window, order, Vec::new(), selects_total(&ctx.field()))
}

/// Loads the selected children of the row of a root field.
pub(super) async fn primed<T: Prime>(ctx: &Context<'_>, row: Option<T>) -> Option<T> {
    if let Some(row) = &row {
        let gateway: &Gateway = ctx.gateway();
        T::prime(vec![row], Selection::of(ctx.field()).children(), gateway).await;
    }
    row
}
