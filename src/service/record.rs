//! Records: rows that have a version and a history. How they are created, changed, deleted and restored.
//!
//! Every change of such a row goes through here, so that none is without its entry in the history, and none leaves the
//! version or the derived columns behind. `create`, `update`, `delete` and `restore` are whole units of work,
//! `insert_row` and `update_row` a part of one.

use std::{borrow::Cow, fmt::Display, hash::Hash, str::FromStr};

use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait,
    IntoActiveModel, Iterable, ModelTrait, QueryFilter, QuerySelect, QueryTrait, TryGetable, TryIntoModel,
    Value, prelude::DateTimeUtc, sea_query::LockType,
};
use serde::Serialize;

use super::{
    Database, WriteContext, acting,
    change::{self, Action, Diff},
    cursor::{CursorKey, Order},
    filter::Filtered,
    idempotency::{self, Claim},
    input::{Checks, check_version, not_found},
    page::Paged,
    reading,
};
use crate::{
    auth::{RequestContext, Scope},
    entity::{
        ColumnSubset, Key, ScopedById,
        id::{OrganizationId, TypedId},
    },
    error::{AppError, AppResult, InputError, InputErrorCode},
};

/// A column whose values only one active row may have, with its field and the message when another row has the value.
pub type Unique<C> = (C, &'static str, &'static str);

/// A table whose rows have a version and a history.
pub trait Recorded:
    ScopedById<
        Id: TypedId<Key: Into<CursorKey>> + Key + TryGetable + Display + Ord + Hash + Send + Sync,
        Model: ModelTrait<Entity = Self> + IntoActiveModel<Self::ActiveModel> + Clone + Send + Sync,
        ActiveModel: Row<Self>,
    > + ColumnSubset
    + Filtered
{
    /// The type that clients see.
    const KIND: &'static str;
    /// Names the list and its order in cursors.
    const LIST: Order;
    /// When the row was created.
    const CREATED_AT: Self::Column;
    /// When the row last changed.
    const UPDATED_AT: Self::Column;
    /// Counts the changes.
    const VERSION: Self::Column;
    /// What a token has to allow for a change of the row.
    const WRITE_SCOPE: Scope = Scope::ContactsWrite;
    /// The values that only one active row may have.
    const UNIQUE: &'static [Unique<Self::Column>] = &[];

    /// The row's id.
    fn id(row: &Self::Model) -> Self::Id;

    /// The row's version.
    fn version(row: &Self::Model) -> i32;

    /// Fills in the derived columns: the sort key and the words for searching.
    fn derive(_: &mut Self::Model) {}

    /// Checks a deleted row before it is restored.
    fn check_restorable(_: &WriteContext<'_>, _: Self::Id) -> impl Future<Output = AppResult<()>> + Send {
        async { Ok(()) }
    }

    /// Updates what depends on a row that was deleted. Returns whether a background task may have been created for it.
    fn after_delete(_: &WriteContext<'_>, _: Self::Id) -> impl Future<Output = AppResult<bool>> + Send {
        async { Ok(false) }
    }

    /// The same for a row that was restored.
    fn after_restore(_: &WriteContext<'_>, _: Self::Id) -> impl Future<Output = AppResult<bool>> + Send {
        async { Ok(false) }
    }
}

/// The items of [`Recorded`] that are the same for every table whose columns have the usual names.
macro_rules! recorded_columns {
    () => {
        const CREATED_AT: Column = Column::CreatedAt;
        const UPDATED_AT: Column = Column::UpdatedAt;
        const VERSION: Column = Column::Version;

        fn id(row: &Model) -> <Self as $crate::entity::ScopedById>::Id {
            row.id
        }

        fn version(row: &Model) -> i32 {
            row.version
        }
    };
}
pub(super) use recorded_columns;

/// Records are listed in the order of their ids.
impl<E: Recorded> Paged for E {
    const ORDER: Order = E::LIST;

    fn key_column() -> E::Column {
        E::ID
    }

    fn key(row: &E::Model) -> CursorKey {
        E::id(row).key().into()
    }
}

/// What a change needs of a row under change.
pub trait Row<E: EntityTrait>:
    ActiveModelTrait<Entity = E> + ActiveModelBehavior + TryIntoModel<E::Model> + Send
{
}

impl<E, A> Row<E> for A
where
    E: EntityTrait,
    A: ActiveModelTrait<Entity = E> + ActiveModelBehavior + TryIntoModel<E::Model> + Send,
{
}

