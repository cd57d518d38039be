//! Stored JSON that cannot be read, written by hand or by an earlier version, fails its own field and nothing else.

use contact_gateway::entity::custom_field::FieldType;
use reqwest::Method;
use sea_orm::{ConnectionTrait, DbBackend};
use serde_json::{Value, json};

use super::{Exact, send};
use crate::{
    custom_field::field,
    mutation::done,
    support::{Reply, World, on_both},
};

on_both!(
    lists_go_on,
    the_contact_can_be_changed_deleted_merged_and_erased,
    a_bulk_write_refuses_it_alone,
    events_go_on,
    options_can_be_replaced,
);

/// A JSON text that the database takes and nothing else reads.
const UNREADABLE: &str = r#"{"n":1e400}"#;

/// Writes an unreadable value by hand into a column of the rows that meet the condition.
async fn spoil(world: &World, table: &str, column: &str, condition: &str, json: &str) {
    let sql = format!("UPDATE {table} SET {column} = '{json}' WHERE {condition}");
    let written = world.db.connection().execute_unprepared(&sql).await.expect("an update");
    assert!(written.rows_affected() > 0, "{sql}");
}

/// What a column without a check may hold on SQLite is no JSON at all.
fn anything(world: &World) -> &'static str {
    match world.db.connection().get_database_backend() {
        DbBackend::Sqlite => "neither {this nor that",
        _ => UNREADABLE,
    }
}

async fn contact(world: &World, email: &str, field: &Value) -> Value {
    let input = json!({
        "firstName": "Ada", "email": email, "metadata": { "n": 1 },
        "customFieldValues": [{ "customFieldId": field, "value": "L" }],
    });
    done(&world.writer(), "createAccountContact", input, "accountContact { id }").await["accountContact"]["id"].clone()
}

/// Two contacts with metadata, a value and a history, the first of which is unreadable in all three. Gives the field and
/// the contacts.
async fn two(world: &World) -> (Value, Value, Value) {
    let field = json!(field(&world.rows(), "size", FieldType::SingleChoice, false).await.to_string());
    let first = contact(world, "first@example.com", &field).await;
    let second = contact(world, "second@example.com", &field).await;
    spoil_metadata(world).await;
    let of_first = "account_contact_id = (SELECT id FROM account_contact WHERE email = 'first@example.com')";
    spoil(world, "custom_field_value", "value", of_first, anything(world)).await;
    let of_first = format!("entity_id = '{}'", first.as_str().expect("an id"));
    spoil(world, "change", "fields", &of_first, anything(world)).await;
    (field, first, second)
}

async fn spoil_metadata(world: &World) {
    spoil(world, "account_contact", "metadata", "email = 'first@example.com'", UNREADABLE).await;
}

const CONTACT: &str =
    "id metadata customFieldValues { value displayValue } history { totalCount nodes { action fields } }";

/// The paths of the errors, each of which has a code and tells what to do.
fn errors(reply: &Reply) -> Vec<String> {
    for error in reply.body["errors"].as_array().into_iter().flatten() {
        assert!(error["message"].as_str().is_some_and(|it| it.contains("cannot be read")), "{error}");
    }
    reply.errors()
}

