//! Writes with many dependants: the response is immediate, and the dependants follow in the background.
//!
//! CONTACT_GATEWAY_TEST_DEPENDANTS says how many dependants there are, 3,000 unless it is set: more than a write updates
//! itself. The times stand in the output of `--nocapture`.

use std::time::{Duration, Instant};

use contact_gateway::{
    app,
    entity::{id::OrganizationId, internal_contact_assignment::InternalRole},
};
use reqwest::Method;
use sea_orm::{ConnectionTrait, Statement, TransactionTrait};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    mutation::{done, refused_to},
    process::Development,
    support::{Actor, HOME, OTHER, Rows, World, development, empty_databases, on_both},
};

on_both!(
    people_follow_their_account,
    people_and_assignments_follow_their_partner,
    assignments_follow_their_person,
    assignments_follow_a_merge,
    a_remote_id_stands_in_the_way_of_a_restoration,
    contacts_get_the_replacement_of_their_type,
    a_replacement_is_replaced,
    few_dependants_are_updated_at_once,
    a_merged_person_is_erased_when_its_assignments_have_moved,
    tasks_of_a_newer_version_hold_up_no_others,
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
    let payload = done(actor, mutation, input, selection).await;
    eprintln!("{mutation} took {:?}", began.elapsed());
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
        // Counting many rows takes time in proportion to their number.
        sleep(Duration::from_millis(20) + asked.elapsed() * 4).await;
    }
}

async fn total(actor: &Actor, list: &str, filter: &str) -> usize {
    let reply = actor.query(&format!("{{ {list}(filter: {{ {filter} }}) {{ totalCount }} }}")).await;
    reply.data(&format!("/{list}/totalCount")).as_u64().expect("a number") as usize
}

async fn search_finds(world: &World, list: &str, query: &str, expected: usize) {
    let what = format!("{list} by {query}");
    let took = eventually(&what, expected, async || world.found(list, query).await).await;
    assert!(took < FOUND || world.db.is_sqlite(), "{what} took {took:?}");
}

/// Waits until no background task is left.
async fn all_done(world: &World) {
    eventually("tasks", 0, async || usize::from(pending(&world.rows()).await.is_some())).await;
}

async fn people_follow_their_account(world: World) {
    let (count, rows) = (dependants(), world.rows());
    let account = rows.account("Globex").await;
    rows.contacts_at(&account, &rows.contact_type("Primary").await, count).await;
    let id = account.id.to_string();
    let found = async |words: &str| world.found("accountContacts", words).await;
    assert_eq!(found("globex").await, count);

    // At once, and nothing is left to do.
    let renamed = json!({ "id": id, "name": "Initech" });
    promptly(&world.writer(), "updateAccount", renamed, "account { name }").await;
    assert_eq!((found("initech").await, found("globex").await), (count, 0));
    assert_eq!((found("grace initech").await, found("ada initech").await), (count, 0));
    promptly(&world.writer(), "deleteAccount", json!({ "id": id }), "account { id }").await;
    assert_eq!(found("initech").await, 0);
    promptly(&world.writer(), "restoreAccount", json!({ "id": id }), "account { id }").await;
    assert_eq!(found("initech").await, count);
    assert_eq!(world.count("background_task").await, 0);
    // Neither their versions nor their histories tell of it.
    let of_account = format!("entityId: {{ eq: \"{id}\" }}");
    assert_eq!(total(&world.admin(), "changes", &of_account).await, 4);
}

