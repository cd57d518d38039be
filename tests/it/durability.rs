//! What the gateway acknowledged is there after it was killed in the middle of its work, and nothing is there by half.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

use crate::{
    process::{Client, Development},
    support::World,
};

/// How many mutations there would be.
const MUTATIONS: usize = 500;
/// How many are sent at once.
const CLIENTS: usize = 16;
/// After how many acknowledged ones the gateway is killed.
const ENOUGH: usize = 100;
/// No test may hang.
const LIMIT: Duration = Duration::from_secs(120);

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
    timeout(LIMIT, test).await.expect("in time");
}

#[tokio::test]
async fn postgres() {
    let world = World::on_postgres().await;
    let folder = tempfile::tempdir().expect("a folder");
    let test = async {
        let url = world.config.database_url().expect("a database").expose();
        let gateway = killed_and_started_again(folder.path(), Some(url)).await;
        assert_whole(world.db.connection()).await;
        drop(gateway);
    };
    timeout(LIMIT, test).await.expect("in time");
}

/// Kills a gateway that is writing partners, and finds them after its next start.
async fn killed_and_started_again(folder: &Path, database: Option<&str>) -> Development {
    let first = Development::start(folder, database).await;
    let token = first.client.token.clone();
    let acknowledged = killed_while_writing(first).await;
    assert!((ENOUGH..MUTATIONS).contains(&acknowledged.len()), "{} of {MUTATIONS}", acknowledged.len());

    let second = Development::start(folder, database).await;
    // The token of before the kill: the key was kept.
    let client = second.client.clone().with_token(token);
    let partners = all(&client, "partners", "id").await;
    let partner_set: BTreeSet<&String> = partners.iter().collect();
    let lost: Vec<_> = acknowledged.iter().filter(|id| !partner_set.contains(id)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");

    // Read last: a commit that was on its way when the gateway died may still come in between.
    let changes = all(&client, "changes", "entityId").await;
    for id in partners {
        assert_eq!(changes.iter().filter(|changed| **changed == id).count(), 1, "the changes of {id}");
    }
    assert!(create_partner(&client, "After all").await.is_some());
    second
}

/// Sends mutations from many clients and kills the gateway among them; gives the ids of the acknowledged partners.
async fn killed_while_writing(gateway: Development) -> Vec<String> {
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
                let Some(id) = create_partner(&client, &format!("Partner {number}")).await else { break };
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

/// Makes a partner; `None` when the gateway did not acknowledge it.
async fn create_partner(client: &Client, name: &str) -> Option<String> {
    let document = "mutation($name: String!, $key: String!) {
        createPartner(input: { name: $name, remoteId: $key }) { partner { id } userErrors { code } }
    }";
    let data = client.ask(document, json!({ "name": name, "key": name })).await?;
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
