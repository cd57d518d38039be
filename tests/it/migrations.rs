//! Instances that start at the same time on an empty database: all start, and the schema and the sample data exist once.
//!
//! How migrations go up and down, and what the schema refuses, is tested beside them in migrations/.

use contact_gateway::entity::organization;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::{process::Development, support::empty_databases};

const INSTANCES: usize = 8;

#[tokio::test]
async fn eight_start_at_once_on_an_empty_database() {
    for database in empty_databases().await {
        let mut starting = JoinSet::new();
        for _ in 0..INSTANCES {
            starting.spawn(start(database.url()));
        }
        for (instance, _folder) in starting.join_all().await {
            let data = instance.client.ask("{ organization { id } }", json!({})).await;
            assert_eq!(data, Some(json!({ "organization": { "id": "org_1" } })));
        }
        let db = database.connect(1).await.expect("a connection");
        let migrations = migrations::status(&db).await.expect("the migrations");
        assert!(migrations.iter().all(|(_, applied)| *applied), "{migrations:?}");
        assert_eq!(organization::Entity::find().count(&db).await.expect("a count"), 1);
    }
}

/// Starts an instance that has a folder of its own.
async fn start(database_url: String) -> (Development, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    (Development::start(folder.path(), Some(&database_url)).await, folder)
}
