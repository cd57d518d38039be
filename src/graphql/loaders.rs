//! The loaders of a request: they batch the rows that resolvers need into one statement.
//!
//! Created per request and bound to its organization, so nothing is shared between tenants. A list resolver whose
//! children are selected primes the loaders for its whole page ([`Prime`]); the children then find their values in
//! the cache. Keys that are not primed are collected by the `dataloader` crate and loaded together.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    hash::Hash,
    pin::Pin,
    sync::{Arc, OnceLock},
};

use dataloader::{BatchFn, cached::Loader};

use super::{
    Gateway,
    document::FieldNames,
    record::Listed,
    relay::{Connection, List, ListFilter},
    selection::Selection,
};
use crate::{
    entity::id::OrganizationId,
    error::{AppError, AppResult},
    service::{Database, ListRequest, Page, ReadContext},
};

/// The maximum number of keys in one statement.
const MAX_BATCH: usize = 1000;

/// The data source of a request's loaders.
pub struct Source {
    /// The database.
    pub db: Database,
    /// The organization to read in, or the error if the token lacks contacts:read, as below a mutation.
    pub organization: AppResult<OrganizationId>,
    /// The names of the selected fields, which determine the columns to read.
    pub names: Arc<FieldNames>,
}

impl Source {
    /// What services read with.
    pub(super) fn read(&self, organization: OrganizationId) -> ReadContext<'_> {
        ReadContext::new(&self.db, organization)
    }
}

/// Rows that are loaded by id.
pub trait ById: Send + Sync + 'static {
    /// The id.
    type Id: Copy + Eq + Hash + std::fmt::Debug + Send + Sync;
    /// The GraphQL type of a row.
    type Row: Send + Sync;

    /// Loads the rows of the organization with these ids.
    fn load(
        source: &Source,
        organization: OrganizationId,
        ids: &[Self::Id],
    ) -> impl Future<Output = AppResult<HashMap<Self::Id, Self::Row>>> + Send;
}

/// Lists that are loaded for many parents at once, one page per parent.
pub trait ByParent: Send + Sync + 'static {
    /// The parent's id.
    type Parent: Clone + Eq + Hash + std::fmt::Debug + Send + Sync;
    /// The filter of the field's own arguments.
    type Filter: ListFilter;
    /// The GraphQL type of a row.
    type Row: Send + Sync;

    /// Loads the page that `list` describes for each parent.
    fn load(
        source: &Source,
        organization: OrganizationId,
        parents: &[Self::Parent],
        list: &List<Self::Filter>,
    ) -> impl Future<Output = AppResult<HashMap<Self::Parent, Page<Self::Row>>>> + Send;
}

/// The result of loading a row. `None` if it does not exist or is not accessible.
pub type LoadedRow<R> = AppResult<Option<Arc<R>>>;
/// The result of loading a page.
pub type LoadedPage<R> = AppResult<Arc<Page<R>>>;

/// The cache of a loader. The keys come from our database, so a fast hash without protection against collisions is
/// safe.
type Cache<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

struct Batch<B> {
    source: Arc<Source>,
    rows: std::marker::PhantomData<fn() -> B>,
}

impl<B> Batch<B> {
    fn new(source: &Arc<Source>) -> Self {
        Self { source: Arc::clone(source), rows: std::marker::PhantomData }
    }
}

/// The `dataloader` crate's loader of rows.
type Rows<B> = Loader<
    <B as ById>::Id,
    LoadedRow<<B as ById>::Row>,
    Batch<B>,
    Cache<<B as ById>::Id, LoadedRow<<B as ById>::Row>>,
>;

/// Loads rows by id.
pub struct RowLoader<B: ById> {
    source: Arc<Source>,
    /// Created with the first row, because most requests use few of the loaders.
    loader: OnceLock<Rows<B>>,
}

impl<B: ById> BatchFn<B::Id, LoadedRow<B::Row>> for Batch<B> {
    async fn load(&mut self, ids: &[B::Id]) -> HashMap<B::Id, LoadedRow<B::Row>> {
        Box::pin(self.rows(ids)).await
    }
}

