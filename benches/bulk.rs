//! What bulk writes cost in process: `cargo bench --bench bulk`, on SQLite and, where CONTACT_GATEWAY_TEST_POSTGRES names
//! a server on which databases can be made, on PostgreSQL.
//!
//! `new`: 1,000 account contacts that are not there yet, each with a phone number, one account and one value of a custom
//! field. `same`: the same 1,000 again, which change nothing. `changed`: 1,000 known ones with another last name.
//! The goal is `new` in less than 400 ms on PostgreSQL with two cores.

// The fields of `Query` come from a dozen objects, each an async block within another one: an optimised build looks into
// all of them.
#![recursion_limit = "256"]

#[path = "../migrations/tests/it/support.rs"]
mod empty;
mod gateway;

use std::{
    hint::black_box,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use contact_gateway::{
    entity::custom_field::FieldType,
    service::{
        Database,
        account::{self, CreateAccount},
        custom_field::{self, CreateCustomField},
        database::DatabaseOptions,
        organization,
    },
};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use empty::{TestDatabase, empty_databases};
use gateway::{InProcess, context};
use serde_json::json;
use tokio::runtime::Runtime;
use url::Url;

const ROWS: usize = 1_000;

const UPSERT: &str = "mutation ($rows: [UpsertAccountContactInput!]!) {
    upsertAccountContacts(input: { rows: $rows }) {
        created updated unchanged results { status accountContact { id } } userErrors { message } } }";

/// The variables that contacts are sent in.
struct Sender {
    account: String,
    field: String,
    next: AtomicUsize,
}

impl Sender {
    /// Contacts whom nobody has sent before.
    fn new_contacts(&self) -> String {
        self.contacts(self.next.fetch_add(ROWS, Ordering::Relaxed), "Hopper")
    }

    fn contacts(&self, first: usize, last_name: &str) -> String {
        let row = |number: usize| {
            json!({
                "remoteId": format!("crm-{number}"), "email": format!("Grace.Hopper.{number}@example.com"),
                "firstName": format!("Grace {number}"), "lastName": last_name,
                "phone": format!("+1 202 {:03} {:04}", 200 + number % 700, number % 10_000),
                "accountIds": [self.account],
                "customFieldValues": [{ "customFieldId": self.field, "value": format!("size {number}") }],
            })
        };
        json!({ "rows": (first..first + ROWS).map(row).collect::<Vec<_>>() }).to_string()
    }
}

fn url(database: &TestDatabase) -> String {
    match database {
        TestDatabase::Sqlite(folder) => sqlite_url(folder.path()),
        TestDatabase::Postgres { server, name } => {
            let mut url: Url = server.parse().expect("CONTACT_GATEWAY_TEST_POSTGRES is not a URL");
            url.set_path(name);
            url.into()
        }
    }
}

fn sqlite_url(folder: &Path) -> String {
    format!("sqlite://{}?mode=rwc", folder.join("test.db").display())
}

async fn open(database: &TestDatabase) -> (Database, Sender) {
    let options = DatabaseOptions {
        url: url(database),
        max_connections: 4,
        acquire_timeout: Duration::from_secs(5),
        statement_timeout: Duration::from_secs(5),
        row_level_security: false,
        sqlite_time_limit: Duration::from_mins(1),
        sqlite_busy_timeout: Duration::from_secs(5),
    };
    migrations::up(&database.connect(1).await.expect("a connection")).await.expect("a schema");
    let db = Database::connect(&options).await.expect("a database");
    organization::create(&db, &context(), "Bench").await.expect("an organization");
    let input = CreateAccount {
        name: "Globex".to_owned(),
        primary_domain: None,
        remote_id: None,
        idempotency_key: None,
    };
    let account = account::create(&db, &context(), &input).await.expect("an account").id.to_string();
    let input = CreateCustomField {
        key: "size".to_owned(),
        label: "Size".to_owned(),
        field_type: FieldType::Text,
        options: Vec::new(),
        is_required: false,
        idempotency_key: None,
    };
    let field = custom_field::create(&db, &context(), &input).await.expect("a field").id.to_string();
    (db, Sender { account, field, next: AtomicUsize::new(0) })
}

/// Sends contacts, and makes sure that they all become what they should.
fn send(gateway: &InProcess, variables: &str, becomes: &str) {
    let answer = gateway.answer(UPSERT, black_box(variables));
    let expected = format!("\"{becomes}\":{ROWS}");
    let is_expected = answer.windows(expected.len()).any(|window| window == expected.as_bytes());
    assert!(is_expected, "{}", String::from_utf8_lossy(&answer[..answer.len().min(500)]));
}

fn bulk(criterion: &mut Criterion) {
    let runtime = || Runtime::new().expect("a runtime");
    for database in runtime().block_on(empty_databases()).expect("databases") {
        let kind = if matches!(database, TestDatabase::Sqlite(_)) { "sqlite" } else { "postgres" };
        let runtime = runtime();
        let (db, sender) = runtime.block_on(open(&database));
        let gateway = InProcess::new(runtime, db);
        // Those that the others are about.
        send(&gateway, &sender.new_contacts(), "created");
        let mut group = criterion.benchmark_group(format!("1,000 account contacts on {kind}"));
        group.sample_size(10).measurement_time(Duration::from_secs(10));
        group.bench_function("new", |it| {
            it.iter_batched(
                || sender.new_contacts(),
                |variables| send(&gateway, &variables, "created"),
                BatchSize::PerIteration,
            );
        });
        let first = sender.contacts(0, "Hopper");
        group.bench_function("same", |it| it.iter(|| send(&gateway, &first, "unchanged")));
        let mut round = 0;
        group.bench_function("changed", |it| {
            it.iter_batched(
                || {
                    round += 1;
                    sender.contacts(0, &format!("Hopper {round}"))
                },
                |variables| send(&gateway, &variables, "updated"),
                BatchSize::PerIteration,
            );
        });
        group.finish();
    }
}

criterion_group!(benches, bulk);
criterion_main!(benches);
