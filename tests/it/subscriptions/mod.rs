//! Subscriptions: which subscribers receive which changes, in which order, and that none is lost or delivered twice.

mod behind;
mod failover;
mod readers;
pub(crate) mod subscriber;
mod trouble;

use std::{collections::BTreeSet, time::Duration};

use contact_gateway::{
    entity::{id::OrganizationId, internal_contact_assignment::InternalRole::Csm},
    error::Code,
    service::events::{Feed, Interest, SubscriptionLimits},
};
use reqwest::Method;
use sea_orm::{ConnectionTrait, DbBackend};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use self::{
    behind::{a_position_that_survived_is_kept, a_subscriber_that_is_behind_reads_few_changes_at_once},
    readers::three_readers_see_every_change_once_and_in_order,
    subscriber::Subscriber,
    trouble::{
        a_change_that_cannot_be_read_is_an_error_of_its_own, a_gap_ends_subscriptions_and_nothing_else,
        fields_that_cannot_be_read_are_null,
    },
};
use crate::{
    mutation::done,
    process::{Client, Development},
    support::{Actor, Cluster, HOME, OTHER, World, big_int, on_both},
};

on_both!(
    a_change_is_told_with_the_contact_as_it_is,
    only_changes_of_interest_are_told,
    those_at_a_partner_are_told_as_they_come_and_go,
    those_at_an_account_are_told_as_they_come_and_go,
    an_assignment_that_is_gone_is_told_of_its_person,
    the_other_organization_is_told_nothing,
    what_was_missed_is_told_first,
    what_another_process_writes_is_told,
    subjects_and_organizations_have_shares,
    whoever_is_slow_misses_nothing,
    whoever_is_erased_is_told_without_a_contact,
    arguments_that_are_not_good_are_refused,
    three_readers_see_every_change_once_and_in_order,
    a_change_that_cannot_be_read_is_an_error_of_its_own,
    fields_that_cannot_be_read_are_null,
    a_gap_ends_subscriptions_and_nothing_else,
    a_subscriber_that_is_behind_reads_few_changes_at_once,
    a_position_that_survived_is_kept,
);

async fn made(actor: &Actor, mutation: &str, input: Value, object: &str) -> Value {
    done(actor, mutation, input, &format!("{object} {{ id }}")).await[object]["id"].clone()
}

async fn person(world: &World, email: &str) -> Value {
    let input = json!({ "email": email, "internalRole": "CSM" });
    made(&world.writer(), "createInternalContact", input, "internalContact").await
}

async fn card(actor: &Actor, name: &str) -> Value {
    let input = json!({ "type": "FINANCE", "name": name });
    made(actor, "createOrganizationContact", input, "organizationContact").await
}

async fn rename(actor: &Actor, card: &Value, name: &str) {
    let input = json!({ "id": card, "name": name });
    done(actor, "updateOrganizationContact", input, "__typename").await;
}

async fn a_change_is_told_with_the_contact_as_it_is(world: World) {
    let (writer, ada) = (world.writer(), person(&world, "ada@example.com").await);
    let mut subscriber = Subscriber::with(&world.reader(), "").await;
    done(&writer, "updateInternalContact", json!({ "id": ada, "givenName": "Ada" }), "__typename").await;
    let event = subscriber.event().await;
    assert_eq!(event["contactId"], ada);
    let contact = json!({ "id": ada, "displayName": "Ada", "email": "ada@example.com", "deletedAt": null, "version": 2 });
    assert_eq!(event["contact"], contact);
    assert_eq!(event["change"]["fields"], json!({ "givenName": { "old": null, "new": "Ada" } }));
    // A write that changes nothing causes no event.
    done(&writer, "updateInternalContact", json!({ "id": ada, "givenName": "Ada" }), "__typename").await;
    done(&writer, "deleteInternalContact", json!({ "id": ada }), "__typename").await;
    let event = subscriber.event().await;
    assert_eq!(event["change"]["action"], "DELETED");
    assert!(event["contact"]["deletedAt"].is_string(), "{event}");
    done(&writer, "restoreInternalContact", json!({ "id": ada }), "__typename").await;
    assert_eq!(subscriber.events(1).await, ["INTERNAL_CONTACT RESTORED"]);
    let cards = card(&writer, "Grace").await;
    let event = subscriber.event().await;
    assert_eq!((&event["contactId"], &event["contact"]["displayName"]), (&cards, &json!("Grace")));
}