/// The version of the active row with this id, to compare a condition with; none if there is no such row.
pub async fn current_version<E: Recorded>(
    db: &Database,
    ctx: &RequestContext,
    id: &str,
) -> AppResult<Option<i32>>
where
    E::Id: FromStr,
{
    let Ok(id) = id.parse() else { return Ok(None) };
    let row = E::find_by_id_in(OrganizationId(ctx.organization()?), id);
    Ok(row.select_only().column(E::VERSION).into_tuple().one(db.connection()).await?)
}

/// Creates a row, once for each idempotency key. `write` checks the input and puts its values into the new row.
pub(super) async fn create<E: Recorded>(
    db: &Database,
    request: &RequestContext,
    key: Option<&str>,
    input: &impl Serialize,
    write: impl FnOnce(&mut Checks, &mut E::ActiveModel) -> Diff,
) -> AppResult<E::Model> {
    let organization = acting(request, E::WRITE_SCOPE)?;
    let mut checks = Checks::of(request);
    let mut row = E::ActiveModel::default();
    let diff = write(&mut checks, &mut row);
    let ctx = WriteContext::begin(db, request, organization).await?;
    let claim = match claim::<E>(&ctx, &mut checks, key, input).await? {
        Ok(claim) => claim,
        Err(first) => return Ok(first),
    };
    check_unique::<E>(&ctx, &mut checks, &row).await?;
    checks.finish()?;
    let row = insert_row::<E>(&ctx, row, diff)?;
    claim.commit(ctx, E::id(&row)).await?;
    Ok(row)
}

/// Changes the active row with this id. `write` checks the input and puts its values into the row.
pub(super) async fn update<E: Recorded>(
    db: &Database,
    request: &RequestContext,
    id: &str,
    expected_version: Option<i32>,
    write: impl FnOnce(&mut Checks, &mut E::ActiveModel) -> Diff + Send,
) -> AppResult<E::Model> {
    let (ctx, old) = begin_update::<E>(db, request, id, expected_version).await?;
    let mut checks = Checks::of(request);
    let mut row = old.clone().into_active_model();
    let diff = write(&mut checks, &mut row);
    check_unique::<E>(&ctx, &mut checks, &row).await?;
    checks.finish()?;
    let new = update_row::<E>(&ctx, old, row, diff).await?;
    ctx.commit().await?;
    Ok(new)
}

/// Deletes the active row with this id.
pub async fn delete<E: Recorded>(
    db: &Database,
    request: &RequestContext,
    id: &str,
    expected_version: Option<i32>,
) -> AppResult<E::Model> {
    let (ctx, old) = begin_update::<E>(db, request, id, expected_version).await?;
    let new = set_deleted::<E>(&ctx, old, Some(request.now), Action::Deleted, Diff::default()).await?;
    let has_task = E::after_delete(&ctx, E::id(&new)).await?;
    commit_and_wake(ctx, db, has_task).await?;
    Ok(new)
}

/// Restores the deleted row with this id, unless other rows have its unique values by now. One that is not deleted stays
/// as it is.
pub async fn restore<E: Recorded>(
    db: &Database,
    request: &RequestContext,
    id: &str,
    expected_version: Option<i32>,
) -> AppResult<E::Model> {
    let (ctx, id) = begin::<E>(db, request, id).await?;
    let old = E::find_in_with_deleted(ctx.organization).filter(E::ID.eq(id));
    let old = old.lock_exclusive().one(&ctx.txn).await?.ok_or_else(|| not_found("id"))?;
    check_version(expected_version, E::version(&old))?;
    if !is_deleted::<E>(&old) {
        return Ok(old);
    }
    E::check_restorable(&ctx, id).await?;
    check_conflicts::<E>(&ctx, &old).await?;
    let restored = set_deleted::<E>(&ctx, old, None, Action::Restored, Diff::default()).await;
    let new = restored.map_err(on_the_row)?;
    let has_task = E::after_restore(&ctx, id).await?;
    commit_and_wake(ctx, db, has_task).await?;
    Ok(new)
}

async fn commit_and_wake(ctx: WriteContext<'_>, db: &Database, has_task: bool) -> AppResult<()> {
    ctx.commit().await?;
    if has_task {
        db.wake_worker();
    }
    Ok(())
}

/// Begins a unit of work on the row with this id.
pub(super) async fn begin<'a, E: Recorded>(
    db: &Database,
    request: &'a RequestContext,
    id: &str,
) -> AppResult<(WriteContext<'a>, E::Id)> {
    let organization = acting(request, E::WRITE_SCOPE)?;
    let id = id.parse().map_err(|_| not_found("id"))?;
    Ok((WriteContext::begin(db, request, organization).await?, id))
}

