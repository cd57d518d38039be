//! Reading records of any kind, and the few statements that every domain needs in the same form.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IdenStatic, IntoActiveModel, Iterable,
    QueryFilter, QueryOrder, QuerySelect, Select, SelectExt, Value,
    sea_query::{Expr, InsertStatement, LockType, OnConflict},
};

use super::{
    Database, ListRequest, Page, ReadContext, WriteContext, filter,
    filter::Filtered,
    input::Checks,
    page::{self, Paged, Parent, ParentRelation},
    record::Recorded,
};
use crate::{
    auth::RequestContext,
    entity::{Columns, Key, Scoped, ScopedById, insert_rows, keys_in},
    error::AppResult,
};

/// The active record with this id, if the caller may read and the id is one of its organization's.
pub async fn get<E: Recorded>(
    db: &Database,
    request: &RequestContext,
    id: &str,
) -> AppResult<Option<E::Model>> {
    let ctx = ReadContext::authorize(db, request)?;
    match id.parse() {
        // Boxed, see `page::page`.
        Ok(id) => Ok(Box::pin(E::find_by_id_in(ctx.organization, id).one(ctx.db)).await?),
        Err(_) => Ok(None),
    }
}

/// A page of the organization's records.
pub async fn list<E: Recorded>(
    db: &Database,
    request: &RequestContext,
    columns: Columns<E>,
    list: &ListRequest,
) -> AppResult<Page<E::Model>> {
    let ctx = ReadContext::authorize(db, request)?;
    let select = filter::rows::<E>(ctx, list.filter.as_ref()).await?;
    page::page(ctx.db, select, columns, &list.page).await
}

/// The records with these ids, deleted ones included: what refers to a record shows it.
pub async fn by_ids<E: Recorded>(
    ctx: ReadContext<'_>,
    ids: &[E::Id],
    columns: Columns<E>,
) -> AppResult<HashMap<E::Id, E::Model>> {
    among::<E, _>(ctx.db, E::find_in_with_deleted(ctx.organization), ids, columns, E::id).await
}

/// For each parent a page of the rows that are related to it.
pub(super) async fn pages<E: Paged + Filtered, P: Parent>(
    ctx: ReadContext<'_>,
    relation: ParentRelation,
    parents: &[P],
    columns: Columns<E>,
    list: &ListRequest,
) -> AppResult<HashMap<P, Page<E::Model>>> {
    let select = filter::rows::<E>(ctx, list.filter.as_ref()).await?;
    page::pages(ctx.db, (select, columns), relation, parents, &list.page).await
}

/// The rows with these keys that are among the selected.
pub(super) async fn among<E, K>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    ids: &[K],
    columns: Columns<E>,
    id_of: impl Fn(&<E as EntityTrait>::Model) -> K,
) -> AppResult<HashMap<K, E::Model>>
where
    E: Paged,
    K: Key + Copy + Eq + Hash,
{
    let key = E::key_column().into_expr();
    let select = select.filter(keys_in(db.get_database_backend(), key, ids.iter().copied()));
    let rows = page::read(db, E::select(select, columns), columns).await?;
    Ok(rows.into_iter().map(|row| (id_of(&row), row)).collect())
}

/// Whether an active row of the organization has this text in a column that must be unique among them. Null never does.
pub(super) async fn value_exists<E: Scoped>(
    ctx: &WriteContext<'_>,
    column: E::Column,
    value: impl Into<Value>,
) -> AppResult<bool> {
    let value = value.into();
    if matches!(value, Value::String(None)) {
        return Ok(false);
    }
    Ok(E::find_in(ctx.organization).filter(column.eq(value)).exists(&ctx.txn).await?)
}

/// The active row with this id, locked until the transaction ends.
pub(super) async fn lock_by_id<E: ScopedById>(
    ctx: &WriteContext<'_>,
    id: E::Id,
    lock: LockType,
) -> AppResult<Option<E::Model>> {
    let row = E::find_by_id_in(ctx.organization, id);
    Ok(ctx.txn.locked(row, lock).one(&ctx.txn).await?)
}

/// The row that an input is about, locked until the transaction ends; reports when it does not exist.
pub(super) async fn resolve_for_update<E: ScopedById>(
    ctx: &WriteContext<'_>,
    checks: &mut Checks,
    field: &'static str,
    id: Option<E::Id>,
) -> AppResult<Option<E::Model>> {
    let Some(id) = id else { return Ok(None) };
    Ok(checks.found(field, lock_by_id::<E>(ctx, id, LockType::Update).await?))
}

