//! Acknowledged writes survive a crash of the gateway or of its database, and no write is stored partially or twice.
//!
//! CONTACT_GATEWAY_TEST_CRASHES says how often either is killed, 1 unless it is set.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use crate::{
    process::{Client, Development},
    support::{Cluster, World},
};

/// How many mutations there would be.
const MUTATIONS: usize = 500;
/// How many are sent at once.
const CLIENTS: usize = 16;
/// After how many acknowledged ones the gateway is killed.
const ENOUGH: usize = 100;
/// No crash may take longer than this.
const LIMIT: Duration = Duration::from_secs(60);
/// How long the gateway may take to answer again when its database does.
const RECOVERY: Duration = Duration::from_secs(5);

fn crashes() -> u32 {
    let number = std::env::var("CONTACT_GATEWAY_TEST_CRASHES");
    number.map_or(1, |number| number.parse().expect("a number of crashes"))
}

#[tokio::test]
async fn sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let test = async {
        let gateway = killed_and_started_again(folder.path(), None).await;
        let file = folder.path().join("contact-gateway.db");
        let db = Database::connect(format!("sqlite://{}", file.display())).await.expect("the database");
        assert_whole(&db).await;
        assert_eq!(text(&db, "PRAGMA integrity_check").await, "ok");
        assert_eq!(text(&db, "SELECT count(*) || '' FROM pragma_foreign_key_check").await, "0");
        drop(gateway);
    };
    timeout(LIMIT * (1 + crashes()), test).await.expect("in time");
}

#[tokio::test]
async fn postgres() {
    let world = World::on_postgres().await;
    let folder = tempfile::tempdir().expect("a folder");
    let test = async {
        let url = world.config.database_url().expect("a database").expose();
        let gateway = killed_and_started_again(folder.path(), Some(url)).await;
        assert_whole(world.db.pool()).await;
        drop(gateway);
    };
    timeout(LIMIT * (1 + crashes()), test).await.expect("in time");
}

/// Kills a gateway that is writing partners, again and again, and finds them after its last start.
async fn killed_and_started_again(folder: &Path, database: Option<&str>) -> Development {
    let mut gateway = Development::start(folder, database).await;
    let token = gateway.client.token.clone();
    let mut acknowledged = Vec::new();
    for crash in 0..crashes() {
        let written = killed_while_writing(gateway, crash).await;
        assert!((ENOUGH..MUTATIONS).contains(&written.len()), "{} of {MUTATIONS}", written.len());
        acknowledged.extend(written);
        gateway = Development::start(folder, database).await;
    }
    // The token of before the kill: the key was kept.
    let client = gateway.client.clone().with_token(token);
    assert_nothing_lost_or_doubled(&client, &acknowledged).await;
    assert!(create_partner(&client, "After all").await.is_some());
    gateway
}

async fn assert_nothing_lost_or_doubled(client: &Client, acknowledged: &[String]) {
    let partners = all(client, "partners", "id").await;
    let partner_set: BTreeSet<&String> = partners.iter().collect();
    let lost: Vec<_> = acknowledged.iter().filter(|id| !partner_set.contains(id)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");

    // Read last: a commit that was on its way when the gateway died may still come in between.
    let mut changes: HashMap<String, usize> = HashMap::new();
    for id in all(client, "changes", "entityId").await {
        *changes.entry(id).or_default() += 1;
    }
    for id in partners {
        assert_eq!(changes.get(&id), Some(&1), "the changes of {id}");
    }
}

/// The gateway keeps running while its database crashes and restarts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_crashes_under_load() {
    let mut cluster = Cluster::start();
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = Development::start(folder.path(), Some(&cluster.url())).await;
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let client = gateway.client.clone();
            tokio::spawn(write_until(client, number, Arc::clone(&acknowledged), Arc::clone(&stop)))
        })
        .collect();
    for _ in 0..crashes() {
        more_than(&acknowledged, ENOUGH).await;
        cluster.stop_at_once();
        cluster.start_again();
        let back = Instant::now();
        more_than(&acknowledged, 1).await;
        assert!(back.elapsed() < RECOVERY, "{:?}", back.elapsed());
    }
    stop.store(true, Ordering::Relaxed);
    let mut written = Vec::new();
    for writer in writers {
        written.extend(timeout(LIMIT, writer).await.expect("in time").expect("a writer"));
    }
    assert_nothing_lost_or_doubled(&gateway.client, &written).await;
    drop(gateway);
}

