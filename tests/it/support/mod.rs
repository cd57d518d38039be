//! Support for tests: a [`World`] for each test, with a new database and a running gateway.
//!
//! ```
//! use serde_json::json;
//! use crate::support::{World, on_both};
//!
//! on_both!(a_remote_id_is_taken_once);
//!
//! async fn a_remote_id_is_taken_once(world: World) {
//!     world.rows().partner("Globex", Some("r-1")).await;
//!     let (writer, input) = (world.writer(), json!({ "name": "Initech", "remoteId": "r-1" }));
//!     let reply = world.nothing_written(writer.mutate("createPartner", input, "partner { id }")).await;
//!     assert_eq!(reply.user_errors("createPartner"), ["TAKEN remoteId"]);
//!
//!     let (reply, statements) = world.statements(world.reader().query("{ partners { nodes { name } } }")).await;
//!     assert_eq!(reply.data("/partners/nodes/0/name"), "Globex");
//!     assert_eq!(statements.len(), 1, "{statements:#?}");
//! }
//! ```
//!
//! The names of this example in full:
//! - [`on_both!`] makes two tests of a function, `…::sqlite` and `…::postgres`. The latter fail without a server: run
//!   `scripts/test`, or set CONTACT_GATEWAY_TEST_POSTGRES to the URL of one where databases can be made.
//! - [`World`]: the organizations [`HOME`] and [`OTHER`] are there, each with its five contact types and nothing else.
//! - [`Actor`]: a client. [`World::reader`], [`World::writer`], [`World::admin`], [`World::other`], [`World::multi`],
//!   [`World::anonymous`] and, for anything else, [`World::actor`].
//! - [`Reply`]: what came back; its functions panic with the whole body when it is not what the test says it is.
//! - [`Rows`]: rows made through the services, and many rows at once made directly.
//! - [`Chance`]: random choices that follow from a seed.
//! - [`Cluster`]: a PostgreSQL server that a test may stop. [`Proxy`]: what stands between it and the gateway.
//! - [`race`] and [`Outcomes`]: operations that run at the same time, and how often each outcome occurred.
//! - [`Processor`]: how long the database and the gateway computed.
//! - [`World::statements`], [`World::plans`] and [`World::nothing_written`] watch the database during a request.

mod actor;
mod chance;
mod cluster;
mod database;
#[path = "../../../migrations/tests/it/support.rs"]
mod empty;
mod many_rows;
mod processor;
mod proxy;
mod race;
mod reply;
mod rows;
mod server;
pub(crate) mod statements;
mod tables;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Once,
    time::Duration,
};

use chrono::Utc;
use contact_gateway::{
    app::{self, App},
    auth::{Scope, Scopes, Signer},
    config::{self, Config, RateLimit},
    http::playground::Session,
    service::Database,
};
use reqwest::Method;
use sea_orm::{DatabaseConnection, Statement};
use tracing::Level;

pub(crate) use self::{
    actor::Actor,
    chance::Chance,
    cluster::Cluster,
    database::{connect, empty_databases, execute, postgres_server},
    empty::TestDatabase,
    processor::Processor,
    proxy::{Proxy, Tampering},
    race::{Outcomes, race},
    reply::{Reply, big_int},
    rows::Rows,
};
use self::{database::Kind, server::Server, statements::Recorder};

/// The number of the organization that the actors act in.
pub(crate) const HOME: i64 = 1;
/// The number of another organization, which only [`World::other`] and [`World::multi`] may act in.
pub(crate) const OTHER: i64 = 2;

/// What development mode signs tokens with.
const KEY: &[u8; 32] = b"a key that everybody may know...";

/// Makes a test on each kind of database of every given `async fn name(world: World)`.
macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            use crate::support::World;

            #[tokio::test]
            async fn sqlite() {
                super::$test(World::on_sqlite().await).await;
            }

            #[tokio::test]
            async fn postgres() {
                super::$test(World::on_postgres().await).await;
            }
        }
    )+};
}
pub(crate) use on_both;

/// A gateway that serves a database of its own; both are gone when this is dropped.
pub(crate) struct World {
    /// The configuration of the gateway: that of development mode.
    pub(crate) config: Config,
    /// The gateway's database, for calling services without HTTP.
    pub(crate) db: Database,
    recorder: Recorder,
    // The order in which these go: first the server, then what it serves.
    server: Server,
    database: TestDatabase,
}

