//! What a query costs in process, on SQLite: `cargo bench`.
//!
//! `nested`: 50 partners, 5 assignments each, the contact of each. `one`: one internal contact by id. Both are parsed,
//! executed and written to JSON as the HTTP handler does it, without the network around it.

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
use gateway::{InProcess, context};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const PARTNERS: usize = 50;
const ASSIGNMENTS: usize = 5;

const NESTED: &str = "{ partners(first: 50) { nodes { id name assignments(first: 5) { nodes {
    id internalRole internalContact { id givenName familyName email jobTitle } } } } } }";
const ONE: &str =
    "query ($id: ID!) { internalContact(id: $id) { id givenName familyName email phone jobTitle } }";

struct Bench {
    _directory: TempDir,
    gateway: InProcess,
    contact: String,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a folder");
        let runtime = Runtime::new().expect("a runtime");
        let options = DatabaseOptions {
            url: format!("sqlite://{}?mode=rwc", directory.path().join("bench.db").display()),
            max_connections: 4,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(5),
            row_level_security: false,
            occupation: Duration::from_mins(1),
        };
        let (db, contact) = runtime.block_on(async {
            let db = Database::connect(&options).await.expect("a database");
            migrations::up(db.pool()).await.expect("a schema");
            let contact = fill(&db).await;
            (db, contact)
        });
        Self { _directory: directory, gateway: InProcess::new(runtime, db), contact }
    }
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
            };
            let assigned = add_to_partner(db, &context(), &input).await.expect("an assignment");
            contact = assigned.contact.id.to_string();
        }
    }
    contact
}

fn queries(criterion: &mut Criterion) {
    let bench = Bench::new();
    criterion.bench_function("nested", |it| {
        it.iter(|| black_box(bench.gateway.answer(NESTED, "{}")));
    });
    let id = serde_json::json!({ "id": bench.contact }).to_string();
    criterion.bench_function("one", |it| {
        it.iter(|| black_box(bench.gateway.answer(ONE, &id)));
    });
}

criterion_group!(benches, queries);
criterion_main!(benches);
