//! Change records: one for each row that really changed, with actor, time, request, old and new values.

use contact_gateway::entity::{custom_field::FieldType, internal_contact_assignment::InternalRole};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::{
    custom_field::field,
    mutation::{done, refused, with},
    support::{Actor, HOME, World, big_int, on_both},
};

on_both!(
    creations_are_recorded,
    updates_are_recorded_with_old_and_new_values,
    assignments_are_recorded_apart_from_people,
    a_new_account_is_recorded,
    what_is_refused_or_changes_nothing_is_not_recorded,
    records_tell_who_when_and_in_which_request,
    records_of_other_organizations_are_not_seen,
    a_cursor_is_good_as_long_as_its_change_is_in_the_log,
    numbers_may_be_greater_than_32_bits,
    a_change_gives_what_was_changed_as_it_is_now,
);

/// The changes that came through HTTP in the actor's organization, oldest first.
pub(crate) async fn changes(actor: &Actor) -> Vec<Value> {
    let document = "{ changes(first: 100) { nodes { seq at actor entityId kind action fields requestId } } }";
    let reply = actor.query(document).await;
    let nodes = reply.list("/changes/nodes");
    assert!(nodes.is_sorted_by_key(|change| big_int(&change["seq"])));
    let made_here = |change: &&Value| !matches!(change["actor"].as_str(), Some("template" | "rows"));
    nodes.iter().filter(made_here).cloned().collect()
}

/// The action, the row and the actor of each change.
pub(crate) fn event(change: &Value) -> Value {
    let fields = ["kind", "action", "entityId", "fields", "actor"];
    fields.into_iter().map(|field| (field.to_owned(), change[field].clone())).collect()
}

/// The value of an enum for a name of the log: `INTERNAL_CONTACT` for `InternalContact`.
pub(crate) fn constant(name: &str) -> String {
    let mut constant = String::new();
    for (position, letter) in name.char_indices() {
        if position > 0 && letter.is_ascii_uppercase() {
            constant.push('_');
        }
        constant.push(letter.to_ascii_uppercase());
    }
    constant
}

/// What the log says that the writer did.
pub(crate) fn happened(kind: &str, action: &str, id: &Value, fields: Value) -> Value {
    json!({ "kind": constant(kind), "action": constant(action), "entityId": id, "fields": fields, "actor": "writer" })
}

fn created(kind: &str, id: &Value, fields: Value) -> Value {
    happened(kind, "created", id, fields)
}

fn updated(kind: &str, id: &Value, fields: Value) -> Value {
    happened(kind, "updated", id, fields)
}

pub(crate) async fn events(world: &World) -> Vec<Value> {
    changes(&world.reader()).await.iter().map(event).collect()
}

