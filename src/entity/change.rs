//! A change: who did what to which row, written in the transaction that did it.
//!
//! The history of a contact and the feed of subscriptions. Rows are never changed, except that erasing a contact
//! empties the personal data in them. May import sea_orm and its siblings only.

use sea_orm::{
    Iterable, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{CommonTableExpression, ExprTrait, Query, WithClause, WithQuery},
};

use super::{Scoped, batch, change_counter, id::OrganizationId, sparse::Sparse};

/// A row of `change`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "change")]
pub struct Model {
    /// The organization in which it happened.
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: OrganizationId,
    /// Its number in the organization, counted in the order of commits and without a gap.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
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

/// The newest number of the organization, as the statement that appends changes has raised it.
const COUNTER: &str = "counter";

impl Entity {
    /// Appends changes to the organization's log on PostgreSQL, in one statement: takes as many numbers from the counter as
    /// there are changes, whose row stays locked until the commit. The changes come with `seq` counted from 1. Inserts
    /// none where the organization has no counter.
    pub fn append(organization: OrganizationId, changes: Vec<ActiveModel>) -> Result<WithQuery, DbErr> {
        let count = i64::try_from(changes.len()).map_err(|error| DbErr::Custom(error.to_string()))?;
        let columns: Vec<Column> = Column::iter().collect();
        let json = batch::json::<Self>(&columns, changes.into_iter())?;
        let member = |column: &Column| match column {
            Column::Seq => Expr::col((COUNTER, "seq")).sub(count).add(Expr::col((batch::ROWS, "seq"))),
            other => Expr::col((batch::ROWS, *other)),
        };
        let mut rows = Query::select();
        rows.exprs(columns.iter().map(member)).from(COUNTER);
        rows.from_function(batch::recordset::<Self>(json), batch::ROWS);
        let mut insert = Query::insert();
        insert.into_table(Self).columns(columns);
        insert.select_from(rows).map_err(|error| DbErr::Custom(error.to_string()))?;
        let mut counter = change_counter::Entity::raise(organization, count);
        counter.returning_col(change_counter::Column::Seq);
        let counter = CommonTableExpression::new().query(counter).table_name(COUNTER).to_owned();
        Ok(WithClause::new().cte(counter).to_owned().query(insert))
    }

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
