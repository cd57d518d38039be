//! Whether the process lives and whether it can do its work, as the machine that runs it asks.

use std::time::Duration;

use reqwest::Method;
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection};
use url::Url;

use crate::support::{World, on_both};

on_both!(the_process_lives_and_is_ready);

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

#[tokio::test]
async fn without_its_database_the_process_lives_and_is_not_ready() {
    let world = World::on_postgres().await;
    // Quicker than the configuration of a test that nobody waits for.
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
    let mut options = ConnectOptions::new(url.as_str());
    options.max_connections(1).sqlx_logging(false);
    (sea_orm::Database::connect(options).await.expect("the server"), name)
}

async fn execute(server: &DatabaseConnection, sql: &str) {
    server.execute_unprepared(sql).await.expect(sql);
}
