//! Shared helpers for mutations that succeed, are rejected, or do not match the schema.

use contact_gateway::service::Database;
use sea_orm::{ConnectionTrait, DbBackend};
use serde_json::{Value, json};

use crate::support::{Actor, Reply, World};

/// Performs a mutation that succeeds, and gives its payload.
#[track_caller]
pub(crate) fn done<'a>(
    actor: &'a Actor,
    mutation: &'a str,
    input: Value,
    selection: &'a str,
) -> impl Future<Output = Value> + 'a {
    let place = std::panic::Location::caller();
    async move {
        let reply = actor.mutate(mutation, input, selection).await;
        assert_eq!(reply.user_errors(mutation), [""; 0], "{mutation} at {place}: {reply:?}");
        reply.data(&format!("/{mutation}")).clone()
    }
}

/// Performs a mutation that must be refused with these user errors, in any order, having written nothing.
pub(crate) async fn refused(world: &World, mutation: &str, input: Value, expected: &[&str]) {
    refused_to(world, &world.writer(), mutation, input, expected).await;
}

/// The same of any actor.
pub(crate) async fn refused_to(
    world: &World,
    actor: &Actor,
    mutation: &str,
    input: Value,
    expected: &[&str],
) {
    let what = format!("{mutation} {}", shortened(&input));
    let objects = objects(mutation);
    let selection: String = objects.iter().map(|object| format!("{object} {{ id }} ")).collect();
    let reply = world.nothing_written(actor.mutate(mutation, input, &selection)).await;
    assert_refused(&reply, mutation, expected, &what);
}

/// Sends two creations at the same time. One of them must succeed, the other must be refused with this user error.
pub(crate) async fn one_of_two_wins(
    actor: &Actor,
    mutation: &str,
    inputs: [Value; 2],
    selection: &str,
    refusal: &str,
) {
    let [one, two] = inputs.map(|input| actor.mutate(mutation, input, selection));
    let (one, two) = tokio::join!(one, two);
    let lost = if one.user_errors(mutation).is_empty() { two } else { one };
    assert_refused(&lost, mutation, &[refusal], "the second");
}

/// The payload's objects are null, and its user errors are these, each with a message for people.
#[track_caller]
pub(crate) fn assert_refused(reply: &Reply, mutation: &str, expected: &[&str], what: &str) {
    let mut errors = reply.user_errors(mutation);
    errors.sort();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(errors, expected, "{what}");
    let payload = reply.data(&format!("/{mutation}"));
    for object in objects(mutation) {
        assert_eq!(payload[object], Value::Null, "{object} of {what}");
    }
    for error in reply.list(&format!("/{mutation}/userErrors")) {
        assert!(error["message"].as_str().is_some_and(|message| message.len() > 10), "{what}: {error}");
        assert_eq!(error["index"], Value::Null, "{what}");
    }
}

/// Performs a mutation whose input does not fit the schema: GraphQL itself refuses it, naming `argument`.
pub(crate) async fn schema_mismatch(world: &World, mutation: &str, input: Value, argument: &[&str]) {
    let what = format!("{mutation} {}", shortened(&input));
    let actor = world.writer().with_header("accept", "application/graphql-response+json");
    let reply = world.nothing_written(actor.mutate(mutation, input, "__typename")).await;
    assert_schema_mismatch(&reply, argument, &what);
}

/// The whole request was refused, because this argument does not fit the schema.
#[track_caller]
pub(crate) fn assert_schema_mismatch(reply: &Reply, argument: &[&str], what: &str) {
    assert_eq!(reply.status, 400, "{what}: {reply:?}");
    assert_eq!(reply.errors(), ["GRAPHQL_VALIDATION_FAILED"], "{what}");
    assert_eq!(reply.body.get("data"), None, "{what}");
    let extensions = &reply.body["errors"][0]["extensions"];
    assert_eq!(extensions["argument"], json!(argument), "{what}: {}", reply.body);
}

/// The objects of a mutation's payload.
fn objects(mutation: &str) -> &'static [&'static str] {
    match mutation {
        "createInternalContact" | "addInternalContactToPartner" => &["assignment", "internalContact"],
        "updateInternalContact" | "deleteInternalContact" | "restoreInternalContact" => &["internalContact"],
        "updateInternalContactRole" | "attachInternalContactAssignment" | "moveInternalContactAssignment" => {
            &["assignment"]
        }
        "removeInternalContactAssignment" => &["internalContact"],
        "createPartner" | "updatePartner" | "deletePartner" | "restorePartner" => &["partner"],
        "createAccount" | "updateAccount" | "deleteAccount" | "restoreAccount" => &["account"],
        "createAccountContact"
        | "updateAccountContact"
        | "deleteAccountContact"
        | "restoreAccountContact" => &["accountContact"],
        "addAccountContactToAccount" | "removeAccountContactFromAccount" => &["accountContact", "account"],
        "createOrganizationContact"
        | "updateOrganizationContact"
        | "deleteOrganizationContact"
        | "restoreOrganizationContact" => &["organizationContact"],
        "createOrganization" | "updateOrganization" => &["organization"],
        "createContactType" | "updateContactType" | "setDefaultContactType" | "deleteContactType" => {
            &["contactType"]
        }
        "createCustomField" | "updateCustomField" | "archiveCustomField" => &["customField"],
        "mergeContacts" => &["contact"],
        "eraseContact" => &[],
        other => panic!("the payload of {other} is not known here"),
    }
}

fn shortened(input: &Value) -> String {
    input.to_string().chars().take(300).collect()
}

/// `input` with these fields instead of its own.
pub(crate) fn with(mut input: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else { panic!("not an object: {fields}") };
    let object = input.as_object_mut().expect("an object");
    object.extend(fields);
    input
}

/// `input` without a field.
pub(crate) fn without(mut input: Value, field: &str) -> Value {
    let removed = input.as_object_mut().expect("an object").remove(field);
    assert!(removed.is_some(), "{field} is not there");
    input
}

/// From now on the database refuses to insert into this table, for a reason that no client may see.
pub(crate) async fn break_inserts(db: &Database, table: &str) {
    let connection = db.connection();
    let sql = match connection.get_database_backend() {
        DbBackend::Sqlite => format!(
            "CREATE TRIGGER broken BEFORE INSERT ON \"{table}\" BEGIN SELECT RAISE(ABORT, 'secret'); END"
        ),
        _ => format!(
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'secret'; END$$; \
             CREATE TRIGGER broken BEFORE INSERT ON \"{table}\" FOR EACH ROW EXECUTE FUNCTION broken()"
        ),
    };
    connection.execute_unprepared(&sql).await.expect("a trigger");
}

/// The request failed inside, and the answer does not tell how.
#[track_caller]
pub(crate) fn assert_masked(reply: &Reply, mutation: &str) {
    assert_eq!(reply.errors(), [format!("INTERNAL {mutation}")]);
    assert!(!reply.body.to_string().contains("secret"), "{}", reply.body);
}