/// Waits until so many more were acknowledged.
async fn more_than(acknowledged: &AtomicUsize, more: usize) {
    let enough = acknowledged.load(Ordering::Relaxed) + more;
    let waiting = async {
        while acknowledged.load(Ordering::Relaxed) < enough {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, waiting).await.expect("in time");
}

/// Creates partners until it is stopped; gives the ids of the acknowledged ones. Every other answer says that the
/// database is gone.
async fn write_until(
    client: Client,
    number: usize,
    acknowledged: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
) -> Vec<String> {
    let mut ids = Vec::new();
    for round in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let name = format!("{number}-{round}");
        let answer = client.answer(CREATE, json!({ "name": name, "key": name })).await.expect("an answer");
        if let Some(error) = answer.pointer("/errors/0") {
            assert_eq!(error["extensions"]["code"], "UNAVAILABLE", "{answer}");
            sleep(Duration::from_millis(20)).await;
        } else {
            ids.push(answer["data"]["createPartner"]["partner"]["id"].as_str().expect("an id").to_owned());
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }
    ids
}

/// Sends mutations from many clients and kills the gateway among them; gives the ids of the acknowledged partners.
async fn killed_while_writing(gateway: Development, crash: u32) -> Vec<String> {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let sent = Arc::new(AtomicUsize::new(0));
    for _ in 0..CLIENTS {
        let (client, sender, sent) = (gateway.client.clone(), sender.clone(), Arc::clone(&sent));
        tokio::spawn(async move {
            loop {
                let number = sent.fetch_add(1, Ordering::Relaxed);
                if number >= MUTATIONS {
                    break;
                }
                let Some(id) = create_partner(&client, &format!("Partner {crash}-{number}")).await else {
                    break;
                };
                sender.send(id).expect("somebody who counts");
            }
        });
    }
    drop(sender);
    let mut acknowledged = Vec::new();
    while acknowledged.len() < ENOUGH {
        acknowledged.push(receiver.recv().await.expect("an acknowledged mutation"));
    }
    gateway.kill();
    // Answers that were on their way count too.
    while let Some(id) = receiver.recv().await {
        acknowledged.push(id);
    }
    acknowledged
}

const CREATE: &str = "mutation($name: String!, $key: String!) {
    createPartner(input: { name: $name, remoteId: $key }) { partner { id } userErrors { code } }
}";

/// Makes a partner; `None` when the gateway did not acknowledge it.
async fn create_partner(client: &Client, name: &str) -> Option<String> {
    let data = client.ask(CREATE, json!({ "name": name, "key": name })).await?;
    let created = &data["createPartner"];
    assert_eq!(created["userErrors"], json!([]), "{name}");
    Some(created["partner"]["id"].as_str().expect("an id").to_owned())
}

/// A field of every row of a list.
async fn all(client: &Client, list: &str, field: &str) -> Vec<String> {
    let (mut values, mut after) = (Vec::new(), Value::Null);
    loop {
        let document = format!(
            "query($after: String) {{
                {list}(first: 100, after: $after) {{ nodes {{ {field} }} pageInfo {{ hasNextPage endCursor }} }}
            }}"
        );
        let data = client.ask(&document, json!({ "after": after })).await.expect("an answer");
        let page = &data[list];
        let nodes = page["nodes"].as_array().expect("nodes");
        values.extend(nodes.iter().map(|node| node[field].as_str().expect("a text").to_owned()));
        if page["pageInfo"]["hasNextPage"] != true {
            return values;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

/// In one moment there are as many partners as records of their creation.
async fn assert_whole(db: &DatabaseConnection) {
    let sql = "SELECT (SELECT count(*) FROM partner) || ' partners, '
        || (SELECT count(*) FROM change WHERE entity_kind = 'Partner') || ' changes'";
    let counts = text(db, sql).await;
    let (partners, changes) = counts.split_once(" partners, ").expect("two counts");
    assert_eq!(Some(partners), changes.strip_suffix(" changes"), "{counts}");
}

async fn text(db: &DatabaseConnection, sql: &str) -> String {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    row.expect(sql).expect("a row").try_get_by_index(0).expect("a text")
}
