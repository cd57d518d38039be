//! Retention: rows that are kept for a limited time, and the background work that deletes them.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use chrono::{DateTime, Utc};
use contact_gateway::{
    app,
    service::maintenance::{Retention, Stats, delete_expired},
};
use sea_orm::{ConnectionTrait, Statement, TransactionTrait};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    mutation::done,
    support::{HOME, OTHER, World, on_both, statements::plan},
};

on_both!(
    changes_are_kept_for_as_long_as_wanted,
    changes_go_in_order_of_their_numbers,
    keys_are_kept_for_as_long_as_wanted,
    many_rows_go_in_batches_by_an_index,
    what_is_deleted_is_counted,
    a_database_that_is_gone_ends_nothing,
    an_error_in_one_organization_keeps_nothing_from_the_others,
);

const ROWS: u32 = 6_000;
const DAY: Duration = Duration::from_hours(24);
const RETENTION: Retention =
    Retention { changes: Some(Duration::from_hours(30 * 24)), idempotency_keys: DAY };

/// Does it once, so many days from now; gives how many changes and keys were deleted.
async fn after(world: &World, days: u32, retention: Retention) -> (u64, u64) {
    let stats = Stats::default();
    let now = Utc::now() + DAY * days;
    assert!(delete_expired(&world.db, retention, now, &stats).await.expect("a database"));
    (stats.changes.load(Relaxed), stats.idempotency_keys.load(Relaxed))
}

async fn numbers(world: &World, sql: &str) -> Vec<i64> {
    let db = world.db.pool();
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.expect(sql);
    rows.iter().map(|row| row.try_get_by_index(0).expect("a number")).collect()
}

/// The numbers of an organization's changes.
async fn changes(world: &World, organization: i64) -> Vec<i64> {
    numbers(world, &format!("SELECT seq FROM change WHERE org_id = {organization} ORDER BY seq")).await
}

async fn deleted_through(world: &World, organization: i64) -> i64 {
    let sql = format!("SELECT deleted_through FROM change_counter WHERE org_id = {organization}");
    numbers(world, &sql).await[0]
}

/// Makes a change look older. Times are compared as the gateway writes them.
async fn age(world: &World, seq: i64, days: u32) {
    let at: DateTime<Utc> = Utc::now() - DAY * days;
    let backend = world.db.pool().get_database_backend();
    let sql = format!("UPDATE change SET at = $1 WHERE org_id = {HOME} AND seq = {seq}");
    let statement = Statement::from_sql_and_values(backend, sql, [at.into()]);
    world.db.pool().execute_raw(statement).await.expect("an update");
}

async fn changes_are_kept_for_as_long_as_wanted(world: World) {
    for name in ["One", "Two", "Three"] {
        world.rows().partner(name, None).await;
    }
    world.other_rows().partner("Four", None).await;
    let (home, other) = (changes(&world, HOME).await, changes(&world, OTHER).await);
    let newest = *home.last().expect("a change");
    let for_ever = Retention { changes: None, ..RETENTION };
    assert_eq!(after(&world, 30_000, for_ever).await, (0, 0));
    assert_eq!(after(&world, 29, RETENTION).await, (0, 0));
    assert_eq!((changes(&world, HOME).await, deleted_through(&world, HOME).await), (home.clone(), 0));

    let deleted = home.len() + other.len() - 2;
    assert_eq!(after(&world, 31, RETENTION).await, (deleted as u64, 0));
    assert_eq!(changes(&world, HOME).await, [newest]);
    assert_eq!(changes(&world, OTHER).await, other[other.len() - 1..]);
    assert_eq!(deleted_through(&world, HOME).await, newest - 1);
    assert_eq!(after(&world, 31, RETENTION).await, (0, 0));

    // The next one has the next number.
    world.rows().partner("Five", None).await;
    assert_eq!(changes(&world, HOME).await, [newest, newest + 1]);
    // The newest one that there was may go now.
    assert_eq!(after(&world, 31, RETENTION).await, (1, 0));
    assert_eq!(deleted_through(&world, HOME).await, newest);
}

async fn changes_go_in_order_of_their_numbers(world: World) {
    for name in ["One", "Two", "Three", "Four"] {
        world.rows().partner(name, None).await;
    }
    let all = changes(&world, HOME).await;
    let [.., one, two, three, _] = all[..] else { panic!("{all:?}") };
    // One of them is young: those after it are kept with it, though they are older.
    for (seq, days) in all.iter().map(|seq| (*seq, 40)).chain([(two, 20)]) {
        age(&world, seq, days).await;
    }
    after(&world, 0, RETENTION).await;
    assert_eq!(deleted_through(&world, HOME).await, one);
    assert_eq!(changes(&world, HOME).await.first(), Some(&two));
    age(&world, two, 40).await;
    after(&world, 0, RETENTION).await;
    assert_eq!(deleted_through(&world, HOME).await, three);
}

