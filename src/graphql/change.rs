//! The change log in the schema.

use async_graphql::{Context, Enum, ID, Name, Object, Result, Value};

use super::{
    Gateway,
    context::ContextExt,
    filter::{ChangeFilter, ChangeOrder, narrowed},
    loaders::{Prime, Primed},
    node::{self, NodeField},
    relay::{Connection, Listed, list_request},
    scalar::{BigInt, Json, Timestamp},
    selection::Selection,
};
use crate::{
    entity::change::{Entity, Model},
    error::AppError,
    service::{
        PageWindow,
        change::{self as service, Action},
        cursor::{Cursor, Order},
        filter::Filter,
        page::Paged,
        page::Sort,
    },
};

/// What kind of record was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum ChangeKind {
    /// An organization.
    Organization,
    /// A partner.
    Partner,
    /// An internal contact.
    InternalContact,
    /// The assignment of an internal contact.
    InternalContactAssignment,
    /// An account.
    Account,
    /// An account contact.
    AccountContact,
    /// A contact type.
    ContactType,
    /// A custom field.
    CustomField,
    /// An organization contact.
    OrganizationContact,
}

impl ChangeKind {
    const ALL: [Self; 9] = [
        Self::Organization,
        Self::Partner,
        Self::InternalContact,
        Self::InternalContactAssignment,
        Self::Account,
        Self::AccountContact,
        Self::ContactType,
        Self::CustomField,
        Self::OrganizationContact,
    ];

    /// The kind as the log has it: the name of the type.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "Organization",
            Self::Partner => "Partner",
            Self::InternalContact => "InternalContact",
            Self::InternalContactAssignment => "InternalContactAssignment",
            Self::Account => "Account",
            Self::AccountContact => "AccountContact",
            Self::ContactType => "ContactType",
            Self::CustomField => "CustomField",
            Self::OrganizationContact => "OrganizationContact",
        }
    }
}

/// What was done to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Action")]
pub enum ChangeAction {
    /// It was created.
    Created,
    /// Some of its fields were changed.
    Updated,
    /// It was deleted.
    Deleted,
    /// It was deleted before and was restored.
    Restored,
    /// Another record was merged into it, or it into another one.
    Merged,
    /// It was erased: removed for good, with what the log said of it.
    Erased,
}

/// A change that really changed something.
pub struct Change(pub Model);

/// A change that really changed something: who changed which fields of what, in which request.
#[Object]
impl Change {
    /// The number of the change in its organization: counted from 1 without gaps, in the order in which changes were committed.
    async fn seq(&self) -> BigInt {
        BigInt(self.0.seq)
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

    /// What kind of record was changed.
    async fn kind(&self) -> Result<ChangeKind> {
        let kind = ChangeKind::ALL.into_iter().find(|kind| kind.as_str() == self.0.entity_kind);
        Ok(kind.ok_or_else(|| AppError::Internal("a change of an unknown kind".into()))?)
    }

    /// What was done to it.
    async fn action(&self) -> Result<ChangeAction> {
        let action = Action::parse(&self.0.action).map(Into::into);
        Ok(action.ok_or_else(|| AppError::Internal("a change by an unknown action".into()))?)
    }

    /// The record that was changed, as it is now. Null when `node` does not give it either, such as after it was erased.
    async fn node(&self, ctx: &Context<'_>) -> Result<Option<NodeField>> {
        Ok(node::find(ctx.gateway(), &self.0.entity_id).await?.map(NodeField::from))
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
    fn prime<'a>(changes: Vec<&'a Self>, selections: Vec<Selection<'a>>, gateway: &'a Gateway) -> Primed<'a> {
        Box::pin(async move {
            let ids: Vec<&str> = changes.iter().map(|change| change.0.entity_id.as_str()).collect();
            for selection in selections.iter().filter(|selection| selection.name() == "node") {
                // A load that fails is reported by the field that asks.
                let _ = node::prime_all(gateway, &ids, || selection.clone()).await;
            }
        })
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