/// Whether a statement looks people up by their companies before a search, which only PostgreSQL needs.
pub(crate) fn is_company_lookup(sql: &str) -> bool {
    [
        ("internal_contact_assignment", "internal_contact_id", "partner"),
        ("account_contact_account", "account_contact_id", "account"),
    ]
    .iter()
    .any(|(link, person, company)| {
        sql.starts_with(&format!("SELECT \"{link}\".\"{person}\" FROM \"{company}\""))
    })
}

impl World {
    /// On a new SQLite file.
    pub(crate) async fn on_sqlite() -> Self {
        Self::on(Kind::Sqlite).await
    }

    /// On a new database of the PostgreSQL server.
    pub(crate) async fn on_postgres() -> Self {
        Self::on(Kind::Postgres).await
    }

    async fn on(kind: Kind) -> Self {
        start_log();
        let database = TestDatabase::of_template(kind).await;
        let mut config = development(database.url());
        config.database.row_level_security = matches!(kind, Kind::Postgres) && row_level_security();
        Self::start(database, config).await
    }

    async fn start(database: TestDatabase, config: Config) -> Self {
        let recorder = Recorder::default();
        let db = recorder.attached_to(app::connect(&config).await.expect("a connection"));
        let app = App::new(&config, db.clone(), Session::default()).await.expect("an app");
        let server = Server::start(app).await;
        Self { config, db, recorder, server, database }
    }

    /// How many rows of a list a search finds.
    pub(crate) async fn found(&self, list: &str, query: &str) -> usize {
        let document = format!("{{ {list}(filter: {{ search: \"{query}\" }}) {{ totalCount }} }}");
        let reply = self.reader().query(&document).await;
        reply.data(&format!("/{list}/totalCount")).as_u64().expect("a number") as usize
    }

    /// Those of these words by which a search of a list finds something.
    pub(crate) async fn words_found(&self, list: &str, words: &str) -> String {
        let mut found = Vec::new();
        for word in words.split_whitespace() {
            if self.found(list, word).await > 0 {
                found.push(word);
            }
        }
        found.join(" ")
    }

    /// The same database under a new gateway, whose configuration is changed first.
    pub(crate) async fn restarted(self, change: impl FnOnce(&mut Config)) -> Self {
        let Self { mut config, database, .. } = self;
        change(&mut config);
        Self::start(database, config).await
    }

    /// Another instance of the gateway on the same database; it ends when it is dropped.
    pub(crate) async fn another_instance(&self) -> Server {
        let db = app::connect(&self.config).await.expect("a connection");
        let app = App::new(&self.config, db, Session::default()).await.expect("an app");
        Server::start(app).await
    }

    /// A connection to the database beside those of the gateway.
    pub(crate) async fn own_connection(&self) -> DatabaseConnection {
        connect(self.config.database_url().expect("a database").expose()).await
    }

    /// Where the gateway listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// What the gateway tells Prometheus.
    pub(crate) async fn metrics(&self) -> String {
        let operator = Actor::new(self.server.operator_address);
        let answer = operator.request(Method::GET, "/metrics").send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        answer.text().await.expect("a text")
    }

    /// A caller without a token.
    pub(crate) fn anonymous(&self) -> Actor {
        Actor::new(self.address())
    }

    /// May read in [`HOME`].
    pub(crate) fn reader(&self) -> Actor {
        self.actor("reader", &[HOME], &[Scope::ContactsRead])
    }

    /// May read and write in [`HOME`].
    pub(crate) fn writer(&self) -> Actor {
        self.actor("writer", &[HOME], &[Scope::ContactsRead, Scope::ContactsWrite])
    }

    /// May do everything in [`HOME`].
    pub(crate) fn admin(&self) -> Actor {
        self.actor("admin", &[HOME], &Scope::ALL)
    }

    /// May do everything, but in [`OTHER`] only.
    pub(crate) fn other(&self) -> Actor {
        self.actor("other", &[OTHER], &Scope::ALL)
    }

    /// May do everything in both organizations, and has to select one: [`Actor::in_organization`].
    pub(crate) fn multi(&self) -> Actor {
        self.actor("multi", &[HOME, OTHER], &Scope::ALL)
    }

