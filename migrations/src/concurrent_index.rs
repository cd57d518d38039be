//! Indexes of tables in use: made and dropped without holding up writers.
//!
//! For migrations outside of a transaction, those whose `use_transaction` is `Some(false)`. What an interrupted run left
//! is made again by the next one.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbBackend, Statement},
};

/// Makes an index unless it is there; one that is there but invalid is dropped first.
pub async fn create_index_concurrently(
    manager: &SchemaManager<'_>,
    mut index: IndexCreateStatement,
) -> Result<(), DbErr> {
    index.if_not_exists();
    if manager.get_database_backend() == DbBackend::Postgres {
        index.concurrently();
        let name = index.get_index_spec().get_name().unwrap_or_default().to_owned();
        let invalid = Statement::from_sql_and_values(DbBackend::Postgres, INVALID, [name.as_str().into()]);
        if manager.get_connection().query_one_raw(invalid).await?.is_some() {
            drop_index_concurrently(manager, &name).await?;
        }
    }
    manager.create_index(index).await
}

/// Drops an index, if it is there.
pub async fn drop_index_concurrently(manager: &SchemaManager<'_>, name: &str) -> Result<(), DbErr> {
    let mut index = Index::drop();
    index.name(name).if_exists();
    if manager.get_database_backend() == DbBackend::Postgres {
        index.concurrently();
    }
    manager.drop_index(index).await
}

/// An index of this name that an interrupted CREATE INDEX CONCURRENTLY left.
const INVALID: &str = "
    SELECT 1 FROM pg_index JOIN pg_class ON pg_class.oid = pg_index.indexrelid
    WHERE pg_class.relname = $1 AND pg_class.relnamespace = current_schema()::regnamespace AND NOT pg_index.indisvalid";
