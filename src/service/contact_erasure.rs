//! Erasing contacts: an administrator's act that leaves nothing of a person but the record that it happened.

use std::collections::BTreeSet;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, QueryFilter, QueryOrder, QuerySelect, SelectExt, Set,
    sea_query::{Expr, ExprTrait, Func, Query},
};
use serde_json::json;

use super::{
    Database, Write, authorize_admin,
    change::{self, Action, Change, Diff},
    input::not_found,
    record::Recorded,
    sqlite_log,
};
use crate::{
    auth::RequestContext,
    entity::{
        Key, Scoped, account_contact,
        background_task::{self, TaskKind},
        change as change_row, contact_merge,
        id::{InternalContactAssignmentId, InternalContactId, OrganizationId, PublicId},
        idempotency_key, internal_contact, internal_contact_assignment as assignment, keys_in, keys_table,
        organization_contact,
    },
    error::{AppError, AppResult, InputError, InputErrorCode},
};

/// Removes a contact of any kind for good, active or deleted, and the contacts that were merged into it: with their
/// values, links and assignments, the history of all of these, and the idempotency keys of the calls that
/// made them.
pub async fn erase(db: &Database, ctx: &RequestContext, id: &str) -> AppResult<PublicId> {
    let organization = authorize_admin(ctx)?;
    let id: PublicId = id.parse().map_err(|_| not_found("id"))?;
    let write = db.begin().await?;
    let txn = &write;
    let ids = with_merged(txn, organization, id).await?;
    let mut erased: Vec<String> = ids.iter().map(ToString::to_string).collect();
    match id {
        PublicId::InternalContact(id) => {
            let ids = of_kind(&ids, id, |id| match id {
                PublicId::InternalContact(id) => Some(*id),
                _ => None,
            });
            hold::<internal_contact::Entity>(txn, organization, id, &ids).await?;
            check_merge_is_done(txn, organization, id).await?;
            erased.extend(remove_assignments(txn, ctx, organization, &ids).await?);
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
    forget_calls(txn, organization, &erased).await?;
    commit(db, write).await?;
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
        let message = "Another contact was merged into this one at the same time. Try again.";
        return Err(InputError::on("id", InputErrorCode::Conflict, message).into());
    }
    Ok(())
}

/// Refuses to erase a person whose assignments still go to the contact that it was merged into: they would be erased with it.
async fn check_merge_is_done(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    id: InternalContactId,
) -> AppResult<()> {
    let merge = background_task::Entity::find_in(organization)
        .filter(background_task::Column::Kind.eq(TaskKind::InternalContactMerge))
        .filter(background_task::Column::SubjectId.eq(id.0));
    if merge.exists(db).await? {
        let message = "The assignments of this contact are still being moved to the contact that it was merged into. \
                       Try again shortly.";
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
    empty_records(db, organization, of_them).await?;
    let erased = |id| Change { kind: E::KIND, id, action: Action::Erased, diff: Diff::default() };
    change::record_all(db, ctx, organization, texts.into_iter().map(erased));
    Ok(())
}

/// Clears the fields of the changes. Kind, time and actor of each change stay.
async fn empty_records(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    which: Expr,
) -> AppResult<()> {
    change_row::Entity::update_in(organization)
        .filter(which)
        .set(change_row::ActiveModel { fields: Set(json!({}).into()), ..Default::default() })
        .exec(db)
        .await?;
    Ok(())
}

/// Removes the assignments of these people and empties their history, also of assignments that were removed before. Of
/// those that others hold by now, the records that name the people are emptied. Gives the ids of all of them.
async fn remove_assignments(
    db: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    people: &[InternalContactId],
) -> AppResult<Vec<String>> {
    let backend = db.get_database_backend();
    let column = assignment::Column::InternalContactId;
    let of_them = keys_in(backend, column.into_expr(), people.iter().copied());
    let held = assignment::Entity::find_in_with_deleted(organization)
        .filter(of_them.clone())
        .order_by_asc(assignment::Column::Id)
        .lock_exclusive()
        .all(db)
        .await?;
    assignment::Entity::delete_in(organization).filter(of_them).exec(db).await?;
    let held: Vec<String> = held.iter().map(|row| row.id.to_string()).collect();
    let records = records_that_name(db, organization, people).await?;
    let gone = gone_assignments(db, organization, &records).await?;
    let gone: Vec<String> = gone.into_iter().chain(held.iter().cloned()).collect();
    let of_gone = keys_in(backend, change_row::Column::EntityId.into_expr(), gone.iter().cloned());
    empty_records(db, organization, of_gone).await?;
    let naming = records.iter().map(|(_, seq)| *seq);
    empty_records(db, organization, keys_in(backend, change_row::Column::Seq.into_expr(), naming)).await?;
    let kind = assignment::Entity::KIND;
    let deleted = |id| Change { kind, id, action: Action::Deleted, diff: Diff::default() };
    change::record_all(db, ctx, organization, held.into_iter().map(deleted));
    Ok(gone.into_iter().chain(records.into_iter().map(|(id, _)| id)).collect())
}

/// The records of assignments that name one of these people: the assignment and the number of each. Written as the
/// indexes are that find them.
async fn records_that_name(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    people: &[InternalContactId],
) -> AppResult<Vec<(String, i64)>> {
    let backend = db.get_database_backend();
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
    let records = change_row::Entity::find_in(organization)
        .filter(Expr::cust(of_assignments))
        .filter(names("old").or(names("new")))
        .select_only()
        .columns([change_row::Column::EntityId, change_row::Column::Seq]);
    Ok(records.into_tuple().all(db).await?)
}

/// Those of the assignments of these records that are no more.
async fn gone_assignments(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    records: &[(String, i64)],
) -> AppResult<BTreeSet<String>> {
    let ids: BTreeSet<InternalContactAssignmentId> =
        records.iter().filter_map(|(id, _)| id.parse().ok()).collect();
    let is_one = keys_in(db.get_database_backend(), assignment::Column::Id.into_expr(), ids.iter().copied());
    let there = assignment::Entity::find_in_with_deleted(organization).filter(is_one);
    let there = there.select_only().column(assignment::Column::Id).into_tuple().all(db).await?;
    let there: BTreeSet<InternalContactAssignmentId> = there.into_iter().collect();
    Ok(ids.difference(&there).map(ToString::to_string).collect())
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

/// Forgets the idempotency keys of calls that made one of these rows or found it as it was: clients choose the keys, and
/// the hash of a person's fields confirms a guess of them. Repeated after this, such a call is a new one.
async fn forget_calls(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    ids: &[String],
) -> AppResult<()> {
    let backend = db.get_database_backend();
    let result = || idempotency_key::Column::ResultId.into_expr();
    let is_one = keys_in(backend, result(), ids.iter().cloned());
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
    idempotency_key::Entity::delete_in(organization)
        .filter(is_one.or(is_bulk.and(is_within)))
        .exec(db)
        .await?;
    Ok(())
}
