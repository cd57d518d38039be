//! The cost of bulk writes in process: `cargo bench --bench bulk`, on SQLite and, where CONTACT_GATEWAY_TEST_POSTGRES names
//! a server on which databases can be made, on PostgreSQL.
//!
//! `new`: 1,000 account contacts that are not there yet, each with a phone number, one account and one value of a custom
//! field. `same`: the same 1,000 again, which change nothing. `changed`: 1,000 known ones with another last name.
//! The goal is `new` in less than 400 ms on PostgreSQL with two cores.
//!
//! A first import comes before them, and alone with `cargo bench --bench bulk -- import`: into an empty database, of each
//! kind of rows, 45 calls of 1,000 new rows. The last call must not take much longer than the first.

// The fields of `Query` come from a dozen objects, each an async block within another one: an optimised build looks into
// all of them.
#![recursion_limit = "256"]
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

#[path = "../migrations/tests/it/support.rs"]
mod empty;
mod gateway;

use std::{
    hint::black_box,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
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
use criterion::{BatchSize, Criterion, criterion_group};
use empty::{TestDatabase, empty_databases};
use gateway::{InProcess, context};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use url::Url;

const ROWS: usize = 1_000;

/// How many calls a first import makes.
const CALLS: usize = 45;

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
    /// Contacts that were not sent before.
    fn new_contacts(&self) -> String {
        self.contacts(self.next.fetch_add(ROWS, Ordering::Relaxed), "Hopper")
    }

    fn contacts(&self, first: usize, last_name: &str) -> String {
        rows(first, |number| self.contact(number, last_name))
    }

    fn contact(&self, number: usize, last_name: &str) -> Value {
        json!({
            "remoteId": format!("crm-{number}"), "email": format!("Grace.Hopper.{number}@example.com"),
            "firstName": format!("Grace {number}"), "lastName": last_name,
            "phone": format!("+1 202 {:03} {:04}", 200 + number % 700, number % 10_000),
            "accountIds": [self.account],
            "customFieldValues": [{ "customFieldId": self.field, "value": format!("size {number}") }],
        })
    }
}

/// The variables with the next 1,000 rows.
fn rows(first: usize, row: impl FnMut(usize) -> Value) -> String {
    json!({ "rows": (first..first + ROWS).map(row).collect::<Vec<_>>() }).to_string()
}

/// A kind of row: its mutation, the type of its input, and the row of each number.
type Kind = (&'static str, &'static str, fn(&Sender, usize) -> Value);

const KINDS: [Kind; 5] = [
    ("upsertAccountContacts", "UpsertAccountContactInput", |sender, number| sender.contact(number, "Hopper")),
    ("upsertInternalContactAssignments", "UpsertInternalContactAssignmentInput", |_, number| {
        json!({
            "remoteId": format!("crm-{number}"), "email": format!("Grace.Hopper.{number}@example.com"),
            "internalRole": "CSM", "givenName": format!("Grace {number}"), "familyName": "Hopper",
        })
    }),
    ("upsertInternalContacts", "UpsertInternalContactInput", |_, number| {
        json!({
            "remoteId": format!("crm-{number}"), "email": format!("Ada.Lovelace.{number}@example.com"),
            "givenName": format!("Ada {number}"), "familyName": "Lovelace",
        })
    }),
    (
        "upsertPartners",
        "UpsertPartnerInput",
        |_, number| json!({ "remoteId": format!("crm-{number}"), "name": format!("Globex {number}") }),
    ),
    (
        "upsertAccounts",
        "UpsertAccountInput",
        |_, number| json!({ "remoteId": format!("crm-{number}"), "name": format!("Initech {number}") }),
    ),
];

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
fn send(gateway: &InProcess, document: &str, variables: &str, becomes: &str) {
    let answer = gateway.answer(document, black_box(variables));
    let expected = format!("\"{becomes}\":{ROWS}");
    let is_expected = answer.windows(expected.len()).any(|window| window == expected.as_bytes());
    assert!(is_expected, "{}", String::from_utf8_lossy(&answer[..answer.len().min(500)]));
}

/// Imports each kind of row into a database of its own that is empty.
fn first_imports() {
    for (mutation, input, row) in KINDS {
        let runtime = Runtime::new().expect("a runtime");
        for database in runtime.block_on(empty_databases()).expect("databases") {
            let runtime = Runtime::new().expect("a runtime");
            let (db, sender) = runtime.block_on(open(&database));
            let gateway = InProcess::new(runtime, db);
            let document = format!(
                "mutation ($rows: [{input}!]!) {{
                    {mutation}(input: {{ rows: $rows }}) {{ created userErrors {{ message }} }} }}"
            );
            let call = |number| {
                let variables = rows(number * ROWS, |number| row(&sender, number));
                let begin = Instant::now();
                send(&gateway, &document, &variables, "created");
                begin.elapsed()
            };
            let mut times: Vec<Duration> = (0..CALLS).map(call).collect();
            let (first, last) = (times[0], times[CALLS - 1]);
            times.sort_unstable();
            println!(
                "{CALLS} {mutation} of {ROWS} on {}: first {first:.0?}, median {:.0?}, last {last:.0?}",
                name(&database),
                times[CALLS / 2],
            );
        }
    }
}

fn name(database: &TestDatabase) -> &'static str {
    if matches!(database, TestDatabase::Sqlite(_)) { "sqlite" } else { "postgres" }
}

fn bulk(criterion: &mut Criterion) {
    let runtime = || Runtime::new().expect("a runtime");
    for database in runtime().block_on(empty_databases()).expect("databases") {
        let kind = name(&database);
        let runtime = runtime();
        let (db, sender) = runtime.block_on(open(&database));
        let gateway = InProcess::new(runtime, db);
        // Those that the others are about.
        send(&gateway, UPSERT, &sender.new_contacts(), "created");
        let mut group = criterion.benchmark_group(format!("1,000 account contacts on {kind}"));
        group.sample_size(10).measurement_time(Duration::from_secs(10));
        group.bench_function("new", |it| {
            it.iter_batched(
                || sender.new_contacts(),
                |variables| send(&gateway, UPSERT, &variables, "created"),
                BatchSize::PerIteration,
            );
        });
        let first = sender.contacts(0, "Hopper");
        group.bench_function("same", |it| it.iter(|| send(&gateway, UPSERT, &first, "unchanged")));
        let mut round = 0;
        group.bench_function("changed", |it| {
            it.iter_batched(
                || {
                    round += 1;
                    sender.contacts(0, &format!("Hopper {round}"))
                },
                |variables| send(&gateway, UPSERT, &variables, "updated"),
                BatchSize::PerIteration,
            );
        });
        group.finish();
    }
}

criterion_group!(benches, bulk);

fn main() {
    first_imports();
    if !std::env::args().any(|argument| argument == "import") {
        benches();
        Criterion::default().configure_from_args().final_summary();
    }
}