impl<B: ById> Batch<B> {
    /// Loads many rows of one table in one statement. Callers box this future; otherwise it would enlarge the future
    /// of every field of a type with a loader.
    async fn rows(&self, ids: &[B::Id]) -> HashMap<B::Id, LoadedRow<B::Row>> {
        let loaded = match &self.source.organization {
            Ok(organization) => B::load(&self.source, *organization, ids).await,
            Err(error) => Err(error.clone()),
        };
        match loaded {
            Ok(mut rows) => ids.iter().map(|id| (*id, Ok(rows.remove(id).map(Arc::new)))).collect(),
            Err(error) => ids.iter().map(|id| (*id, Err(error.clone()))).collect(),
        }
    }
}

impl<B: ById> RowLoader<B> {
    fn new(source: &Arc<Source>) -> Self {
        Self { source: Arc::clone(source), loader: OnceLock::new() }
    }

    fn loader(&self) -> &Rows<B> {
        self.loader.get_or_init(|| {
            Loader::with_cache(Batch::new(&self.source), Cache::default()).with_max_batch_size(MAX_BATCH)
        })
    }

    /// The row with this id.
    pub async fn load(&self, id: B::Id) -> LoadedRow<B::Row> {
        self.loader().try_load(id).await.unwrap_or_else(|_| Err(unanswered()))
    }

    /// Loads the rows of a whole page at once and returns the existing ones.
    pub async fn prime(&self, ids: impl IntoIterator<Item = B::Id>) -> Vec<Arc<B::Row>> {
        let ids: HashSet<B::Id> = ids.into_iter().collect();
        if ids.is_empty() {
            return Vec::new();
        }
        let ids: Vec<B::Id> = ids.into_iter().collect();
        let loaded = Batch::<B>::new(&self.source).rows(&ids).await;
        let rows = loaded.values().filter_map(|row| row.as_ref().ok()?.clone()).collect();
        self.loader().prime_many(loaded).await;
        rows
    }

    async fn clear(&self) {
        if let Some(loader) = self.loader.get() {
            loader.clear_all().await;
        }
    }
}

type ListKey<B> = (<B as ByParent>::Parent, Arc<List<<B as ByParent>::Filter>>);

/// The `dataloader` crate's loader of pages.
type Pages<B> = Loader<
    ListKey<B>,
    LoadedPage<<B as ByParent>::Row>,
    Batch<B>,
    Cache<ListKey<B>, LoadedPage<<B as ByParent>::Row>>,
>;

/// Loads pages of lists by parent.
pub struct ListLoader<B: ByParent> {
    source: Arc<Source>,
    loader: OnceLock<Pages<B>>,
}

impl<B: ByParent> Batch<B> {
    /// Loads the same list of many parents in one statement.
    async fn pages(
        &self,
        parents: &[B::Parent],
        list: &Arc<List<B::Filter>>,
    ) -> Vec<(ListKey<B>, LoadedPage<B::Row>)> {
        let loaded = match &self.source.organization {
            Ok(organization) => B::load(&self.source, *organization, parents, list).await,
            Err(error) => Err(error.clone()),
        };
        match loaded {
            Ok(pages) => pages
                .into_iter()
                .map(|(parent, page)| ((parent, Arc::clone(list)), Ok(Arc::new(page))))
                .collect(),
            Err(error) => parents
                .iter()
                .map(|parent| ((parent.clone(), Arc::clone(list)), Err(error.clone())))
                .collect(),
        }
    }
}

impl<B: ByParent> BatchFn<ListKey<B>, LoadedPage<B::Row>> for Batch<B> {
    async fn load(&mut self, keys: &[ListKey<B>]) -> HashMap<ListKey<B>, LoadedPage<B::Row>> {
        let mut parents_by_list: HashMap<&Arc<List<B::Filter>>, Vec<B::Parent>> = HashMap::new();
        for (parent, list) in keys {
            parents_by_list.entry(list).or_default().push(parent.clone());
        }
        let mut loaded = HashMap::with_capacity(keys.len());
        for (list, parents) in parents_by_list {
            loaded.extend(Box::pin(self.pages(&parents, list)).await);
        }
        loaded
    }
}

impl<B: ByParent> ListLoader<B> {
    fn new(source: &Arc<Source>) -> Self {
        Self { source: Arc::clone(source), loader: OnceLock::new() }
    }

    fn loader(&self) -> &Pages<B> {
        self.loader.get_or_init(|| {
            Loader::with_cache(Batch::new(&self.source), Cache::default()).with_max_batch_size(MAX_BATCH)
        })
    }

