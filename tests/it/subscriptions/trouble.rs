//! An error with one change, or with one organization's log, is reported and stops nothing else.

use std::time::{Duration, Instant};

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{card, record, record_fields, rename, subscriber::Subscriber};
use crate::support::{HOME, OTHER, World, big_int};

/// How long a metric may take to show what happened.
const PATIENCE: Duration = Duration::from_secs(30);

/// The value of a metric of the feed.
async fn metric(world: &World, name: &str) -> f64 {
    let text = world.metrics().await;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.expect("a metric").parse().expect("a number")
}

async fn until_lag(world: &World, is_reached: impl Fn(f64) -> bool) {
    let began = Instant::now();
    while !is_reached(metric(world, "contact_gateway_feed_lag_seconds").await) {
        assert!(began.elapsed() < PATIENCE, "{}", world.metrics().await);
        sleep(Duration::from_millis(50)).await;
    }
}

async fn execute(world: &World, sql: &str) {
    world.db.pool().execute_unprepared(sql).await.expect(sql);
}

pub(super) async fn fields_that_cannot_be_read_are_null(world: World) {
    let (id, db) = (card(&world.writer(), "Globex").await, world.db.pool());
    let mut subscriber = Subscriber::with(&world.reader(), "").await;
    record(db, HOME, &id, "before").await;
    let before = subscriber.event().await;
    // A number that jsonb holds and no double does; a text that is not JSON.
    let fields = if world.db.is_sqlite() { "{" } else { "{\"n\": 1e400}" };
    record_fields(db, HOME, &id, "unreadable", fields).await;
    record(db, HOME, &id, "after").await;
    let seq = big_int(&before["change"]["seq"]) + 1;
    let later = Subscriber::with(&world.reader(), &format!("(after: {})", before["cursor"])).await;
    // As it comes, and read of the table.
    for mut subscriber in [subscriber, later] {
        let result = subscriber.result().await;
        let change = &result["data"]["contactChanged"]["change"];
        assert_eq!((&change["seq"], &change["fields"]), (&json!(seq.to_string()), &Value::Null), "{result}");
        assert_eq!(result["errors"][0]["extensions"]["code"], "INTERNAL", "{result}");
        assert_eq!(result["errors"][0]["path"], json!(["contactChanged", "change", "fields"]));
        assert_eq!(big_int(&subscriber.event().await["change"]["seq"]), seq + 1);
    }
}

/// SQLite only: no column of PostgreSQL takes a text that is no time.
pub(super) async fn a_change_that_cannot_be_read_is_an_error_of_its_own(world: World) {
    if !world.db.is_sqlite() {
        return;
    }
    let (id, db) = (card(&world.writer(), "Globex").await, world.db.pool());
    let mut subscriber = Subscriber::with(&world.reader(), "").await;
    record(db, HOME, &id, "before").await;
    let seq = big_int(&subscriber.event().await["change"]["seq"]) + 1;
    let spoil = "CREATE TRIGGER spoil AFTER INSERT ON change WHEN new.request_id = 'unreadable' BEGIN
        UPDATE change SET at = 'never' WHERE org_id = new.org_id AND seq = new.seq; END";
    execute(&world, spoil).await;
    record(db, HOME, &id, "unreadable").await;
    record(db, HOME, &id, "after").await;
    let result = subscriber.result().await;
    assert_eq!(result["data"], Value::Null, "{result}");
    let error = &result["errors"][0];
    assert_eq!(error["extensions"]["code"], "INTERNAL", "{error}");
    assert!(error["message"].as_str().is_some_and(|message| message.contains(&seq.to_string())), "{error}");
    assert_eq!(big_int(&subscriber.event().await["change"]["seq"]), seq + 1);
    assert!(metric(&world, "contact_gateway_feed_errors_total").await >= 1.0);
}

pub(super) async fn a_gap_ends_subscriptions_and_nothing_else(world: World) {
    let id = card(&world.writer(), "Globex").await;
    let theirs = card(&world.other(), "Theirs").await;
    let mut subscriber = Subscriber::with(&world.reader(), "").await;
    let mut others = Subscriber::with(&world.other(), "").await;
    let errors = metric(&world, "contact_gateway_feed_errors_total").await;
    // A number that no change has.
    execute(&world, &format!("UPDATE change_counter SET seq = seq + 1 WHERE org_id = {HOME}")).await;
    rename(&world.writer(), &id, "Initech").await;
    let result = subscriber.result().await;
    assert_eq!(result["errors"][0]["extensions"]["code"], "CURSOR_LOST", "{result}");
    assert_eq!(subscriber.try_result().await, None);
    assert!(metric(&world, "contact_gateway_feed_errors_total").await > errors);
    rename(&world.other(), &theirs, "Still theirs").await;
    assert_eq!(others.event().await["contact"]["displayName"], "Still theirs");
    let mut anew = Subscriber::with(&world.reader(), "").await;
    rename(&world.writer(), &id, "Hooli").await;
    while anew.event().await["contact"]["displayName"] != "Hooli" {}
    until_lag(&world, |lag| lag < 1.0).await;
}

/// PostgreSQL only: SQLite writes to no view.
#[tokio::test]
async fn trouble_of_one_organization_stops_no_other() {
    let world = World::on_postgres().await;
    let (ours, theirs) = (card(&world.writer(), "Ours").await, card(&world.other(), "Theirs").await);
    let mut subscriber = Subscriber::with(&world.reader(), "").await;
    let mut others = Subscriber::with(&world.other(), "").await;
    // Reading the other organization's log and counter fails, as when their shard is down.
    for table in ["change", "change_counter"] {
        execute(&world, &format!(
            "ALTER TABLE {table} RENAME TO {table}_rows;
             CREATE FUNCTION {table}_trouble() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$BEGIN RAISE 'down'; END$$;
             CREATE VIEW {table} AS SELECT * FROM {table}_rows WHERE CASE WHEN org_id = {OTHER} THEN {table}_trouble() ELSE TRUE END;
             GRANT ALL ON {table} TO PUBLIC"
        ))
        .await;
    }
    let insert = format!(
        "WITH taken AS (UPDATE change_counter_rows SET seq = seq + 1 WHERE org_id = {OTHER} RETURNING seq)
         INSERT INTO change_rows (org_id, seq, at, actor, entity_kind, entity_id, action, fields, request_id)
         SELECT {OTHER}, seq, now(), 'somebody', 'OrganizationContact', '{}', 'updated', '{{}}', 'request' FROM taken",
        theirs.as_str().expect("an id")
    );
    execute(&world, &insert).await;
    until_lag(&world, |lag| lag > 1.5).await;
    for name in ["A", "B", "C"] {
        record(world.db.pool(), HOME, &ours, name).await;
        assert_eq!(subscriber.event().await["contactId"], ours);
    }
    assert!(metric(&world, "contact_gateway_feed_errors_total").await > 1.0);
    for table in ["change", "change_counter"] {
        execute(&world, &format!("DROP VIEW {table}; ALTER TABLE {table}_rows RENAME TO {table}")).await;
    }
    assert_eq!(others.event().await["contactId"], theirs);
    until_lag(&world, |lag| lag < 1.0).await;
}