async fn only_changes_of_interest_are_told(world: World) {
    let (reader, writer) = (world.reader(), world.writer());
    let ada = person(&world, "ada@example.com").await;
    let mut internal = Subscriber::with(&reader, "(kinds: [INTERNAL])").await;
    let mut cards = Subscriber::with(&reader, "(kinds: [ORGANIZATION, ACCOUNT])").await;
    let mut one = Subscriber::with(&reader, &format!("(ids: [{ada}])")).await;
    let mut nothing = Subscriber::with(&reader, &format!("(ids: [{ada}], kinds: [ACCOUNT])")).await;
    person(&world, "grace@example.com").await;
    card(&writer, "Globex").await;
    // No event: a partner is no contact.
    world.rows().partner("Globex", None).await;
    done(&writer, "updateInternalContact", json!({ "id": ada, "givenName": "Ada" }), "__typename").await;
    let account = json!({ "firstName": "Joan", "email": "joan@example.com" });
    made(&writer, "createAccountContact", account, "accountContact").await;
    let expected =
        ["INTERNAL_CONTACT CREATED", "INTERNAL_CONTACT_ASSIGNMENT CREATED", "INTERNAL_CONTACT UPDATED"];
    assert_eq!(internal.events(3).await, expected);
    assert_eq!(cards.events(2).await, ["ORGANIZATION_CONTACT CREATED", "ACCOUNT_CONTACT CREATED"]);
    assert_eq!(one.events(1).await, ["INTERNAL_CONTACT UPDATED"]);
    assert!(timeout(Duration::from_millis(300), nothing.event()).await.is_err());
}

async fn those_at_a_partner_are_told_as_they_come_and_go(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let (globex, initech) = (rows.partner("Globex", None).await, rows.partner("Initech", None).await);
    let theirs = rows.assignment("ada@example.com", Csm, &globex).await;
    let others = rows.assignment("grace@example.com", Csm, &initech).await;
    let mut subscriber = Subscriber::with(&world.reader(), &format!("(partnerId: \"{}\")", globex.id)).await;
    for contact in [&others.contact, &theirs.contact] {
        let input = json!({ "id": contact.id.to_string(), "givenName": "Somebody" });
        done(&writer, "updateInternalContact", input, "__typename").await;
    }
    let event = subscriber.event().await;
    assert_eq!(event["contactId"], theirs.contact.id.to_string());
    // One comes, one goes to the other, one is changed in their role and is no more theirs.
    let assignment =
        |assignment: &str, partner: &str| json!({ "assignmentId": assignment, "partnerId": partner });
    let (globex, initech) = (globex.id.to_string(), initech.id.to_string());
    let (theirs_id, others_id) = (theirs.assignment.id.to_string(), others.assignment.id.to_string());
    let moved = "moveInternalContactAssignment";
    done(&writer, moved, assignment(&others_id, &globex), "__typename").await;
    done(&writer, moved, assignment(&theirs_id, &initech), "__typename").await;
    let role =
        |partner: &str, id: &str| json!({ "partnerId": partner, "assignmentId": id, "internalRole": "LEAD" });
    done(&writer, "updateInternalContactRole", role(&initech, &theirs_id), "__typename").await;
    done(&writer, "updateInternalContactRole", role(&globex, &others_id), "__typename").await;
    let mut people = Vec::new();
    for _ in 0..3 {
        people.push(subscriber.event().await["contactId"].clone());
    }
    let (ada, grace) = (theirs.contact.id.to_string(), others.contact.id.to_string());
    assert_eq!(people, [json!(grace), json!(ada), json!(grace)]);
}

