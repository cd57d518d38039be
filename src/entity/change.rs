//! A change: who did what to which row, written in the transaction that did it.
//!
//! The history of a contact and the feed of subscriptions. Rows are never changed, except that erasing a contact
//! empties the personal data in them. May import sea_orm and its siblings only.

use sea_orm::{QueryOrder, QuerySelect, entity::prelude::*};

use super::{Scoped, id::OrganizationId, sparse::Sparse};

/// A row of `change`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "change")]
pub struct Model {
    /// Its place in the feed, made by the database.
    #[sea_orm(primary_key)]
    pub seq: i64,
    /// The organization in which it happened.
    pub org_id: OrganizationId,
    /// When it happened.
    pub at: DateTimeUtc,
    /// The subject of the caller's token.
    pub actor: String,
    /// The kind of row.
    pub entity_kind: String,
    /// The row's public id.
    pub entity_id: String,
    /// What was done.
    pub action: String,
    /// JSON: the fields that changed, with their old and new values.
    #[sea_orm(column_type = "JsonBinary")]
    pub fields: Json,
    /// The request that did it.
    pub request_id: String,
}

impl ActiveModelBehavior for ActiveModel {}

impl Scoped for Entity {
    const ORG_ID: Column = Column::OrgId;
    const DELETED_AT: Option<Column> = None;
}

impl Sparse for Entity {}

impl Entity {
    /// Selects the changes after one and up to another, of all organizations, in their order: for the feed, which gives
    /// each to its own organization only.
    pub fn find_between(after: i64, last: i64) -> Select<Self> {
        Self::find().filter(Column::Seq.gt(after)).filter(Column::Seq.lte(last)).order_by_asc(Column::Seq)
    }

    /// The number of the newest change that can be seen, of any organization; 0 where there is none.
    pub async fn newest(db: &impl ConnectionTrait) -> Result<i64, DbErr> {
        let newest = Self::find().select_only().column_as(Column::Seq.max(), "newest");
        let newest: Option<Option<i64>> = newest.into_tuple().one(db).await?;
        Ok(newest.flatten().unwrap_or_default())
    }
}