async fn people_and_assignments_follow_their_partner(world: World) {
    let (count, rows) = (dependants(), world.rows());
    let partner = rows.partner("Globex", None).await;
    let people = rows.people_of(&partner, count).await;
    let other = rows.assignment("other@example.com", InternalRole::Lead, &partner).await;
    rows.delete_person(&other.contact).await;
    let id = partner.id.to_string();
    let assignments = async || total(&world.reader(), "internalContactAssignments", "").await;
    assert_eq!(assignments().await, count);

    promptly(&world.writer(), "updatePartner", json!({ "id": id, "name": "Initech" }), "partner { id }")
        .await;
    assert_eq!(world.found("internalContacts", "initech").await, count);
    assert_eq!(world.found("internalContacts", "globex").await, 0);
    assert_eq!(world.count("background_task").await, 0);

    let payload = promptly(&world.writer(), "deletePartner", json!({ "id": id }), "pendingUpdates").await;
    assert_eq!(payload["pendingUpdates"], count + 1);
    // Others write meanwhile: none waits long, and nothing of it is lost.
    let mut slowest = Duration::ZERO;
    for (number, person) in people.iter().rev().step_by(count / 30).enumerate() {
        let began = Instant::now();
        let input = json!({ "id": person.to_string(), "givenName": format!("Edited{number}x") });
        done(&world.writer(), "updateInternalContact", input, "internalContact { id }").await;
        slowest = slowest.max(began.elapsed());
    }
    eprintln!("the slowest write meanwhile took {slowest:?}");
    assert!(slowest < ANSWER, "{slowest:?}");
    eventually("assignments of a deleted partner", 0, assignments).await;
    search_finds(&world, "internalContacts", "initech", 0).await;
    promptly(&world.writer(), "restorePartner", json!({ "id": id }), "partner { id }").await;
    eventually("assignments of a restored partner", count, assignments).await;
    search_finds(&world, "internalContacts", "initech", count).await;
    all_done(&world).await;
    assert_eq!(world.found("internalContacts", "edited1x initech").await, 1);
    // Another row than the partner is deleted there.
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

    // It is hidden immediately, however many contacts have followed so far.
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
    let partner = rows.partner("Globex", None).await;
    rows.people_of(&partner, 1_000).await;
    let input = json!({ "id": partner.id.to_string() });
    let payload = done(&world.writer(), "deletePartner", input, "pendingUpdates").await;
    assert_eq!(payload["pendingUpdates"], 0);
    assert_eq!(total(&world.reader(), "internalContactAssignments", "").await, 0);
    assert_eq!(world.count("background_task").await, 0);
}

async fn a_merged_person_is_erased_when_its_assignments_have_moved(world: World) {
    let (count, rows) = (dependants(), world.rows());
    let survivor = rows.internal_contact("ada@example.com", InternalRole::Csm).await.contact.id;
    let merged = rows.internal_contact("ada.l@example.com", InternalRole::Csm).await.contact.id;
    rows.partners_of(merged, count).await;
    let input = json!({ "survivorId": survivor.to_string(), "mergedId": merged.to_string() });
    done(&world.writer(), "mergeContacts", input, "contact { id }").await;
    let erase = json!({ "id": merged.to_string() });
    let refused = world.admin().mutate("eraseContact", erase.clone(), "erasedId").await;
    assert_eq!(refused.user_errors("eraseContact"), ["CONFLICT id"]);
    all_done(&world).await;
    done(&world.admin(), "eraseContact", erase, "erasedId").await;
    assert_eq!(total(&world.reader(), "internalContactAssignments", "").await, count + 1);
}

/// Makes a task, whatever the checks of the table say; its id has this number.
async fn insert_task(world: &World, organization: i64, number: u8, kind: &str, subject: &str) {
    let sql = |id: String, now: &str| {
        format!(
            "INSERT INTO background_task (org_id, id, kind, subject_id, pending, actor, request_id, created_at)
             VALUES ({organization}, {id}, '{kind}', {subject}, 1, 'somebody', 'request', {now})"
        )
    };
    let sql = if world.db.is_sqlite() {
        let sql = sql(format!("x'{number:032x}'"), "'2026-01-01T00:00:00+00:00'");
        format!("PRAGMA ignore_check_constraints = ON; {sql}; PRAGMA ignore_check_constraints = OFF")
    } else {
        let id = format!("'00000000-0000-0000-0000-{number:012x}'");
        let sql = sql(id, "now()");
        format!("ALTER TABLE background_task DROP CONSTRAINT IF EXISTS background_task_kind_check; {sql}")
    };
    world.db.pool().execute_unprepared(&sql).await.expect(&sql);
}

/// The id of no row.
fn nobody(world: &World) -> &'static str {
    if world.db.is_sqlite() {
        "x'00000000000000000000000000000001'"
    } else {
        "'00000000-0000-0000-0000-000000000001'"
    }
}

