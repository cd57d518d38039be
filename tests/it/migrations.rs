//! Instances that start at once on an empty database: all come up, and what they make is made once.
//!
//! How migrations go up and down, and what the schema refuses, is tested beside them in migrations/.

use contact_gateway::entity::organization;
use sea_orm::{EntityTrait, PaginatorTrait};

use crate::support::{
    Process,
    empty::{TestDatabase, empty_databases},
};

#[tokio::test]
async fn eight_start_at_once_on_an_empty_database() {
    let databases = empty_databases().await.expect("databases");
    assert_eq!(databases.len(), 2, "no PostgreSQL server: run scripts/test");
    for database in databases {
        // On SQLite they share the folder with the file and the key, on PostgreSQL nothing but the database.
        let folders = [(); 8].map(|()| tempfile::tempdir().expect("a folder"));
        let mut processes: Vec<Process> = match &database {
            TestDatabase::Sqlite(folder) => {
                let url = format!("sqlite://{}?mode=rwc", folder.path().join("test.db").display());
                let start = |_| Process::start(folder.path(), &["--database", &url]);
                folders.iter().map(start).collect()
            }
            TestDatabase::Postgres { server, name } => {
                let mut url: url::Url = server.parse().expect("a URL");
                url.set_path(name);
                let start =
                    |folder: &tempfile::TempDir| Process::start(folder.path(), &["--database", url.as_str()]);
                folders.iter().map(start).collect()
            }
        };
        for process in &mut processes {
            let reply = process.ready().query("{ organization { id } }").await;
            assert_eq!(reply.text("/organization/id"), "org_1");
        }
        let db = database.connect(1).await.expect("a connection");
        let pending = migrations::status(&db).await.expect("the migrations");
        assert!(pending.iter().all(|(_, applied)| *applied), "{pending:?}");
        assert_eq!(organization::Entity::find().count(&db).await.expect("a count"), 2);
    }
}
