//! The history of contacts: the changes of each, with actor and request.

use contact_gateway::{
    entity::organization_contact::OrganizationContactType::Technical, service::organization_contact::Card,
};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::{
    change::constant,
    mutation::done,
    support::{Actor, World, big_int, on_both},
};

on_both!(
    each_kind_tells_its_creation_and_its_updates,
    it_tells_who_did_it_in_which_request,
    it_is_ordered_filtered_and_paged,
    a_hundred_parents_are_one_statement,
    the_other_organization_sees_nothing,
    bad_arguments_are_refused,
);

const HISTORY: &str = "history { totalCount nodes { entityId kind action fields } }";

async fn history(world: &World, id: &Value) -> Value {
    let document = format!("query($id: ID!) {{ node(id: $id) {{ ... on Contact {{ {HISTORY} }} }} }}");
    let reply = world.reader().graphql(&document, json!({ "id": id })).await;
    reply.data("/node/history").clone()
}

async fn each_kind_tells_its_creation_and_its_updates(world: World) {
    let writer = world.writer();
    let input = json!({ "email": "ada@example.com", "internalRole": "CSM", "givenName": "Ada" });
    let person = made(&writer, "createInternalContact", input, "internalContact").await;
    let input = json!({ "id": person, "givenName": "Augusta", "jobTitle": "Countess", "phone": null });
    done(&writer, "updateInternalContact", input, "__typename").await;
    let input = json!({ "id": person, "jobTitle": null });
    done(&writer, "updateInternalContact", input.clone(), "__typename").await;
    // Nothing changes any more.
    done(&writer, "updateInternalContact", input, "__typename").await;
    done(&writer, "deleteInternalContact", json!({ "id": person }), "__typename").await;
    done(&writer, "restoreInternalContact", json!({ "id": person }), "__typename").await;
    assert_history(
        &world,
        &person,
        "InternalContact",
        &[
            ("created", json!({ "email": { "new": "ada@example.com" }, "givenName": { "new": "Ada" } })),
            (
                "updated",
                json!({
                    "givenName": { "old": "Ada", "new": "Augusta" },
                    "jobTitle": { "old": null, "new": "Countess" },
                }),
            ),
            ("updated", json!({ "jobTitle": { "old": "Countess", "new": null } })),
            ("deleted", json!({})),
            ("restored", json!({})),
        ],
    )
    .await;

    let account = made(&writer, "createAccount", json!({ "name": "Globex" }), "account").await;
    let input = json!({ "firstName": "Grace", "email": "grace@example.com" });
    let contact = made(&writer, "createAccountContact", input, "accountContact").await;
    let input = json!({ "accountContactId": contact, "accountId": account });
    done(&writer, "addAccountContactToAccount", input, "__typename").await;
    let found = history(&world, &contact).await;
    let actions: Vec<_> = found["nodes"].as_array().expect("nodes").iter().map(|it| &it["action"]).collect();
    assert_eq!(actions, ["CREATED", "UPDATED"]);
    assert_eq!(found["nodes"][1]["fields"]["accountIds"], json!({ "old": [], "new": [account] }));

    let input = json!({ "type": "TECHNICAL", "email": "ops@example.com" });
    let card = made(&writer, "createOrganizationContact", input, "organizationContact").await;
    let input = json!({ "id": card, "department": "Operations", "email": null });
    done(&writer, "updateOrganizationContact", input, "__typename").await;
    assert_history(
        &world,
        &card,
        "OrganizationContact",
        &[
            ("created", json!({ "type": { "new": "TECHNICAL" }, "email": { "new": "ops@example.com" } })),
            (
                "updated",
                json!({
                    "department": { "old": null, "new": "Operations" },
                    "email": { "old": "ops@example.com", "new": null },
                }),
            ),
        ],
    )
    .await;
}

async fn made(actor: &Actor, mutation: &str, input: Value, object: &str) -> Value {
    done(actor, mutation, input, &format!("{object} {{ id }}")).await[object]["id"].clone()
}

async fn assert_history(world: &World, id: &Value, kind: &str, expected: &[(&str, Value)]) {
    let nodes: Vec<Value> = expected
        .iter()
        .map(|(action, fields)| json!({ "entityId": id, "kind": constant(kind), "action": constant(action), "fields": fields }))
        .collect();
    assert_eq!(history(world, id).await, json!({ "totalCount": nodes.len(), "nodes": nodes }));
}

