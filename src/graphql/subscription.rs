//! What clients are told as it happens.

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

/// The most contacts that one subscription names.
const MAX_IDS: usize = 100;

/// Tells whoever subscribes that nothing is missed from now on.
#[derive(Debug, Default)]
pub struct Listening(Notify);

impl Listening {
    /// Waits until it has begun.
    pub async fn begun(&self) {
        self.0.notified().await;
    }
}

/// A change of a contact, as it is told to those who subscribed to it.
pub struct ContactChangedEvent(Event);

/// A change of a contact.
#[Object]
impl ContactChangedEvent {
    /// The place of the change in the record: `after` this, nothing is told twice and nothing left out.
    async fn cursor(&self) -> String {
        crate::entity::change::Entity::cursor(&self.0.change).encode()
    }

    /// What was done. Of an internal contact it may be an assignment that was changed.
    async fn change(&self) -> Change {
        Change(self.0.change.as_ref().clone())
    }

    /// The global id of the contact.
    async fn contact_id(&self) -> ID {
        ID(self.0.contact.to_string())
    }

    /// The contact as it is now, which may be later than the change; also a deleted one. Null when it was erased.
    async fn contact(&self, ctx: &Context<'_>) -> Result<Option<Contact>> {
        Ok(node::contact(ctx.gateway(), self.0.contact).await?)
    }
}

/// Everything that is told as it happens. Over WebSocket (graphql-transport-ws) or server-sent events.
#[derive(Default)]
pub struct Subscriptions;

/// Everything that is told as it happens. Over WebSocket (graphql-transport-ws) or server-sent events.
#[Subscription(name = "Subscription")]
impl Subscriptions {
    /// Each change of a contact of the organization, in the order of the record: of its fields, and of an internal contact
    /// also of its assignments. What is given must all hold; without arguments every change of every contact is told.
    async fn contact_changed<'a>(
        &self,
        ctx: &Context<'a>,
        #[graphql(desc = "Only of contacts of these kinds.")] kinds: Option<Vec<ContactKind>>,
        #[graphql(desc = "Only of the contacts with these global ids, at most 100.")] ids: Option<Vec<ID>>,
        #[graphql(desc = "Only of internal contacts that look after this partner, or begin or cease to.")]
        partner_id: Option<ID>,
        #[graphql(desc = "Only of account contacts at this account, or that come to it or leave it.")]
        account_id: Option<ID>,
        #[graphql(
            desc = "A cursor of an earlier event: what came after it is told first. Without it, what comes from now on."
        )]
        after: Option<String>,
    ) -> Result<impl Stream<Item = AppResult<ContactChangedEvent>> + use<'a>> {
        let gateway = ctx.gateway();
        let organization = service::reader(&gateway.request)?;
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
        ctx.data_unchecked::<Arc<Listening>>().0.notify_one();
        Ok(stream::unfold((Some(listener), gateway), next))
    }
}

/// The next event, of which nothing is known yet but itself, or the error in its place. Without a listener there is none.
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
    Position::parse(cursor).map_err(|_| argument("after", "This is not the cursor of a change."))
}

fn read_kinds(kinds: Vec<ContactKind>) -> AppResult<Vec<Kind>> {
    if kinds.is_empty() {
        return Err(argument("kinds", "Name a kind, or leave this out."));
    }
    Ok(kinds.into_iter().map(Kind::from).collect())
}

fn read_ids(ids: &[ID]) -> AppResult<Vec<PublicId>> {
    if ids.is_empty() || ids.len() > MAX_IDS {
        return Err(argument("ids", format!("Name 1 to {MAX_IDS} contacts, or leave this out.")));
    }
    ids.iter()
        .map(|id| {
            id.parse().ok().filter(|id| Kind::of(id).is_some()).ok_or_else(|| argument("ids", NO_CONTACT))
        })
        .collect()
}

const NO_CONTACT: &str = "One of these is not the id of a contact.";

fn read_id<I: std::str::FromStr>(name: &'static str, id: &ID) -> AppResult<I> {
    id.parse().map_err(|_| argument(name, "This is not such an id."))
}
