//! Erasing contacts: an administrator's act that leaves nothing of a person but the record that it happened.

use std::collections::BTreeSet;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, QueryFilter, QueryOrder, QuerySelect, SelectExt, Set,
    sea_query::{Expr, ExprTrait, Func, Query},
};
use serde_json::json;

use super::{
    Database, Write, WriteContext, authorize_admin,
    change::{self, Action, Change, Diff},
    input::not_found,
    record::Recorded,
    sqlite_log,
};
use crate::{
    auth::RequestContext,
    entity::{
        Scoped, account_contact,
        background_task::{self, TaskKind},
        change as change_row, contact_merge,
        id::{InternalContactAssignmentId, InternalContactId, PublicId},
        idempotency_key, internal_contact, internal_contact_assignment as assignment, keys_in, keys_table,
        organization_contact,
    },
    error::{AppError, AppResult, InputError, InputErrorCode},
};

/// Removes a contact of any kind for good, active or deleted, and the contacts that were merged into it: with their
/// values, links and assignments, the history of all of these, and the idempotency keys of the calls that
/// made them.
pub async fn erase(db: &Database, request: &RequestContext, id: &str) -> AppResult<PublicId> {
    let organization = authorize_admin(request)?;
    let id: PublicId = id.parse().map_err(|_| not_found("id"))?;
    let ctx = WriteContext::begin(db, request, organization).await?;
    let ids = with_merged(&ctx, id).await?;
    let mut erased: Vec<String> = ids.iter().map(ToString::to_string).collect();
    match id {
        PublicId::InternalContact(id) => {
            let ids = lock::<internal_contact::Entity>(&ctx, id, &ids).await?;
            check_merge_is_done(&ctx, id).await?;
            erased.extend(remove_assignments(&ctx, &ids).await?);
            remove::<internal_contact::Entity>(&ctx, ids).await?;
        }
        PublicId::AccountContact(id) => {
            let ids = lock::<account_contact::Entity>(&ctx, id, &ids).await?;
            // Links and values go with the row.
            remove::<account_contact::Entity>(&ctx, ids).await?;
        }
        PublicId::OrganizationContact(id) => {
            let ids = lock::<organization_contact::Entity>(&ctx, id, &ids).await?;
            remove::<organization_contact::Entity>(&ctx, ids).await?;
        }
        _ => return Err(not_found("id")),
    }
    forget_merges(&ctx, &ids).await?;
    forget_calls(&ctx, &erased).await?;
    commit(db, ctx.txn).await?;
    Ok(id)
}

/// Commits, and empties what SQLite keeps of the rows beside the database. In a task of its own, so that a client that
/// leaves in between stops neither.
async fn commit(db: &Database, write: Write) -> AppResult<()> {
    let db = db.clone();
    let commit = tokio::spawn(async move {
        write.commit().await?;
        sqlite_log::empty(&db).await;
        Ok(())
    });
    commit.await.map_err(|error| AppError::Internal(error.to_string().into()))?
}

/// The contact and those that were merged into it.
async fn with_merged(ctx: &WriteContext<'_>, id: PublicId) -> AppResult<Vec<PublicId>> {
    let merges = contact_merge::Entity::find_in(ctx.organization)
        .filter(contact_merge::Column::SurvivorId.eq(id.to_string()))
        .all(&ctx.txn)
        .await?;
    let merged = merges.iter().filter_map(|merge| merge.merged_id.parse().ok());
    Ok(merged.chain([id]).collect())
}

