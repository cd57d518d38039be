//! Giving contacts another type, because theirs goes.

use sea_orm::{
    ColumnTrait, ConnectionTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, SelectExt,
    prelude::{DateTimeUtc, Uuid},
    sea_query::{Expr, LockType},
};

use crate::{
    auth::RequestContext,
    entity::{
        Scoped,
        account_contact::{Column, Entity},
        background_task::TaskKind,
        id::{AccountContactId, ContactTypeId, OrganizationId},
        keys_in,
    },
    error::AppResult,
    service::{
        Write,
        background::{self, Batch, DIRECT_LIMIT, Dependants},
        change::{self, Action, Change, Diff},
        contact_type,
        record::Recorded,
    },
};

/// A contact, and when it was deleted, if it was.
type Contact = (AccountContactId, Option<DateTimeUtc>);

/// Whether any contact has this type, deleted ones included.
pub(in crate::service) async fn have_type(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    contact_type: ContactTypeId,
) -> AppResult<bool> {
    let contacts = Entity::find_in_with_deleted(organization).filter(Column::ContactTypeId.eq(contact_type));
    Ok(contacts.exists(db).await?)
}

/// Gives another type to all contacts of a type that goes, if they are few. Of many it makes a background task, and the
/// type has to stay until the last of them has another one. Gives whether it may go now.
pub(in crate::service) async fn replace_type(
    db: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    old: ContactTypeId,
    new: ContactTypeId,
) -> AppResult<bool> {
    let contacts = hold_next(db, organization, old, (None, DIRECT_LIMIT + 1)).await?;
    if contacts.len() as u64 <= DIRECT_LIMIT {
        set_type(db, ctx, organization, (old, new), contacts).await?;
        return Ok(true);
    }
    let dependants: Option<i64> = Entity::find_in_with_deleted(organization)
        .filter(Column::ContactTypeId.eq(old))
        .select_only()
        .column_as(Column::Id.count(), "dependants")
        .into_tuple()
        .one(db)
        .await?;
    let subject = Dependants { subject_id: old.0, dependants: dependants.unwrap_or_default() };
    background::insert(db, ctx, organization, TaskKind::ContactType, vec![subject]).await?;
    Ok(false)
}

/// Gives the replacement to the next contacts of a type that was replaced, as a batch of a background task. After the last
/// ones the type goes.
pub(in crate::service) async fn replace_next_of_type(
    db: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    old: ContactTypeId,
    next: (Option<Uuid>, u64),
) -> AppResult<Batch> {
    let Some(new) = contact_type::hold_with_replacement(db, organization, old).await? else {
        return Ok(Batch::of(&[], next.1));
    };
    let contacts = hold_next(db, organization, old, next).await?;
    let ids: Vec<Uuid> = contacts.iter().map(|(id, _)| id.0).collect();
    set_type(db, ctx, organization, (old, new), contacts).await?;
    let batch = Batch::of(&ids, next.1);
    if batch.is_last() {
        contact_type::remove(db, organization, old).await?;
    }
    Ok(batch)
}

/// So many contacts of a type after a position, deleted ones included, held until the transaction ends.
async fn hold_next(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    contact_type: ContactTypeId,
    (position, number): (Option<Uuid>, u64),
) -> AppResult<Vec<Contact>> {
    let contacts = Entity::find_in_with_deleted(organization)
        .filter(Column::ContactTypeId.eq(contact_type))
        .filter(background::after(Column::Id, position))
        .select_only()
        .columns([Column::Id, Column::DeletedAt])
        .order_by_asc(Column::Id)
        .limit(number)
        .lock(LockType::NoKeyUpdate);
    Ok(contacts.into_tuple().all(db).await?)
}

/// Gives another type to contacts that are held. Deleted ones get it too, but that is no change of theirs: nobody has read
/// them since.
async fn set_type(
    db: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    (old, new): (ContactTypeId, ContactTypeId),
    contacts: Vec<Contact>,
) -> AppResult<()> {
    let ids = contacts.iter().map(|(id, _)| *id);
    let all = Entity::update_in(organization)
        .filter(keys_in(db.get_database_backend(), Column::Id.into_expr(), ids))
        .filter(Column::ContactTypeId.eq(old))
        .col_expr(Column::ContactTypeId, Expr::value(new));
    let active = all.clone().filter(Column::DeletedAt.is_null());
    let active = active
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(ctx.now));
    active.exec(db).await?;
    all.exec(db).await?;
    let (old, new) = (old.to_string(), new.to_string());
    let active = contacts.into_iter().filter(|(_, deleted_at)| deleted_at.is_none());
    let changes = active.map(|(id, _)| {
        let mut diff = Diff::default();
        diff.note("contactTypeId", &old, &new);
        Change { kind: Entity::KIND, id: id.to_string(), action: Action::Updated, diff }
    });
    change::record_all(db, ctx, organization, changes);
    Ok(())
}
