//! An assignment: the role of an internal contact for a partner, or for none yet (floating).
//!
//! Assignments are removed, never soft-deleted. May import sea_orm and its siblings only.

use sea_orm::entity::prelude::*;
use serde::Serialize;

use super::{
    column_subset::column_subset,
    id::{InternalContactAssignmentId, InternalContactId, OrganizationId, PartnerId},
    record::scoped,
};

/// A row of `internal_contact_assignment`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "internal_contact_assignment")]
pub struct Model {
    /// The organization of both the person and the partner.
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: OrganizationId,
    /// Made by the application.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: InternalContactAssignmentId,
    /// The person.
    pub internal_contact_id: InternalContactId,
    /// The partner, or nothing while the assignment is floating.
    pub partner_id: Option<PartnerId>,
    /// What the person does.
    pub internal_role: InternalRole,
    /// Identifier in the external system that it was synced from; unique among the organization's active rows.
    pub remote_id: Option<String>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row last changed.
    pub updated_at: DateTimeUtc,
    /// Starts at 1 and grows by 1 with each change.
    pub version: i32,
    /// Set while the person or the partner is deleted.
    pub deleted_at: Option<DateTimeUtc>,
    /// The person.
    #[sea_orm(belongs_to, from = "(org_id, internal_contact_id)", to = "(org_id, id)")]
    pub internal_contact: BelongsTo<super::internal_contact::Entity>,
    /// The partner.
    #[sea_orm(belongs_to, from = "(org_id, partner_id)", to = "(org_id, id)")]
    pub partner: BelongsTo<Option<super::partner::Entity>>,
}

/// What an internal contact does for a partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, EnumIter, DeriveActiveEnum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum InternalRole {
    /// Account manager.
    AccountManager,
    /// Account executive.
    AccountExecutive,
    /// Customer success manager.
    Csm,
    /// Lead.
    Lead,
    /// Co-lead.
    CoLead,
    /// Practice lead.
    PracticeLead,
}

scoped!(id: InternalContactAssignmentId, deleted_at: Some(Column::DeletedAt));

column_subset! {
    org_id: OrgId always,
    id: Id always,
    internal_contact_id: InternalContactId always,
    partner_id: PartnerId always,
    internal_role: InternalRole always,
    remote_id: RemoteId selected,
    created_at: CreatedAt selected,
    updated_at: UpdatedAt selected,
    version: Version selected,
    deleted_at: DeletedAt selected,
}
