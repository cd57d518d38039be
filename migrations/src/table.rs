//! Builds a table with its constraints and indexes, and gives them names by the rules of README.md.
//!
//! Published migrations are built from these functions, so a function may never change what it creates; a new need is
//! a new function. May import sea_orm_migration only.

use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer, integer, text, text_null, timestamp_with_time_zone, timestamp_with_time_zone_null,
    },
    sea_orm::DbBackend,
    sea_query::Check,
};

/// A migration that creates one table.
pub(crate) struct CreateTable {
    /// The name of the migration.
    pub(crate) name: &'static str,
    /// The table.
    pub(crate) table: fn(DbBackend) -> NewTable,
}

impl MigrationName for CreateTable {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateTable {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let NewTable { table, indexes, statements, .. } = (self.table)(manager.get_database_backend());
        manager.create_table(table).await?;
        for index in indexes {
            manager.create_index(index).await?;
        }
        for statement in statements {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = (self.table)(manager.get_database_backend());
        manager.drop_table(Table::drop().table(table.name).take()).await
    }
}

/// A table that does not exist yet, with its constraints and indexes.
pub(crate) struct NewTable {
    name: &'static str,
    backend: DbBackend,
    table: TableCreateStatement,
    indexes: Vec<IndexCreateStatement>,
    statements: Vec<String>,
}

impl NewTable {
    /// A table without columns.
    pub(crate) fn new(backend: DbBackend, name: &'static str) -> Self {
        let table = Table::create().table(name).take();
        Self { name, backend, table, indexes: Vec::new(), statements: Vec::new() }
    }

    /// A table whose rows belong to organizations and have a UUID.
    pub(crate) fn of_tenant(backend: DbBackend, name: &'static str) -> Self {
        Self::new(backend, name).org_id().column(uuid(backend, "id")).primary_key(["org_id", "id"])
    }

    /// The organization of the row.
    pub(crate) fn org_id(self) -> Self {
        let key = self.foreign_key("org_id").from(self.name, "org_id").to("organization", "id").take();
        self.column(big_integer("org_id")).with_foreign_key(key)
    }

    pub(crate) fn column(mut self, mut column: ColumnDef) -> Self {
        self.table.col(&mut column);
        self
    }

    pub(crate) fn columns(self, columns: impl IntoIterator<Item = ColumnDef>) -> Self {
        columns.into_iter().fold(self, Self::column)
    }

