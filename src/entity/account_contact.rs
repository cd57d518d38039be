//! An account contact: a customer's person, at any number of accounts.
//!
//! May import sea_orm and its siblings only.

use sea_orm::entity::prelude::*;

use super::{
    Scoped, ScopedById, StoredJson,
    id::{AccountContactId, ContactTypeId, OrganizationId},
    sparse::sparse,
};

/// A row of `account_contact`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account_contact")]
pub struct Model {
    /// The organization the person is a contact of.
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: OrganizationId,
    /// Made by the application.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AccountContactId,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: Option<String>,
    /// The address as it was written.
    pub email: String,
    /// The address in the form that is compared; unique among the organization's living rows.
    pub email_key: String,
    /// E.164.
    pub phone: Option<String>,
    /// An http(s) address of a picture.
    pub avatar_url: Option<String>,
    /// What kind of contact the person is.
    pub contact_type_id: ContactTypeId,
    /// A JSON object, free for the client.
    #[sea_orm(column_type = "JsonBinary")]
    pub metadata: StoredJson,
    /// Its id in the system it came from; unique among the organization's living rows.
    pub remote_id: Option<String>,
    /// What it is sorted by: its name, folded. Empty until the application has folded it.
    pub sort_key: String,
    /// What it is found by: words, folded.
    pub words: String,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row last changed.
    pub updated_at: DateTimeUtc,
    /// Starts at 1 and grows by 1 with each change.
    pub version: i32,
    /// Set while the row is deleted.
    pub deleted_at: Option<DateTimeUtc>,
    /// What kind of contact the person is.
    #[sea_orm(belongs_to, from = "(org_id, contact_type_id)", to = "(org_id, id)")]
    pub contact_type: BelongsTo<super::contact_type::Entity>,
    /// The accounts the person is at.
    #[sea_orm(has_many, via = "account_contact_account")]
    pub accounts: HasMany<super::account::Entity>,
    /// The values of custom fields.
    #[sea_orm(has_many)]
    pub custom_field_values: HasMany<super::custom_field_value::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Scoped for Entity {
    const ORG_ID: Column = Column::OrgId;
    const DELETED_AT: Option<Column> = Some(Column::DeletedAt);
}

impl ScopedById for Entity {
    type Id = AccountContactId;

    const ID: Column = Column::Id;
}

sparse! {
    org_id: OrgId always,
    id: Id always,
    first_name: FirstName asked,
    last_name: LastName asked,
    email: Email asked,
    email_key: EmailKey asked,
    phone: Phone asked,
    avatar_url: AvatarUrl asked,
    contact_type_id: ContactTypeId always,
    metadata: Metadata asked,
    remote_id: RemoteId asked,
    sort_key: SortKey asked,
    words: Words asked,
    created_at: CreatedAt asked,
    updated_at: UpdatedAt asked,
    version: Version asked,
    deleted_at: DeletedAt always,
}
