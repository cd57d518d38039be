//! A type of account contacts: Primary, Billing, Legal and whatever the organization adds.
//!
//! The database allows one default per organization. May import sea_orm and its siblings only.

use sea_orm::entity::prelude::*;

use super::{
    column_subset::ColumnSubset,
    id::{ContactTypeId, OrganizationId},
    record::scoped,
};

/// A row of `contact_type`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "contact_type")]
pub struct Model {
    /// The organization it belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: OrganizationId,
    /// Made by the application.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ContactTypeId,
    /// What it is called; unique in the organization.
    pub name: String,
    /// The type of contacts that are made without one.
    pub is_default: bool,
    /// The type that takes its place, set while it is deleted and contacts still have it.
    pub replaced_by: Option<ContactTypeId>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row last changed.
    pub updated_at: DateTimeUtc,
    /// Starts at 1 and grows by 1 with each change.
    pub version: i32,
    /// The contacts of this type.
    #[sea_orm(has_many)]
    pub account_contacts: HasMany<super::account_contact::Entity>,
}

scoped!(id: ContactTypeId, deleted_at: Some(Column::ReplacedBy));

impl ColumnSubset for Entity {}