async fn keys_are_kept_for_as_long_as_wanted(world: World) {
    let input = json!({ "name": "Globex", "idempotencyKey": "k" });
    let writer = world.writer();
    let first = done(&writer, "createPartner", input.clone(), "partner { id }").await;
    let there = json!({ "name": "Globex", "idempotencyKey": "k" });
    done(&world.other(), "createPartner", there, "partner { id }").await;
    assert_eq!(after(&world, 0, RETENTION).await, (0, 0));
    assert_eq!(done(&writer, "createPartner", input.clone(), "partner { id }").await, first);

    assert_eq!(after(&world, 2, Retention { changes: None, ..RETENTION }).await, (0, 2));
    assert_eq!(world.count("idempotency_key").await, 0);
    // Forgotten: the same call makes another row.
    assert_ne!(done(&writer, "createPartner", input, "partner { id }").await, first);
}

/// Rows of both kinds by the thousand.
async fn fill(world: &World, count: u32) {
    let numbers =
        format!("WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count})");
    let time = if world.db.is_sqlite() {
        "strftime('%Y-%m-%dT%H:%M:%S+00:00', 1577836800 + n, 'unixepoch')"
    } else {
        "timestamptz '2020-01-01Z' + n * interval '1 second'"
    };
    let past = time.replace("+ n", "+ 0");
    let hash = if world.db.is_sqlite() { "x''" } else { "''::bytea" };
    for sql in [
        format!(
            "{numbers} INSERT INTO change (org_id, seq, at, actor, entity_kind, entity_id, action, fields, request_id)
            SELECT {HOME}, 1000 + n, {time}, 'a', 'Partner', 'p', 'updated', '{{}}', 'r' FROM s"
        ),
        format!("UPDATE change_counter SET seq = 1000 + {count} WHERE org_id = {HOME}"),
        format!("UPDATE change SET at = {past} WHERE seq <= 1000"),
        format!(
            "{numbers} INSERT INTO idempotency_key (org_id, key, operation, input_hash, result_id, created_at)
            SELECT {HOME}, 'key ' || n, 'o', {hash}, '', {time} FROM s"
        ),
        "ANALYZE".to_owned(),
    ] {
        world.db.pool().execute_unprepared(&sql).await.expect(&sql);
    }
}

async fn many_rows_go_in_batches_by_an_index(world: World) {
    fill(&world, ROWS).await;
    let before = changes(&world, HOME).await.len() as u64;
    let (deleted, statements) = world.recorded(after(&world, 0, RETENTION)).await;
    assert_eq!(deleted, (before - 1, u64::from(ROWS)));
    assert_eq!(changes(&world, HOME).await, [1_000 + i64::from(ROWS)]);
    assert_eq!(deleted_through(&world, HOME).await, 999 + i64::from(ROWS));
    let deleting = |statement: &&Statement| statement.sql.starts_with("DELETE");
    assert!(statements.iter().filter(deleting).count() >= 24, "{statements:#?}");
    // Asked again with the rows in place.
    fill_again(&world).await;
    for statement in statements {
        let sql = statement.sql.clone();
        let plan = plan(world.db.pool(), statement).await;
        if ["change\"", "idempotency_key\""].iter().any(|table| sql.contains(table)) {
            assert!(!plan.contains("Seq Scan") && !plan.contains("SCAN change"), "{sql}\n{plan}");
            assert!(!plan.contains("SCAN idempotency_key"), "{sql}\n{plan}");
        }
    }
}

async fn fill_again(world: &World) {
    let sql = "DELETE FROM change";
    world.db.pool().execute_unprepared(sql).await.expect(sql);
    fill(world, ROWS).await;
}

async fn what_is_deleted_is_counted(world: World) {
    let text = world.metrics().await;
    for metric in [
        "expired_rows_deleted_total{rows=\"changes\"} 0",
        "expired_rows_deleted_total{rows=\"idempotency_keys\"} 0",
        "background_failures_total 0",
    ] {
        assert!(text.contains(&format!("contact_gateway_{metric}")), "{metric}\n{text}");
    }
}

