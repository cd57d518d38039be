//! The contacts that share an email address with a contact.

use contact_gateway::{
    entity::{
        account_contact, internal_contact,
        internal_contact_assignment::InternalRole::Csm,
        organization_contact::{self, OrganizationContactType::Technical},
    },
    service::organization_contact::Card,
};
use serde_json::{Value, json};

use crate::support::{Actor, Rows, World, on_both};

on_both!(
    contacts_of_all_kinds_that_share_an_address_are_related,
    deleted_contacts_show_the_living_ones,
    contacts_without_an_address_have_none,
    they_are_paged_in_both_directions,
    a_hundred_parents_are_one_statement,
    bad_windows_are_refused,
);

async fn card(rows: &Rows, email: Option<&str>) -> String {
    let card = Card { email: email.map(str::to_owned).into(), ..Card::default() };
    rows.organization_contact(Technical, card).await.id.to_string()
}

/// Contacts of all kinds with one address, written in several ways, in the order of creation.
async fn ada(rows: &Rows) -> Vec<String> {
    let mut ids = vec![card(rows, Some("ada@example.com")).await];
    ids.push(rows.internal_contact("Ada@Example.com", Csm).await.contact.id.to_string());
    ids.push(card(rows, Some(" ADA@example.com ")).await);
    ids.push(rows.account_contact("ada@EXAMPLE.com", &[]).await.id.to_string());
    ids.push(card(rows, Some("ada@example.com")).await);
    ids
}

/// Contacts that share an address with others, but not with Ada.
async fn others(rows: &Rows) {
    rows.internal_contact("grace@example.com", Csm).await;
    rows.account_contact("grace@example.com", &[]).await;
    card(rows, Some("adaa@example.com")).await;
    card(rows, None).await;
    card(rows, None).await;
}

const RELATED: &str =
    "id relatedContacts { totalCount nodes { id email } pageInfo { hasNextPage hasPreviousPage } }";

/// The related contacts of each node of a list.
fn related(nodes: &[Value]) -> Vec<(String, Vec<String>)> {
    let of_node = |node: &Value| {
        let related = node["relatedContacts"]["nodes"].as_array().expect("nodes");
        let ids: Vec<String> =
            related.iter().map(|it| it["id"].as_str().expect("an id").to_owned()).collect();
        assert_eq!(node["relatedContacts"]["totalCount"], ids.len(), "{node}");
        let info = json!({ "hasNextPage": false, "hasPreviousPage": false });
        assert_eq!(node["relatedContacts"]["pageInfo"], info);
        (node["id"].as_str().expect("an id").to_owned(), ids)
    };
    nodes.iter().map(of_node).collect()
}

fn without(ids: &[String], id: &str) -> Vec<String> {
    ids.iter().filter(|other| *other != id).cloned().collect()
}

async fn contacts_of_all_kinds_that_share_an_address_are_related(world: World) {
    // One document asks in more ways than clients do.
    let world = world.restarted(|config| config.limits.cost = 2_000_000).await;
    let rows = world.rows();
    others(&world.other_rows()).await;
    ada(&world.other_rows()).await;
    others(&rows).await;
    let ids = ada(&rows).await;
    let expected: Vec<_> = ids.iter().map(|id| (id.clone(), without(&ids, id))).collect();
    let reader = world.reader();
    let filter = "filter: { email: { eq: \"ada@example.com\" } }";
    let reply = reader.query(&format!("{{ contacts({filter}) {{ nodes {{ {RELATED} }} }} }}")).await;
    assert_eq!(related(reply.list("/contacts/nodes")), expected);

    // By each way to a contact.
    let document = format!(
        "query($ids: [ID!]!, $person: ID!) {{
            internalContacts({filter}) {{ nodes {{ {RELATED} }} }}
            accountContacts({filter}) {{ edges {{ node {{ {RELATED} }} }} }}
            organizationContacts({filter}) {{ nodes {{ {RELATED} }} }}
            internalContact(id: $person) {{ {RELATED} }}
            node(id: $person) {{ ... on Contact {{ {RELATED} }} }}
            nodes(ids: $ids) {{ ... on Contact {{ {RELATED} }} }}
            organization {{ contacts({filter}) {{ nodes {{ {RELATED} }} }} }}
        }}"
    );
    let reply = reader.graphql(&document, json!({ "ids": ids, "person": ids[1] })).await;
    let of = |wanted: &[usize]| wanted.iter().map(|at| expected[*at].clone()).collect::<Vec<_>>();
    assert_eq!(related(reply.list("/internalContacts/nodes")), of(&[1]));
    assert_eq!(related(&[reply.data("/accountContacts/edges/0/node").clone()]), of(&[3]));
    assert_eq!(related(reply.list("/organizationContacts/nodes")), of(&[0, 2, 4]));
    assert_eq!(related(&[reply.data("/internalContact").clone()]), of(&[1]));
    assert_eq!(related(&[reply.data("/node").clone()]), of(&[1]));
    assert_eq!(related(reply.list("/nodes")), expected);
    assert_eq!(related(reply.list("/organization/contacts/nodes")), expected);
    assert_eq!(world.other().query("{ contacts { totalCount } }").await.data("/contacts/totalCount"), 10);
}