async fn creations_are_recorded(world: World) {
    let (writer, rows) = (world.writer(), world.rows());
    let input = json!({ "name": " Globex ", "remoteId": "r-1", "idempotencyKey": "k" });
    let partner = done(&writer, "createPartner", input, "partner { id }").await;
    let input = json!({ "name": "Initech", "primaryDomain": "initech.example" });
    let account = done(&writer, "createAccount", input, "account { id }").await;
    let input = json!({ "email": "Ada@example.com", "internalRole": "CO_LEAD", "phone": "+1 202 555 0143", "name": "" });
    let selection = "internalContact { id } assignment { id }";
    let person = done(&writer, "createInternalContact", input, selection).await;
    let size = field(&rows, "size", FieldType::SingleChoice, false).await.to_string();
    let account_id = &account["account"]["id"];
    let input = json!({
        "firstName": "Grace", "email": "grace@example.com", "accountIds": [account_id, account_id],
        "metadata": { "a": [1] }, "customFieldValues": [{ "customFieldId": size, "value": "L" }],
    });
    let contact =
        done(&writer, "createAccountContact", input, "accountContact { id contactType { id } }").await;
    let contact = &contact["accountContact"];
    let input =
        json!({ "type": "INVOICE_ADDRESS", "countryId": "276", "purchaseOrderNumber": "7", "name": null });
    let card = done(&writer, "createOrganizationContact", input, "organizationContact { id }").await;

    let expected = [
        created(
            "Partner",
            &partner["partner"]["id"],
            json!({ "name": { "new": "Globex" }, "remoteId": { "new": "r-1" } }),
        ),
        created(
            "Account",
            account_id,
            json!({ "name": { "new": "Initech" }, "primaryDomain": { "new": "initech.example" } }),
        ),
        created(
            "InternalContact",
            &person["internalContact"]["id"],
            json!({ "email": { "new": "Ada@example.com" }, "phone": { "new": "+12025550143" } }),
        ),
        created(
            "InternalContactAssignment",
            &person["assignment"]["id"],
            json!({
                "internalContactId": { "new": person["internalContact"]["id"] }, "internalRole": { "new": "CO_LEAD" },
            }),
        ),
        created(
            "AccountContact",
            &contact["id"],
            json!({
                "firstName": { "new": "Grace" }, "email": { "new": "grace@example.com" },
                "contactTypeId": { "new": contact["contactType"]["id"] }, "accountIds": { "new": [account_id] },
                "metadata": { "new": { "a": [1] } }, "customFieldValues": { "new": { size: "L" } },
            }),
        ),
        created(
            "OrganizationContact",
            &card["organizationContact"]["id"],
            json!({
                "type": { "new": "INVOICE_ADDRESS" }, "countryId": { "new": 276 },
                "purchaseOrderNumber": { "new": "7" },
            }),
        ),
    ];
    assert_eq!(events(&world).await, expected);
}

async fn updates_are_recorded_with_old_and_new_values(world: World) {
    let writer = world.writer();
    let input =
        json!({ "email": "ada@example.com", "internalRole": "CSM", "name": "Ada", "jobTitle": "Analyst" });
    let person = done(&writer, "createInternalContact", input, "internalContact { id }").await;
    let person = &person["internalContact"]["id"];
    let input = json!({ "type": "TECHNICAL", "countryId": "276", "city": "Berlin" });
    let card = done(&writer, "createOrganizationContact", input, "organizationContact { id }").await;
    let card = &card["organizationContact"]["id"];
    let before = events(&world).await.len();

    let input = json!({
        "id": person, "email": "Ada@example.com", "name": "Ada", "jobTitle": null, "phone": "+1 202 555 0143",
        "givenName": " ",
    });
    done(&writer, "updateInternalContact", input, "internalContact { id }").await;
    let input =
        json!({ "id": card, "countryId": 840, "city": null, "state": "NY", "email": "e@example.com" });
    done(&writer, "updateOrganizationContact", input, "organizationContact { id }").await;
    let expected = [
        updated(
            "InternalContact",
            person,
            json!({
                "email": { "old": "ada@example.com", "new": "Ada@example.com" },
                "jobTitle": { "old": "Analyst", "new": null },
                "phone": { "old": null, "new": "+12025550143" },
            }),
        ),
        updated(
            "OrganizationContact",
            card,
            json!({
                "countryId": { "old": 276, "new": 840 }, "city": { "old": "Berlin", "new": null },
                "state": { "old": null, "new": "NY" }, "email": { "old": null, "new": "e@example.com" },
            }),
        ),
    ];
    assert_eq!(events(&world).await[before..], expected);
}