async fn a_database_that_is_gone_ends_nothing(world: World) {
    world.rows().partner("Globex", None).await;
    let gone = app::connect(&world.config).await.expect("a connection");
    gone.pool().clone().close().await.expect("a closed pool");
    let now = Utc::now() + DAY * 60;
    assert!(delete_expired(&gone, RETENTION, now, &Stats::default()).await.is_err());
    assert!(after(&world, 60, RETENTION).await.0 > 0);
}

async fn an_error_in_one_organization_keeps_nothing_from_the_others(world: World) {
    world.rows().partner("Globex", None).await;
    world.other_rows().partner("Initech", None).await;
    let (ours, theirs) = (changes(&world, HOME).await, changes(&world, OTHER).await);
    let trouble = if world.db.is_sqlite() {
        format!(
            "CREATE TRIGGER trouble BEFORE DELETE ON change WHEN old.org_id = {HOME}
             BEGIN SELECT RAISE(ABORT, 'trouble'); END"
        )
    } else {
        format!(
            "CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'trouble'; END$$;
             CREATE TRIGGER trouble BEFORE DELETE ON change FOR EACH ROW WHEN (old.org_id = {HOME})
             EXECUTE FUNCTION trouble()"
        )
    };
    world.db.pool().execute_unprepared(&trouble).await.expect("a trigger");
    let now = Utc::now() + DAY * 60;
    assert!(delete_expired(&world.db, RETENTION, now, &Stats::default()).await.is_err());
    assert_eq!(changes(&world, HOME).await, ours);
    assert_eq!(changes(&world, OTHER).await, theirs[theirs.len() - 1..]);
}

/// Erasing a contact locks changes in another order than retention. Both wait for each other then, and the database ends one.
#[tokio::test]
async fn a_deadlock_is_no_reason_to_wait_an_hour() {
    let world = World::on_postgres().await;
    for name in ["One", "Two", "Three"] {
        world.rows().partner(name, None).await;
    }
    let all = changes(&world, HOME).await;
    let [first, .., last, _] = all[..] else { panic!("{all:?}") };
    // Retention looks for a deadlock after five seconds, and the other transaction never.
    let sql = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = ''5s''', current_database()); END $$";
    world.db.pool().execute_unprepared(sql).await.expect("a setting");
    let world = world.restarted(|_| ()).await;
    let other = world.db.pool().begin().await.expect("a transaction");
    other.execute_unprepared("SET LOCAL deadlock_timeout = '1min'").await.expect("a setting");
    let touch = |seq: i64| format!("UPDATE change SET actor = actor WHERE org_id = {HOME} AND seq = {seq}");
    other.execute_unprepared(&touch(last)).await.expect("a change");
    let db = world.db.clone();
    let now = Utc::now() + DAY * 60;
    let retention = tokio::spawn(async move { delete_expired(&db, RETENTION, now, &Stats::default()).await });
    let is_waiting = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while numbers(&world, is_waiting).await != [1] {
        assert!(!retention.is_finished());
        sleep(Duration::from_millis(10)).await;
    }
    // So retention is the one that is rolled back.
    other.execute_unprepared(&touch(first)).await.expect("a change");
    other.commit().await.expect("a commit");
    assert!(retention.await.expect("retention").expect("a database"));
    assert_eq!(changes(&world, HOME).await, all[all.len() - 1..]);
}

#[tokio::test]
async fn of_many_instances_one_does_it() {
    let world = World::on_postgres().await;
    world.rows().partner("Globex", None).await;
    let before = world.count("change").await;
    // Another instance is in the middle of a batch.
    let other = world.db.pool().begin().await.expect("a transaction");
    let lock = format!("SELECT pg_advisory_xact_lock({})", i64::from_be_bytes(*b"maintain"));
    other.execute_unprepared(&lock).await.expect("a lock");
    let now = Utc::now() + DAY * 60;
    let outcome = delete_expired(&world.db, RETENTION, now, &Stats::default()).await;
    assert!(!outcome.expect("a database"), "the other instance does it");
    assert_eq!(world.count("change").await, before);
    drop(other);

    let (one, two) = (Stats::default(), Stats::default());
    let outcomes = tokio::join!(
        delete_expired(&world.db, RETENTION, now, &one),
        delete_expired(&world.db, RETENTION, now, &two),
    );
    assert!(outcomes.0.expect("a database") || outcomes.1.expect("a database"));
    assert_eq!(one.changes.load(Relaxed) + two.changes.load(Relaxed), (before - 2) as u64);
}
