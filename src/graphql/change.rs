//! The record of changes in the schema.

use async_graphql::{Context, ID, Name, Object, Result, Value};

use super::{
    Gateway,
    context::ContextExt,
    filter::{ChangeFilter, ChangeOrder, narrowed},
    loaders::{Prime, Primed},
    relay::{Connection, Listed, list_request},
    scalar::{Json, Timestamp},
    selection::Selection,
};
use crate::{
    entity::change::{Entity, Model},
    service::{
        PageWindow, change as service,
        cursor::{Cursor, Order},
        filter::Filter,
        page::Paged,
        page::Sort,
    },
};

/// A change that really changed something.
pub struct Change(pub Model);

/// A change that really changed something: who changed which fields of what, in which request.
#[Object]
impl Change {
    /// Its place in the record: later changes have greater numbers.
    async fn seq(&self) -> i64 {
        self.0.seq
    }

    /// When it happened.
    async fn at(&self) -> Timestamp {
        Timestamp(self.0.at)
    }

    /// The subject of the token that made it.
    async fn actor(&self) -> &str {
        &self.0.actor
    }

    /// The global id of what was changed.
    async fn entity_id(&self) -> ID {
        ID(self.0.entity_id.clone())
    }

    /// The type of what was changed, as in InternalContact.
    async fn kind(&self) -> &str {
        &self.0.entity_kind
    }

    /// What was done to it: created, updated, deleted, restored, merged or erased.
    async fn action(&self) -> &str {
        &self.0.action
    }

    /// The fields that changed, by name, each with its `old` and `new` value.
    async fn fields(&self) -> Result<Option<Json>> {
        Ok(Json::stored(&self.0.fields)?)
    }

    /// The id of the request that did it, as in the log and the header x-request-id.
    async fn request_id(&self) -> &str {
        &self.0.request_id
    }
}

impl Change {
    pub(super) const ORDER: Order = <Entity as Paged>::ORDER;
}

impl Listed for Change {
    const CONNECTION: &'static str = "ChangeConnection";
    const EDGE: &'static str = "ChangeEdge";

    fn cursor(&self) -> Cursor {
        Entity::cursor(&self.0)
    }

    fn narrowed(arguments: &[(Name, Value)]) -> Option<(Option<Filter>, Vec<Sort>)> {
        narrowed::<ChangeFilter, ChangeOrder>(arguments)
    }
}

impl Prime for Change {
    fn prime<'a>(_: Vec<&'a Self>, _: Vec<Selection<'a>>, _: &'a Gateway) -> Primed<'a> {
        Box::pin(async {})
    }
}

/// Reading the record of changes.
#[derive(Default)]
pub struct ChangeQuery;

#[Object]
impl ChangeQuery {
    /// What was changed in the organization, oldest first.
    async fn changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most this many from the start or after `after`, 1 to 100; 25 when absent.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "At most this many from the end or before `before`, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them; all when absent.")] filter: Option<ChangeFilter>,
        #[graphql(desc = "What they are ordered by, the more important first; creation when absent.")]
        order_by: Option<Vec<ChangeOrder>>,
    ) -> Result<Option<Connection<Change>>> {
        let Gateway { request, db, .. } = ctx.gateway();
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, Change::ORDER, &window, filter, order_by)?;
        let page = service::list(db, request, &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(Change)).await))
    }
}
