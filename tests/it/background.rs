//! Writes with many dependants: they answer at once, and the rest follows in the background, whatever happens meanwhile.
//!
//! CONTACT_GATEWAY_TEST_DEPENDANTS says how many dependants there are, 3,000 unless it is set: more than a write updates
//! itself. The times stand in the output of `--nocapture`.

use std::time::{Duration, Instant};

use contact_gateway::{
    app,
    entity::{id::OrganizationId, internal_contact_assignment::InternalRole},
};
use reqwest::Method;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    mutation::{done, refused_to},
    process::Development,
    support::{Actor, Rows, World, development, empty_databases, on_both},
};

on_both!(
    people_follow_their_account,
    the_last_of_two_names_stays,
    people_and_assignments_follow_their_partner,
    assignments_follow_their_person,
    assignments_follow_a_merge,
    a_bulk_write_renames_at_once_and_in_the_background,
    a_remote_id_stands_in_the_way_of_a_restoration,
    contacts_get_the_replacement_of_their_type,
    a_replacement_is_replaced,
    few_dependants_are_updated_at_once,
);

/// What a write may take, however many dependants there are.
const ANSWER: Duration = Duration::from_secs(1);

fn dependants() -> usize {
    let number = std::env::var("CONTACT_GATEWAY_TEST_DEPENDANTS");
    number.map_or(3_000, |number| number.parse().expect("a number of dependants"))
}

/// How long people may take to be found by another name on PostgreSQL.
const FOUND: Duration = Duration::from_secs(10);
/// How long anything else may take that follows.
const LIMIT: Duration = Duration::from_secs(120);

/// Performs a mutation that answers in time; gives its payload.
async fn promptly(actor: &Actor, mutation: &str, input: Value, selection: &str) -> Value {
    let began = Instant::now();
    let payload = done(actor, mutation, input, &format!("pendingUpdates {selection}")).await;
    eprintln!("{mutation} took {:?}, {} pending", began.elapsed(), payload["pendingUpdates"]);
    assert!(began.elapsed() < ANSWER, "{mutation} took {:?}", began.elapsed());
    payload
}

/// Waits until a count is as it should be; gives how long that took.
async fn eventually(what: &str, expected: usize, count: impl AsyncFn() -> usize) -> Duration {
    let began = Instant::now();
    loop {
        let asked = Instant::now();
        let found = count().await;
        if found == expected {
            eprintln!("{what}: {found} after {:?}", began.elapsed());
            return began.elapsed();
        }
        assert!(began.elapsed() < LIMIT, "{what}: {found} of {expected} in time");
        // Counting many takes the time of those who are counted.
        sleep(Duration::from_millis(20) + asked.elapsed() * 4).await;
    }
}

async fn total(actor: &Actor, list: &str, filter: &str) -> usize {
    let reply = actor.query(&format!("{{ {list}(filter: {{ {filter} }}) {{ totalCount }} }}")).await;
    reply.data(&format!("/{list}/totalCount")).as_u64().expect("a number") as usize
}

/// How many people a search finds.
async fn found(world: &World, list: &str, query: &str) -> usize {
    total(&world.reader(), list, &format!("search: \"{query}\"")).await
}

async fn search_finds(world: &World, list: &str, query: &str, expected: usize) {
    let what = format!("{list} by {query}");
    let took = eventually(&what, expected, async || found(world, list, query).await).await;
    assert!(took < FOUND || world.db.is_sqlite(), "{what} took {took:?}");
}

/// Waits until no background task is left.
async fn all_done(world: &World) {
    eventually("tasks", 0, async || usize::from(pending(&world.rows()).await.is_some())).await;
}

