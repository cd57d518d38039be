//! The number of SQL statements of a query: one for each list and each kind of row, whatever the number of rows.
//!
//! Every document reads `$first` rows of a list at its root and ends in fields called `leaf`, so that a test knows that
//! everything asked for came back.

use contact_gateway::entity::{
    custom_field::FieldType, custom_field_value, id::AccountContactId,
    internal_contact_assignment::InternalRole, organization_contact::OrganizationContactType,
};
use contact_gateway::service::organization_contact::Card;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use serde_json::{Value, json};

use crate::support::{Reply, World, on_both};

on_both!(
    partners_and_their_people,
    the_same_field_from_several_places_is_read_once,
    arguments_are_seen_ahead,
    counting_is_one_more_statement,
    account_contacts_and_their_accounts,
    rows_of_the_organization,
    each_parent_has_a_page_of_its_own,
    a_hundred_nodes,
    single_rows,
);

/// The sizes of the page at the root.
const SIZES: [usize; 4] = [5, 10, 50, 100];
/// How many children each of the hundred rows has.
const EACH: usize = 5;

/// A document, the number of statements that it takes, and how many leaves it has for each row at its root.
type Case = (&'static str, usize, usize);

async fn assert_costs(world: &World, cases: &[Case]) {
    for (selection, expected, leaves) in cases {
        for first in SIZES {
            let document = format!("query($first: Int!) {{ {selection} }}");
            let request = world.reader();
            let request = request.graphql(&document, json!({ "first": first }));
            let (reply, statements) = world.statements(request).await;
            assert_eq!(count_leaves(reply.data("")), first * leaves, "{first} rows of {selection}");
            assert_eq!(statements.len(), *expected, "{first} rows of {selection}: {statements:#?}");
        }
    }
}

fn count_leaves(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(count_leaves).sum(),
        Value::Object(fields) => {
            let here = fields.get("leaf").is_some_and(|leaf| !leaf.is_null());
            usize::from(here) + fields.values().map(count_leaves).sum::<usize>()
        }
        _ => 0,
    }
}

async fn partners_and_their_people(world: World) {
    world.rows().partners_and_people(100, EACH).await;
    assert_costs(&world, &[
        (
            "partners(first: $first) { nodes { assignments { nodes { internalContact { leaf: email } } } } }",
            3,
            EACH,
        ),
        (
            "partners(first: $first) { edges { node {
                assignments { edges { cursor node { internalContact { leaf: email } } } pageInfo { endCursor } }
            } } }",
            3,
            EACH,
        ),
        (
            "internalContacts(first: $first) { nodes { assignments { nodes { partner { leaf: name } } } } }",
            3,
            EACH,
        ),
        ("partners(first: $first) { nodes { internalContacts { nodes { leaf: email } } } }", 2, EACH),
        ("internalContacts(first: $first) { nodes { partners { nodes { leaf: name } } } }", 2, EACH),
        (
            "internalContactAssignments(first: $first) {
                nodes { internalContact { leaf: email } partner { leaf: name } }
            }",
            3,
            2,
        ),
        (
            "partners(first: $first) { nodes { assignments { nodes { internalContact {
                assignments { nodes { partner { leaf: name } } }
            } } } } }",
            5,
            EACH * EACH,
        ),
    ])
    .await;
}

async fn the_same_field_from_several_places_is_read_once(world: World) {
    world.rows().partners_and_people(100, EACH).await;
    assert_costs(
        &world,
        &[
            (
                "partners(first: $first) { nodes { ...Card } } }
             fragment Card on Partner { ... { assignments { nodes { ...Holder } } } }
             fragment Holder on InternalContactAssignment {
                ... on Node { ... on InternalContactAssignment { internalContact { leaf: email } } }",
                3,
                EACH,
            ),
            (
                "partners(first: $first) { nodes { ...Ids ...People } } }
             fragment Ids on Partner { assignments { nodes { id } } }
             fragment People on Partner { assignments { nodes { internalContact { leaf: email } } }",
                3,
                EACH,
            ),
            (
                "partners(first: $first) {
                nodes { assignments { nodes { internalContact { leaf: email } } } }
                edges { node { assignments { nodes { internalContact { leaf: email } } } } }
            }",
                3,
                2 * EACH,
            ),
            (
                "partners(first: $first) { nodes {
                one: assignments { nodes { leaf: id } }
                two: assignments { nodes { leaf: id } }
            } }",
                2,
                2 * EACH,
            ),
        ],
    )
    .await;
}

