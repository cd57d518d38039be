//! A first import: tables grow by thousands while connections keep the plans that they made for an empty one.

use std::time::Duration;

use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{KINDS, account_contacts};
use crate::{mutation::done, support::World};

/// On PostgreSQL, with one connection, so that each call meets the plans of those before it.
async fn world() -> World {
    World::on_postgres().await.restarted(|config| config.database.max_connections = 1).await
}

async fn texts(world: &World, sql: &str) -> Vec<String> {
    let connection = world.db.connection();
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let rows = connection.query_all_raw(statement).await.expect(sql);
    rows.iter().map(|row| row.try_get_by_index(0).expect(sql)).collect()
}

#[tokio::test]
async fn rows_are_looked_up_by_plans_of_this_call() {
    let world = world().await;
    let writer = world.writer();
    for kind in KINDS {
        // PostgreSQL makes a plan to keep at the sixth execution.
        for call in 0..8 {
            kind.done(&writer, kind.rows(call * 10..(call + 1) * 10)).await;
        }
    }
    let lookups = "FROM pg_prepared_statements WHERE statement LIKE 'SELECT%= ANY(%FOR UPDATE'";
    let planned = texts(&world, &format!("SELECT statement {lookups} AND custom_plans >= 8")).await;
    assert!(planned.len() >= KINDS.len(), "{planned:#?}");
    let kept = texts(&world, &format!("SELECT statement {lookups} AND generic_plans > 0")).await;
    assert!(kept.is_empty(), "{kept:#?}");
}

/// How many rows of contacts were read from end to end of the table, once so many were inserted.
async fn rows_read(world: &World, inserted: usize) -> u64 {
    let sql = "SELECT seq_tup_read::text || ' ' || n_tup_ins::text FROM pg_stat_user_tables \
               WHERE relname = 'account_contact'";
    // What a connection has done is counted up to a second later.
    for _ in 0..50 {
        let counts = texts(world, sql).await.remove(0);
        let (read, written) = counts.split_once(' ').expect("two numbers");
        if written.parse() == Ok(inserted) {
            return read.parse().expect("a number");
        }
        sleep(Duration::from_millis(200)).await;
    }
    panic!("{inserted} rows were not counted");
}

#[tokio::test]
async fn links_are_checked_by_the_index_of_the_contacts() {
    let world = world().await;
    let account = world.rows().account("Globex").await.id.to_string();
    let contact = |number: usize| json!({ "email": format!("person{number}@example.com"), "firstName": "Grace", "accountIds": [account] });
    let single = async |number| {
        done(&world.writer(), "createAccountContact", contact(number), "accountContact { id }").await
    };
    for number in 0..10 {
        single(number).await;
    }
    // From now on PostgreSQL knows how small the table is, and plans to read all of it to find a row.
    world.db.pool().execute_unprepared("VACUUM ANALYZE account_contact").await.expect("a vacuumed table");
    for number in 10..20 {
        single(number).await;
    }
    let before = rows_read(&world, 20).await;
    let kind = account_contacts::KIND;
    let rows: Value = (20..1_020).map(contact).collect();
    kind.done(&world.writer(), rows).await;
    let read = rows_read(&world, 1_020).await - before;
    // A few times the table, where each row's check would read all of it.
    assert!(read < 20_000, "{read} rows were read");
}
