//! Database servers that do not meet the requirements: `serve` does not start, with one sentence that states the solution.

use std::{fs, path::Path};

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use url::Url;
use uuid::Uuid;

use crate::{
    process::{command, run},
    support::{Proxy, Tampering, TestDatabase, World, connect, postgres_server},
};

/// Starts `serve` and gives what it says as it refuses.
async fn refusal(folder: &Path, database: &str) -> String {
    let file = folder.join("gateway.toml");
    let text = format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[database]\nurl = \"{database}\"\n[auth]\nissuer = \"tests\"\n\
         audience = \"gateway\"\nalgorithm = \"HS256\"\nsecret = \"a secret of the tests that nobody may see\"\n"
    );
    fs::write(&file, text).expect("a file");
    let finished = run(command(folder, ["serve", "--config", "gateway.toml"])).await;
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(1), ""), "{finished:?}");
    let sentences = finished.stderr.trim().lines().count();
    assert_eq!(sentences, 1, "{}", finished.stderr);
    finished.stderr
}

#[tokio::test]
async fn a_database_with_another_encoding() {
    let server = postgres_server();
    let folder = tempfile::tempdir().expect("a folder");
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let name = format!("encoding_{}", Uuid::now_v7().simple());
        let own = connect(&server).await;
        let create = format!(
            "CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        );
        own.execute_unprepared(&create).await.expect("a database");
        let database = TestDatabase::Postgres { server: server.clone(), name: name.clone() };
        let mut url: Url = server.parse().expect("a URL");
        url.set_path(&name);
        let refusal = refusal(folder.path(), url.as_str()).await;
        assert!(
            refusal.contains(&format!("the encoding {encoding}; create one with `CREATE DATABASE")),
            "{refusal}"
        );
        drop(database);
    }
}

/// A setting of a session of the gateway.
async fn setting(world: &World, name: &str) -> String {
    let sql = format!("SELECT current_setting('{name}')");
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let row = world.db.connection().query_one_raw(statement).await.expect("a row").expect("a row");
    row.try_get_by_index(0).expect("a setting")
}

#[tokio::test]
async fn sessions_hold_nothing_for_a_client_that_is_gone() {
    let world = World::on_postgres().await;
    for (name, value) in [("idle_in_transaction_session_timeout", "5s"), ("tcp_keepalives_idle", "10")] {
        assert_eq!(setting(&world, name).await, value);
    }
}

#[tokio::test]
async fn a_server_that_is_too_old() {
    let world = World::on_postgres().await;
    let url = world.config.database_url().expect("a database").expose();
    let version = setting(&world, "server_version_num").await;
    let old = format!("13{}", &version[2..]);
    let proxy =
        Proxy::before(url, Tampering::Replaces(version.leak().as_bytes(), old.leak().as_bytes())).await;
    let folder = tempfile::tempdir().expect("a folder");
    let refusal = refusal(folder.path(), &proxy.url(url)).await;
    assert!(refusal.contains("PostgreSQL 13 is not supported; use version 14 or newer"), "{refusal}");
}

#[tokio::test]
async fn a_pooler_that_drops_the_time_limits() {
    let world = World::on_postgres().await;
    let url = world.config.database_url().expect("a database").expose();
    let proxy = Proxy::before(url, Tampering::DropsOptions).await;
    let folder = tempfile::tempdir().expect("a folder");
    let refusal = refusal(folder.path(), &proxy.url(url)).await;
    assert!(refusal.contains("statement_timeout is 0 ms instead of the requested 2000 ms"), "{refusal}");
    assert!(refusal.contains("run `ALTER ROLE … SET statement_timeout = 2000`"), "{refusal}");
}