/// Begins to change the active row with this id, which is locked and has the expected version.
pub(super) async fn begin_update<'a, E: Recorded>(
    db: &Database,
    request: &'a RequestContext,
    id: &str,
    expected_version: Option<i32>,
) -> AppResult<(WriteContext<'a>, E::Model)> {
    let (ctx, id) = begin::<E>(db, request, id).await?;
    let row = find_for_update::<E>(&ctx, id, expected_version).await?;
    Ok((ctx, row))
}

/// The active row with this id, locked until the transaction ends and of the expected version.
pub(super) async fn find_for_update<E: Recorded>(
    ctx: &WriteContext<'_>,
    id: E::Id,
    expected_version: Option<i32>,
) -> AppResult<E::Model> {
    let row = reading::lock_by_id::<E>(ctx, id, LockType::Update).await?.ok_or_else(|| not_found("id"))?;
    check_version(expected_version, E::version(&row))?;
    Ok(row)
}

/// Claims the idempotency key of a call that creates a row. When an earlier call claimed it, returns the row of that call.
pub(super) async fn claim<E: Recorded>(
    ctx: &WriteContext<'_>,
    checks: &mut Checks,
    key: Option<&str>,
    input: &impl Serialize,
) -> AppResult<Result<Claim, E::Model>> {
    let operation = format!("create{}", E::KIND);
    match idempotency::claim(ctx, checks, &operation, key, input).await? {
        Ok(claim) => Ok(Ok(claim)),
        Err(first) => {
            let row = E::find_by_id_in(ctx.organization, first).one(&ctx.txn).await?;
            idempotency::replayed(row).map(Err)
        }
    }
}

/// Reports each new value of the row that another active row has.
pub(super) async fn check_unique<E: Recorded>(
    ctx: &WriteContext<'_>,
    checks: &mut Checks,
    row: &E::ActiveModel,
) -> AppResult<()> {
    if !ctx.txn.needs_lookup(checks) {
        return Ok(());
    }
    for &(column, field, message) in E::UNIQUE {
        if let ActiveValue::Set(value) = row.get(column)
            && reading::value_exists::<E>(ctx, column, value).await?
        {
            checks.report(field, InputErrorCode::Taken, message);
        }
    }
    Ok(())
}

/// Inserts a new row and records its creation.
pub(super) fn insert_row<E: Recorded>(
    ctx: &WriteContext<'_>,
    row: E::ActiveModel,
    diff: Diff,
) -> AppResult<E::Model> {
    let row = new_row::<E>(ctx, row)?;
    ctx.txn.insert_later::<E>([row.clone()])?;
    record::<E>(ctx, E::id(&row), Action::Created, diff);
    Ok(row)
}

/// The new row with these values. Columns without a value are empty or derived.
pub(super) fn new_row<E: Recorded>(ctx: &WriteContext<'_>, mut row: E::ActiveModel) -> AppResult<E::Model> {
    if row.is_not_set(E::ID) {
        row.set(E::ID, ctx.request.new_id().into());
    }
    row.set(E::ORG_ID, ctx.organization.into());
    row.set(E::CREATED_AT, ctx.request.now.into());
    row.set(E::UPDATED_AT, ctx.request.now.into());
    row.set(E::VERSION, 1.into());
    let empty = E::ActiveModel::default_values();
    for column in E::Column::iter().filter(|column| row.is_not_set(*column)).collect::<Vec<_>>() {
        if let Some(value) = empty.get(column).into_value() {
            row.set(column, value);
        }
    }
    let mut row = row.try_into_model()?;
    E::derive(&mut row);
    Ok(row)
}

/// Writes what changed in a row, if anything did, and records it.
pub(super) async fn update_row<E: Recorded>(
    ctx: &WriteContext<'_>,
    old: E::Model,
    row: E::ActiveModel,
    diff: Diff,
) -> AppResult<E::Model> {
    if diff.is_empty() {
        return Ok(old);
    }
    write::<E>(ctx, (E::id(&old), E::version(&old)), row, Action::Updated, diff).await
}

