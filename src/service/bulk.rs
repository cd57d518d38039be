//! Bulk writes: many rows of one kind in one call, each created or updated by its identity.
//!
//! What is the same for every kind is here: how many rows, what happens when some are refused, repeated calls, lost
//! races, and the writing itself, in a handful of statements whatever the number of rows. A kind says in `Upsert` what
//! its rows mean.

use std::{
    borrow::Borrow,
    collections::{HashMap, HashSet, hash_map::Entry},
    hash::Hash,
};

use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, Select};
use serde::{Deserialize, Serialize};

use super::{
    Database, Write, WriteContext, authorize_write,
    change::{self, Action, Change, Diff},
    idempotency,
    input::Checks,
    reading,
    record::{self, Recorded},
};
use crate::{
    auth::RequestContext,
    entity::{Columns, Scoped, id::OrganizationId},
    error::{AppError, AppResult, InputError, InputErrorCode},
};

/// The most rows of one call.
pub const MAX_ROWS: usize = 1_000;
/// How many rows of other tables the rows of a call can name together.
const MAX_NAMED: usize = 5_000;
/// The most errors that are returned for a rejected call.
const MAX_ERRORS: usize = 100;
/// How often a call is tried while other writers come first.
const ATTEMPTS: usize = 3;
const ROWS: &str = "rows";

/// What happens to the good rows of a call when others are refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum ErrorPolicy {
    /// Nothing is written.
    #[default]
    RejectAll,
    /// The good rows are written.
    RejectFailedRows,
}

/// Rows to create or update.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Upserts<R> {
    /// The rows, no two of the same identity.
    pub rows: Vec<R>,
    /// What happens when some of them are refused.
    pub error_policy: ErrorPolicy,
    /// Makes repeating the call harmless.
    pub idempotency_key: Option<String>,
}

/// What became of a row. The names are kept with idempotency keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is new.
    Created,
    /// It was there and has changed.
    Updated,
    /// It was there and is as it was.
    Unchanged,
    /// It was refused.
    Failed,
}

/// What became of a row of the input.
#[derive(Clone, Debug)]
pub struct RowResult<M> {
    /// In one word.
    pub status: Status,
    /// The row as it is now. A repeated call finds none where it was removed since.
    pub row: Option<M>,
    /// Why it was refused.
    pub errors: Vec<InputError>,
}

/// A result as it is kept for a repeated call: no copy of the row, which may hold personal data.
#[derive(Serialize, Deserialize)]
struct StoredResult {
    status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    errors: Vec<InputError>,
}

/// A row of the input, what it comes to when it is cleaned, and what was found in it without the database.
pub struct Checked<'a, U: Upsert> {
    pub(super) input: &'a U,
    pub(super) row: U::Checked,
    pub(super) checks: Checks,
}

/// A kind of row that can be created or updated by its identity.
pub trait Upsert: Serialize + Send + Sync + Sized {
    /// Where the rows are.
    type Table: Recorded;
    /// The row, cleaned.
    type Checked: Send + Sync;
    /// What is written beside the rows.
    type SideEffects: Send + Sync;

    /// Checks a row without the database.
    fn check(&self, checks: &mut Checks) -> Self::Checked;

    /// How many rows of another table it is to be linked to.
    fn named(&self) -> usize {
        0
    }

    /// What a new row must not have in common with others. Rows are inserted in the order of it, so that of two callers
    /// who insert the same rows one waits for the other, and not each for the other.
    fn unique_key(row: &<Self::Table as EntityTrait>::Model) -> &str;

    /// Decides what becomes of each row, as if they came one after the other; what is found of them is held fast.
    fn plan(
        ctx: &WriteContext<'_>,
        rows: &[Checked<'_, Self>],
    ) -> impl Future<Output = AppResult<Plan<Self::Table, Self::SideEffects>>> + Send;

    /// The rows that a repeated call may show, deleted ones included.
    fn visible_rows(organization: OrganizationId) -> Select<Self::Table> {
        Self::Table::find_in_with_deleted(organization)
    }

    /// Writes what the rows need to be there.
    fn write_before(
        _: &WriteContext<'_>,
        _: &mut Self::SideEffects,
    ) -> impl Future<Output = AppResult<()>> + Send {
        async { Ok(()) }
    }

    /// Writes what needs the rows to be there.
    fn write_after(_: &WriteContext<'_>, _: Self::SideEffects) -> impl Future<Output = AppResult<()>> + Send {
        async { Ok(()) }
    }
}

/// What becomes of the rows, in their order.
pub struct Plan<E: Recorded, B> {
    pub(super) steps: Vec<Step<E>>,
    pub(super) side_effects: B,
}

/// What becomes of one row.
pub struct Step<E: Recorded> {
    result: RowResult<E::Model>,
    diff: Diff,
}

impl<E: Recorded> Step<E> {
    /// A new row.
    pub(super) fn created(row: E::Model, diff: Diff) -> Self {
        Self::of(Status::Created, Some(row), diff)
    }

