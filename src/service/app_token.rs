//! Application tokens: made and revoked by administrators, exchanged by programs for tokens of a short life.
//!
//! The text of a token is returned once, when it is created; the database keeps a hash. It is random enough for its hash to need
//! no salt and no time.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, prelude::Uuid,
};
use sha2::{Digest, Sha256};

use super::{
    Database, authorize_admin,
    input::{Checks, not_found},
};
use crate::{
    auth::{Exchange, Grant, RequestContext, Scope, Scopes},
    entity::{
        Scoped,
        app_token::{ActiveModel, Column, Entity, Model},
    },
    error::{AppError, AppResult, InputErrorCode},
};

/// What every token begins with, so that people and programs know one when they find it.
const PREFIX: &str = "cgat_";
/// How many random bytes a token has.
const BYTES: usize = 32;

/// A new application token.
#[derive(Clone, Debug)]
pub struct CreateAppToken {
    /// What it is for, never blank.
    pub description: String,
    /// What it allows, in its organization: so not gateway:admin.
    pub scopes: Scopes,
    /// When it ends, if it does.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Makes a token. Gives it with its text, which cannot be had again.
pub async fn create(
    db: &Database,
    ctx: &RequestContext,
    input: &CreateAppToken,
) -> AppResult<(Model, String)> {
    let organization = authorize_admin(ctx)?;
    let mut checks = Checks::default();
    let description = checks.required_line("description", &input.description);
    if input.expires_at.is_some_and(|end| end <= ctx.now) {
        checks.report(
            "expiresAt",
            InputErrorCode::Invalid,
            "The time is in the past. Use a time in the future.",
        );
    }
    if input.scopes.contains(Scope::GatewayAdmin) {
        let message =
            "An application token belongs to one organization and cannot have the scope gateway:admin.";
        checks.report("scopes", InputErrorCode::NotAllowed, message);
    }
    checks.finish()?;
    let text = new_text()?;
    let row = Model {
        id: ctx.new_id(),
        org_id: organization,
        description,
        scope: input.scopes.to_string(),
        token_hash: hash(&text),
        created_at: ctx.now,
        expires_at: input.expires_at,
        revoked_at: None,
    };
    let write = db.begin().await?;
    Entity::insert(row.clone().into_active_model()).exec_without_returning(&write).await?;
    write.commit().await?;
    Ok((row, text))
}

/// The tokens of the organization, revoked ones included, in the order of creation.
pub async fn list(db: &Database, ctx: &RequestContext) -> AppResult<Vec<Model>> {
    let organization = authorize_admin(ctx)?;
    Ok(Entity::find_in(organization).order_by_asc(Column::Id).all(db.connection()).await?)
}

/// Revokes a token: nobody exchanges it from now on. One that is revoked already stays as it is.
pub async fn revoke(db: &Database, ctx: &RequestContext, id: &str) -> AppResult<()> {
    let organization = authorize_admin(ctx)?;
    let id: Uuid = id.parse().map_err(|_| not_found("id"))?;
    let write = db.begin().await?;
    let token = Entity::find_in(organization).filter(Column::Id.eq(id)).one(&write).await?;
    let token = token.ok_or_else(|| not_found("id"))?;
    if token.revoked_at.is_none() {
        let revoked = ActiveModel { revoked_at: Set(Some(ctx.now)), ..Default::default() };
        let update = Entity::update_in(organization).filter(Column::Id.eq(id)).set(revoked);
        update.exec(&write).await?;
    }
    write.commit().await
}

/// What the token with this text is exchanged for at this time, if it may be.
pub async fn exchange(
    db: &Database,
    exchange: &Exchange,
    text: &str,
    now: DateTime<Utc>,
) -> AppResult<Option<String>> {
    let Some(token) = usable(db, text, now).await? else { return Ok(None) };
    let grant = Grant {
        subject: &format!("app_token:{}", token.id),
        organization: token.org_id.0,
        scopes: Scopes::parse(&token.scope),
        ends: token.expires_at,
    };
    exchange.token(&grant, now).map(Some).map_err(|error| AppError::Internal(error.to_string().into()))
}

/// The token with this text, neither revoked nor expired. Its organization is not known yet, so the whole database is
/// looked at, for this one hash.
async fn usable(db: &Database, text: &str, now: DateTime<Utc>) -> AppResult<Option<Model>> {
    if !text.starts_with(PREFIX) {
        return Ok(None);
    }
    let found = Entity::find_by_hash(hash(text)).one(db.bypass_rls().connection()).await?;
    let ends = |token: &Model| token.expires_at.is_some_and(|end| end <= now);
    Ok(found.filter(|token| token.revoked_at.is_none() && !ends(token)))
}

/// A text that nobody guesses.
fn new_text() -> AppResult<String> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|error| AppError::Internal(error.to_string().into()))?;
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

fn hash(text: &str) -> Vec<u8> {
    Sha256::digest(text).to_vec()
}