async fn assignments_are_recorded_apart_from_people(world: World) {
    let writer = world.writer();
    let floating = world.rows().internal_contact("ada@example.com", InternalRole::Csm).await;
    let (person, floating) = (floating.contact.id.to_string(), json!(floating.assignment.id.to_string()));
    let partner = world.rows().partner("Globex", None).await.id.to_string();
    let input = json!({ "assignmentId": floating, "partnerId": partner });
    done(&writer, "attachInternalContactAssignment", input.clone(), "assignment { id }").await;
    let input = with(input, json!({ "internalRole": "LEAD" }));
    done(&writer, "updateInternalContactRole", input, "assignment { id }").await;
    let input = json!({
        "partnerId": partner, "email": "ADA@example.com", "internalRole": "CSM", "name": "Ada", "remoteId": "r-1",
    });
    let added = done(&writer, "addInternalContactToPartner", input, "assignment { id }").await;
    let kind = "InternalContactAssignment";
    let expected = [
        updated(kind, &floating, json!({ "partnerId": { "old": null, "new": partner } })),
        updated(kind, &floating, json!({ "internalRole": { "old": "CSM", "new": "LEAD" } })),
        created(
            kind,
            &added["assignment"]["id"],
            json!({
                "internalContactId": { "new": person }, "partnerId": { "new": partner },
                "internalRole": { "new": "CSM" }, "remoteId": { "new": "r-1" },
            }),
        ),
    ];
    assert_eq!(events(&world).await, expected);
}

async fn a_new_account_is_recorded(world: World) {
    let rows = world.rows();
    let (one, two) = (rows.account("One").await, rows.account("Two").await);
    let contact = json!(rows.account_contact("a@example.com", &[&one]).await.id.to_string());
    let input = json!({ "accountContactId": contact, "accountId": two.id.to_string() });
    done(&world.writer(), "addAccountContactToAccount", input, "account { id }").await;
    let (one, two) = (one.id.to_string(), two.id.to_string());
    let fields = json!({ "accountIds": { "old": [one], "new": [one, two] } });
    assert_eq!(events(&world).await, [updated("AccountContact", &contact, fields)]);
}

async fn what_is_refused_or_changes_nothing_is_not_recorded(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let (partner, account) = (rows.partner("Globex", Some("r-1")).await, rows.account("One").await);
    let assigned = rows.assignment("ada@example.com", InternalRole::Csm, &partner).await;
    let contact = rows.account_contact("a@example.com", &[&account]).await;
    let role = json!({
        "partnerId": partner.id.to_string(), "assignmentId": assigned.assignment.id.to_string(), "internalRole": "CSM",
    });
    let link = json!({ "accountContactId": contact.id.to_string(), "accountId": account.id.to_string() });
    let person = json!({ "id": assigned.contact.id.to_string() });
    for (mutation, input) in [
        ("updateInternalContactRole", role.clone()),
        ("addAccountContactToAccount", link.clone()),
        ("updateInternalContact", person.clone()),
    ] {
        world.nothing_written(done(&writer, mutation, input, "__typename")).await;
    }
    let stale = json!({ "expectedVersion": 9, "name": "A" });
    refused(&world, "updateInternalContact", with(person, stale), &["CONFLICT expectedVersion"]).await;
    let input = json!({ "name": "Globex", "remoteId": "r-1", "idempotencyKey": "k" });
    refused(&world, "createPartner", input, &["TAKEN remoteId"]).await;
    assert_eq!(events(&world).await, [Value::Null; 0]);
}

async fn records_tell_who_when_and_in_which_request(world: World) {
    let named = world.writer().with_header("x-request-id", "request-1");
    let selection = "internalContact { id createdAt updatedAt } assignment { updatedAt }";
    let input = json!({ "email": "ada@example.com", "internalRole": "CSM" });
    let person = done(&named, "createInternalContact", input, selection).await["internalContact"].clone();
    let admin = world.admin();
    let input = json!({ "id": person["id"], "name": "Ada" });
    let reply = admin.mutate("updateInternalContact", input, "internalContact { updatedAt }").await;
    let updated_at = reply.data("/updateInternalContact/internalContact/updatedAt");
    let request_id = reply.headers["x-request-id"].to_str().expect("an id");

    let records = changes(&world.reader()).await;
    let facts: Vec<_> = records.iter().map(|it| json!([it["actor"], it["at"], it["requestId"]])).collect();
    let creation = json!(["writer", person["createdAt"], "request-1"]);
    assert_eq!(facts, [creation.clone(), creation, json!(["admin", updated_at, request_id])]);
}

