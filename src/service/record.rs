//! Rows that have a version and a history: how they are changed, deleted and restored.
//!
//! Every change of such a row goes through here, so that none is without its record, and none leaves the version or the
//! columns that follow from others behind.

use std::{borrow::Cow, fmt::Display};

use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel,
    Iterable, QueryFilter, QuerySelect, QueryTrait, TryIntoModel, sea_query::LockType,
};

use super::{
    Write,
    change::{self, Action, Diff},
    input::{check_version, not_found},
    reading,
};
use crate::{
    auth::RequestContext,
    entity::{ScopedById, id::OrganizationId},
    error::{AppError, AppResult, InputError, InputErrorCode},
};

/// A value that only one active row may have: its column, the value, and what to say when another row has it.
pub(super) type Unique<'a, C> = (C, Option<&'a str>, &'static str);

/// A table whose rows have a version and a history.
pub(super) trait Recorded:
    ScopedById<
        Id: Display + Copy,
        Model: IntoActiveModel<Self::ActiveModel> + Send + Sync,
        ActiveModel: Row<Self>,
    >
{
    /// The type that clients see.
    const KIND: &'static str;
    /// Counts the changes.
    const VERSION: Self::Column;
    /// When the row last changed.
    const UPDATED_AT: Self::Column;

    /// The row's id.
    fn id(row: &Self::Model) -> Self::Id;

    /// The row's version.
    fn version(row: &Self::Model) -> i32;

    /// Fills in what follows from the other columns: what the row is sorted by and found by.
    fn derive(_: &mut Self::Model) {}

    /// The values that only one active row may have.
    fn unique(_: &Self::Model) -> Vec<Unique<'_, Self::Column>> {
        Vec::new()
    }
}

/// What a change needs of a row under change.
pub(super) trait Row<E: EntityTrait>:
    ActiveModelTrait<Entity = E> + ActiveModelBehavior + TryIntoModel<E::Model> + Send
{
}

impl<E, A> Row<E> for A
where
    E: EntityTrait,
    A: ActiveModelTrait<Entity = E> + ActiveModelBehavior + TryIntoModel<E::Model> + Send,
{
}

/// Inserts a new row and records its creation; answers the row as it is.
pub(super) async fn create<E: Recorded>(
    db: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    mut row: E::Model,
    diff: Diff,
) -> AppResult<E::Model>
where
    E::Model: Clone,
{
    E::derive(&mut row);
    db.insert_later::<E>([row.clone()])?;
    record::<E>(db, ctx, organization, E::id(&row), Action::Created, diff);
    Ok(row)
}

/// Writes what changed in a row, if anything did, and records it.
pub(super) async fn update<E: Recorded>(
    db: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    old: E::Model,
    row: E::ActiveModel,
    diff: Diff,
) -> AppResult<E::Model> {
    if diff.is_empty() {
        return Ok(old);
    }
    write::<E>(db, ctx, organization, (E::id(&old), E::version(&old)), row, Action::Updated, diff).await
}

/// The active row that an operation is about, held fast until the transaction ends and of the version that is expected.
pub(super) async fn find_for_update<E: Recorded>(
    db: &Write,
    organization: OrganizationId,
    id: E::Id,
    expected_version: Option<i32>,
) -> AppResult<E::Model> {
    let row = db.locked(E::find_by_id_in(organization, id), LockType::Update).one(db).await?;
    let row = row.ok_or_else(|| not_found("id"))?;
    check_version(expected_version, E::version(&row))?;
    Ok(row)
}

/// The same, of a row that may be deleted.
pub(super) async fn find_for_update_with_deleted<E: Recorded>(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    id: E::Id,
    expected_version: Option<i32>,
) -> AppResult<E::Model> {
    let row = E::find_in_with_deleted(organization).filter(E::ID.eq(id)).lock_exclusive().one(db).await?;
    let row = row.ok_or_else(|| not_found("id"))?;
    check_version(expected_version, E::version(&row))?;
    Ok(row)
}

/// Deletes an active row softly.
pub(super) async fn delete<E: Recorded>(
    db: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    old: E::Model,
) -> AppResult<E::Model> {
    let (deleted_at, what) = (Some(ctx.now), (Action::Deleted, Diff::default()));
    set_deleted::<E>(db, ctx, organization, old, deleted_at, what).await
}

