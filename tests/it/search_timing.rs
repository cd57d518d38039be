//! The time of a search reveals nothing about another organization: a search for a word that only the other one has is equally
//! fast if three of its contacts have it and if very many do.
//!
//! What counts is the time on the processor: it differs as much as the time that passes, without the noise of the machine.
//! In short with few contacts and repetitions, and a bound that only a real difference passes.
//! `CONTACT_GATEWAY_TEST_SEARCH_TIMING=100` makes 30,000 contacts, repeats each search so often and reports the medians.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::json;

use crate::support::{OTHER, Processor, World, on_both};

on_both!(a_search_takes_no_longer_for_the_words_of_others);

/// Each write finds the entry of its row in SQLite's text index by both columns of a key, whatever other organizations have.
#[tokio::test]
async fn a_write_of_sqlite_finds_its_entry_by_the_key() {
    let world = World::on_sqlite().await;
    let sql =
        "SELECT tbl_name, sql FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%FROM search_entry%'";
    let triggers = world
        .db
        .pool()
        .query_all_raw(Statement::from_string(DbBackend::Sqlite, sql))
        .await
        .expect("triggers");
    assert!(triggers.len() >= 10, "{}", triggers.len());
    for trigger in triggers {
        let [table, sql] =
            ["tbl_name", "sql"].map(|column| trigger.try_get::<String>("", column).expect("a text"));
        let row = if sql.contains("old.id") { "old" } else { "new" };
        let (_, condition) = sql.split_once("FROM search_entry WHERE ").expect("a condition");
        let condition = condition.split([')', ';']).next().expect("a condition");
        let plan = format!(
            "EXPLAIN QUERY PLAN SELECT * FROM {table} AS {row} CROSS JOIN search_entry WHERE {condition}"
        );
        let plan = world
            .db
            .pool()
            .query_all_raw(Statement::from_string(DbBackend::Sqlite, plan))
            .await
            .expect("a plan");
        let details: Vec<String> =
            plan.iter().map(|step| step.try_get("", "detail").expect("a text")).collect();
        assert!(
            details.iter().any(|detail| detail.contains("entity=? AND entity_id=?")),
            "{sql}: {details:?}"
        );
    }
}

const FEW: (&str, usize) = ("quokka", 3);

async fn a_search_takes_no_longer_for_the_words_of_others(world: World) {
    let full = std::env::var("CONTACT_GATEWAY_TEST_SEARCH_TIMING").ok();
    let full = full.map(|it| it.parse().expect("CONTACT_GATEWAY_TEST_SEARCH_TIMING is a number of searches"));
    let (contacts, times) = full.map_or((3_000, 21), |times: usize| (30_000, times));
    let many = ("wombat", contacts);
    // Own contacts, so that a plan is made for some rows.
    fill(&world, 1, "ada", 0, 1_000).await;
    fill(&world, OTHER, FEW.0, 10_000_000, FEW.1).await;
    fill(&world, OTHER, many.0, 20_000_000, many.1).await;
    if !world.db.is_sqlite() {
        world.db.pool().execute_unprepared("VACUUM ANALYZE").await.expect("statistics");
    }
    for list in ["accountContacts", "contacts"] {
        let mut taken = [Vec::new(), Vec::new()];
        // Taken in turns, so that whatever else the machine does falls on both.
        for _ in 0..times + 3 {
            for (times, (word, _)) in taken.iter_mut().zip([FEW, many]) {
                times.push(search(&world, list, word).await);
            }
        }
        let [few, many] = taken.map(|times| Spread::of(times[3..].to_vec()));
        if full.is_some() {
            let kind = if world.db.is_sqlite() { "SQLite" } else { "PostgreSQL" };
            eprintln!(
                "{kind}, {list}: 3 contacts {few:?}, {contacts} contacts {many:?}, of {times} searches"
            );
        }
        let noise = few.quarters.max(many.quarters).max(few.median / 4).max(Duration::from_micros(200));
        let bound = if full.is_some() { noise } else { 4 * noise };
        assert!(few.median.abs_diff(many.median) < bound, "{list}: {few:?}, {many:?}");
    }
}

/// Contacts of an organization that have a word.
async fn fill(world: &World, organization: i64, word: &str, first: usize, count: usize) {
    let id = match world.db.pool().get_database_backend() {
        DbBackend::Postgres => "encode(convert_to(lpad(n::text, 16, '0'), 'UTF8'), 'hex')::uuid",
        _ => "CAST(printf('%016d', n) AS BLOB)",
    };
    let last = first + count;
    let sql = format!(
        "WITH RECURSIVE series(n) AS (SELECT {first} + 1 UNION ALL SELECT n + 1 FROM series WHERE n < {last})
         INSERT INTO account_contact (id, org_id, first_name, email, email_key, contact_type_id, metadata, sort_key, words,
                                      created_at, updated_at)
         SELECT {id}, {organization}, '{word}', n || '@example.com', n || '@example.com',
                (SELECT id FROM contact_type WHERE org_id = {organization} AND is_default), '{{}}', '{word}',
                '{word} ' || n || ' example com', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP
         FROM series"
    );
    world.db.unlimited(world.db.pool().execute_unprepared(&sql)).await.expect("contacts");
}

async fn search(world: &World, list: &str, word: &str) -> Duration {
    let document =
        format!("query($word: String) {{ {list}(filter: {{ search: $word }}) {{ nodes {{ id }} }} }}");
    let (reader, processor) = (world.reader(), Processor::of(world));
    let before = processor.read().await;
    let reply = reader.graphql(&document, json!({ "word": word })).await;
    let [database, _] = processor.since(&before).await;
    assert_eq!(*reply.data(&format!("/{list}/nodes")), json!([]));
    database
}

/// A median, and how far the quarters around it reach.
#[derive(Debug)]
struct Spread {
    median: Duration,
    quarters: Duration,
}

impl Spread {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |quarter: usize| times[times.len() * quarter / 4];
        Self { median: at(2), quarters: at(3) - at(1) }
    }
}
