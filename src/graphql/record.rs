//! How the types of records are declared: their fields, their lists and their queries.

use std::future::Future;

use async_graphql::{Context, SimpleObject};

use super::{
    Gateway,
    context::ContextExt,
    filter::{self, FilterInput, OrderInput},
    loaders::Prime,
    relay::{Connection, ListItem},
    scalar::Timestamp,
    selection::selects_total,
};
use crate::{
    entity,
    error::AppResult,
    service::{ListRequest, Page, PageWindow, cursor::Order, filter::Filter, page::Sort},
};

/// The common fields of records that are never soft-deleted.
#[derive(SimpleObject)]
pub struct RecordFields {
    /// When the record was created.
    created_at: Timestamp,
    /// When the record was last changed.
    updated_at: Timestamp,
    /// Version number of the record: 1 at creation, incremented by each change. Send it as `expectedVersion` to
    /// detect concurrent changes.
    version: i32,
}

/// The common fields of records that can be soft-deleted.
#[derive(SimpleObject)]
pub struct SoftDeletableFields {
    /// When the record was created.
    created_at: Timestamp,
    /// When the record was last changed.
    updated_at: Timestamp,
    /// When the record was soft-deleted. Null if it is active.
    deleted_at: Option<Timestamp>,
    /// Version number of the record: 1 at creation, incremented by each change. Send it as `expectedVersion` to
    /// detect concurrent changes.
    version: i32,
}

macro_rules! fields_of_rows {
    ($fields:ident = |$row:ident| $value:expr; $($entity:ident),+) => {$(
        impl From<&entity::$entity::Model> for $fields {
            fn from($row: &entity::$entity::Model) -> Self {
                $value
            }
        }
    )+};
}

fields_of_rows! {
    RecordFields = |row| RecordFields {
        created_at: Timestamp(row.created_at),
        updated_at: Timestamp(row.updated_at),
        version: row.version,
    };
    contact_type, custom_field, internal_contact_assignment, organization
}

