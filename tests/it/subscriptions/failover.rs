//! A standby takes over: without the last changes, and with all of them.
//!
//! `CONTACT_GATEWAY_TEST_WRITES` says how many writes are acknowledged around the failover of a synchronous standby, 300 unless it
//! is set.

use std::time::{Duration, Instant};

use reqwest::Method;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::subscriber::Subscriber;
use crate::{
    process::{Client, Development},
    support::Cluster,
};

/// How long anything may take here.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long after its database a gateway may take to acknowledge writes again.
const RECOVERY: Duration = Duration::from_secs(5);
/// How many write at once.
const WRITERS: usize = 10;

async fn make(client: &Client, name: &str) -> Option<String> {
    let document = "mutation($input: CreateOrganizationContactInput!) {
        createOrganizationContact(input: $input) { organizationContact { id } }
    }";
    let input = json!({ "type": "FINANCE", "name": name });
    let answer = client.answer(document, json!({ "input": input })).await?;
    Some(answer.pointer("/data/createOrganizationContact/organizationContact/id")?.as_str()?.to_owned())
}

async fn make_each(client: &Client, prefix: &str, count: usize) -> String {
    let mut id = String::new();
    for number in 0..count {
        id = timeout(PATIENCE, until(async || make(client, &format!("{prefix} {number}")).await))
            .await
            .expect("in time");
    }
    id
}

