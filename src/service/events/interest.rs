//! The changes that a subscription selects.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, prelude::Uuid};
use serde_json::Value as Json;

use super::{ACCOUNT, ASSIGNMENT, INTERNAL, ORGANIZATION};
use crate::{
    entity::{
        Scoped, account_contact_account as link,
        change::{Column, Entity, Model},
        id::{AccountId, InternalContactAssignmentId, InternalContactId, PartnerId, PublicId},
        internal_contact_assignment as assignment,
    },
    error::AppResult,
    service::{ReadContext, contact::Kind},
};

/// Which changes of contacts are of interest. Everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct Interest {
    /// Those of contacts of these kinds.
    pub kinds: Option<Vec<Kind>>,
    /// Those of these contacts.
    pub ids: Option<Vec<PublicId>>,
    /// Those of internal contacts that look after this partner, or have begun or ceased to by the change.
    pub partner: Option<PartnerId>,
    /// Those of account contacts at this account, or that came to it or left it by the change.
    pub account: Option<AccountId>,
}

impl Interest {
    /// The contact that was changed, if the change is of interest.
    pub(super) async fn contact_of(
        &self,
        ctx: ReadContext<'_>,
        change: &Model,
    ) -> AppResult<Option<PublicId>> {
        let Some(kind) = kind(change) else { return Ok(None) };
        if self.kinds.as_ref().is_some_and(|kinds| !kinds.contains(&kind)) {
            return Ok(None);
        }
        let Some(contact) = contact(ctx, change).await? else { return Ok(None) };
        if self.ids.as_ref().is_some_and(|ids| !ids.contains(&contact)) {
            return Ok(None);
        }
        let is_of_interest = self.concerns_partner(ctx, change, contact).await?
            && self.concerns_account(ctx, change, contact).await?;
        Ok(is_of_interest.then_some(contact))
    }

    async fn concerns_partner(
        &self,
        ctx: ReadContext<'_>,
        change: &Model,
        contact: PublicId,
    ) -> AppResult<bool> {
        let Some(partner) = self.partner else { return Ok(true) };
        let PublicId::InternalContact(person) = contact else { return Ok(false) };
        let theirs = assignment::Entity::find_in(ctx.organization)
            .filter(assignment::Column::InternalContactId.eq(person))
            .filter(assignment::Column::PartnerId.eq(partner));
        Ok(mentions(change, "partnerId", &partner.to_string())
            || exists(ctx, theirs, assignment::Column::Id).await?)
    }

    async fn concerns_account(
        &self,
        ctx: ReadContext<'_>,
        change: &Model,
        contact: PublicId,
    ) -> AppResult<bool> {
        let (Some(account), PublicId::AccountContact(person)) = (self.account, contact) else {
            return Ok(self.account.is_none());
        };
        if mentions(change, "accountIds", &account.to_string()) {
            return Ok(true);
        }
        let theirs = link::Entity::find_in(ctx.organization).filter(link::Column::AccountId.eq(account));
        let theirs = theirs.filter(link::Column::AccountContactId.eq(person));
        exists(ctx, theirs, link::Column::AccountId).await
    }
}

/// The kind of contact that a change is of.
fn kind(change: &Model) -> Option<Kind> {
    match change.entity_kind.as_str() {
        INTERNAL | ASSIGNMENT => Some(Kind::Internal),
        ACCOUNT => Some(Kind::Account),
        ORGANIZATION => Some(Kind::Organization),
        _ => None,
    }
}

/// The contact that was changed: of an assignment its person, if that is known still.
async fn contact(ctx: ReadContext<'_>, change: &Model) -> AppResult<Option<PublicId>> {
    if change.entity_kind != ASSIGNMENT {
        return Ok(change.entity_id.parse().ok());
    }
    let mut person = person_in(change);
    if person.is_none() {
        person = person_of(ctx, &change.entity_id).await?;
    }
    Ok(person.map(PublicId::InternalContact))
}

/// The person of an assignment, by the row or, where it was removed, by the record of how it was made.
async fn person_of(ctx: ReadContext<'_>, id: &str) -> AppResult<Option<InternalContactId>> {
    let Ok(assignment) = id.parse::<InternalContactAssignmentId>() else { return Ok(None) };
    let row = assignment::Entity::find_in_with_deleted(ctx.organization)
        .filter(assignment::Column::Id.eq(assignment));
    if let Some(row) = row.one(ctx.db).await? {
        return Ok(Some(row.internal_contact_id));
    }
    let made = Entity::find_in(ctx.organization).filter(Column::EntityId.eq(id)).order_by_asc(Column::Seq);
    Ok(made.one(ctx.db).await?.as_ref().and_then(person_in))
}

/// The person, where the change names it: when the assignment was made or removed.
fn person_in(change: &Model) -> Option<InternalContactId> {
    let field = change.fields.value()?.get("internalContactId")?;
    ["new", "old"].into_iter().find_map(|side| field.get(side)?.as_str()?.parse().ok())
}

/// Whether a field of the change has, or had, this id as its value or among its values.
fn mentions(change: &Model, field: &str, id: &str) -> bool {
    let is_it = |value: &Json| match value {
        Json::String(text) => text == id,
        Json::Array(items) => items.iter().any(|item| item == id),
        _ => false,
    };
    let Some(field) = change.fields.value().and_then(|fields| fields.get(field)) else { return false };
    ["new", "old"].into_iter().any(|side| field.get(side).is_some_and(is_it))
}

async fn exists<E: EntityTrait>(ctx: ReadContext<'_>, rows: Select<E>, column: E::Column) -> AppResult<bool> {
    let row: Option<Uuid> = rows.select_only().column(column).limit(1).into_tuple().one(ctx.db).await?;
    Ok(row.is_some())
}
