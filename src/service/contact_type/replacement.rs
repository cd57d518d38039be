//! Giving contacts another type, because theirs goes.

use sea_orm::{
    ColumnTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select, SelectExt,
    prelude::{DateTimeUtc, Uuid},
    sea_query::{Expr, LockType},
};

use crate::{
    entity::{
        Scoped,
        account_contact::{Column, Entity},
        background_task::TaskKind,
        id::{AccountContactId, ContactTypeId},
    },
    error::AppResult,
    service::{
        WriteContext,
        background::{self, Batch, DIRECT_LIMIT},
        change::{self, Action, Change, Diff},
    },
};

/// A contact, and when it was deleted, if it was.
type Contact = (AccountContactId, Option<DateTimeUtc>);

/// Whether any contact has this type, deleted ones included.
pub(super) async fn is_used(ctx: &WriteContext<'_>, contact_type: ContactTypeId) -> AppResult<bool> {
    Ok(of_type(ctx, contact_type).exists(&ctx.txn).await?)
}

/// Gives another type to all contacts of a type that goes, if they are few. Of many it creates a background task, and the
/// type has to stay until the last of them has another one. Returns whether it may go now.
pub(super) async fn replace(
    ctx: &WriteContext<'_>,
    old: ContactTypeId,
    new: ContactTypeId,
) -> AppResult<bool> {
    let contacts = lock_next(ctx, old, (None, DIRECT_LIMIT + 1)).await?;
    if contacts.len() as u64 <= DIRECT_LIMIT {
        set_type(ctx, (old, new), contacts).await?;
        return Ok(true);
    }
    let dependants = of_type(ctx, old).count(&ctx.txn).await?;
    background::insert(ctx, TaskKind::ContactType, old.0, dependants).await?;
    Ok(false)
}

/// Gives the replacement to the next contacts of a type that was replaced, as a batch of a background task. After the last
/// ones the type goes.
pub(in crate::service) async fn replace_next(
    ctx: &WriteContext<'_>,
    old: ContactTypeId,
    next: (Option<Uuid>, u64),
) -> AppResult<Batch> {
    let Some(new) = super::lock_with_replacement(ctx, old).await? else {
        return Ok(Batch::of(&[], next.1));
    };
    let contacts = lock_next(ctx, old, next).await?;
    let ids: Vec<Uuid> = contacts.iter().map(|(id, _)| id.0).collect();
    set_type(ctx, (old, new), contacts).await?;
    let batch = Batch::of(&ids, next.1);
    if batch.is_last() {
        super::remove(ctx, old).await?;
    }
    Ok(batch)
}

fn of_type(ctx: &WriteContext<'_>, contact_type: ContactTypeId) -> Select<Entity> {
    Entity::find_in_with_deleted(ctx.organization).filter(Column::ContactTypeId.eq(contact_type))
}

/// So many contacts of a type after a position, deleted ones included, locked until the transaction ends.
async fn lock_next(
    ctx: &WriteContext<'_>,
    contact_type: ContactTypeId,
    (position, number): (Option<Uuid>, u64),
) -> AppResult<Vec<Contact>> {
    let contacts = of_type(ctx, contact_type)
        .filter(background::after(Column::Id, position))
        .select_only()
        .columns([Column::Id, Column::DeletedAt])
        .order_by_asc(Column::Id)
        .limit(number)
        .lock(LockType::NoKeyUpdate);
    Ok(contacts.into_tuple().all(&ctx.txn).await?)
}

/// Gives another type to contacts that are locked. Deleted ones get it too, but that is no change of theirs: nobody has read
/// them since.
async fn set_type(
    ctx: &WriteContext<'_>,
    (old, new): (ContactTypeId, ContactTypeId),
    contacts: Vec<Contact>,
) -> AppResult<()> {
    let all = Entity::update_in(ctx.organization)
        .filter(ctx.keys_in(Column::Id, contacts.iter().map(|(id, _)| *id)))
        .filter(Column::ContactTypeId.eq(old))
        .col_expr(Column::ContactTypeId, Expr::value(new));
    let active = all.clone().filter(Column::DeletedAt.is_null());
    let active = active
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(ctx.request.now));
    active.exec(&ctx.txn).await?;
    all.exec(&ctx.txn).await?;
    let active = contacts.into_iter().filter(|(_, deleted_at)| deleted_at.is_none());
    let changes = active.map(|(id, _)| {
        let mut diff = Diff::default();
        diff.note("contactTypeId", old, new);
        Change::of::<Entity>(id, Action::Updated, diff)
    });
    change::record_all(ctx, changes);
    Ok(())
}
