//! An account contact: a customer's person, at any number of accounts.
//!
//! May import sea_orm and its siblings only.

use sea_orm::entity::prelude::*;

use super::{
    Scoped, ScopedById, StoredJson,
    column_subset::column_subset,
    id::{AccountContactId, ContactTypeId, OrganizationId},
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
    /// The address in the form that is compared; unique among the organization's active rows.
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
    /// Its id in the system it came from; unique among the organization's active rows.
    pub remote_id: Option<String>,
    /// The normalized name, for sorting. Empty until the application has filled it.
    pub sort_key: String,
    /// The normalized words, for searching.
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

column_subset! {
    org_id: OrgId always,
    id: Id always,
    first_name: FirstName selected,
    last_name: LastName selected,
    email: Email selected,
    email_key: EmailKey selected,
    phone: Phone selected,
    avatar_url: AvatarUrl selected,
    contact_type_id: ContactTypeId always,
    metadata: Metadata selected,
    remote_id: RemoteId selected,
    sort_key: SortKey selected,
    words: Words selected,
    created_at: CreatedAt selected,
    updated_at: UpdatedAt selected,
    version: Version selected,
    deleted_at: DeletedAt always,
}
