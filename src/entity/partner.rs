//! A partner: a company that internal contacts are assigned to.
//!
//! May import sea_orm and its siblings only.

use sea_orm::entity::prelude::*;

use super::{
    Scoped, ScopedById,
    column_subset::column_subset,
    id::{OrganizationId, PartnerId},
};

/// A row of `partner`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "partner")]
pub struct Model {
    /// The organization it belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: OrganizationId,
    /// Made by the application.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PartnerId,
    /// What it is called.
    pub name: String,
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
    /// The people who look after it.
    #[sea_orm(has_many)]
    pub assignments: HasMany<super::internal_contact_assignment::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Scoped for Entity {
    const ORG_ID: Column = Column::OrgId;
    const DELETED_AT: Option<Column> = Some(Column::DeletedAt);
}

impl ScopedById for Entity {
    type Id = PartnerId;

    const ID: Column = Column::Id;
}

column_subset! {
    org_id: OrgId always,
    id: Id always,
    name: Name selected,
    remote_id: RemoteId selected,
    sort_key: SortKey selected,
    words: Words selected,
    created_at: CreatedAt selected,
    updated_at: UpdatedAt selected,
    version: Version selected,
    deleted_at: DeletedAt selected,
}
