//! An idempotency key: what the first request with it asked for and got.
//!
//! May import sea_orm and its siblings only.

use sea_orm::entity::prelude::*;

use super::{id::OrganizationId, record::scoped};

/// A row of `idempotency_key`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_key")]
pub struct Model {
    /// The organization in which the key counts.
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: OrganizationId,
    /// The key, chosen by the client.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// The operation that was asked for.
    pub operation: String,
    /// A hash of its input.
    pub input_hash: Vec<u8>,
    /// The public id of what came of it.
    pub result_id: String,
    /// When the key was first used.
    pub created_at: DateTimeUtc,
}

scoped!(deleted_at: None);