/// Brings a deleted row back, unless other rows have its unique values by now.
pub(super) async fn restore<E: Recorded>(
    db: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    old: E::Model,
) -> AppResult<E::Model> {
    let mut conflicts = Vec::new();
    for (column, value, message) in E::unique(&old) {
        if reading::value_exists::<E>(db, organization, column, value).await? {
            conflicts.push(conflict(message));
        }
    }
    if !conflicts.is_empty() {
        return Err(AppError::Input(conflicts));
    }
    let what = (Action::Restored, Diff::default());
    set_deleted::<E>(db, ctx, organization, old, None, what).await.map_err(in_the_way)
}

/// What others took stands in the way of the row as a whole: an input that restores has no field to blame.
fn in_the_way(error: AppError) -> AppError {
    let AppError::Input(errors) = error else { return error };
    let blame = |error: InputError| match error.code {
        InputErrorCode::Taken => conflict(error.message),
        _ => error,
    };
    AppError::Input(errors.into_iter().map(blame).collect())
}

fn conflict(message: impl Into<Cow<'static, str>>) -> InputError {
    InputError::on("id", InputErrorCode::Conflict, message)
}

/// Soft-deletes an active row because another one, whose columns do not change, replaces it.
pub(super) async fn merge<E: Recorded>(
    db: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    (survivor, taken): (E::Model, Diff),
    (merged, gone): (E::Model, Diff),
) -> AppResult<E::Model> {
    let what = (Action::Merged, gone);
    set_deleted::<E>(db, ctx, organization, merged, Some(ctx.now), what).await?;
    let (id, version) = (E::id(&survivor), E::version(&survivor));
    let row = survivor.into_active_model();
    write::<E>(db, ctx, organization, (id, version), row, Action::Merged, taken).await
}

async fn set_deleted<E: Recorded>(
    db: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    old: E::Model,
    deleted_at: Option<sea_orm::prelude::DateTimeUtc>,
    (action, diff): (Action, Diff),
) -> AppResult<E::Model> {
    let Some(column) = E::DELETED_AT else {
        return Err(AppError::Internal("rows of this table are not deleted softly".into()));
    };
    let (id, version) = (E::id(&old), E::version(&old));
    let mut row = old.into_active_model();
    row.set(column, deleted_at.into());
    write::<E>(db, ctx, organization, (id, version), row, action, diff).await
}

async fn write<E: Recorded>(
    db: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    (id, version): (E::Id, i32),
    mut row: E::ActiveModel,
    action: Action,
    diff: Diff,
) -> AppResult<E::Model> {
    row.set(E::VERSION, (version + 1).into());
    row.set(E::UPDATED_AT, ctx.now.into());
    derive::<E>(&mut row)?;
    let update = E::update_in(organization).filter(E::ID.eq(id)).set(row.clone()).into_query();
    if db.is_optimistic() {
        db.guard::<E>(organization, [id], Some(E::VERSION.eq(version)), LockType::NoKeyUpdate);
        db.update_later(update);
    } else if db.execute(&update).await?.rows_affected() != 1 {
        return Err(DbErr::RecordNotUpdated.into());
    }
    record::<E>(db, ctx, organization, id, action, diff);
    Ok(row.try_into_model()?)
}

/// The row as it is after a change: of the next version, with what follows from its other columns. Writing and
/// recording it is left to the caller.
pub(super) fn revised<E: Recorded>(
    ctx: &RequestContext,
    version: i32,
    mut row: E::ActiveModel,
) -> AppResult<E::Model> {
    row.set(E::VERSION, (version + 1).into());
    row.set(E::UPDATED_AT, ctx.now.into());
    let mut row = row.try_into_model()?;
    E::derive(&mut row);
    Ok(row)
}

/// Sets the columns that follow from those that were changed.
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
pub(super) fn record<E: Recorded>(
    db: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    id: E::Id,
    action: Action,
    diff: Diff,
) {
    change::record(db, ctx, organization, (E::KIND, id.to_string()), action, diff);
}