async fn people_follow_their_account(world: World) {
    let (count, rows) = (dependants(), world.rows());
    let account = rows.account("Globex").await;
    let people = rows.contacts_at(&account, &rows.contact_type("Primary").await, count).await;
    let id = account.id.to_string();
    assert_eq!(found(&world, "accountContacts", "globex").await, count);

    let renamed = json!({ "id": id, "name": "Initech" });
    let payload = promptly(&world.writer(), "updateAccount", renamed, "account { name }").await;
    assert_eq!(payload["account"]["name"], "Initech");
    // Others write meanwhile: none waits long, and nothing of it is lost.
    let mut slowest = Duration::ZERO;
    for (number, person) in people.iter().rev().step_by(count / 30).enumerate() {
        let began = Instant::now();
        let input = json!({ "id": person.to_string(), "firstName": format!("Edited{number}x") });
        done(&world.writer(), "updateAccountContact", input, "accountContact { id }").await;
        slowest = slowest.max(began.elapsed());
    }
    eprintln!("the slowest write meanwhile took {slowest:?}");
    assert!(slowest < ANSWER, "{slowest:?}");
    search_finds(&world, "accountContacts", "initech", count).await;
    assert_eq!(found(&world, "accountContacts", "globex").await, 0);
    for (number, _) in people.iter().rev().step_by(count / 30).enumerate() {
        assert_eq!(found(&world, "accountContacts", &format!("edited{number}x initech")).await, 1);
    }
    all_done(&world).await;

    let payload = promptly(&world.writer(), "deleteAccount", json!({ "id": id }), "account { id }").await;
    assert_eq!(payload["pendingUpdates"], count);
    search_finds(&world, "accountContacts", "initech", 0).await;
    promptly(&world.writer(), "restoreAccount", json!({ "id": id }), "account { id }").await;
    search_finds(&world, "accountContacts", "initech", count).await;
    all_done(&world).await;
    let again = promptly(&world.writer(), "restoreAccount", json!({ "id": id }), "account { id }").await;
    assert_eq!(again["pendingUpdates"], 0);
    // Neither their versions nor their histories tell of it.
    let of_account = format!("entityId: {{ eq: \"{id}\" }}");
    assert_eq!(total(&world.admin(), "changes", &of_account).await, 4);
}

async fn the_last_of_two_names_stays(world: World) {
    let (count, rows) = (dependants(), world.rows());
    let account = rows.account("Globex").await;
    rows.contacts_at(&account, &rows.contact_type("Primary").await, count).await;
    for name in ["Umbrella", "Hooli", "Initech", "Globex", "Vandelay"] {
        let input = json!({ "id": account.id.to_string(), "name": name });
        promptly(&world.writer(), "updateAccount", input, "account { id }").await;
        sleep(Duration::from_millis(20)).await;
    }
    // One is under way, and one waits.
    assert!(world.count("background_task").await <= 2);
    all_done(&world).await;
    assert_eq!(found(&world, "accountContacts", "vandelay").await, count);
    for name in ["umbrella", "hooli", "initech", "globex"] {
        assert_eq!(found(&world, "accountContacts", name).await, 0, "{name}");
    }
}

async fn people_and_assignments_follow_their_partner(world: World) {
    let (count, rows) = (dependants(), world.rows());
    let partner = rows.partner("Globex", None).await;
    rows.people_of(&partner, count).await;
    let other = rows.assignment("other@example.com", InternalRole::Lead, &partner).await;
    rows.delete_person(&other.contact).await;
    let id = partner.id.to_string();
    let assignments = async || total(&world.reader(), "internalContactAssignments", "").await;
    assert_eq!(assignments().await, count);

    promptly(&world.writer(), "updatePartner", json!({ "id": id, "name": "Initech" }), "partner { id }")
        .await;
    search_finds(&world, "internalContacts", "initech", count).await;
    assert_eq!(found(&world, "internalContacts", "globex").await, 0);
    assert_eq!(assignments().await, count);

    promptly(&world.writer(), "deletePartner", json!({ "id": id }), "partner { id }").await;
    eventually("assignments of a deleted partner", 0, assignments).await;
    search_finds(&world, "internalContacts", "initech", 0).await;
    promptly(&world.writer(), "restorePartner", json!({ "id": id }), "partner { id }").await;
    eventually("assignments of a restored partner", count, assignments).await;
    search_finds(&world, "internalContacts", "initech", count).await;
    all_done(&world).await;
    // Somebody else than the partner is deleted there.
    assert_eq!(assignments().await, count);
}

