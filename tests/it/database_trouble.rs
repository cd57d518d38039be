//! Failures of the database: the errors that clients get, that nothing is lost or done twice, and that the gateway recovers
//! by itself.

use std::{collections::BTreeSet, time::Duration};

use contact_gateway::error::{AppError, Code};
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::support::{Actor, Reply, World, execute, on_both};

const UNAVAILABLE: &str = "The service is temporarily unavailable. Try again shortly.";

async fn create(client: &Actor, name: &str) -> Reply {
    client.mutate("createPartner", json!({ "name": name, "remoteId": name }), "partner { id name }").await
}

/// Whether a partner was created; otherwise the only error is that the database is unavailable.
fn is_made(reply: &Reply) -> bool {
    if reply.body.get("errors").is_none() {
        assert_eq!(reply.user_errors("createPartner"), [""; 0]);
        return true;
    }
    assert_eq!(reply.body["errors"][0]["extensions"]["code"], "UNAVAILABLE", "{}", reply.body);
    let message = reply.body["errors"][0]["message"].as_str().expect("a message");
    let lost = "The connection to the database was lost during the commit. The change may have been saved: read the record before you write again.";
    let full = "The database has no disk space left. Nothing was written.";
    assert!([UNAVAILABLE, lost, full].contains(&message), "{message}");
    false
}

/// PostgreSQL ends a transaction that waits in a circle. Here that is always the gateway's: the other one never looks.
#[tokio::test]
async fn a_write_that_is_the_victim_of_a_deadlock_is_done_again() {
    let world = World::on_postgres().await;
    let partner = create(&world.writer(), "Globex").await.data("/createPartner/partner/id").clone();
    let input = json!({ "email": "ada@example.com", "internalRole": "LEAD", "partnerId": partner });
    let added = world.writer().mutate("addInternalContactToPartner", input, "assignment { id }").await;
    assert_eq!(added.user_errors("addInternalContactToPartner"), [""; 0]);

    let own = world.own_connection().await;
    let other = own.begin().await.expect("a transaction");
    execute(&other, "SET LOCAL deadlock_timeout = '1min'; SELECT 1 FROM internal_contact FOR UPDATE").await;
    let writer = world.writer();
    let deleted = tokio::spawn(async move {
        writer.mutate("deletePartner", json!({ "id": partner }), "partner { deletedAt }").await
    });
    until_somebody_waits(&world).await;
    // The gateway holds the partner and waits for the person; this closes the circle.
    execute(&other, "SELECT 1 FROM partner FOR UPDATE").await;
    other.commit().await.expect("a commit");

    let deleted = deleted.await.expect("an answer");
    assert_eq!(deleted.user_errors("deletePartner"), [""; 0]);
    assert!(deleted.data("/deletePartner/partner/deletedAt").is_string());
    assert_eq!(count(&world, "SELECT count(*) FROM change WHERE action = 'deleted'").await, 1);
    // The write may take the partner again before the other transaction does.
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert!(count(&world, deadlocks).await >= 1);
}

async fn until_somebody_waits(world: &World) {
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while count(world, waiting).await == 0 {
        sleep(Duration::from_millis(5)).await;
    }
}

async fn count(world: &World, sql: &str) -> i64 {
    let statement = sea_orm::Statement::from_string(world.db.pool().get_database_backend(), sql);
    let row = world.db.connection().query_one_raw(statement).await.expect("a row").expect("a row");
    row.try_get_by_index(0).expect("a number")
}

/// Makes the next writes of partners fail as if they could not be serialized. A sequence counts them, because it does
/// not go back with the transaction.
async fn let_fail(world: &World, writes: u32) {
    execute(
        world.db.pool(),
        &format!(
            "CREATE SEQUENCE tried;
             CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF nextval('tried') <= {writes} THEN
                     RAISE EXCEPTION 'could not serialize %', NEW.name USING ERRCODE = '40001';
                 END IF;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER fail AFTER INSERT ON partner FOR EACH ROW EXECUTE FUNCTION fail()"
        ),
    )
    .await;
}

