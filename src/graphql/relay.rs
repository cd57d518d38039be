//! Relay's connections and their arguments. `node` and `nodes` are in `node.rs`.

use std::{borrow::Cow, fmt::Debug, future::Future, hash::Hash, sync::Arc};

use async_graphql::{Context, InputType, Name, Object, OutputType, SimpleObject, TypeName, Value};

use super::{
    Gateway,
    context::ContextExt,
    filter::{self, FilterInput, OrderInput},
    loaders::Prime,
    selection::{Selection, selects_total},
};
use crate::{
    error::AppResult,
    service::{
        ListRequest, Page, PageRequest, PageWindow,
        cursor::{Cursor, Order},
        filter::Filter,
        page::Sort,
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

/// A listed type with a filter and sort keys.
pub trait Listed: ListItem + Prime {
    /// Names the order of the list in cursors.
    const ORDER: Order;
    /// The input of the argument `filter`.
    type Filter: FilterInput;
    /// The input of a key in the argument `orderBy`.
    type OrderBy: OrderInput;

    /// Validates the arguments of a list.
    fn request(
        window: &PageWindow,
        filter: Option<Filter>,
        sorts: Vec<Sort>,
        total: bool,
    ) -> AppResult<ListRequest> {
        ListRequest::new(Self::ORDER, window, filter, sorts, total)
    }

    /// Reads a page of the organization's list.
    fn page(gateway: &Gateway, list: &ListRequest) -> impl Future<Output = AppResult<Page<Self>>> + Send;
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

/// The arguments that every filtered list field has.
pub(super) struct ListArguments<T: Listed> {
    /// `first`, `after`, `last` and `before`.
    pub(super) window: PageWindow,
    /// `filter`.
    pub(super) filter: Option<T::Filter>,
    /// `orderBy`.
    pub(super) order_by: Option<Vec<T::OrderBy>>,
}

impl<T: Listed> ListArguments<T> {
    /// Validates the arguments.
    pub(super) fn request(self, ctx: &Context<'_>) -> AppResult<ListRequest> {
        let (filter, sorts) = (filter::filter(self.filter)?, filter::sorts(self.order_by)?);
        T::request(&self.window, filter, sorts, selects_total(&ctx.field()))
    }

    /// The page of the organization's list, with the selected children loaded.
    pub(super) async fn page(self, ctx: &Context<'_>) -> AppResult<Connection<T>> {
        let list = self.request(ctx)?;
        Ok(Connection::primed(ctx, T::page(ctx.gateway(), &list).await?).await)
    }
}

/// Declares an object with filtered lists: their arguments are the same in the whole schema. In braces behind `impl`
/// are fields that precede the lists, as `#[Object]` takes them; each literal describes the argument `filter` of the
/// lists that follow it. A list names the type of its items, arguments of its own, and the expression of its page.
///
/// ```ignore
/// list_fields! {
///     impl PartnerLists {}
///     "Filters the results. Soft-deleted records are excluded by default." {
///         /// The internal contacts assigned to this partner.
///         internal_contacts(role: Option<InternalRole> = "Returns only contacts with this role."): InternalContact
///             = |this, ctx, list| ctx.gateway().loaders.by_partner.load(this.0, role, list.request(ctx)?).await?;
///     }
/// }
/// ```
macro_rules! list_fields {
    (
        impl $object:ident { $($fields:tt)* }
        $($filter:literal {
            $(
                $(#[doc = $doc:literal])*
                $field:ident $(($($arg:ident: $type:ty = $desc:literal),+))?: $item:ident
                    = |$this:ident, $ctx:ident, $list:ident| $page:expr;
            )+
        })+
    ) => {
        #[async_graphql::Object]
        impl $object {
            $($fields)*
            $($(
                $(#[doc = $doc])*
                async fn $field(
                    &self,
                    $ctx: &async_graphql::Context<'_>,
                    #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
                    first: Option<i32>,
                    #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
                    #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
                    last: Option<i32>,
                    #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
                    #[graphql(desc = $filter)]
                    filter: Option<<$item as $crate::graphql::relay::Listed>::Filter>,
                    #[graphql(desc = "Sort keys in order of precedence, at most 4. Default: creation order.")]
                    order_by: Option<Vec<<$item as $crate::graphql::relay::Listed>::OrderBy>>,
                    $($(#[graphql(desc = $desc)] $arg: $type,)+)?
                ) -> async_graphql::Result<Option<$crate::graphql::relay::Connection<$item>>> {
                    let $this = self;
                    let window = $crate::service::PageWindow { first, after, last, before };
                    let $list = $crate::graphql::relay::ListArguments::<$item> { window, filter, order_by };
                    Ok(Some($page))
                }
            )+)+
        }
    };
}
pub(super) use list_fields;

/// Declares the queries of a type: optionally one record by its id, and the list of the organization.
///
/// ```ignore
/// queries! {
///     /// Queries of accounts.
///     AccountQuery: Account,
///     by_id {
///         /// The account with this id. Null if it does not exist or is not accessible with this token.
///         account = service::get
///     }
///     "Filters the results. Soft-deleted records are excluded by default." {
///         /// The accounts of the organization.
///         accounts
///     }
/// }
/// ```
macro_rules! queries {
    (
        $(#[doc = $doc:literal])*
        $query:ident: $record:ident,
        $(by_id { $(#[doc = $by_id_doc:literal])* $by_id:ident = $get:path })?
        $filter:literal { $(#[doc = $list_doc:literal])* $list:ident }
    ) => {
        $(#[doc = $doc])*
        #[derive(Default)]
        pub struct $query;

        $crate::graphql::relay::list_fields! {
            impl $query {
                $(
                    $(#[doc = $by_id_doc])*
                    async fn $by_id(
                        &self,
                        ctx: &async_graphql::Context<'_>,
                        #[graphql(desc = "Global id of the object.")] id: async_graphql::ID,
                    ) -> async_graphql::Result<Option<$record>> {
                        let gateway = $crate::graphql::context::ContextExt::gateway(ctx);
                        let row = $get(&gateway.db, &gateway.request, &id).await?;
                        Ok($crate::graphql::relay::primed(ctx, row.map($record)).await)
                    }
                )?
            }
            $filter {
                $(#[doc = $list_doc])*
                $list: $record = |_this, ctx, list| list.page(ctx).await?;
            }
        }
    };
}
pub(super) use queries;

/// Loads the selected children of the row of a root field.
pub(super) async fn primed<T: Prime>(ctx: &Context<'_>, row: Option<T>) -> Option<T> {
    if let Some(row) = &row {
        let gateway: &Gateway = ctx.gateway();
        T::prime(vec![row], Selection::of(ctx.field()).children(), gateway).await;
    }
    row
}