async fn assignments_follow_their_person(world: World) {
    let (count, rows) = (dependants(), world.rows());
    let person = rows.internal_contact("ada@example.com", InternalRole::Csm).await.contact;
    rows.partners_of(person.id, count).await;
    let id = person.id.to_string();
    let assignments = async || total(&world.reader(), "internalContactAssignments", "").await;
    assert_eq!(assignments().await, count + 1);
    let (writer, selection) = (world.writer(), "internalContact { id }");
    promptly(&writer, "deleteInternalContact", json!({ "id": id }), selection).await;
    eventually("assignments of a deleted person", 0, assignments).await;
    promptly(&writer, "restoreInternalContact", json!({ "id": id }), selection).await;
    eventually("assignments of a restored person", count + 1, assignments).await;
    all_done(&world).await;
}

async fn assignments_follow_a_merge(world: World) {
    let (count, rows) = (dependants(), world.rows());
    let survivor = rows.internal_contact("ada@example.com", InternalRole::Csm).await.contact.id;
    let merged = rows.internal_contact("ada.l@example.com", InternalRole::Csm).await.contact.id;
    rows.partners_of(merged, count).await;
    let began = Instant::now();
    let input = json!({ "survivorId": survivor.to_string(), "mergedId": merged.to_string() });
    done(&world.writer(), "mergeContacts", input, "contact { id }").await;
    assert!(began.elapsed() < ANSWER, "{:?}", began.elapsed());
    all_done(&world).await;
    let document = "query($id: ID!) { internalContact(id: $id) { assignments { totalCount } } }";
    let reply = world.reader().graphql(document, json!({ "id": survivor.to_string() })).await;
    // Both were floating in the same role.
    assert_eq!(*reply.data("/internalContact/assignments/totalCount"), count + 1);
    assert_eq!(total(&world.reader(), "internalContactAssignments", "").await, count + 1);
}

async fn a_bulk_write_renames_at_once_and_in_the_background(world: World) {
    let (count, rows) = (dependants(), world.rows());
    let primary = rows.contact_type("Primary").await;
    let row = |remote_id: &str, name: &str| json!({ "remoteId": remote_id, "name": name });
    let input = json!({ "rows": [row("large", "Globex"), row("small", "Hooli")] });
    done(&world.writer(), "upsertAccounts", input, "created").await;
    let accounts = world.reader().query("{ accounts { nodes { id name } } }").await;
    let id = |position: usize| accounts.text(&format!("/accounts/nodes/{position}/id")).to_owned();
    let large = rows.account_by_id(&id(0)).await;
    rows.contacts_at(&large, &primary, count).await;
    let input = json!({ "firstName": "Ada", "email": "ada@example.com", "accountIds": [id(1)] });
    done(&world.writer(), "createAccountContact", input, "accountContact { id }").await;

    let input = json!({ "rows": [row("large", "Initech"), row("small", "Vandelay")] });
    let payload = promptly(&world.writer(), "upsertAccounts", input, "updated").await;
    assert_eq!(payload["updated"], 2);
    assert_eq!(found(&world, "accountContacts", "vandelay").await, 1);
    search_finds(&world, "accountContacts", "initech", count).await;
    all_done(&world).await;
}

async fn a_remote_id_stands_in_the_way_of_a_restoration(world: World) {
    let (count, rows) = (dependants(), world.rows());
    let (globex, hooli) = (rows.partner("Globex", None).await, rows.partner("Hooli", None).await);
    rows.people_of(&globex, count).await;
    let add = |partner: String, email: &str| json!({ "partnerId": partner, "remoteId": "r-1", "email": email, "internalRole": "LEAD" });
    let (writer, selection) = (world.writer(), "assignment { id }");
    let (operation, id) = ("addInternalContactToPartner", globex.id.to_string());
    done(&writer, operation, add(id.clone(), "ada@example.com"), selection).await;
    promptly(&writer, "deletePartner", json!({ "id": id }), "partner { id }").await;
    all_done(&world).await;
    let other = done(&writer, operation, add(hooli.id.to_string(), "bob@example.com"), selection).await;
    refused_to(&world, &writer, "restorePartner", json!({ "id": id }), &["CONFLICT id"]).await;
    let assignment = json!({ "assignmentId": other["assignment"]["id"] });
    done(&writer, "removeInternalContactAssignment", assignment, "removedAssignmentId").await;
    promptly(&writer, "restorePartner", json!({ "id": id }), "partner { id }").await;
    let assignments = async || total(&world.reader(), "internalContactAssignments", "").await;
    eventually("assignments of a restored partner", count + 1, assignments).await;
}

