//! Organizations are isolated: no request in one returns or changes a row of the other.
//!
//! Both hold rows of the same names, emails and remote ids. That root fields do not take ids of the other organization is
//! shown in `authorization`.

use std::collections::BTreeSet;

use contact_gateway::{
    entity::{
        custom_field::FieldType,
        internal_contact_assignment::InternalRole::{Csm, Lead},
        organization_contact::OrganizationContactType,
    },
    service::organization_contact::Card,
};
use serde_json::{Value, json};

use crate::support::{Actor, Rows, World, on_both};

on_both!(
    no_list_shows_the_other_organization,
    counts_are_of_one_organization,
    no_id_reaches_the_other_organization,
    cursors_of_the_other_organization_open_nothing,
    each_organization_has_its_own_keys,
    changes_are_told_in_their_organization_only,
);

/// The same rows in either organization; gives the ids of all of them.
async fn fill(rows: &Rows) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let account = rows.account("Vandelay").await;
    for number in 0..3 {
        let partner = rows.partner("Globex", Some(&format!("r-{number}"))).await;
        for role in [Lead, Csm] {
            let assigned = rows.assignment("ada@example.com", role, &partner).await;
            ids.extend([assigned.assignment.id.to_string(), assigned.contact.id.to_string()]);
        }
        let contact = rows.account_contact(&format!("contact{number}@example.com"), &[&account]).await;
        let field = rows.custom_field(&format!("field_{number}"), FieldType::Text, &[]).await;
        let card = rows.organization_contact(OrganizationContactType::Finance, Card::default()).await;
        ids.extend([
            partner.id.to_string(),
            contact.id.to_string(),
            field.id.to_string(),
            card.id.to_string(),
        ]);
    }
    for name in ["Primary", "Billing", "Legal", "Executive", "Other"] {
        ids.insert(rows.contact_type(name).await.id.to_string());
    }
    ids.extend([account.id.to_string(), rows.organization.to_string()]);
    ids
}

/// Everything that can be read without an id, nested lists too.
const EVERYTHING: &str = "{
    viewer { organization { id } organizations { nodes { id } } }
    organization {
        id
        partners { nodes { id } } internalContacts { nodes { id } } accounts { nodes { id } }
        contactTypes { nodes { id } } customFields { nodes { id } }
    }
    organizations { nodes { id } }
    partners { nodes { id assignments { nodes { id } } internalContacts { nodes { id } } } }
    internalContacts { nodes { id assignments { nodes { id } } partners { nodes { id } } } }
    internalContactAssignments { nodes { id internalContact { id } partner { id } } }
    accounts { nodes { id contacts { nodes { id } } } }
    accountContacts { nodes { id contactType { id } accounts { nodes { id } } customFieldValues { field { id } } } }
    contactTypes { nodes { id } }
    customFields { nodes { id } }
    organizationContacts { nodes { id organization { id } } }
    contacts { nodes { id relatedContacts { nodes { id } } history { nodes { id: entityId } } } }
    changes(first: 100) { nodes { id: entityId } }
}";

/// The values of every field called `id`.
fn ids_in(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(ids_in).collect(),
        Value::Object(fields) => {
            let here = fields.get("id").and_then(Value::as_str).map(str::to_owned);
            here.into_iter().chain(fields.values().flat_map(ids_in)).collect()
        }
        _ => BTreeSet::new(),
    }
}

async fn no_list_shows_the_other_organization(world: World) {
    let home = fill(&world.rows()).await;
    let other = fill(&world.other_rows()).await;
    assert!(home.is_disjoint(&other));
    assert_eq!(ids_in(world.admin().query(EVERYTHING).await.data("")), home);
    assert_eq!(ids_in(world.other().query(EVERYTHING).await.data("")), other);

    // A caller with both still acts in one at a time, and sees both.
    for (selected, mut expected) in [("org_1", home), ("org_2", other)] {
        let reply = world.multi().in_organization(selected).query(EVERYTHING).await;
        expected.extend(["org_1".to_owned(), "org_2".to_owned()]);
        assert_eq!(ids_in(reply.data("")), expected);
    }
}

async fn counts_are_of_one_organization(world: World) {
    fill(&world.rows()).await;
    fill(&world.other_rows()).await;
    world.other_rows().partner("One more", None).await;
    let document = "{
        partners { totalCount nodes { assignments { totalCount } internalContacts { totalCount } } }
        internalContacts { totalCount nodes { assignments { totalCount } partners { totalCount } } }
        accounts { totalCount nodes { contacts { totalCount } } }
        organizationContacts { totalCount } customFields { totalCount } contactTypes { totalCount }
    }";
    let reply = world.reader().query(document).await;
    let partner = json!({ "assignments": { "totalCount": 2 }, "internalContacts": { "totalCount": 1 } });
    let person = json!({ "assignments": { "totalCount": 6 }, "partners": { "totalCount": 3 } });
    let expected = json!({
        "partners": { "totalCount": 3, "nodes": [partner, partner, partner] },
        "internalContacts": { "totalCount": 1, "nodes": [person] },
        "accounts": { "totalCount": 1, "nodes": [{ "contacts": { "totalCount": 3 } }] },
        "organizationContacts": { "totalCount": 3 },
        "customFields": { "totalCount": 3 },
        "contactTypes": { "totalCount": 5 },
    });
    assert_eq!(reply.data(""), &expected);
    assert_eq!(
        world.other().query("{ partners { totalCount } }").await.data("/partners/totalCount"),
        &json!(4)
    );
}

