//! Responses: its fields in the order of the document, null where a field failed, and nothing more about an
//! error than clients may know.

use contact_gateway::entity::internal_contact_assignment::InternalRole;
use reqwest::Method;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::support::{World, on_both};

on_both!(
    fields_come_in_the_order_of_the_document,
    fields_of_one_name_are_merged,
    scalars_are_written_as_they_are,
    a_failed_field_is_null,
    a_failed_field_that_cannot_be_null_takes_its_parent_along,
    mutations_before_and_after_a_failed_one_are_told,
    at_most_ten_errors_are_told,
    what_was_not_executed_has_no_data,
    a_failed_field_of_an_interface_is_null,
);

/// The body as it stands, whose order a parser would lose.
async fn body(world: &World, document: &str) -> String {
    let request = world.reader().request(Method::POST, "/graphql").json(&json!({ "query": document }));
    request.send().await.expect("an answer").text().await.expect("a body")
}

async fn fields_come_in_the_order_of_the_document(world: World) {
    let rows = world.rows();
    let partner = rows.partner("Globex", None).await;
    rows.assignment("ada@example.com", InternalRole::Lead, &partner).await;
    for (document, expected) in [
        (
            "{ viewer { organization { name } subject } }",
            r#"{"data":{"viewer":{"organization":{"name":"Home"},"subject":"reader"}}}"#,
        ),
        (
            "{ partners { nodes { assignments { nodes { partner { name } internalRole } } name } } viewer { subject } }",
            r#"{"data":{"partners":{"nodes":[{"assignments":{"nodes":[{"partner":{"name":"Globex"},"internalRole":"LEAD"}]},"name":"Globex"}]},"viewer":{"subject":"reader"}}}"#,
        ),
        (
            "{ __typename z: viewer { __typename b: subject a: subject } a: organization { name } }",
            r#"{"data":{"__typename":"Query","z":{"__typename":"Viewer","b":"reader","a":"reader"},"a":{"name":"Home"}}}"#,
        ),
        (
            "{ ...Second viewer { subject } ... { first: organization { name number } } }
             fragment Second on Query { second: organization { ...Names version } }
             fragment Names on Organization { number name }",
            r#"{"data":{"second":{"number":"1","name":"Home","version":1},"viewer":{"subject":"reader"},"first":{"name":"Home","number":"1"}}}"#,
        ),
        (
            "{ viewer { scopes @skip(if: true) organization @include(if: true) { name } ... @include(if: false) { scopes } subject } }",
            r#"{"data":{"viewer":{"organization":{"name":"Home"},"subject":"reader"}}}"#,
        ),
        (
            "{ partners { totalCount pageInfo { hasPreviousPage hasNextPage } edges { node { name } } nodes { name } } }",
            r#"{"data":{"partners":{"totalCount":1,"pageInfo":{"hasPreviousPage":false,"hasNextPage":false},"edges":[{"node":{"name":"Globex"}}],"nodes":[{"name":"Globex"}]}}}"#,
        ),
    ] {
        assert_eq!(body(&world, document).await, expected, "{document}");
    }
    let id = partner.id;
    let document = format!(
        "{{ node(id: \"{id}\") {{ ... on Account {{ domain: primaryDomain }} ... on Partner {{ name }} ... on Node {{ id }} __typename }} }}"
    );
    let expected = format!(r#"{{"data":{{"node":{{"name":"Globex","id":"{id}","__typename":"Partner"}}}}}}"#);
    assert_eq!(body(&world, &document).await, expected);
}

async fn fields_of_one_name_are_merged(world: World) {
    for (document, expected) in [
        (
            "{ viewer { subject } organization { name } viewer { organization { number } scopes } }",
            r#"{"data":{"viewer":{"subject":"reader","organization":{"number":"1"},"scopes":["contacts:read"]},"organization":{"name":"Home"}}}"#,
        ),
        (
            "{ viewer { organization { number } } ...More }
             fragment More on Query { viewer { subject organization { name ... { number } } } }",
            r#"{"data":{"viewer":{"organization":{"number":"1","name":"Home"},"subject":"reader"}}}"#,
        ),
        (
            "{ countries(first: 1) { nodes { isoCode } } ... { countries(first: 1) { nodes { id isoCode } } } }",
            r#"{"data":{"countries":{"nodes":[{"isoCode":"AF","id":"4"}]}}}"#,
        ),
        ("{ viewer { subject subject ... { subject } } }", r#"{"data":{"viewer":{"subject":"reader"}}}"#),
    ] {
        assert_eq!(body(&world, document).await, expected, "{document}");
    }
}

async fn scalars_are_written_as_they_are(world: World) {
    let name = "quote \" backslash \\ emoji 💥 script </script>";
    let partner = world.rows().partner(name, None).await;
    let document = format!("{{ partner(id: \"{}\") {{ name remoteId version createdAt }} }}", partner.id);
    let reply = world.reader().query(&document).await;
    assert_eq!(reply.text("/partner/name"), name);
    assert_eq!((reply.data("/partner/remoteId"), reply.data("/partner/version")), (&Value::Null, &json!(1)));
    let created = chrono::DateTime::parse_from_rfc3339(reply.text("/partner/createdAt")).expect("RFC 3339");
    assert_eq!(created, partner.created_at);
    assert!(reply.text("/partner/createdAt").ends_with('Z'));

    let metadata =
        json!({ "": [], "id": { "nodes": [1, 2.5, null, true, { "z": {} }] }, "text": "\u{1f4a5} \u{7}" });
    let input = json!({ "firstName": "Ada", "email": "ada@example.com", "metadata": metadata });
    let created = world.writer().mutate("createAccountContact", input, "accountContact { metadata }").await;
    assert_eq!(created.user_errors("createAccountContact"), [""; 0]);
    let reply = world.reader().query("{ accountContacts { nodes { metadata } } }").await;
    assert_eq!(reply.data("/accountContacts/nodes/0/metadata"), &metadata);
}

async fn a_failed_field_is_null(world: World) {
    for name in ["Globex", "Initech"] {
        world.rows().partner(name, None).await;
    }
    let reply = world
        .reader()
        .query("{ a: partners(first: 0) { nodes { id } } viewer { subject } b: partners { totalCount } }")
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.errors(), ["BAD_REQUEST a"]);
    assert_eq!(
        reply.body["data"],
        json!({ "a": null, "viewer": { "subject": "reader" }, "b": { "totalCount": 2 } })
    );

    let failing = "{ partners { nodes { name assignments(first: 0) { nodes { id } } } } }";
    let reply = world.reader().query(failing).await;
    let mut errors = reply.errors();
    errors.sort();
    assert_eq!(
        errors,
        ["BAD_REQUEST partners.nodes.0.assignments", "BAD_REQUEST partners.nodes.1.assignments"]
    );
    let nodes =
        json!([{ "name": "Globex", "assignments": null }, { "name": "Initech", "assignments": null }]);
    assert_eq!(reply.body["data"], json!({ "partners": { "nodes": nodes } }));
    assert_eq!(
        body(&world, failing).await.split(",\"errors\"").next(),
        Some(
            r#"{"data":{"partners":{"nodes":[{"name":"Globex","assignments":null},{"name":"Initech","assignments":null}]}}"#
        )
    );

    // Nothing but the failed field is selected.
    let reply = world
        .reader()
        .query("{ partners(first: 1) { nodes { a: assignments(first: 0) { nodes { id } } } } }")
        .await;
    assert_eq!(reply.body["data"], json!({ "partners": { "nodes": [{ "a": null }] } }));
    let reply = world.reader().query("{ partners(first: 0) { nodes { id } } }").await;
    assert_eq!(reply.body["data"], json!({ "partners": null }));
}

/// The database loses a table in the middle of the work.
async fn lose(world: &World, table: &str) {
    let sql = format!("ALTER TABLE \"{table}\" RENAME TO \"lost_{table}\"");
    world.db.connection().execute_unprepared(&sql).await.expect("a table to lose");
}

async fn a_failed_field_that_cannot_be_null_takes_its_parent_along(world: World) {
    let rows = world.rows();
    for name in ["Globex", "Initech"] {
        let partner = rows.partner(name, None).await;
        rows.assignment("ada@example.com", InternalRole::Lead, &partner).await;
        rows.assignment("grace@example.com", InternalRole::Csm, &partner).await;
    }
    rows.account_contact("contact@example.com", &[]).await;
    lose(&world, "internal_contact").await;
    lose(&world, "contact_type").await;

    let document = "{
        partners { nodes { name assignments { totalCount nodes { internalRole internalContact { email } } } } }
        accountContacts { nodes { firstName contactType { name } } }
        internalContacts { nodes { id } }
        viewer { subject }
    }";
    let reply = world.reader().query(document).await;
    assert_eq!(reply.status, 200);
    let nodes =
        json!([{ "name": "Globex", "assignments": null }, { "name": "Initech", "assignments": null }]);
    let expected = json!({
        "partners": { "nodes": nodes },
        "accountContacts": null,
        "internalContacts": null,
        "viewer": { "subject": "reader" },
    });
    assert_eq!(reply.body["data"], expected);
    let errors = reply.errors();
    for path in [
        "partners.nodes.0.assignments.nodes.0.internalContact",
        "partners.nodes.1.assignments.nodes.0.internalContact",
        "accountContacts.nodes.0.contactType",
        "internalContacts",
    ] {
        assert!(errors.contains(&format!("INTERNAL {path}")), "{path}: {errors:#?}");
    }
    for error in reply.body["errors"].as_array().expect("errors") {
        assert_eq!(error["message"], "Internal error.");
        assert_eq!(error["extensions"]["requestId"], reply.headers["x-request-id"].to_str().expect("text"));
        let known: Vec<_> = error.as_object().expect("an error").keys().collect();
        assert_eq!(known, ["extensions", "locations", "message", "path"]);
    }
    let text = reply.body.to_string().to_ascii_lowercase();
    for secret in ["internal_contact", "select", "no such table", "relation", "sql", "does not exist"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

async fn mutations_before_and_after_a_failed_one_are_told(world: World) {
    lose(&world, "account").await;
    let document = "mutation {
        first: createPartner(input: { name: \"Globex\" }) { partner { name } }
        second: createAccount(input: { name: \"Initech\" }) { account { name } userErrors { code } }
        third: createPartner(input: { name: \"Hooli\" }) { partner { name } }
    }";
    let reply = world.writer().query(document).await;
    assert_eq!(reply.errors(), ["INTERNAL second"]);
    let made = |name: &str| json!({ "partner": { "name": name } });
    assert_eq!(
        reply.body["data"],
        json!({ "first": made("Globex"), "second": null, "third": made("Hooli") })
    );
    assert_eq!(world.count("partner").await, 2);
}

async fn at_most_ten_errors_are_told(world: World) {
    world.rows().partners_and_people(20, 1).await;
    let reply =
        world.reader().query("{ partners { nodes { name assignments(first: 0) { nodes { id } } } } }").await;
    assert_eq!(reply.errors().len(), 10);
    let nodes = reply.body["data"]["partners"]["nodes"].as_array().expect("nodes");
    assert_eq!(nodes.len(), 20);
    assert!(nodes.iter().all(|node| node.get("assignments") == Some(&Value::Null)), "{}", reply.body);

    let unknown: String = (0..20).map(|number| format!("unknown{number} ")).collect();
    let reply = world.reader().query(&format!("{{ {unknown} }}")).await;
    assert_eq!(reply.errors(), ["GRAPHQL_VALIDATION_FAILED"; 10]);
}

async fn what_was_not_executed_has_no_data(world: World) {
    for (document, code) in [
        ("", "GRAPHQL_PARSE_FAILED"),
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ viewer { subject } } }", "GRAPHQL_PARSE_FAILED"),
        ("fragment F on Query { __typename }", "GRAPHQL_PARSE_FAILED"),
        ("type Query { a: Int }", "GRAPHQL_PARSE_FAILED"),
        ("{ nobody }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ viewer }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ viewer { subject { name } } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ partner { id } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ partners(first: \"1\") { nodes { id } } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ partners(count: 1) { nodes { id } } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ ...F } fragment F on Query { ...F }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ ...F }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ viewer { subject @unknown } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ a: viewer { subject } a: organization { id } }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { contactChanged { cursor } }", "BAD_REQUEST"),
    ] {
        let reply = world.reader().query(document).await;
        assert_eq!(reply.body.get("data"), None, "{document}");
        let errors = reply.errors();
        assert_eq!(errors.first().map(String::as_str), Some(code), "{document}: {}", reply.body);
        for error in reply.body["errors"].as_array().expect("errors") {
            assert!(!error["message"].as_str().expect("a message").is_empty());
            assert!(
                error["message"].as_str().is_some_and(|message| !message.contains("-->")),
                "{}",
                reply.body
            );
        }
    }
}

async fn a_failed_field_of_an_interface_is_null(world: World) {
    world.rows().internal_contact("ada@example.com", InternalRole::Lead).await;
    let document = "{ contacts { nodes { __typename email history(first: 0) { totalCount } } } }";
    let reply = world.reader().query(document).await;
    assert_eq!(reply.errors(), ["BAD_REQUEST contacts.nodes.0.history"]);
    let expected = json!([{ "__typename": "InternalContact", "email": "ada@example.com", "history": null }]);
    assert_eq!(reply.body["data"]["contacts"]["nodes"], expected);
}
