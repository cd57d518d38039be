//! Idempotency keys: the same key with the same input gives the first result and does nothing; with other input it is
//! an error. The key is claimed inside the transaction that it protects, so of many callers one writes, the others
//! wait for it and read.

use std::str::FromStr;

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::OnConflict};
use serde::Serialize;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::{WriteContext, input::Checks, text};
use crate::{
    entity::{
        Scoped,
        idempotency_key::{ActiveModel, Column, Entity},
    },
    error::{AppError, AppResult, InputError, InputErrorCode},
};

const FIELD: &str = "idempotencyKey";
/// The most characters a key may have.
const LENGTH: usize = 255;

/// A key that this call was the first to use, or no key at all.
#[must_use = "a claim that is not completed makes every repetition fail"]
pub(super) struct Claim(Option<String>);

/// Claims the caller's key, or returns the result of the first call with it: the id of a row, or the text that a bulk write
/// kept. When the checks have found something the call will be rejected, and there is nothing to protect.
pub(super) async fn claim<T: FromStr>(
    ctx: &WriteContext<'_>,
    checks: &mut Checks,
    operation: &str,
    key: Option<&str>,
    input: &impl Serialize,
) -> AppResult<Result<Claim, T>> {
    let Some(key) = key else { return Ok(Ok(Claim(None))) };
    check(checks, key);
    if !checks.passed() {
        return Ok(Ok(Claim(None)));
    }
    let hash = hash(input)?;
    let row = ActiveModel {
        org_id: Set(ctx.organization),
        key: Set(key.to_owned()),
        operation: Set(operation.to_owned()),
        input_hash: Set(hash.clone()),
        result_id: Set(String::new()),
        created_at: Set(ctx.request.now),
    };
    let conflict = OnConflict::columns([Column::OrgId, Column::Key]).do_nothing().to_owned();
    if Entity::insert(row).on_conflict(conflict).exec_without_returning(&ctx.txn).await? == 1 {
        return Ok(Ok(Claim(Some(key.to_owned()))));
    }
    let first = Entity::find_in(ctx.organization).filter(Column::Key.eq(key)).one(&ctx.txn).await?;
    match first {
        Some(first) if first.operation == operation && first.input_hash == hash => {
            let result = first.result_id.parse();
            result.map(Err).map_err(|_| AppError::Internal("unreadable idempotent result".into()))
        }
        _ => Err(conflict_on_key("This key was already used with another input. Use a new key.")),
    }
}

/// The row that an earlier call with the same idempotency key created.
pub(super) fn replayed<T>(row: Option<T>) -> AppResult<T> {
    let message = "The record that the first call with this key created has been deleted since. \
                   Use a new key to create another.";
    row.ok_or_else(|| conflict_on_key(message))
}

fn conflict_on_key(message: &'static str) -> AppError {
    InputError::on(FIELD, InputErrorCode::Conflict, message).into()
}

fn check(checks: &mut Checks, key: &str) {
    if !text::is_visible(key) || key.chars().count() > LENGTH || !text::is_line(key) {
        let message = "Must have 1 to 255 visible characters and no control characters, for example a UUID.";
        checks.report(FIELD, InputErrorCode::Invalid, message);
    }
}

fn hash(input: &impl Serialize) -> AppResult<Vec<u8>> {
    let internal = |error: serde_json::Error| AppError::Internal(error.to_string().into());
    let mut input = serde_json::to_value(input).map_err(internal)?;
    normalize(&mut input);
    Ok(Sha256::digest(serde_json::to_vec(&input).map_err(internal)?).to_vec())
}

/// Brings the texts into the form in which they are stored, so that an input is the same in every form of its texts.
fn normalize(input: &mut Json) {
    match input {
        Json::String(value) => *value = text::normalize(value).into_owned(),
        Json::Array(items) => items.iter_mut().for_each(normalize),
        Json::Object(fields) => fields.values_mut().for_each(normalize),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

impl Claim {
    /// Whether there is a key.
    pub(super) fn is_keyed(&self) -> bool {
        self.0.is_some()
    }

    /// Stores the result of the call.
    pub(super) async fn complete(self, ctx: &WriteContext<'_>, result_id: impl ToString) -> AppResult<()> {
        let Some(key) = self.0 else { return Ok(()) };
        Entity::update_in(ctx.organization)
            .filter(Column::Key.eq(key))
            .set(ActiveModel { result_id: Set(result_id.to_string()), ..Default::default() })
            .exec(&ctx.txn)
            .await?;
        Ok(())
    }

    /// Stores the result of the call, and commits.
    pub(super) async fn commit(self, ctx: WriteContext<'_>, result_id: impl ToString) -> AppResult<()> {
        self.complete(&ctx, result_id).await?;
        ctx.commit().await
    }
}
