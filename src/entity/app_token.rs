//! An application token: what a program exchanges for tokens of a short life. Its text is known to its holder only.
//!
//! May import sea_orm and its siblings only.

use sea_orm::entity::prelude::*;

use super::{id::OrganizationId, record::scoped};

/// A row of `app_token`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "app_token")]
pub struct Model {
    /// Made by the application.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The organization in which it allows anything.
    pub org_id: OrganizationId,
    /// What it is for.
    pub description: String,
    /// The scopes that it allows, with spaces between them.
    pub scope: String,
    /// A hash of its text; unique.
    pub token_hash: Vec<u8>,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it ends, if it does.
    pub expires_at: Option<DateTimeUtc>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<DateTimeUtc>,
}

impl Entity {
    /// Selects the token whose text has this hash, of any organization, because a request has nothing but the token at that point.
    pub fn find_by_hash(hash: Vec<u8>) -> Select<Self> {
        Self::find().filter(Column::TokenHash.eq(hash))
    }
}

scoped!(id: Uuid, deleted_at: None);
