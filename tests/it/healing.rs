//! Connections whose session is no longer usable: no request fails because of them, over any transport, and subscriptions
//! continue without a gap.

use std::{collections::BTreeSet, time::Duration};

use contact_gateway::config::DatabaseUrl;
use reqwest::Method;
use sea_orm::{DatabaseConnection, TransactionTrait, sqlx::Executor as _};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    subscriptions::subscriber::Subscriber,
    support::{Actor, Proxy, Reply, Tampering, World, execute},
};

/// How many requests are sent at once, so that as many connections are used.
const CLIENTS: usize = 6;
/// How long a request may fail after the trouble.
const RECOVERY: Duration = Duration::from_secs(2);

/// Does something on a database without row level security, and on one with it.
async fn on_both_kinds(test: impl AsyncFn(World)) {
    for row_level_security in [false, true] {
        let world = World::on_postgres().await;
        let world = world.restarted(|config| config.database.row_level_security = row_level_security).await;
        test(world).await;
    }
}

async fn terminate_all(own: &DatabaseConnection) {
    let others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    execute(own, others).await;
}

async fn create(client: &Actor, name: &str) -> Reply {
    client.mutate("createPartner", json!({ "name": name, "remoteId": name }), "partner { id name }").await
}

/// Requests of every kind, all of which have to succeed. `round` makes their names new.
async fn every_request_succeeds(world: &World, round: &str) {
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| tokio::spawn(requests(world.admin(), format!("{round}{number}"))))
        .collect();
    for client in clients {
        client.await.expect("requests that succeed");
    }
}

async fn requests(client: Actor, name: String) {
    let partner = create(&client, &name).await.data("/createPartner/partner/id").clone();
    let email = format!("{name}@example.com");
    let person = json!({ "email": email, "internalRole": "LEAD", "partnerId": partner });
    let added = client.mutate("addInternalContactToPartner", person, "assignment { id }").await;
    assert_eq!(added.user_errors("addInternalContactToPartner"), [""; 0]);
    // With a loader below the list.
    let document = "{ partners(last: 5) { nodes { name assignments(first: 5) { nodes { internalContact { email } } } } } }";
    client.query(document).await.data("/partners/nodes");
    let row = json!({ "remoteId": name, "name": format!("{name} again") });
    let bulk = client.mutate("upsertPartners", json!({ "rows": [row] }), "updated").await;
    assert_eq!(*bulk.data("/upsertPartners/updated"), 1);
    let key = format!("key-{name}");
    for _ in 0..2 {
        let input = json!({ "type": "FINANCE", "name": name, "idempotencyKey": key });
        let card = client.mutate("createOrganizationContact", input, "organizationContact { id }").await;
        assert_eq!(card.user_errors("createOrganizationContact"), [""; 0]);
    }
    let rest = |method, path| client.request(method, path);
    let listed = rest(Method::GET, "/v2/internal-contacts").send().await.expect("an answer");
    assert_eq!(listed.status(), 200);
    let body = json!({ "email": format!("rest-{name}@example.com"), "internal_role": "lead" });
    let made = rest(Method::POST, "/v2/internal-contacts").json(&body).send().await.expect("an answer");
    assert!(made.status().is_success(), "{}", made.text().await.expect("a text"));
}

/// Subscribes to cards, makes some around the trouble, and receives every one of them once and in order.
struct CardSubscriber {
    subscriber: Subscriber,
    writer: Actor,
    made: Vec<Value>,
}

impl CardSubscriber {
    async fn new(world: &World) -> Self {
        let subscriber = Subscriber::with(&world.reader(), "(kinds: [ACCOUNT])").await;
        Self { subscriber, writer: world.writer(), made: Vec::new() }
    }

    async fn write(&mut self) {
        let number = self.made.len();
        let input = json!({ "firstName": "Ada", "email": format!("ada{number}@example.com") });
        let made = self.writer.mutate("createAccountContact", input, "accountContact { id }").await;
        self.made.push(made.data("/createAccountContact/accountContact/id").clone());
    }