#[tokio::test]
async fn a_write_that_cannot_be_serialized_is_done_again_three_times() {
    let world = World::on_postgres().await;
    let_fail(&world, 3).await;
    assert!(is_made(&create(&world.writer(), "Globex").await));
    assert_eq!(count(&world, "SELECT last_value FROM tried").await, 4);
    assert_eq!(world.count("partner").await, 1);
    assert_eq!(count(&world, "SELECT count(*) FROM change WHERE entity_kind = 'Partner'").await, 1);
}

#[tokio::test]
async fn a_fourth_time_it_is_refused_and_nothing_is_written() {
    let world = World::on_postgres().await;
    let_fail(&world, 4).await;
    let reply = world.nothing_written(create(&world.writer(), "Globex")).await;
    assert!(!is_made(&reply));
    assert!(!reply.body.to_string().contains("serialize"), "{}", reply.body);
    assert!(is_made(&create(&world.writer(), "Globex").await));
}

on_both!(without_a_free_connection_clients_are_told_and_the_next_ones_go_on);

async fn without_a_free_connection_clients_are_told_and_the_next_ones_go_on(world: World) {
    let world = world
        .restarted(|config| {
            config.database.max_connections = 2;
            config.database.acquire_timeout = Duration::from_millis(300);
        })
        .await;
    let held = [world.db.pool().begin().await, world.db.pool().begin().await];
    let held = held.map(|transaction| transaction.expect("a transaction"));
    let (reader, writer) = (world.reader(), world.writer());
    let began = Instant::now();
    let (read, written) =
        tokio::join!(reader.query("{ partners { nodes { id } } }"), create(&writer, "Globex"));
    assert_eq!(read.errors(), ["UNAVAILABLE partners"]);
    assert!(!is_made(&written));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    for transaction in held {
        transaction.rollback().await.expect("a rollback");
    }
    assert!(is_made(&create(&writer, "Globex").await));
}

/// How many clients write while connections are cut.
const CLIENTS: usize = 8;

/// Writes partners until `stop`; gives the names of those that were acknowledged.
async fn write(client: Actor, number: usize, stop: Instant) -> Vec<String> {
    let mut made = Vec::new();
    for round in 0.. {
        if Instant::now() > stop {
            break;
        }
        let name = format!("{number}-{round}");
        if is_made(&create(&client, &name).await) {
            made.push(name);
        }
    }
    made
}

#[tokio::test]
async fn connections_that_are_cut_lose_and_double_nothing() {
    let world = World::on_postgres().await;
    let stop = Instant::now() + Duration::from_secs(2);
    let clients: Vec<_> =
        (0..CLIENTS).map(|number| tokio::spawn(write(world.writer(), number, stop))).collect();
    let own = world.own_connection().await;
    while Instant::now() < stop {
        sleep(Duration::from_millis(100)).await;
        let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                      WHERE datname = current_database() AND pid <> pg_backend_pid()";
        execute(&own, others).await;
    }
    let mut made = BTreeSet::new();
    for client in clients {
        made.extend(client.await.expect("a client"));
    }
    assert!(!made.is_empty());
    assert_nothing_lost_or_doubled(&world, &made).await;
}

/// Every acknowledged partner is there, and every one that is there has its one record.
async fn assert_nothing_lost_or_doubled(world: &World, made: &BTreeSet<String>) {
    // Connections that were cut while they were idle are replaced without an error for a client.
    sleep(Duration::from_millis(1_100)).await;
    let mut there = BTreeSet::new();
    let mut after = Value::Null;
    loop {
        let document = "query($after: String) { partners(first: 100, after: $after) {
            nodes { name } pageInfo { hasNextPage endCursor } } }";
        let reply = world.reader().graphql(document, json!({ "after": after })).await;
        let page = reply.data("/partners").clone();
        for node in page["nodes"].as_array().expect("nodes") {
            assert!(there.insert(node["name"].as_str().expect("a name").to_owned()), "{node}");
        }
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    let lost: Vec<_> = made.difference(&there).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let recorded = "SELECT count(*) FROM change WHERE entity_kind = 'Partner' AND action = 'created'";
    assert_eq!(count(world, recorded).await, i64::try_from(there.len()).expect("a number"));
}

