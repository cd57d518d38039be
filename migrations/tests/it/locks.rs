//! Migrating tables that are in use.
//!
//! Pools of a single connection throughout, because that must be enough. May import the migrations, `samples` and
//! `support`.

use std::time::{Duration, Instant};

use migrations::Runner;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement, TransactionTrait};
use sea_orm_migration::MigrationTrait;
use tokio::{task::JoinSet, time::sleep};

use crate::{
    samples::{ConcurrentIndex, Sql},
    support::{TestDatabase, empty_databases},
};

/// No statement of others may wait longer: a lock timeout of 1 s, and what a busy machine adds.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

fn list() -> [Box<dyn MigrationTrait>; 3] {
    [
        Box::new(Sql {
            name: "m1_table",
            up: "CREATE TABLE item (id integer, code integer); INSERT INTO item VALUES (1, 7), (2, 7)",
            down: "DROP TABLE item",
        }),
        Box::new(Sql {
            name: "m2_column",
            up: "ALTER TABLE item ADD COLUMN note text",
            down: "ALTER TABLE item DROP COLUMN note",
        }),
        Box::new(ConcurrentIndex { name: "m3_index", table: "item", columns: &["code", "note"] }),
    ]
}

/// An empty database of the PostgreSQL server, where there is one.
async fn postgres() -> Result<Option<TestDatabase>, DbErr> {
    let mut databases = empty_databases().await?;
    Ok(databases.pop().filter(|database| matches!(database, TestDatabase::Postgres { .. })))
}

async fn applied(db: &DatabaseConnection) -> Result<Vec<bool>, DbErr> {
    Ok(Runner::new(db, &list()).status().await?.into_iter().map(|(_, applied)| applied).collect())
}

