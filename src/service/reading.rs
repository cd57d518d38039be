//! The few statements that every domain needs in the same form.

use std::{collections::HashMap, hash::Hash, str::FromStr};

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IdenStatic, IntoActiveModel, Iterable,
    QueryFilter, QueryOrder, QuerySelect, Select, SelectExt,
    sea_query::{Expr, InsertStatement, OnConflict},
};

use super::{
    Database, authorize_read,
    page::{self, Paged},
};
use crate::{
    auth::RequestContext,
    entity::{Columns, Key, Scoped, ScopedById, id::OrganizationId, insert_rows, keys_in},
    error::{AppResult, InputError, InputErrorCode},
};

/// The active row with this id, if the caller may read and the id is one of its organization's.
pub(super) async fn get<E: ScopedById<Id: FromStr>>(
    db: &Database,
    ctx: &RequestContext,
    id: &str,
) -> AppResult<Option<E::Model>> {
    let organization = authorize_read(ctx)?;
    match id.parse() {
        // Boxed, see `page::page`.
        Ok(id) => Ok(Box::pin(E::find_by_id_in(organization, id).one(db.connection())).await?),
        Err(_) => Ok(None),
    }
}

/// The rows with these keys that are the organization's, deleted ones included: what refers to a row shows it.
pub(super) async fn by_ids<E, K>(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    ids: &[K],
    columns: Columns<E>,
    id_of: impl Fn(&<E as EntityTrait>::Model) -> K,
) -> AppResult<HashMap<K, E::Model>>
where
    E: Paged,
    K: Key + Copy + Eq + Hash,
{
    among::<E, K>(db, E::find_in_with_deleted(organization), ids, columns, id_of).await
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

/// Whether an active row of the organization has this value in a column that must be unique among them.
pub(super) async fn value_exists<E: Scoped>(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    column: E::Column,
    value: Option<&str>,
) -> AppResult<bool> {
    match value {
        Some(value) => Ok(E::find_in(organization).filter(column.eq(value)).exists(db).await?),
        None => Ok(false),
    }
}

/// The result of a call that was made before with the same idempotency key.
pub(super) fn replayed<T>(row: Option<T>) -> AppResult<T> {
    row.ok_or_else(|| {
        InputError::on(
            "idempotencyKey",
            InputErrorCode::Conflict,
            "The record that the first call with this key created has been deleted since. Use a new key to create another.",
        )
        .into()
    })
}

/// Inserts a row whose key and values are all known, unless it is in conflict with one that is there; answers whether it did.
pub(super) async fn insert_if_new<E>(db: &impl ConnectionTrait, row: E::Model) -> AppResult<bool>
where
    E: EntityTrait<Model: IntoActiveModel<E::ActiveModel>>,
    E::ActiveModel: Send,
{
    let insert = E::insert(row.into_active_model().reset_all());
    let conflict = OnConflict::new().do_nothing().to_owned();
    Ok(insert.on_conflict(conflict).exec_without_returning(db).await? == 1)
}

/// The active rows that meet a condition, held fast until the transaction ends, in the order of their ids: who holds
/// several rows takes them in this order, so that nobody waits for each other.
pub(super) async fn lock_where<E: ScopedById>(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    condition: Expr,
) -> AppResult<Vec<E::Model>> {
    let rows = E::find_in(organization).filter(condition).order_by_asc(E::ID);
    Ok(rows.lock_exclusive().all(db).await?)
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