async fn records_of_other_organizations_are_not_seen(world: World) {
    let input = json!({ "name": "Globex" });
    done(&world.writer(), "createPartner", input.clone(), "partner { id }").await;
    done(&world.other(), "createPartner", input, "partner { id }").await;
    let (home, elsewhere) = (changes(&world.reader()).await, changes(&world.other()).await);
    assert_eq!((home.len(), elsewhere.len()), (1, 1));
    assert_eq!((&home[0]["actor"], &elsewhere[0]["actor"]), (&json!("writer"), &json!("other")));
    assert_ne!(home[0]["entityId"], elsewhere[0]["entityId"]);
}

/// The cursors of the changes, in the order of their numbers.
async fn cursors(actor: &Actor, arguments: &str) -> Vec<Value> {
    let reply = actor.query(&format!("{{ changes({arguments}) {{ edges {{ cursor }} }} }}")).await;
    reply.list("/changes/edges").iter().map(|edge| edge["cursor"].clone()).collect()
}

async fn execute(world: &World, sql: &str) {
    world.db.pool().execute_unprepared(sql).await.expect(sql);
}

async fn a_cursor_is_good_as_long_as_its_change_is_in_the_log(world: World) {
    let (writer, reader) = (world.writer(), world.reader());
    let input = json!({ "type": "FINANCE", "name": "0" });
    let card = done(&writer, "createOrganizationContact", input, "organizationContact { id }").await;
    let card = &card["organizationContact"]["id"];
    for name in 1..=4 {
        let input = json!({ "id": card, "name": name.to_string() });
        done(&writer, "updateOrganizationContact", input, "__typename").await;
    }
    let codes = async |cursor: &Value, sorted: &Value| {
        let lists = [
            format!("changes(after: {cursor})"),
            format!("changes(before: {cursor})"),
            format!("changes(after: {sorted}, orderBy: {{ field: SEQ, direction: DESC }})"),
            format!("changes(before: {sorted}, orderBy: {{ field: SEQ, direction: DESC }})"),
            format!("organizationContact(id: {card}) {{ history(after: {cursor})"),
            format!("organizationContact(id: {card}) {{ history(before: {cursor})"),
        ];
        let mut codes = Vec::new();
        for list in lists {
            let end = if list.contains("history") { "}" } else { "" };
            let reply = reader.query(&format!("{{ {list} {{ nodes {{ seq }} }} {end} }}")).await;
            codes.extend(reply.errors());
        }
        codes
    };
    let lost = |count: usize| ["CURSOR_LOST changes"; 4].into_iter().map(str::to_owned).take(count);
    let all_lost: Vec<String> =
        lost(4).chain(["CURSOR_LOST organizationContact.history"; 2].map(str::to_owned)).collect();
    let by_number = cursors(&reader, "last: 4").await;
    let mut sorted = cursors(&reader, "first: 4, orderBy: { field: SEQ, direction: DESC }").await;
    sorted.reverse();
    let both = async |number: usize| codes(&by_number[number], &sorted[number]).await;
    for number in 0..4 {
        assert_eq!(both(number).await, [""; 0]);
    }
    // The number of the last change is given to another one, as after a failover that lost it.
    let last = format!("org_id = {HOME} AND seq = (SELECT max(seq) FROM change WHERE org_id = {HOME})");
    execute(&world, &format!("UPDATE change SET request_id = 'another' WHERE {last}")).await;
    assert_eq!(both(3).await, all_lost);
    // It was lost, and its number is given to none yet.
    execute(&world, &format!("DELETE FROM change WHERE {last}")).await;
    execute(&world, &format!("UPDATE change_counter SET seq = seq - 1 WHERE org_id = {HOME}")).await;
    assert_eq!(both(3).await, all_lost);
    assert_eq!(both(2).await, [""; 0]);
    // Retention deletes all but the last two that are left.
    let through = format!("(SELECT max(seq) FROM change WHERE org_id = {HOME}) - 2");
    let deleted = format!("UPDATE change_counter SET deleted_through = {through} WHERE org_id = {HOME}");
    execute(&world, &deleted).await;
    let delete = "DELETE FROM change WHERE seq <= (SELECT deleted_through FROM change_counter c WHERE c.org_id = change.org_id)";
    execute(&world, &format!("{delete} AND org_id = {HOME}")).await;
    assert_eq!(both(0).await, all_lost);
    assert_eq!(both(1).await, [""; 0]);
    let reply = reader.query(&format!("{{ changes(after: {}) {{ nodes {{ seq }} }} }}", by_number[3])).await;
    let message = &reply.body["errors"][0]["message"];
    assert!(message.as_str().is_some_and(|message| message.contains("without a cursor")), "{message}");
}

