//! What the tables have in common: columns, constraints, and the names they get.
//!
//! Published migrations are built from these functions, so a function may never change what it makes; a new need is
//! a new function. May import sea_orm_migration only.

use sea_orm_migration::{
    prelude::*,
    schema::{integer, text_null, timestamp_with_time_zone, timestamp_with_time_zone_null},
    sea_orm::DbBackend,
    sea_query::Check,
};

/// A UUID, required. The application makes UUIDs, never the database.
pub(crate) fn uuid(backend: DbBackend, name: &'static str) -> ColumnDef {
    uuid_null(backend, name).not_null().take()
}

/// A UUID or nothing. SQLite holds it as the 16 bytes that sqlx binds.
pub(crate) fn uuid_null(backend: DbBackend, name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    match backend {
        DbBackend::Sqlite => column.custom("uuid_blob"),
        _ => column.uuid(),
    };
    column
}

/// JSON, required. SQLite holds it as text.
pub(crate) fn json(backend: DbBackend, name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    match backend {
        DbBackend::Sqlite => column.custom("json_text"),
        _ => column.json_binary(),
    };
    column.not_null().take()
}

/// When the row was made.
pub(crate) fn created_at() -> ColumnDef {
    timestamp_with_time_zone("created_at")
}

/// When the row last changed.
pub(crate) fn updated_at() -> ColumnDef {
    timestamp_with_time_zone("updated_at")
}

/// Set while the row is deleted.
pub(crate) fn deleted_at() -> ColumnDef {
    timestamp_with_time_zone_null("deleted_at")
}

/// Counts the changes of the row; goes with [`version_check`].
pub(crate) fn version() -> ColumnDef {
    integer("version").default(1).take()
}

/// Versions start at 1.
pub(crate) fn version_check(table: &str) -> Check {
    check(table, "version", Expr::col("version").gte(1))
}

/// A check, named `<table>_<what>_check`.
pub(crate) fn check(table: &str, what: &str, condition: Expr) -> Check {
    Check::named(Alias::new(format!("{table}_{what}_check")), condition)
}

/// A check that a text is not empty.
pub(crate) fn not_empty(table: &str, column: &'static str) -> Check {
    check(table, column, Expr::col(column).ne(""))
}

/// A check that a JSON column holds a value of one type: `object`, `array`, …
pub(crate) fn json_is(backend: DbBackend, table: &str, column: &'static str, json_type: &str) -> Check {
    let condition = match backend {
        DbBackend::Sqlite => Expr::expr(Func::cust("json_valid").arg(Expr::col(column)))
            .and(Expr::expr(Func::cust("json_type").arg(Expr::col(column))).eq(json_type)),
        _ => Expr::expr(Func::cust("jsonb_typeof").arg(Expr::col(column))).eq(json_type),
    };
    check(table, column, condition)
}

/// A text that the application normalizes for sorting, searching or comparing; empty until it has. Compared byte by byte,
/// as SQLite does anyway.
pub(crate) fn search_text(backend: DbBackend, name: &'static str) -> ColumnDef {
    search_text_null(backend, name).not_null().default("").take()
}

/// The same, or nothing.
pub(crate) fn search_text_null(backend: DbBackend, name: &'static str) -> ColumnDef {
    let mut column = text_null(name);
    if backend == DbBackend::Postgres {
        column.extra("COLLATE \"C\"");
    }
    column
}

/// The primary key of a tenant's rows: their organization and what names a row within it.
pub(crate) fn tenant_primary_key(column: &'static str) -> IndexCreateStatement {
    Index::create().col("org_id").col(column).take()
}

/// The rows whose remote id must be unique.
pub(crate) fn remote_id_of_active_rows() -> Expr {
    Expr::col("remote_id").is_not_null().and(Expr::col("deleted_at").is_null())
}

/// A unique constraint, named `<table>_<columns>_key`, for use inside CREATE TABLE.
pub(crate) fn unique<const N: usize>(table: &str, columns: [&'static str; N]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.unique().name(format!("{table}_{}_key", columns.join("_")));
    for column in columns {
        index.col(column);
    }
    index
}

/// A unique index over the rows that meet a condition, named `<table>_<what>_key`.
pub(crate) fn unique_where<const N: usize>(
    table: &'static str,
    what: &str,
    columns: [&'static str; N],
    condition: Expr,
) -> IndexCreateStatement {
    let mut index = Index::create();
    index.unique().name(format!("{table}_{what}_key")).table(table).and_where(condition);
    for column in columns {
        index.col(column);
    }
    index
}

/// An index, named `<table>_<columns>_idx`.
pub(crate) fn index<const N: usize>(table: &'static str, columns: [&'static str; N]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(format!("{table}_{}_idx", columns.join("_"))).table(table);
    for column in columns {
        index.col(column);
    }
    index
}

/// The foreign key to the row's organization, named `<table>_org_id_fkey`.
pub(crate) fn organization_key(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("{table}_org_id_fkey"))
        .from(table, "org_id")
        .to("organization", "id")
        .take()
}

/// A foreign key to a row of the same organization, named `<table>_<column>_fkey`.
pub(crate) fn tenant_key(
    table: &'static str,
    column: &'static str,
    parent: &'static str,
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("{table}_{column}_fkey"))
        .from(table, ("org_id", column))
        .to(parent, ("org_id", "id"))
        .take()
}

/// Drops the table of a migration that goes down, and its indexes with it.
pub(crate) async fn drop(manager: &SchemaManager<'_>, table: &'static str) -> Result<(), DbErr> {
    manager.drop_table(Table::drop().table(table).take()).await
}
