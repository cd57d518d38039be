//! Liveness and readiness probes.

use std::{path::Path, time::Duration};

use reqwest::Method;
use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait};
use url::Url;

use crate::{
    process::{Development, Finished, command, run},
    support::{World, connect, execute, on_both},
};

on_both!(
    the_process_lives_and_is_ready,
    only_queries_that_are_known_are_answered,
    a_write_is_done_without_organizations
);

/// The status of an answer without a token.
async fn status(world: &World, method: Method, path: &str) -> u16 {
    let answer = world.anonymous().request(method, path).send().await.expect("an answer");
    answer.status().as_u16()
}

async fn the_process_lives_and_is_ready(world: World) {
    for path in ["/healthz", "/readyz"] {
        assert_eq!(status(&world, Method::GET, path).await, 200, "{path}");
        assert_eq!(status(&world, Method::POST, path).await, 405, "{path}");
    }
    assert_eq!(status(&world, Method::GET, "/nowhere").await, 404);
}

async fn only_queries_that_are_known_are_answered(world: World) {
    for query in ["", "?", "?write", "?write=1", "?write=true"] {
        assert_eq!(status(&world, Method::GET, &format!("/readyz{query}")).await, 200, "{query}");
    }
    for query in ["?write=0", "?write=", "?writes", "?write&write", "?write=1&x=1", "?read"] {
        assert_eq!(status(&world, Method::GET, &format!("/readyz{query}")).await, 400, "{query}");
    }
}

/// What the check of writes does where it has no organization that it may lock is a write all the same.
async fn a_write_is_done_without_organizations(world: World) {
    let ask = async || status(&world, Method::GET, "/readyz?write").await;
    let db = world.db.pool();
    let held = if world.db.is_sqlite() {
        db.execute_unprepared("DELETE FROM change; DELETE FROM change_counter; DELETE FROM contact_type; DELETE FROM organization")
            .await
            .expect("no organization");
        None
    } else {
        let held = db.begin().await.expect("a transaction");
        let lock =
            "SET LOCAL idle_in_transaction_session_timeout = 0; SELECT id FROM organization FOR UPDATE";
        held.execute_unprepared(lock).await.expect("a lock");
        Some(held)
    };
    assert_eq!(ask().await, 200);
    let trouble = if world.db.is_sqlite() {
        "CREATE TRIGGER trouble BEFORE UPDATE ON seaql_migrations BEGIN SELECT RAISE(ABORT, 'trouble'); END"
    } else {
        "CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'trouble'; END$$;
         CREATE TRIGGER trouble BEFORE INSERT ON organization FOR EACH ROW EXECUTE FUNCTION trouble()"
    };
    db.execute_unprepared(trouble).await.expect("a trigger");
    assert_eq!(ask().await, 503);
    drop(held);
}

#[tokio::test]
async fn without_its_database_the_process_lives_and_is_not_ready() {
    let world = World::on_postgres().await;
    // Shorter than the time limits that tests usually have.
    let world = world.restarted(|config| config.database.acquire_timeout = Duration::from_millis(200)).await;
    let ask = async |path| status(&world, Method::GET, path).await;
    assert_eq!((ask("/healthz").await, ask("/readyz").await), (200, 200));

    let (server, name) = server_of(&world).await;
    execute(&server, &format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")).await;
    let connections = format!("FROM pg_stat_activity WHERE datname = '{name}'");
    execute(&server, &format!("SELECT pg_terminate_backend(pid, 5000) {connections}")).await;
    assert_eq!((ask("/healthz").await, ask("/readyz").await), (200, 503));
    let reply = world.reader().query("{ partners { nodes { id } } }").await;
    assert_eq!(reply.errors(), ["UNAVAILABLE partners"]);
    assert_eq!(reply.headers["retry-after"], "1");
    assert_eq!(
        reply.body["errors"][0]["message"],
        "The service is temporarily unavailable. Try again shortly."
    );

    execute(&server, &format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")).await;
    assert_eq!(ask("/readyz").await, 200);
    server.close().await.expect("a closed connection");
}

/// The server of a world's database, and the database's name.
async fn server_of(world: &World) -> (DatabaseConnection, String) {
    let mut url: Url = world.config.database_url().expect("a database").expose().parse().expect("a URL");
    let name = url.path().trim_start_matches('/').to_owned();
    url.set_path("postgres");
    (connect(url.as_str()).await, name)
}

/// What `contact-gateway healthcheck` returns for a server that listens on `listen`.
async fn healthcheck(folder: &Path, listen: &str) -> Finished {
    let mut command = command(folder, ["healthcheck"]);
    command.env("CONTACT_GATEWAY__HTTP__LISTEN", listen);
    // Variables of other settings are ignored, also invalid ones.
    command.env("CONTACT_GATEWAY__DATABASE__URL", "nonsense");
    run(command).await
}

#[tokio::test]
async fn the_command_checks_whether_the_server_is_ready() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = Development::start(folder.path(), None).await;
    let port = gateway.address().port();
    for listen in [format!("127.0.0.1:{port}"), format!("0.0.0.0:{port}")] {
        let ready = healthcheck(folder.path(), &listen).await;
        assert_eq!((ready.code, ready.stderr.as_str()), (Some(0), ""), "{listen}");
    }
    assert_eq!(gateway.stop().await, Some(0));
    let gone = healthcheck(folder.path(), &format!("127.0.0.1:{port}")).await;
    assert_eq!(gone.code, Some(1));
    assert!(gone.stderr.contains(&format!("127.0.0.1:{port} is not ready: ")), "{}", gone.stderr);
    let invalid = healthcheck(folder.path(), "nowhere").await;
    assert_eq!(invalid.code, Some(1));
    assert!(invalid.stderr.contains("CONTACT_GATEWAY__HTTP__LISTEN"), "{}", invalid.stderr);
}