async fn tasks_of_a_newer_version_hold_up_no_others(world: World) {
    let nobody = nobody(&world);
    insert_task(&world, HOME, 1, "moon_phase", nobody).await;
    insert_task(&world, HOME, 2, "partner", nobody).await;
    insert_task(&world, OTHER, 3, "partner", nobody).await;
    eventually("tasks", 1, async || world.count("background_task").await).await;
}

/// SQLite only: no column of PostgreSQL takes an id that is none.
#[tokio::test]
async fn tasks_that_cannot_be_read_hold_up_no_other_organization() {
    let world = World::on_sqlite().await;
    insert_task(&world, HOME, 1, "partner", "'no id'").await;
    insert_task(&world, OTHER, 2, "partner", nobody(&world)).await;
    eventually("tasks", 1, async || world.count("background_task").await).await;
}

/// Replaces a type that so many contacts have.
async fn replace_a_type(world: &World, count: usize) {
    let rows = world.rows();
    let (old, new) = (rows.contact_type("Billing").await, rows.contact_type("Legal").await);
    rows.contacts_at(&rows.account("Globex").await, &old, count).await;
    let input = json!({ "id": old.id.to_string(), "replacementId": new.id.to_string() });
    done(&world.admin(), "deleteContactType", input, "contactType { id }").await;
}

#[tokio::test]
async fn a_batch_that_takes_too_long_becomes_smaller() {
    let world = World::on_postgres().await;
    let limit = Duration::from_secs(1);
    let world = world.restarted(|config| config.database.statement_timeout = limit).await;
    // 500 rows take 3 s at least.
    let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(0.006); RETURN new; END$$;
        CREATE TRIGGER slow BEFORE UPDATE ON account_contact FOR EACH ROW EXECUTE FUNCTION slow()";
    world.db.pool().execute_unprepared(slow).await.expect(slow);
    replace_a_type(&world, 1_100).await;
    all_done(&world).await;
}

/// An organization in which others write all the time: a batch waits for the counter of changes like any writer.
#[tokio::test]
async fn a_batch_waits_for_the_counter_as_others_do() {
    let world = World::on_postgres().await;
    replace_a_type(&world, dependants()).await;
    let held = world.db.pool().begin().await.expect("a transaction");
    let counter = format!("SELECT seq FROM change_counter WHERE org_id = {HOME} FOR UPDATE");
    held.execute_unprepared(&counter).await.expect("the counter");
    sleep(Duration::from_millis(1_500)).await;
    let db = world.db.pool();
    let sql = "SELECT max(extract(epoch FROM now() - xact_start))::float8 FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    let waited: Option<f64> = row.expect(sql).expect("a row").try_get_by_index(0).expect("seconds");
    assert!(waited > Some(0.8), "{waited:?}");
    held.rollback().await.expect("a rollback");
    all_done(&world).await;
}

/// What a killed process leaves, the next one does.
#[tokio::test]
async fn a_killed_process_loses_nothing() {
    for database in empty_databases().await {
        let (folder, url) = (tempfile::tempdir().expect("a folder"), database.url());
        let gateway = Development::start(folder.path(), Some(&url)).await;
        let db = app::connect(&development(url.clone())).await.expect("a database");
        let rows = Rows { db, organization: OrganizationId(1) };
        let partner = rows.partner("Globex", None).await;
        let count = dependants().max(10_000);
        rows.people_of(&partner, count).await;
        let document = "mutation($input: DeletePartnerInput!) {
            deletePartner(input: $input) { pendingUpdates userErrors { message } }
        }";
        let input = json!({ "id": partner.id.to_string() });
        let deleted = gateway.client.answer(document, json!({ "input": input })).await.expect("an answer");
        eprintln!("{deleted}");
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
        let document = "{ internalContactAssignments { totalCount } }";
        let found = gateway.client.answer(document, json!({})).await.expect("an answer");
        assert_eq!(found.pointer("/data/internalContactAssignments/totalCount"), Some(&json!(0)), "{found}");
    }
}

/// How many dependants are left of the one task; none when there is no task.
async fn pending(rows: &Rows) -> Option<i64> {
    let db = rows.db.connection();
    let statement = Statement::from_string(db.get_database_backend(), "SELECT pending FROM background_task");
    let row = db.query_one_raw(statement).await.expect("the tasks");
    row.map(|row| row.try_get_by_index(0).expect("a number"))
}
