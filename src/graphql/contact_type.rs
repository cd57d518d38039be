//! Contact types in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Name, Object, Result, Value};

use super::{
    Gateway,
    context::ContextExt,
    filter::{ContactTypeFilter, ContactTypeOrder, narrowed},
    loaders::{ById, Prime, Primed, Source},
    relay::{Connection, Listed, list_request},
    scalar::{Id, Timestamp},
    selection::Selection,
};
use crate::{
    entity::{
        contact_type::{Entity, Model},
        id::{ContactTypeId, OrganizationId},
    },
    error::AppResult,
    service::{PageWindow, contact_type as service, cursor::Cursor, filter::Filter, page::Paged, page::Sort},
};

/// What an account contact is to its accounts.
pub struct ContactType(pub Model);

/// What an account contact is to its accounts, such as Billing. Each organization has its own.
#[Object]
impl ContactType {
    /// The global id, `ct_…`.
    pub async fn id(&self) -> Id {
        self.0.id.into()
    }

    /// Its name; unique in the organization.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether contacts get this type when none is named. Exactly one type of an organization is.
    async fn is_default(&self) -> bool {
        self.0.is_default
    }

    /// When it was made.
    async fn created_at(&self) -> Timestamp {
        Timestamp(self.0.created_at)
    }

    /// When it was last changed.
    async fn updated_at(&self) -> Timestamp {
        Timestamp(self.0.updated_at)
    }

    /// Starts at 1 and grows by 1 with each change.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

impl Listed for ContactType {
    const CONNECTION: &'static str = "ContactTypeConnection";
    const EDGE: &'static str = "ContactTypeEdge";

    fn cursor(&self) -> Cursor {
        Entity::cursor(&self.0)
    }

    fn narrowed(arguments: &[(Name, Value)]) -> Option<(Option<Filter>, Vec<Sort>)> {
        narrowed::<ContactTypeFilter, ContactTypeOrder>(arguments)
    }
}

impl Prime for ContactType {
    fn prime<'a>(_: Vec<&'a Self>, _: Vec<Selection<'a>>, _: &'a Gateway) -> Primed<'a> {
        Box::pin(async {})
    }
}

/// Loads contact types by id.
pub struct ContactTypeById;

impl ById for ContactTypeById {
    type Id = ContactTypeId;
    type Row = ContactType;

    async fn load(
        source: &Source,
        organization: OrganizationId,
        ids: &[ContactTypeId],
    ) -> AppResult<HashMap<ContactTypeId, ContactType>> {
        let rows = service::by_ids(&source.db, organization, ids).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, ContactType(row))).collect())
    }
}

/// Reading contact types.
#[derive(Default)]
pub struct ContactTypeQuery;

#[Object]
impl ContactTypeQuery {
    /// The contact types of the organization, in the order of creation.
    async fn contact_types(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most this many from the start or after `after`, 1 to 100; 25 when absent.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "At most this many from the end or before `before`, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them; all living ones when absent.")] filter: Option<ContactTypeFilter>,
        #[graphql(desc = "What they are ordered by, the more important first; creation when absent.")]
        order_by: Option<Vec<ContactTypeOrder>>,
    ) -> Result<Option<Connection<ContactType>>> {
        let Gateway { request, db, .. } = ctx.gateway();
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, <Entity as Paged>::ORDER, &window, filter, order_by)?;
        let page = service::list(db, request, &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(ContactType)).await))
    }
}
