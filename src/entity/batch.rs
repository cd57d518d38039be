//! Rows by the thousand as one parameter, so that a statement's text does not change with their number.
//!
//! `INSERT … VALUES` is another text for each number of rows, with a parameter for each value: a connection would keep
//! them all prepared, megabytes each, and SQLite takes no more than 32,766 parameters. Here the rows are one JSON text
//! that the database takes apart. Knows sea_orm's query builder, nothing else.

use chrono::SecondsFormat;
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, ColumnType, DbBackend, DbErr, EntityTrait, IdenStatic,
    Iterable, Value,
    sea_query::{
        Alias, DynIden, Expr, ExprTrait, Func, FunctionCall, InsertStatement, IntoIden, Query,
        SelectStatement, sea_value_to_json_value,
    },
};

/// The name of the rows inside their own statement.
pub(super) const ROWS: &str = "rows";

/// `INSERT` of rows that all have values in the same columns; nothing for no rows. They are inserted in this order.
pub fn insert_rows<E: EntityTrait>(
    backend: DbBackend,
    rows: impl IntoIterator<Item = E::ActiveModel>,
) -> Result<Option<InsertStatement>, DbErr> {
    rows_to_insert::<E>(backend, rows)?.map(RowsToInsert::into_statement).transpose()
}

/// An `INSERT` that may get conditions.
pub struct RowsToInsert {
    table: DynIden,
    columns: Vec<DynIden>,
    rows: SelectStatement,
}

impl RowsToInsert {
    /// Inserts nothing unless the condition holds.
    pub fn only_if(mut self, condition: Expr) -> Self {
        self.rows.and_where(condition);
        self
    }

    /// The statement.
    pub fn into_statement(self) -> Result<InsertStatement, DbErr> {
        let mut insert = Query::insert();
        insert.into_table(self.table).columns(self.columns);
        insert.select_from(self.rows).map_err(|error| DbErr::Custom(error.to_string()))?;
        Ok(insert)
    }
}

/// The same as [`insert_rows`], not yet a statement.
pub fn rows_to_insert<E: EntityTrait>(
    backend: DbBackend,
    rows: impl IntoIterator<Item = E::ActiveModel>,
) -> Result<Option<RowsToInsert>, DbErr> {
    let mut rows = rows.into_iter().peekable();
    let Some(first) = rows.peek() else { return Ok(None) };
    let columns: Vec<E::Column> = E::Column::iter().filter(|column| !first.is_not_set(*column)).collect();
    let rows = rows_table::<E>(backend, &columns, json::<E>(&columns, rows)?);
    let columns = columns.into_iter().map(IntoIden::into_iden).collect();
    Ok(Some(RowsToInsert { table: Alias::new(E::default().table_name()).into_iden(), columns, rows }))
}

/// The rows as a table: `json_populate_recordset` by the columns' types, on SQLite `json_each`.
fn rows_table<E: EntityTrait>(backend: DbBackend, columns: &[E::Column], json: String) -> SelectStatement {
    let mut select = Query::select();
    if backend == DbBackend::Sqlite {
        select
            .exprs(columns.iter().map(sqlite_member))
            .from_function(Func::cust("json_each").arg(json), ROWS);
        // Without it, SQLite would read ON CONFLICT as the ON of a join.
        select.and_where(Expr::cust("true"));
    } else {
        select
            .exprs(columns.iter().map(|column| Expr::col((ROWS, *column))))
            .from_function(recordset::<E>(json), ROWS);
    }
    select
}

/// The rows of a JSON text as PostgreSQL reads them, with the types of the table's columns.
pub(super) fn recordset<E: EntityTrait>(json: String) -> FunctionCall {
    let row_type = Expr::cust(format!("NULL::\"{}\"", E::default().as_str()));
    Func::cust("json_populate_recordset").arg(row_type).arg(Expr::val(json).cast_as("json"))
}

/// What SQLite must do to turn a member of a row's JSON into the value that the column holds.
fn sqlite_member<C: ColumnTrait>(column: &C) -> Expr {
    let name = column.as_str();
    match column.def().get_column_type() {
        ColumnType::Uuid => Expr::cust(format!("unhex(\"value\" ->> '{name}')")),
        ColumnType::Json | ColumnType::JsonBinary => Expr::cust(format!("\"value\" -> '{name}'")),
        _ => Expr::cust(format!("\"value\" ->> '{name}'")),
    }
}

/// The rows as a JSON array of objects with these columns as members.
pub(super) fn json<E: EntityTrait>(
    columns: &[E::Column],
    rows: impl Iterator<Item = E::ActiveModel>,
) -> Result<String, DbErr> {
    let mut json = String::from("[");
    for row in rows {
        json.push_str(if json.len() == 1 { "{" } else { ",{" });
        for (position, column) in columns.iter().enumerate() {
            json.push_str(if position == 0 { "\"" } else { ",\"" });
            json.push_str(column.as_str());
            json.push_str("\":");
            match row.get(*column) {
                ActiveValue::Set(value) | ActiveValue::Unchanged(value) => push(&mut json, &value),
                ActiveValue::NotSet => return Err(DbErr::AttrNotSet(column.as_str().to_owned())),
            }
        }
        json.push('}');
    }
    json.push(']');
    Ok(json)
}

/// Appends a value in a form that both databases read as what they would have been given alone.
fn push(json: &mut String, value: &Value) {
    match value {
        Value::Uuid(Some(uuid)) => {
            let mut digits = sea_orm::prelude::Uuid::encode_buffer();
            json.extend(["\"", uuid.simple().encode_lower(&mut digits), "\""]);
        }
        // SQLite keeps the text as it is, so it must be the one that sqlx writes.
        Value::ChronoDateTimeUtc(Some(time)) => {
            json.extend(["\"", &time.to_rfc3339_opts(SecondsFormat::AutoSi, false), "\""]);
        }
        Value::Json(Some(value)) => json.push_str(&value.to_string()),
        other => json.push_str(&sea_value_to_json_value(other).to_string()),
    }
}