async fn those_at_an_account_are_told_as_they_come_and_go(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let (globex, initech) = (rows.account("Globex").await, rows.account("Initech").await);
    let theirs = rows.account_contact("ada@example.com", &[&globex]).await.id.to_string();
    let others = rows.account_contact("grace@example.com", &[&initech]).await.id.to_string();
    let mut subscriber = Subscriber::with(&world.reader(), &format!("(accountId: \"{}\")", globex.id)).await;
    let change = async |id: &str, accounts: Value| {
        let input = json!({ "id": id, "accountIds": accounts });
        done(&writer, "updateAccountContact", input, "__typename").await;
    };
    change(&others, json!([])).await;
    change(&theirs, json!([initech.id.to_string()])).await;
    assert_eq!(subscriber.event().await["contactId"], theirs);
    change(&theirs, json!([])).await;
    change(&others, json!([globex.id.to_string()])).await;
    done(&writer, "updateAccountContact", json!({ "id": others, "lastName": "Hopper" }), "__typename").await;
    for _ in 0..2 {
        assert_eq!(subscriber.event().await["contactId"], others);
    }
}

async fn an_assignment_that_is_gone_is_told_of_its_person(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let partner = rows.partner("Globex", None).await;
    let mut subscriber = Subscriber::with(&world.reader(), "").await;
    let made = rows.assignment("ada@example.com", Csm, &partner).await;
    let cursor = subscriber.event().await["cursor"].clone();
    let (id, partner) = (made.assignment.id.to_string(), partner.id.to_string());
    let input = json!({ "partnerId": partner, "assignmentId": id, "internalRole": "LEAD" });
    done(&writer, "updateInternalContactRole", input, "__typename").await;
    done(&writer, "removeInternalContactAssignment", json!({ "assignmentId": id }), "__typename").await;
    // Read from the table, when the assignment is there no more.
    let mut later = Subscriber::with(&world.reader(), &format!("(after: {cursor})")).await;
    for _ in 0..3 {
        let event = later.event().await;
        assert_eq!(event["change"]["kind"], "INTERNAL_CONTACT_ASSIGNMENT");
        assert_eq!(event["contactId"], made.contact.id.to_string());
    }
}

async fn the_other_organization_is_told_nothing(world: World) {
    let mut home = Subscriber::with(&world.reader(), "").await;
    let mut other = Subscriber::with(&world.other(), "").await;
    let ours = card(&world.writer(), "Ours").await;
    let theirs = card(&world.other(), "Theirs").await;
    // Whatever is asked for by id: it is not there.
    let mut spy = Subscriber::with(&world.other(), &format!("(ids: [{ours}])")).await;
    rename(&world.writer(), &ours, "Still ours").await;
    rename(&world.other(), &theirs, "Still theirs").await;
    for (subscriber, id) in [(&mut home, ours), (&mut other, theirs)] {
        for _ in 0..2 {
            assert_eq!(subscriber.event().await["contactId"], id);
        }
    }
    assert!(timeout(Duration::from_millis(300), spy.event()).await.is_err());
    // Nor what came before.
    let everything = format!("(after: {})", first_cursor(&world).await);
    let mut other = Subscriber::with(&world.other(), &everything).await;
    assert_eq!(other.event().await["contact"]["displayName"], "Still theirs");
}

/// The cursor of the organization's first change.
async fn first_cursor(world: &World) -> Value {
    let reply = world.reader().query("{ changes(first: 1) { edges { cursor } } }").await;
    reply.data("/changes/edges/0/cursor").clone()
}

async fn what_was_missed_is_told_first(world: World) {
    let (reader, writer) = (world.reader(), world.writer());
    let mut subscriber = Subscriber::with(&reader, "").await;
    let id = card(&writer, "0").await;
    let cursor = subscriber.event().await["cursor"].clone();
    drop(subscriber);
    for name in 1..=250 {
        rename(&writer, &id, &name.to_string()).await;
    }
    let mut subscriber = Subscriber::with(&reader, &format!("(after: {cursor})")).await;
    rename(&writer, &id, "251").await;
    for name in 1..=251 {
        let event = subscriber.event().await;
        assert_eq!(event["change"]["fields"]["name"]["new"], name.to_string());
    }
    // The record's own cursors do as well.
    let mut subscriber = Subscriber::with(&reader, &format!("(after: {})", first_cursor(&world).await)).await;
    assert_eq!(subscriber.event().await["change"]["action"], "CREATED");
}

/// Writes to an organization's change log, as another process would: this one is not notified of it.
async fn record(db: &impl ConnectionTrait, organization: i64, id: &Value, request: &str) {
    record_fields(db, organization, id, request, "{}").await;
}

