//! The value that an account contact has in a custom field.
//!
//! It goes with the contact. May import sea_orm and its siblings only.

use sea_orm::entity::prelude::*;

use super::{
    StoredJson,
    id::{AccountContactId, CustomFieldId, OrganizationId},
    record::scoped,
};

/// A row of `custom_field_value`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "custom_field_value")]
pub struct Model {
    /// The organization of both the contact and the field.
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: OrganizationId,
    /// The contact.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_contact_id: AccountContactId,
    /// The field.
    #[sea_orm(primary_key, auto_increment = false)]
    pub custom_field_id: CustomFieldId,
    /// JSON of the kind that the field's type asks for.
    #[sea_orm(column_type = "JsonBinary")]
    pub value: StoredJson,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row last changed.
    pub updated_at: DateTimeUtc,
    /// The contact.
    #[sea_orm(belongs_to, from = "(org_id, account_contact_id)", to = "(org_id, id)")]
    pub account_contact: BelongsTo<super::account_contact::Entity>,
    /// The field.
    #[sea_orm(belongs_to, from = "(org_id, custom_field_id)", to = "(org_id, id)")]
    pub custom_field: BelongsTo<super::custom_field::Entity>,
}

scoped!(deleted_at: None);