    /// Any other caller.
    pub(crate) fn actor(&self, subject: &str, organizations: &[i64], scopes: &[Scope]) -> Actor {
        let signer: Signer = config::development_signer(KEY).expect("a signer");
        let scopes: Scopes = scopes.iter().copied().collect();
        let minted = signer.mint(subject, organizations, scopes, Duration::from_hours(1), Utc::now());
        self.anonymous().with_token(&minted.expect("a token"))
    }

    /// Makes rows in [`HOME`].
    pub(crate) fn rows(&self) -> Rows {
        Rows::new(self.db.clone(), HOME)
    }

    /// Makes rows in [`OTHER`].
    pub(crate) fn other_rows(&self) -> Rows {
        Rows::new(self.db.clone(), OTHER)
    }

    /// Awaits `action` and gives its output with the SQL statements that the gateway executed meanwhile, in order.
    ///
    /// BEGIN, COMMIT and ROLLBACK are not among them, which SeaORM does not report, nor is the statement that takes the numbers
    /// of changes on SQLite, where PostgreSQL needs none of its own, nor are the look-ups of PostgreSQL before a search.
    pub(crate) async fn statements<T>(&self, action: impl Future<Output = T>) -> (T, Vec<String>) {
        let (output, statements) = self.recorded(action).await;
        let counts = |sql: &String| !sql.starts_with("UPDATE \"change_counter\"") && !is_company_lookup(sql);
        (output, statements.into_iter().map(|statement| statement.sql).filter(counts).collect())
    }

    /// The same with the values of the statements, so that they can be asked again, such as for their plan.
    pub(crate) async fn recorded<T>(&self, action: impl Future<Output = T>) -> (T, Vec<Statement>) {
        self.recorder.during(action).await
    }

    /// Awaits `action` and gives its output with the plans of those statements, see EXPLAIN of either database.
    pub(crate) async fn plans<T>(&self, action: impl Future<Output = T>) -> (T, Vec<String>) {
        let (output, statements) = self.recorded(action).await;
        let mut plans = Vec::with_capacity(statements.len());
        for statement in statements.into_iter().filter(|statement| !is_company_lookup(&statement.sql)) {
            plans.push(statements::plan(self.db.connection(), statement).await);
        }
        (output, plans)
    }

    /// Awaits `action`, and fails when a row of any table was added, changed or removed by it.
    pub(crate) async fn nothing_written<T>(&self, action: impl Future<Output = T>) -> T {
        let before = tables::contents(&self.db).await;
        let output = action.await;
        let after = tables::contents(&self.db).await;
        for (table, rows) in &after {
            assert_eq!(Some(rows), before.get(table), "rows of {table} were written");
        }
        output
    }

    /// The rows of each table as texts.
    pub(crate) async fn contents(&self) -> BTreeMap<String, Vec<String>> {
        tables::contents(&self.db).await
    }

    /// SQLite's file.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        let url = self.database.url();
        Some(url.strip_prefix("sqlite://")?.split('?').next()?.into())
    }

    /// How many rows a table has, deleted ones included.
    pub(crate) async fn count(&self, table: &str) -> usize {
        let contents = tables::contents(&self.db).await;
        contents.get(table).unwrap_or_else(|| panic!("no table {table}")).len()
    }
}

/// What the gateway logs stands in the output of tests that fail.
fn start_log() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        tracing_subscriber::fmt()
            .with_test_writer()
            .with_ansi(false)
            .with_max_level(Level::INFO)
            .without_time()
            .init();
    });
}

/// Whether PostgreSQL's row level security is on where a test does not care: what passes without it passes with it.
pub(crate) fn row_level_security() -> bool {
    std::env::var("CONTACT_GATEWAY_TEST_ROW_LEVEL_SECURITY").is_ok_and(|value| value == "on")
}

/// Of a statement and a request, where a test is not about that: a busy machine fails none.
const DEADLINE: Duration = Duration::from_secs(60);

/// Gives each subject a number of points that do not come back during a test; time costs nothing.
pub(crate) fn limit_points(config: &mut Config, burst: u32) {
    config.rate_limit = RateLimit { points_per_minute: 1, burst, points_per_millisecond: 0 };
}

/// The configuration of development mode on a database.
pub(crate) fn development(database_url: String) -> Config {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    // The folder is for the database file that is not used here.
    let unused = Path::new("");
    let mut config = Config::development(unused, listen, Some(database_url), KEY).expect("a configuration");
    config.database.statement_timeout = DEADLINE;
    config.limits.request_timeout = DEADLINE;
    config
}