/// Locks the rows until the transaction ends, and returns their ids. The contact that is to be erased must be among them.
async fn lock<E: Recorded<Id: Into<PublicId>>>(
    ctx: &WriteContext<'_>,
    id: E::Id,
    ids: &[PublicId],
) -> AppResult<Vec<E::Id>> {
    // All of one kind, because contacts of one kind only are merged.
    let ids: BTreeSet<E::Id> = ids.iter().filter_map(|id| id.to_string().parse().ok()).collect();
    let rows = E::find_in_with_deleted(ctx.organization)
        .filter(ctx.keys_in(E::ID, ids.iter().copied()))
        .order_by_asc(E::ID);
    let locked = rows.lock_exclusive().all(&ctx.txn).await?;
    if !locked.iter().any(|row| E::id(row) == id) {
        return Err(not_found("id"));
    }
    // A merge may have come first: it would leave a row behind that nobody reaches any more.
    if with_merged(ctx, id.into()).await?.len() != ids.len() {
        let message = "Another contact was merged into this one at the same time. Try again.";
        return Err(InputError::on("id", InputErrorCode::Conflict, message).into());
    }
    Ok(ids.into_iter().collect())
}

/// Refuses to erase a person whose assignments still go to the contact that it was merged into: they would be erased with it.
async fn check_merge_is_done(ctx: &WriteContext<'_>, id: InternalContactId) -> AppResult<()> {
    let merge = background_task::Entity::find_in(ctx.organization)
        .filter(background_task::Column::Kind.eq(TaskKind::InternalContactMerge))
        .filter(background_task::Column::SubjectId.eq(id.0));
    if merge.exists(&ctx.txn).await? {
        let message = "The assignments of this contact are still being moved to the contact that it was merged into. \
                       Try again shortly.";
        return Err(InputError::on("id", InputErrorCode::Conflict, message).into());
    }
    Ok(())
}

/// Removes the rows, empties their history, and records that it happened.
async fn remove<E: Recorded>(ctx: &WriteContext<'_>, ids: Vec<E::Id>) -> AppResult<()> {
    let of_them = ctx.keys_in(change_row::Column::EntityId, ids.iter().map(ToString::to_string));
    E::delete_in(ctx.organization).filter(ctx.keys_in(E::ID, ids.iter().copied())).exec(&ctx.txn).await?;
    empty_records(ctx, of_them).await?;
    let erased = |id| Change::of::<E>(id, Action::Erased, Diff::default());
    change::record_all(ctx, ids.into_iter().map(erased));
    Ok(())
}

/// Clears the fields of the changes. Kind, time and actor of each change stay.
async fn empty_records(ctx: &WriteContext<'_>, which: Expr) -> AppResult<()> {
    change_row::Entity::update_in(ctx.organization)
        .filter(which)
        .set(change_row::ActiveModel { fields: Set(json!({}).into()), ..Default::default() })
        .exec(&ctx.txn)
        .await?;
    Ok(())
}

/// Removes the assignments of these people and empties their history, also of assignments that were removed before. Of
/// those that others hold by now, the records that name the people are emptied. Gives the ids of all of them.
async fn remove_assignments(ctx: &WriteContext<'_>, people: &[InternalContactId]) -> AppResult<Vec<String>> {
    let of_them = ctx.keys_in(assignment::Column::InternalContactId, people.iter().copied());
    let held = assignment::Entity::find_in_with_deleted(ctx.organization)
        .filter(of_them.clone())
        .order_by_asc(assignment::Column::Id)
        .lock_exclusive()
        .all(&ctx.txn)
        .await?;
    assignment::Entity::delete_in(ctx.organization).filter(of_them).exec(&ctx.txn).await?;
    let records = records_that_name(ctx, people).await?;
    let gone = gone_assignments(ctx, &records).await?;
    let gone: Vec<String> = gone.into_iter().chain(held.iter().map(|row| row.id.to_string())).collect();
    let of_gone = ctx.keys_in(change_row::Column::EntityId, gone.iter().cloned());
    empty_records(ctx, of_gone).await?;
    let naming = records.iter().map(|(_, seq)| *seq);
    empty_records(ctx, ctx.keys_in(change_row::Column::Seq, naming)).await?;
    let deleted =
        |row: assignment::Model| Change::of::<assignment::Entity>(row.id, Action::Deleted, Diff::default());
    change::record_all(ctx, held.into_iter().map(deleted));
    Ok(gone.into_iter().chain(records.into_iter().map(|(id, _)| id)).collect())
}

