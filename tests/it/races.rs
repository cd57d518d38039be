//! Races: two clients update the same contact with the version that both have read, and writers wait for each other.

use std::time::Duration;

use contact_gateway::entity::internal_contact_assignment::InternalRole;
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::support::{Actor, Reply, World, on_both};

on_both!(exactly_one_of_two_updates_of_a_version_wins_a_thousand_times);

/// How many contacts are raced for at the same time.
const LANES: usize = 8;
/// How many races there are for each of them, one after another.
const ROUNDS: usize = 125;

async fn exactly_one_of_two_updates_of_a_version_wins_a_thousand_times(world: World) {
    let mut lanes = Vec::new();
    for lane in 0..LANES {
        let person = world.rows().internal_contact(&format!("p{lane}@example.com"), InternalRole::Lead).await;
        let (one, two) = (world.writer(), world.writer());
        lanes.push(tokio::spawn(race(one, two, person.contact.id.to_string())));
    }
    let mut winners = Vec::new();
    for lane in lanes {
        winners.push(lane.await.expect("a lane"));
    }
    for (id, titles) in &winners {
        assert_history(&world, id, titles).await;
    }
    assert_eq!(winners.iter().map(|(_, titles)| titles.len()).sum::<usize>(), 1_000);
}

/// Has both clients update at once, again and again; gives the id and the title that won each race.
async fn race(one: Actor, two: Actor, id: String) -> (String, Vec<String>) {
    let mut winners = Vec::new();
    for round in 0..ROUNDS {
        let version = round + 1;
        let (first, second) = tokio::join!(
            update(&one, &id, format!("one {round}"), version),
            update(&two, &id, format!("two {round}"), version),
        );
        let outcomes = [first.user_errors(FIELD), second.user_errors(FIELD)];
        let lost = vec!["CONFLICT expectedVersion".to_owned()];
        match outcomes {
            [won, loser] if won.is_empty() && loser == lost => winners.push(format!("one {round}")),
            [loser, won] if won.is_empty() && loser == lost => winners.push(format!("two {round}")),
            other => panic!("round {round}: {other:?}"),
        }
    }
    (id, winners)
}

const FIELD: &str = "updateInternalContact";

async fn update(client: &Actor, id: &str, title: String, version: usize) -> Reply {
    let input = json!({ "id": id, "jobTitle": title, "expectedVersion": version });
    client.mutate(FIELD, input, "internalContact { id }").await
}

/// The row has the last winner's title and one version for each race, and the history has each winner once, in order.
async fn assert_history(world: &World, id: &str, titles: &[String]) {
    let document = "query($id: ID!) { internalContact(id: $id) { jobTitle version } }";
    let reply = world.reader().graphql(document, json!({ "id": id })).await;
    let expected = json!({ "jobTitle": titles.last(), "version": titles.len() + 1 });
    assert_eq!(*reply.data("/internalContact"), expected);
    let mut recorded: Vec<Value> = Vec::new();
    let mut after = Value::Null;
    loop {
        let document = "query($id: ID!, $after: String) { internalContact(id: $id) { history(
            first: 100, after: $after, filter: { action: { eq: UPDATED } }
        ) { nodes { fields } pageInfo { hasNextPage endCursor } } } }";
        let reply = world.reader().graphql(document, json!({ "id": id, "after": after })).await;
        let page = reply.data("/internalContact/history");
        let nodes = page["nodes"].as_array().expect("nodes");
        recorded.extend(nodes.iter().map(|node| node["fields"]["jobTitle"]["new"].clone()));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(json!(recorded), json!(titles));
}

/// A writer that waits for another one's email address blocks no other writer of the organization.
#[tokio::test]
async fn a_writer_that_waits_for_a_key_holds_up_nobody() {
    let world = World::on_postgres().await;
    let create = async |email: &str| {
        let (writer, input) = (world.writer(), json!({ "email": email, "internalRole": "CSM" }));
        let reply = writer.mutate("createInternalContact", input, "internalContact { id }").await;
        reply.user_errors("createInternalContact")
    };
    let insert = format!(
        "INSERT INTO internal_contact (org_id, id, email, email_key, created_at, updated_at, version)
         VALUES ({}, gen_random_uuid(), 'ada@example.com', 'ada@example.com', now(), now(), 1)",
        world.rows().organization.0
    );
    let other = world.db.pool().begin().await.expect("a transaction");
    other.execute_unprepared(&insert).await.expect("a row");
    let waits = create("ada@example.com");
    let goes_on = async {
        sleep(Duration::from_millis(300)).await;
        let errors = timeout(Duration::from_secs(10), create("grace@example.com")).await;
        assert_eq!(errors.expect("no wait"), [""; 0]);
        other.rollback().await.expect("a rollback");
    };
    let (errors, ()) = tokio::join!(waits, goes_on);
    assert_eq!(errors, [""; 0]);
}

/// Nothing is written that the log would not tell of.
#[tokio::test]
async fn a_write_without_a_counter_is_not_kept() {
    let world = World::on_postgres().await;
    world.db.pool().execute_unprepared("DELETE FROM change_counter").await.expect("no counter");
    let input = json!({ "email": "ada@example.com", "internalRole": "CSM" });
    let reply = world.writer().mutate("createInternalContact", input, "internalContact { id }").await;
    // Every organization that exists has a counter.
    assert_eq!(reply.errors(), ["FORBIDDEN createInternalContact"]);
    assert_eq!(world.count("internal_contact").await, 0);
}