/// Does it until there is a result.
async fn until<T>(action: impl AsyncFn() -> Option<T>) -> T {
    loop {
        if let Some(result) = action().await {
            return result;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// The cursor of the last change.
async fn last_cursor(client: &Client) -> String {
    let data = client.ask("{ changes(last: 1) { edges { cursor } } }", Value::Null).await.expect("an answer");
    data["changes"]["edges"][0]["cursor"].as_str().expect("a cursor").to_owned()
}

async fn subscribe(client: &Client, arguments: &str) -> Subscriber {
    let query = format!("subscription {{ contactChanged{arguments} {{ contactId change {{ seq }} }} }}");
    Subscriber::to(client.request(Method::POST, "graphql").header("x-org-id", "1"), &query).await
}

fn code(answer: &Value) -> &Value {
    &answer["errors"][0]["extensions"]["code"]
}

async fn execute(url: &str, sql: &str) {
    let db = Database::connect(url).await.expect("the database");
    db.execute_unprepared(sql).await.expect(sql);
    db.close().await.expect("a closed connection");
}

async fn one(db: &DatabaseConnection, sql: &str) -> bool {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    row.expect(sql).expect("a row").try_get_by_index(0).expect("a truth value")
}

/// Waits until the standby of a server has all that the server has.
async fn until_caught_up(primary: &Cluster) {
    let db = Database::connect(primary.url()).await.expect("the database");
    let sql = "SELECT coalesce(bool_and(replay_lsn >= pg_current_wal_lsn()), false) FROM pg_stat_replication";
    let caught_up = until(async || one(&db, sql).await.then_some(()));
    timeout(PATIENCE, caught_up).await.expect("in time");
    db.close().await.expect("a closed connection");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_lost_changes_are_told_and_all_others_go_on() {
    let mut primary = Cluster::start();
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = Development::start(folder.path(), Some(&primary.url())).await;
    let client = &gateway.client;
    let mut standby = primary.standby();
    let card = make_each(client, "Kept", 20).await;
    let kept = last_cursor(client).await;
    let mut lost_subscriber = subscribe(client, "").await;
    let mut narrow = subscribe(client, &format!("(ids: [\"{card}\"], after: \"{kept}\")")).await;
    until_caught_up(&primary).await;
    execute(&standby.url(), "ALTER SYSTEM SET primary_conninfo = ''").await;
    execute(&standby.url(), "SELECT pg_reload_conf()").await;
    let db = Database::connect(primary.url()).await.expect("the database");
    let is_cut = until(async || one(&db, "SELECT count(*) = 0 FROM pg_stat_replication").await.then_some(()));
    timeout(PATIENCE, is_cut).await.expect("in time");
    db.close().await.expect("a closed connection");
    make_each(client, "Lost", 10).await;
    let lost = last_cursor(client).await;
    for _ in 0..10 {
        lost_subscriber.event().await;
    }

    primary.stop_at_once();
    standby.take_over(&primary);
    // Their numbers are those of the lost ones, and more.
    make_each(client, "New", 15).await;

    let answer = async |document: &str, after: &str| {
        client.answer(document, json!({ "id": card, "after": after })).await.expect("an answer")
    };
    let changes = "query($after: String) { changes(after: $after, first: 100) { nodes { seq } } }";
    let before = "query($after: String) { changes(before: $after) { nodes { seq } } }";
    let history = "query($id: ID!, $after: String) {
        organizationContact(id: $id) { history(after: $after) { nodes { seq } } }
    }";
    for document in [changes, before, history] {
        assert_eq!(code(&answer(document, &lost).await), "CURSOR_LOST", "{document}");
        assert_eq!(answer(document, &kept).await.get("errors"), None, "{document}");
    }
    let new = answer(changes, &kept).await;
    assert_eq!(new["data"]["changes"]["nodes"].as_array().map(Vec::len), Some(15), "{new}");

    let refused = subscribe(client, &format!("(after: \"{lost}\")")).await.try_result().await;
    assert_eq!(code(&refused.expect("a result")), "CURSOR_LOST");
    assert_eq!(code(&lost_subscriber.try_result().await.expect("a result")), "CURSOR_LOST");
    assert_eq!(lost_subscriber.try_result().await, None);
    let mut caught_up = subscribe(client, &format!("(after: \"{kept}\")")).await;
    for seq in new["data"]["changes"]["nodes"].as_array().expect("changes") {
        assert_eq!(caught_up.event().await["change"], *seq);
    }
    let rename = "mutation($input: UpdateOrganizationContactInput!) {
        updateOrganizationContact(input: $input) { userErrors { code } }
    }";
    let input = json!({ "id": card, "name": "Renamed" });
    client.ask(rename, json!({ "input": input })).await.expect("an answer");
    assert_eq!(narrow.event().await["contactId"], card);
    drop(gateway);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_synchronous_standby_loses_no_acknowledged_write() {
    let writes = std::env::var("CONTACT_GATEWAY_TEST_WRITES");
    let writes: usize = writes.map_or(300, |writes| writes.parse().expect("a number of writes"));
    let mut primary = Cluster::start();
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = Development::start(folder.path(), Some(&primary.url())).await;
    let mut standby = primary.standby();
    until_caught_up(&primary).await;
    execute(&primary.url(), "ALTER SYSTEM SET synchronous_standby_names = '*'").await;
    execute(&primary.url(), "SELECT pg_reload_conf()").await;
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    for writer in 0..WRITERS {
        let (client, sender) = (gateway.client.clone(), sender.clone());
        tokio::spawn(async move {
            for number in 0.. {
                match make(&client, &format!("{writer}-{number}")).await {
                    Some(id) => {
                        if sender.send(id).is_err() {
                            break;
                        }
                    }
                    None => sleep(Duration::from_millis(20)).await,
                }
            }
        });
    }
    drop(sender);
    let mut acknowledged = Vec::new();
    let next = async |receiver: &mut tokio::sync::mpsc::UnboundedReceiver<String>| {
        timeout(PATIENCE, receiver.recv()).await.expect("in time").expect("a writer")
    };
    while acknowledged.len() < writes / 2 {
        acknowledged.push(next(&mut receiver).await);
    }
    primary.stop_at_once();
    standby.take_over(&primary);
    let back = Instant::now();
    while let Ok(id) = receiver.try_recv() {
        acknowledged.push(id);
    }
    let before = acknowledged.len();
    acknowledged.push(next(&mut receiver).await);
    let recovery = back.elapsed();
    while acknowledged.len() < before + writes / 2 {
        acknowledged.push(next(&mut receiver).await);
    }
    drop(receiver);
    let mut missing = 0;
    for ids in acknowledged.chunks(100) {
        let document = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
        let data = gateway.client.ask(document, json!({ "ids": ids })).await.expect("an answer");
        missing += data["nodes"].as_array().expect("nodes").iter().filter(|node| node.is_null()).count();
    }
    eprintln!(
        "{} acknowledged, {before} of them before the failover, {missing} missing, back after {recovery:?}",
        acknowledged.len()
    );
    assert_eq!(missing, 0);
    assert!(recovery < RECOVERY, "{recovery:?}");
    drop(gateway);
}
