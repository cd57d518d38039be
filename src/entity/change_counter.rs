//! The number of each organization's newest change. Its row's lock makes the order of the numbers that of the commits.
//!
//! May import sea_orm and its siblings only.

use sea_orm::{
    DbBackend, QueryTrait,
    entity::prelude::*,
    sea_query::{ExprTrait, UpdateStatement},
};

use super::{Scoped, id::OrganizationId, keys_in, record::scoped};

/// A row of `change_counter`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "change_counter")]
pub struct Model {
    /// The organization.
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: OrganizationId,
    /// The number of the newest change; 0 where there is none.
    pub seq: i64,
    /// The number of the last change that retention deleted; 0 where there is none.
    pub deleted_through: i64,
}

scoped!(deleted_at: None);

impl Entity {
    /// Selects the counters of these organizations: for the feed, which reads them all at once.
    pub fn find_among(
        backend: DbBackend,
        organizations: impl IntoIterator<Item = OrganizationId>,
    ) -> Select<Self> {
        Self::find().filter(keys_in(backend, Column::OrgId.into_expr(), organizations))
    }

    /// Raises the organization's newest number by so many.
    pub fn raise(organization: OrganizationId, count: i64) -> UpdateStatement {
        Self::update_in(organization).col_expr(Column::Seq, Expr::col(Column::Seq).add(count)).into_query()
    }
}