    /// A row that was there, with what is to change; it may be nothing.
    pub(super) fn changed(
        ctx: &WriteContext<'_>,
        old: E::Model,
        row: E::ActiveModel,
        diff: Diff,
    ) -> AppResult<Self> {
        if diff.is_empty() {
            return Ok(Self::of(Status::Unchanged, Some(old), diff));
        }
        let row = record::revised::<E>(ctx, E::version(&old), row)?;
        Ok(Self::of(Status::Updated, Some(row), diff))
    }

    /// A row that is refused.
    pub(super) fn failed(checks: Checks) -> Self {
        let errors = checks.into_errors();
        Self { result: RowResult { status: Status::Failed, row: None, errors }, diff: Diff::default() }
    }

    fn of(status: Status, row: Option<E::Model>, diff: Diff) -> Self {
        Self { result: RowResult { status, row, errors: Vec::new() }, diff }
    }

    /// The row as it is to be written, if it is.
    pub(super) fn written(&self) -> Option<&E::Model> {
        self.row(Status::Created).or_else(|| self.row(Status::Updated))
    }

    /// The row, if this is what becomes of it.
    fn row(&self, status: Status) -> Option<&E::Model> {
        self.result.row.as_ref().filter(|_| self.result.status == status)
    }
}

/// The unique values that the rows of a call exchange: what one gives up, another one can take, before or after it.
pub(super) struct Exchange<K, E: Recorded> {
    /// The values that rows give up, with the records that have them.
    released: HashMap<K, E::Id>,
    /// The records whose values other rows take.
    pub(super) vacated: HashSet<E::Id>,
    /// The records that keep their values, because their rows fail.
    unchanged: HashSet<E::Id>,
}

impl<K, E: Recorded> Default for Exchange<K, E> {
    fn default() -> Self {
        Self { released: HashMap::new(), vacated: HashSet::new(), unchanged: HashSet::new() }
    }
}

impl<K: Eq + Hash, E: Recorded> Exchange<K, E> {
    /// Sets the values that rows give up.
    pub(super) fn release(&mut self, values: impl Iterator<Item = (K, E::Id)>) {
        self.vacated.clear();
        self.released = values.filter(|(_, record)| !self.unchanged.contains(record)).collect();
    }

    /// Whether a row may take the value of another record.
    pub(super) fn take<Q: Eq + Hash + ?Sized>(&mut self, value: &Q, holder: E::Id) -> bool
    where
        K: Borrow<Q>,
    {
        let is_released = self.released.get(value) == Some(&holder);
        if is_released {
            self.vacated.insert(holder);
        }
        is_released
    }

    /// Whether rows have to be planned again, because records whose values were taken are not updated. Then they keep their
    /// values; if that happens again all do, so that it ends.
    pub(super) fn has_failed(&mut self, known: impl Iterator<Item = E::Id>, steps: &[Step<E>]) -> bool {
        let updated: HashSet<E::Id> =
            steps.iter().filter_map(|step| step.row(Status::Updated)).map(E::id).collect();
        let failed: Vec<E::Id> = self.vacated.difference(&updated).copied().collect();
        match (failed.is_empty(), self.unchanged.is_empty()) {
            (true, _) => return false,
            (false, true) => self.unchanged.extend(failed),
            (false, false) => self.unchanged.extend(known),
        }
        true
    }
}

/// Which row of a call was the first of each identity.
pub(super) struct DuplicateTracker<K>(HashMap<K, usize>);

impl<K> Default for DuplicateTracker<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> DuplicateTracker<K> {
    /// Reports a row whose identity an earlier one has.
    pub(super) fn check(&mut self, checks: &mut Checks, field: &'static str, key: K, index: usize) {
        match self.0.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(index);
            }
            Entry::Occupied(first) => {
                let message = format!(
                    "The row with index {} has the same value. Send each record once, and each value in one row only.",
                    first.get()
                );
                checks.report(field, InputErrorCode::Invalid, message);
            }
        }
    }
}