    /// The page of the parent's list.
    pub async fn load(
        &self,
        parent: B::Parent,
        own_filter: B::Filter,
        request: ListRequest,
    ) -> AppResult<Connection<B::Row>> {
        let page = self.loader().try_load((parent, Arc::new(List { own_filter, request }))).await;
        page.unwrap_or_else(|_| Err(unanswered())).map(Connection::new)
    }

    /// Loads the lists of a whole page of parents at once and returns the pages.
    async fn prime(
        &self,
        parents: impl IntoIterator<Item = B::Parent>,
        list: List<B::Filter>,
    ) -> Vec<Arc<Page<B::Row>>> {
        let parents: HashSet<B::Parent> = parents.into_iter().collect();
        if parents.is_empty() {
            return Vec::new();
        }
        let parents: Vec<B::Parent> = parents.into_iter().collect();
        let loaded = Batch::<B>::new(&self.source).pages(&parents, &Arc::new(list)).await;
        let pages = loaded.iter().filter_map(|(_, page)| page.as_ref().ok().cloned()).collect();
        self.loader().prime_many(loaded).await;
        pages
    }

    async fn clear(&self) {
        if let Some(loader) = self.loader.get() {
            loader.clear_all().await;
        }
    }
}

fn unanswered() -> AppError {
    AppError::Internal("a loader's batch left out a key".into())
}

/// The boxed future of the recursive [`Prime::prime`].
pub type Primed<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A type that can load its children for many rows at once. `prime` is DataLoader's term for filling its cache.
pub trait Prime: Sized + Send + Sync + 'static {
    /// Loads the selected children of all `rows`. The field that needs a row reports the error of a failed load. By
    /// default there are no children.
    fn prime<'a>(_: Vec<&'a Self>, _: Vec<Selection<'a>>, _: &'a Gateway) -> Primed<'a> {
        Box::pin(async {})
    }
}

/// Primes the list that is selected on each parent, and its children.
pub(super) async fn prime_lists<B: ByParent<Row: Listed>>(
    selection: Selection<'_>,
    loader: &ListLoader<B>,
    parents: impl IntoIterator<Item = B::Parent>,
    gateway: &Gateway,
) {
    let Some(list) = List::of_selection::<B::Row>(&selection) else { return };
    let pages = loader.prime(parents, list).await;
    let rows: Vec<&B::Row> = pages.iter().flat_map(|page| &page.items).collect();
    if !rows.is_empty() {
        B::Row::prime(rows, selection.row_selections(), gateway).await;
    }
}

/// Primes the row that is selected on each parent, and its children.
pub(super) async fn prime_rows<B: ById<Row: Prime>>(
    selection: Selection<'_>,
    loader: &RowLoader<B>,
    ids: impl IntoIterator<Item = B::Id>,
    gateway: &Gateway,
) {
    let rows = loader.prime(ids).await;
    let rows: Vec<&B::Row> = rows.iter().map(Arc::as_ref).collect();
    if !rows.is_empty() {
        B::Row::prime(rows, selection.children(), gateway).await;
    }
}

/// Declares which children of a record are loaded for many rows at once: each with the function that loads it, the loader,
/// and the keys of a row, in an array or an option.
///
/// ```ignore
/// prime! {
///     Assignment |row|
///     "partner" => prime_rows(partner, row.0.partner_id);
/// }
/// ```
macro_rules! prime {
    ($record:ident |$row:ident| $($field:literal => $prime:ident($loader:ident, $keys:expr);)+) => {
        impl $crate::graphql::loaders::Prime for $record {
            fn prime<'a>(
                rows: Vec<&'a Self>,
                selections: Vec<$crate::graphql::selection::Selection<'a>>,
                gateway: &'a $crate::graphql::Gateway,
            ) -> $crate::graphql::loaders::Primed<'a> {
                Box::pin(async move {
                    for selection in selections {
                        match selection.name() {
                            $($field => {
                                let keys = rows.iter().flat_map(|$row| $keys);
                                $prime(selection, &gateway.loaders.$loader, keys, gateway).await;
                            })+
                            _ => {}
                        }
                    }
                })
            }
        }
    };
}
pub(super) use prime;

