//! Idempotency keys: the same key with the same input gives the first result and does nothing; with other input it is
//! an error. The key is claimed inside the transaction that it protects, so of many callers one writes, the others
//! wait for it and read.

use std::str::FromStr;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::OnConflict,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::input::Checks;
use crate::{
    auth::RequestContext,
    entity::{
        Scoped,
        id::OrganizationId,
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
/// kept. When the checks have found something the
/// call will be refused, and there is nothing to protect.
pub(super) async fn claim<T: FromStr>(
    checks: &mut Checks,
    db: &impl ConnectionTrait,
    ctx: &RequestContext,
    (organization, operation): (OrganizationId, &str),
    key: Option<&str>,
    input: &impl Serialize,
) -> AppResult<Result<Claim, T>> {
    let Some(key) = key else { return Ok(Ok(Claim(None))) };
    check(checks, key);
    if !checks.passed() {
        return Ok(Ok(Claim(None)));
    }
    let row = ActiveModel {
        org_id: Set(organization),
        key: Set(key.to_owned()),
        operation: Set(operation.to_owned()),
        input_hash: Set(hash(input)?),
        result_id: Set(String::new()),
        created_at: Set(ctx.now),
    };
    let conflict = OnConflict::columns([Column::OrgId, Column::Key]).do_nothing().to_owned();
    let hash = row.input_hash.clone().unwrap();
    if Entity::insert(row).on_conflict(conflict).exec_without_returning(db).await? == 1 {
        return Ok(Ok(Claim(Some(key.to_owned()))));
    }
    let first = Entity::find_in(organization).filter(Column::Key.eq(key)).one(db).await?;
    match first {
        Some(first) if first.operation == operation && first.input_hash == hash => first
            .result_id
            .parse()
            .map(Err)
            .map_err(|_| AppError::Internal("unreadable idempotent result".into())),
        _ => Err(InputError::on(
            FIELD,
            InputErrorCode::Conflict,
            "This key was already used with another input. Use a new key.",
        )
        .into()),
    }
}

fn check(checks: &mut Checks, key: &str) {
    if key.trim().is_empty() || key.chars().count() > LENGTH || key.chars().any(char::is_control) {
        let message = "Must have 1 to 255 characters and no control characters.";
        checks.report(FIELD, InputErrorCode::Invalid, message);
    }
}

fn hash(input: &impl Serialize) -> AppResult<Vec<u8>> {
    let text = serde_json::to_vec(input).map_err(|error| AppError::Internal(error.to_string().into()))?;
    Ok(Sha256::digest(text).to_vec())
}

impl Claim {
    /// Whether there is a key.
    pub(super) fn is_keyed(&self) -> bool {
        self.0.is_some()
    }

    /// Notes what the call made.
    pub(super) async fn complete(
        self,
        db: &impl ConnectionTrait,
        organization: OrganizationId,
        result_id: impl ToString,
    ) -> AppResult<()> {
        let Some(key) = self.0 else { return Ok(()) };
        Entity::update_in(organization)
            .filter(Column::Key.eq(key))
            .set(ActiveModel { result_id: Set(result_id.to_string()), ..Default::default() })
            .exec(db)
            .await?;
        Ok(())
    }
}