fields_of_rows! {
    SoftDeletableFields = |row| SoftDeletableFields {
        created_at: Timestamp(row.created_at),
        updated_at: Timestamp(row.updated_at),
        deleted_at: row.deleted_at.map(Timestamp),
        version: row.version,
    };
    account, account_contact, internal_contact, organization_contact, partner
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

/// Implements what a record needs to be listed and loaded by id: the type of its id, the module of its entity and of its
/// service, the inputs of its list, and the function that selects the columns to read, if not all are. The columns of selected
/// fields are; `also` those that other fields need.
///
/// ```ignore
/// record! { Account(AccountId) in account, filter AccountFilter, order AccountOrder, read columns }
/// ```
macro_rules! record {
    (
        $record:ident($id:ident) in $module:ident, filter $filter:ident, order $order:ident
        $(, read $columns:ident $(also |$names:ident, $column:ident| $also:expr)?)?
    ) => {
        $(
            impl $record {
                /// The database columns of the selected fields.
                pub(super) fn $columns(
                    names: &$crate::graphql::document::FieldNames,
                ) -> $crate::entity::Columns<$crate::entity::$module::Entity> {
                    $crate::entity::Columns::selected_by(|column| {
                        names.has(column) $(|| {
                            let ($names, $column) = (names, column);
                            $also
                        })?
                    })
                }
            }
        )?

        impl From<$crate::entity::$module::Model> for $record {
            fn from(row: $crate::entity::$module::Model) -> Self {
                Self(row)
            }
        }

        impl $crate::graphql::relay::ListItem for $record {
            const CONNECTION: &'static str = concat!(stringify!($record), "Connection");
            const EDGE: &'static str = concat!(stringify!($record), "Edge");

            fn cursor(&self) -> $crate::service::cursor::Cursor {
                <$crate::entity::$module::Entity as $crate::service::page::Paged>::cursor(&self.0)
            }
        }

        impl $crate::graphql::record::Listed for $record {
            const ORDER: $crate::service::cursor::Order =
                <$crate::entity::$module::Entity as $crate::service::page::Paged>::ORDER;
            type Filter = $filter;
            type OrderBy = $order;

            async fn page(
                gateway: &$crate::graphql::Gateway,
                list: &$crate::service::ListRequest,
            ) -> $crate::error::AppResult<$crate::service::Page<Self>> {
                let (db, request) = (&gateway.db, &gateway.request);
                let columns: $crate::entity::Columns<$crate::entity::$module::Entity> =
                    $crate::graphql::record::columns_or_all!($(Self::$columns(&gateway.names))?);
                let page = $crate::service::reading::list(db, request, columns, list).await?;
                Ok(page.map(Self))
            }
        }

        impl $crate::graphql::loaders::ById for $record {
            type Id = $id;
            type Row = Self;

            async fn load(
                source: &$crate::graphql::loaders::Source,
                organization: $crate::entity::id::OrganizationId,
                ids: &[$id],
            ) -> $crate::error::AppResult<std::collections::HashMap<$id, Self>> {
                let columns: $crate::entity::Columns<$crate::entity::$module::Entity> =
                    $crate::graphql::record::columns_or_all!($(Self::$columns(&source.names))?);
                let rows = $crate::service::$module::by_ids(source.read(organization), ids, columns).await?;
                Ok(rows.into_iter().map(|(id, row)| (id, Self(row))).collect())
            }
        }
    };
}
pub(super) use record;

/// The columns to read: those that are given, or all.
macro_rules! columns_or_all {
    () => {
        $crate::entity::Columns::all()
    };
    ($columns:expr) => {
        $columns
    };
}
pub(super) use columns_or_all;

/// Declares an object as a table. A group has up to four parts in this order: `fields`, each with its type and its
/// expression; `resolvers`, as `#[Object]` takes them; and `lists`, whose arguments for page, filter and sort order are the
/// same in the whole schema; `pages` are lists without filter and sort order. The literal behind `lists` describes the
/// argument `filter`. A list names the type of its items, its own arguments, and the expression of its page. At the end are
/// objects whose fields this one has too, or the key of a contact among related contacts: from it follow the fields of the
/// interface `Contact` that are the same for all kinds.
///
/// ```ignore
/// object! {
///     /// A company that internal contacts manage.
///     Partner |self|
///     fields {
///         /// The name.
///         name: &str = &self.0.name;
///     }
///     lists "Filters the results. Default: all items." {
///         /// The assignments of internal contacts to this partner.
///         assignments(role: Option<InternalRole> = "Returns only assignments with this role."):
///             InternalContactAssignment = |ctx, list| read(ctx, self.0.id, role, list).await?;
///     }
///     flattened {
///         record: SoftDeletableFields = (&self.0).into();
///     }
/// }
/// ```
macro_rules! object {
    (
        $(#[doc = $doc:literal])*
        $object:ident |$this:ident|
        $(
            fields { $($(#[doc = $field_doc:literal])* $field:ident: $type:ty = $value:expr;)* }
            $(resolvers { $($resolvers:tt)* })?
            $(lists $filter:literal {
                $(
                    $(#[doc = $list_doc:literal])*
                    $list:ident $(($($argument:ident: $argument_type:ty = $argument_doc:literal),+))?:
                        $item:ident = |$ctx:ident, $arguments:ident| $page:expr;
                )+
            })*
            $(pages {
                $(
                    $(#[doc = $pages_doc:literal])*
                    $pages:ident: $pages_item:ident = |$pages_ctx:ident, $window:ident| $pages_page:expr;
                )+
            })?
        )+
        $(flattened { $($part:ident: $part_type:ty = $part_value:expr;)+ })?
        $(contact { $relative:expr })?
    ) => {
        $(#[doc = $doc])*
        #[async_graphql::Object]
        impl $object {
            $(
                $(
                    $(#[doc = $field_doc])*
                    pub async fn $field(&$this) -> $type {
                        $value
                    }
                )*
                $($($resolvers)*)?
                $($(
                    $(#[doc = $list_doc])*
                    async fn $list(
                        &$this,
                        $ctx: &async_graphql::Context<'_>,
                        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
                        first: Option<i32>,
                        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
                        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
                        last: Option<i32>,
                        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
                        #[graphql(desc = $filter)]
                        filter: Option<<$item as $crate::graphql::record::Listed>::Filter>,
                        #[graphql(desc = "Sort keys in order of precedence, at most 4. Default: creation order.")]
                        order_by: Option<Vec<<$item as $crate::graphql::record::Listed>::OrderBy>>,
                        $($(#[graphql(desc = $argument_doc)] $argument: $argument_type,)+)?
                    ) -> async_graphql::Result<Option<$crate::graphql::relay::Connection<$item>>> {
                        let window = $crate::service::PageWindow { first, after, last, before };
                        let $arguments = $crate::graphql::record::ListArguments::<$item> { window, filter, order_by };
                        Ok(Some($page))
                    }
                )+)*
                $($(
                    $(#[doc = $pages_doc])*
                    async fn $pages(
                        &$this,
                        $pages_ctx: &async_graphql::Context<'_>,
                        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
                        first: Option<i32>,
                        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
                        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
                        last: Option<i32>,
                        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
                    ) -> async_graphql::Result<Option<$crate::graphql::relay::Connection<$pages_item>>> {
                        let $window = $crate::service::PageWindow { first, after, last, before };
                        Ok(Some($pages_page))
                    }
                )+)?
            )+
            $($(
                #[graphql(flatten)]
                async fn $part(&$this) -> $part_type {
                    $part_value
                }
            )+)?
            $(
                /// When the record was created.
                pub async fn created_at(&$this) -> $crate::graphql::scalar::Timestamp {
                    $crate::graphql::scalar::Timestamp($this.0.created_at)
                }

                /// When the record was last changed.
                pub async fn updated_at(&$this) -> $crate::graphql::scalar::Timestamp {
                    $crate::graphql::scalar::Timestamp($this.0.updated_at)
                }

                /// When the record was soft-deleted. Null if it is active.
                pub async fn deleted_at(&$this) -> Option<$crate::graphql::scalar::Timestamp> {
                    $this.0.deleted_at.map($crate::graphql::scalar::Timestamp)
                }

                /// Version number of the record: 1 at creation, incremented by each change. Send it as `expectedVersion` to
                /// detect concurrent changes.
                pub async fn version(&$this) -> i32 {
                    $this.0.version
                }

                /// Other active contacts of the organization, of any kind, with the same email address.
                pub async fn related_contacts(
                    &$this,
                    ctx: &async_graphql::Context<'_>,
                    #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
                    first: Option<i32>,
                    #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
                    #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
                    last: Option<i32>,
                    #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
                ) -> async_graphql::Result<Option<$crate::graphql::relay::Connection<$crate::graphql::contact::Contact>>> {
                    let window = $crate::service::PageWindow { first, after, last, before };
                    $crate::graphql::contact::related_contacts(ctx, $relative, window).await
                }

                /// Change history of the contact.
                pub async fn history(
                    &$this,
                    ctx: &async_graphql::Context<'_>,
                    #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
                    first: Option<i32>,
                    #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
                    #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
                    last: Option<i32>,
                    #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
                    #[graphql(desc = "Filters the results. Default: all items.")]
                    filter: Option<$crate::graphql::filter::ChangeFilter>,
                    #[graphql(desc = "Sort keys in order of precedence, at most 4. Default: oldest change first.")]
                    order_by: Option<Vec<$crate::graphql::filter::ChangeOrder>>,
                ) -> async_graphql::Result<Option<$crate::graphql::relay::Connection<$crate::graphql::change::Change>>> {
                    let window = $crate::service::PageWindow { first, after, last, before };
                    let list = $crate::graphql::record::ListArguments { window, filter, order_by };
                    $crate::graphql::contact::history(ctx, $this.0.id.to_string(), list).await
                }
            )?
        }
    };
}
pub(super) use object;

/// Declares the queries of a type: optionally one record by its id, and the list of the organization.
///
/// ```ignore
/// queries! {
///     /// Queries of accounts.
///     AccountQuery: Account,
///     by_id {
///         /// The account with this id. Null if it does not exist or is not accessible with this token.
///         account
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
        $(by_id { $(#[doc = $by_id_doc:literal])* $by_id:ident })?
        $filter:literal { $(#[doc = $list_doc:literal])* $list:ident }
    ) => {
        $(#[doc = $doc])*
        #[derive(Default)]
        pub struct $query;

        $crate::graphql::record::object! {
            $query |self|
            fields {}
            resolvers {
                $(
                    $(#[doc = $by_id_doc])*
                    async fn $by_id(
                        &self,
                        ctx: &async_graphql::Context<'_>,
                        #[graphql(desc = "Global id of the object.")] id: async_graphql::ID,
                    ) -> async_graphql::Result<Option<$record>> {
                        let gateway = $crate::graphql::context::ContextExt::gateway(ctx);
                        let row = $crate::service::reading::get::<$crate::entity::$by_id::Entity>(
                            &gateway.db,
                            &gateway.request,
                            &id,
                        )
                        .await?;
                        Ok($crate::graphql::relay::primed(ctx, row.map($record)).await)
                    }
                )?
            }
            lists $filter {
                $(#[doc = $list_doc])*
                $list: $record = |ctx, list| list.page(ctx).await?;
            }
        }
    };
}
pub(super) use queries;