/// The same with these fields, which need not be readable.
async fn record_fields(
    db: &impl ConnectionTrait,
    organization: i64,
    id: &Value,
    request: &str,
    fields: &str,
) {
    let id = id.as_str().expect("an id");
    let sql = format!(
        "UPDATE change_counter SET seq = seq + 1 WHERE org_id = {organization};
         INSERT INTO change (org_id, seq, at, actor, entity_kind, entity_id, action, fields, request_id)
         SELECT org_id, seq, CURRENT_TIMESTAMP, 'somebody', 'OrganizationContact', '{id}', 'updated', '{fields}', '{request}'
         FROM change_counter WHERE org_id = {organization}"
    );
    // PostgreSQL makes one transaction of them by itself.
    let sql = match db.get_database_backend() {
        DbBackend::Sqlite => format!("BEGIN IMMEDIATE; {sql}; COMMIT"),
        _ => sql,
    };
    db.execute_unprepared(&sql).await.expect("a change");
}

async fn what_another_process_writes_is_told(world: World) {
    let id = card(&world.writer(), "Globex").await;
    let mut subscriber = Subscriber::with(&world.reader(), "").await;
    record(world.db.pool(), HOME, &id, "elsewhere").await;
    assert_eq!(subscriber.event().await["contactId"], id);
}

async fn subjects_and_organizations_have_shares(world: World) {
    let feed = Feed::new(&world.db, SubscriptionLimits { total: 9, of_subject: 2, of_organization: 3 });
    let listen = async |subject, organization| {
        let who = (subject, OrganizationId(organization));
        feed.listen(world.db.clone(), who, Interest::default(), None).await
    };
    let refused = async |subject, organization| {
        let error = listen(subject, organization).await.err().expect("a refusal");
        assert_eq!(error.code(), Code::RateLimited);
    };
    let home = listen("ada", HOME).await.expect("a listener");
    let other = listen("ada", OTHER).await.expect("a listener");
    refused("ada", HOME).await;
    refused("ada", OTHER).await;
    let grace = [listen("grace", HOME).await, listen("grace", HOME).await];
    assert!(grace.iter().all(Result::is_ok));
    refused("joan", HOME).await;
    let joan = listen("joan", OTHER).await.expect("a listener");
    drop((home, other, grace));
    assert!(listen("joan", HOME).await.is_ok());
    drop(joan);
    assert_eq!(feed.listener_count(), 0);
}

async fn whoever_is_slow_misses_nothing(world: World) {
    let feed = Feed::new(&world.db, SubscriptionLimits { total: 3, of_subject: 2, of_organization: 9 });
    let listen = async |subject| {
        let who = (subject, OrganizationId(HOME));
        feed.listen(world.db.clone(), who, Interest::default(), None).await
    };
    let mut slow = listen("ada").await.expect("a listener");
    let mut quick = listen("ada").await.expect("a listener");
    assert_eq!(listen("ada").await.err().map(|error| error.code()), Some(Code::RateLimited));
    let third = listen("grace").await.expect("a listener");
    assert_eq!(listen("joan").await.err().map(|error| error.code()), Some(Code::Overloaded));
    drop(third);
    // More than is buffered for slow subscribers.
    let count = 1500;
    let names: Vec<String> = (0..count).map(|number| format!("{number:04}")).collect();
    let rows = |names: &[String]| -> Vec<Value> {
        names
            .iter()
            .map(
                |name| json!({ "remoteId": name, "email": format!("{name}@example.com"), "firstName": name }),
            )
            .collect()
    };
    for names in names.chunks(500) {
        let input = json!({ "rows": rows(names) });
        done(&world.writer(), "upsertAccountContacts", input, "created").await;
    }
    for listener in [&mut quick, &mut slow] {
        let mut last = 0;
        for name in &names {
            let event = listener.next().await.expect("an event");
            assert_eq!(event.change.fields.value().expect("JSON")["firstName"]["new"], *name);
            assert!(event.change.seq > last);
            last = event.change.seq;
        }
    }
    assert_eq!(feed.listener_count(), 2);
    drop((slow, quick));
    assert_eq!(feed.listener_count(), 0);
}