async fn it_tells_who_did_it_in_which_request(world: World) {
    let writer = world.writer().with_header("x-request-id", "request-1");
    let input = json!({ "email": "ada@example.com", "internalRole": "CSM" });
    let person = made(&writer, "createInternalContact", input, "internalContact").await;
    let admin = world.admin().with_header("x-request-id", "request-2");
    let input = json!({ "id": person, "name": "Ada" });
    let selection = "internalContact { createdAt updatedAt history { nodes { at actor requestId } } }";
    let updated = done(&admin, "updateInternalContact", input, selection).await["internalContact"].clone();
    let expected = json!({ "nodes": [
        { "at": updated["createdAt"], "actor": "writer", "requestId": "request-1" },
        { "at": updated["updatedAt"], "actor": "admin", "requestId": "request-2" },
    ] });
    assert_eq!(updated["history"], expected);
}

/// A person with a creation and five updates.
async fn busy(world: &World) -> Value {
    let writer = world.writer();
    let input = json!({ "email": "ada@example.com", "internalRole": "CSM" });
    let person = made(&writer, "createInternalContact", input, "internalContact").await;
    for number in 1..=5 {
        let input = json!({ "id": person, "jobTitle": format!("Job {number}") });
        done(&writer, "updateInternalContact", input, "__typename").await;
        // Something happens to others in between.
        world.rows().organization_contact(Technical, Card::default()).await;
    }
    person
}

async fn it_is_ordered_filtered_and_paged(world: World) {
    let person = busy(&world).await;
    let reader = world.reader();
    let ask = async |arguments: &str| {
        let document = format!(
            "query($id: ID!) {{ internalContact(id: $id) {{ history{arguments} {{
                totalCount nodes {{ seq }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
            }} }} }}"
        );
        let reply = reader.graphql(&document, json!({ "id": person })).await;
        reply.data("/internalContact/history").clone()
    };
    let all = ask("").await;
    let seqs: Vec<i64> = seqs(&all);
    assert_eq!((seqs.len(), seqs.is_sorted(), &all["totalCount"]), (6, true, &json!(6)));
    let reversed: Vec<i64> = seqs.iter().rev().copied().collect();
    for (arguments, expected) in [
        ("(orderBy: { field: SEQ })", &seqs[..]),
        ("(orderBy: { field: SEQ, direction: DESC })", &reversed),
        ("(last: 2)", &seqs[4..]),
        ("(orderBy: { field: SEQ, direction: DESC }, last: 2)", &reversed[4..]),
        ("(orderBy: { field: SEQ, direction: DESC }, first: 2)", &reversed[..2]),
        ("(filter: { action: { eq: CREATED } })", &seqs[..1]),
        ("(filter: { action: { ne: CREATED } }, last: 1)", &seqs[5..]),
        ("(filter: { not: { action: { in: [UPDATED] } } })", &seqs[..1]),
        ("(filter: { actor: { eq: \"nobody\" } })", &[]),
        ("(filter: { kind: { eq: ORGANIZATION_CONTACT } })", &[]),
    ] {
        assert_eq!(self::seqs(&ask(arguments).await), expected, "{arguments}");
    }
    assert_eq!(ask("(filter: { action: { eq: UPDATED } }, first: 1)").await["totalCount"], 5);
    for (size, order) in [(1, ""), (2, ""), (4, ""), (4, ", orderBy: { field: SEQ, direction: DESC }")] {
        let (mut forward, mut backward) = (Vec::new(), Vec::new());
        let mut cursors = [String::new(), String::new()];
        loop {
            let page = ask(&format!("(first: {size}{}{order})", cursors[0])).await;
            forward.extend(self::seqs(&page));
            let before = ask(&format!("(last: {size}{}{order})", cursors[1])).await;
            backward.splice(0..0, self::seqs(&before));
            cursors[0] = format!(", after: {}", page["pageInfo"]["endCursor"]);
            cursors[1] = format!(", before: {}", before["pageInfo"]["startCursor"]);
            assert_eq!(page["pageInfo"]["hasNextPage"], before["pageInfo"]["hasPreviousPage"]);
            if page["pageInfo"]["hasNextPage"] != true {
                break;
            }
        }
        let expected = if order.is_empty() { &seqs } else { &reversed };
        assert_eq!((&forward, &backward), (expected, expected), "{size}{order}");
    }
}

