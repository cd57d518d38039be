//! Merging contacts: two rows of one person become one. The merged row stays deleted, and its id resolves to the survivor.
//!
//! What moves from one to the other is in the file `merge` of each kind. The records of a merge hold ids only, so that
//! erasing one of the two leaves nothing in the history of the other.

use std::{collections::HashMap, fmt::Display};

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, SelectExt};

use super::{
    Database, ReadContext, WriteContext, authorize_write,
    change::Diff,
    contact::{Contact, Kind},
    input::{Checks, check_version},
    record::{self, Recorded},
};
use crate::{
    auth::RequestContext,
    entity::{
        Scoped, account_contact,
        contact_merge::{ActiveModel, Column, Entity},
        id::PublicId,
        internal_contact, organization_contact,
    },
    error::{AppResult, InputError, InputErrorCode},
};

/// Two contacts that are one.
#[derive(Clone, Debug)]
pub struct MergeContacts {
    /// The id of the contact that stays.
    pub survivor_id: String,
    /// The id of the contact that goes.
    pub merged_id: String,
    /// The version of the survivor that the caller has seen.
    pub expected_version: Option<i32>,
}

/// A kind of contact that can be merged.
pub(super) trait Mergeable: Recorded {
    /// Gives what belongs to the merged contact to the survivor, and notes it. Both are locked.
    fn take_over(
        ctx: &WriteContext<'_>,
        survivor: Self::Id,
        merged: Self::Id,
        diff: &mut Diff,
    ) -> impl Future<Output = AppResult<()>> + Send;
}

impl Mergeable for organization_contact::Entity {
    /// Nothing belongs to a card.
    async fn take_over(_: &WriteContext<'_>, _: Self::Id, _: Self::Id, _: &mut Diff) -> AppResult<()> {
        Ok(())
    }
}

/// Merges a contact into another one of its kind. Gives the survivor, whose own fields stay as they are.
pub async fn merge(db: &Database, request: &RequestContext, input: &MergeContacts) -> AppResult<Contact> {
    let organization = authorize_write(request)?;
    let mut checks = Checks::default();
    let survivor = contact_id(&mut checks, "survivorId", &input.survivor_id);
    let merged = contact_id(&mut checks, "mergedId", &input.merged_id);
    let (Some(survivor), Some(merged)) = (survivor, merged) else { return Err(checks.refused()) };
    if survivor == merged {
        return Err(invalid("A contact cannot be merged into itself.").into());
    }
    let ctx = WriteContext::begin(db, request, organization).await?;
    let version = input.expected_version;
    let contact = match (survivor, merged) {
        (PublicId::InternalContact(survivor), PublicId::InternalContact(merged)) => {
            Contact::Internal(merge_rows::<internal_contact::Entity>(&ctx, survivor, merged, version).await?)
        }
        (PublicId::AccountContact(survivor), PublicId::AccountContact(merged)) => {
            Contact::Account(merge_rows::<account_contact::Entity>(&ctx, survivor, merged, version).await?)
        }
        (PublicId::OrganizationContact(survivor), PublicId::OrganizationContact(merged)) => {
            let row = merge_rows::<organization_contact::Entity>(&ctx, survivor, merged, version).await?;
            Contact::Organization(row)
        }
        _ => return Err(invalid("Only contacts of one kind can be merged.").into()),
    };
    ctx.commit().await?;
    db.wake_worker();
    Ok(contact)
}

fn contact_id(checks: &mut Checks, field: &'static str, text: &str) -> Option<PublicId> {
    let id = text.parse().ok().filter(|id| Kind::of(id).is_some());
    checks.found(field, id)
}

fn invalid(message: &'static str) -> InputError {
    InputError::on("mergedId", InputErrorCode::Invalid, message)
}

async fn merge_rows<E: Mergeable>(
    ctx: &WriteContext<'_>,
    survivor_id: E::Id,
    merged_id: E::Id,
    expected_version: Option<i32>,
) -> AppResult<E::Model> {
    let (survivor, merged) = both::<E>(ctx, survivor_id, merged_id).await?;
    check_version(expected_version, E::version(&survivor))?;
    let mut moved = Diff::default().created("mergedId", merged_id.to_string());
    E::take_over(ctx, survivor_id, merged_id, &mut moved).await?;
    point(ctx, survivor_id.to_string(), merged_id.to_string()).await?;
    let gone = Diff::default().created("survivorId", survivor_id.to_string());
    record::merge_rows::<E>(ctx, (survivor, moved), (merged, gone)).await
}

/// The two active rows, locked in the order of their ids, whichever of them is to survive.
async fn both<E: Mergeable>(
    ctx: &WriteContext<'_>,
    survivor: E::Id,
    merged: E::Id,
) -> AppResult<(E::Model, E::Model)> {
    let rows = E::find_in(ctx.organization).filter(E::ID.is_in([survivor, merged]));
    let rows = rows.order_by_asc(E::ID).lock_exclusive().all(&ctx.txn).await?;
    let (mut survivors, mut others): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| E::id(row) == survivor);
    let mut checks = Checks::default();
    let survivor = checks.found("survivorId", survivors.pop());
    let merged = checks.found("mergedId", others.pop());
    survivor.zip(merged).ok_or_else(|| checks.refused())
}

/// From now on the merged id resolves to the survivor, and so do the ids that resolved to the merged contact.
async fn point(ctx: &WriteContext<'_>, survivor_id: String, merged_id: String) -> AppResult<()> {
    let survivor = ActiveModel { survivor_id: Set(survivor_id.clone()), ..Default::default() };
    let earlier = Entity::update_in(ctx.organization).filter(Column::SurvivorId.eq(merged_id.as_str()));
    earlier.set(survivor).exec(&ctx.txn).await?;
    let row = ActiveModel {
        org_id: Set(ctx.organization),
        merged_id: Set(merged_id),
        survivor_id: Set(survivor_id),
        created_at: Set(ctx.request.now),
    };
    Entity::insert(row).exec_without_returning(&ctx.txn).await?;
    Ok(())
}

/// The survivor of each of these contacts that was merged.
pub async fn survivors(ctx: ReadContext<'_>, ids: &[PublicId]) -> AppResult<HashMap<PublicId, PublicId>> {
    let is_one = ctx.keys_in(Column::MergedId, ids.iter().map(ToString::to_string));
    let rows = Entity::find_in(ctx.organization).filter(is_one).all(ctx.db).await?;
    let pairs =
        rows.iter().filter_map(|row| Some((row.merged_id.parse().ok()?, row.survivor_id.parse().ok()?)));
    Ok(pairs.collect())
}

/// A contact that was merged into another one cannot be restored: its id resolves to the other one.
pub(super) async fn check_not_merged(ctx: &WriteContext<'_>, id: impl Display) -> AppResult<()> {
    let merged = Entity::find_in(ctx.organization).filter(Column::MergedId.eq(id.to_string()));
    if merged.exists(&ctx.txn).await? {
        let message = "The contact was merged into another one and cannot be restored.";
        return Err(InputError::on("id", InputErrorCode::NotAllowed, message).into());
    }
    Ok(())
}