async fn arguments_are_seen_ahead(world: World) {
    world.rows().partners_and_people(100, EACH).await;
    assert_costs(&world, &[
        (
            "partners(first: $first) { nodes {
                two: assignments(first: 2) { nodes { leaf: id } }
                leads: assignments(role: LEAD) { nodes { leaf: id } }
            } }",
            3,
            2 + EACH,
        ),
        (
            "partners(first: $first) { nodes { assignments(role: CSM) { nodes { leaf: id } } } }",
            2,
            0,
        ),
        (
            "partners(first: $first) { nodes { assignments @include(if: false) { nodes { leaf: id } } } }",
            1,
            0,
        ),
        (
            "partners(first: $first) { nodes { ... @skip(if: true) { assignments { nodes { leaf: id } } } } }",
            1,
            0,
        ),
    ])
    .await;

    let document = "query($few: Int, $role: InternalRole = LEAD, $absent: String) {
        partners(first: 100) { nodes { assignments(first: $few, role: $role, after: $absent) { nodes { leaf: id } } } }
    }";
    let reader = world.reader();
    let request = reader.graphql(document, json!({ "few": 3 }));
    let (reply, statements) = world.statements(request).await;
    assert_eq!(count_leaves(reply.data("")), 300);
    assert_eq!(statements.len(), 2, "{statements:#?}");
}

async fn counting_is_one_more_statement(world: World) {
    world.rows().partners_and_people(100, EACH).await;
    assert_costs(
        &world,
        &[
            ("partners(first: $first) { totalCount nodes { leaf: name } }", 2, 1),
            ("partners(first: $first) { nodes { assignments { leaf: totalCount nodes { id } } } }", 3, 1),
            (
                "partners(first: $first) { nodes { assignments { leaf: totalCount nodes {
                internalContact { partners { leaf: totalCount nodes { leaf: name } } }
            } } } }",
                6,
                1 + EACH + EACH * EACH,
            ),
        ],
    )
    .await;
}

async fn account_contacts_and_their_accounts(world: World) {
    let (_, contacts) = world.rows().accounts_and_contacts(100, EACH).await;
    two_values_each(&world, &contacts).await;
    assert_costs(
        &world,
        &[
            ("accountContacts(first: $first) { nodes { accounts { nodes { leaf: name } } } }", 2, EACH),
            ("accounts(first: $first) { nodes { contacts { nodes { leaf: email } } } }", 2, EACH),
            (
                "accountContacts(first: $first) { nodes {
                accounts { nodes { leaf: name } }
                contactType { leaf: name }
                customFieldValues { leaf: displayValue field { leaf: key } }
            } }",
                5,
                EACH + 1 + 4,
            ),
            // How a value is shown depends on its field.
            ("accountContacts(first: $first) { nodes { customFieldValues { leaf: displayValue } } }", 3, 2),
            (
                "accounts(first: $first) { edges { node { contacts { edges { node {
                contactType { leaf: name }
                customFieldValues { field { leaf: key } }
            } } } } } }",
                5,
                EACH * (1 + 2),
            ),
        ],
    )
    .await;
}

/// Gives each contact a value of each of two custom fields.
async fn two_values_each(world: &World, contacts: &[AccountContactId]) {
    let rows = world.rows();
    let now = rows.context().now;
    for key in ["size", "motto"] {
        let field = rows.custom_field(key, FieldType::Text, &[]).await;
        let values = contacts.iter().map(|contact| custom_field_value::Model {
            org_id: rows.organization,
            account_contact_id: *contact,
            custom_field_id: field.id,
            value: json!(key).into(),
            created_at: now,
            updated_at: now,
        });
        let values = values.map(|value| value.into_active_model().reset_all());
        let insert = custom_field_value::Entity::insert_many(values);
        insert.exec_without_returning(world.db.connection()).await.expect("values");
    }
}

async fn rows_of_the_organization(world: World) {
    world.rows().partners_and_people(100, EACH).await;
    assert_costs(
        &world,
        &[(
            "organization { partners(first: $first) {
                nodes { assignments { nodes { internalContact { leaf: email } } } }
            } }",
            4,
            EACH,
        )],
    )
    .await;

    for _ in 0..5 {
        world.rows().organization_contact(OrganizationContactType::Technical, Card::default()).await;
    }
    for first in [1, 5] {
        let document = "query($first: Int) { organizationContacts(first: $first) { nodes { organization { leaf: name } } } }";
        let reader = world.reader();
        let (reply, statements) = world.statements(reader.graphql(document, json!({ "first": first }))).await;
        assert_eq!(count_leaves(reply.data("")), first);
        assert_eq!(statements.len(), 2, "{statements:#?}");
    }
}