    async fn misses_nothing(mut self) {
        self.write().await;
        for made in &self.made {
            assert_eq!(self.subscriber.event().await["contactId"], *made);
        }
        assert!(timeout(Duration::from_millis(300), self.subscriber.event()).await.is_err());
    }
}

/// How many reads and writes were done again.
async fn repeated(world: &World) -> u64 {
    let metrics = world.metrics().await;
    let line = metrics.lines().find_map(|line| line.strip_prefix("contact_gateway_retries_total "));
    line.expect("a metric").parse().expect("a number")
}

async fn status(world: &World, path: &str) -> u16 {
    world.anonymous().request(Method::GET, path).send().await.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn a_column_that_gets_another_type() {
    on_both_kinds(async |world| {
        let mut subscriber = CardSubscriber::new(&world).await;
        every_request_succeeds(&world, "before").await;
        subscriber.write().await;
        let own = world.own_connection().await;
        for (round, column_type) in ["varchar(300)", "text"].into_iter().enumerate() {
            let columns = [("partner", "name"), ("contact_type", "name"), ("account_contact", "first_name")];
            for (table, column) in columns {
                execute(&own, &format!("ALTER TABLE {table} ALTER COLUMN {column} TYPE {column_type}")).await;
            }
            every_request_succeeds(&world, &format!("after{round}-")).await;
            subscriber.write().await;
        }
        assert!(repeated(&world).await > 0);
        subscriber.misses_nothing().await;
    })
    .await;
}

#[tokio::test]
async fn sessions_that_are_ended() {
    on_both_kinds(async |world| {
        let mut subscriber = CardSubscriber::new(&world).await;
        every_request_succeeds(&world, "before").await;
        subscriber.write().await;
        let own = world.own_connection().await;
        for round in 0..3 {
            terminate_all(&own).await;
            every_request_succeeds(&world, &format!("after{round}-")).await;
            subscriber.write().await;
            assert_eq!((status(&world, "/readyz").await, status(&world, "/readyz?write").await), (200, 200));
        }
        subscriber.misses_nothing().await;
    })
    .await;
}

/// Ended in the middle of requests, only a commit whose outcome is unknown may be reported.
#[tokio::test]
async fn sessions_that_are_ended_under_load() {
    let world = World::on_postgres().await;
    let stop = Instant::now() + Duration::from_secs(2);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let client = world.admin();
            tokio::spawn(async move {
                for round in 0.. {
                    if Instant::now() > stop {
                        break;
                    }
                    let written = create(&client, &format!("{number}-{round}")).await;
                    if let Some(error) = written.body.pointer("/errors/0/message") {
                        assert_eq!(error, "The connection to the database was lost during the commit. The change may have been saved: read the record before you write again.");
                    }
                    client.query("{ partners(first: 3) { nodes { name } } }").await.data("/partners/nodes");
                }
            })
        })
        .collect();
    let own = world.own_connection().await;
    while Instant::now() < stop {
        sleep(Duration::from_millis(300)).await;
        terminate_all(&own).await;
    }
    for client in clients {
        client.await.expect("requests that succeed");
    }
}

/// As a connection pooler does that gives each transaction another session.
#[tokio::test]
async fn prepared_statements_that_are_lost() {
    on_both_kinds(async |world| {
        let mut subscriber = CardSubscriber::new(&world).await;
        every_request_succeeds(&world, "before").await;
        subscriber.write().await;
        let pool = world.db.pool().get_postgres_connection_pool();
        let mut connections = Vec::new();
        for _ in 0..pool.size() {
            let mut connection = pool.acquire().await.expect("a connection");
            connection.execute("DEALLOCATE ALL").await.expect("a session");
            connections.push(connection);
        }
        assert!(connections.len() > 1, "only {} connections", connections.len());
        drop(connections);
        every_request_succeeds(&world, "after").await;
        assert!(repeated(&world).await > 0);
        subscriber.misses_nothing().await;
    })
    .await;
}