async fn whoever_is_erased_is_told_without_a_contact(world: World) {
    let admin = world.admin();
    let id = card(&admin, "Globex").await;
    let mut subscriber = Subscriber::with(&world.reader(), "").await;
    rename(&admin, &id, "Initech").await;
    let event = subscriber.event().await;
    done(&admin, "eraseContact", json!({ "id": id }), "__typename").await;
    assert_eq!(subscriber.event().await["contact"], Value::Null);
    // An event that was delivered is not delivered again.
    let mut later =
        Subscriber::with(&world.reader(), &format!("(after: {})", first_cursor(&world).await)).await;
    assert_eq!(event["change"]["fields"]["name"]["new"], "Initech");
    let event = later.event().await;
    assert_eq!((&event["contactId"], &event["contact"]), (&id, &Value::Null));
    assert!(!event.to_string().contains("Initech"), "{event}");
}

async fn arguments_that_are_not_good_are_refused(world: World) {
    let reader = world.reader();
    let partner = world.rows().partner("Globex", None).await.id;
    let account = world.rows().account("Globex").await.id;
    for (arguments, argument) in [
        ("(kinds: [])".to_owned(), "kinds"),
        ("(ids: [])".to_owned(), "ids"),
        (format!("(ids: [\"{partner}\"])"), "ids"),
        (format!("(partnerId: \"{account}\")"), "partnerId"),
        (format!("(accountId: \"{partner}\")"), "accountId"),
        ("(after: \"x\")".to_owned(), "after"),
    ] {
        let result = Subscriber::with(&reader, &arguments).await.result().await;
        assert_eq!(result["errors"][0]["extensions"]["code"], "BAD_REQUEST", "{arguments} {result}");
        assert_eq!(result["data"], Value::Null);
        let named = &result["errors"][0]["extensions"]["argument"];
        assert_eq!(named.get(0).and_then(Value::as_str).unwrap_or_default(), argument, "{result}");
    }
    // A token without the right to read receives no events.
    let blind = world.actor("blind", &[HOME], &[]);
    let result = Subscriber::with(&blind, "").await.result().await;
    assert_eq!(result["errors"][0]["extensions"]["code"], "FORBIDDEN", "{result}");
}

/// How many write at once, and how many contacts each of them makes.
const WRITERS: usize = 8;
const CONTACTS: usize = 40;

/// Makes contacts, each until it is acknowledged; gives their ids.
async fn make_contacts(client: Client, writer: usize) -> Vec<String> {
    let document = "mutation($input: CreateOrganizationContactInput!) {
        createOrganizationContact(input: $input) { organizationContact { id } }
    }";
    let mut ids = Vec::new();
    for number in 0..CONTACTS {
        let name = format!("{writer}-{number}");
        // Of several tries one makes it.
        let input = json!({ "type": "FINANCE", "name": name, "idempotencyKey": name });
        loop {
            let answer = client.answer(document, json!({ "input": input })).await.expect("an answer");
            match &answer["data"]["createOrganizationContact"]["organizationContact"]["id"] {
                Value::String(id) => break ids.push(id.clone()),
                _ => sleep(Duration::from_millis(20)).await,
            }
        }
    }
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_and_a_crash_of_the_database_are_told_once_each_and_in_order() {
    let mut cluster = Cluster::start();
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = Development::start(folder.path(), Some(&cluster.url())).await;
    let request = gateway.client.request(Method::POST, "graphql").header("x-org-id", "1");
    let mut subscriber =
        Subscriber::to(request, "subscription { contactChanged { contactId change { seq } } }").await;
    let writers = (0..WRITERS).map(|writer| tokio::spawn(make_contacts(gateway.client.clone(), writer)));
    let writers: Vec<_> = writers.collect();
    let (mut ids, mut last) = (BTreeSet::new(), 0);
    for number in 0..WRITERS * CONTACTS {
        if number == WRITERS * CONTACTS / 2 {
            cluster.stop_at_once();
            cluster.start_again();
        }
        let event = subscriber.event().await;
        let (id, seq) = (event["contactId"].as_str().expect("an id"), big_int(&event["change"]["seq"]));
        assert!(seq > last, "{seq} after {last}");
        assert!(ids.insert(id.to_owned()), "{id} is delivered twice");
        last = seq;
    }
    for writer in writers {
        for id in writer.await.expect("a writer") {
            assert!(ids.remove(&id), "{id} is not delivered");
        }
    }
    assert_eq!(ids, BTreeSet::new());
    drop(gateway);
}
