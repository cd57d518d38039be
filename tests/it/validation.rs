//! The specification's rules over HTTP: rejected documents and variables with their locations, and empty selections.
//! `src/graphql/document/tests/validation.rs` has the rules one by one.

use contact_gateway::entity::internal_contact_assignment::InternalRole;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Reply, World, on_both};

on_both!(
    fields_that_cannot_be_merged_are_refused_at_both,
    the_same_shape_on_types_that_exclude_each_other_is_allowed,
    whole_numbers_are_integers_however_they_are_written,
    mismatches_are_found_before_execution,
    an_empty_operation_name_is_none,
    introspection_follows_the_specification,
    objects_of_which_nothing_is_selected_are_empty,
);

async fn fields_that_cannot_be_merged_are_refused_at_both(world: World) {
    let partner = world.rows().partner("Globex", Some("r")).await;
    let id = partner.id.to_string();
    for (what, document) in [
        ("different fields", "{ partner(id: $id) { x: createdAt x: updatedAt } }"),
        (
            "in a fragment",
            "{ partner(id: $id) { x: createdAt ...F } } fragment F on Partner { x: updatedAt }",
        ),
        (
            "in an inline fragment on the interface",
            "{ node(id: $id) { ... on Partner { x: id } ... on Node { x: __typename } } }",
        ),
        ("below a repeated parent", "{ partner(id: $id) { x: name } partner(id: $id) { x: remoteId } }"),
        ("different arguments", "{ partner(id: $id) { name } partner(id: \"ptn_2\") { name } }"),
        ("lists of different lengths", "{ nodes(ids: [$id]) { id } nodes(ids: [$id, $id]) { id } }"),
        (
            "an object and a scalar",
            "{ node(id: $id) { ... on Partner { x: name } ... on Account { x: contacts { totalCount } } } }",
        ),
    ] {
        let document = document.replace("$id", &format!("\"{id}\""));
        let reply = world.reader().query(&document).await;
        assert_eq!(reply.errors(), ["GRAPHQL_VALIDATION_FAILED"], "{what}: {}", reply.body);
        assert_eq!(reply.body.get("data"), None, "{what}");
        let locations = reply.body["errors"][0]["locations"].as_array().expect("locations");
        assert_eq!(locations.len(), 2, "{what}: {}", reply.body);
        assert!(locations[0]["column"].as_u64() < locations[1]["column"].as_u64(), "{what}: {}", reply.body);
    }
}

async fn the_same_shape_on_types_that_exclude_each_other_is_allowed(world: World) {
    let rows = world.rows();
    let (partner, account) = (rows.partner("Globex", None).await, rows.account("Initech").await);
    let document = "query($ids: [ID!]!) { nodes(ids: $ids) {
        ... on Partner { x: name ... on Node { id } y: assignments(first: 1) { totalCount } }
        ... on Account { x: name y: contacts(first: 2) { totalCount } }
    } }";
    let ids = json!({ "ids": [partner.id.to_string(), account.id.to_string()] });
    let reply = world.reader().graphql(document, ids).await;
    assert_eq!(reply.errors(), [""; 0]);
    let names: Vec<&Value> = reply.list("/nodes").iter().map(|node| &node["x"]).collect();
    assert_eq!(names, ["Globex", "Initech"]);
    let document = document.replace("x: name y: contacts", "x: version y: contacts");
    assert_eq!(world.reader().query(&document).await.errors(), ["GRAPHQL_VALIDATION_FAILED"]);
}

async fn whole_numbers_are_integers_however_they_are_written(world: World) {
    for name in ["A", "B", "C"] {
        world.rows().partner(name, None).await;
    }
    let document = "query($first: Int) { partners(first: $first) { nodes { name } } }";
    for first in ["2", "2.0", "2e0", "20.0e-1"] {
        let body = format!("{{\"query\":{},\"variables\":{{\"first\":{first}}}}}", json!(document));
        let request = world.reader().request(Method::POST, "/graphql");
        let reply = Reply::of(request.header("content-type", "application/json").body(body)).await;
        assert_eq!(reply.errors(), [""; 0], "{first}");
        assert_eq!(reply.list("/partners/nodes").len(), 2, "{first}");
    }
    for first in [json!(2.5), json!("2"), json!(2_147_483_648.0), json!(1e300), json!([2])] {
        let reply = world.reader().graphql(document, json!({ "first": first })).await;
        assert_eq!(reply.errors(), ["GRAPHQL_VALIDATION_FAILED"], "{first}");
        assert_eq!(reply.body["errors"][0]["extensions"]["argument"], json!(["first"]), "{first}");
    }
}