async fn deleted_contacts_show_the_living_ones(world: World) {
    let rows = world.rows();
    let ids = ada(&rows).await;
    others(&rows).await;
    let person: Vec<_> = [&ids[1], &ids[3], &ids[4]].map(|id| id.clone()).into();
    rows.delete::<internal_contact::Entity>(ids[1].parse().expect("an id")).await;
    rows.delete::<account_contact::Entity>(ids[3].parse().expect("an id")).await;
    rows.delete::<organization_contact::Entity>(ids[4].parse().expect("an id")).await;
    // The address is free again, and another person has it.
    let heir = rows.internal_contact("ada@example.com", Csm).await.contact.id.to_string();
    let active = vec![ids[0].clone(), ids[2].clone(), heir.clone()];
    let document = format!(
        "{{
            contacts(filter: {{ deleted: ONLY }}) {{ nodes {{ {RELATED} }} }}
            active: contacts(filter: {{ email: {{ eq: \"ada@example.com\" }} }}) {{ nodes {{ {RELATED} }} }}
            organizationContacts(filter: {{ deleted: ONLY }}) {{ nodes {{
                relatedContacts(last: 2) {{ totalCount nodes {{ id }} pageInfo {{ hasPreviousPage hasNextPage }} }}
            }} }}
        }}"
    );
    let reply = world.reader().query(&document).await;
    let expected: Vec<_> = person.iter().map(|id| (id.clone(), active.clone())).collect();
    assert_eq!(related(reply.list("/contacts/nodes")), expected);
    let expected: Vec<_> = active.iter().map(|id| (id.clone(), without(&active, id))).collect();
    assert_eq!(related(reply.list("/active/nodes")), expected);
    let two = json!({
        "totalCount": 3,
        "nodes": [{ "id": ids[2] }, { "id": heir }],
        "pageInfo": { "hasPreviousPage": true, "hasNextPage": false },
    });
    assert_eq!(reply.data("/organizationContacts/nodes/0/relatedContacts"), &two);
}

async fn contacts_without_an_address_have_none(world: World) {
    let rows = world.rows();
    let ids = [card(&rows, None).await, card(&rows, None).await];
    let document = format!("{{ contacts {{ nodes {{ {RELATED} }} }} }}");
    let (reply, statements) = world.statements(world.reader().query(&document)).await;
    assert_eq!(related(reply.list("/contacts/nodes")), ids.map(|id| (id, Vec::new())));
    // There is nothing to look for.
    assert_eq!(statements.len(), 1, "{statements:#?}");
}

async fn they_are_paged_in_both_directions(world: World) {
    let rows = world.rows();
    others(&rows).await;
    let ids = ada(&rows).await;
    let deleted = card(&rows, Some("ada@example.com")).await;
    rows.delete::<organization_contact::Entity>(deleted.parse().expect("an id")).await;
    let reader = world.reader();
    for id in ids.iter().chain([&deleted]) {
        for size in 1..=3 {
            assert_eq!(walk(&reader, id, size, false).await, without(&ids, id), "{id} {size} forward");
            assert_eq!(walk(&reader, id, size, true).await, without(&ids, id), "{id} {size} backward");
        }
    }
}

/// The related contacts of a contact, in pages.
async fn walk(reader: &Actor, id: &str, size: usize, is_backward: bool) -> Vec<String> {
    let document = "query($first: Int, $after: String, $last: Int, $before: String) {
        contacts(first: 100, filter: { deleted: INCLUDE }) { nodes {
            id
            relatedContacts(first: $first, after: $after, last: $last, before: $before) {
                totalCount
                edges { cursor node { id } }
                pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
            }
        } }
    }";
    let (mut found, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let window = if is_backward {
            json!({ "last": size, "before": cursor })
        } else {
            json!({ "first": size, "after": cursor })
        };
        let reply = reader.graphql(document, window).await;
        let nodes = reply.list("/contacts/nodes");
        let node = nodes.iter().find(|node| node["id"] == id).expect("the contact");
        let page = &node["relatedContacts"];
        let edges = page["edges"].as_array().expect("edges");
        let ids = edges.iter().map(|edge| edge["node"]["id"].as_str().expect("an id").to_owned());
        let at = if is_backward { 0 } else { found.len() };
        found.splice(at..at, ids);
        let info = &page["pageInfo"];
        let has_more = page["totalCount"].as_u64().expect("a number") > found.len() as u64;
        let (ahead, behind, end) = if is_backward {
            ("hasPreviousPage", "hasNextPage", "startCursor")
        } else {
            ("hasNextPage", "hasPreviousPage", "endCursor")
        };
        assert_eq!((&info[ahead], &info[behind]), (&json!(has_more), &json!(!cursor.is_null())));
        if !has_more {
            return found;
        }
        cursor = info[end].clone();
    }
}

/// Each of a hundred addresses is that of an account contact, of an internal contact and of a card.
async fn a_hundred_parents_are_one_statement(world: World) {
    let (account, ids) = world.rows().contacts_of_all_kinds(100).await;
    let account = account.id.to_string();
    let reader = world.reader();
    let related = "relatedContacts { nodes { id } }";
    let counted = "relatedContacts(first: 1) { totalCount edges { node { id } } }";
    for (list, lists) in [
        ("contacts(first: 100) { nodes { $ } }", 1),
        ("contacts(first: 100, orderBy: { field: EMAIL, direction: DESC }) { edges { node { $ } } }", 1),
        ("accountContacts(first: 100) { nodes { $ } }", 1),
        ("internalContacts(first: 100) { nodes { $ } }", 1),
        ("organizationContacts(first: 100) { nodes { $ } }", 1),
        ("accounts { nodes { contacts(first: 100) { nodes { $ } } } }", 2),
        ("account(id: $account) { contacts(first: 100) { nodes { $ } } }", 2),
        ("nodes(ids: $ids) { ... on Contact { $ } }", 3),
        ("nodes(ids: $ids) { ... on InternalContact { $ } ... on AccountContact { $ } }", 3),
        ("node(id: $id) { ... on OrganizationContact { $ } }", 1),
        ("internalContact(id: $id) { $ }", 1),
    ] {
        for (below, more) in [(related, 1), (counted, 2)] {
            let id = if list.starts_with("node(") { &ids[2] } else { &ids[1] };
            let document = list
                .replace("$account", &json!(account).to_string())
                .replace("$ids", &json!(ids[..99]).to_string())
                .replace("$id", &json!(id).to_string())
                .replace("{ $ }", &format!("{{ __typename id {below} }}"));
            let (reply, statements) = world.statements(reader.query(&format!("{{ {document} }}"))).await;
            assert!(!reply.data("").to_string().contains("\"nodes\":[]"), "{list}: {}", reply.body);
            assert_eq!(statements.len(), lists + more, "{list} {below}: {statements:#?}");
        }
    }
}

async fn bad_windows_are_refused(world: World) {
    ada(&world.rows()).await;
    let reader = world.reader();
    let others = reader.query("{ internalContacts { edges { cursor } } }").await;
    let foreign = others.text("/internalContacts/edges/0/cursor");
    for (window, argument) in [
        ("first: 0".to_owned(), "first"),
        ("last: 101".to_owned(), "last"),
        ("first: 1, last: 1".to_owned(), "last"),
        (format!("after: \"{foreign}\""), "after"),
        (format!("before: \"{foreign}\""), "before"),
        ("after: \"garbage\"".to_owned(), "after"),
    ] {
        let document =
            format!("{{ internalContacts {{ nodes {{ relatedContacts({window}) {{ totalCount }} }} }} }}");
        let reply = reader.query(&document).await;
        assert_eq!(reply.errors(), ["BAD_REQUEST internalContacts.nodes.0.relatedContacts"], "{window}");
        assert_eq!(reply.body["errors"][0]["extensions"]["argument"], json!([argument]), "{window}");
        let node = json!({ "relatedContacts": null });
        assert_eq!(reply.body["data"]["internalContacts"]["nodes"][0], node);
    }
}