#[tokio::test]
async fn on_a_full_disk_nothing_is_half_done_and_reading_goes_on() {
    let world = World::on_sqlite().await.restarted(|config| config.database.max_connections = 1).await;
    assert!(is_made(&create(&world.writer(), "Globex").await));
    // A connection's own limit stands for the disk: SQLite answers both with the same code.
    let pages = count(&world, "PRAGMA page_count").await;
    execute(world.db.pool(), &format!("PRAGMA max_page_count = {pages}")).await;
    let mut refused = None;
    for number in 0..1_000 {
        let before = world.contents().await;
        if !is_made(&create(&world.writer(), &format!("Partner {number}")).await) {
            refused = Some(before);
            break;
        }
    }
    let before = refused.expect("a full disk");
    assert_eq!(world.contents().await, before);
    assert_eq!(
        *world
            .reader()
            .query("{ partners(first: 1) { nodes { name } } }")
            .await
            .data("/partners/nodes/0/name"),
        "Globex"
    );

    execute(world.db.pool(), "PRAGMA max_page_count = 4294967294").await;
    assert!(is_made(&create(&world.writer(), "After all").await));
}

/// The connection, and those that replace it.
const READ_ONLY: &str = "
    DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database());
    END $$;
    SET default_transaction_read_only = on";

#[tokio::test]
async fn a_database_that_takes_no_writes_is_read() {
    for world in [World::on_sqlite().await, World::on_postgres().await] {
        let world = world.restarted(|config| config.database.max_connections = 1).await;
        assert!(is_made(&create(&world.writer(), "Globex").await));
        let (readonly, writable) = match world.db.pool().get_database_backend() {
            sea_orm::DbBackend::Sqlite => ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
            _ => (READ_ONLY, "SET default_transaction_read_only = off"),
        };
        execute(world.db.pool(), readonly).await;
        assert!(!is_made(&world.nothing_written(create(&world.writer(), "Initech")).await));
        let read = world.reader().query("{ partners { nodes { name } } }").await;
        assert_eq!(*read.data("/partners/nodes"), json!([{ "name": "Globex" }]));
        execute(world.db.pool(), writable).await;
        assert!(is_made(&create(&world.writer(), "Initech").await));
    }
}

const ENDLESS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

#[tokio::test]
async fn a_statement_has_an_end_on_both() {
    for world in [World::on_sqlite().await, World::on_postgres().await] {
        let world = world
            .restarted(|config| {
                config.database.max_connections = 1;
                config.database.statement_timeout = Duration::from_millis(300);
            })
            .await;
        for _ in 0..3 {
            let began = Instant::now();
            let interrupted = world.db.connection().execute_unprepared(ENDLESS).await;
            let error = AppError::from(interrupted.expect_err("no end"));
            assert_eq!(error.code(), Code::Timeout, "{error:?}");
            assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
            // The connection serves the next request.
            assert!(is_made(&create(&world.writer(), &format!("After {:?}", began)).await));
        }
    }
}

#[tokio::test]
async fn each_statement_of_a_write_has_its_own_time() {
    let counting = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT count(*) FROM n";
    for world in [World::on_sqlite().await, World::on_postgres().await] {
        let limit = Duration::from_millis(1500);
        let world = world.restarted(|config| config.database.statement_timeout = limit).await;
        let write = world.db.begin().await.expect("a write");
        let began = Instant::now();
        // Together they take longer than one may, in the database and between the statements.
        while began.elapsed() < 2 * limit {
            write.execute_unprepared(counting).await.expect("a count");
            tokio::time::sleep(limit / 4).await;
        }
        let error = AppError::from(write.execute_unprepared(ENDLESS).await.expect_err("no end"));
        assert_eq!(error.code(), Code::Timeout, "{error:?}");
    }
}

#[tokio::test]
async fn migrations_take_what_they_take_on_sqlite() {
    let world = World::on_sqlite().await;
    let world = world.restarted(|config| config.database.statement_timeout = Duration::from_millis(50)).await;
    let counting = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT count(*) FROM n";
    world.db.pool().execute_unprepared(counting).await.expect_err("a limit");
    world.db.unlimited(world.db.pool().execute_unprepared(counting)).await.expect("no limit");
}
