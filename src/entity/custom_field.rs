//! A custom field: what an organization wants to know of its account contacts beyond the built-in fields.
//!
//! Fields are archived, never deleted, so that their values keep a meaning. May import sea_orm and its siblings only.

use sea_orm::entity::prelude::*;
use serde::Serialize;

use super::{
    StoredJson,
    column_subset::ColumnSubset,
    id::{CustomFieldId, OrganizationId},
    record::scoped,
};

/// A row of `custom_field`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "custom_field")]
pub struct Model {
    /// The organization it belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: OrganizationId,
    /// Made by the application.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CustomFieldId,
    /// What programs call it; unique in the organization.
    pub key: String,
    /// What people call it.
    pub label: String,
    /// What its values are; never changes.
    pub field_type: FieldType,
    /// A JSON array: the choices of a field that has choices.
    #[sea_orm(column_type = "JsonBinary")]
    pub options: StoredJson,
    /// Whether each contact must have a value.
    pub is_required: bool,
    /// Set while the field is archived.
    pub archived_at: Option<DateTimeUtc>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row last changed.
    pub updated_at: DateTimeUtc,
    /// Starts at 1 and grows by 1 with each change.
    pub version: i32,
    /// Its values.
    #[sea_orm(has_many)]
    pub values: HasMany<super::custom_field_value::Entity>,
}

/// What the values of a custom field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, EnumIter, DeriveActiveEnum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum FieldType {
    /// One line of text.
    Text,
    /// Text of any number of lines.
    LongText,
    /// A whole number.
    Integer,
    /// A decimal number.
    Decimal,
    /// Yes or no.
    Boolean,
    /// A day.
    Date,
    /// A moment.
    DateTime,
    /// One of the options.
    SingleChoice,
    /// Any number of the options.
    MultiChoice,
    /// A web address.
    Url,
    /// An email address.
    Email,
    /// A phone number.
    Phone,
}

scoped!(id: CustomFieldId, deleted_at: None);

impl ColumnSubset for Entity {}