async fn texts(db: &DatabaseConnection, sql: &str) -> Result<Vec<String>, DbErr> {
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// The indexes of the table, each with whether queries may use it.
async fn indexes(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let sql = "SELECT pg_class.relname || ' ' || indisvalid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
        WHERE indrelid = 'item'::regclass";
    texts(db, sql).await
}

#[tokio::test]
async fn each_migration_is_complete_or_absent() -> Result<(), DbErr> {
    for database in empty_databases().await? {
        let db = database.connect(1).await?;
        let mut list = list();
        list[1] = Box::new(Sql {
            name: "m2_column",
            up: "ALTER TABLE item ADD COLUMN note text; INSERT INTO nowhere VALUES (1)",
            down: "",
        });
        let error = Runner::new(&db, &list).up().await.expect_err("there is no such table").to_string();
        assert!(error.contains("m2_column failed: ") && error.contains("nowhere"), "{error}");
        assert_eq!(applied(&db).await?, [true, false, false]);
        assert!(db.execute_unprepared("SELECT note FROM item").await.is_err(), "half a migration");
        Runner::new(&db, &self::list()).up().await?;
        assert_eq!(applied(&db).await?, [true; 3]);
    }
    Ok(())
}

#[tokio::test]
async fn a_migration_behind_a_long_transaction_holds_nobody_up() -> Result<(), DbErr> {
    let Some(database) = postgres().await? else { return Ok(()) };
    let (migrating, long, other) =
        (database.connect(1).await?, database.connect(1).await?, database.connect(1).await?);
    let list = list();
    Runner::new(&migrating, &list).up().await?;
    // The index, then the column, then both again.
    for (migrations, up) in [(3, false), (2, false), (2, true), (3, true)] {
        let before = applied(&other).await?;
        let transaction = long.begin().await?;
        // As after a write; an index made concurrently waits for writers only.
        transaction.execute_unprepared("LOCK TABLE item IN ROW EXCLUSIVE MODE").await?;
        let runner = Runner::new(&migrating, &list[..migrations]);
        let run = async { if up { runner.up().await } else { runner.down(Some(1)).await } };
        let statements = async {
            let began = Instant::now();
            let mut slowest = Duration::ZERO;
            while began.elapsed() < Duration::from_secs(3) {
                let sent = Instant::now();
                other.execute_unprepared("UPDATE item SET code = code").await?;
                slowest = slowest.max(sent.elapsed());
                sleep(Duration::from_millis(5)).await;
            }
            // It cannot be done yet.
            assert_eq!(applied(&other).await?, before);
            transaction.rollback().await?;
            Ok::<_, DbErr>(slowest)
        };
        let (ran, slowest) = tokio::join!(run, statements);
        ran?;
        let slowest = slowest?;
        assert!(slowest < LONGEST_WAIT, "{slowest:?}");
        assert_ne!(applied(&other).await?, before);
    }
    Ok(())
}

#[tokio::test]
async fn a_migration_that_never_gets_its_locks_says_so() -> Result<(), DbErr> {
    let Some(database) = postgres().await? else { return Ok(()) };
    let (migrating, long) = (database.connect(1).await?, database.connect(1).await?);
    let list = list();
    Runner::new(&migrating, &list[..1]).up().await?;
    let transaction = long.begin().await?;
    transaction.execute_unprepared("SELECT * FROM item").await?;
    let error = Runner::new(&migrating, &list).with_attempts(2).up().await.expect_err("a lock").to_string();
    assert!(error.contains("m2_column did not get its locks in 2 attempts"), "{error}");
    assert_eq!(applied(&migrating).await?, [true, false, false]);
    drop(transaction);
    Ok(())
}

#[tokio::test]
async fn an_index_that_was_interrupted_is_made_again() -> Result<(), DbErr> {
    let Some(database) = postgres().await? else { return Ok(()) };
    let db = database.connect(1).await?;
    let list = list();
    Runner::new(&db, &list[..2]).up().await?;
    // Made in part, and left invalid: the rows are not unique.
    let failing = "CREATE UNIQUE INDEX CONCURRENTLY m3_index ON item (code)";
    assert!(db.execute_unprepared(failing).await.is_err());
    assert_eq!(indexes(&db).await?, ["m3_index false"]);

    Runner::new(&db, &list).up().await?;
    assert_eq!(indexes(&db).await?, ["m3_index true"]);
    let definition = texts(&db, "SELECT indexdef FROM pg_indexes WHERE indexname = 'm3_index'").await?;
    assert!(definition[0].ends_with("(code, note)"), "{definition:?}");

    // Made, but not noted: the process ended in between.
    db.execute_unprepared("DELETE FROM seaql_migrations WHERE version = 'm3_index'").await?;
    Runner::new(&db, &list).up().await?;
    assert_eq!((indexes(&db).await?, applied(&db).await?), (vec!["m3_index true".to_owned()], vec![true; 3]));
    Ok(())
}

#[tokio::test]
async fn many_at_once_make_a_concurrent_index_once() -> Result<(), DbErr> {
    for database in empty_databases().await? {
        let mut migrating = JoinSet::new();
        for _ in 0..8 {
            let db = database.connect(1).await?;
            migrating.spawn(async move { Runner::new(&db, &list()).up().await });
        }
        for outcome in migrating.join_all().await {
            outcome?;
        }
        let db = database.connect(1).await?;
        assert_eq!(applied(&db).await?, [true; 3]);
        if db.get_database_backend() == DbBackend::Postgres {
            assert_eq!(indexes(&db).await?, ["m3_index true"]);
        }
        Runner::new(&db, &list()).down(None).await?;
        assert_eq!(applied(&db).await?, [false; 3]);
    }
    Ok(())
}

/// Two versions may be deployed at once: the older one is done when what it knows is applied.
#[tokio::test]
async fn an_older_version_migrates_beside_a_newer_one() -> Result<(), DbErr> {
    for database in empty_databases().await? {
        let (older, newer) = (database.connect(1).await?, database.connect(1).await?);
        let list = list();
        let (older_runner, newer_runner) = (Runner::new(&older, &list[..2]), Runner::new(&newer, &list));
        let (old, new) = tokio::join!(older_runner.up(), newer_runner.up());
        old?;
        new?;
        assert_eq!(applied(&newer).await?, [true; 3]);
        let error = older_runner.down(Some(1)).await.expect_err("an unknown migration").to_string();
        assert!(
            error.contains("the database has the migration m3_index, which this version does not know"),
            "{error}"
        );
    }
    Ok(())
}