async fn mismatches_are_found_before_execution(world: World) {
    let create = "a: createPartner(input: { name: \"Globex\" }) { partner { id } }";
    for (declared, second, variables, argument) in [
        ("$n: String", "input: { name: $n }", json!({ "n": "A" }), json!(["input", "name"])),
        ("$n: String = null", "input: { name: $n }", json!({ "n": "A" }), json!(["input", "name"])),
        ("$i: CreatePartnerInput!", "input: $i", json!({ "i": {} }), json!(["input", "name"])),
        ("$i: CreatePartnerInput!", "input: $i", json!({ "i": { "name": 7 } }), json!(["input", "name"])),
        ("$i: CreatePartnerInput!", "input: $i", json!({ "i": { "nom": "A" } }), json!(["input", "name"])),
        (
            "$i: CreatePartnerInput!",
            "input: $i",
            json!({ "i": { "name": "A", "nom": "B" } }),
            json!(["input", "nom"]),
        ),
        ("$n: String!", "input: { name: $n, name: $n }", json!({ "n": "A" }), json!(["input"])),
    ] {
        let document =
            format!("mutation({declared}) {{ {create} b: createPartner({second}) {{ partner {{ id }} }} }}");
        let reply = world.nothing_written(world.writer().graphql(&document, variables.clone())).await;
        assert_eq!(reply.errors(), ["GRAPHQL_VALIDATION_FAILED"], "{document} {variables}");
        assert_eq!(reply.body["errors"][0]["extensions"]["argument"], argument, "{document} {variables}");
    }
    let secret = json!({ "i": { "name": { "secret": "the secret" } } });
    let document = "mutation($i: CreatePartnerInput!) { createPartner(input: $i) { partner { id } } }";
    let reply = world.nothing_written(world.writer().graphql(document, secret)).await;
    assert!(!reply.body.to_string().contains("secret"), "{}", reply.body);
}

async fn an_empty_operation_name_is_none(world: World) {
    for body in [
        json!({ "query": "{ viewer { subject } }", "operationName": "" }),
        json!({ "query": "query Q { viewer { subject } }", "operationName": "" }),
        json!({ "query": "query Q { viewer { subject } }", "operationName": null }),
    ] {
        let reply = Reply::of(world.reader().request(Method::POST, "/graphql").json(&body)).await;
        assert_eq!(reply.text("/viewer/subject"), "reader", "{body}");
    }
    let body = json!({ "query": "query A { __typename } query B { __typename }", "operationName": "" });
    let reply = Reply::of(world.reader().request(Method::POST, "/graphql").json(&body)).await;
    assert_eq!(reply.errors(), ["BAD_REQUEST"]);
}

async fn introspection_follows_the_specification(world: World) {
    let reply = world
        .reader()
        .query(
            "query($kind: String = \"ContactKind\") {
                contact: __type(name: \"Contact\") { name interfaces { name kind } possibleTypes { name } }
                ...F
                viewer { subject }
                __schema { description queryType { name } }
            }
            fragment F on Query {
                kind: __type(name: $kind) { oneOf: isOneOf interfaces { name } enumValues { name } }
                input: __type(name: \"PartnerFilter\") { oneOf: isOneOf }
                hidden: __type(name: \"_Entity\") { name }
            }",
        )
        .await;
    assert_eq!(reply.errors(), [""; 0]);
    assert_eq!(reply.data("/contact/interfaces"), &json!([{ "name": "Node", "kind": "INTERFACE" }]));
    assert_eq!(reply.list("/contact/possibleTypes").len(), 3);
    let values = json!([{ "name": "INTERNAL" }, { "name": "ACCOUNT" }, { "name": "ORGANIZATION" }]);
    assert_eq!(reply.data("/kind"), &json!({ "oneOf": null, "interfaces": null, "enumValues": values }));
    assert_eq!(reply.data("/input"), &json!({ "oneOf": false }));
    assert_eq!(reply.data("/hidden"), &Value::Null);
    assert_eq!(reply.text("/viewer/subject"), "reader");
    assert_eq!(reply.text("/__schema/queryType/name"), "Query");
    let keys: Vec<&String> = reply.data("").as_object().expect("an object").keys().collect();
    assert_eq!(keys.len(), 6, "{keys:?}");
}

async fn objects_of_which_nothing_is_selected_are_empty(world: World) {
    let rows = world.rows();
    let partner = rows.partner("Globex", None).await;
    rows.assignment("ada@example.com", InternalRole::Lead, &partner).await;
    let id = partner.id.to_string();
    for (document, expected) in [
        ("{ viewer { subject @skip(if: true) } }", json!({ "viewer": {} })),
        ("{ viewer @skip(if: true) { subject } }", json!({})),
        ("{ viewer { ... @include(if: false) { subject } } }", json!({ "viewer": {} })),
        ("{ viewer { ...F } } fragment F on Viewer { subject @skip(if: true) }", json!({ "viewer": {} })),
        ("{ viewer { __typename @skip(if: true) } __typename @include(if: false) }", json!({ "viewer": {} })),
        ("{ contacts { nodes { ... on AccountContact { id } } } }", json!({ "contacts": { "nodes": [{}] } })),
        ("{ partners { nodes @skip(if: true) { id } } }", json!({ "partners": {} })),
        ("{ partner(id: \"ID\") { name @skip(if: true) } }", json!({ "partner": {} })),
        ("{ partner(id: \"ptn_1\") { name @skip(if: true) } }", json!({ "partner": null })),
        (
            "{ partner(id: \"ID\") { assignments { nodes { partner { name @skip(if: true) } } } } }",
            json!({ "partner": { "assignments": { "nodes": [{ "partner": {} }] } } }),
        ),
    ] {
        let reply = world.reader().query(&document.replace("ID", &id)).await;
        assert_eq!(reply.body.get("errors").filter(|_| !document.contains("ptn_1")), None, "{}", reply.body);
        assert_eq!(reply.body["data"], expected, "{document}");
    }
    let payload = "mutation { createPartner(input: { name: \"A\" }) { partner { id @skip(if: true) } } }";
    let reply = world.writer().query(payload).await;
    assert_eq!(reply.body["data"], json!({ "createPartner": { "partner": {} } }));
}