/// Declares loaders of the lists of many parents: the parent's id, the type of the rows, and the function of the service
/// that reads them. In parentheses is the filter of the field's own arguments, which the function then takes.
///
/// ```ignore
/// list_loaders! {
///     /// Loads the assignments to partners.
///     AssignmentsByPartner(AssignmentFilter): PartnerId => InternalContactAssignment = service::of_partners;
/// }
/// ```
macro_rules! list_loaders {
    ($(
        $(#[doc = $doc:literal])*
        $loader:ident $(($filter:ty))?: $parent:ty => $row:ident = $read:path;
    )+) => {$(
        $(#[doc = $doc])*
        pub struct $loader;

        impl $crate::graphql::loaders::ByParent for $loader {
            type Parent = $parent;
            type Filter = $crate::graphql::relay::OwnFilter<$($filter)?>;
            type Row = $row;

            async fn load(
                source: &$crate::graphql::loaders::Source,
                organization: $crate::entity::id::OrganizationId,
                parents: &[$parent],
                list: &$crate::graphql::relay::List<Self::Filter>,
            ) -> $crate::error::AppResult<std::collections::HashMap<$parent, $crate::service::Page<$row>>> {
                let pages = $read(
                    source.read(organization),
                    parents,
                    $(<$filter as Clone>::clone(&list.own_filter),)?
                    $row::columns(&source.names),
                    &list.request,
                )
                .await?;
                Ok(pages.into_iter().map(|(parent, page)| (parent, page.map($row))).collect())
            }
        }
    )+};
}
pub(super) use list_loaders;

macro_rules! loaders {
    ($($(#[doc = $doc:literal])* $name:ident: $loader:ident<$by:path>,)+) => {
        /// All loaders of one request.
        pub struct Loaders {
            $($(#[doc = $doc])* pub $name: $loader<$by>,)+
        }

        impl Loaders {
            /// Empty loaders.
            pub fn new(source: Source) -> Self {
                let source = Arc::new(source);
                Self { $($name: $loader::new(&source),)+ }
            }

            /// Clears the caches, so that a mutation reads what it wrote.
            pub async fn clear(&self) {
                $(self.$name.clear().await;)+
            }
        }
    };
}

loaders! {
    /// Partners by id.
    partner: RowLoader<super::partner::Partner>,
    /// Internal contacts by id.
    internal_contact: RowLoader<super::internal_contact::InternalContact>,
    /// Assignments by id.
    assignment: RowLoader<super::internal_contact_assignment::InternalContactAssignment>,
    /// Accounts by id.
    account: RowLoader<super::account::Account>,
    /// Account contacts by id.
    account_contact: RowLoader<super::account_contact::AccountContact>,
    /// The selected organization.
    organization: RowLoader<super::organization::Organization>,
    /// Organization contacts by id.
    organization_contact: RowLoader<super::organization_contact::OrganizationContact>,
    /// The survivors of merged contacts.
    survivor: RowLoader<super::node::SurvivorByMerged>,
    /// Contact types by id.
    contact_type: RowLoader<super::contact_type::ContactType>,
    /// The current types of account contacts.
    contact_type_by_account_contact: RowLoader<super::contact_type::ContactTypeByAccountContact>,
    /// Custom fields by id.
    custom_field: RowLoader<super::custom_field::CustomField>,
    /// The values of an account contact's custom fields.
    custom_field_values: RowLoader<super::custom_field::ValuesByAccountContact>,
    /// The assignments to a partner.
    assignments_by_partner: ListLoader<super::internal_contact_assignment::AssignmentsByPartner>,
    /// The assignments of an internal contact.
    assignments_by_internal_contact: ListLoader<super::internal_contact_assignment::AssignmentsByInternalContact>,
    /// The partners of an internal contact.
    partners_by_internal_contact: ListLoader<super::partner::PartnersByInternalContact>,
    /// The internal contacts of a partner.
    internal_contacts_by_partner: ListLoader<super::internal_contact::InternalContactsByPartner>,
    /// The accounts of an account contact.
    accounts_by_account_contact: ListLoader<super::account::AccountsByAccountContact>,
    /// The other contacts with the email address of a contact.
    related_contacts: ListLoader<super::contact::RelatedContacts>,
    /// The change history of a record.
    changes_by_entity: ListLoader<super::contact::ChangesByEntity>,
    /// The contacts of an account.
    account_contacts_by_account: ListLoader<super::account_contact::AccountContactsByAccount>,
}