async fn lists_go_on(world: World) {
    let (field, first, second) = two(&world).await;
    let reader = world.reader();
    let reply = reader.query(&format!("{{ accountContacts {{ nodes {{ {CONTACT} }} }} }}")).await;
    let at = |rest: &str| format!("INTERNAL accountContacts.nodes.0.{rest}");
    let mut expected = [
        at("metadata"),
        at("customFieldValues.0.value"),
        at("customFieldValues.0.displayValue"),
        at("history.nodes.0.fields"),
    ];
    expected.sort();
    let mut named = errors(&reply);
    named.sort();
    assert_eq!(named, expected);
    let change =
        |fields: Value| json!({ "totalCount": 1, "nodes": [{ "action": "CREATED", "fields": fields }] });
    let nodes = &reply.body["data"]["accountContacts"]["nodes"];
    let unreadable = json!({
        "id": first, "metadata": null, "customFieldValues": [{ "value": null, "displayValue": null }],
        "history": change(Value::Null),
    });
    assert_eq!(nodes[0], unreadable);
    assert_eq!(nodes[1]["metadata"], json!({ "n": 1 }));
    assert_eq!(nodes[1]["customFieldValues"], json!([{ "value": "L", "displayValue": "L" }]));
    assert_eq!(nodes[1]["history"]["nodes"][0]["fields"]["metadata"], json!({ "new": { "n": 1 } }));
    let reply = reader.query("{ changes(last: 2) { nodes { entityId fields } } }").await;
    assert_eq!(errors(&reply), ["INTERNAL changes.nodes.0.fields"]);
    let nodes = &reply.body["data"]["changes"]["nodes"];
    assert_eq!(nodes[0], json!({ "entityId": first, "fields": null }));
    assert_eq!((&nodes[1]["entityId"], nodes[1]["fields"].is_object()), (&second, true));
    // Conditions on values pass over it.
    for condition in [
        json!({ "eq": "L" }),
        json!({ "contains": "L" }),
        json!({ "startsWith": "L" }),
        json!({ "in": ["L"] }),
    ] {
        let mut condition = condition;
        condition["customFieldId"] = field.clone();
        let document = "query($of: [CustomFieldValueFilter!]) {
            accountContacts(filter: { customFieldValues: $of }) { nodes { id } } }";
        let reply = reader.graphql(document, json!({ "of": [condition] })).await;
        assert_eq!(*reply.data("/accountContacts/nodes"), json!([{ "id": second }]));
    }
    let (status, answer) = send(&reader, Method::GET, "/v1/accounts/contacts", String::new()).await;
    assert_eq!(status, 200, "{answer}");
    let answer = Exact::of(&answer);
    assert_eq!(*answer.at(&["0", "metadata"]), Exact::Null);
    assert_eq!(*answer.at(&["0", "customFields"]), Exact::List(Vec::new()));
    assert_eq!(*answer.at(&["1", "metadata"]), Exact::of(r#"{"n":1}"#));
}

async fn the_contact_can_be_changed_deleted_merged_and_erased(world: World) {
    let (field, first, second) = two(&world).await;
    let writer = world.writer();
    let id = json!({ "id": first });
    // What is not named stays, even if it cannot be read.
    let input = json!({ "id": first, "lastName": "Lovelace" });
    done(&writer, "updateAccountContact", input, "accountContact { version }").await;
    done(&writer, "deleteAccountContact", id.clone(), "accountContact { id }").await;
    done(&writer, "restoreAccountContact", id.clone(), "accountContact { id }").await;
    let reply = world.reader().query("{ accountContacts { nodes { metadata } } }").await;
    assert_eq!(errors(&reply), ["INTERNAL accountContacts.nodes.0.metadata"]);
    // A new value takes its place, and clearing it removes it.
    let cleared = json!({ "id": first, "metadata": { "n": 2 }, "customFieldValues": [{ "customFieldId": field, "value": null }] });
    let selection =
        "accountContact { metadata customFieldValues { value } history(last: 1) { nodes { fields } } }";
    let made = done(&writer, "updateAccountContact", cleared, selection).await;
    let contact = &made["accountContact"];
    assert_eq!((&contact["metadata"], &contact["customFieldValues"]), (&json!({ "n": 2 }), &json!([])));
    let changed = &contact["history"]["nodes"][0]["fields"];
    assert_eq!(changed["metadata"], json!({ "old": null, "new": { "n": 2 } }));
    assert_eq!(changed["customFieldValues"]["new"], json!({ (field.as_str().expect("an id")): null }));
    spoil_metadata(&world).await;
    let third = self::contact(&world, "third@example.com", &field).await;
    let merge = |survivor: &Value, merged: &Value| json!({ "survivorId": survivor, "mergedId": merged });
    done(&writer, "mergeContacts", merge(&first, &third), "contact { id }").await;
    done(&writer, "mergeContacts", merge(&second, &first), "contact { id }").await;
    done(&world.admin(), "eraseContact", json!({ "id": second }), "erasedId").await;
    assert_eq!(world.count("account_contact").await, 0);
}

async fn a_bulk_write_refuses_it_alone(world: World) {
    let (field, ..) = two(&world).await;
    let upsert = async |rows: Value| {
        let input = json!({ "rows": rows, "errorPolicy": "REJECT_FAILED_ROWS" });
        let selection = "results { status userErrors { code field } }";
        done(&world.writer(), "upsertAccountContacts", input, selection).await["results"].clone()
    };
    let row = |email: &str| json!({ "email": email, "lastName": "Hopper" });
    let results = upsert(json!([row("first@example.com"), row("second@example.com")])).await;
    let error = json!([{ "code": "CONFLICT", "field": ["rows", "0", "metadata"] }]);
    assert_eq!(results[0], json!({ "status": "FAILED", "userErrors": error }));
    assert_eq!(results[1]["status"], "UPDATED");
    let mut whole = row("first@example.com");
    whole["metadata"] = json!({ "n": 1 });
    whole["customFieldValues"] = json!([{ "customFieldId": field, "value": "L" }]);
    assert_eq!(upsert(json!([whole])).await[0]["status"], "UPDATED");
    assert_eq!(upsert(json!([whole])).await[0]["status"], "UNCHANGED");
}

async fn events_go_on(world: World) {
    let reader = world.reader();
    let (_, first, _) = two(&world).await;
    let reply = reader.query("{ changes(last: 3) { edges { cursor node { entityId } } } }").await;
    let edges = reply.list("/changes/edges");
    assert_eq!(edges[1]["node"]["entityId"], first);
    let cursor = &edges[0]["cursor"];
    for arguments in [format!("(after: {cursor})"), format!("(after: {cursor}, kinds: [ACCOUNT])")] {
        let query = format!(
            "subscription {{ contactChanged{arguments} {{ contact {{ id ... on AccountContact {{ metadata }} }} change {{ fields }} }} }}"
        );
        let request = reader.request(Method::POST, "/graphql").header("accept", "text/event-stream");
        let mut response = request.json(&json!({ "query": query })).send().await.expect("an answer");
        let mut read = String::new();
        while read.matches("event: next").count() < 2 {
            read += std::str::from_utf8(&response.chunk().await.expect("a chunk").expect("an event"))
                .expect("UTF-8");
        }
        let data: Vec<Value> =
            read.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect();
        assert_eq!(data[0]["data"]["contactChanged"]["change"]["fields"], Value::Null, "{read}");
        assert_eq!(data[0]["errors"].as_array().expect("errors").len(), 2, "{read}");
        assert_eq!(data[1].get("errors"), None, "{read}");
        assert_eq!(data[1]["data"]["contactChanged"]["contact"]["metadata"], json!({ "n": 1 }));
    }
}

async fn options_can_be_replaced(world: World) {
    let (field, ..) = two(&world).await;
    spoil(&world, "custom_field", "options", "key = 'size'", r#"["S",1e400]"#).await;
    let reply = world.reader().query("{ customFields { nodes { key options } } }").await;
    assert_eq!(errors(&reply), ["INTERNAL customFields.nodes.0.options"]);
    assert_eq!(reply.body["data"]["customFields"]["nodes"], json!([{ "key": "size", "options": null }]));
    let input = json!({ "id": field, "options": ["L", "XL"] });
    let made = done(&world.admin(), "updateCustomField", input, "customField { options }").await;
    assert_eq!(made["customField"]["options"], json!(["L", "XL"]));
}
