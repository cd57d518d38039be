//! Migrating up, down and up again, by one process and by many at once.
//!
//! Pools of a single connection throughout, because that must be enough. May import the migrations and `support`.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement, TransactionTrait};
use tokio::task::JoinSet;

use crate::support::empty_databases;

const MIGRATIONS: usize = 21;

const TABLES: [&str; 17] = [
    "account",
    "account_contact",
    "account_contact_account",
    "app_token",
    "background_task",
    "change",
    "change_counter",
    "contact_merge",
    "contact_type",
    "custom_field",
    "custom_field_value",
    "idempotency_key",
    "internal_contact",
    "internal_contact_assignment",
    "organization",
    "organization_contact",
    "partner",
];

/// The tables, without those that belong to SQLite, to its full text index or to the list of migrations.
async fn tables(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let sql = match db.get_database_backend() {
        DbBackend::Sqlite => {
            "SELECT name FROM sqlite_master \
             WHERE type = 'table' AND name NOT IN ('sqlite_sequence', 'seaql_migrations') \
             AND name NOT LIKE 'search_%'"
        }
        _ => {
            "SELECT tablename::text AS name FROM pg_tables \
             WHERE schemaname = 'public' AND tablename <> 'seaql_migrations'"
        }
    };
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let mut names = rows.iter().map(|row| row.try_get("", "name")).collect::<Result<Vec<String>, _>>()?;
    names.sort_unstable();
    Ok(names)
}

async fn applied(db: &DatabaseConnection) -> Result<usize, DbErr> {
    Ok(migrations::status(db).await?.iter().filter(|(_, applied)| *applied).count())
}

#[tokio::test]
async fn up_down_and_up_again() -> Result<(), DbErr> {
    for database in empty_databases().await? {
        let db = database.connect(1).await?;
        assert_eq!(applied(&db).await?, 0);

        migrations::up(&db).await?;
        assert_eq!(tables(&db).await?, TABLES);
        assert_eq!(applied(&db).await?, MIGRATIONS);

        migrations::up(&db).await?;
        assert_eq!(tables(&db).await?, TABLES);

        migrations::down(&db, Some(7)).await?;
        assert_eq!(applied(&db).await?, MIGRATIONS - 7);
        assert!(!tables(&db).await?.contains(&"contact_merge".to_owned()));

        migrations::down(&db, None).await?;
        assert_eq!(tables(&db).await?, [""; 0]);
        assert_eq!(applied(&db).await?, 0);

        migrations::up(&db).await?;
        assert_eq!(tables(&db).await?, TABLES);
    }
    Ok(())
}

#[tokio::test]
async fn status_tells_the_names_in_order_and_writes_nothing() -> Result<(), DbErr> {
    for database in empty_databases().await? {
        let db = database.connect(1).await?;
        let status = migrations::status(&db).await?;
        assert_eq!(status.first(), Some(&("m20261128_000001_create_organization".to_owned(), false)));
        assert!(status.is_sorted());

        let list = "SELECT 1 FROM seaql_migrations";
        assert!(db.execute_unprepared(list).await.is_err(), "status has made the list of migrations");
    }
    Ok(())
}

#[tokio::test]
async fn eight_at_once_make_the_schema_once() -> Result<(), DbErr> {
    for database in empty_databases().await? {
        let mut migrating = JoinSet::new();
        for _ in 0..8 {
            let db = database.connect(1).await?;
            migrating.spawn(async move { migrations::up(&db).await });
        }
        for outcome in migrating.join_all().await {
            outcome?;
        }
        let db = database.connect(1).await?;
        assert_eq!(tables(&db).await?, TABLES);
        assert_eq!(applied(&db).await?, MIGRATIONS);
    }
    Ok(())
}

#[tokio::test]
async fn a_failure_half_way_keeps_what_is_complete() -> Result<(), DbErr> {
    for database in empty_databases().await? {
        let db = database.connect(1).await?;
        db.execute_unprepared("CREATE TABLE change (in_the_way integer)").await?;

        assert!(migrations::up(&db).await.is_err());
        let status = migrations::status(&db).await?;
        let done = status.iter().take_while(|(_, applied)| *applied).count();
        assert!(status[done].0.ends_with("create_change"), "{status:?}");
        assert!(status[done..].iter().all(|(_, applied)| !applied), "{status:?}");

        db.execute_unprepared("DROP TABLE change").await?;
        migrations::up(&db).await?;
        assert_eq!(tables(&db).await?, TABLES);
    }
    Ok(())
}

#[tokio::test]
async fn the_limit_of_statements_does_not_cut_the_wait_for_the_lock() -> Result<(), DbErr> {
    for database in empty_databases().await? {
        let (first, second) = (database.connect(1).await?, database.connect(1).await?);
        if first.get_database_backend() == DbBackend::Sqlite {
            continue;
        }
        let holder = first.begin().await?;
        holder
            .execute_unprepared(&format!(
                "SELECT pg_advisory_xact_lock({})",
                i64::from_be_bytes(*b"contacts")
            ))
            .await?;
        second.execute_unprepared("SET statement_timeout = '100ms'").await?;
        let waiting = tokio::spawn(async move { migrations::up(&second).await });
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert!(!waiting.is_finished(), "the lock has not been waited for");

        holder.commit().await?;
        waiting.await.expect("no panic")?;
        assert_eq!(tables(&first).await?, TABLES);
    }
    Ok(())
}

#[tokio::test]
async fn a_database_of_earlier_migrations_is_refused() -> Result<(), DbErr> {
    for database in empty_databases().await? {
        let db = database.connect(1).await?;
        migrations::up(&db).await?;
        db.execute_unprepared(
            "INSERT INTO seaql_migrations VALUES ('m20261121_000001_create_organization', 0)",
        )
        .await?;
        let outcomes = [
            migrations::up(&db).await,
            migrations::down(&db, None).await,
            migrations::status(&db).await.map(drop),
        ];
        for outcome in outcomes {
            let refused = outcome.expect_err("a refusal").to_string();
            assert!(refused.contains("write it into an empty database"), "{refused}");
        }
        assert_eq!(tables(&db).await?, TABLES);
    }
    Ok(())
}

#[tokio::test]
async fn a_release_starts_on_the_schema_of_a_newer_one_but_cannot_take_it_back() -> Result<(), DbErr> {
    for database in empty_databases().await? {
        let db = database.connect(1).await?;
        migrations::up(&db).await?;
        db.execute_unprepared("INSERT INTO seaql_migrations VALUES ('m29990101_000001_newer', 0)").await?;

        migrations::up(&db).await?;
        assert!(migrations::down(&db, Some(1)).await.is_err());
        assert_eq!(tables(&db).await?, TABLES);
    }
    Ok(())
}
