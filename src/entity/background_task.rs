//! A background task: rows that still have to follow a change of the row that they depend on.
//!
//! May import sea_orm and its siblings only.

use sea_orm::entity::prelude::*;

use super::{id::OrganizationId, record::scoped};

/// A row of `background_task`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "background_task")]
pub struct Model {
    /// The organization of the subject.
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: OrganizationId,
    /// Made by the application; tasks sort by it in the order of their creation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// What the subject is.
    pub kind: TaskKind,
    /// The id of the row that has changed.
    pub subject_id: Uuid,
    /// The id of the last dependant that was updated; none before the first batch.
    pub position: Option<Uuid>,
    /// How many dependants are left, as counted when the task was made.
    pub pending: i64,
    /// Who changed the subject; change records name them.
    pub actor: String,
    /// The request that changed it.
    pub request_id: String,
    /// When the task was made.
    pub created_at: DateTimeUtc,
}

/// What has changed, and with it which rows have to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum TaskKind {
    /// A partner: its assignments are hidden while it is deleted.
    Partner,
    /// An internal contact: its assignments are hidden while it is deleted.
    InternalContact,
    /// An internal contact that was merged into another one, which gets its assignments.
    InternalContactMerge,
    /// A contact type that was replaced: its contacts get the replacement.
    ContactType,
}

impl Entity {
    /// Selects the tasks of all organizations.
    pub fn find_all() -> Select<Self> {
        Self::find()
    }
}

scoped!(id: Uuid, deleted_at: None);