async fn no_id_reaches_the_other_organization(world: World) {
    let home = fill(&world.rows()).await;
    let other = fill(&world.other_rows()).await;
    let document = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let mixed: Vec<&String> = home.iter().zip(&other).flat_map(|(home, other)| [home, other]).collect();
    for (actor, reach) in [(world.admin(), &home), (world.other(), &other)] {
        let reply = actor.graphql(document, json!({ "ids": mixed })).await;
        let expected: Vec<Value> = mixed
            .iter()
            .map(|id| if reach.contains(*id) { json!({ "id": id }) } else { Value::Null })
            .collect();
        assert_eq!(reply.data("/nodes"), &json!(expected));
    }
    // Even a caller with both gets only the rows of the selected one; the organizations themselves are those of the token.
    let (organizations, rows): (Vec<String>, Vec<String>) =
        other.into_iter().partition(|id| id.starts_with("org_"));
    for id in organizations {
        let actor = world.multi().in_organization("1");
        let reply = actor.graphql("query($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await;
        assert_eq!(reply.data("/node/id"), &json!(id));
    }
    for id in rows {
        let actor = world.multi().in_organization("1");
        let reply = actor.graphql("query($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await;
        assert_eq!(reply.data("/node"), &Value::Null, "{id}");
    }
}

/// The cursors of a list's rows, and their ids.
async fn cursors(actor: &Actor, list: &str, window: &str) -> Vec<(Value, Value)> {
    let reply = actor.query(&format!("{{ {list}{window} {{ edges {{ cursor node {{ id }} }} }} }}")).await;
    let edges = reply.list(&format!("/{list}/edges"));
    edges.iter().map(|edge| (edge["cursor"].clone(), edge["node"]["id"].clone())).collect()
}

async fn cursors_of_the_other_organization_open_nothing(world: World) {
    fill(&world.rows()).await;
    fill(&world.other_rows()).await;
    let lists = [
        "partners",
        "internalContacts",
        "internalContactAssignments",
        "accounts",
        "accountContacts",
        "contactTypes",
        "customFields",
        "organizationContacts",
    ];
    for list in lists {
        let own: BTreeSet<String> =
            cursors(&world.reader(), list, "").await.iter().map(|(_, id)| id.to_string()).collect();
        let mut found = 0;
        for (cursor, _) in cursors(&world.other(), list, "").await {
            for window in [format!("(after: {cursor})"), format!("(before: {cursor})")] {
                let page = cursors(&world.reader(), list, &window).await;
                found += page.len();
                assert!(page.iter().all(|(_, id)| own.contains(&id.to_string())), "{list}{window}");
            }
        }
        // Rows before and after a foreign position are found, so the pages are not empty for another reason.
        assert!(found > 0, "{list}");
    }
}

async fn each_organization_has_its_own_keys(world: World) {
    let calls = [
        ("createPartner", json!({ "name": "Globex", "remoteId": "r", "idempotencyKey": "k1" })),
        ("createAccount", json!({ "name": "Initech", "remoteId": "r", "idempotencyKey": "k2" })),
        (
            "createInternalContact",
            json!({ "email": "ada@example.com", "internalRole": "LEAD", "idempotencyKey": "k3" }),
        ),
        (
            "createAccountContact",
            json!({ "firstName": "Ada", "email": "ada@example.com", "remoteId": "r", "idempotencyKey": "k4" }),
        ),
        ("createOrganizationContact", json!({ "type": "TECHNICAL", "idempotencyKey": "k5" })),
    ];
    for (mutation, input) in calls {
        for actor in [world.writer(), world.other()] {
            let reply = actor.mutate(mutation, input.clone(), "").await;
            assert_eq!(reply.user_errors(mutation), [""; 0], "{mutation}");
        }
    }
    for table in ["partner", "account", "internal_contact", "account_contact", "organization_contact"] {
        assert_eq!(world.count(table).await, 2, "{table}");
    }
}

async fn changes_are_told_in_their_organization_only(world: World) {
    let last = "{ changes(last: 1) { nodes { entityId } } }";
    let before = world.reader().query(last).await;
    let input = json!({ "name": "Globex" });
    let reply = world.other().mutate("createPartner", input, "partner { id }").await;
    let id = reply.text("/createPartner/partner/id");
    assert_eq!(world.other().query(last).await.text("/changes/nodes/0/entityId"), id);
    assert_eq!(world.reader().query(last).await.body, before.body);
}
