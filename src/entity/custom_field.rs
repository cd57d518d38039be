//! A custom field: what an organization wants to know of its account contacts beyond the built-in fields.
//!
//! Fields are archived, never deleted, so that their values keep a meaning. May import sea_orm and its siblings only.

use sea_orm::entity::prelude::*;
use serde::Serialize;

use super::{
    Scoped, ScopedById, StoredJson,
    column_subset::ColumnSubset,
    id::{CustomFieldId, OrganizationId},
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
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum FieldType {
    /// One line of text.
    #[sea_orm(string_value = "text")]
    Text,
    /// Text of any number of lines.
    #[sea_orm(string_value = "long_text")]
    LongText,
    /// A whole number.
    #[sea_orm(string_value = "integer")]
    Integer,
    /// A decimal number.
    #[sea_orm(string_value = "decimal")]
    Decimal,
    /// Yes or no.
    #[sea_orm(string_value = "boolean")]
    Boolean,
    /// A day.
    #[sea_orm(string_value = "date")]
    Date,
    /// A moment.
    #[sea_orm(string_value = "date_time")]
    DateTime,
    /// One of the options.
    #[sea_orm(string_value = "single_choice")]
    SingleChoice,
    /// Any number of the options.
    #[sea_orm(string_value = "multi_choice")]
    MultiChoice,
    /// A web address.
    #[sea_orm(string_value = "url")]
    Url,
    /// An email address.
    #[sea_orm(string_value = "email")]
    Email,
    /// A phone number.
    #[sea_orm(string_value = "phone")]
    Phone,
}

impl ActiveModelBehavior for ActiveModel {}

impl Scoped for Entity {
    const ORG_ID: Column = Column::OrgId;
    const DELETED_AT: Option<Column> = None;
}

impl ScopedById for Entity {
    type Id = CustomFieldId;

    const ID: Column = Column::Id;
}

impl ColumnSubset for Entity {}
