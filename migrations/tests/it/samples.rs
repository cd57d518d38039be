//! Sample migrations of a later version. Used by the gateway's tests too, so it may import sea_orm_migration and
//! the migrations only.

use migrations::{create_index_concurrently, drop_index_concurrently};
use sea_orm_migration::{async_trait::async_trait, prelude::*, sea_orm::ConnectionTrait};

/// A migration in SQL.
pub(crate) struct Sql {
    pub(crate) name: &'static str,
    pub(crate) up: &'static str,
    pub(crate) down: &'static str,
}

impl MigrationName for Sql {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait]
impl MigrationTrait for Sql {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(self.up).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(self.down).await.map(drop)
    }
}

/// A migration that makes an index without holding up writers. Its name is the index's too.
pub(crate) struct ConcurrentIndex {
    pub(crate) name: &'static str,
    pub(crate) table: &'static str,
    pub(crate) columns: &'static [&'static str],
}

impl MigrationName for ConcurrentIndex {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait]
impl MigrationTrait for ConcurrentIndex {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut index = Index::create();
        index.name(self.name).table(self.table);
        for column in self.columns {
            index.col(*column);
        }
        create_index_concurrently(manager, index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_index_concurrently(manager, self.name).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
