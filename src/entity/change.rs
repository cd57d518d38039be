//! A change: who did what to which row, written in the transaction that did it.
//!
//! The history of a contact and the feed of subscriptions. Rows are never changed, except that erasing a contact
//! empties `fields`; retention deletes the oldest. May import sea_orm and its siblings only.

use sea_orm::{
    DbBackend, Iterable, Statement, StatementBuilder,
    entity::prelude::*,
    sea_query::{
        Alias, CommonTableExpression, ExprTrait, InsertStatement, Query, SelectStatement, SubQueryStatement,
        UpdateStatement, WithClause, WithQuery,
    },
};

use super::{
    RowsToInsert, StoredJson, batch, change_counter, column_subset::ColumnSubset, id::OrganizationId,
    record::scoped,
};

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
    pub fields: StoredJson,
    /// The request that did it.
    pub request_id: String,
}

scoped!(deleted_at: None);

impl ColumnSubset for Entity {}

/// The newest number of the organization, as the statement that appends changes has raised it.
const COUNTER: &str = "counter";
/// The part of the statement that has one row when all guards hold, and none otherwise.
const UNIT: &str = "unit";

/// Selects one row, locked, if what a unit of work relies on is still so.
pub struct Guard(pub SelectStatement);

/// A write that is executed later, together with others. Nothing depends on its result.
pub enum PendingWrite {
    /// New rows.
    Insert(RowsToInsert),
    /// Changed rows.
    Update(UpdateStatement),
}

impl PendingWrite {
    /// The statement alone.
    pub fn build(self, backend: DbBackend) -> Result<Statement, DbErr> {
        Ok(match self {
            Self::Insert(rows) => StatementBuilder::build(&rows.into_statement()?, &backend),
            Self::Update(update) => StatementBuilder::build(&update, &backend),
        })
    }

    /// A part of a statement that writes nothing unless the condition holds, and returns a row for each one written.
    fn into_part(self, condition: Option<Expr>) -> Result<SubQueryStatement, DbErr> {
        let returning = Query::returning().expr(Expr::cust("1"));
        Ok(match self {
            Self::Insert(rows) => {
                let rows = condition.into_iter().fold(rows, RowsToInsert::only_if);
                rows.into_statement()?.returning(returning).take().into()
            }
            Self::Update(mut update) => {
                if let Some(condition) = condition {
                    update.and_where(condition);
                }
                update.returning(returning).take().into()
            }
        })
    }
}

impl Entity {
    /// Writes and appends changes to the organization's log on PostgreSQL, in one statement, if all guards hold: takes as many
    /// numbers from the counter as there are changes, whose row stays locked until the commit. The changes come with
    /// `seq` counted from 1. Inserts none where a guard fails; fails where the organization has no counter.
    ///
    /// The counter is locked last: a write may have to wait for another transaction's key, which waits for the counter.
    pub fn append(
        organization: OrganizationId,
        changes: Vec<ActiveModel>,
        guards: Vec<Guard>,
        writes: Vec<PendingWrite>,
    ) -> Result<WithQuery, DbErr> {
        let mut with = WithClause::new();
        let mut part = |name: String, statement: SubQueryStatement| {
            with.cte(CommonTableExpression::new().query(statement).table_name(Alias::new(name)).to_owned());
        };
        let mut unit = Query::select().expr(Expr::cust("1")).take();
        let condition = (!guards.is_empty()).then(|| exists(UNIT));
        for (position, Guard(rows)) in guards.into_iter().enumerate() {
            let name = format!("guard_{position}");
            unit.and_where(exists(&name));
            part(name, rows.into());
        }
        if condition.is_some() {
            part(UNIT.to_owned(), unit.into());
        }
        let count = i64::try_from(changes.len()).map_err(|error| DbErr::Custom(error.to_string()))?;
        let mut counter = change_counter::Entity::raise(organization, count);
        counter.returning_col(change_counter::Column::Seq);
        for (position, write) in writes.into_iter().enumerate() {
            let name = format!("write_{position}");
            counter.and_where(is_complete(&name));
            part(name, write.into_part(condition.clone())?);
        }
        if let Some(condition) = &condition {
            counter.and_where(condition.clone());
        }
        part(COUNTER.to_owned(), counter.into());
        Ok(with.query(Self::insert_counted(changes, count, condition)?))
    }

    /// Inserts changes whose numbers are the last ones that the counter has given out.
    fn insert_counted(
        changes: Vec<ActiveModel>,
        count: i64,
        condition: Option<Expr>,
    ) -> Result<InsertStatement, DbErr> {
        let columns: Vec<Column> = Column::iter().collect();
        let json = batch::json::<Self>(&columns, changes.into_iter())?;
        let member = |column: &Column| match column {
            Column::Seq => Expr::col((COUNTER, "seq")).sub(count).add(Expr::col((batch::ROWS, "seq"))),
            other => Expr::col((batch::ROWS, *other)),
        };
        let mut rows = Query::select();
        rows.exprs(columns.iter().map(member)).from_function(batch::recordset::<Self>(json), batch::ROWS);
        // Without a counter the numbers are null, which ends the statement and with it the writes.
        rows.left_join(COUNTER, Expr::cust("true"));
        if let Some(condition) = condition {
            rows.and_where(condition);
        }
        let mut insert = Query::insert();
        insert.into_table(Self).columns(columns);
        insert.select_from(rows).map_err(|error| DbErr::Custom(error.to_string()))?;
        Ok(insert)
    }
}

/// Whether a part that writes is through; always true, once it is.
fn is_complete(part: &str) -> Expr {
    let written = Query::select().expr(Expr::cust("count(*)")).from(Alias::new(part)).take();
    Expr::SubQuery(None, Box::new(written.into())).gte(0)
}

fn exists(part: &str) -> Expr {
    Expr::exists(Query::select().expr(Expr::cust("1")).from(Alias::new(part)).take())
}
