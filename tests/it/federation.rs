//! The gateway as a subgraph of Apollo Federation. That its schema composes with another's is shown in tests/clients.

use contact_gateway::{
    entity::{
        custom_field::FieldType, internal_contact_assignment::InternalRole::Lead,
        organization_contact::OrganizationContactType,
    },
    graphql::{federation::subgraph_sdl, sdl},
    service::organization_contact::Card,
};
use serde_json::{Value, json};

use crate::support::{Actor, Rows, World, on_both};

on_both!(
    every_kind_of_entity_is_found_by_its_id,
    a_hundred_of_a_type_are_one_statement,
    what_is_out_of_reach_is_null,
    what_is_no_representation_is_refused,
    representations_cost_what_is_selected_on_each,
    the_schema_for_routers_is_introspection,
);

const ENTITIES: &str =
    "query($of: [_Any!]!) { _entities(representations: $of) { __typename ... on Node { id } } }";

/// One of each type in an organization: the names of the types and the ids.
async fn one_of_each(rows: &Rows) -> Vec<(&'static str, String)> {
    let account = rows.account("Vandelay").await;
    let partner = rows.partner("Globex", None).await;
    let assigned = rows.assignment("ada@example.com", Lead, &partner).await;
    let contact = rows.account_contact("grace@example.com", &[&account]).await;
    let field = rows.custom_field("budget", FieldType::Text, &[]).await;
    let card = rows.organization_contact(OrganizationContactType::Finance, Card::default()).await;
    vec![
        ("Organization", rows.organization.to_string()),
        ("Partner", partner.id.to_string()),
        ("InternalContact", assigned.contact.id.to_string()),
        ("InternalContactAssignment", assigned.assignment.id.to_string()),
        ("Account", account.id.to_string()),
        ("AccountContact", contact.id.to_string()),
        ("ContactType", rows.contact_type("Primary").await.id.to_string()),
        ("CustomField", field.id.to_string()),
        ("OrganizationContact", card.id.to_string()),
    ]
}

fn representations(of: &[(&str, String)]) -> Vec<Value> {
    of.iter().map(|(ty, id)| json!({ "__typename": ty, "id": id })).collect()
}

/// What `_entities` answers.
async fn asked(actor: &Actor, of: Value) -> Vec<Value> {
    actor.graphql(ENTITIES, json!({ "of": of })).await.list("/_entities").to_vec()
}

async fn every_kind_of_entity_is_found_by_its_id(world: World) {
    let mut each = one_of_each(&world.rows()).await;
    let keyed = subgraph_sdl().lines().filter(|line| line.ends_with("@key(fields: \"id\") {")).count();
    assert_eq!(keyed, each.len(), "an entity is missing here");
    assert_eq!(asked(&world.reader(), json!(representations(&each))).await, representations(&each));
    // In the order of the question, each as often as it is asked for.
    each.reverse();
    each.push(each[0].clone());
    assert_eq!(asked(&world.reader(), json!(representations(&each))).await, representations(&each));
}

async fn a_hundred_of_a_type_are_one_statement(world: World) {
    let rows = world.rows();
    let mut partners = Vec::new();
    for number in 0..100 {
        partners.push(("Partner", rows.partner(&format!("Partner {number}"), None).await.id.to_string()));
    }
    let document = "query($of: [_Any!]!) { _entities(representations: $of) { ... on Partner { id name } } }";
    let reader = world.reader();
    let variables = json!({ "of": representations(&partners) });
    let (reply, statements) = world.statements(reader.graphql(document, variables.clone())).await;
    assert_eq!(reply.list("/_entities").len(), 100);
    assert_eq!(reply.text("/_entities/99/name"), "Partner 99");
    assert_eq!(statements.len(), 1, "{statements:#?}");

    // And what is selected on them is one more for all of them.
    let document = "query($of: [_Any!]!) {
        _entities(representations: $of) { ... on Partner { assignments { nodes { id } } } }
    }";
    let (_, statements) = world.statements(reader.graphql(document, variables)).await;
    assert_eq!(statements.len(), 2, "{statements:#?}");
}