/// The row that an input refers to, locked against deletion until the transaction ends; reports when it does not exist.
pub(super) async fn resolve_reference<E: ScopedById<Id: Copy>>(
    ctx: &WriteContext<'_>,
    checks: &mut Checks,
    field: &'static str,
    id: Option<E::Id>,
) -> AppResult<Option<E::Model>> {
    let Some(id) = id else { return Ok(None) };
    ctx.txn.guard::<E>(ctx.organization, [id], None, LockType::KeyShare);
    Ok(checks.found(field, lock_by_id::<E>(ctx, id, LockType::KeyShare).await?))
}

/// Which of these records are active, each locked against deletion until the transaction ends.
pub(super) async fn lock_active<E: Recorded>(
    ctx: &WriteContext<'_>,
    ids: impl IntoIterator<Item = E::Id>,
) -> AppResult<HashSet<E::Id>> {
    let mut ids = ids.into_iter().peekable();
    if ids.peek().is_none() {
        return Ok(HashSet::new());
    }
    let rows = E::find_in(ctx.organization)
        .select_only()
        .column(E::ID)
        .filter(ctx.keys_in(E::ID, ids))
        .order_by_asc(E::ID);
    let rows: Vec<E::Id> = ctx.txn.locked(rows, LockType::KeyShare).into_tuple().all(&ctx.txn).await?;
    ctx.txn.guard::<E>(ctx.organization, rows.iter().copied(), None, LockType::KeyShare);
    Ok(rows.into_iter().collect())
}

/// The active rows that meet a condition, locked until the transaction ends, in the order of their ids: every writer that
/// locks several rows takes them in this order, so that none waits in a circle.
pub(super) async fn lock_where<E: ScopedById>(
    ctx: &WriteContext<'_>,
    condition: Expr,
) -> AppResult<Vec<E::Model>> {
    let rows = E::find_in(ctx.organization).filter(condition).order_by_asc(E::ID);
    Ok(rows.lock_exclusive().all(&ctx.txn).await?)
}

/// Inserts a row whose key and values are all known, unless it is in conflict with another one; returns whether it did.
pub(super) async fn insert_if_new<E>(db: &impl ConnectionTrait, row: E::Model) -> AppResult<bool>
where
    E: EntityTrait<Model: IntoActiveModel<E::ActiveModel>>,
    E::ActiveModel: Send,
{
    let insert = E::insert(row.into_active_model().reset_all());
    let conflict = OnConflict::new().do_nothing().to_owned();
    Ok(insert.on_conflict(conflict).exec_without_returning(db).await? == 1)
}

/// Inserts any number of rows whose keys and values are all known, in this order.
pub(super) async fn insert_all<E>(
    db: &impl ConnectionTrait,
    rows: impl IntoIterator<Item = E::Model>,
) -> AppResult<()>
where
    E: EntityTrait<Model: IntoActiveModel<E::ActiveModel>>,
{
    execute(db, all::<E>(db, rows)?).await
}

/// Writes any number of rows that are there anew, in this order.
pub(super) async fn replace_all<E: ScopedById>(
    db: &impl ConnectionTrait,
    rows: impl IntoIterator<Item = E::Model>,
) -> AppResult<()>
where
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    let fixed = [E::ID.as_str(), E::ORG_ID.as_str()];
    let columns = E::Column::iter().filter(|column| !fixed.contains(&column.as_str()));
    let conflict = OnConflict::columns([E::ORG_ID, E::ID]).update_columns(columns).to_owned();
    let insert = all::<E>(db, rows)?.map(|mut insert| insert.on_conflict(conflict).to_owned());
    execute(db, insert).await
}

fn all<E>(
    db: &impl ConnectionTrait,
    rows: impl IntoIterator<Item = E::Model>,
) -> AppResult<Option<InsertStatement>>
where
    E: EntityTrait<Model: IntoActiveModel<E::ActiveModel>>,
{
    let rows = rows.into_iter().map(IntoActiveModel::into_active_model);
    Ok(insert_rows::<E>(db.get_database_backend(), rows)?)
}

/// Executes a statement that there may be no need for.
pub(super) async fn execute(db: &impl ConnectionTrait, insert: Option<InsertStatement>) -> AppResult<()> {
    if let Some(insert) = insert {
        db.execute(&insert).await?;
    }
    Ok(())
}
