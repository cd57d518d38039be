//! The full text indexes: GIN over the words on PostgreSQL, FTS5 on SQLite.
//!
//! The words are normalized and separated by single spaces, so nothing is left to the databases' own ideas of words. In
//! both indexes each word has its organization's number in front (`42_acme`), so that a search neither finds nor reads
//! another organization's words, and takes no longer because of them. The builder knows neither kind of index, hence the
//! SQL. May import sea_orm_migration; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

/// The tables whose words are indexed.
const TABLES: [&str; 5] =
    ["partner", "account", "internal_contact", "account_contact", "organization_contact"];

/// Creates the indexes.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_sqlite = manager.get_database_backend() == DbBackend::Sqlite;
        if is_sqlite {
            run(manager, SQLITE_TABLES).await?;
        }
        for table in TABLES {
            let sql = if is_sqlite { sqlite_index(table) } else { postgres_index(table) };
            run(manager, &sql).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_sqlite = manager.get_database_backend() == DbBackend::Sqlite;
        for table in TABLES {
            let sql = if is_sqlite {
                format!(
                    "DROP TRIGGER {table}_words_insert; DROP TRIGGER {table}_words_update; \
                     DROP TRIGGER {table}_words_delete;"
                )
            } else {
                format!("DROP INDEX {table}_words_idx")
            };
            run(manager, &sql).await?;
        }
        if is_sqlite {
            run(manager, "DROP TABLE search_words; DROP TABLE search_entry;").await?;
        }
        Ok(())
    }
}

async fn run(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    manager.get_connection().execute_unprepared(sql).await?;
    Ok(())
}

/// A row's words as the lexemes of a text search vector, with no parser between.
fn postgres_index(table: &str) -> String {
    format!(
        "CREATE INDEX {table}_words_idx ON {table} USING gin (array_to_tsvector(string_to_array(
            org_id::text || '_' || replace(btrim(words), ' ', ' ' || org_id::text || '_'), ' ')))"
    )
}

/// The plainest tokenizer cuts at spaces and leaves all that is not ASCII alone; others know the letters of some version of
/// Unicode, and cut at those that are newer. `_` stands between an organization's number and a word. FTS5 knows its rows by
/// integers, most tables theirs by UUIDs: `search_entry` translates. Row ids of SQLite's own would not do, because VACUUM
/// changes them.
const SQLITE_TABLES: &str = "
    CREATE TABLE search_entry (
        number INTEGER PRIMARY KEY,
        entity TEXT NOT NULL,
        entity_id BLOB NOT NULL,
        UNIQUE (entity, entity_id)
    );
    CREATE VIRTUAL TABLE search_words USING fts5(
        words, tokenize = \"ascii tokenchars '_'\"
    );
    -- What is deleted leaves no trace in the index.
    INSERT INTO search_words (search_words, rank) VALUES ('secure-delete', 1);";

/// Keeps the index of a table. The `+` leaves the ids without an affinity: compared with a column of integers, `entity_id` would be
/// converted, and its index not used.
fn sqlite_index(table: &str) -> String {
    let new = "new.org_id || '_' || replace(trim(new.words), ' ', ' ' || new.org_id || '_')";
    let number = |row: &str| {
        format!("(SELECT number FROM search_entry WHERE entity = '{table}' AND entity_id = +{row}.id)")
    };
    let (of_new, of_old) = (number("new"), number("old"));
    format!(
        "CREATE TRIGGER {table}_words_insert AFTER INSERT ON {table} BEGIN
             INSERT INTO search_entry (entity, entity_id) VALUES ('{table}', new.id);
             INSERT INTO search_words (rowid, words) VALUES ({of_new}, {new});
         END;
         CREATE TRIGGER {table}_words_update AFTER UPDATE OF words ON {table} BEGIN
             UPDATE search_words SET words = {new} WHERE rowid = {of_new};
         END;
         CREATE TRIGGER {table}_words_delete AFTER DELETE ON {table} BEGIN
             DELETE FROM search_words WHERE rowid = {of_old};
             DELETE FROM search_entry WHERE entity = '{table}' AND entity_id = +old.id;
         END;"
    )
}