/// Rejects the restoration of a row whose unique values other rows have.
async fn check_conflicts<E: Recorded>(ctx: &WriteContext<'_>, row: &E::Model) -> AppResult<()> {
    let mut conflicts = Vec::new();
    for &(column, _, message) in E::UNIQUE {
        if reading::value_exists::<E>(ctx, column, row.get(column)).await? {
            conflicts.push(conflict(message));
        }
    }
    if conflicts.is_empty() { Ok(()) } else { Err(AppError::Input(conflicts)) }
}

/// Unique values that another row took in between are an error of the row as a whole, because an input that restores has
/// no field for them.
fn on_the_row(error: AppError) -> AppError {
    let AppError::Input(errors) = error else { return error };
    let on_the_row = |error: InputError| match error.code {
        InputErrorCode::Taken => conflict(error.message),
        _ => error,
    };
    AppError::Input(errors.into_iter().map(on_the_row).collect())
}

fn conflict(message: impl Into<Cow<'static, str>>) -> InputError {
    InputError::on("id", InputErrorCode::Conflict, message)
}

/// Soft-deletes an active row because another one, whose columns do not change, replaces it.
pub(super) async fn merge_rows<E: Recorded>(
    ctx: &WriteContext<'_>,
    (survivor, moved): (E::Model, Diff),
    (merged, gone): (E::Model, Diff),
) -> AppResult<E::Model> {
    set_deleted::<E>(ctx, merged, Some(ctx.request.now), Action::Merged, gone).await?;
    let (id, version) = (E::id(&survivor), E::version(&survivor));
    write::<E>(ctx, (id, version), survivor.into_active_model(), Action::Merged, moved).await
}

fn is_deleted<E: Recorded>(row: &E::Model) -> bool {
    let deleted_at = E::DELETED_AT.map(|column| row.get(column));
    matches!(deleted_at, Some(Value::ChronoDateTimeUtc(Some(_))))
}

async fn set_deleted<E: Recorded>(
    ctx: &WriteContext<'_>,
    old: E::Model,
    deleted_at: Option<DateTimeUtc>,
    action: Action,
    diff: Diff,
) -> AppResult<E::Model> {
    let Some(column) = E::DELETED_AT else {
        return Err(AppError::Internal("rows of this table are not deleted softly".into()));
    };
    let (id, version) = (E::id(&old), E::version(&old));
    let mut row = old.into_active_model();
    row.set(column, deleted_at.into());
    write::<E>(ctx, (id, version), row, action, diff).await
}

async fn write<E: Recorded>(
    ctx: &WriteContext<'_>,
    (id, version): (E::Id, i32),
    mut row: E::ActiveModel,
    action: Action,
    diff: Diff,
) -> AppResult<E::Model> {
    row.set(E::VERSION, (version + 1).into());
    row.set(E::UPDATED_AT, ctx.request.now.into());
    derive::<E>(&mut row)?;
    let update = E::update_in(ctx.organization).filter(E::ID.eq(id)).set(row.clone()).into_query();
    if ctx.txn.is_optimistic() {
        let is_unchanged = Some(E::VERSION.eq(version));
        ctx.txn.guard::<E>(ctx.organization, [id], is_unchanged, LockType::NoKeyUpdate);
        ctx.txn.update_later(update);
    } else if ctx.txn.execute(&update).await?.rows_affected() != 1 {
        return Err(DbErr::RecordNotUpdated.into());
    }
    record::<E>(ctx, id, action, diff);
    Ok(row.try_into_model()?)
}

/// The row as it is after a change: of the next version, with its derived columns. Writing and recording it is left to
/// the caller.
pub(super) fn revised<E: Recorded>(
    ctx: &WriteContext<'_>,
    version: i32,
    mut row: E::ActiveModel,
) -> AppResult<E::Model> {
    row.set(E::VERSION, (version + 1).into());
    row.set(E::UPDATED_AT, ctx.request.now.into());
    let mut row = row.try_into_model()?;
    E::derive(&mut row);
    Ok(row)
}

/// Sets the derived columns.
fn derive<E: Recorded>(row: &mut E::ActiveModel) -> AppResult<()> {
    let mut whole: E::Model = row.clone().try_into_model()?;
    E::derive(&mut whole);
    let whole = whole.into_active_model();
    for column in E::Column::iter() {
        if let Some(value) = whole.get(column).into_value() {
            row.set_if_not_equals(column, value);
        }
    }
    Ok(())
}

/// Records what happened to a row.
pub(super) fn record<E: Recorded>(ctx: &WriteContext<'_>, id: E::Id, action: Action, diff: Diff) {
    change::record_all(ctx, [change::Change::of::<E>(id, action, diff)]);
}
