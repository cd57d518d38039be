//! Migrating a database in use: the gateway of this version serves it while the migrations of the next version are
//! applied and taken back.
//!
//! CONTACT_GATEWAY_TEST_ROWS says how many rows the migrated table has on PostgreSQL, 2,000 unless it is set. Where it is
//! set, no request may take longer than 1.5 s; else a busy machine is given more time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use contact_gateway::app;
use migrations::{Migrator, Runner};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement, TransactionTrait};
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use serde_json::json;
use tokio::{task::JoinSet, time::sleep};
use uuid::Uuid;

use crate::{
    process::Development,
    samples::{ConcurrentIndex, Sql},
    support::{Actor, HOME, World, on_both},
};

on_both!(a_rolling_deploy);

/// The number of rows when nothing is measured.
const FEW: usize = 2_000;
/// How many clients send requests.
const CLIENTS: usize = 6;

fn rows() -> Option<usize> {
    let rows = std::env::var("CONTACT_GATEWAY_TEST_ROWS").ok()?;
    Some(rows.parse().expect("a number of rows"))
}

/// No request takes longer.
fn longest_request(world: &World) -> Duration {
    let is_measured = rows().is_some() && !world.db.is_sqlite();
    if is_measured { Duration::from_millis(1500) } else { Duration::from_secs(5) }
}

/// What the next version adds to the migrations of this one.
fn next_version(backend: DbBackend) -> Vec<Box<dyn MigrationTrait>> {
    let mut list = Migrator::migrations();
    list.push(Box::new(Sql {
        name: "m29990101_000001_add_nickname",
        up: "ALTER TABLE account_contact ADD COLUMN nickname text",
        down: "ALTER TABLE account_contact DROP COLUMN nickname",
    }));
    list.push(Box::new(ConcurrentIndex {
        name: "m29990101_000002_add_nickname_index",
        table: "account_contact",
        columns: &["org_id", "nickname", "id"],
    }));
    if backend == DbBackend::Postgres {
        list.push(Box::new(Sql {
            name: "m29990101_000003_add_policy",
            up: "SELECT contact_gateway_enable_rls(); CREATE POLICY no_nobody ON account_contact AS RESTRICTIVE
                TO contact_gateway_tenant USING (nickname IS DISTINCT FROM 'nobody')",
            down: "DROP POLICY no_nobody ON account_contact",
        }));
    }
    list
}

/// Clients that read and write without a pause.
struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    clients: JoinSet<Duration>,
}

impl Load {
    fn start(actors: &[Actor]) -> Self {
        let mut load = Self { stop: Arc::default(), done: Arc::default(), clients: JoinSet::new() };
        for number in 0..CLIENTS {
            let actor = actors[number % actors.len()].clone();
            let (stop, done) = (Arc::clone(&load.stop), Arc::clone(&load.done));
            load.clients.spawn(async move {
                let mut slowest = Duration::ZERO;
                for round in 0.. {
                    if stop.load(Relaxed) {
                        break;
                    }
                    slowest = slowest.max(requests(&actor, &format!("{number}-{round}"), &done).await);
                }
                slowest
            });
        }
        load
    }

    /// Waits until so many more requests were answered.
    async fn go_on(&self, more: usize) {
        let (enough, began) = (self.done.load(Relaxed) + more, Instant::now());
        while self.done.load(Relaxed) < enough {
            assert!(began.elapsed() < Duration::from_secs(60), "the clients gave up");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Stops it; gives the time of the slowest request.
    async fn stop(self) -> Duration {
        self.stop.store(true, Relaxed);
        self.clients.join_all().await.into_iter().max().expect("clients")
    }
}

/// A new contact, changed and read again; every request succeeds. Gives the time of the slowest.
async fn requests(actor: &Actor, name: &str, done: &AtomicUsize) -> Duration {
    let mut slowest = Duration::ZERO;
    let mut timed = |began: Instant| {
        slowest = slowest.max(began.elapsed());
        done.fetch_add(1, Relaxed);
    };
    let began = Instant::now();
    let input = json!({ "firstName": name, "email": format!("{}@load.example", Uuid::now_v7()) });
    let created = actor.mutate("createAccountContact", input, "accountContact { id }").await;
    let id = created.text("/createAccountContact/accountContact/id").to_owned();
    timed(began);
    let began = Instant::now();
    let update = json!({ "id": id, "lastName": "Hopper" });
    let updated = actor.mutate("updateAccountContact", update, "accountContact { lastName }").await;
    assert_eq!(updated.text("/updateAccountContact/accountContact/lastName"), "Hopper");
    timed(began);
    let began = Instant::now();
    let document = format!(
        "{{ accountContact(id: \"{id}\") {{ firstName }}
            accountContacts(first: 5, orderBy: [{{ field: CREATED_AT }}]) {{ nodes {{ email }} }} }}"
    );
    let read = actor.query(&document).await;
    assert_eq!(read.text("/accountContact/firstName"), name);
    timed(began);
    slowest
}

