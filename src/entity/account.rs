//! An account: a customer, whose people are account contacts.
//!
//! May import sea_orm and its siblings only.

use sea_orm::entity::prelude::*;

use super::{
    Scoped, ScopedById,
    id::{AccountId, OrganizationId},
    sparse::sparse,
};

/// A row of `account`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account")]
pub struct Model {
    /// The organization it belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: OrganizationId,
    /// Made by the application.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AccountId,
    /// What it is called.
    pub name: String,
    /// The domain of its website and mail.
    pub primary_domain: Option<String>,
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
    /// Its people.
    #[sea_orm(has_many, via = "account_contact_account")]
    pub contacts: HasMany<super::account_contact::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Scoped for Entity {
    const ORG_ID: Column = Column::OrgId;
    const DELETED_AT: Option<Column> = Some(Column::DeletedAt);
}

impl ScopedById for Entity {
    type Id = AccountId;

    const ID: Column = Column::Id;
}

sparse! {
    org_id: OrgId always,
    id: Id always,
    name: Name asked,
    primary_domain: PrimaryDomain asked,
    remote_id: RemoteId asked,
    sort_key: SortKey asked,
    words: Words asked,
    created_at: CreatedAt asked,
    updated_at: UpdatedAt asked,
    version: Version asked,
    deleted_at: DeletedAt asked,
}
