//! The cost of queries in process, on SQLite: `cargo bench`; and on PostgreSQL, without and with row level security, where
//! CONTACT_GATEWAY_TEST_POSTGRES names a server on which databases can be made.
//!
//! `nested`: 50 partners, 5 assignments each, the contact of each. `one`: one internal contact by id. Both are parsed,
//! executed and written to JSON as the HTTP handler does it, without the network around it.

// The fields of `Query` come from a dozen objects, each an async block within another one: an optimised build looks into
// all of them.
#![recursion_limit = "256"]

#[path = "../migrations/tests/it/support.rs"]
mod empty;
mod gateway;

use std::{hint::black_box, time::Duration};

use contact_gateway::{
    entity::internal_contact_assignment::InternalRole,
    service::{
        Database,
        database::DatabaseOptions,
        internal_contact::{AddInternalContactToPartner, Profile, add_to_partner},
        organization,
        partner::{self, CreatePartner},
    },
};
use criterion::{Criterion, criterion_group, criterion_main};
use empty::{TestDatabase, empty_databases};
use gateway::{InProcess, context};
use tokio::runtime::Runtime;
use url::Url;

const PARTNERS: usize = 50;
const ASSIGNMENTS: usize = 5;

const NESTED: &str = "{ partners(first: 50) { nodes { id name assignments(first: 5) { nodes {
    id internalRole internalContact { id givenName familyName email jobTitle } } } } } }";
const ONE: &str =
    "query ($id: ID!) { internalContact(id: $id) { id givenName familyName email phone jobTitle } }";

/// The address of a database, as the configuration takes it.
fn url(database: &TestDatabase) -> String {
    match database {
        TestDatabase::Sqlite(folder) => {
            format!("sqlite://{}?mode=rwc", folder.path().join("test.db").display())
        }
        TestDatabase::Postgres { server, name } => {
            let mut url: Url = server.parse().expect("CONTACT_GATEWAY_TEST_POSTGRES is not a URL");
            url.set_path(name);
            url.into()
        }
    }
}

/// A gateway on a database that is migrated.
async fn open(database: &TestDatabase, row_level_security: bool) -> Database {
    let options = DatabaseOptions {
        url: url(database),
        max_connections: 4,
        acquire_timeout: Duration::from_secs(5),
        statement_timeout: Duration::from_secs(5),
        sqlite_busy_timeout: Duration::from_secs(5),
        row_level_security,
    };
    migrations::up(&database.connect(1).await.expect("a connection")).await.expect("a schema");
    Database::connect(&options).await.expect("a database")
}

/// Writes the rows and answers with the id of one internal contact.
async fn fill(db: &Database) -> String {
    organization::create(db, &context(), "Bench").await.expect("an organization");
    let mut contact = String::new();
    for number in 0..PARTNERS {
        let input =
            CreatePartner { name: format!("Partner {number}"), remote_id: None, idempotency_key: None };
        let partner = partner::create(db, &context(), &input).await.expect("a partner");
        for person in 0..ASSIGNMENTS {
            let input = AddInternalContactToPartner {
                partner_id: partner.id.to_string(),
                email: format!("person-{}@example.com", number * 3 + person),
                internal_role: InternalRole::AccountManager,
                profile: Profile {
                    given_name: Some("Ada".to_owned()),
                    family_name: Some(format!("Number {person}")),
                    job_title: Some("Account manager".to_owned()),
                    ..Profile::default()
                },
                remote_id: None,
                idempotency_key: None,
            };
            let assigned = add_to_partner(db, &context(), &input).await.expect("an assignment");
            contact = assigned.contact.id.to_string();
        }
    }
    contact
}

fn queries(criterion: &mut Criterion) {
    let databases = Runtime::new().expect("a runtime").block_on(empty_databases()).expect("databases");
    for database in &databases {
        let walls: &[(&str, bool)] = match database {
            TestDatabase::Sqlite(_) => &[("", false)],
            TestDatabase::Postgres { .. } => &[("_postgres", false), ("_postgres_row_level_security", true)],
        };
        let filler = Runtime::new().expect("a runtime");
        let contact = filler.block_on(async { fill(&open(database, false).await).await });
        for (name, row_level_security) in walls {
            let runtime = Runtime::new().expect("a runtime");
            let db = runtime.block_on(open(database, *row_level_security));
            measure(criterion, name, &InProcess::new(runtime, db), &contact);
        }
    }
}

fn measure(criterion: &mut Criterion, name: &str, gateway: &InProcess, contact: &str) {
    criterion.bench_function(&format!("nested{name}"), |it| {
        it.iter(|| black_box(gateway.answer(NESTED, "{}")));
    });
    let id = serde_json::json!({ "id": contact }).to_string();
    criterion.bench_function(&format!("one{name}"), |it| {
        it.iter(|| black_box(gateway.answer(ONE, &id)));
    });
}

criterion_group!(benches, queries);
criterion_main!(benches);
