//! A merged contact, and the contact that its id resolves to.
//!
//! Of contacts of any kind, so both ids are public ones. May import sea_orm and its siblings only.

use sea_orm::entity::prelude::*;

use super::{id::OrganizationId, record::scoped};

/// A row of `contact_merge`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "contact_merge")]
pub struct Model {
    /// The organization of both contacts.
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: OrganizationId,
    /// The public id of the contact that was merged into the other.
    #[sea_orm(primary_key, auto_increment = false)]
    pub merged_id: String,
    /// The public id of the survivor; never a merged contact.
    pub survivor_id: String,
    /// When they were merged.
    pub created_at: DateTimeUtc,
}

scoped!(deleted_at: None);