async fn numbers_may_be_greater_than_32_bits(world: World) {
    let great = 3_000_000_000_i64;
    execute(&world, &format!("UPDATE change_counter SET seq = {great} WHERE org_id = {HOME}")).await;
    done(&world.writer(), "createPartner", json!({ "name": "Globex" }), "__typename").await;
    let reply = world.reader().query("{ changes(last: 1) { nodes { seq } } organization { number } }").await;
    assert_eq!(*reply.data("/changes/nodes/0/seq"), json!((great + 1).to_string()));
    assert_eq!(*reply.data("/organization/number"), json!(HOME.to_string()));
}

async fn a_change_gives_what_was_changed_as_it_is_now(world: World) {
    let (admin, rows) = (world.admin(), world.rows());
    let input = json!({ "name": "Globex" });
    let partner = done(&admin, "createPartner", input, "partner { id }").await["partner"]["id"].clone();
    let mut cards = Vec::new();
    for name in ["Kept", "Deleted", "Erased"] {
        let input = json!({ "type": "FINANCE", "name": name });
        let made = done(&admin, "createOrganizationContact", input, "organizationContact { id }").await;
        cards.push(made["organizationContact"]["id"].clone());
    }
    let (survivor, merged) = (
        rows.account_contact("a@example.com", &[]).await.id.to_string(),
        rows.account_contact("b@example.com", &[]).await.id.to_string(),
    );
    done(&admin, "deleteOrganizationContact", json!({ "id": cards[1] }), "__typename").await;
    done(&admin, "eraseContact", json!({ "id": cards[2] }), "__typename").await;
    let input = json!({ "survivorId": survivor, "mergedId": merged });
    done(&admin, "mergeContacts", input, "__typename").await;
    let document = "{ changes(last: 100) { nodes { entityId node { __typename id } } } }";
    let (reply, statements) = world.statements(world.reader().query(document)).await;
    for change in reply.list("/changes/nodes") {
        let id = &change["entityId"];
        let node = world.reader().query(&format!("{{ node(id: {id}) {{ __typename id }} }}")).await;
        assert_eq!(change["node"], *node.data("/node"), "{id}");
    }
    let node = |id: &Value| {
        let changes = reply.list("/changes/nodes").iter();
        changes.rev().find(|change| change["entityId"] == *id).map(|change| change["node"].clone())
    };
    assert_eq!(node(&partner), Some(json!({ "__typename": "Partner", "id": partner })));
    assert_eq!(node(&cards[0]), Some(json!({ "__typename": "OrganizationContact", "id": cards[0] })));
    assert_eq!(node(&cards[2]), Some(Value::Null));
    assert_eq!(node(&json!(merged)), Some(json!({ "__typename": "AccountContact", "id": survivor })));
    // The changes, each kind, and what deleted contacts stand for with the survivors themselves.
    let kinds: std::collections::BTreeSet<_> = reply
        .list("/changes/nodes")
        .iter()
        .filter_map(|change| change["node"]["__typename"].as_str())
        .collect();
    assert!(statements.len() <= kinds.len() + 3, "{kinds:?} {statements:#?}");
}