async fn each_parent_has_a_page_of_its_own(world: World) {
    let rows = world.rows();
    rows.partners_and_people(47, EACH).await;
    rows.partner("Without", None).await;
    for (name, people) in [("With one", 1), ("With two", 2)] {
        let partner = rows.partner(name, None).await;
        for number in 0..people {
            rows.assignment(&format!("person{number}@example.com"), InternalRole::Csm, &partner).await;
        }
    }
    for (window, backward) in [("first: 2", false), ("last: 2", true)] {
        let document = format!(
            "{{ partners(first: 50) {{ nodes {{
                all: assignments {{ edges {{ cursor node {{ id }} }} }}
                two: assignments({window}) {{
                    nodes {{ id }}
                    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
                }}
            }} }} }}"
        );
        let (reply, statements) = world.statements(world.reader().query(&document)).await;
        let lists = statements.iter().filter(|sql| sql.contains("FROM \"internal_contact_assignment\""));
        assert_eq!((statements.len(), lists.count()), (3, 2), "{statements:#?}");
        let partners = reply.list("/partners/nodes");
        assert_eq!(partners.len(), 50);
        partners.iter().for_each(|partner| assert_two(partner, backward));
    }
}

/// The two assignments of a partner are the first or the last of all that it has.
fn assert_two(partner: &Value, backward: bool) {
    let all = partner["all"]["edges"].as_array().expect("edges");
    let two = if backward { &all[all.len().saturating_sub(2)..] } else { &all[..all.len().min(2)] };
    let ids: Vec<_> = two.iter().map(|edge| json!({ "id": edge["node"]["id"] })).collect();
    assert_eq!(partner["two"]["nodes"], json!(ids));
    let more = all.len() > 2;
    let cursor = |edge: Option<&Value>| edge.map_or(Value::Null, |edge| edge["cursor"].clone());
    let page_info = json!({
        "hasNextPage": more && !backward,
        "hasPreviousPage": more && backward,
        "startCursor": cursor(two.first()),
        "endCursor": cursor(two.last()),
    });
    assert_eq!(partner["two"]["pageInfo"], page_info);
}

async fn a_hundred_nodes(world: World) {
    let (partners, _) = world.rows().partners_and_people(100, EACH).await;
    let ids: Vec<String> = partners.iter().rev().map(ToString::to_string).collect();
    let nodes = async |selection: &str| {
        let document = format!("query($ids: [ID!]!) {{ nodes(ids: $ids) {{ id {selection} }} }}");
        let reader = world.reader();
        let (reply, statements) = world.statements(reader.graphql(&document, json!({ "ids": ids }))).await;
        let read: Vec<_> = reply.list("/nodes").iter().map(|node| node["id"].clone()).collect();
        assert_eq!(json!(read), json!(ids));
        (count_leaves(reply.data("/nodes")), statements.len())
    };
    assert_eq!(nodes("").await, (0, 1));
    assert_eq!(nodes("... on Partner { leaf: name }").await, (100, 1));
    let nested = "... on Partner { assignments { nodes { internalContact { leaf: email } } } }";
    assert_eq!(nodes(nested).await, (500, 3));
}

async fn single_rows(world: World) {
    let (partners, people) = world.rows().partners_and_people(10, EACH).await;
    let (accounts, contacts) = world.rows().accounts_and_contacts(10, EACH).await;
    two_values_each(&world, &contacts).await;
    let (partner, person, account, contact) = (partners[0], people[0], accounts[0], contacts[0]);
    let assignment =
        any_assignment(&world.reader().query("{ internalContactAssignments { nodes { id } } }").await);
    for (field, selection, expected, leaves) in [
        ("partner", "assignments { nodes { internalContact { leaf: email } } }", 3, EACH),
        ("internalContact", "assignments { nodes { partner { leaf: name } } }", 3, EACH),
        ("internalContactAssignment", "internalContact { leaf: email } partner { leaf: name }", 3, 2),
        ("account", "contacts { nodes { leaf: email contactType { leaf: name } } }", 3, 2 * EACH),
        (
            "accountContact",
            "accounts { nodes { leaf: name } } contactType { leaf: name } customFieldValues { field { leaf: key } }",
            5,
            EACH + 3,
        ),
        ("partner", "leaf: name", 1, 1),
        ("node", "... on Partner { assignments { nodes { internalContact { leaf: email } } } }", 3, EACH),
    ] {
        let id = match field {
            "internalContact" => person.to_string(),
            "internalContactAssignment" => assignment.clone(),
            "account" => account.to_string(),
            "accountContact" => contact.to_string(),
            _ => partner.to_string(),
        };
        let document = format!("{{ {field}(id: \"{id}\") {{ id {selection} }} }}");
        let (reply, statements) = world.statements(world.reader().query(&document)).await;
        assert_eq!(count_leaves(reply.data("")), leaves, "{document}");
        assert_eq!(statements.len(), expected, "{document}: {statements:#?}");
    }
    let viewer = "{ viewer { subject scopes organization { name } } }";
    let (_, statements) = world.statements(world.reader().query(viewer)).await;
    assert_eq!(statements.len(), 1, "{statements:#?}");
}

fn any_assignment(reply: &Reply) -> String {
    reply.text("/internalContactAssignments/nodes/0/id").to_owned()
}
