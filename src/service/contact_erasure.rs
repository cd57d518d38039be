//! Erasing contacts: an administrator's act that leaves nothing of a person but the record that it happened.

use sea_orm::{
    ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect, Set, sea_query::ExprTrait,
};
use serde_json::json;

use super::{
    Database, Write, administrator,
    change::{self, Action, Change, Diff},
    input::not_found,
    record::Recorded,
};
use crate::{
    auth::RequestContext,
    entity::{
        Key, Scoped, account_contact, change as change_row, contact_merge,
        id::{InternalContactId, OrganizationId, PublicId},
        internal_contact, internal_contact_assignment as assignment, keys_in, organization_contact,
    },
    error::{AppResult, InputError, InputErrorCode},
};

/// Removes a contact of any kind for good, living or deleted, and the contacts that were merged into it: with their
/// values, links and assignments, and what their history tells of them.
pub async fn erase(db: &Database, ctx: &RequestContext, id: &str) -> AppResult<PublicId> {
    let organization = administrator(ctx)?;
    let id: PublicId = id.parse().map_err(|_| not_found("id"))?;
    let write = db.begin().await?;
    let txn = &write;
    let ids = with_merged(txn, organization, id).await?;
    match id {
        PublicId::InternalContact(id) => {
            let ids = of_kind(&ids, id, |id| match id {
                PublicId::InternalContact(id) => Some(*id),
                _ => None,
            });
            hold::<internal_contact::Entity>(txn, organization, id, &ids).await?;
            remove_assignments(txn, ctx, organization, &ids).await?;
            remove::<internal_contact::Entity>(txn, ctx, organization, ids).await?;
        }
        PublicId::AccountContact(id) => {
            let ids = of_kind(&ids, id, |id| match id {
                PublicId::AccountContact(id) => Some(*id),
                _ => None,
            });
            // Links and values go with the row.
            hold::<account_contact::Entity>(txn, organization, id, &ids).await?;
            remove::<account_contact::Entity>(txn, ctx, organization, ids).await?;
        }
        PublicId::OrganizationContact(id) => {
            let ids = of_kind(&ids, id, |id| match id {
                PublicId::OrganizationContact(id) => Some(*id),
                _ => None,
            });
            hold::<organization_contact::Entity>(txn, organization, id, &ids).await?;
            remove::<organization_contact::Entity>(txn, ctx, organization, ids).await?;
        }
        _ => return Err(not_found("id")),
    }
    forget_merges(txn, organization, &ids).await?;
    write.commit().await?;
    Ok(id)
}

/// The contact and those that its id stands for.
async fn with_merged(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    id: PublicId,
) -> AppResult<Vec<PublicId>> {
    let merges = contact_merge::Entity::find_in(organization)
        .filter(contact_merge::Column::SurvivorId.eq(id.to_string()))
        .all(db)
        .await?;
    let merged = merges.iter().filter_map(|merge| merge.merged_id.parse().ok());
    Ok(merged.chain([id]).collect())
}

fn of_kind<I: Ord>(ids: &[PublicId], id: I, read: impl Fn(&PublicId) -> Option<I>) -> Vec<I> {
    let mut ids: Vec<I> = ids.iter().filter_map(read).chain([id]).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Holds the rows until the transaction ends. The contact that was asked for must be among them.
async fn hold<E>(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    id: E::Id,
    ids: &[E::Id],
) -> AppResult<()>
where
    E: Recorded<Id: Key + Ord + Copy + Into<PublicId>>,
{
    let is_one = keys_in(db.get_database_backend(), E::ID.into_expr(), ids.iter().copied());
    let rows = E::find_in_with_deleted(organization).filter(is_one).order_by_asc(E::ID);
    let held = rows.lock_exclusive().all(db).await?;
    if !held.iter().any(|row| E::id(row) == id) {
        return Err(not_found("id"));
    }
    // A merge may have come first: it would leave a row behind that nobody reaches any more.
    if with_merged(db, organization, id.into()).await?.len() != ids.len() {
        let message = "Another contact was merged into this one at the same moment; try again.";
        return Err(InputError::on("id", InputErrorCode::Conflict, message).into());
    }
    Ok(())
}

/// Removes the rows, empties their history, and records that it happened.
async fn remove<E>(
    db: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    ids: Vec<E::Id>,
) -> AppResult<()>
where
    E: Recorded<Id: Key + Copy>,
{
    let backend = db.get_database_backend();
    let texts: Vec<String> = ids.iter().map(ToString::to_string).collect();
    E::delete_in(organization).filter(keys_in(backend, E::ID.into_expr(), ids)).exec(db).await?;
    let of_them = keys_in(backend, change_row::Column::EntityId.into_expr(), texts.iter().cloned());
    change_row::Entity::update_in(organization)
        .filter(of_them)
        .set(change_row::ActiveModel { fields: Set(json!({}).into()), ..Default::default() })
        .exec(db)
        .await?;
    let erased = |id| Change { kind: E::KIND, id, action: Action::Erased, diff: Diff::default() };
    change::record_all(db, ctx, organization, texts.into_iter().map(erased));
    Ok(())
}

/// Removes the assignments of these people. Their own history holds ids and roles only, and stays.
async fn remove_assignments(
    db: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    people: &[InternalContactId],
) -> AppResult<()> {
    let column = assignment::Column::InternalContactId;
    let of_them = keys_in(db.get_database_backend(), column.into_expr(), people.iter().copied());
    let held = assignment::Entity::find_in_with_deleted(organization)
        .filter(of_them.clone())
        .order_by_asc(assignment::Column::Id)
        .lock_exclusive()
        .all(db)
        .await?;
    assignment::Entity::delete_in(organization).filter(of_them).exec(db).await?;
    let deleted = |row: &assignment::Model| Change {
        kind: assignment::Entity::KIND,
        id: row.id.to_string(),
        action: Action::Deleted,
        diff: Diff::default(),
    };
    change::record_all(db, ctx, organization, held.iter().map(deleted));
    Ok(())
}

/// Their ids stand for nobody, and nobody's ids for them.
async fn forget_merges(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    ids: &[PublicId],
) -> AppResult<()> {
    let backend = db.get_database_backend();
    let texts = || ids.iter().map(ToString::to_string);
    let merged = keys_in(backend, contact_merge::Column::MergedId.into_expr(), texts());
    let survivor = keys_in(backend, contact_merge::Column::SurvivorId.into_expr(), texts());
    contact_merge::Entity::delete_in(organization).filter(merged.or(survivor)).exec(db).await?;
    Ok(())
}
