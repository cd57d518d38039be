//! The GraphQL types of the change log.

use async_graphql::{Context, Enum, ID, Result, resolver_utils::EnumType};

use super::{
    Gateway,
    context::ContextExt,
    filter::{ChangeFilter, ChangeOrder},
    loaders::{Prime, Primed},
    node::{self, NodeField},
    record::{Listed, object, queries},
    relay::ListItem,
    scalar::{BigInt, Json, Timestamp},
    selection::Selection,
};
use crate::{
    entity::change::{Entity, Model},
    error::{AppError, AppResult},
    service::{
        ListRequest, Page,
        change::{self as service, Action},
        cursor::{Cursor, Order},
        page::Paged,
    },
};

/// The type of the changed record.
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
    /// The name of the type, as the change log stores it.
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

/// The kinds of operations on a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Action")]
pub enum ChangeAction {
    /// The record was created.
    Created,
    /// Fields of the record were updated.
    Updated,
    /// The record was deleted.
    Deleted,
    /// The soft-deleted record was restored.
    Restored,
    /// The record was merged with another one: as the survivor or as the merged record.
    Merged,
    /// The record and its change history were permanently removed.
    Erased,
}

/// An entry of the change log.
pub struct Change(pub Model);

object! {
    /// An entry of the change log: who changed which fields of which record, in which request. Writes that change nothing
    /// have no entry.
    Change |self|
    fields {
        /// Sequence number of the change in its organization. Starts at 1 and has no gaps; follows the commit order.
        seq: BigInt = BigInt(self.0.seq);
        /// When the change was made.
        at: Timestamp = Timestamp(self.0.at);
        /// The `sub` claim of the token that made the change.
        actor: &str = &self.0.actor;
        /// Global id of the changed record.
        entity_id: ID = ID(self.0.entity_id.clone());
    }
    resolvers {
        /// The type of the changed record.
        async fn kind(&self) -> Result<ChangeKind> {
            let mut kinds = ChangeKind::items().iter().map(|item| item.value);
            let kind = kinds.find(|kind| kind.as_str() == self.0.entity_kind);
            Ok(kind.ok_or_else(|| AppError::Internal("a change of an unknown kind".into()))?)
        }

        /// The kind of operation.
        async fn action(&self) -> Result<ChangeAction> {
            let action = Action::parse(&self.0.action).map(Into::into);
            Ok(action.ok_or_else(|| AppError::Internal("a change by an unknown action".into()))?)
        }

        /// The changed record in its current state. Null if `node` returns null for it, for example after it was erased.
        async fn node(&self, ctx: &Context<'_>) -> Result<Option<NodeField>> {
            Ok(node::find(ctx.gateway(), &self.0.entity_id).await?.map(NodeField::from))
        }

        /// The changed fields: an object with the name of each field, and its `old` and `new` value.
        async fn fields(&self) -> Result<Option<Json>> {
            Ok(Json::stored(&self.0.fields)?)
        }
    }
    fields {
        /// Id of the request that made the change, as in the log and the header `x-request-id`.
        request_id: &str = &self.0.request_id;
    }
}

impl ListItem for Change {
    const CONNECTION: &'static str = "ChangeConnection";
    const EDGE: &'static str = "ChangeEdge";

    fn cursor(&self) -> Cursor {
        Entity::cursor(&self.0)
    }
}

impl Listed for Change {
    const ORDER: Order = <Entity as Paged>::ORDER;
    type Filter = ChangeFilter;
    type OrderBy = ChangeOrder;

    async fn page(gateway: &Gateway, list: &ListRequest) -> AppResult<Page<Self>> {
        Ok(service::list(&gateway.db, &gateway.request, list).await?.map(Self))
    }
}

impl Prime for Change {
    fn prime<'a>(changes: Vec<&'a Self>, selections: Vec<Selection<'a>>, gateway: &'a Gateway) -> Primed<'a> {
        Box::pin(async move {
            let ids: Vec<&str> = changes.iter().map(|change| change.0.entity_id.as_str()).collect();
            for selection in selections.iter().filter(|selection| selection.name() == "node") {
                // The field that needs the row reports a failed load.
                let _ = node::prime_all(gateway, &ids, || selection.clone()).await;
            }
        })
    }
}

queries! {
    /// Queries of the change log.
    ChangeQuery: Change,
    "Filters the results. Default: all items." {
        /// The change log of the organization.
        changes
    }
}