/// Reports a row whose remote id an earlier row had, or else its other identity: one error is enough, where both are the
/// same. Returns whether it did.
pub(super) fn is_repeated<K: Eq + Hash>(
    checks: &mut Checks,
    index: usize,
    (remote_ids, remote_id): (&mut DuplicateTracker<String>, Option<&str>),
    (others, field, other): (&mut DuplicateTracker<K>, &'static str, Option<K>),
) -> bool {
    let mut repeated = Checks::default();
    if let Some(remote_id) = remote_id {
        remote_ids.check(&mut repeated, "remoteId", remote_id.to_owned(), index);
    }
    if let Some(other) = other
        && repeated.passed()
    {
        others.check(&mut repeated, field, other, index);
    }
    let is_repeated = !repeated.passed();
    checks.append(repeated);
    is_repeated
}

/// What became of the rows of a kind.
pub type Results<U> = Vec<RowResult<<<U as Upsert>::Table as EntityTrait>::Model>>;

/// Creates or updates rows, all of them or, where the policy says so, the good ones. Results are in the order of the rows.
pub async fn upsert<U: Upsert>(
    db: &Database,
    request: &RequestContext,
    input: &Upserts<U>,
) -> AppResult<Results<U>> {
    let organization = authorize_write(request)?;
    check_number(input.rows.len())?;
    check_named(&input.rows)?;
    let rows: Vec<Checked<'_, U>> = input.rows.iter().map(|row| checked(request, row)).collect();
    for _ in 0..ATTEMPTS {
        let ctx = WriteContext::begin(db, request, organization).await?;
        match attempt(ctx, input, &rows).await {
            Ok(Ok(results)) => return Ok(results),
            Ok(Err(errors)) => return Err(AppError::Input(errors)),
            Err(error) if error.is_lost_race() => {}
            Err(error) => return Err(error),
        }
    }
    let message = "Other requests are writing the same records. Nothing was written. Send the request again.";
    Err(InputError::on(ROWS, InputErrorCode::Conflict, message).into())
}

/// What would become of the rows if the good ones were written. Nothing is.
pub async fn preview<U: Upsert>(
    db: &Database,
    request: &RequestContext,
    rows: &[U],
) -> AppResult<Results<U>> {
    let organization = authorize_write(request)?;
    check_number(rows.len())?;
    check_named(rows)?;
    let rows: Vec<Checked<'_, U>> = rows.iter().map(|row| checked(request, row)).collect();
    let ctx = WriteContext::begin(db, request, organization).await?;
    plan_lookups(&ctx.txn).await?;
    let Plan { steps, .. } = U::plan(&ctx, &rows).await?;
    Ok(steps.into_iter().map(|step| step.result).collect())
}

/// The error of a try that found out by itself that another writer came first.
pub(super) fn lost_race() -> AppError {
    InputError::on(ROWS, InputErrorCode::Taken, "Another request changed the record first.").into()
}

fn check_number(rows: usize) -> AppResult<()> {
    let (code, message) = match rows {
        0 => (InputErrorCode::Required, "At least one row is required.".to_owned()),
        1..=MAX_ROWS => return Ok(()),
        _ => (
            InputErrorCode::TooMany,
            format!("At most {MAX_ROWS} rows are allowed. Send the others in another request."),
        ),
    };
    Err(InputError::on(ROWS, code, message).into())
}

fn check_named<U: Upsert>(rows: &[U]) -> AppResult<()> {
    if rows.iter().map(Upsert::named).sum::<usize>() <= MAX_NAMED {
        return Ok(());
    }
    let message = format!("All rows together can refer to at most {MAX_NAMED} other records.");
    Err(InputError::on(ROWS, InputErrorCode::TooMany, message).into())
}

fn checked<'a, U: Upsert>(request: &RequestContext, input: &'a U) -> Checked<'a, U> {
    let mut checks = Checks::of(request);
    Checked { input, row: input.check(&mut checks), checks }
}