fn seqs(history: &Value) -> Vec<i64> {
    let nodes = history["nodes"].as_array().expect("nodes");
    nodes.iter().map(|node| big_int(&node["seq"])).collect()
}

async fn a_hundred_parents_are_one_statement(world: World) {
    let (_, ids) = world.rows().contacts_of_all_kinds(100).await;
    let reader = world.reader();
    let filtered = "history(last: 3, filter: { action: { eq: CREATED } }) { edges { node { seq } } }";
    for (list, lists) in [
        ("contacts(first: 100) { nodes { $ } }", 1),
        ("accountContacts(first: 100) { edges { node { $ } } }", 1),
        ("internalContacts(first: 100) { nodes { $ } }", 1),
        ("organizationContacts(first: 100) { nodes { $ } }", 1),
        ("accounts(first: 9) { nodes { contacts(first: 100) { nodes { $ } } } }", 2),
        ("nodes(ids: $ids) { ... on Contact { $ } }", 3),
        ("node(id: $id) { ... on OrganizationContact { $ } }", 1),
        ("organizationContact(id: $id) { $ }", 1),
    ] {
        for (below, more) in [("history { nodes { seq } }", 1), (HISTORY, 2), (filtered, 1)] {
            let document = list
                .replace("$ids", &json!(ids[..99]).to_string())
                .replace("$id", &json!(ids[2]).to_string())
                .replace("{ $ }", &format!("{{ id {below} }}"));
            let (reply, statements) = world.statements(reader.query(&format!("{{ {document} }}"))).await;
            assert!(!reply.data("").to_string().contains("s\":[]"), "{list}: {}", reply.body);
            assert_eq!(statements.len(), lists + more, "{list} {below}: {statements:#?}");
        }
    }
}

async fn the_other_organization_sees_nothing(world: World) {
    let person = busy(&world).await;
    // A record of theirs that claims to be about it.
    let sql = format!(
        "INSERT INTO change (org_id, seq, at, actor, entity_kind, entity_id, action, fields, request_id)
         SELECT 2, 1000 + seq, at, actor, entity_kind, entity_id, 'stolen', fields, request_id FROM change
         WHERE entity_id = {}",
        person.to_string().replace('"', "'")
    );
    world.db.connection().execute_unprepared(&sql).await.expect("records");
    let found = history(&world, &person).await;
    assert_eq!(found["totalCount"], 6);
    assert!(!found.to_string().contains("stolen"), "{found}");
    let document = format!("query($id: ID!) {{ node(id: $id) {{ ... on Contact {{ {HISTORY} }} }} }}");
    let theirs = world.other().graphql(&document, json!({ "id": person })).await;
    assert_eq!(theirs.data("/node"), &Value::Null);
}

async fn bad_arguments_are_refused(world: World) {
    busy(&world).await;
    let reader = world.reader();
    let elsewhere = reader.query("{ contacts { edges { cursor } } changes { edges { cursor } } }").await;
    let foreign = elsewhere.text("/contacts/edges/0/cursor");
    let by_key = elsewhere.text("/changes/edges/0/cursor");
    for (arguments, argument) in [
        ("first: 0".to_owned(), json!(["first"])),
        (format!("after: \"{foreign}\""), json!(["after"])),
        (format!("orderBy: {{ field: SEQ }}, before: \"{by_key}\""), json!(["before"])),
        ("filter: { action: { eq: null } }".to_owned(), json!(["filter", "action", "eq"])),
        ("filter: { or: [{ at: { in: [] } }] }".to_owned(), json!(["filter", "or", "0", "at", "in"])),
        ("orderBy: [{ field: SEQ }, { field: SEQ }]".to_owned(), json!(["orderBy", "1"])),
    ] {
        let document =
            format!("{{ internalContacts {{ nodes {{ history({arguments}) {{ totalCount }} }} }} }}");
        let reply = reader.query(&document).await;
        assert_eq!(reply.errors(), ["BAD_REQUEST internalContacts.nodes.0.history"], "{arguments}");
        assert_eq!(reply.body["errors"][0]["extensions"]["argument"], argument, "{arguments}");
    }
}
