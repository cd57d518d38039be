//! The sample data is complete, follows every rule, and is written once.

use std::{collections::HashSet, time::Duration};

use chrono::{DateTime, Utc};
use sea_orm::{PaginatorTrait, QueryOrder};
use tempfile::TempDir;

use super::write;
use crate::{
    entity::{
        Scoped, account, account_contact, account_contact_account, change, contact_type, custom_field,
        custom_field_value, id::OrganizationId, internal_contact, internal_contact_assignment as assignment,
        organization, organization_contact, partner,
    },
    service::{Database, database::DatabaseOptions},
};

const FIRST: OrganizationId = OrganizationId(1);
const SECOND: OrganizationId = OrganizationId(2);

/// A migrated database, which goes when the folder is dropped.
async fn database() -> (TempDir, Database) {
    let folder = tempfile::tempdir().expect("a folder");
    let options = DatabaseOptions {
        url: format!("sqlite:{}?mode=rwc", folder.path().join("sample.db").display()),
        max_connections: 2,
        acquire_timeout: Duration::from_secs(5),
        statement_timeout: Duration::from_secs(5),
        row_level_security: false,
        sqlite_busy_timeout: Duration::from_secs(5),
    };
    let db = Database::connect(&options).await.expect("a database");
    migrations::up(db.pool()).await.expect("a schema");
    (folder, db)
}

#[tokio::test]
async fn the_sample_data_is_complete_and_written_once() {
    let (_folder, db) = database().await;
    let now = Utc::now();
    assert!(write(&db, now).await.expect("valid data"));
    check_counts(&db).await;
    check_assignments(&db).await;
    check_account_contacts(&db).await;
    check_custom_field_values(&db).await;
    check_cards(&db).await;
    check_emails(&db).await;
    check_times(&db, now).await;

    assert!(!write(&db, now).await.expect("an answer"));
    check_counts(&db).await;
}

async fn count<E>(db: &Database, organization: OrganizationId) -> u64
where
    E: Scoped<Model: Send + Sync>,
{
    E::find_in(organization).count(db.connection()).await.expect("a count")
}

async fn rows<E: Scoped>(db: &Database, organization: OrganizationId) -> Vec<E::Model> {
    E::find_in(organization).all(db.connection()).await.expect("rows")
}

/// Both organizations hold what is promised.
async fn check_counts(db: &Database) {
    let backend = db.pool().get_database_backend();
    let first_ten = organization::Entity::find_among(backend, (1..=10).map(OrganizationId));
    assert_eq!(first_ten.count(db.connection()).await.expect("a count"), 2);
    for (organization, expected) in
        [(FIRST, [30, 60, 120, 40, 200, 6, 12]), (SECOND, [6, 12, 24, 8, 24, 6, 6])]
    {
        let counts = [
            count::<partner::Entity>(db, organization).await,
            count::<internal_contact::Entity>(db, organization).await,
            count::<assignment::Entity>(db, organization).await,
            count::<account::Entity>(db, organization).await,
            count::<account_contact::Entity>(db, organization).await,
            count::<custom_field::Entity>(db, organization).await,
            count::<organization_contact::Entity>(db, organization).await,
        ];
        assert_eq!(counts, expected, "{organization}");
    }
}

/// Of every role, some floating; people have several roles and several partners, partners have several people.
async fn check_assignments(db: &Database) {
    let rows = rows::<assignment::Entity>(db, FIRST).await;
    assert_eq!(rows.iter().filter(|row| row.partner_id.is_none()).count(), 15);
    let distinct = |key: fn(&assignment::Model) -> String| rows.iter().map(key).collect::<HashSet<_>>().len();
    assert_eq!(distinct(|row| format!("{:?}", row.internal_role)), 6);
    assert_eq!(distinct(|row| format!("{:?}", row.partner_id)), 31, "every partner, and none");
    let people = distinct(|row| row.internal_contact_id.to_string());
    let roles = distinct(|row| format!("{} {:?}", row.internal_contact_id, row.internal_role));
    let partners = distinct(|row| format!("{} {:?}", row.internal_contact_id, row.partner_id));
    assert!(
        people == 60 && roles >= 90 && partners >= 90,
        "{people} people, {roles} roles, {partners} partners"
    );
}

/// Of every type, in no, one or several accounts.
async fn check_account_contacts(db: &Database) {
    let contacts = rows::<account_contact::Entity>(db, FIRST).await;
    let used: HashSet<_> = contacts.iter().map(|row| row.contact_type_id).collect();
    assert_eq!(count::<contact_type::Entity>(db, FIRST).await, 5);
    assert_eq!(used.len(), 5);
    assert!(contacts.iter().any(|row| row.metadata.value() != Some(&serde_json::json!({}))));
    assert!(contacts.iter().any(|row| row.avatar_url.is_some()));
    let links = rows::<account_contact_account::Entity>(db, FIRST).await;
    let linked =
        |row: &account_contact::Model| links.iter().filter(|link| link.account_contact_id == row.id).count();
    let of_so_many = |n: usize| contacts.iter().filter(|row| linked(row) == n).count();
    assert_eq!(of_so_many(0), 20);
    assert!(of_so_many(1) > 100 && of_so_many(2) > 30 && of_so_many(3) > 10);
}

/// Every field has values.
async fn check_custom_field_values(db: &Database) {
    let values = rows::<custom_field_value::Entity>(db, FIRST).await;
    let fields: HashSet<_> = values.iter().map(|row| row.custom_field_id).collect();
    assert_eq!(fields.len(), 6);
    assert!(values.len() > 500, "{} values", values.len());
}

/// Of every type, and just the invoice addresses have purchase order numbers.
async fn check_cards(db: &Database) {
    for organization in [FIRST, SECOND] {
        let cards = rows::<organization_contact::Entity>(db, organization).await;
        assert_eq!(cards.iter().map(|card| card.r#type).collect::<HashSet<_>>().len(), 6);
        assert!(cards.iter().all(|card| card.country_id.is_some()));
        let ordered = |card: &organization_contact::Model| card.purchase_order_number.is_some();
        let invoice = organization_contact::OrganizationContactType::InvoiceAddress;
        assert!(cards.iter().all(|card| ordered(card) == (card.r#type == invoice)));
    }
}

/// Everything happened in the last year, one thing after another.
async fn check_times(db: &Database, now: DateTime<Utc>) {
    for organization in [FIRST, SECOND] {
        let changes = change::Entity::find_in(organization).order_by_asc(change::Column::Seq);
        let changes = changes.all(db.connection()).await.expect("rows");
        assert!(changes.is_sorted_by_key(|row| row.at));
        let age = |row: Option<&change::Model>| row.map(|row| (now - row.at).num_days());
        assert_eq!(age(changes.first()), Some(365));
        let last = age(changes.last());
        assert!(last.is_some_and(|days| (0..14).contains(&days)), "{last:?} days ago");
    }
}

/// ASCII, under domains that are reserved for examples.
async fn check_emails(db: &Database) {
    for organization in [FIRST, SECOND] {
        let people = rows::<internal_contact::Entity>(db, organization).await;
        let contacts = rows::<account_contact::Entity>(db, organization).await;
        let cards = rows::<organization_contact::Entity>(db, organization).await;
        let people = people.into_iter().map(|row| row.email);
        let contacts = contacts.into_iter().map(|row| row.email);
        for email in people.chain(contacts).chain(cards.into_iter().filter_map(|row| row.email)) {
            assert!(email.is_ascii(), "{email}");
            assert!(email.ends_with(".example") || email.ends_with("@example.net"), "{email}");
        }
    }
}