/// One try: the results, or why the input is refused. An error that is a lost race leaves nothing behind and may be
/// tried again.
async fn attempt<U: Upsert>(
    ctx: WriteContext<'_>,
    input: &Upserts<U>,
    rows: &[Checked<'_, U>],
) -> AppResult<Result<Results<U>, Vec<InputError>>> {
    let mut checks = Checks::default();
    plan_lookups(&ctx.txn).await?;
    let operation = format!("upsert{}s", U::Table::KIND);
    let key = input.idempotency_key.as_deref();
    let claim = match idempotency::claim(&ctx, &mut checks, &operation, key, input).await? {
        Ok(claim) => claim,
        Err(first) => return replayed::<U>(&ctx, first).await.map(Ok),
    };
    let Plan { mut steps, mut side_effects } = U::plan(&ctx, rows).await?;
    for (index, step) in steps.iter_mut().enumerate() {
        let errors = std::mem::take(&mut step.result.errors);
        step.result.errors = errors.into_iter().map(|error| error.in_row(index)).collect();
    }
    let refused = refusal(checks, input.error_policy, &steps);
    if !refused.is_empty() {
        return Ok(Err(refused));
    }
    plan_writes(&ctx.txn).await?;
    U::write_before(&ctx, &mut side_effects).await?;
    write_rows::<U>(&ctx, &mut steps).await?;
    U::write_after(&ctx, side_effects).await?;
    let results: Results<U> = steps.into_iter().map(|step| step.result).collect();
    if claim.is_keyed() {
        claim.complete(&ctx, stored_results::<U>(&results)?).await?;
    }
    ctx.commit().await?;
    Ok(Ok(results))
}

/// Has PostgreSQL plan the lookups of the transaction for the rows that are there and the keys that are given. Otherwise
/// a connection keeps the plans of its first calls: made for an empty table, they compare every row with every key.
async fn plan_lookups(db: &Write) -> AppResult<()> {
    if db.get_database_backend() == DbBackend::Postgres {
        db.execute_unprepared("SET LOCAL plan_cache_mode = force_custom_plan").await?;
    }
    Ok(())
}

/// Has PostgreSQL plan the writes of the transaction once. Foreign keys are checked row by row, so a plan for each check
/// would cost more than the rows; but a kept plan that reads the whole table, right while it was small, costs more still.
async fn plan_writes(db: &Write) -> AppResult<()> {
    if db.get_database_backend() == DbBackend::Postgres {
        db.execute_unprepared("SET LOCAL plan_cache_mode TO DEFAULT; DISCARD PLANS").await?;
    }
    Ok(())
}

/// Why the call as a whole is refused, if it is.
fn refusal<E: Recorded>(checks: Checks, policy: ErrorPolicy, steps: &[Step<E>]) -> Vec<InputError> {
    let mut errors = checks.into_errors();
    if policy == ErrorPolicy::RejectAll {
        let of_rows = steps.iter().flat_map(|step| &step.result.errors);
        errors.extend(of_rows.take(MAX_ERRORS).cloned());
    }
    errors.truncate(MAX_ERRORS);
    errors
}

/// Changes first: they may give up what a new row takes.
async fn write_rows<U: Upsert>(ctx: &WriteContext<'_>, steps: &mut [Step<U::Table>]) -> AppResult<()> {
    let rows = |status| steps.iter().filter_map(move |step| step.row(status));
    reading::replace_all::<U::Table>(&ctx.txn, rows(Status::Updated).cloned()).await?;
    let mut new: Vec<_> = rows(Status::Created).collect();
    new.sort_by_key(|row| U::unique_key(row));
    reading::insert_all::<U::Table>(&ctx.txn, new.into_iter().cloned()).await?;
    let changes: Vec<Change> = steps.iter_mut().filter_map(change).collect();
    change::record_all(ctx, changes);
    Ok(())
}

fn change<E: Recorded>(step: &mut Step<E>) -> Option<Change> {
    let action = match step.result.status {
        Status::Created => Action::Created,
        Status::Updated => Action::Updated,
        Status::Unchanged | Status::Failed => return None,
    };
    let row = step.result.row.as_ref()?;
    Some(Change::of::<E>(E::id(row), action, std::mem::take(&mut step.diff)))
}

fn stored_results<U: Upsert>(results: &Results<U>) -> AppResult<String> {
    let kept: Vec<StoredResult> = results
        .iter()
        .map(|result| StoredResult {
            status: result.status,
            id: result.row.as_ref().map(|row| U::Table::id(row).to_string()),
            errors: result.errors.clone(),
        })
        .collect();
    serde_json::to_string(&kept).map_err(|error| AppError::Internal(error.to_string().into()))
}

/// The results of the first call, with the rows as they are now.
async fn replayed<U: Upsert>(ctx: &WriteContext<'_>, first: String) -> AppResult<Results<U>> {
    let kept: Vec<StoredResult> = serde_json::from_str(&first)
        .map_err(|_| AppError::Internal("unreadable idempotent result".into()))?;
    let id = |kept: &StoredResult| kept.id.as_deref().and_then(|id| id.parse().ok());
    let ids: Vec<_> = kept.iter().filter_map(id).collect();
    let shown = U::visible_rows(ctx.organization);
    let rows = reading::among::<U::Table, _>(&ctx.txn, shown, &ids, Columns::all(), U::Table::id).await?;
    let result = |(index, mut kept): (usize, StoredResult)| {
        let row = id(&kept).and_then(|id| rows.get(&id)).cloned();
        if row.is_none() && kept.id.is_some() {
            let message = "The record that this row created has been deleted since.";
            kept.errors.push(InputError::at(Vec::new(), InputErrorCode::Conflict, message).in_row(index));
        }
        RowResult { status: kept.status, row, errors: kept.errors }
    };
    Ok(kept.into_iter().enumerate().map(result).collect())
}