async fn contacts_get_the_replacement_of_their_type(world: World) {
    let (count, rows) = (dependants(), world.rows());
    let (billing, legal) = (rows.contact_type("Billing").await, rows.contact_type("Legal").await);
    let account = rows.account("Globex").await;
    let people = rows.contacts_at(&account, &billing, count).await;
    let (old, new) = (billing.id.to_string(), legal.id.to_string());
    let input = json!({ "id": old, "replacementId": new });
    let payload = promptly(&world.admin(), "deleteContactType", input.clone(), "contactType { name }").await;
    assert_eq!(payload["contactType"]["name"], "Billing");

    // At once nobody sees it any more, wherever the contacts are by now.
    let document = "query($contact: ID!, $type: ID!) {
        accountContact(id: $contact) { contactType { id name } } node(id: $type) { id }
        contactTypes(filter: { name: { eq: \"Billing\" } }) { nodes { id } }
        accountContacts(filter: { contactType: { name: { eq: \"Billing\" } } }) { nodes { id } }
    }";
    let last = people[count - 1].to_string();
    let reply = world.reader().graphql(document, json!({ "contact": last, "type": old })).await;
    assert_eq!(*reply.data("/accountContact/contactType"), json!({ "id": new, "name": "Legal" }));
    assert_eq!(*reply.data("/node"), Value::Null);
    assert!(reply.list("/contactTypes/nodes").is_empty());
    assert!(reply.list("/accountContacts/nodes").is_empty());
    let path = format!("/v1/accounts/contacts/{last}");
    let shown: Value = world
        .reader()
        .request(Method::GET, &path)
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert_eq!((&shown["contactTypeId"], &shown["contactType"]), (&json!(new), &json!("Legal")));
    let contact = json!({ "firstName": "Ada", "email": "ada@example.com", "contactTypeId": old });
    let reply = world.writer().mutate("createAccountContact", contact, "accountContact { id }").await;
    assert_eq!(reply.user_errors("createAccountContact"), ["NOT_FOUND contactTypeId"]);
    let reply = world.admin().mutate("deleteContactType", input, "contactType { id }").await;
    assert_eq!(reply.user_errors("deleteContactType"), ["NOT_FOUND id"]);
    done(&world.admin(), "createContactType", json!({ "name": "Billing" }), "contactType { id }").await;

    let of_type = format!("contactTypeId: {{ eq: \"{new}\" }}");
    let moved = async || total(&world.reader(), "accountContacts", &of_type).await;
    eventually("contacts of the replacement", count, moved).await;
    all_done(&world).await;
    assert_eq!(world.count("contact_type").await, 10);
    // Of each contact one, of the type that went and of the new one.
    assert_eq!(total(&world.admin(), "changes", "actor: { eq: \"admin\" }").await, count + 2);
    let document = "query($id: ID!) { accountContact(id: $id) { version history { nodes { fields } } } }";
    let reply = world.reader().graphql(document, json!({ "id": last })).await;
    assert_eq!(*reply.data("/accountContact/version"), 2);
    let fields = json!({ "contactTypeId": { "old": old, "new": new } });
    assert_eq!(reply.list("/accountContact/history/nodes"), [json!({ "fields": fields })]);
}

async fn a_replacement_is_replaced(world: World) {
    let (count, rows) = (dependants(), world.rows());
    let types = ["Billing", "Legal", "Other"];
    let account = rows.account("Globex").await;
    let mut ids = Vec::new();
    for name in types {
        ids.push(rows.contact_type(name).await);
    }
    let people = rows.contacts_at(&account, &ids[0], count).await;
    let [billing, legal, other] = [0, 1, 2].map(|position| ids[position].id.to_string());
    let replace = |id: &String, by: &String| json!({ "id": id, "replacementId": by });
    promptly(&world.admin(), "deleteContactType", replace(&billing, &legal), "contactType { id }").await;
    let alone = world.admin().mutate("deleteContactType", json!({ "id": legal }), "contactType { id }").await;
    assert_eq!(alone.user_errors("deleteContactType"), ["IN_USE id"]);
    promptly(&world.admin(), "deleteContactType", replace(&legal, &other), "contactType { id }").await;
    let document = "query($id: ID!) { accountContact(id: $id) { contactType { name } } }";
    let reply = world.reader().graphql(document, json!({ "id": people[count - 1].to_string() })).await;
    assert_eq!(*reply.data("/accountContact/contactType/name"), "Other");
    let of_type = format!("contactTypeId: {{ eq: \"{other}\" }}");
    let moved = async || total(&world.reader(), "accountContacts", &of_type).await;
    eventually("contacts of the last replacement", count, moved).await;
    all_done(&world).await;
}

async fn few_dependants_are_updated_at_once(world: World) {
    let rows = world.rows();
    let account = rows.account("Globex").await;
    rows.contacts_at(&account, &rows.contact_type("Primary").await, 1_000).await;
    let input = json!({ "id": account.id.to_string(), "name": "Initech" });
    let payload = done(&world.writer(), "updateAccount", input, "pendingUpdates").await;
    assert_eq!(payload["pendingUpdates"], 0);
    assert_eq!(found(&world, "accountContacts", "initech").await, 1_000);
    assert_eq!(world.count("background_task").await, 0);
}

/// What a killed process leaves, the next one does.
#[tokio::test]
async fn a_killed_process_loses_nothing() {
    for database in empty_databases().await {
        let (folder, url) = (tempfile::tempdir().expect("a folder"), database.url());
        let gateway = Development::start(folder.path(), Some(&url)).await;
        let db = app::connect(&development(url.clone())).await.expect("a database");
        let rows = Rows { db, organization: OrganizationId(1) };
        let account = rows.account("Globex").await;
        let count = dependants().max(10_000);
        rows.contacts_at(&account, &rows.contact_type("Primary").await, count).await;
        let document = "mutation($input: UpdateAccountInput!) {
            updateAccount(input: $input) { pendingUpdates userErrors { message } }
        }";
        let input = json!({ "id": account.id.to_string(), "name": "Initech" });
        let renamed = gateway.client.answer(document, json!({ "input": input })).await.expect("an answer");
        eprintln!("{renamed}");
        while pending(&rows).await == Some(count as i64) {
            sleep(Duration::from_millis(2)).await;
        }
        gateway.kill();
        let left = pending(&rows).await.expect("work that is left");
        assert!((1..count as i64).contains(&left), "{left}");

        let gateway = Development::start(folder.path(), Some(&url)).await;
        let began = Instant::now();
        while pending(&rows).await.is_some() {
            assert!(began.elapsed() < Duration::from_secs(60), "{:?} left", pending(&rows).await);
            sleep(Duration::from_millis(20)).await;
        }
        eprintln!("{left} of {count} were left, and done after {:?}", began.elapsed());
        let document = "{ accountContacts(filter: { search: \"initech\" }) { totalCount } }";
        let found = gateway.client.answer(document, json!({})).await.expect("an answer");
        assert_eq!(found.pointer("/data/accountContacts/totalCount"), Some(&json!(count)), "{found}");
    }
}

/// How many dependants are left of the one task; none when there is no task.
async fn pending(rows: &Rows) -> Option<i64> {
    let db = rows.db.connection();
    let statement = Statement::from_string(db.get_database_backend(), "SELECT pending FROM background_task");
    let row = db.query_one_raw(statement).await.expect("the tasks");
    row.map(|row| row.try_get_by_index(0).expect("a number"))
}
