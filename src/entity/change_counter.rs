//! The number of each organization's newest change. Its row's lock makes the order of the numbers that of the commits.
//!
//! May import sea_orm and its siblings only.

use sea_orm::{
    QueryTrait,
    entity::prelude::*,
    sea_query::{ExprTrait, UpdateStatement},
};

use super::{Scoped, id::OrganizationId};

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

impl ActiveModelBehavior for ActiveModel {}

impl Scoped for Entity {
    const ORG_ID: Column = Column::OrgId;
    const DELETED_AT: Option<Column> = None;
}

impl Entity {
    /// Raises the organization's newest number by so many.
    pub fn raise(organization: OrganizationId, count: i64) -> UpdateStatement {
        Self::update_in(organization).col_expr(Column::Seq, Expr::col(Column::Seq).add(count)).into_query()
    }
}
