//! An organization: the tenant that every other row belongs to.
//!
//! It is in scope of itself, so `find_in` finds the selected organization and no other. May import sea_orm and its
//! siblings only.

use sea_orm::{DbBackend, QueryOrder, QuerySelect, entity::prelude::*};

use super::{Scoped, ScopedById, column_subset::ColumnSubset, id::OrganizationId, keys_in};

/// A row of `organization`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "organization")]
pub struct Model {
    /// Its number, made by the database.
    #[sea_orm(primary_key)]
    pub id: OrganizationId,
    /// What it is called.
    pub name: String,
    /// The name that an identity provider or another product has for it; unique.
    pub external_id: Option<String>,
    /// The version of the rules by which its search columns were last filled.
    pub search_version: i32,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row last changed.
    pub updated_at: DateTimeUtc,
    /// Starts at 1 and grows by 1 with each change.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// Selects these organizations: those that the caller's token names.
    pub fn find_among(backend: DbBackend, orgs: impl IntoIterator<Item = OrganizationId>) -> Select<Self> {
        Self::find().filter(keys_in(backend, Column::Id.into_expr(), orgs))
    }

    /// Selects the organizations with these external ids, which a token names before it is known what it may see.
    pub fn find_by_external_ids(backend: DbBackend, ids: impl IntoIterator<Item = String>) -> Select<Self> {
        Self::find().filter(keys_in(backend, Column::ExternalId.into_expr(), ids))
    }

    /// Selects all organizations, for the operator's commands.
    pub fn find_all() -> Select<Self> {
        Self::find().order_by_asc(Column::Id)
    }

    /// Keeps others from making organizations until the transaction ends. SQLite has one writer anyway.
    pub async fn lock(txn: &impl ConnectionTrait) -> Result<(), DbErr> {
        if txn.get_database_backend() == DbBackend::Postgres {
            txn.execute_unprepared("LOCK TABLE organization IN SHARE ROW EXCLUSIVE MODE").await?;
        }
        Ok(())
    }

    /// The ids of all organizations, each with the version of its search columns: for the backfill.
    pub async fn search_versions(db: &impl ConnectionTrait) -> Result<Vec<(OrganizationId, i32)>, DbErr> {
        let all = Self::find().select_only().columns([Column::Id, Column::SearchVersion]);
        all.order_by_asc(Column::Id).into_tuple().all(db).await
    }

    /// The ids of all organizations: for upkeep that no caller asks for.
    pub async fn all_ids(db: &impl ConnectionTrait) -> Result<Vec<OrganizationId>, DbErr> {
        Self::find().select_only().column(Column::Id).order_by_asc(Column::Id).into_tuple().all(db).await
    }

    /// Whether any organization exists, for the first start.
    pub async fn any(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
        Self::find().exists(db).await
    }
}

impl Scoped for Entity {
    const ORG_ID: Column = Column::Id;
    const DELETED_AT: Option<Column> = None;
}

impl ScopedById for Entity {
    type Id = OrganizationId;

    const ID: Column = Column::Id;
}

impl ColumnSubset for Entity {}
