//! Subscriptions.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, Subscription};
use futures_util::{Stream, stream};
use tokio::sync::Notify;

use super::{
    Gateway,
    change::Change,
    contact::{Contact, ContactKind},
    context::ContextExt,
    node,
};
use crate::{
    entity::id::PublicId,
    error::{AppError, AppResult, argument},
    service::{
        self,
        change::Position,
        contact::Kind,
        events::{Event, Feed, Interest, Interruption, Listener},
        page::Paged,
    },
};

/// The maximum number of contacts in one subscription.
const MAX_IDS: usize = 100;

/// Signals that the subscription has started and misses no event from now on.
#[derive(Debug, Default)]
pub struct SubscriptionStart(Notify);

impl SubscriptionStart {
    /// Waits until the subscription has started.
    pub async fn happened(&self) {
        self.0.notified().await;
    }
}

/// A change of a contact, as delivered to subscribers.
pub struct ContactChangedEvent(Event);

/// A change of a contact, as delivered to subscribers.
#[Object]
impl ContactChangedEvent {
    /// Cursor of the change. A subscription with this value as `after` continues without gaps or duplicates.
    async fn cursor(&self) -> String {
        crate::entity::change::Entity::cursor(&self.0.change).encode()
    }

    /// The entry of the change log. For an internal contact it can be a change of an assignment.
    async fn change(&self) -> Change {
        Change(self.0.change.as_ref().clone())
    }

    /// Global id of the contact.
    async fn contact_id(&self) -> ID {
        ID(self.0.contact.to_string())
    }

    /// The contact in its current state, which can be newer than the change. Includes soft-deleted contacts. Null if
    /// the contact was erased.
    async fn contact(&self, ctx: &Context<'_>) -> Result<Option<Contact>> {
        Ok(node::contact(ctx.gateway(), self.0.contact).await?)
    }
}

/// The subscriptions, over WebSocket (graphql-transport-ws or the older graphql-ws) or server-sent events.
#[derive(Default)]
pub struct Subscriptions;

/// The subscriptions, over WebSocket (graphql-transport-ws or the older graphql-ws) or server-sent events.
#[Subscription(name = "Subscription")]
impl Subscriptions {
    /// Delivers every change of the organization's contacts in commit order; for internal contacts, changes of
    /// assignments too. All given arguments must match. Without arguments, changes of all contacts are delivered.
    async fn contact_changed<'a>(
        &self,
        ctx: &Context<'a>,
        #[graphql(desc = "Delivers only changes of contacts of these kinds.")] kinds: Option<
            Vec<ContactKind>,
        >,
        #[graphql(desc = "Delivers only changes of the contacts with these global ids, 1 to 100.")]
        ids: Option<Vec<ID>>,
        #[graphql(
            desc = "Delivers only changes of internal contacts that are assigned to this partner, including the assignment and its removal."
        )]
        partner_id: Option<ID>,
        #[graphql(
            desc = "Delivers only changes of account contacts that belong to this account, including joining and leaving it."
        )]
        account_id: Option<ID>,
        #[graphql(
            desc = "Cursor of an earlier event. The changes after it are delivered first. Default: only changes from now on."
        )]
        after: Option<String>,
    ) -> Result<impl Stream<Item = AppResult<ContactChangedEvent>> + use<'a>> {
        let gateway = ctx.gateway();
        let organization = service::authorize_read(&gateway.request)?;
        let interest = Interest {
            kinds: kinds.map(read_kinds).transpose()?,
            ids: ids.map(|ids| read_ids(&ids)).transpose()?,
            partner: partner_id.map(|id| read_id("partnerId", &id)).transpose()?,
            account: account_id.map(|id| read_id("accountId", &id)).transpose()?,
        };
        let after = after.map(|cursor| read_cursor(&cursor)).transpose()?;
        let subject = gateway.request.caller.subject.as_str();
        let feed = ctx.data_unchecked::<Arc<Feed>>();
        let listener = feed.listen(gateway.db.clone(), (subject, organization), interest, after).await?;
        ctx.data_unchecked::<Arc<SubscriptionStart>>().0.notify_one();
        Ok(stream::unfold((Some(listener), gateway), next))
    }
}

/// The next event with cleared loaders, or an error. `None` without a listener.
async fn next(
    (listener, gateway): (Option<Listener>, &Gateway),
) -> Option<(AppResult<ContactChangedEvent>, (Option<Listener>, &Gateway))> {
    let mut listener = listener?;
    let event = listener.next().await;
    gateway.loaders.clear().await;
    let listener = (!matches!(event, Err(Interruption::CursorLost))).then_some(listener);
    Some((event.map(ContactChangedEvent).map_err(AppError::from), (listener, gateway)))
}

fn read_cursor(cursor: &str) -> AppResult<Position> {
    Position::parse(cursor)
        .map_err(|_| argument("after", "Invalid cursor. Use the cursor of an earlier event or change."))
}

fn read_kinds(kinds: Vec<ContactKind>) -> AppResult<Vec<Kind>> {
    if kinds.is_empty() {
        return Err(argument("kinds", "Must not be empty. Omit the argument for all kinds."));
    }
    Ok(kinds.into_iter().map(Kind::from).collect())
}

fn read_ids(ids: &[ID]) -> AppResult<Vec<PublicId>> {
    if ids.is_empty() || ids.len() > MAX_IDS {
        return Err(argument(
            "ids",
            format!("Must have 1 to {MAX_IDS} ids. Omit the argument for all contacts."),
        ));
    }
    ids.iter()
        .map(|id| {
            id.parse().ok().filter(|id| Kind::of(id).is_some()).ok_or_else(|| argument("ids", NO_CONTACT))
        })
        .collect()
}

const NO_CONTACT: &str = "Must contain only ids of contacts.";

fn read_id<I: std::str::FromStr>(name: &'static str, id: &ID) -> AppResult<I> {
    id.parse().map_err(|_| argument(name, "Invalid id for this argument."))
}