#[tokio::test]
async fn a_server_that_takes_no_writes_for_a_while() {
    on_both_kinds(async |world| {
        let mut subscriber = CardSubscriber::new(&world).await;
        every_request_succeeds(&world, "before").await;
        subscriber.write().await;
        let own = world.own_connection().await;
        let read_only = |on: &str| {
            format!(
                "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = {on}',
                     current_database()); END $$"
            )
        };
        execute(&own, &read_only("on")).await;
        terminate_all(&own).await;
        for number in 0..20 {
            let refused = world.nothing_written(create(&world.writer(), &format!("refused{number}"))).await;
            assert_eq!(refused.errors(), ["UNAVAILABLE createPartner"]);
            world.reader().query("{ partners(first: 3) { nodes { name } } }").await.data("/partners/nodes");
        }
        assert_eq!((status(&world, "/readyz").await, status(&world, "/readyz?write").await), (200, 503));
        // The sessions that were opened meanwhile stay as they are.
        execute(&own, "SET default_transaction_read_only = off").await;
        execute(&own, &read_only("off")).await;
        let back = Instant::now();
        for number in 0.. {
            let written = create(&world.writer(), &format!("back{number}")).await;
            if written.body.get("errors").is_none() && back.elapsed() > RECOVERY {
                break;
            }
            assert!(back.elapsed() < RECOVERY, "{}", written.body);
        }
        assert_eq!(status(&world, "/readyz?write").await, 200);
        every_request_succeeds(&world, "after").await;
        subscriber.misses_nothing().await;
    })
    .await;
}

/// A machine that loses its power says no word, and the next server has its address.
#[tokio::test]
async fn a_server_that_falls_silent() {
    let world = World::on_postgres().await;
    let url = world.config.database_url().expect("a database").expose().to_owned();
    let proxy = Proxy::before(&url, Tampering::None).await;
    let world = world
        .restarted(|config| {
            config.database.url = DatabaseUrl::parse(&proxy.url(&url));
            config.limits.request_timeout = Duration::from_secs(3);
            config.database.acquire_timeout = Duration::from_secs(2);
            config.database.statement_timeout = Duration::from_secs(1);
            // All of them are lost at once then.
            config.database.max_connections = CLIENTS as u32;
        })
        .await;
    every_request_succeeds(&world, "before").await;
    assert_eq!(status(&world, "/readyz").await, 200);
    proxy.fall_silent();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let client = world.reader();
            tokio::spawn(async move { client.query("{ partners(first: 3) { nodes { name } } }").await })
        })
        .collect();
    assert_eq!(status(&world, "/readyz").await, 503);
    let outcomes: BTreeSet<String> = {
        let mut outcomes = BTreeSet::new();
        for client in clients {
            outcomes.extend(client.await.expect("an answer").errors());
        }
        outcomes
    };
    assert!(!outcomes.is_empty());
    proxy.come_back();
    sleep(RECOVERY).await;
    assert_eq!(status(&world, "/readyz").await, 200);
    every_request_succeeds(&world, "after").await;
}

/// However many requests wait for a connection, the instance tells that its database is there.
#[tokio::test]
async fn no_request_occupies_the_connection_of_the_health_check() {
    let world = World::on_postgres().await;
    let world = world.restarted(|config| config.database.max_connections = 2).await;
    let held = [world.db.pool().begin().await, world.db.pool().begin().await];
    let held = held.map(|transaction| transaction.expect("a transaction"));
    assert_eq!((status(&world, "/readyz").await, status(&world, "/readyz?write").await), (200, 200));
    let all = futures_util::future::join_all((0..100).map(|_| status(&world, "/readyz?write"))).await;
    assert!(all.iter().all(|status| *status == 200), "{all:?}");
    drop(held);
    let own = world.own_connection().await;
    execute(&own, "ALTER TABLE organization RENAME TO elsewhere").await;
    assert_eq!((status(&world, "/healthz").await, status(&world, "/readyz").await), (200, 503));
    execute(&own, "ALTER TABLE elsewhere RENAME TO organization").await;
    assert_eq!(status(&world, "/readyz").await, 200);
}