/// Contacts without a company, as many as the test wants.
async fn fill(db: &DatabaseConnection) {
    let (count, id) = match db.get_database_backend() {
        DbBackend::Sqlite => (FEW, "randomblob(16)"),
        _ => (rows().unwrap_or(FEW), "gen_random_uuid()"),
    };
    let numbers =
        format!("WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count})");
    let sql = format!(
        "{numbers} INSERT INTO account_contact (org_id, id, first_name, email, email_key, contact_type_id, metadata,
            sort_key, words, created_at, updated_at, version)
        SELECT {HOME}, {id}, 'Grace', n || '@many.example', n || '@many.example', type.id, '{{}}', 'grace', 'grace',
            type.created_at, type.created_at, 1
        FROM s, contact_type AS type WHERE type.org_id = {HOME} AND type.is_default"
    );
    let transaction = db.begin().await.expect("a transaction");
    if db.get_database_backend() == DbBackend::Postgres {
        transaction.execute_unprepared("SET LOCAL statement_timeout = 0").await.expect("no limit");
    }
    transaction.execute_unprepared(&sql).await.expect("rows");
    transaction.commit().await.expect("a commit");
    // As autovacuum does after a while; without statistics lists would not be read by an index.
    db.execute_unprepared("ANALYZE").await.expect("statistics");
}

async fn number(db: &DatabaseConnection, sql: &str) -> i64 {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    row.expect(sql).expect("a row").try_get_by_index(0).expect("a number")
}

async fn is_applied(db: &DatabaseConnection, list: &[Box<dyn MigrationTrait>]) -> bool {
    let status = Runner::new(db, list).status().await.expect("the migrations");
    status.last().expect("a migration").1
}

/// With the statement limit of production.
async fn a_rolling_deploy(world: World) {
    let world = world.restarted(|config| config.database.statement_timeout = Duration::from_secs(2)).await;
    fill(world.db.pool()).await;
    // Another process: it has connections of its own.
    let db = app::connect(&world.config).await.expect("a connection");
    let list = next_version(db.pool().get_database_backend());
    let runner = Runner::new(db.pool(), &list);

    // Before: this version alone, whose list knows nothing of what comes.
    let old = Load::start(&[world.writer()]);
    old.go_on(60).await;
    let began = Instant::now();
    runner.up().await.expect("migrations");
    let up = began.elapsed();
    assert!(is_applied(db.pool(), &list).await);
    old.go_on(60).await;

    // During: an instance of the next version, and one of this version that starts on the newer tables.
    let folder = tempfile::tempdir().expect("a folder");
    let url = world.config.database_url().expect("a database").expose();
    let late = Development::start(folder.path(), Some(url)).await;
    assert!(late.client.ask("{ accountContacts(first: 1) { nodes { id } } }", json!({})).await.is_some());
    drop(late);
    let next = world.another_instance().await;
    let both = Load::start(&[world.writer(), world.writer().at(next.address)]);
    both.go_on(60).await;

    // What only the next version writes, this version keeps.
    let made = world.rows().account_contact("nick@example.com", &[]).await;
    let nickname = "UPDATE account_contact SET nickname = 'Nick' WHERE email_key = 'nick@example.com'";
    db.pool().execute_unprepared(nickname).await.expect(nickname);
    let update = json!({ "id": made.id.to_string(), "lastName": "Carraway" });
    let updated = world.writer().mutate("updateAccountContact", update, "accountContact { lastName }").await;
    assert_eq!(updated.user_errors("updateAccountContact"), [""; 0]);
    let kept = "SELECT count(*) FROM account_contact WHERE nickname = 'Nick' AND last_name = 'Carraway'";
    assert_eq!(number(db.pool(), kept).await, 1);

    // After: back to this version.
    let began = Instant::now();
    let added = (list.len() - Migrator::migrations().len()) as u32;
    runner.down(Some(added)).await.expect("migrations taken back");
    let down = began.elapsed();
    both.go_on(60).await;
    let slowest = both.stop().await.max(old.stop().await);
    assert!(!is_applied(db.pool(), &list).await);
    assert!(migrations::status(db.pool()).await.expect("the migrations").iter().all(|(_, applied)| *applied));
    let late = Development::start(folder.path(), Some(url)).await;
    assert!(late.client.ask("{ accountContacts(first: 1) { nodes { id } } }", json!({})).await.is_some());

    tracing::info!(?up, ?down, ?slowest, "migrated");
    assert!(slowest < longest_request(&world), "{slowest:?}");
    if !world.db.is_sqlite() {
        let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        assert_eq!(number(db.pool(), deadlocks).await, 0);
    }
}