async fn what_is_out_of_reach_is_null(world: World) {
    let theirs = one_of_each(&world.other_rows()).await;
    let nothing = vec![Value::Null; theirs.len()];
    assert_eq!(asked(&world.reader(), json!(representations(&theirs))).await, nothing);

    // Ids of another type than `__typename` and texts that are no ids are null too.
    let partner = world.rows().partner("Globex", None).await.id.to_string();
    let of = json!([
        { "__typename": "Account", "id": partner },
        { "__typename": "Partner", "id": "ptn_nonsense" },
        { "__typename": "Partner", "id": partner, "name": "another subgraph's" },
    ]);
    let found = json!({ "__typename": "Partner", "id": partner });
    assert_eq!(asked(&world.reader(), of).await, [Value::Null, Value::Null, found]);

    let reply = world.anonymous().graphql(ENTITIES, json!({ "of": [] })).await;
    assert_eq!(reply.errors(), ["UNAUTHENTICATED"]);
}

async fn what_is_no_representation_is_refused(world: World) {
    for wrong in [
        json!("ptn_1"),
        json!({}),
        json!({ "__typename": "Partner" }),
        json!({ "__typename": "Partner", "id": 7 }),
        json!({ "__typename": "Query", "id": "x" }),
        json!({ "__typename": "Contact", "id": "x" }),
    ] {
        let of = json!([{ "__typename": "Partner", "id": "x" }, wrong]);
        let reply = world.reader().graphql(ENTITIES, json!({ "of": of })).await;
        let error = &reply.body["errors"][0];
        assert_eq!(error["extensions"]["code"], "BAD_REQUEST", "{error}");
        assert_eq!(error["extensions"]["argument"], json!(["representations", "1"]), "{error}");
    }
    let many: Vec<Value> = (0..1001).map(|_| json!({ "__typename": "Partner", "id": "x" })).collect();
    let reply = world.reader().graphql(ENTITIES, json!({ "of": many })).await;
    assert_eq!(reply.body["errors"][0]["extensions"]["argument"], json!(["representations"]));
}

async fn representations_cost_what_is_selected_on_each(world: World) {
    // A hundred pages of a hundred, of lists of a hundred.
    let document = "query($of: [_Any!]!) { _entities(representations: $of) { ... on Partner {
        assignments(first: 100) { nodes { internalContact { partners(first: 100) { nodes { id } } } } }
    } } }";
    let partner = |number: usize| json!({ "__typename": "Partner", "id": format!("ptn_{number}") });
    let few: Vec<Value> = (0..2).map(partner).collect();
    assert_eq!(world.reader().graphql(document, json!({ "of": few })).await.errors(), [""; 0]);
    let many: Vec<Value> = (0..100).map(partner).collect();
    let reply = world.reader().graphql(document, json!({ "of": many })).await;
    assert_eq!(reply.errors(), ["QUERY_TOO_COMPLEX"]);
}

async fn the_schema_for_routers_is_introspection(world: World) {
    let document = "{ _service { sdl } }";
    assert_eq!(world.reader().query(document).await.text("/_service/sdl"), subgraph_sdl());
    // It is the schema for clients, with directives; that one and introspection know nothing of routers.
    let plain = subgraph_sdl().replace(" @key(fields: \"id\")", "").replace(" @shareable", "");
    assert_eq!(plain.split_once("\n\n").expect("a link first").1, sdl());
    assert!(!sdl().contains("_entities") && !sdl().contains("_Any"));
    let fields = "{ __schema { queryType { fields { name } } types { name } } }";
    let shown = world.reader().query(fields).await.data("/__schema").to_string();
    assert!(shown.contains("\"partners\""), "{shown}");
    for name in ["_entities", "_service", "_Any", "_Entity", "_Service"] {
        assert!(!shown.contains(&format!("\"{name}\"")), "{name}");
    }

    let world = world.restarted(|config| config.http.introspection = false).await;
    let reply = world.reader().query(document).await;
    assert_eq!(reply.errors(), ["GRAPHQL_VALIDATION_FAILED"]);
    assert_eq!(asked(&world.reader(), json!([])).await, [Value::Null; 0]);
}