    pub(crate) fn primary_key<const N: usize>(mut self, columns: [&'static str; N]) -> Self {
        self.table.primary_key(&mut on_columns(columns));
        self
    }

    /// A reference to a row of the same organization.
    pub(crate) fn reference(self, column: &'static str, parent: &'static str) -> Self {
        let key = self.reference_key(column, parent);
        self.with_foreign_key(key)
    }

    /// A reference to a row of the same organization, with which this row is deleted.
    pub(crate) fn reference_to_owner(self, column: &'static str, owner: &'static str) -> Self {
        let key = self.reference_key(column, owner).on_delete(ForeignKeyAction::Cascade).take();
        self.with_foreign_key(key)
    }

    fn reference_key(&self, column: &'static str, parent: &'static str) -> ForeignKeyCreateStatement {
        self.foreign_key(column).from(self.name, ("org_id", column)).to(parent, ("org_id", "id")).take()
    }

    fn foreign_key(&self, column: &str) -> ForeignKeyCreateStatement {
        ForeignKey::create().name(format!("{}_{column}_fkey", self.name)).take()
    }

    fn with_foreign_key(mut self, mut key: ForeignKeyCreateStatement) -> Self {
        self.table.foreign_key(&mut key);
        self
    }

    /// A unique constraint.
    pub(crate) fn unique<const N: usize>(mut self, columns: [&'static str; N]) -> Self {
        let name = format!("{}_{}_key", self.name, columns.join("_"));
        self.table.index(on_columns(columns).unique().name(name));
        self
    }

    /// A unique index of the rows that meet a condition.
    pub(crate) fn unique_where<const N: usize>(
        mut self,
        what: &str,
        columns: [&'static str; N],
        condition: Expr,
    ) -> Self {
        let name = format!("{}_{what}_key", self.name);
        self.indexes
            .push(on_columns(columns).unique().name(name).table(self.name).and_where(condition).take());
        self
    }

    pub(crate) fn index<const N: usize>(self, columns: [&'static str; N]) -> Self {
        let name = format!("{}_{}_idx", self.name, columns.join("_"));
        self.named_index(&name, columns)
    }

    /// An index whose name by the rule would be too long.
    pub(crate) fn named_index<const N: usize>(mut self, name: &str, columns: [&'static str; N]) -> Self {
        self.indexes.push(on_columns(columns).name(name).table(self.name).take());
        self
    }

    pub(crate) fn check(mut self, what: &str, condition: Expr) -> Self {
        let name = Alias::new(format!("{}_{what}_check", self.name));
        self.table.check(Check::named(name, condition));
        self
    }

    /// A check that a text is not empty.
    pub(crate) fn not_empty(self, column: &'static str) -> Self {
        self.check(column, Expr::col(column).ne(""))
    }

    /// A check that a JSON column holds a value of one type: `object`, `array`, …
    pub(crate) fn json_is(self, column: &'static str, json_type: &str) -> Self {
        let type_is = |function| Expr::expr(Func::cust(function).arg(Expr::col(column))).eq(json_type);
        let condition = match self.backend {
            DbBackend::Sqlite => {
                Expr::expr(Func::cust("json_valid").arg(Expr::col(column))).and(type_is("json_type"))
            }
            _ => type_is("jsonb_typeof"),
        };
        self.check(column, condition)
    }

    /// SQL that the builder does not support, run after all else.
    pub(crate) fn statement(mut self, sql: String) -> Self {
        self.statements.push(sql);
        self
    }

    /// The times of a row and the count of its changes.
    pub(crate) fn times_and_version(self) -> Self {
        self.columns([created_at(), updated_at(), integer("version").default(1).take()])
            .check("version", Expr::col("version").gte(1))
    }

    /// An email address, and its form that is compared: unique among the active rows.
    pub(crate) fn unique_email(self) -> Self {
        let key = search_text(self.backend, "email_key");
        self.columns([text("email"), key])
            .not_empty("email")
            .unique_where("org_id_email_key", ["org_id", "email_key"], Expr::col("deleted_at").is_null())
            .index(["org_id", "email_key", "id"])
    }

    /// The identifier in the external system that the row was synced from: unique among the active rows.
    pub(crate) fn remote_id(self) -> Self {
        let is_active = Expr::col("remote_id").is_not_null().and(Expr::col("deleted_at").is_null());
        self.column(text_null("remote_id")).unique_where(
            "org_id_remote_id",
            ["org_id", "remote_id"],
            is_active,
        )
    }

    /// The sort key and the words of a row that can be searched for.
    pub(crate) fn search_columns(self) -> Self {
        let backend = self.backend;
        self.columns([search_text(backend, "sort_key"), search_text(backend, "words")])
            .index(["org_id", "sort_key", "id"])
    }

    /// Times, version and soft deletion of a row that is listed by its times.
    pub(crate) fn soft_deleted(self) -> Self {
        self.times_and_version()
            .column(timestamp_with_time_zone_null("deleted_at"))
            .index(["org_id", "created_at", "id"])
            .index(["org_id", "updated_at", "id"])
    }
}

fn on_columns<const N: usize>(columns: [&'static str; N]) -> IndexCreateStatement {
    let mut index = Index::create();
    for column in columns {
        index.col(column);
    }
    index
}

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

/// When the row was created.
pub(crate) fn created_at() -> ColumnDef {
    timestamp_with_time_zone("created_at")
}

/// When the row last changed.
pub(crate) fn updated_at() -> ColumnDef {
    timestamp_with_time_zone("updated_at")
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
