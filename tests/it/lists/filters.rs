//! Filters: every list, with random filters over random rows, has the rows that a model of the same rows has.

use serde_json::{Value, json};

use super::{
    model::Model,
    rows,
    trees::{Schema, Trees},
};
use crate::support::{Actor, Chance, World, on_both};

on_both!(
    partners,
    accounts,
    internal_contacts,
    assignments,
    account_contacts,
    contact_types,
    custom_fields,
    organization_contacts,
    contacts,
    changes,
    nested_lists,
);

/// How many filters each list is asked for.
const FILTERS: usize = 300;

/// Random rows in both organizations, and the model of those that a reader sees.
pub(super) async fn filled(world: &World, chance: &mut Chance) -> Model {
    rows::fill(&world.rows(), chance).await;
    rows::fill(&world.other_rows(), chance).await;
    Model::of(&world.rows()).await
}

async fn partners(world: World) {
    assert_filtered(world, "Partner", "partners", "id").await;
}

async fn accounts(world: World) {
    assert_filtered(world, "Account", "accounts", "id").await;
}

async fn internal_contacts(world: World) {
    assert_filtered(world, "InternalContact", "internalContacts", "id").await;
}

async fn assignments(world: World) {
    assert_filtered(world, "InternalContactAssignment", "internalContactAssignments", "id").await;
}

async fn account_contacts(world: World) {
    assert_filtered(world, "AccountContact", "accountContacts", "id").await;
}

async fn contact_types(world: World) {
    assert_filtered(world, "ContactType", "contactTypes", "id").await;
}

async fn custom_fields(world: World) {
    assert_filtered(world, "CustomField", "customFields", "id").await;
}

async fn organization_contacts(world: World) {
    assert_filtered(world, "OrganizationContact", "organizationContacts", "id").await;
}

async fn contacts(world: World) {
    assert_filtered(world, "Contact", "contacts", "id").await;
}

async fn changes(world: World) {
    assert_filtered(world, "Change", "changes", "seq").await;
}

/// The same gateway, which takes filters of any cost: random ones look into related rows more often than clients do.
pub(super) async fn unlimited(world: World) -> World {
    world.restarted(|config| config.limits.cost = 1_000_000_000).await
}

async fn assert_filtered(world: World, kind: &str, list: &str, key: &str) {
    let world = unlimited(world).await;
    let mut chance = Chance::seeded(FILTERS as u64);
    let model = filled(&world, &mut chance).await;
    let (schema, reader) = (Schema::read(), world.reader());
    let mut trees = Trees::new(&schema, &model, &mut chance);
    let all = model.list(kind, &json!({ "and": [] }), &Value::Null).len();
    let mut telling = 0;
    for _ in 0..FILTERS {
        let filter = trees.filter(kind);
        let expected = model.list(kind, &filter, &Value::Null);
        let found = asked(&reader, (kind, list, key), &filter).await;
        let page = expected.iter().take(100).cloned().collect();
        assert_eq!(found, (page, expected.len()), "{kind} {filter}");
        telling += usize::from(!expected.is_empty() && expected.len() < all);
    }
    assert!(telling > FILTERS / 5, "only {telling} of {FILTERS} filters selected some rows but not all");
    assert_eq!(trees.unused(kind), [""; 0], "never filtered by");
}

/// The keys of a list with this filter, and their number as the gateway counts them.
async fn asked(
    reader: &Actor,
    (kind, list, key): (&str, &str, &str),
    filter: &Value,
) -> (Vec<String>, usize) {
    let document = format!(
        "query($filter: {kind}Filter) {{ {list}(first: 100, filter: $filter) {{ totalCount nodes {{ {key} }} }} }}"
    );
    let reply = reader.graphql(&document, json!({ "filter": filter })).await;
    assert!(reply.body.get("errors").is_none(), "{filter}: {}", reply.body);
    keys(reply.data(&format!("/{list}")), key)
}

/// The keys of a connection's rows, and their number as the gateway counts them.
fn keys(connection: &Value, key: &str) -> (Vec<String>, usize) {
    let nodes = connection["nodes"].as_array().expect("nodes").iter();
    let keys = nodes.map(|node| match &node[key] {
        Value::String(id) => id.clone(),
        number => number.to_string(),
    });
    let total = connection["totalCount"].as_u64().expect("a number");
    (keys.collect(), usize::try_from(total).expect("a small number"))
}

/// A list, the type of its rows, the list below each of them, and the type of its rows.
const NESTED: [(&str, &str, &str, &str); 6] = [
    ("partners", "Partner", "assignments", "InternalContactAssignment"),
    ("partners", "Partner", "internalContacts", "InternalContact"),
    ("internalContacts", "InternalContact", "assignments", "InternalContactAssignment"),
    ("internalContacts", "InternalContact", "partners", "Partner"),
    ("accounts", "Account", "contacts", "AccountContact"),
    ("accountContacts", "AccountContact", "accounts", "Account"),
];

async fn nested_lists(world: World) {
    let world = unlimited(world).await;
    let mut chance = Chance::seeded(6);
    let model = filled(&world, &mut chance).await;
    let (schema, reader) = (Schema::read(), world.reader());
    let mut trees = Trees::new(&schema, &model, &mut chance);
    for (list, kind, field, of) in NESTED {
        let document = format!(
            "query($filter: {of}Filter) {{ {list}(first: 100) {{ nodes {{
                id {field}(first: 100, filter: $filter) {{ totalCount nodes {{ id }} }}
            }} }} }}"
        );
        for _ in 0..FILTERS / 10 {
            let filter = trees.filter(of);
            let request = reader.graphql(&document, json!({ "filter": filter }));
            let (reply, statements) = world.statements(request).await;
            assert!(reply.body.get("errors").is_none(), "{filter}: {}", reply.body);
            let nodes = reply.list(&format!("/{list}/nodes"));
            assert_eq!(nodes.len(), model.list(kind, &json!({}), &Value::Null).len());
            for node in nodes {
                let id = node["id"].as_str().expect("an id");
                let expected = model.nested(id, field, &filter, &Value::Null);
                let expected = (expected.clone(), expected.len());
                assert_eq!(keys(&node[field], "id"), expected, "{field} of {id} {filter}");
            }
            // The parents, the children of all of them, and their numbers; and custom fields that the filter names.
            let fields = usize::from(filter.to_string().contains("customFieldValues"));
            assert_eq!(statements.len(), 3 + fields, "{filter}: {statements:#?}");
        }
    }
}
