//! An internal contact: one of the organization's own people.
//!
//! May import sea_orm and its siblings only.

use sea_orm::entity::prelude::*;

use super::{
    Scoped, ScopedById,
    column_subset::column_subset,
    id::{InternalContactId, OrganizationId},
};

/// A row of `internal_contact`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "internal_contact")]
pub struct Model {
    /// The organization the person belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: OrganizationId,
    /// Made by the application.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: InternalContactId,
    /// The address as it was written.
    pub email: String,
    /// The address in the form that is compared; unique among the organization's active rows.
    pub email_key: String,
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// The whole name of a person who has no given and family name.
    pub name: Option<String>,
    /// E.164.
    pub phone: Option<String>,
    /// Position in the organization.
    pub job_title: Option<String>,
    /// Identifier in the external system that it was synced from; unique among the organization's active rows.
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
    /// The roles the person has.
    #[sea_orm(has_many)]
    pub assignments: HasMany<super::internal_contact_assignment::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Scoped for Entity {
    const ORG_ID: Column = Column::OrgId;
    const DELETED_AT: Option<Column> = Some(Column::DeletedAt);
}

impl ScopedById for Entity {
    type Id = InternalContactId;

    const ID: Column = Column::Id;
}

column_subset! {
    org_id: OrgId always,
    id: Id always,
    email: Email selected,
    email_key: EmailKey selected,
    given_name: GivenName selected,
    family_name: FamilyName selected,
    name: Name selected,
    phone: Phone selected,
    job_title: JobTitle selected,
    remote_id: RemoteId selected,
    sort_key: SortKey selected,
    words: Words selected,
    created_at: CreatedAt selected,
    updated_at: UpdatedAt selected,
    version: Version selected,
    deleted_at: DeletedAt always,
}
