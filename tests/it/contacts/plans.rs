//! How databases find contacts: each kind walks an index in the order of the page and stops at its end.

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::{model::FIELDS, rows::Maker};
use crate::{
    mutation::with,
    support::{Chance, World},
};

/// The tables of the kinds.
const TABLES: [&str; 3] = ["internal_contact", "account_contact", "organization_contact"];
/// The columns of an index in the order of a field.
const INDEXED: [&str; 4] = ["sort_key", "email_key", "created_at", "updated_at"];
/// How many contacts of each kind either organization has.
const EACH: usize = 20_000;

/// Contacts on PostgreSQL that share email addresses across the kinds, and what was done to them.
async fn fill(world: &World) {
    let of_all = "org_id, sort_key, words, email, email_key, created_at, updated_at";
    let values = format!(
        "org.id, 'name ' || n % 1000, 'name ' || n % 1000, 'p' || n || '@example.com', 'p' || n || '@example.com',
         now() - n * interval '1 second', now() - n % 100 * interval '1 second'
         FROM organization org, generate_series(1, {EACH}) n"
    );
    let first_type = "(SELECT id FROM contact_type t WHERE t.org_id = org.id LIMIT 1)";
    for sql in [
        format!("INSERT INTO internal_contact (id, {of_all}) SELECT gen_random_uuid(), {values}"),
        format!(
            "INSERT INTO account_contact (id, first_name, metadata, contact_type_id, {of_all})
             SELECT gen_random_uuid(), 'Ada', '{{}}', {first_type}, {values}"
        ),
        format!("INSERT INTO organization_contact (type, {of_all}) SELECT 1, {values}"),
        "INSERT INTO change (org_id, seq, at, actor, entity_kind, entity_id, action, fields, request_id)
         SELECT org_id, 1000 + row_number() OVER (), now(), '', 'OrganizationContact', 'oc_' || id, 'updated', '{}', ''
         FROM organization_contact, generate_series(1, 3)"
            .to_owned(),
        "ANALYZE".to_owned(),
    ] {
        // A statement has more time here than that of a client.
        let sql = format!("BEGIN; SET LOCAL statement_timeout = 0; {sql}; COMMIT");
        world.db.connection().execute_unprepared(&sql).await.expect("rows");
    }
    // What an index has not sorted in yet makes it look dear.
    world.db.pool().execute_unprepared("VACUUM").await.expect("sorted indexes");
}

/// The plans of a query, which answers without errors.
async fn plans(world: &World, document: &str, variables: Value) -> (Value, Vec<String>) {
    let reader = world.reader();
    let (reply, plans) = world.plans(reader.graphql(document, variables)).await;
    (reply.data("").clone(), plans)
}

fn assert_no_table_is_read_whole(plan: &str) {
    assert!(!plan.contains("Seq Scan"), "{plan}");
}

const DOCUMENT: &str = "
    query($order: [ContactOrder!], $first: Int, $after: String, $last: Int, $before: String) {
        contacts(orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
            nodes { displayName } pageInfo { endCursor }
        }
    }";

/// The plans of pages at either end of the list and of pages in its midst, in each order.
async fn every_page(world: &World, look: impl Fn(&str, &str)) {
    for (field, column) in FIELDS.iter().zip(INDEXED) {
        for direction in ["ASC", "DESC"] {
            let order = json!([{ "field": field, "direction": direction }]);
            let (data, _) = plans(world, DOCUMENT, json!({ "order": order, "first": 30 })).await;
            let cursor = &data["contacts"]["pageInfo"]["endCursor"];
            for window in [
                json!({ "first": 50 }),
                json!({ "last": 10 }),
                json!({ "first": 10, "after": cursor }),
                json!({ "last": 10, "before": cursor }),
            ] {
                let (_, plans) = plans(world, DOCUMENT, with(json!({ "order": order }), window)).await;
                let [plan] = &plans[..] else { panic!("{plans:#?}") };
                look(column, plan);
            }
        }
    }
}

#[tokio::test]
async fn every_order_walks_indexes_on_postgres() {
    let world = World::on_postgres().await;
    fill(&world).await;
    every_page(&world, |column, plan| {
        assert_no_table_is_read_whole(plan);
        for table in TABLES {
            let index = format!("using {table}_org_id_{column}_id_idx on {table}");
            assert!(plan.contains(&index), "{index}: {plan}");
        }
    })
    .await;
}

#[tokio::test]
async fn every_order_walks_indexes_on_sqlite() {
    let world = World::on_sqlite().await;
    Maker::new(world.rows()).await.fill(&mut Chance::seeded(8), 20).await;
    every_page(&world, |column, plan| {
        for table in TABLES {
            let index = format!("SEARCH {table} USING INDEX {table}_org_id_{column}");
            assert!(plan.contains(&index), "{index}: {plan}");
        }
        // The three are merged; none of them is sorted.
        assert_eq!(plan.matches("TEMP B-TREE").count(), 1, "{plan}");
    })
    .await;
}

#[tokio::test]
async fn filters_and_children_use_indexes_on_postgres() {
    let world = World::on_postgres().await;
    fill(&world).await;
    for selection in [
        "contacts(filter: { email: { eq: \"p77@example.com\" } }) { nodes { id } }",
        "contacts(filter: { search: \"77\" }) { nodes { id } }",
        "contacts(first: 100) { nodes { relatedContacts(first: 3) { totalCount nodes { id } } } }",
        "contacts(first: 100, orderBy: { field: EMAIL }) { nodes { relatedContacts(last: 3) { nodes { displayName } } } }",
        "organizationContacts(first: 100) { nodes { history(last: 2) { totalCount nodes { seq } } } }",
    ] {
        let (_, plans) = plans(&world, &format!("{{ {selection} }}"), json!({})).await;
        plans.iter().for_each(|plan| assert_no_table_is_read_whole(plan));
    }
}