/// The records of assignments that name one of these people: the assignment and the number of each. Written as the
/// indexes are that find them.
async fn records_that_name(
    ctx: &WriteContext<'_>,
    people: &[InternalContactId],
) -> AppResult<Vec<(String, i64)>> {
    let backend = ctx.txn.get_database_backend();
    let names = |side: &str| {
        let person = Expr::cust(if backend == DbBackend::Sqlite {
            format!("fields ->> '$.internalContactId.{side}'")
        } else {
            format!("fields #>> '{{internalContactId,{side}}}'")
        });
        let is_one = keys_in(backend, person.clone(), people.iter().map(ToString::to_string));
        person.is_not_null().and(is_one)
    };
    let of_assignments = format!("entity_kind = '{}'", assignment::Entity::KIND);
    let records = change_row::Entity::find_in(ctx.organization)
        .filter(Expr::cust(of_assignments))
        .filter(names("old").or(names("new")))
        .select_only()
        .columns([change_row::Column::EntityId, change_row::Column::Seq]);
    Ok(records.into_tuple().all(&ctx.txn).await?)
}

/// Those of the assignments of these records that are no more.
async fn gone_assignments(ctx: &WriteContext<'_>, records: &[(String, i64)]) -> AppResult<BTreeSet<String>> {
    let ids: BTreeSet<InternalContactAssignmentId> =
        records.iter().filter_map(|(id, _)| id.parse().ok()).collect();
    let is_one = ctx.keys_in(assignment::Column::Id, ids.iter().copied());
    let there = assignment::Entity::find_in_with_deleted(ctx.organization).filter(is_one);
    let there = there.select_only().column(assignment::Column::Id).into_tuple().all(&ctx.txn).await?;
    let there: BTreeSet<InternalContactAssignmentId> = there.into_iter().collect();
    Ok(ids.difference(&there).map(ToString::to_string).collect())
}

/// Their ids stand for nobody, and nobody's ids for them.
async fn forget_merges(ctx: &WriteContext<'_>, ids: &[PublicId]) -> AppResult<()> {
    let texts = || ids.iter().map(ToString::to_string);
    let merged = ctx.keys_in(contact_merge::Column::MergedId, texts());
    let survivor = ctx.keys_in(contact_merge::Column::SurvivorId, texts());
    contact_merge::Entity::delete_in(ctx.organization).filter(merged.or(survivor)).exec(&ctx.txn).await?;
    Ok(())
}

/// Forgets the idempotency keys of calls that made one of these rows or found it as it was: clients choose the keys, and
/// the hash of a person's fields confirms a guess of them. Repeated after this, such a call is a new one.
async fn forget_calls(ctx: &WriteContext<'_>, ids: &[String]) -> AppResult<()> {
    let backend = ctx.txn.get_database_backend();
    let result = || idempotency_key::Column::ResultId.into_expr();
    let is_one = ctx.keys_in(idempotency_key::Column::ResultId, ids.iter().cloned());
    // A bulk call keeps an array of results, each with its id in quotes.
    let position = if backend == DbBackend::Sqlite { "instr" } else { "strpos" };
    let quoted = keys_table(backend, ids.iter().map(|id| format!("\"{id}\"")));
    let is_within = Expr::exists(
        Query::select()
            .expr(Expr::cust("1"))
            .from_subquery(quoted, "quoted")
            .and_where(Expr::from(Func::cust(position).args([result(), Expr::col(("quoted", "id"))])).gt(0))
            .take(),
    );
    let is_bulk = result().like("[%");
    idempotency_key::Entity::delete_in(ctx.organization)
        .filter(is_one.or(is_bulk.and(is_within)))
        .exec(&ctx.txn)
        .await?;
    Ok(())
}
